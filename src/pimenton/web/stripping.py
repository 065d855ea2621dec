"""Files rid of what they say beside their picture, without touching the picture.

What a viewer needs to show it stays: color profiles, gamma, and the orientation, alone.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from struct import error as struct_error
from struct import pack, unpack_from

from pimenton.orientation import exif_orientation
from pimenton.png import SIGNATURE, chunk, chunks_of

# Texts, times and EXIF; what begins with a capital is needed, and of the rest most is color.
_PNG_TELLING = (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME")
# Comments and the application's own data, but for JFIF, profiles of color, and Adobe's transform.
_JPEG_TELLING = (*range(0xE1, 0xF0), 0xFE)
_JPEG_COLOR = ((0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe"))
_WEBP_TELLING = {b"EXIF": 0x08, b"XMP ": 0x04}
_ORIENTATION, _SHORT = 0x0112, 3


def stripped(data: bytes, format: str) -> bytes:
    """Give a file without EXIF, XMP, comments and texts; an AVIF, or a damaged file, as it is.

    An orientation that XMP alone tells is lost, so compare the pictures.

    Parameters
    ----------
    data : bytes
        The file.
    format : str
        png, jpeg, webp or avif.

    Returns
    -------
    bytes
        A file of the same picture, never larger.
    """
    with suppress(ValueError, struct_error, IndexError):
        smaller = _STRIPPERS.get(format, bytes)(data)
        return min(data, smaller, key=len)
    return data


def _oriented(exif: bytes) -> bytes:
    """Give EXIF data that tells the orientation alone; nothing where it is upright."""
    orientation = exif_orientation(exif) or 1
    if orientation == 1:
        return b""
    entry = pack("<HHIHH", _ORIENTATION, _SHORT, 1, orientation, 0)
    return b"II*\0" + pack("<IH", 8, 1) + entry + bytes(4)


def _png(data: bytes) -> bytes:
    kept = []
    for kind, body in chunks_of(data):
        if kind == b"eXIf" and (exif := _oriented(body)):
            kept.append(chunk(kind, exif))
        elif kind not in _PNG_TELLING:
            kept.append(chunk(kind, body))
    return SIGNATURE + b"".join(kept) + chunk(b"IEND", b"")


def _jpeg(data: bytes) -> bytes:
    kept, start = [data[:2]], 2
    for marker, segment in _segments(data):
        start += len(segment)
        body = segment[4:]
        is_color = any(marker == place and body.startswith(name) for place, name in _JPEG_COLOR)
        if marker not in _JPEG_TELLING or is_color:
            kept.append(segment)
        elif marker == 0xE1 and body.startswith(b"Exif\0\0") and (exif := _oriented(body)):
            body = b"Exif\0\0" + exif
            kept.append(pack(">BBH", 0xFF, 0xE1, len(body) + 2) + body)
    return b"".join(kept) + data[start:]


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give markers and whole segments up to the first scan."""
    start = 2
    while True:
        prefix, marker, size = unpack_from(">BBH", data, start)
        if prefix != 0xFF or size < 2 or start + 2 + size > len(data):
            raise ValueError("a segment is damaged")
        if marker == 0xDA:
            return
        yield marker, data[start : start + 2 + size]
        start += 2 + size


def _webp(data: bytes) -> bytes:
    kept, start = [], 12
    flags = 0
    while start + 8 <= len(data):
        kind, size = unpack_from("<4sI", data, start)
        body = data[start + 8 : start + 8 + size]
        if len(body) < size:
            raise ValueError("a chunk is damaged")
        start += 8 + size + size % 2
        if kind in _WEBP_TELLING:
            body = _oriented(body) if kind == b"EXIF" else b""
            if not body:
                flags |= _WEBP_TELLING[kind]
                continue
        kept.append((kind, body))
    if kept and kept[0][0] == b"VP8X":
        kind, body = kept[0]
        kept[0] = (kind, bytes([body[0] & ~flags]) + body[1:])
    chunks = b"WEBP" + b"".join(
        kind + pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for kind, body in kept
    )
    return b"RIFF" + pack("<I", len(chunks)) + chunks


_STRIPPERS: dict[str, Callable[[bytes], bytes]] = {"png": _png, "jpeg": _jpeg, "webp": _webp}
