"""Frames written: what changes from one to the next, as GIF, APNG and WebP hold it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from struct import pack
from typing import TypeAlias

import numpy as np

from pimenton.formats import encode, pack_indices
from pimenton.indexed import IndexedImage
from pimenton.palette import Palette
from pimenton.pixels import Pixels
from pimenton.png import SIGNATURE, chunk

Mask: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False)
class Place:
    """Where a frame changes what is seen.

    Attributes
    ----------
    y, x : slice
        The rows and columns that hold all changes.
    touched : (rows, columns) bool
        What changes of them.
    is_over : bool
        Whether the rest is left as it is; else all pixels are put in the place of others.
    is_fresh : bool
        Whether nothing is seen before it.
    is_cleared : bool
        Whether all is cleared after it.
    """

    y: slice
    x: slice
    touched: Mask
    is_over: bool
    is_fresh: bool
    is_cleared: bool

    def cut(self, image: IndexedImage) -> IndexedImage:
        """Take the part of a frame's indices; what is left as it is gets the last, clear entry."""
        indices = image.indices[self.y, self.x]
        if self.is_over:
            indices = np.where(self.touched, indices, np.uint8(len(image.palette) - 1))
        return IndexedImage(indices, image.palette)

    def cut_pixels(self, frame: Pixels) -> Pixels:
        """Take the part of a frame; what is left as it is becomes clear."""
        part = frame[self.y, self.x].copy()
        if self.is_over:
            part[~self.touched] = 0
        return part


@dataclass(frozen=True, eq=False)
class Reel:
    """A moving picture, cut.

    Attributes
    ----------
    places : tuple of Place
        Where each frame changes what is seen.
    parts : tuple of IndexedImage
        What is put there; each palette ends with a fully transparent entry.
    size : (int, int)
        Width and height.
    durations : tuple of float
        Milliseconds that each frame is seen.
    n_plays : int
        How often; 0 is without end.
    """

    places: tuple[Place, ...]
    parts: tuple[IndexedImage, ...]
    size: tuple[int, int]
    durations: tuple[float, ...]
    n_plays: int

    def with_parts(self, parts: Iterable[IndexedImage]) -> "Reel":
        """Put other parts in the places."""
        return replace(self, parts=tuple(parts))

    def shown(self) -> Iterator[Pixels]:
        """Draw the parts over each other: yield the frames as they are seen."""
        width, height = self.size
        seen = np.zeros((height, width, 4), np.uint8)
        for place, part in zip(self.places, self.parts, strict=True):
            seen = np.zeros_like(seen) if place.is_fresh else seen.copy()
            pixels, area = part.to_pixels(), seen[place.y, place.x]
            kept = place.is_over & ~place.touched
            seen[place.y, place.x] = np.where(kept[:, :, np.newaxis], area, pixels)
            yield seen


def encode_reel(reel: Reel, format: str) -> bytes:
    """Encode a moving picture.

    Parameters
    ----------
    reel : Reel
        The frames; in a PNG all share one palette.
    format : str
        A key of ``ANIMATED``.

    Returns
    -------
    bytes
        The file's content.
    """
    return ANIMATED[format](reel)


def plan(frames: Sequence[Pixels], *, can_replace: bool) -> tuple[Place, ...]:
    """Find what changes; where it cannot be drawn over the last frame, that one is cleared.

    Parameters
    ----------
    frames : sequence of (height, width, 4) uint8
        What is to be seen.
    can_replace : bool
        Whether a part can put transparent pixels in the place of others.
    """
    shown = [frame[:, :, 3] > 0 for frame in frames]
    clears = [
        not can_replace and bool((before & ~after).any())
        for before, after in zip(shown, [*shown[1:], shown[-1]], strict=True)
    ]
    places = []
    for i, frame in enumerate(frames):
        is_fresh = i == 0 or clears[i - 1]
        if is_fresh or clears[i]:
            everything = np.ones(frame.shape[:2], np.bool_)
            whole = slice(0, frame.shape[0]), slice(0, frame.shape[1])
            places.append(Place(*whole, everything, is_fresh, is_fresh, clears[i]))
            continue
        changed = (frame != frames[i - 1]).any(axis=2)
        y, x = _box(changed)
        touched = changed[y, x]
        # Half transparent pixels drawn over others would mix with them.
        is_over = not (touched & (frame[y, x, 3] < 255)).any()
        places.append(Place(y, x, touched, is_over, False, False))
    return tuple(places)


def _box(changed: Mask) -> tuple[slice, slice]:
    """Give the rows and columns that hold all changes; one pixel if there is none."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if len(rows) == 0:
        return slice(0, 1), slice(0, 1)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _gif(reel: Reel) -> bytes:
    n_plays, palette = reel.n_plays, reel.parts[0].palette
    parts = [b"GIF89a", pack("<HHBBB", *reel.size, 0x70, 0, 0)]
    if n_plays != 1:
        n_repeats = n_plays and n_plays - 1
        parts.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + pack("<HB", n_repeats, 0))
    shares = all(part.palette is palette for part in reel.parts)
    if shares:
        parts[1], table = _table(palette, parts[1])
        parts.insert(2, table)
    for place, part, duration in zip(reel.places, reel.parts, reel.durations, strict=True):
        parts.append(_gif_frame(place, part, duration, own_table=not shares))
    return b"".join(parts) + b"\x3b"


def _table(palette: Palette, screen: bytes) -> tuple[bytes, bytes]:
    """Give the screen's description with a table of colors, and the table."""
    size = max(1, (len(palette) - 1).bit_length())
    flags = screen[4] | 0x80 | (size - 1)
    table = palette.colors[:, :3].tobytes().ljust(3 << size, b"\0")
    return screen[:4] + bytes([flags]) + screen[5:], table


def _gif_frame(place: Place, part: IndexedImage, duration: float, *, own_table: bool) -> bytes:
    whole = encode(part, "gif")
    # Behind the description of its one frame, without its own trailer.
    start = whole.index(b"\x2c\0\0\0\0" + pack("<HH", part.width, part.height)) + 10
    size = max(1, (len(part.palette) - 1).bit_length())
    flags = whole[start - 1] & 0x40 | (0x80 | (size - 1) if own_table else 0)
    table = part.palette.colors[:, :3].tobytes().ljust(3 << size, b"\0") if own_table else b""
    disposal = 2 if place.is_cleared else 1
    delay = min(65535, round(duration / 10))
    control = pack("<BHBB", disposal << 2 | 1, delay, len(part.palette) - 1, 0)
    where = pack("<HHHHB", place.x.start, place.y.start, part.width, part.height, flags)
    return b"\x21\xf9\x04" + control + b"\x2c" + where + table + whole[start:-1]


def _png(reel: Reel) -> bytes:
    import deflate

    palette = reel.parts[0].palette
    bits = reel.parts[0].bit_depth
    parts = [
        SIGNATURE,
        chunk(b"IHDR", pack(">IIBBBBB", *reel.size, bits, 3, 0, 0, 0)),
        chunk(b"acTL", pack(">II", len(reel.parts), reel.n_plays)),
        chunk(b"PLTE", palette.colors[:, :3].tobytes()),
        chunk(b"tRNS", palette.colors[:, 3].tobytes()),
    ]
    number = 0
    for i, (place, part) in enumerate(zip(reel.places, reel.parts, strict=True)):
        parts.append(
            chunk(
                b"fcTL",
                pack(">IIIII", number, part.width, part.height, place.x.start, place.y.start)
                + pack(">HHBB", *_delay(reel.durations[i]), 0, int(place.is_over and i > 0)),
            )
        )
        rows = np.pad(pack_indices(part, bits), ((0, 0), (1, 0)))
        body = bytes(deflate.zlib_compress(rows.tobytes(), 12))
        number += 1
        if i == 0:
            parts.append(chunk(b"IDAT", body))
        else:
            parts.append(chunk(b"fdAT", pack(">I", number) + body))
            number += 1
    return b"".join(parts) + chunk(b"IEND", b"")


def _delay(duration: float) -> tuple[int, int]:
    """Give milliseconds as a fraction of seconds of two 16-bit numbers."""
    if duration > 65535:
        return min(65535, round(duration / 1000)), 1
    if duration == int(duration):
        return int(duration), 1000
    return min(65535, round(duration * 10)), 10000


def _webp(reel: Reel) -> bytes:
    from PIL import Image

    first, *others = [Image.fromarray(frame) for frame in reel.shown()]
    file = BytesIO()
    first.save(
        file,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=[round(duration) for duration in reel.durations],
        loop=reel.n_plays,
        lossless=True,
        quality=100,
        method=4,
        exact=True,
        minimize_size=True,
    )
    return file.getvalue()


ANIMATED: dict[str, Callable[[Reel], bytes]] = {"gif": _gif, "png": _png, "webp": _webp}
