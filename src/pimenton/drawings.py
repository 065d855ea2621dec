"""Drawings and other small pictures: as few colors as do, parsed with as many as gain.

A photograph needs all colors that there may be. In a drawing each one costs its place in the
palette and makes literals longer, so it is mapped to as few as reach a quality, or parsed with some
more. A small picture of either kind is searched more patiently: its trials are short.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TypeAlias

from pimenton.clustering import Clustering
from pimenton.drawing import Task, encoded, orders_freely, quantized
from pimenton.formats import encode, filtered_png
from pimenton.indexed import IndexedImage
from pimenton.levels import WEIGHTS, Curve
from pimenton.ordering import by_swaps, reordered
from pimenton.parsing import Recipe
from pimenton.quality import Reference, ssimulacra2
from pimenton.rate import (
    Fitted,
    bracket,
    choose_recipe,
    is_better,
    learn,
    settle,
)
from pimenton.trials import Bench, Trial

# A picture with fewer distinct colors than this part of its pixels may be a drawing; of many pixels
# a smaller part, and of very many no more count: a photograph's colors repeat as well.
_FEW_COLORS, _FEW_OF_MANY, _MANY, _MOST_COUNTED = 0.05, 0.03, 1 << 18, 1 << 21
# In a picture of no more pixels the palette itself takes a good part of the file.
_TINY = 1 << 15
# Up to so many pixels a search is patient, by effort.
SMALL = {"fast": 0, "balanced": _TINY, "best": 1 << 18}
# Up to so many it is so for drawings and cut-outs: those of the test set save 1 to 6 points more.
_MOST_GRAPHIC = 1 << 17
# Up to so many, where colors are few, it may be where a quality is out of reach otherwise.
_MOST_OF_FEW = 1 << 19
# Up to so many, row filters are tried on what was parsed without them.
_MOST_FILTERED = 1 << 18
# How near to the fewest colors that reach a quality the search goes: to a part of them.
_NEAR = 24
WHOLE = 100.0  # what only the picture itself scores
# How many more colors are parsed than have to be mapped, in sixteenths, and then how many of the
# best of these.
_MORE_COLORS, _NEXT_COLORS = (22, 16, 30), (14, 19)
# What a point of score takes of all bytes of a drawing, about; and what an entry of the palette
# takes: three bytes, and one that tells the length of its code.
_POINT, _ENTRY_BYTES = 0.03, 4
# How much dearer points are that are missing: few colors may never get there.
_STEEPER = 2
# Level of the first trial, and how many follow the first two to come near the quality.
_FIRST, _N_NEARER = 316, 2
# Of fewer colors none is diffused: edges would be dotted.
_FEWEST_DIFFUSED = 16
# Steps up to the strongest weight of a bit that still reaches a quality.
_STEPS = (6, 3, 1)
# How often a result's errors are fed back, and again where its quality is not reached.
_MOST_REFINED, _MOST_LIFTED = 4, 3

Make: TypeAlias = Callable[[Task, Recipe], tuple[Bench, Clustering]]


def may_be_drawing(task: Task) -> bool:
    """Tell whether a picture has so few colors, or pixels, that fewer colors may do."""
    n_pixels = task.histogram.n_pixels
    part = _FEW_COLORS if n_pixels <= _MANY else _FEW_OF_MANY
    few = len(task.histogram.colors) <= part * min(n_pixels, _MOST_COUNTED)
    return task.options.is_free and (few or n_pixels <= _TINY)


def is_patient(task: Task) -> bool:
    """Tell whether a picture is so small that its search may be thorough."""
    return task.histogram.n_pixels <= SMALL[task.options.effort]


def is_small_graphic(task: Task) -> bool:
    """Tell whether a drawing or cut-out is small enough for a patient search by default."""
    is_wanted = task.options.is_free and task.options.effort != "fast"
    is_graphic = not task.histogram.is_opaque or may_be_drawing(task)
    return is_wanted and is_graphic and task.histogram.n_pixels <= _MOST_GRAPHIC


def may_be_patient(task: Task) -> bool:
    """Tell whether a search may still be, where a quality that was asked for is out of reach."""
    asked = task.options.quality is not None and task.options.effort == "balanced"
    n_colors, n_pixels = len(task.histogram.colors), task.histogram.n_pixels
    most = _MOST_OF_FEW if 8 * n_colors <= n_pixels else SMALL["best"]
    return asked and n_pixels <= most


def may_be_filtered(task: Task) -> bool:
    """Tell whether row filters may take fewer bytes: in drawings and cut-outs, not too large."""
    is_graphic = may_be_drawing(task) or not task.histogram.is_opaque
    is_wanted = orders_freely(task) and task.options.effort != "fast"
    return is_wanted and is_graphic and task.histogram.n_pixels <= _MOST_FILTERED


@dataclass(frozen=True, eq=False)
class Way:
    """A result, what its palette came from, and what it was tried on, if it was parsed.

    It is final if all colors that there may be promise nothing better.
    """

    fitted: Fitted
    clustering: Clustering
    bench: Bench | None
    is_final: bool = True


def as_drawing(task: Task, reference: Reference, wanted: float, make: Make, plain: Bench) -> Way:
    """Take few colors: mapped to as few as reach the quality, or parsed with some more.

    Parameters
    ----------
    task : Task
        The picture.
    reference : Reference
        The same, prepared for scores.
    wanted : float
        Quality wanted.
    make : callable
        Makes a task ready for trials by a recipe.
    plain : Bench
        The picture with all colors that there may be.
    """
    mapped = _mapped(task, reference, wanted)
    if wanted >= WHOLE or mapped.fitted.quality < wanted:
        best = replace(mapped, is_final=mapped.fitted.quality >= WHOLE)
    else:
        best = _parsed(task, mapped, wanted, make, plain)
    if best.bench is None and best.fitted.quality >= wanted:
        image, data = encoded(best.fitted.image, task)
        return replace(best, fitted=replace(best.fitted, image=image, data=data))
    return best


def _parsed(task: Task, mapped: Way, wanted: float, make: Make, plain: Bench) -> Way:
    """Parse with about as many colors as it takes to map, with more, or with all there may be.

    Of each number there is one trial, or two; what costs least is made the smallest file.
    """
    fewest, most = len(mapped.fitted.image.palette), task.options.palette_size
    carried = Recipe.carried if fewest >= _FEWEST_DIFFUSED else 0.0

    @cache
    def attempt(n_colors: int, carried: float) -> tuple[Bench, Clustering]:
        few = replace(task, options=replace(task.options, max_colors=n_colors))
        return make(few, Recipe(carried=carried))

    def times(n_colors: int, sixteenths: int) -> int:
        return max(fewest, min(n_colors * sixteenths // 16, most))

    first = times(fewest, _MORE_COLORS[0])
    trials, curve = _brought_near(attempt(first, carried)[0], wanted)
    level = min(trials, key=lambda place: abs(trials[place].score - wanted))
    point = _POINT * trials[level].n_bytes
    ways = {(first, carried): trials[level]}

    def cost(trial: Trial) -> float:
        missing = wanted - trial.score
        n_bytes = trial.n_bytes + _ENTRY_BYTES * len(trial.image.without_unused().palette)
        return n_bytes + point * (missing if missing < 0 else _STEEPER * missing)

    def best_with(others: list[tuple[int, float]]) -> tuple[int, float]:
        for way in others:
            if way not in ways:
                ways[way] = attempt(*way)[0].trial(level)
        return min(ways, key=lambda way: cost(ways[way]))

    best = best_with([(times(fewest, more), carried) for more in _MORE_COLORS])
    best = best_with([(times(best[0], more), carried) for more in _NEXT_COLORS])
    best = best_with([(best[0], 0.0)])
    if cost(plain.trial(level)) < cost(ways[best]):
        return replace(mapped, is_final=False)
    bench, clustering = attempt(*best)
    curve = curve.through({level: ways[best].score})
    if is_patient(task) or is_small_graphic(task):
        fitted, bench = _polished(_thorough(bench), curve, wanted, settles=True)
    else:
        fitted = settle(bench, curve, wanted)
    parsed = Way(fitted, clustering, bench)
    return parsed if is_better(fitted, mapped.fitted, wanted) else mapped


def _brought_near(bench: Bench, wanted: float) -> tuple[dict[int, Trial], Curve]:
    """Try weights of a bit until one leads near the quality."""
    trials, curve = bracket(bench, wanted, _FIRST)
    for _ in range(_N_NEARER):
        level = curve.level_at(wanted)
        if level not in trials:
            trials[level] = bench.trial(level)
            curve = curve.through({level: trials[level].score})
    return trials, curve


def fit_patiently(
    make: Callable[[Recipe], Bench], wanted: float, *, settles: bool
) -> tuple[Fitted, Bench]:
    """Find the smallest file that reaches a quality as `fit_quality` does, by more trials.

    Parameters
    ----------
    make : callable
        Gives the picture prepared by a recipe.
    wanted : float
        Quality wanted.
    settles : bool
        Whether palette entries may move.
    """
    bench, curve = choose_recipe(lambda recipe: _thorough(make(recipe)), wanted)
    return _polished(bench, curve, wanted, settles=settles)


def _thorough(bench: Bench) -> Bench:
    return replace(bench, effort="best", parse_effort="best")


def _polished(bench: Bench, curve: Curve, wanted: float, *, settles: bool) -> tuple[Fitted, Bench]:
    """Feed errors back, then go to the strongest weight of a bit that reaches the quality."""
    bench, trials = learn(bench, curve, wanted, settles=settles, n_rounds=_MOST_REFINED)
    curve = curve.through({level: trial.score for level, trial in trials.items()})
    fitted = settle(bench, curve, wanted, trials=trials)
    for _ in range(_MOST_LIFTED):
        other = bench.refined(fitted.image, settles=settles)
        lifted = settle(other, Curve({WEIGHTS.index(fitted.bit_weight): fitted.quality}), wanted)
        if is_better(lifted, fitted, wanted):
            bench, fitted = other, lifted
        elif fitted.quality >= wanted:
            break
    return _strongest(bench, fitted, wanted), bench


def _strongest(bench: Bench, fitted: Fitted, wanted: float) -> Fitted:
    """Go on to weights of a bit that only just reach the quality."""
    level, best = WEIGHTS.index(fitted.bit_weight), fitted
    for step in _STEPS if fitted.quality >= wanted else ():
        if level + step >= len(WEIGHTS):
            continue
        image = bench.image(level + step)
        score = bench.score(image)
        if score >= wanted:
            level += step
            best = Fitted(image, bench.encode(image), score, WEIGHTS[level])
    return min(best, fitted, key=lambda result: len(result.data))


def _mapped(task: Task, reference: Reference, wanted: float) -> Way:
    """Map to as few colors as reach the quality, found by halving."""
    tried: dict[int, tuple[IndexedImage, Clustering, float]] = {}

    def reaches(n_colors: int) -> bool:
        options = replace(task.options, n_colors=n_colors, accents=True)
        image, clustering = quantized(
            task.pixels, task.histogram, options, task.n_threads, task.stage
        )
        score = ssimulacra2(reference, image.to_pixels(), n_threads=task.n_threads)
        tried[n_colors] = (image, clustering, score)
        return score >= wanted

    low, high = 1, task.options.palette_size
    if reaches(high) and wanted < WHOLE:
        while high - low > max(1, high // _NEAR):
            middle = math.isqrt(low * high) if 2 * low < high else (low + high) // 2
            low, high = (low, middle) if reaches(middle) else (middle, high)
    image, clustering, score = tried[high]
    return Way(Fitted(*_written(image, task), score, 0.0), clustering, None)


def _written(image: IndexedImage, task: Task) -> tuple[IndexedImage, bytes]:
    """Encode in the two orders that are best for most pictures, with and without row filters."""
    write = partial(encode, format=task.format, effort=task.options.effort)
    pairs = [(image, write(image, parsed=True))]
    if orders_freely(task):
        swapped = reordered(image, by_swaps(image))
        pairs.append((swapped, write(swapped)))
    return min(pairs, key=lambda pair: len(pair[1]))


def filtered(image: IndexedImage, data: bytes) -> tuple[IndexedImage, bytes]:
    """Filter the rows of a PNG, colors that meet side by side, if that takes fewer bytes."""
    swapped = reordered(image, by_swaps(image))
    return min((image, data), (swapped, filtered_png(swapped, level=2)), key=lambda p: len(p[1]))
