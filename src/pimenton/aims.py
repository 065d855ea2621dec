"""From a picture to the smallest file of a wanted quality or size.

Photographs are parsed: what deflate finds and what is seen decide together. Drawings and
screenshots have few colors and flat areas, which a mapping to a few of them can keep just as well
in fewer bytes: both are made, and the smaller file wins.
"""

import dataclasses
import math
from functools import cache, partial

from pimenton.clustering import Clustering
from pimenton.drawing import Drawn, Task, encoded, quantized, require_no_loss, require_size
from pimenton.errors import QualityNotReached
from pimenton.fitting import fit_palette
from pimenton.formats import encode
from pimenton.indexed import IndexedImage
from pimenton.levels import Curve
from pimenton.options import Options
from pimenton.parsing import Recipe, Subject, parse, prepare
from pimenton.quality import Reference, ssimulacra2
from pimenton.quality import prepare as prepare_reference
from pimenton.rate import (
    AIM,
    CHROMA_WEIGHTS,
    Fitted,
    fit_bytes,
    fit_quality,
    guess,
    is_better,
    settle,
)
from pimenton.streams import shortened
from pimenton.trials import PARSERS, Bench, parse_effort

# A picture with fewer distinct colors than this part of its pixels may be a drawing. Of very many
# pixels no more count: a photograph's colors repeat as well.
_FEW_COLORS, _MOST_COUNTED = 0.05, 1 << 21
# In a picture of no more pixels the palette itself takes a good part of the file.
_SMALL = 1 << 15
# How near to the fewest colors that reach a quality the search goes: to a part of them.
_NEAR = 24
# How many more colors are parsed than have to be mapped, in eighths.
_MORE_COLORS = (9, 11, 15)
# How scores of drawings fall with the first weights of a bit, by their place.
_FALL = {0: 0.3, 96: -0.3}


def aim(task: Task) -> Drawn:
    """Search for the quality, then for the size.

    Raises
    ------
    QualityNotReached
        If one that was asked for is not met, or colors would be lost that must not be.
    """
    require_no_loss(task)
    options = task.options
    wanted = AIM if options.quality is None else options.quality
    reference = prepare_reference(task.original, n_threads=task.n_threads)
    found: dict[str, tuple[Subject, Clustering]] = {}
    bench_of = cache(partial(_bench, task, reference, found))
    drawn = _as_drawing(task, reference, wanted) if _may_be_drawing(task) else None
    with task.stage("encoding"):
        fitted, bench = fit_quality(bench_of, wanted, settles=options.is_free)
    clustering = found[bench.subject.recipe.space][1]
    if drawn is not None and is_better(drawn[0], fitted, wanted):
        fitted, clustering = drawn
    if options.is_free and task.format == "png":
        with task.stage("encoding"):
            image, data = shortened(fitted.image, fitted.data, options.effort)
        fitted = dataclasses.replace(fitted, image=image, data=data)
    _require_quality(fitted, wanted, options)
    if options.max_bytes is not None and len(fitted.data) > options.max_bytes:
        with task.stage("encoding"):
            fitted = fit_bytes(bench, options.max_bytes)
        clustering = found[bench.subject.recipe.space][1]
        require_size(len(fitted.data), options)
    return Drawn(fitted.image, fitted.data, clustering, fitted.quality, fitted.quality >= wanted)


def estimate(task: Task) -> Drawn:
    """Parse with the weight of a bit that leads most pictures near to the quality."""
    require_no_loss(task)
    wanted = AIM if task.options.quality is None else task.options.quality
    reference = prepare_reference(task.original, n_threads=task.n_threads)
    found: dict[str, tuple[Subject, Clustering]] = {}
    bench = _bench(task, reference, found, Recipe())
    with task.stage("encoding"):
        fitted = guess(bench, wanted, task.options.max_bytes)
    clustering = found[bench.subject.recipe.space][1]
    return Drawn(fitted.image, fitted.data, clustering, fitted.quality, fitted.quality >= wanted)


def _bench(
    task: Task, reference: Reference, found: dict[str, tuple[Subject, Clustering]], recipe: Recipe
) -> Bench:
    """Prepare the picture by a recipe; another space than Oklab is taken as it is said."""
    options = task.options
    if options.space in CHROMA_WEIGHTS:
        options = dataclasses.replace(options, space=recipe.space)
    if recipe.space not in found:
        # Spaces that differ in the weight of chroma have palettes that are not far from each other.
        like = next((subject for subject, _ in found.values()), None)
        start = like.palette if like is not None and options.is_free else None
        with task.stage("clustering"):
            palette, clustering = fit_palette(
                task.pixels, task.histogram, options, start=start, n_threads=task.n_threads
            )
        subject = prepare(
            task.pixels, task.histogram, palette, recipe, like=like, n_threads=task.n_threads
        )
        found[recipe.space] = subject, clustering
    how = parse_effort(task.original, options.effort)
    written = "fast" if how == "large" else how
    return Bench(
        task.original,
        found[recipe.space][0].by(recipe, n_threads=task.n_threads),
        reference,
        partial(encode, format=task.format, effort=written, parsed=True),
        PARSERS.get(task.format, parse),
        options.effort,
        how,
        task.n_threads,
    )


def _may_be_drawing(task: Task) -> bool:
    n_pixels = task.histogram.n_pixels
    few = len(task.histogram.colors) <= _FEW_COLORS * min(n_pixels, _MOST_COUNTED)
    return task.options.is_free and (few or n_pixels <= _SMALL)


def _as_drawing(task: Task, reference: Reference, wanted: float) -> tuple[Fitted, Clustering]:
    """Take few colors: mapped to as few as reach the quality, or parsed with some more."""
    fitted, clustering = _mapped(task, reference, wanted)
    if fitted.quality < wanted:
        return fitted, clustering
    fewest = len(fitted.image.palette)
    most = task.options.palette_size
    for n_colors in sorted({min(fewest * more // 8, most) for more in _MORE_COLORS}):
        found: dict[str, tuple[Subject, Clustering]] = {}
        few = dataclasses.replace(task.options, max_colors=n_colors)
        bench = _bench(dataclasses.replace(task, options=few), reference, found, Recipe())
        trial = settle(
            bench, Curve({level: fitted.quality + by for level, by in _FALL.items()}), wanted
        )
        if is_better(trial, fitted, wanted):
            fitted, clustering = trial, found[bench.subject.recipe.space][1]
    return fitted, clustering


def _mapped(task: Task, reference: Reference, wanted: float) -> tuple[Fitted, Clustering]:
    """Map to as few colors as reach the quality, found by halving."""
    tried: dict[int, tuple[IndexedImage, Clustering, float]] = {}

    def reaches(n_colors: int) -> bool:
        options = dataclasses.replace(task.options, n_colors=n_colors, accents=True)
        image, clustering = quantized(
            task.pixels, task.histogram, options, task.n_threads, task.stage
        )
        score = ssimulacra2(reference, image.to_pixels(), n_threads=task.n_threads)
        tried[n_colors] = (image, clustering, score)
        return score >= wanted

    low, high = 1, task.options.palette_size
    if reaches(high):
        while high - low > max(1, high // _NEAR):
            middle = math.isqrt(low * high) if 2 * low < high else (low + high) // 2
            low, high = (low, middle) if reaches(middle) else (middle, high)
    image, clustering, score = tried[high]
    return Fitted(*encoded(image, task), score, 0.0), clustering


def _require_quality(fitted: Fitted, wanted: float, options: Options) -> None:
    if options.quality is None or options.best_possible:
        return
    if fitted.quality < wanted:
        raise QualityNotReached(
            f"quality {options.quality:g} is not reached with {len(fitted.image.palette)} colors; "
            f"the best is {fitted.quality:.1f}"
        )
    if options.max_bytes is not None and len(fitted.data) > options.max_bytes:
        raise QualityNotReached(
            f"quality {options.quality:g} takes {len(fitted.data)} bytes; at most "
            f"{options.max_bytes} are allowed"
        )
