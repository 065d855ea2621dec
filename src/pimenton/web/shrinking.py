"""Pictures made small in the type they came in, or another: what the processes do.

PNG is made as the command makes it; JPEG, WebP and AVIF are searched to the same score. A picture
that is not changed in another way never comes back larger than it came.
"""

from dataclasses import dataclass

import numpy as np

from pimenton.animation import compress_source, count_frames
from pimenton.histogram import Histogram
from pimenton.metadata import Metadata, furnish
from pimenton.options import Options
from pimenton.pixels import Pixels, as_rgba
from pimenton.rate import AIM
from pimenton.reading import format_in, read_image
from pimenton.still import compress_pixels
from pimenton.web.commands import Color, Commands
from pimenton.web.lossy import LOSSY, Encoded, encode_lossy
from pimenton.web.preserving import preserved
from pimenton.web.resizing import resized
from pimenton.web.results import Small
from pimenton.web.stripping import stripped

# Formats that hold the few colors of a drawing without loss, and often in fewer bytes.
_PALETTED = ("png", "webp")
# A picture with fewer distinct colors than this part of its pixels may be a drawing.
_FEW_COLORS = 0.05
_DEFAULTS = Options()


@dataclass(frozen=True)
class _Task:
    """A picture to encode, and what goes with it."""

    pixels: Pixels
    metadata: Metadata
    n_threads: int


def small(data: bytes, max_pixels: int, *, n_threads: int) -> Small:
    """Make a picture small in its own type.

    Parameters
    ----------
    data : bytes
        Its file: PNG, JPEG, WebP or AVIF.
    max_pixels : int
        Pictures with more pixels are refused before they are decoded.
    n_threads : int
        Threads to use; they change no bit.

    Raises
    ------
    UnreadableImage
        If it is damaged; ``ImageTooLarge`` if it has too many pixels.
    """
    return changed(data, Commands(), max_pixels, n_threads=n_threads)


def changed(data: bytes, commands: Commands, max_pixels: int, *, n_threads: int) -> Small:
    """Make a picture small as it is wanted.

    Parameters
    ----------
    data : bytes
        Its file.
    commands : Commands
        What is wanted. Of formats, one without opacity is left out for a picture that is not
        opaque and gets no background, or else has a white one.
    max_pixels, n_threads
        As in `small`.

    Raises
    ------
    UnreadableImage
        As `small`.
    """
    own = format_in(data[:64])
    formats = commands.formats or (own,)
    is_same = commands.resize is None and commands.background is None
    metadata = preserved(data, commands.preserve)
    if is_same and formats == (own,) and count_frames(data) > 1:
        return _moving(data, own, metadata, max_pixels, n_threads)
    pixels = read_image(data, max_pixels=max_pixels)
    before = pixels
    if commands.background is not None:
        pixels = _over(pixels, commands.background)
    if commands.resize is not None:
        pixels = resized(pixels, commands.resize, n_threads=n_threads)
    height, width = pixels.shape[:2]
    task = _Task(pixels, metadata, n_threads)
    found = [Small(_encoded(task, format), format, width, height)
             for format in _possible(formats, pixels)]  # fmt: skip
    if pixels is before and own in formats:
        # Ties go to what has lost nothing.
        found.insert(0, Small(_as_it_came(data, own, pixels, commands), own, width, height))
    return min(found, key=lambda made: len(made.data))


def _as_it_came(data: bytes, format: str, pixels: Pixels, commands: Commands) -> bytes:
    """Give the file itself, rid of what it says unless that is to be preserved."""
    bare = data if commands.preserve else stripped(data, format)
    is_same = bare is data or np.array_equal(read_image(bare), pixels)
    return bare if is_same else data


def _possible(formats: tuple[str, ...], pixels: Pixels) -> tuple[str, ...]:
    """Leave out formats that cannot hold the picture, unless there is no other."""
    if pixels[:, :, 3].min() == 255:
        return formats
    held = tuple(format for format in formats if format == "png" or LOSSY[format].has_opacity)
    return held or formats


def _encoded(task: _Task, format: str) -> bytes:
    """Encode a picture; of two ways the smaller file wins, if both are good enough."""
    if format == "png":
        return _paletted(task, format).data
    found = [_with_loss(task, format)]
    if format in _PALETTED and (found[0].score < AIM or _may_be_drawing(task)):
        found.append(_paletted(task, format))
    return min(found, key=lambda made: (max(0.0, AIM - made.score), len(made.data))).data


def _paletted(task: _Task, format: str) -> Encoded:
    made = compress_pixels(task.pixels, format, _DEFAULTS, n_threads=task.n_threads)
    score = made.report.quality
    assert score is not None  # the defaults aim at one
    return Encoded(furnish(made.data, format, task.metadata), score)


def _with_loss(task: _Task, format: str) -> Encoded:
    pixels = task.pixels
    if not LOSSY[format].has_opacity:
        pixels = _over(pixels, (255, 255, 255))
    kept = {}
    if task.metadata.exif:
        kept["exif"] = b"Exif\0\0" + task.metadata.exif
    if task.metadata.xmp:
        kept["xmp"] = task.metadata.xmp
    return encode_lossy(pixels, format, n_threads=task.n_threads, metadata=kept)


def _may_be_drawing(task: _Task) -> bool:
    histogram = Histogram.of(task.pixels, n_threads=task.n_threads)
    return len(histogram.colors) <= _FEW_COLORS * histogram.n_pixels


def _moving(data: bytes, format: str, metadata: Metadata, max_pixels: int, n_threads: int) -> Small:
    """Make an animation small where that is known how; an AVIF stays as it is."""
    height, width = read_image(data, max_pixels=max_pixels).shape[:2]
    if format not in _PALETTED:
        return Small(data, format, width, height)
    made, _ = compress_source(
        data, "picture", format, _DEFAULTS, n_threads=n_threads, max_pixels=max_pixels
    )
    smaller = furnish(made.data, format, metadata)
    return Small(min(data, smaller, key=len), format, width, height)


def _over(pixels: Pixels, color: Color) -> Pixels:
    """Put a picture on a ground, blended in sRGB as browsers do."""
    if pixels[:, :, 3].min() == 255:
        return pixels
    alpha = pixels[:, :, 3:].astype(np.uint16)
    ground = np.array(color, np.uint16)
    # At most 255 * 255 + 127, which uint16 holds.
    return as_rgba(
        ((pixels[:, :, :3] * alpha + ground * (255 - alpha) + 127) // 255).astype(np.uint8)
    )
