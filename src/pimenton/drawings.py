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
from pimenton.rate import Fitted, choose_recipe, is_better, settle
from pimenton.trials import Bench

# A picture with fewer distinct colors than this part of its pixels may be a drawing; of many pixels
# a smaller part, and of very many no more count: a photograph's colors repeat as well.
_FEW_COLORS, _FEW_OF_MANY, _MANY, _MOST_COUNTED = 0.05, 0.03, 1 << 18, 1 << 21
# In a picture of no more pixels the palette itself takes a good part of the file.
_TINY = 1 << 15
# Up to so many pixels a search is patient, by effort.
SMALL = {"fast": 0, "balanced": _TINY, "best": 1 << 18}
# Up to so many it is so for cut-outs as well: those of the test set save 1 to 6 points more.
_MOST_CUT_OUT = 1 << 17
# Up to so many, where colors are few, it may be where a quality is out of reach otherwise.
_MOST_OF_FEW = 1 << 19
# Up to so many, row filters are tried on what was parsed without them.
_MOST_FILTERED = 1 << 18
# How near to the fewest colors that reach a quality the search goes: to a part of them.
_NEAR = 24
WHOLE = 100.0  # what only the picture itself scores
# How many more colors are parsed than have to be mapped, in sixteenths, and then how many more or
# fewer of those next to the best of them.
_MORE_COLORS = (16, 18, 22, 30)
_NEXT_COLORS = (-2, 2)
# Of fewer colors none is diffused: edges would be dotted.
_FEWEST_DIFFUSED = 16
# How scores of drawings fall with the first weights of a bit, by their place.
_FALL = {0: 0.3, 96: -0.3}
# Steps up to the strongest weight of a bit that still reaches a quality.
_STEPS = (6, 3, 1)
# How often a result's errors are fed back: as long as it helps.
_LEAST_REFINED, _MOST_REFINED = 2, 4

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


def is_cut_out(task: Task) -> bool:
    """Tell whether a picture has opacity, and is small enough for a patient search by default."""
    is_wanted = task.options.is_free and task.options.effort != "fast"
    return is_wanted and not task.histogram.is_opaque and task.histogram.n_pixels <= _MOST_CUT_OUT


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
    """A result, what its palette came from, and what it was tried on, if it was parsed."""

    fitted: Fitted
    clustering: Clustering
    bench: Bench | None


def as_drawing(task: Task, reference: Reference, wanted: float, make: Make) -> Way:
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
    """
    mapped = _mapped(task, reference, wanted)
    if mapped.fitted.quality < wanted:
        return mapped
    best = mapped if wanted >= WHOLE else _parsed(task, mapped, wanted, make)
    if best.bench is None:
        image, data = encoded(mapped.fitted.image, task)
        return replace(mapped, fitted=replace(mapped.fitted, image=image, data=data))
    return best


def _parsed(task: Task, mapped: Way, wanted: float, make: Make) -> Way:
    """Parse with about as many colors as it takes to map, or more; give what was mapped if less."""
    fewest, most = len(mapped.fitted.image.palette), task.options.palette_size
    curve = Curve({level: mapped.fitted.quality + by for level, by in _FALL.items()})
    carried = Recipe.carried if fewest >= _FEWEST_DIFFUSED else 0.0

    @cache
    def attempt(n_colors: int, carried: float) -> Way:
        few = replace(task, options=replace(task.options, max_colors=n_colors))
        bench, clustering = make(few, Recipe(carried=carried))
        # While ways are compared the stream of the parse's own tokens will do.
        quick = partial(encode, format=task.format, effort="fast", parsed=True)
        bench = replace(bench, encode=quick)
        return Way(settle(bench, curve, wanted), clustering, bench)

    def colors(more: int) -> int:
        return max(1, min(fewest * more // 16, most))

    def best_of(ways: list[tuple[int, float]]) -> tuple[Way, int]:
        best, best_more = attempt(colors(ways[0][0]), ways[0][1]), ways[0][0]
        for more, carried in ways[1:]:
            way = attempt(colors(more), carried)
            if is_better(way.fitted, best.fitted, wanted):
                best, best_more = way, more
        return best, best_more

    best, more = best_of([(more, carried) for more in _MORE_COLORS])
    if is_patient(task):
        next_ways = [(more + by, carried) for by in (0, *_NEXT_COLORS)]
        best, _ = best_of([*next_ways, (more, 0.0)])
        assert best.bench is not None
        fitted, _ = _refined(best.bench, best.fitted, wanted, settles=True)
        best = replace(best, fitted=fitted)
    data = encode(best.fitted.image, task.format, effort=task.options.effort, parsed=True)
    best = replace(best, fitted=replace(best.fitted, data=data))
    return best if is_better(best.fitted, mapped.fitted, wanted) else mapped


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

    def thorough(recipe: Recipe) -> Bench:
        return replace(make(recipe), effort="best", parse_effort="best")

    bench, curve = choose_recipe(thorough, wanted)
    return _refined(bench, settle(bench, curve, wanted), wanted, settles=settles)


def _refined(bench: Bench, fitted: Fitted, wanted: float, *, settles: bool) -> tuple[Fitted, Bench]:
    """Feed errors back that are seen, and go to the strongest weight of a bit that reaches."""
    for n_done in range(1, _MOST_REFINED + 1):
        other = bench.refined(fitted.image, settles=settles)
        level = WEIGHTS.index(fitted.bit_weight)
        trial = settle(other, Curve({level: fitted.quality}), wanted)
        if is_better(trial, fitted, wanted):
            bench, fitted = other, trial
        elif n_done >= _LEAST_REFINED:
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
