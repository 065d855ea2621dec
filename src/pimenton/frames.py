"""Frames written: what changes from one to the next, as GIF, APNG and WebP hold it."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from struct import pack

import numpy as np

from pimenton.formats import encode, pack_indices
from pimenton.indexed import IndexedImage
from pimenton.palette import Palette
from pimenton.pixels import Indices
from pimenton.png import SIGNATURE, chunk


def encode_frames(
    images: Sequence[IndexedImage], format: str, durations: Sequence[float], n_plays: int
) -> bytes:
    """Encode a moving picture.

    Parameters
    ----------
    images : sequence of IndexedImage
        Whole frames of one size, whose palettes end with a fully transparent entry.
    format : str
        A key of ``ANIMATED``. In a PNG all frames share one palette.
    durations : sequence of float
        Milliseconds that each is seen.
    n_plays : int
        How often; 0 is without end.

    Returns
    -------
    bytes
        The file's content.
    """
    return ANIMATED[format](images, durations, n_plays)


@dataclass(frozen=True, eq=False)
class _Patch:
    """A part of a frame to be drawn over what is seen, and whether all is cleared after it."""

    x: int
    y: int
    indices: Indices
    palette: Palette
    over: bool
    cleared: bool


def _patches(drawn: Sequence[IndexedImage], *, can_replace: bool) -> list[_Patch]:
    """Cut out what changes; where it cannot be drawn over the last frame, that one is cleared.

    Parameters
    ----------
    drawn : sequence of IndexedImage
        The frames.
    can_replace : bool
        Whether a patch can put transparent pixels in the place of others.
    """
    seen = [image.to_pixels() for image in drawn]
    shown = [frame[:, :, 3] > 0 for frame in seen]
    clears = [
        not can_replace and bool((before & ~after).any())
        for before, after in zip(shown, [*shown[1:], shown[-1]], strict=True)
    ]
    patches = []
    for i, image in enumerate(drawn):
        clear = len(image.palette) - 1
        fresh = i == 0 or clears[i - 1]
        if fresh or clears[i]:
            patches.append(_Patch(0, 0, image.indices, image.palette, fresh, clears[i]))
            continue
        changed = (seen[i] != seen[i - 1]).any(axis=2)
        y, x = _box(changed)
        part, touched = seen[i][y, x], changed[y, x]
        # Half transparent pixels drawn over others would mix with them.
        over = not (touched & (part[:, :, 3] < 255)).any()
        indices = image.indices[y, x]
        if over:
            indices = np.where(touched, indices, np.uint8(clear))
        patches.append(_Patch(x.start, y.start, indices, image.palette, over, False))
    return patches


def _box(changed: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[slice, slice]:
    """Give the rows and columns that hold all changes; one pixel if there is none."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if len(rows) == 0:
        return slice(0, 1), slice(0, 1)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _gif(drawn: Sequence[IndexedImage], durations: Sequence[float], n_plays: int) -> bytes:
    first = drawn[0]
    parts = [b"GIF89a", pack("<HHBBB", first.width, first.height, 0x70, 0, 0)]
    if n_plays != 1:
        n_repeats = n_plays and n_plays - 1
        parts.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + pack("<HB", n_repeats, 0))
    patches = _patches(drawn, can_replace=False)
    shares = all(image.palette is first.palette for image in drawn)
    if shares:
        parts[1], table = _table(first.palette, parts[1])
        parts.insert(2, table)
    for patch, duration in zip(patches, durations, strict=True):
        parts.append(_gif_frame(patch, duration, own_table=not shares))
    return b"".join(parts) + b"\x3b"


def _table(palette: Palette, screen: bytes) -> tuple[bytes, bytes]:
    """Give the screen's description with a table of colors, and the table."""
    size = max(1, (len(palette) - 1).bit_length())
    flags = screen[4] | 0x80 | (size - 1)
    table = palette.colors[:, :3].tobytes().ljust(3 << size, b"\0")
    return screen[:4] + bytes([flags]) + screen[5:], table


def _gif_frame(patch: _Patch, duration: float, *, own_table: bool) -> bytes:
    height, width = patch.indices.shape
    whole = encode(IndexedImage(patch.indices, patch.palette), "gif")
    # Behind the description of its one frame, without its own trailer.
    start = whole.index(b"\x2c\0\0\0\0" + pack("<HH", width, height)) + 10
    size = max(1, (len(patch.palette) - 1).bit_length())
    flags = whole[start - 1] & 0x40 | (0x80 | (size - 1) if own_table else 0)
    table = patch.palette.colors[:, :3].tobytes().ljust(3 << size, b"\0") if own_table else b""
    disposal = 2 if patch.cleared else 1
    delay = min(65535, round(duration / 10))
    control = pack("<BHBB", disposal << 2 | 1, delay, len(patch.palette) - 1, 0)
    place = pack("<HHHHB", patch.x, patch.y, width, height, flags)
    return b"\x21\xf9\x04" + control + b"\x2c" + place + table + whole[start:-1]


def _png(drawn: Sequence[IndexedImage], durations: Sequence[float], n_plays: int) -> bytes:
    import deflate

    first = drawn[0]
    colors = first.palette.colors
    bits = first.bit_depth
    parts = [
        SIGNATURE,
        chunk(b"IHDR", pack(">IIBBBBB", first.width, first.height, bits, 3, 0, 0, 0)),
        chunk(b"acTL", pack(">II", len(drawn), n_plays)),
        chunk(b"PLTE", colors[:, :3].tobytes()),
        chunk(b"tRNS", colors[:, 3].tobytes()),
    ]
    number = 0
    for i, patch in enumerate(_patches(drawn, can_replace=True)):
        height, width = patch.indices.shape
        parts.append(
            chunk(
                b"fcTL",
                pack(">IIIII", number, width, height, patch.x, patch.y)
                + pack(">HHBB", *_delay(durations[i]), 0, int(patch.over and i > 0)),
            )
        )
        packed = pack_indices(IndexedImage(patch.indices, patch.palette), bits)
        rows = np.pad(packed, ((0, 0), (1, 0)))
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


def _webp(drawn: Sequence[IndexedImage], durations: Sequence[float], n_plays: int) -> bytes:
    from PIL import Image

    pictures = [Image.fromarray(image.to_pixels()) for image in drawn]
    file = BytesIO()
    pictures[0].save(
        file,
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=[round(duration) for duration in durations],
        loop=n_plays,
        lossless=True,
        quality=100,
        method=4,
        exact=True,
        minimize_size=True,
    )
    return file.getvalue()


ANIMATED = {"gif": _gif, "png": _png, "webp": _webp}
