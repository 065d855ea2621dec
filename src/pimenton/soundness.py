"""Whether a file is whole, beyond what a decoder needs of it.

Decoders show a picture although its metadata is damaged, its header contradicts the file, or
something stands behind its end. In a build each of these means that a file was cut, patched or
joined on its way, so it is refused unless such files are wanted.
"""

import struct
from collections.abc import Callable, Iterator
from struct import unpack_from
from typing import NamedTuple

from pimenton.errors import UnreadableImage
from pimenton.png import MAX_METADATA_BYTES, SIGNATURE, expanded, is_larger, packed_part

# The profile of sRGB that most programs attach: its date, its size and its sum.
_SRGB_DATE = bytes.fromhex("07ce00020009000600310000")
_SRGB_BYTES, _SRGB_SUM = 3144, 0x182EA552

# Who packs a text wants it small; to say more takes no packing.
_MAX_TEXT_BYTES = 1 << 20

# Sizes of TIFF's types of values, by their numbers.
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_RESOLUTIONS, _RATIONAL = (282, 283), 5

# More dots a meter than light has waves.
_MOST_PER_METER = 10_000_000
_RLE = {1: 8, 2: 4}


def require_sound(format: str, data: bytes) -> None:
    """Refuse what is damaged beside its pixels.

    Parameters
    ----------
    format : str
        As ``reading.format_in`` tells it; formats that are not known here are taken as they are.
    data : bytes
        The whole file.

    Raises
    ------
    UnreadableImage
        Saying what is wrong.
    """
    if format not in _CHECKS:
        return
    try:
        _CHECKS[format](data)
    except (struct.error, IndexError) as error:
        raise UnreadableImage("damaged image (the file ends early)") from error
    except ValueError as error:
        raise UnreadableImage(
            f"damaged beside its picture ({error}); lenient reading takes it"
        ) from error


def _png(data: bytes) -> None:
    """Check every chunk; what the pixels' stream holds is the decoder's to find out."""
    import deflate

    start, kind, last = len(SIGNATURE), b"", b""
    while kind != b"IEND":
        length, kind = unpack_from(">I4s", data, start)
        body = data[start + 8 : start + 8 + length]
        (checksum,) = unpack_from(">I", data, start + 8 + length)
        if deflate.crc32(body, deflate.crc32(kind)) != checksum:
            raise ValueError(f"wrong checksum of {kind.decode('ascii', 'replace')}")
        if kind == b"IDAT" and last not in (b"", b"IDAT"):
            raise ValueError("parts of the picture lie apart")
        last = kind if kind == b"IDAT" or last else b""
        _png_metadata(kind, body)
        start += 12 + length
    _require_end(data, start)


def _png_metadata(kind: bytes, body: bytes) -> None:
    if kind in (b"zTXt", b"iTXt", b"iCCP") and (packed := packed_part(kind, body)):
        limit = MAX_METADATA_BYTES if kind == b"iCCP" else _MAX_TEXT_BYTES
        if is_larger(packed, limit):
            raise ValueError(f"{kind.decode()} unpacks to more than {limit} bytes")
        if kind == b"iCCP":
            _profile(expanded(packed))
    if kind == b"eXIf":
        _exif(body)


def _profile(profile: bytes) -> None:
    """Refuse a changed copy of the commonest profile, which others are not told from."""
    import deflate

    is_srgb = len(profile) == _SRGB_BYTES and profile[24:36] == _SRGB_DATE
    if is_srgb and deflate.crc32(profile) != _SRGB_SUM:
        raise ValueError("its profile is a changed copy of the one of sRGB")


def _require_end(data: bytes, end: int) -> None:
    if len(data) > end:
        raise ValueError(f"{len(data) - end} bytes stand behind the picture's end")


def _gif(data: bytes) -> None:
    """Walk from block to block down to the trailer."""
    width, height, flags, background = unpack_from("<HHBB", data, 6)
    n_shared = 2 << (flags & 7) if flags & 0x80 else 0
    if n_shared and background >= n_shared:
        raise ValueError(f"background {background} is none of the palette's {n_shared} colors")
    start = 13 + 3 * n_shared
    while (kind := data[start]) != 0x3B:
        if kind == 0x21:
            start = _behind_sub_blocks(data, start + 2)
        elif kind == 0x2C:
            x, y, across, down, own = unpack_from("<HHHHB", data, start + 1)
            if x + across > width or y + down > height:
                raise ValueError("a frame leaves the screen")
            if not own & 0x80 and not n_shared:
                raise ValueError("a frame has no palette")
            n_colors = 2 << (own & 7) if own & 0x80 else 0
            start = _behind_sub_blocks(data, start + 11 + 3 * n_colors)
        else:
            raise ValueError(f"a block of the unknown kind {kind}")
    _require_end(data, start + 1)


def _behind_sub_blocks(data: bytes, start: int) -> int:
    while data[start]:
        start += 1 + data[start]
    return start + 1


def _jpeg(data: bytes) -> None:
    """Walk along the segments before the pixels, and find the end behind them."""
    start = 2
    while (marker := data[start + 1]) != 0xDA:
        if data[start] != 0xFF:
            raise ValueError("a segment has a wrong length")
        if marker == 0xFF:
            start += 1
            continue
        (length,) = unpack_from(">H", data, start + 2)
        body = data[start + 4 : start + 2 + length]
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            _exif(body[6:])
        start += 2 + length
    if data.rfind(b"\xff\xd9") < start:
        raise ValueError("the picture has no end")


class _Entry(NamedTuple):
    """An entry of a TIFF's directory: its value's bytes, and where they are."""

    tag: int
    kind: int
    n_bytes: int
    place: int


def _entries(data: bytes) -> Iterator[_Entry]:
    """Yield the entries of the first directory of a TIFF, or of EXIF data, which is one."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        raise ValueError("broken EXIF data")
    (start,) = unpack_from(f"{order}I", data, 4)
    (n_entries,) = unpack_from(f"{order}H", data, start)
    for place in range(start + 2, start + 2 + 12 * n_entries, 12):
        tag, kind, count, value = unpack_from(f"{order}HHII", data, place)
        n_bytes = count * _TIFF_SIZES.get(kind, 0)
        yield _Entry(tag, kind, n_bytes, value if n_bytes > 4 else place + 8)


def _exif(data: bytes) -> None:
    for entry in _entries(data.removeprefix(b"Exif\0\0")):
        if entry.place + entry.n_bytes > len(data):
            raise ValueError(f"EXIF tag {entry.tag} lies outside of the data")
        if entry.tag in _RESOLUTIONS and entry.kind != _RATIONAL:
            raise ValueError("EXIF has a resolution that is no number")


def _tiff(data: bytes) -> None:
    # The larger kind has other entries, and hardly any writers.
    if data[2:4] in (b"+\0", b"\0+"):
        return
    seen: set[int] = set()
    for entry in _entries(data):
        if entry.tag in seen:
            raise ValueError(f"tag {entry.tag} is there twice")
        seen.add(entry.tag)


def _bmp(data: bytes) -> None:
    """Hold the header against the file."""
    n_bytes, start, n_header = unpack_from("<I4xII", data, 2)
    if n_bytes > len(data):
        raise ValueError(f"the header says {n_bytes} bytes; there are {len(data)}")
    if n_header < 40:
        return
    width, height, n_planes, bits, packing, n_packed, *density = unpack_from("<iiHHIIii", data, 18)
    if n_planes != 1:
        raise ValueError(f"{n_planes} planes")
    if start + n_packed > len(data):
        raise ValueError(f"the header says {n_packed} bytes of pixels; there are fewer")
    for side in density:
        if not 0 <= side <= _MOST_PER_METER:
            raise ValueError(f"{side} pixels a meter")
    if bits == 8 and packing == 0:
        _indices(data, start, width, abs(height))
    if bits == _RLE.get(packing):
        if height < 0:
            raise ValueError("packed rows from top to bottom, which there are none of")
        _runs(data, start, width, height, bits)


def _indices(data: bytes, start: int, width: int, height: int) -> None:
    (n_colors,) = unpack_from("<I", data, 46)
    row_bytes = (width + 3) // 4 * 4
    rows = (data[i : i + width] for i in range(start, start + row_bytes * height, row_bytes))
    highest = max(map(max, rows))
    if 0 < n_colors <= highest:
        raise ValueError(f"an index of {highest} in a palette of {n_colors} colors")


def _runs(data: bytes, start: int, width: int, height: int, bits: int) -> None:
    """Follow the runs of a packed BMP: none may leave the picture."""
    x = y = 0
    while True:
        n, code = data[start], data[start + 1]
        start += 2
        if n:
            x += n
        elif code == 0:
            x, y = 0, y + 1
        elif code == 1:
            return
        elif code == 2:
            x, y = x + data[start], y + data[start + 1]
            start += 2
        else:
            x += code
            # Pixels that are not a run are filled up to whole words.
            start += (code * bits + 15) // 16 * 2
        if x > width or y > height:
            raise ValueError("packed pixels leave the picture")


_CHECKS: dict[str, Callable[[bytes], None]] = {
    "png": _png,
    "gif": _gif,
    "jpeg": _jpeg,
    "tiff": _tiff,
    "bmp": _bmp,
}
