"""The whole job: from a picture to a small picture."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from pimenton.drawing import Drawn, Stages, Task, draw, quantized
from pimenton.formats import format_of, write_atomically
from pimenton.histogram import Histogram
from pimenton.indexed import IndexedImage
from pimenton.options import Options
from pimenton.pixels import Pixels, thread_count
from pimenton.quality import Quality, measure_pixels, mse, psnr
from pimenton.reading import Source, read_image, source_bytes
from pimenton.report import Compressed, Report

# Told a stage and how much of it is done, 0 to 1.
Progress: TypeAlias = Callable[[str, float], None]


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
    return quantized(pixels, histogram, options, n_threads, stage)[0]


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
    searches: bool = True,
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
    searches : bool, optional
        Whether a quality or a size is searched for; otherwise one guess at it will do, which takes
        a tenth of the time.

    Returns
    -------
    Compressed
    """
    started = time.perf_counter()
    task = Task.of(pixels, format, options, thread_count(n_threads), _stages(progress))
    drawn = _aimed(task, searches) if task.is_aimed else draw(task, limited=searches)
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


def _aimed(task: Task, searches: bool) -> Drawn:
    # The parse and its search take a while to bring in, which a command that does without feels.
    from pimenton.aims import aim, estimate

    return aim(task) if searches else estimate(task)


def _stages(progress: Progress | None) -> Stages:
    """Give what tells of the beginning and the end of a stage."""

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        if progress is not None:
            progress(name, 0.0)
        yield
        if progress is not None:
            progress(name, 1.0)

    return stage
