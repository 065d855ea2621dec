"""The whole job: from a picture to a small picture."""

import os
from pathlib import Path
from typing import Any

from pimenton.animation import compress_source
from pimenton.drawing import counted, quantized
from pimenton.formats import format_of, write_atomically
from pimenton.indexed import IndexedImage
from pimenton.options import Options
from pimenton.pixels import thread_count
from pimenton.quality import Quality, measure_pixels
from pimenton.reading import Source, read_image
from pimenton.report import Compressed
from pimenton.still import Progress, compress_pixels, stages_of


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
    n_threads, stage = thread_count(n_threads), stages_of(progress)
    with stage("reading"):
        pixels = read_image(image)
    with stage("counting"):
        histogram = counted(pixels, options, n_threads)
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

    A file of several frames stays animated in a format that can move: GIF, PNG and WebP.

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
    file, name = _file_of(source)
    if file is None:
        with stages_of(progress)("reading"):
            pixels = read_image(source)
        result = compress_pixels(pixels, format, options, n_threads=n_threads, progress=progress)
    else:
        result, _ = compress_source(
            file, name, format, options, n_threads=n_threads, progress=progress
        )
    if target is not None:
        write_atomically(Path(target), result.data)
    return result


def _file_of(source: Source) -> tuple[Path | bytes | None, str]:
    """Give the file that a source stands for, or its content, and its name; None for an array."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), "picture"
    if isinstance(source, str | os.PathLike):
        path, name = Path(source), os.fsdecode(source)
        # What comes through a pipe can be read only once.
        return (path if path.is_file() else path.read_bytes()), name
    if hasattr(source, "read"):
        return source.read(), str(getattr(source, "name", "picture"))
    return None, ""


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
