"""From a picture to the smallest file of a wanted quality or size.

Photographs are parsed: what deflate finds and what is seen decide together. Drawings and
screenshots have few colors and flat areas, which a mapping to a few of them can keep just as well
in fewer bytes: both are made, and the smaller file wins.
"""

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeAlias

from pimenton.clustering import Clustering
from pimenton.dithering import remap
from pimenton.errors import QualityNotReached
from pimenton.fitting import fit_palette, is_exact
from pimenton.formats import encode
from pimenton.gif import round_opacity
from pimenton.histogram import Histogram
from pimenton.indexed import IndexedImage
from pimenton.options import Options
from pimenton.parsing import Recipe, parse, prepare
from pimenton.pixels import Pixels
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

# Tells of the beginning and the end of a stage.
Stages: TypeAlias = Callable[[str], AbstractContextManager[None]]

# A picture with fewer distinct colors than this part of its pixels may be a drawing.
_FEW_COLORS = 0.05
# Numbers of colors that a drawing is mapped to.
_COUNTS = (2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture of few colors, its file, and how it was come by.

    Attributes
    ----------
    image : IndexedImage
        The picture.
    data : bytes
        Its file.
    clustering : Clustering
        Where K-means ended.
    quality : float or None
        SSIMULACRA 2 score, where it was aimed at.
    reached : bool or None
        Whether it is what was wanted.
    """

    image: IndexedImage
    data: bytes
    clustering: Clustering
    quality: float | None = None
    reached: bool | None = None


@dataclass(frozen=True, eq=False)
class _Task:
    """A picture and all that drawing it needs."""

    original: Pixels
    pixels: Pixels
    histogram: Histogram
    format: str
    options: Options
    n_threads: int
    stage: Stages


def draw(
    original: Pixels,
    format: str,
    options: Options,
    n_threads: int,
    stage: Stages,
    *,
    searches: bool = True,
) -> Drawn:
    """Draw a picture as the options say, and encode it; without a search, as near as one guess is.

    Raises
    ------
    QualityNotReached
        If a quality or a size that was asked for cannot be met.
    """
    pixels = round_opacity(original) if format == "gif" else original
    with stage("counting"):
        histogram = Histogram.of(pixels, n_threads=n_threads)
    few = is_exact(histogram, options)
    if options.lossless and not few:
        raise QualityNotReached(
            f"there are {len(histogram.colors)} colors; without loss there can be "
            f"{options.palette_size}"
        )
    task = _Task(original, pixels, histogram, format, options, n_threads, stage)
    if options.parses and not (few and options.wants_no_loss):
        return _aimed(task) if searches else _guessed(task)
    image, clustering = quantized(pixels, histogram, options, n_threads, stage)
    with stage("encoding"):
        data = encode(image, format, effort=options.effort)
    if searches:
        _require_size(len(data), options)
    whole = few and pixels is original
    return Drawn(image, data, clustering, *((100.0, True) if whole else (None, None)))


def quantized(
    pixels: Pixels, histogram: Histogram, options: Options, n_threads: int, stage: Stages
) -> tuple[IndexedImage, Clustering]:
    """Find a palette and map or dither the pixels to it."""
    with stage("clustering"):
        palette, clustering = fit_palette(pixels, histogram, options, n_threads=n_threads)
    few = is_exact(histogram, options)
    with stage("drawing"):
        image = remap(
            pixels,
            palette,
            histogram=histogram,
            space=options.space,
            dither="none" if few else options.dither,
            strength=options.dither_strength,
            n_threads=n_threads,
        )
    return image, clustering


def _aimed(task: _Task) -> Drawn:
    """Search for the quality, then for the size; say so if one that was asked for is not met."""
    options = task.options
    aim = AIM if options.quality is None else options.quality
    reference = prepare_reference(task.original, n_threads=task.n_threads)
    clusterings: dict[str, Clustering] = {}
    bench_of = cache(partial(_bench, task, reference, clusterings))
    with task.stage("encoding"):
        fitted, bench = fit_quality(bench_of, aim, settles=options.is_free)
    clustering = clusterings[bench.subject.recipe.space]
    if _may_be_drawing(task):
        plain, plain_clustering = _mapped(task, reference, aim)
        if is_better(plain, fitted, aim):
            fitted, clustering = plain, plain_clustering
    _require_quality(fitted, aim, options)
    if options.max_bytes is not None and len(fitted.data) > options.max_bytes:
        with task.stage("encoding"):
            fitted = fit_bytes(bench, options.max_bytes)
        clustering = clusterings[bench.subject.recipe.space]
        _require_size(len(fitted.data), options)
    return Drawn(fitted.image, fitted.data, clustering, fitted.quality, fitted.quality >= aim)


def _guessed(task: _Task) -> Drawn:
    """Parse with the weight of a bit that leads most pictures near to the quality."""
    aim = AIM if task.options.quality is None else task.options.quality
    reference = prepare_reference(task.original, n_threads=task.n_threads)
    clusterings: dict[str, Clustering] = {}
    bench = _bench(task, reference, clusterings, Recipe())
    with task.stage("encoding"):
        fitted = guess(bench, aim, task.options.max_bytes)
    clustering = clusterings[bench.subject.recipe.space]
    return Drawn(fitted.image, fitted.data, clustering, fitted.quality, fitted.quality >= aim)


def _bench(
    task: _Task, reference: Reference, clusterings: dict[str, Clustering], recipe: Recipe
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


def _may_be_drawing(task: _Task) -> bool:
    return (
        task.options.is_free and len(task.histogram.colors) <= _FEW_COLORS * task.histogram.n_pixels
    )


def _mapped(task: _Task, reference: Reference, aim: float) -> tuple[Fitted, Clustering]:
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
        if score_of(middle) >= aim:
            high = middle
        else:
            low = middle + 1
    score = score_of(high)
    image, clustering, _ = tried[high]
    data = encode(image, task.format, effort=task.options.effort)
    return Fitted(image, data, score, 0.0), clustering


def _require_quality(fitted: Fitted, aim: float, options: Options) -> None:
    if options.quality is None or options.best_possible:
        return
    if fitted.quality < aim:
        raise QualityNotReached(
            f"quality {options.quality:g} is not reached with {len(fitted.image.palette)} colors; "
            f"the best is {fitted.quality:.1f}"
        )
    if options.max_bytes is not None and len(fitted.data) > options.max_bytes:
        raise QualityNotReached(
            f"quality {options.quality:g} takes {len(fitted.data)} bytes; at most "
            f"{options.max_bytes} are allowed"
        )


def _require_size(n_bytes: int, options: Options) -> None:
    if options.max_bytes is not None and n_bytes > options.max_bytes and not options.best_possible:
        raise QualityNotReached(
            f"at most {options.max_bytes} bytes are allowed; the smallest file has {n_bytes}"
        )
