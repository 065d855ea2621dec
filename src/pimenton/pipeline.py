"""The whole job: from a picture to a small picture."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from pimenton.clustering import Clustering
from pimenton.dithering import remap
from pimenton.errors import QualityNotReached
from pimenton.fitting import fit_palette, is_exact
from pimenton.formats import encode, format_of, write_atomically
from pimenton.gif import round_opacity
from pimenton.histogram import Histogram
from pimenton.indexed import IndexedImage
from pimenton.options import Options
from pimenton.parsing import Recipe, parse, prepare
from pimenton.pixels import Pixels, thread_count
from pimenton.quality import Quality, measure_pixels, mse, psnr
from pimenton.quality import prepare as prepare_reference
from pimenton.rate import AIM, CHROMA_WEIGHTS, PARSERS, Bench, Fitted, fit_bytes, fit_quality
from pimenton.reading import Source, read_image, source_bytes
from pimenton.report import Compressed, Report

# Told a stage and how much of it is done, 0 to 1.
Progress: TypeAlias = Callable[[str, float], None]
_Stages: TypeAlias = Callable[[str], AbstractContextManager[None]]


def quantize(
    image: Source,
    options: Options | None = None,
    *,
    n_threads: int | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> IndexedImage:
    """Bring a picture down to few colors.

    Parameters
    ----------
    image : path, bytes, binary file, PIL image, or array
        The picture; an array of gray, RGB or RGBA as ``as_rgba`` takes it.
    options : Options, optional
        All choices at once.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.
    progress : callable, optional
        Called with a stage (reading, counting, clustering, drawing or encoding) and how much of it
        is done, 0 to 1; what it raises ends the work.
    **choices
        Fields of ``Options``, in place of those in ``options``.

    Returns
    -------
    IndexedImage
        With no more colors than asked, the picture itself.

    Raises
    ------
    UnreadableImage
        If the picture cannot be read.
    ValueError, TypeError
        If a choice is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    >>> image = quantize(gray, n_colors=4)
    >>> image.indices.shape, len(image.palette)
    ((16, 16), 4)
    """
    options = Options.of(options, **choices)
    n_threads, stage = thread_count(n_threads), _stages(progress)
    with stage("reading"):
        pixels = read_image(image)
    with stage("counting"):
        histogram = Histogram.of(pixels, n_threads=n_threads)
    return _quantized(pixels, histogram, options, n_threads, stage)[0]


def compress(
    source: Source,
    target: str | os.PathLike[str] | None = None,
    options: Options | None = None,
    *,
    n_threads: int | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> Compressed:
    """Make a small file of a picture.

    Parameters
    ----------
    source : path, bytes, binary file, PIL image, or array
        The picture.
    target : path, optional
        File to write, in the format that its ending says; replaced if it exists. Without it, the
        result is a PNG in memory.
    options : Options, optional
        All choices at once.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.
    progress : callable, optional
        Called with a stage (reading, counting, clustering, drawing or encoding) and how much of it
        is done, 0 to 1; what it raises ends the work.
    **choices
        Fields of ``Options``, in place of those in ``options``.

    Returns
    -------
    Compressed
        The file's content, the picture in it, and the figures.

    Raises
    ------
    UnreadableImage
        If the picture cannot be read.
    QualityNotReached
        If a quality or a size that was asked for cannot be met.
    ValueError, TypeError
        If a choice is wrong, or the target's ending is unknown.
    OSError
        If a file cannot be opened or written.
    """
    options = Options.of(options, **choices)
    format = "png" if target is None else format_of(Path(target))
    with _stages(progress)("reading"):
        pixels = read_image(source)
    result = compress_pixels(
        pixels,
        format,
        options,
        input_bytes=source_bytes(source),
        n_threads=n_threads,
        progress=progress,
    )
    if target is not None:
        write_atomically(Path(target), result.data)
    return result


def measure(a: Source, b: Source, *, n_threads: int | None = None) -> Quality:
    """Tell how far a picture is from its original.

    Parameters
    ----------
    a, b : path, bytes, binary file, PIL image, or array
        The original and the picture to judge, of one size.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.

    Returns
    -------
    Quality
        Errors and perceptual scores; of pictures with opacity, the worse of over black and over
        white.

    Raises
    ------
    UnreadableImage
        If a picture cannot be read.
    ValueError
        If the sizes differ.

    Examples
    --------
    >>> import numpy as np
    >>> gray = np.full((8, 8), 100, dtype=np.uint8)
    >>> measure(gray, gray + np.uint8(3)).mse
    9.0
    """
    return measure_pixels(read_image(a), read_image(b), n_threads=n_threads)


def compress_pixels(
    pixels: Pixels,
    format: str,
    options: Options,
    *,
    input_bytes: int | None = None,
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Compressed:
    """Make a small file of a picture that has been read.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The picture.
    format : str
        A key of ``FORMATS``.
    options : Options
        The choices.
    input_bytes : int, optional
        Size of the file it came from, for the report.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.
    progress : callable, optional
        As in ``compress``.

    Returns
    -------
    Compressed
    """
    started = time.perf_counter()
    drawn = _drawn(pixels, format, options, thread_count(n_threads), _stages(progress))
    elapsed = time.perf_counter() - started
    image, clustering = drawn.image, drawn.clustering
    error = mse(pixels, image.to_pixels())
    height, width = image.indices.shape
    report = Report(
        width=width,
        height=height,
        n_colors=len(image.palette),
        input_bytes=input_bytes,
        output_bytes=len(drawn.data),
        bits_per_pixel=8 * len(drawn.data) / (width * height),
        mse=error,
        psnr=psnr(error),
        quality=drawn.quality,
        quality_reached=drawn.reached,
        inertia=clustering.inertia,
        n_iter=clustering.n_iter,
        history=clustering.history,
        palette=image.palette.hex,
        counts=tuple(image.counts.tolist()),
        options=options,
        elapsed_seconds=elapsed,
    )
    return Compressed(drawn.data, image, report)


def _stages(progress: Progress | None) -> _Stages:
    """Give what tells of the beginning and the end of a stage."""

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        if progress is not None:
            progress(name, 0.0)
        yield
        if progress is not None:
            progress(name, 1.0)

    return stage


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A picture of few colors, its file, and how it was come by."""

    image: IndexedImage
    data: bytes
    clustering: Clustering
    quality: float | None = None
    reached: bool | None = None


def _drawn(pixels: Pixels, format: str, options: Options, n_threads: int, stage: _Stages) -> _Drawn:
    original = pixels
    pixels = round_opacity(pixels) if format == "gif" else pixels
    with stage("counting"):
        histogram = Histogram.of(pixels, n_threads=n_threads)
    few = is_exact(histogram, options)
    if options.lossless and not few:
        raise QualityNotReached(
            f"there are {len(histogram.colors)} colors; without loss there can be "
            f"{options.palette_size}"
        )
    if few or not options.parses:
        image, clustering = _quantized(pixels, histogram, options, n_threads, stage)
        with stage("encoding"):
            data = encode(image, format, effort=options.effort)
        _require_size(len(data), options)
        whole = few and pixels is original
        return _Drawn(image, data, clustering, *((100.0, True) if whole else (None, None)))
    clusterings: dict[str, Clustering] = {}

    def bench_of(recipe: Recipe) -> Bench:
        # Another space than Oklab is taken as it is said.
        free = options.space in CHROMA_WEIGHTS
        chosen = dataclasses.replace(options, space=recipe.space) if free else options
        with stage("clustering"):
            palette, clusterings[recipe.space] = fit_palette(
                pixels, histogram, chosen, n_threads=n_threads
            )
        subject = prepare(pixels, histogram, palette, recipe, n_threads=n_threads)
        return Bench(
            original,
            subject,
            reference,
            encoder,
            PARSERS.get(format, parse),
            options.effort,
            n_threads,
        )

    reference = prepare_reference(original, n_threads=n_threads)
    encoder = partial(encode, format=format, effort=options.effort, parsed=True)
    with stage("encoding"):
        fitted, space = _fitted(cache(bench_of), options)
    return _Drawn(
        fitted.image,
        fitted.data,
        clusterings[space],
        fitted.quality,
        fitted.quality >= (AIM if options.quality is None else options.quality),
    )


def _fitted(bench_of: Callable[[Recipe], Bench], options: Options) -> tuple[Fitted, str]:
    """Search for the quality, then for the size; say so if one that was asked for is not met."""
    aim = AIM if options.quality is None else options.quality
    fitted, bench = fit_quality(bench_of, aim, settles=options.is_free)
    space = bench.subject.recipe.space
    if options.quality is not None and fitted.quality < aim and not options.best_possible:
        raise QualityNotReached(
            f"quality {options.quality:g} is not reached with {len(fitted.image.palette)} colors; "
            f"the best is {fitted.quality:.1f}"
        )
    if options.max_bytes is None or len(fitted.data) <= options.max_bytes:
        return fitted, space
    if options.quality is not None and not options.best_possible:
        raise QualityNotReached(
            f"quality {options.quality:g} takes {len(fitted.data)} bytes; at most "
            f"{options.max_bytes} are allowed"
        )
    fitted = fit_bytes(bench, options.max_bytes)
    _require_size(len(fitted.data), options)
    return fitted, space


def _require_size(n_bytes: int, options: Options) -> None:
    if options.max_bytes is not None and n_bytes > options.max_bytes and not options.best_possible:
        raise QualityNotReached(
            f"at most {options.max_bytes} bytes are allowed; the smallest file has {n_bytes}"
        )


def _quantized(
    pixels: Pixels, histogram: Histogram, options: Options, n_threads: int, stage: _Stages
) -> tuple[IndexedImage, Clustering]:
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
