"""From a picture to the smallest file of a wanted quality or size.

Photographs are parsed: what deflate finds and what is seen decide together. Drawings and
screenshots have few colors and flat areas, which a mapping to a few of them can keep just as well
in fewer bytes: both are made, and the smaller file wins.
"""

import dataclasses
from functools import cache, partial

from pimenton.clustering import Clustering
from pimenton.drawing import Drawn, Task, quantized, require_no_loss, require_size
from pimenton.errors import QualityNotReached
from pimenton.fitting import fit_palette
from pimenton.formats import encode
from pimenton.indexed import IndexedImage
from pimenton.options import Options
from pimenton.parsing import Recipe, parse, prepare
from pimenton.quality import Reference, ssimulacra2
from pimenton.quality import prepare as prepare_reference
from pimenton.rate import (
    AIM,
    CHROMA_WEIGHTS,
    PARSERS,
    Bench,
    Fitted,
    fit_bytes,
    fit_quality,
    guess,
    is_better,
)

# A picture with fewer distinct colors than this part of its pixels may be a drawing.
_FEW_COLORS = 0.05
# Numbers of colors that a drawing is mapped to.
_COUNTS = (2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


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
    clusterings: dict[str, Clustering] = {}
    bench_of = cache(partial(_bench, task, reference, clusterings))
    with task.stage("encoding"):
        fitted, bench = fit_quality(bench_of, wanted, settles=options.is_free)
    clustering = clusterings[bench.subject.recipe.space]
    if _may_be_drawing(task):
        plain, plain_clustering = _mapped(task, reference, wanted)
        if is_better(plain, fitted, wanted):
            fitted, clustering = plain, plain_clustering
    _require_quality(fitted, wanted, options)
    if options.max_bytes is not None and len(fitted.data) > options.max_bytes:
        with task.stage("encoding"):
            fitted = fit_bytes(bench, options.max_bytes)
        clustering = clusterings[bench.subject.recipe.space]
        require_size(len(fitted.data), options)
    return Drawn(fitted.image, fitted.data, clustering, fitted.quality, fitted.quality >= wanted)


def estimate(task: Task) -> Drawn:
    """Parse with the weight of a bit that leads most pictures near to the quality."""
    require_no_loss(task)
    wanted = AIM if task.options.quality is None else task.options.quality
    reference = prepare_reference(task.original, n_threads=task.n_threads)
    clusterings: dict[str, Clustering] = {}
    bench = _bench(task, reference, clusterings, Recipe())
    with task.stage("encoding"):
        fitted = guess(bench, wanted, task.options.max_bytes)
    clustering = clusterings[bench.subject.recipe.space]
    return Drawn(fitted.image, fitted.data, clustering, fitted.quality, fitted.quality >= wanted)


def _bench(
    task: Task, reference: Reference, clusterings: dict[str, Clustering], recipe: Recipe
) -> Bench:
    """Prepare the picture by a recipe; another space than Oklab is taken as it is said."""
    options = task.options
    if options.space in CHROMA_WEIGHTS:
        options = dataclasses.replace(options, space=recipe.space)
    with task.stage("clustering"):
        palette, clusterings[recipe.space] = fit_palette(
            task.pixels, task.histogram, options, n_threads=task.n_threads
        )
    return Bench(
        task.original,
        prepare(task.pixels, task.histogram, palette, recipe, n_threads=task.n_threads),
        reference,
        partial(encode, format=task.format, effort=options.effort, parsed=True),
        PARSERS.get(task.format, parse),
        options.effort,
        task.n_threads,
    )


def _may_be_drawing(task: Task) -> bool:
    return (
        task.options.is_free and len(task.histogram.colors) <= _FEW_COLORS * task.histogram.n_pixels
    )


def _mapped(task: Task, reference: Reference, wanted: float) -> tuple[Fitted, Clustering]:
    """Map to as few colors as reach the quality, found by halving."""
    counts = [n for n in _COUNTS if n < task.options.palette_size] + [task.options.palette_size]
    tried: dict[int, tuple[IndexedImage, Clustering, float]] = {}

    def score_of(place: int) -> float:
        if place not in tried:
            options = dataclasses.replace(task.options, n_colors=counts[place], accents=True)
            image, clustering = quantized(
                task.pixels, task.histogram, options, task.n_threads, task.stage
            )
            score = ssimulacra2(reference, image.to_pixels(), n_threads=task.n_threads)
            tried[place] = (image, clustering, score)
        return tried[place][2]

    low, high = 0, len(counts) - 1
    while low < high:
        middle = (low + high) // 2
        if score_of(middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    score = score_of(high)
    image, clustering, _ = tried[high]
    data = encode(image, task.format, effort=task.options.effort)
    return Fitted(image, data, score, 0.0), clustering


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
