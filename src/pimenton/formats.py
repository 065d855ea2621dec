"""Files written: pictures of few colors in every format that holds them without loss."""

import math
import os
import platform
import stat
from binascii import crc32
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, Any

import numpy as np

from pimenton import _native
from pimenton.indexed import IndexedImage
from pimenton.packing import deflated, optimized_png, zlib_of
from pimenton.pixels import Pixels

if TYPE_CHECKING:
    from PIL import Image

    from pimenton.stores import Url

# How the names of files begin that are being written; the number of the process follows, and eight
# digits for the machine it runs on, since several machines may write into one folder.
TEMPORARY = ".pimenton-"
HOST = f"{crc32(platform.node().encode()):08x}"


def encode(
    image: IndexedImage, format: str = "png", *, effort: str = "balanced", parsed: bool = False
) -> bytes:
    """Encode a picture of few colors.

    Parameters
    ----------
    image : IndexedImage
        The picture.
    format : str, optional
        A key of ``FORMATS``. GIF has no partial opacity: it is rounded to all or nothing.
        BMP has none at all.
    effort : {"fast", "balanced", "best"}, optional
        How long to look for fewer bytes.
    parsed : bool, optional
        Whether the indices were chosen by `parsing.parse`: then row filters can only spoil them.

    Returns
    -------
    bytes
        The file's content.

    Raises
    ------
    ValueError
        If the format is unknown, or cannot hold the picture.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {format!r}")
    if parsed and format == "png":
        return parsed_png(image, effort)
    return FORMATS[format](image, effort)


def encode_pixels(pixels: Pixels, *, quality: int | None = None) -> bytes:
    """Encode a picture of any number of colors, to be looked at.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The picture.
    quality : int, optional
        Of a WebP with loss, 0 to 100; without it, the result is a PNG without loss.

    Returns
    -------
    bytes
        The file's content.
    """
    from PIL import Image

    picture = Image.fromarray(pixels)
    if pixels[:, :, 3].min() == 255:
        picture = picture.convert("RGB")
    if quality is None:
        return _saved(picture, "PNG", compress_level=1)
    return _saved(picture, "WEBP", quality=quality, method=2)


def reduce_pixels(pixels: Pixels, max_pixels: int) -> Pixels:
    """Make a picture of no more than so many pixels, each the mean of those it stands for.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The picture; it comes back as it is if it is no larger.
    max_pixels : int
        Most pixels wanted.
    """
    height, width = pixels.shape[:2]
    ratio = math.sqrt(max_pixels / (height * width))
    if ratio >= 1:
        return pixels
    from PIL import Image

    size = max(1, int(width * ratio)), max(1, int(height * ratio))
    reduced = Image.fromarray(pixels).convert("RGBa").resize(size, Image.Resampling.BOX)
    return np.array(reduced.convert("RGBA"))


def format_of(path: "Path | Url") -> str:
    """Give the format that a file name's ending says.

    Raises
    ------
    ValueError
        If the ending is of no format that can be written.

    Examples
    --------
    >>> format_of(Path("photo.TIF"))
    'tiff'
    """
    ending = path.suffix.lower().removeprefix(".")
    format = {"tif": "tiff"}.get(ending, ending)
    if format not in FORMATS:
        raise ValueError(f"{path}: the name must end in .{', .'.join(FORMATS)}")
    return format


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: under a temporary name beside it, then renamed.

    A file that exists keeps its mode, and a link stays and has its target replaced. A device or a
    pipe is written to.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(os.path.realpath(path))
    mode = path.stat().st_mode if path.exists() else None
    if mode is not None and not stat.S_ISREG(mode):
        path.write_bytes(data)
        return
    partial = path.with_name(f"{TEMPORARY}{os.getpid()}-{HOST}{os.urandom(4).hex()}")
    try:
        with partial.open("xb") as file:
            file.write(data)
        if mode is not None:
            partial.chmod(stat.S_IMODE(mode))
        partial.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = os.fspath(path)
        raise


def pack_indices(
    image: IndexedImage, bits: int | None = None
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Pack indices as PNG stores them, high bits first, (height, bytes of a row) uint8."""
    bits = bits or image.bit_depth
    if bits == 8:
        return image.indices
    per_byte = 8 // bits
    padded = np.pad(image.indices, ((0, 0), (0, -image.width % per_byte)))
    parts: np.ndarray[Any, np.dtype[np.uint8]] = padded.reshape(image.height, -1, per_byte)
    shifts = np.arange(per_byte - 1, -1, -1, dtype=np.uint8) * np.uint8(bits)
    packed: np.ndarray[Any, np.dtype[np.uint8]] = np.bitwise_or.reduce(parts << shifts, axis=2)
    return packed


# Pixels up to which oxipng's level 4 takes no more than about a quarter of a second.
_SMALL = 1 << 17


def _png(image: IndexedImage, effort: str) -> bytes:
    if effort == "fast":
        return _plain_png(image, level=6)
    level = 2 if effort == "balanced" and image.indices.size > _SMALL else 4
    return min(filtered_png(image, level=level), _plain_png(image, level=12), key=len)


def filtered_png(image: IndexedImage, level: int) -> bytes:
    """Encode with the row filters that oxipng finds; level 2 takes a fifth of the time of 4."""
    return optimized_png(
        pack_indices(image).tobytes(),
        (image.width, image.height),
        image.palette.colors.tolist(),
        image.bit_depth,
        level=level,
    )


def parsed_png(image: IndexedImage, effort: str) -> bytes:
    """Encode without row filters, in whole bytes or packed, whichever is smaller."""
    from pimenton.parsing import MatchedImage

    # Of photographs level 12 gains less than 0.1 % over 10 and takes twice as long, of drawings it
    # gains up to 10 %; below 10 nothing is optimal.
    small = effort == "balanced" and image.indices.size <= 2 * _SMALL
    level = 12 if small else {"fast": 6, "balanced": 10, "best": 12}[effort]
    files = []
    # What libdeflate finds in the bytes at level 10 is smaller than what the parse saw in its rows.
    if isinstance(image, MatchedImage) and effort == "fast":
        stream = zlib_of(_native.deflate(image.tokens).tobytes(), rows_of(image, 8))
        files.append(png_of(image, 8, stream))
        if image.bit_depth == 8:
            return files[0]
    files += [_plain_png(image, level, bits) for bits in {8, image.bit_depth}]
    return min(files, key=len)


def _plain_png(image: IndexedImage, level: int, bit_depth: int | None = None) -> bytes:
    """Encode without row filters, which seldom help indices."""
    bit_depth = bit_depth or image.bit_depth
    return png_of(image, bit_depth, deflated(rows_of(image, bit_depth), level))


def rows_of(image: IndexedImage, bit_depth: int) -> bytes:
    """Give the rows as PNG has them, each after its filter byte."""
    return np.pad(pack_indices(image, bit_depth), ((0, 0), (1, 0))).tobytes()


def png_of(image: IndexedImage, bit_depth: int, stream: bytes) -> bytes:
    """Put a PNG around the stream of its rows."""
    import deflate

    colors = image.palette.colors
    # Entries after the last one that is not opaque need no opacity.
    n_alphas = int(np.flatnonzero(colors[:, 3] < 255)[-1]) + 1 if not image.palette.is_opaque else 0
    chunks = [
        (b"IHDR", pack(">IIBBBBB", image.width, image.height, bit_depth, 3, 0, 0, 0)),
        (b"PLTE", colors[:, :3].tobytes()),
        *([(b"tRNS", colors[:n_alphas, 3].tobytes())] if n_alphas else []),
        (b"IDAT", stream),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(body)) + kind + body + pack(">I", deflate.crc32(kind + body))
        for kind, body in chunks
    )


def _paletted(image: IndexedImage) -> "Image.Image":
    from PIL import Image

    paletted = Image.frombytes("P", (image.width, image.height), image.indices.tobytes())
    paletted.putpalette(image.palette.colors[:, :3].tobytes())
    return paletted


def _saved(picture: "Image.Image", format: str, **choices: Any) -> bytes:
    file = BytesIO()
    picture.save(file, format, **choices)
    return file.getvalue()


def _gif(image: IndexedImage, effort: str) -> bytes:
    # With it comes the parse, which nothing else here needs.
    from pimenton.gif import CodedImage, coded_gif

    if isinstance(image, CodedImage):
        return coded_gif(image)
    hidden = image.palette.colors[:, 3] < 128
    if not hidden.any():
        return _saved(_paletted(image), "GIF", optimize=False)
    # All hidden entries become the first of them: a GIF has one transparent index.
    first = int(np.flatnonzero(hidden)[0])
    merged = np.where(hidden, first, np.arange(len(hidden))).astype(np.uint8)
    picture = _paletted(IndexedImage(merged[image.indices], image.palette))
    return _saved(picture, "GIF", optimize=False, transparency=first)


def _webp(image: IndexedImage, effort: str) -> bytes:
    from pimenton.webp import TiledImage, can_tile, tiled_webp

    tiled = tiled_webp(image) if isinstance(image, TiledImage) and can_tile(image) else None
    if tiled is not None and image.indices.size > _SMALL:
        return tiled
    from PIL import Image

    picture = Image.fromarray(image.to_pixels())
    method = {"fast": 3, "balanced": 4, "best": 5}[effort]
    data = _saved(picture, "WEBP", lossless=True, quality=100, method=method, exact=True)
    return data if tiled is None else min(data, tiled, key=len)


def _tiff(image: IndexedImage, effort: str) -> bytes:
    from PIL import Image

    # A TIFF's palette has no opacity.
    opaque = image.palette.is_opaque
    picture = _paletted(image) if opaque else Image.fromarray(image.to_pixels())
    return _saved(picture, "TIFF", compression="tiff_adobe_deflate")


def _bmp(image: IndexedImage, effort: str) -> bytes:
    if not image.palette.is_opaque:
        raise ValueError("bmp has no opacity; the picture must be opaque or of another format")
    return _saved(_paletted(image), "BMP")


FORMATS: dict[str, Callable[[IndexedImage, str], bytes]] = {
    "png": _png,
    "gif": _gif,
    "webp": _webp,
    "tiff": _tiff,
    "bmp": _bmp,
}
