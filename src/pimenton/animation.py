"""Moving pictures: GIF, APNG and WebP in and out, with few colors.

All frames share the palette of the sum of their histograms, or each has its own. A pixel that does
not change from one frame to the next keeps its index, whatever the dithering makes of its
neighbours: so nothing flickers, and only what changes is written.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from io import BytesIO
from math import fsum
from operator import add
from pathlib import Path

import numpy as np

from pimenton.dithering import remap
from pimenton.drawing import require_size
from pimenton.errors import ImageTooLarge, QualityNotReached, UnreadableImage
from pimenton.fitting import palette_of
from pimenton.frames import ANIMATED, Reel, encode_reel, plan
from pimenton.histogram import Histogram
from pimenton.indexed import IndexedImage
from pimenton.options import Options
from pimenton.palette import MAX_COLORS, Palette
from pimenton.pixels import Pixels, as_rgba, round_opacity, thread_count
from pimenton.quality import mse, psnr
from pimenton.reading import (
    MAX_PIXELS,
    format_in,
    read_image,
    silence_libtiff,
    without_pillow_warnings,
)
from pimenton.report import Compressed, Report
from pimenton.soundness import require_sound
from pimenton.still import Progress, compress_pixels, stages_of


@dataclass(frozen=True, eq=False)
class Animation:
    """Whole frames in their order.

    Attributes
    ----------
    frames : tuple of (height, width, 4) uint8
        What is seen, sRGB with straight alpha.
    durations : tuple of float
        Milliseconds that each is seen.
    n_plays : int
        How often; 0 is without end.
    """

    frames: tuple[Pixels, ...]
    durations: tuple[float, ...]
    n_plays: int


def count_frames(source: Path | bytes) -> int:
    """Count the pictures or pages in a file; 1 where it cannot be told.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        head = file.read(64)
        format = format_in(head)
        if format == "png":
            file.seek(0)
            if b"acTL" not in file.read(1 << 16):
                return 1
        elif format not in (*ANIMATED, "tiff", "avif"):
            return 1
        file.seek(0)
        from PIL import Image

        silence_libtiff()

        # Whatever is wrong will be said when the picture is read.
        try:
            with without_pillow_warnings(), Image.open(file) as image:
                n_frames = int(getattr(image, "n_frames", 1))
                return n_frames - bool(getattr(image, "default_image", False))
        except Exception:
            return 1


def read_animation(
    source: Path | bytes,
    *,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    lenient: bool = False,
) -> Animation:
    """Read all frames of a GIF, APNG or WebP, drawn over each other as the file says.

    Parameters
    ----------
    source : path or bytes
        The file or its content.
    name : str, optional
        What errors call the content.
    max_pixels : int, optional
        Animations with more pixels in all are refused before they are decoded.
    lenient : bool, optional
        As in ``read_image``.

    Raises
    ------
    UnreadableImage
        If the file is damaged; ``ImageTooLarge`` if it has too many pixels.
    OSError
        If the file cannot be opened.
    """
    from PIL import Image, ImageSequence

    name = name or ("picture" if isinstance(source, bytes) else str(source))
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        try:
            with without_pillow_warnings(), Image.open(file) as image:
                n_pixels = image.width * image.height * image.n_frames  # type: ignore[attr-defined]
                if n_pixels > max_pixels:
                    raise ImageTooLarge(
                        f"{name}: {n_pixels} pixels in all frames are more than {max_pixels}"
                    )
                n_plays = _plays_of(image)
                skipped = 1 if getattr(image, "default_image", False) else 0
                frames, durations = [], []
                for i, frame in enumerate(ImageSequence.Iterator(image)):
                    if i >= skipped:
                        frames.append(as_rgba(np.asarray(frame.convert("RGBA"))))
                        durations.append(float(frame.info.get("duration", 0) or 0))
            if not lenient:
                file.seek(0)
                data = file.read()
                require_sound(format_in(data[:64]), data)
        except ImageTooLarge:
            raise
        except UnreadableImage as error:
            raise UnreadableImage(f"{name}: {error}") from error
        except Exception as error:
            reason = " ".join(str(error).split())
            raise UnreadableImage(f"{name}: damaged animation ({reason})") from error
    return Animation(tuple(frames), tuple(durations), n_plays)


def compress_animation(
    animation: Animation,
    format: str,
    options: Options,
    *,
    input_bytes: int | None = None,
    n_threads: int | None = None,
) -> Compressed:
    """Make a small file of a moving picture.

    Parameters
    ----------
    animation : Animation
        The frames.
    format : str
        One of ``ANIMATED``. A GIF has no partial opacity: it is rounded to all or nothing.
    options : Options
        The choices. A quality is that of the worst frame.
    input_bytes : int, optional
        Size of the file it came from, for the report.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.

    Returns
    -------
    Compressed
        The image in it is the first frame.

    Raises
    ------
    ValueError
        If each frame of a PNG is to have its own palette.
    QualityNotReached
        If a quality or a size that was asked for cannot be met, or colors would be lost that must
        not be.
    """
    started = time.perf_counter()
    if format == "png" and options.frame_palettes:
        raise ValueError("a png has one palette for all frames; choose gif or webp")
    frames = animation.frames
    if format == "gif":
        frames = tuple(round_opacity(frame) for frame in frames)
    n_threads = thread_count(n_threads)
    histograms = [Histogram.of(frame, n_threads=n_threads) for frame in frames]
    _require_no_loss(histograms, options)
    reel = _cut(_drawn(frames, histograms, options, n_threads), animation, format)
    reel, data, quality, reached = _chosen(frames, reel, format, options, n_threads)
    elapsed = time.perf_counter() - started
    error = fsum(map(mse, frames, reel.shown())) / len(frames)
    first = reel.parts[0]
    report = Report(
        width=first.width,
        height=first.height,
        n_colors=max(len(part.palette) for part in reel.parts),
        input_bytes=input_bytes,
        output_bytes=len(data),
        bits_per_pixel=8 * len(data) / (first.width * first.height * len(frames)),
        mse=error,
        psnr=psnr(error),
        quality=quality,
        quality_reached=reached,
        inertia=0.0,
        n_iter=0,
        history=(),
        palette=first.palette.hex,
        counts=tuple(first.counts.tolist()),
        options=options,
        elapsed_seconds=elapsed,
    )
    return Compressed(data, first, report)


def _chosen(
    frames: Sequence[Pixels], plain: Reel, format: str, options: Options, n_threads: int
) -> tuple[Reel, bytes, float | None, bool | None]:
    """Search for the quality or size where one is aimed at; give its file and score too."""
    whole = all(map(np.array_equal, frames, plain.shown()))
    if options.parses and not (whole and options.wants_no_loss):
        # As for a still picture, the parse is brought in where it is needed.
        from pimenton.motion import aim, wanted_of

        fitted = aim(frames, plain, format, options, n_threads)
        reached = fitted.quality >= wanted_of(options)
        return fitted.image, fitted.data, fitted.quality, reached
    data = encode_reel(plain, format)
    require_size(len(data), options)
    return plain, data, *((100.0, True) if whole else (None, None))


def compress_source(
    source: Path | bytes,
    name: str,
    format: str,
    options: Options,
    *,
    n_threads: int | None = None,
    max_pixels: int = MAX_PIXELS,
    lenient: bool = False,
    progress: Progress | None = None,
) -> tuple[Compressed, str]:
    """Compress a picture, or an animation where the format can move.

    Parameters
    ----------
    source : path or bytes
        The file or its content.
    name : str
        What errors call it.
    format : str
        A key of ``FORMATS``.
    options : Options
        The choices.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.
    max_pixels : int, optional
        Pictures with more pixels are refused before they are decoded.
    lenient : bool, optional
        As in ``read_image``.
    progress : callable, optional
        As in ``compress``.

    Returns
    -------
    made : Compressed
    note : str
        That more pictures were in the file than were taken; empty if all were.

    Raises
    ------
    UnreadableImage, QualityNotReached, OSError, ValueError
        As ``compress``.
    """
    n_bytes = len(source) if isinstance(source, bytes) else source.stat().st_size
    n_frames = count_frames(source)
    note = f"first of {n_frames} pictures" if n_frames > 1 else ""
    if n_frames > 1 and format in ANIMATED and _moves(source):
        try:
            animation = read_animation(source, name=name, max_pixels=max_pixels, lenient=lenient)
        except ImageTooLarge:
            raise
        except UnreadableImage:
            # A PNG has a picture that stands for its animation, also in place of a broken one.
            if _format_of(source) != "png":
                raise
            note = "the still picture of a damaged animation"
        else:
            made = compress_animation(
                animation, format, options, input_bytes=n_bytes, n_threads=n_threads
            )
            return made, ""
    whole: Path | BytesIO = BytesIO(source) if isinstance(source, bytes) else source
    if isinstance(whole, BytesIO):
        whole.name = name
    with stages_of(progress)("reading"):
        pixels = read_image(whole, max_pixels=max_pixels, lenient=lenient)
    made = compress_pixels(
        pixels, format, options, input_bytes=n_bytes, n_threads=n_threads, progress=progress
    )
    return made, note


def _moves(source: Path | bytes) -> bool:
    """Tell whether several pictures in a file are frames, not pages."""
    return _format_of(source) in (*ANIMATED, "avif")


def _format_of(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return format_in(source[:64])
    with source.open("rb") as file:
        return format_in(file.read(64))


def _plays_of(image: object) -> int:
    """Give how often an animation plays; a GIF says how often it is repeated, or nothing."""
    loop = getattr(image, "info", {}).get("loop")
    if getattr(image, "format", "") == "GIF":
        return 1 if loop is None else 0 if loop == 0 else int(loop) + 1
    return int(loop or 0)


def _require_no_loss(histograms: Sequence[Histogram], options: Options) -> None:
    if not options.lossless:
        return
    each = histograms if options.frame_palettes else [reduce(add, histograms)]
    most = max(len(histogram.colors) for histogram in each)
    room = min(options.palette_size, MAX_COLORS - 1)
    if most > room:
        raise QualityNotReached(f"there are {most} colors; without loss there can be {room}")


def _drawn(
    frames: Sequence[Pixels], histograms: Sequence[Histogram], options: Options, n_threads: int
) -> list[IndexedImage]:
    """Give each frame its indices; in a shared palette the last entry is the transparent one."""
    if not options.frame_palettes:
        shared = _with_clear(reduce(add, histograms), options, n_threads)
    drawn: list[IndexedImage] = []
    for i, (frame, histogram) in enumerate(zip(frames, histograms, strict=True)):
        if options.frame_palettes:
            shared = _with_clear(histogram, options, n_threads)
        image = remap(
            frame,
            shared,
            histogram=histogram,
            space=options.space,
            dither=options.dither,
            strength=options.dither_strength,
            n_threads=n_threads,
        )
        if i and not options.frame_palettes:
            same = (frame == frames[i - 1]).all(axis=2)
            image = IndexedImage(np.where(same, drawn[-1].indices, image.indices), shared)
        drawn.append(image)
    return drawn


def _with_clear(histogram: Histogram, options: Options, n_threads: int) -> Palette:
    """Find a palette with one entry, the last, that is fully transparent."""
    seen = histogram.colors[:, 3] > 0
    if options.palette is not None:
        colors = Palette.of_hex(options.palette).colors
        colors = colors[colors[:, 3] > 0]
    elif seen.any():
        room = min(options.palette_size, MAX_COLORS - 1)
        limited = replace(options, n_colors=max(1, room - (room > 1 and not seen.all())))
        visible = Histogram(histogram.colors[seen], histogram.counts[seen])
        colors = palette_of(visible, limited, n_threads=n_threads).colors
    else:
        colors = histogram.colors[:0]
    return Palette(np.concatenate([colors[: MAX_COLORS - 1], np.zeros((1, 4), np.uint8)]))


def _cut(drawn: Sequence[IndexedImage], animation: Animation, format: str) -> Reel:
    """Cut out of whole frames what changes."""
    places = plan([image.to_pixels() for image in drawn], can_replace=format != "gif")
    parts = tuple(place.cut(image) for place, image in zip(places, drawn, strict=True))
    size = drawn[0].width, drawn[0].height
    return Reel(places, parts, size, animation.durations, animation.n_plays)
