"""PNG files, decoded.

Pillow keeps the high byte of 16-bit channels, compares their transparent color after that, and
takes a stream that ends early for a picture. This reader keeps every bit until the picture's
profile has been applied, and refuses what is not whole. See W3C, "Portable Network Graphics (PNG)
Specification", third edition; the section numbers below are its.
"""

import re
import zlib
from binascii import crc32
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from struct import pack, unpack, unpack_from
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.errors import ImageTooLarge
from pimenton.orientation import exif_orientation, xmp_orientation
from pimenton.profiles import Encoding, icc_encoding, png_encoding

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# More than any profile or text that a picture needs; a stream that unpacks to more is passed over.
MAX_METADATA_BYTES = 1 << 24
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# First column and row, and steps, of the passes of an interlaced picture (section 8.1).
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


@dataclass(frozen=True, eq=False)
class Decoded:
    """What a file says of its pixels, before color management.

    Attributes
    ----------
    samples : (height, width, 1 to 4) uint8 or uint16
        Gray, gray and alpha, RGB, or RGB and straight alpha.
    encoding : Encoding
        How the samples stand for light.
    orientation : int
        EXIF's number for how to turn the picture, 1 to 8.
    """

    samples: NDArray[Any]
    encoding: Encoding
    orientation: int = 1


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    color_type: int
    compression: int
    filtering: int
    interlaced: int

    @property
    def pixel_bits(self) -> int:
        return self.depth * _CHANNELS[self.color_type]


def decode_png(data: bytes, max_pixels: int, *, lenient: bool = False) -> Decoded:
    """Decode a PNG; of an animation, the picture that stands for it.

    Parameters
    ----------
    data : bytes
        The whole file.
    max_pixels : int
        Pictures with more pixels are refused before they are decoded.
    lenient : bool, optional
        Whether more than the picture may be packed where it is, and indices may lie beyond the
        palette.

    Returns
    -------
    Decoded

    Raises
    ------
    ValueError, zlib.error
        If the file is damaged or ends early.
    ImageTooLarge
        If the picture has too many pixels.
    """
    header: _Header | None = None
    packed: list[bytes] = []
    facts: dict[bytes, bytes] = {}
    for kind, body in chunks_of(data):
        if kind == b"IHDR":
            header = _header_of(body, max_pixels)
        elif header is None:
            raise ValueError("no header")
        elif kind == b"IDAT":
            packed.append(body)
        elif kind in (b"iTXt", b"tEXt", b"zTXt"):
            facts[kind + body.partition(b"\0")[0]] = body
        else:
            facts.setdefault(kind, body)
    if header is None:
        raise ValueError("no header")
    samples = _colored(_samples(header, b"".join(packed), lenient), header, facts, lenient)
    return Decoded(samples, _encoding_of(facts), _orientation_of(facts))


def chunk(kind: bytes, body: bytes) -> bytes:
    """Frame a chunk: its length, kind, content and checksum."""
    return pack(">I", len(body)) + kind + body + pack(">I", crc32(body, crc32(kind)))


def chunks_of(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Walk through a PNG's chunks; the last may be cut short, which its reader will find out.

    Raises
    ------
    ValueError
        If a chunk that a picture cannot do without is damaged.
    """
    start = len(SIGNATURE)
    while start + 8 <= len(data):
        length, kind = unpack_from(">I4s", data, start)
        if not kind.isalpha():
            raise ValueError("broken chunk name")
        body = data[start + 8 : start + 8 + length]
        checksum = data[start + 8 + length : start + 12 + length]
        sound = len(checksum) < 4 or crc32(body, crc32(kind)) == unpack(">I", checksum)[0]
        # Metadata can be done without; the transparent colors cannot.
        if not sound and (kind[:1].isupper() or kind == b"tRNS"):
            raise ValueError(f"wrong checksum of {kind.decode('ascii')}")
        if kind == b"IEND":
            return
        if sound:
            yield kind, body
        start += 12 + length


def _header_of(body: bytes, max_pixels: int) -> _Header:
    if len(body) != 13:
        raise ValueError("broken header")
    header = _Header(*unpack(">IIBBBBB", body))
    if header.depth not in _DEPTHS.get(header.color_type, ()):
        raise ValueError(f"color type {header.color_type} with {header.depth} bits")
    if header.compression or header.filtering or header.interlaced > 1:
        raise ValueError("unknown compression, filter or interlace method")
    if not 0 < header.width < 1 << 31 or not 0 < header.height < 1 << 31:
        raise ValueError(f"{header.width} x {header.height} pixels")
    if header.width * header.height > max_pixels:
        raise ImageTooLarge(f"{header.width} x {header.height} pixels are more than {max_pixels}")
    return header


def _samples(header: _Header, packed: bytes, lenient: bool) -> NDArray[Any]:
    """Unpack to (height, width, channels), uint8 or uint16, low depths not yet scaled."""
    passes = [
        (x, y, dx, dy, -(-(header.width - x) // dx), -(-(header.height - y) // dy))
        for x, y, dx, dy in (_ADAM7 if header.interlaced else _WHOLE)
        if x < header.width and y < header.height
    ]
    row_bytes = [(width * header.pixel_bits + 7) // 8 for *_, width, _ in passes]
    sizes = [(n + 1) * height for n, (*_, height) in zip(row_bytes, passes, strict=True)]
    rows = _inflated(packed, sum(sizes), lenient)
    if len(passes) == 1:
        return _unpacked(rows, row_bytes[0], header.width, header)
    dtype = np.uint16 if header.depth == 16 else np.uint8
    shape = (header.height, header.width, _CHANNELS[header.color_type])
    samples = np.empty(shape, dtype)
    start = 0
    for n, size, (x, y, dx, dy, width, _) in zip(row_bytes, sizes, passes, strict=True):
        samples[y::dy, x::dx] = _unpacked(rows[start : start + size], n, width, header)
        start += size
    return samples


def _inflated(packed: bytes, size: int, lenient: bool) -> NDArray[np.uint8]:
    if not packed:
        raise ValueError("it holds no picture")
    # No stream unpacks to more than 1032 times its size: memory is taken for what can be there.
    if size <= 1032 * len(packed):
        import deflate

        # Twice as fast, for whole streams of just this size, which end with the sum of their bytes.
        with suppress(deflate.DeflateError):
            whole = deflate.zlib_decompress(packed, size)
            is_end = packed.find(pack(">I", deflate.adler32(whole))) == len(packed) - 4
            if len(whole) == size and (is_end or lenient):
                return np.frombuffer(whole, np.uint8)
    stream = zlib.decompressobj()
    data = stream.decompress(packed, size)
    if len(data) < size:
        raise ValueError(f"the file ends after {100 * len(data) // size} % of the picture")
    # The checksum stands behind the last byte.
    more = stream.decompress(stream.unconsumed_tail, 1)
    if not lenient and (more or stream.unused_data or not stream.eof):
        raise ValueError("more is packed where the picture is, or its end is missing")
    return np.frombuffer(data, np.uint8)


def _unpacked(rows: NDArray[np.uint8], row_bytes: int, width: int, header: _Header) -> NDArray[Any]:
    pixel_bytes = (header.pixel_bits + 7) // 8
    values: NDArray[Any] = _native.unfilter(rows, row_bytes, pixel_bytes)
    height = len(values)
    if header.depth == 16:
        values = values.view(">u2").astype(np.uint16)
    elif header.depth < 8:
        shifts = np.arange(8 - header.depth, -1, -header.depth, dtype=np.uint8)
        mask = np.uint8((1 << header.depth) - 1)
        values = (values[:, :, np.newaxis] >> shifts & mask).reshape(height, -1)[:, :width]
    return values.reshape(height, width, _CHANNELS[header.color_type])


def _colored(
    samples: NDArray[Any], header: _Header, facts: dict[bytes, bytes], lenient: bool
) -> NDArray[Any]:
    """Look palette entries up, scale low depths, and make the transparent color transparent."""
    clear = facts.get(b"tRNS")
    if header.color_type == 3:
        return _looked_up(samples[:, :, 0], facts.get(b"PLTE", b""), clear, lenient)
    alpha = None
    if clear and header.color_type in (0, 2):
        color = np.frombuffer(clear[: 2 * samples.shape[2]], ">u2")
        if len(color) < samples.shape[2]:
            raise ValueError("broken transparent color")
        alpha = (samples != color).any(axis=2)
    if header.depth < 8:
        samples = samples * np.uint8(255 // ((1 << header.depth) - 1))
    if alpha is None:
        return samples
    opaque = np.iinfo(samples.dtype).max
    return np.dstack([samples, alpha.astype(samples.dtype) * opaque])


def _looked_up(
    indices: NDArray[Any], palette: bytes, clear: bytes | None, lenient: bool
) -> NDArray[np.uint8]:
    n_colors = len(palette) // 3
    if not 1 <= n_colors <= 256:
        raise ValueError("broken palette")
    if not lenient and n_colors <= (highest := int(indices.max())):
        raise ValueError(f"an index of {highest} in a palette of {n_colors} colors")
    # An index beyond the palette is opaque black, as browsers show it (section 11.2.2).
    colors = np.zeros((256, 4), np.uint8)
    colors[:, 3] = 255
    colors[:n_colors, :3] = np.frombuffer(palette[: 3 * n_colors], np.uint8).reshape(-1, 3)
    alphas = np.frombuffer((clear or b"")[:256], np.uint8)
    colors[: len(alphas), 3] = alphas
    return np.take(colors if clear else colors[:, :3], indices, axis=0)


def _encoding_of(facts: dict[bytes, bytes]) -> Encoding:
    """Read how samples stand for light: a profile wins over sRGB, and that over gamma."""
    if b"iCCP" in facts:
        profile = expanded(packed_part(b"iCCP", facts[b"iCCP"]))
        if profile:
            return icc_encoding(profile)
    if b"sRGB" in facts:
        return None
    gamma, chromaticities = facts.get(b"gAMA", b""), facts.get(b"cHRM", b"")
    return png_encoding(
        unpack(">I", gamma)[0] / 100000 if len(gamma) == 4 else None,
        tuple(v / 100000 for v in unpack(">8I", chromaticities))
        if len(chromaticities) == 32
        else None,
    )


def expanded(packed: bytes) -> bytes:
    """Inflate metadata; empty if it is damaged or larger than the package takes any."""
    data, ended = _opened(packed, MAX_METADATA_BYTES)
    return data if ended else b""


def is_larger(packed: bytes, limit: int) -> bool:
    """Tell whether metadata inflates to more than so many bytes."""
    return len(_opened(packed, limit + 1)[0]) > limit


def _opened(packed: bytes, limit: int) -> tuple[bytes, bool]:
    """Inflate up to so many bytes, and tell whether these are all."""
    stream = zlib.decompressobj()
    try:
        return stream.decompress(packed, limit), stream.eof
    except zlib.error:
        return b"", False


def packed_part(kind: bytes, body: bytes) -> bytes:
    """Give what is deflated in a chunk of text or a profile."""
    rest = body.partition(b"\0")[2]
    if kind != b"iTXt":
        return rest[1:]
    return rest[2:].split(b"\0", 2)[-1] if rest[:1] == b"\1" else b""


def _orientation_of(facts: dict[bytes, bytes]) -> int:
    """Find EXIF's orientation in the chunk of that name, or where other programs put it."""
    exif = facts.get(b"eXIf", b"")
    for kind in (b"zTXt", b"tEXt"):
        for name in (b"Raw profile type exif", b"Raw profile type APP1"):
            text = facts.get(kind + name, b"").partition(b"\0")[2]
            text = expanded(text[1:]) if kind == b"zTXt" else text
            digits = b"".join(text.split(b"\n")[3:])
            if not exif and re.fullmatch(rb"(?:[0-9a-fA-F]{2})+", digits):
                exif = bytes.fromhex(digits.decode("ascii"))
    text = facts.get(b"iTXtXML:com.adobe.xmp", b"")
    packed = packed_part(b"iTXt", text)
    xmp = expanded(packed) if packed else text.partition(b"\0")[2]
    return exif_orientation(exif) or xmp_orientation(xmp) or 1
