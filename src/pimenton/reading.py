"""Pictures read: whatever a file holds becomes sRGB bytes with straight alpha, rounded once.

PNG has a decoder of our own (``png``), profiles of curves and a matrix are applied in double
precision (``profiles``); Pillow decodes every other format and applies profiles of tables.
"""

import os
import re
import sys
import warnings
import zlib
from contextlib import suppress
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pimenton.errors import ImageTooLarge, UnreadableImage
from pimenton.orientation import turned
from pimenton.pixels import Pixels, as_rgba
from pimenton.png import SIGNATURE, Decoded, decode_png
from pimenton.profiles import (
    Encoding,
    MatrixProfile,
    TableProfile,
    icc_encoding,
    png_encoding,
    to_bytes,
)
from pimenton.soundness import require_sound

if TYPE_CHECKING:
    from PIL import Image

Source = Any  # a path, bytes, a binary file, a PIL image, or an array

# Where Pillow itself refuses a picture as a decompression bomb: 0.7 GB in memory.
MAX_PIXELS = 178_956_970

# Signatures of what Pillow is asked to read, and the modules that do so. Left out are formats that
# run other programs, and those without a signature, which would make a picture of anything.
_HEIF = "pi_heif"
_FORMATS = {
    "JPEG": ("Jpeg", rb"\xff\xd8\xff"),
    "GIF": ("Gif", rb"GIF8[79]a"),
    "BMP": ("Bmp", rb"BM"),
    "TIFF": ("Tiff", rb"II\*\0|MM\0\*|II\+\0|MM\0\+"),
    "WEBP": ("WebP", rb"RIFF....WEBP"),
    "HEIF": (_HEIF, rb"....ftyp(?:hei[cxms]|hev[cxms]|m(?:if|sf)1(?!.{0,40}avi[fs]))"),
    "AVIF": ("Avif", rb"....ftyp(?:avi[fs]|mi[af]1|msf1)"),
    "PPM": ("Ppm", rb"P[1-7yfF]"),
    "ICO": ("Ico", rb"\0\0\x01\0"),
    "PSD": ("Psd", rb"8BPS"),
    "QOI": ("Qoi", rb"qoif"),
}

_ORIENTATION = 0x0112
_PHOTOMETRIC = 0x0106
_PLANAR = 0x011C
_BITS_PER_SAMPLE = 0x0102


def read_image(source: Source, *, max_pixels: int = MAX_PIXELS, lenient: bool = False) -> Pixels:
    """Read a picture.

    Gray, palette, CMYK and 16-bit pictures, color profiles, a PNG's gamma and EXIF rotation are
    resolved here. Of an animation or a document the first picture is read.

    Parameters
    ----------
    source : path, bytes, binary file, PIL image, or array
        An array is taken as by ``as_rgba``.
    max_pixels : int, optional
        Pictures with more pixels are refused before they are decoded.
    lenient : bool, optional
        Whether a file is taken whose picture can be read though something else in it is damaged.

    Returns
    -------
    (height, width, 4) uint8
        sRGB with straight alpha; fully transparent pixels are zero.

    Raises
    ------
    UnreadableImage
        If the source is not a picture or is damaged; ``ImageTooLarge`` if it has too many pixels.
    OSError
        If the file cannot be opened.
    """
    if isinstance(source, np.ndarray):
        return as_rgba(source)
    if not hasattr(source, "load") and hasattr(source, "__array_interface__"):
        return as_rgba(source)
    if hasattr(source, "getexif"):
        with without_pillow_warnings():
            source.load()
            return _finished(_of_pillow(source))
    name, file = _opened(source)
    with file:
        return _finished(_decoded(file, name, max_pixels, lenient))


def format_in(head: bytes) -> str:
    """Tell the format of a file by its first 64 bytes; empty if it is none that is read.

    Examples
    --------
    >>> format_in(b"GIF89a"), format_in(b"text")
    ('gif', '')
    """
    if head.startswith(SIGNATURE):
        return "png"
    for format, (_, signature) in _FORMATS.items():
        if re.match(signature, head, re.DOTALL):
            return format.lower()
    return ""


def source_bytes(source: Source) -> int | None:
    """Give the size of a file or of bytes; None for a picture in memory."""
    if isinstance(source, bytes | bytearray | memoryview):
        return len(source)
    return os.path.getsize(source) if isinstance(source, str | os.PathLike) else None


def _opened(source: Source) -> tuple[str, BinaryIO]:
    if isinstance(source, bytes | bytearray | memoryview):
        return "picture", BytesIO(source)
    if isinstance(source, str | os.PathLike):
        file: BinaryIO = open(source, "rb")  # noqa: SIM115 - the caller closes it
        return os.fsdecode(source), file if file.seekable() else BytesIO(file.read())
    if hasattr(source, "read"):
        return str(getattr(source, "name", "picture")), BytesIO(source.read())
    raise TypeError(
        f"an image must be a path, bytes, a file, a PIL image or an array; got {type(source)}"
    )


def _decoded(file: BinaryIO, name: str, max_pixels: int, lenient: bool) -> Decoded:
    head = file.read(64)
    file.seek(0)
    if not head:
        raise UnreadableImage(f"{name}: empty file")
    try:
        if head.startswith(SIGNATURE):
            data = file.read()
            decoded = decode_png(data, max_pixels, lenient=lenient)
            if not lenient:
                require_sound("png", data)
            return decoded
        for format, (module, signature) in _FORMATS.items():
            if re.match(signature, head, re.DOTALL):
                _load_decoder(module)
                return _decoded_by_pillow(file, format, max_pixels, lenient)
        raise UnreadableImage("not an image")
    except ImageTooLarge as error:
        raise ImageTooLarge(f"{name}: {error}") from error
    except UnreadableImage as error:
        raise UnreadableImage(f"{name}: {error}") from error
    except (ValueError, zlib.error) as error:
        raise UnreadableImage(f"{name}: damaged image ({_one_line(error)})") from error


def _load_decoder(module: str) -> None:
    if module != _HEIF:
        import_module(f"PIL.{module}ImagePlugin")
        return
    try:
        import_module(_HEIF).register_heif_opener()
    except ImportError as error:
        raise UnreadableImage("HEIC needs pi-heif: pip install 'pimenton[heif]'") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _finished(decoded: Decoded) -> Pixels:
    match decoded.encoding:
        case MatrixProfile() as profile:
            samples = profile.to_srgb(decoded.samples)
        case TableProfile() as profile:
            samples = _managed(to_bytes(decoded.samples), profile)
        case None:
            samples = to_bytes(decoded.samples)
    return as_rgba(turned(samples, decoded.orientation))


def _decoded_by_pillow(
    file: BinaryIO, format: str, max_pixels: int, lenient: bool = False
) -> Decoded:
    from PIL import Image, UnidentifiedImageError

    if format == "TIFF":
        silence_libtiff()
    # Decoders answer damage with errors of every kind, and each means the same to a reader.
    try:
        with without_pillow_warnings(), Image.open(file, formats=[format]) as image:
            if image.width * image.height > max_pixels:
                raise ImageTooLarge(
                    f"{image.width} x {image.height} pixels are more than {max_pixels}"
                    f"{_in_tiles(format)}"
                )
            if format == "TIFF":
                _refuse_separate_planes(image)
            tiles = list(getattr(image, "tile", []))
            image.load()
            if not lenient:
                file.seek(0)
                require_sound(format.lower(), file.read())
            return _of_pillow(image, _deep_samples(file, image, tiles))
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"damaged image, or an unknown kind of {format}") from error
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"more pixels than {MAX_PIXELS}{_in_tiles(format)}") from error
    except Exception as error:
        raise UnreadableImage(f"damaged image ({_one_line(error)})") from error


def _in_tiles(format: str) -> str:
    """Say who takes larger pictures, of the one format that there is someone for."""
    return "; `pimenton tiles` takes it" if format == "TIFF" else ""


def _refuse_separate_planes(image: "Image.Image") -> None:
    """Refuse what Pillow would read as noise: channels apart that are not 8-bit colors."""
    tags = getattr(image, "tag_v2", {})
    bits = set(tags.get(_BITS_PER_SAMPLE, (1,)))
    if tags.get(_PLANAR) == 2 and (bits != {8} or image.mode == "LA"):
        raise UnreadableImage("a TIFF of separate planes, which are read with 8 bits and colors")


@cache
def silence_libtiff() -> None:
    """Keep libtiff and Pillow's log from standard error: Pillow raises what they have to say."""
    import ctypes
    import logging

    from PIL import _imaging

    logging.getLogger("PIL").addHandler(logging.NullHandler())
    # Where libtiff is hidden inside Pillow it cannot be reached, and its talk is harmless.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def without_pillow_warnings() -> warnings.catch_warnings:
    """Hold back what Pillow says of odd metadata: the picture is read or it is an error."""
    return warnings.catch_warnings(action="ignore")


def _of_pillow(image: "Image.Image", deep: NDArray[Any] | None = None) -> Decoded:
    """Take over a loaded picture; ``deep`` are its samples where Pillow keeps 8 of 16 bits."""
    encoding = _encoding_of(image)
    orientation = _orientation_of(image)
    if image.mode in ("CMYK", "LAB"):
        return Decoded(_in_rgb(image, deep, encoding), None, orientation)
    if image.mode.startswith("I;16"):
        return Decoded(_grays_16(image), encoding, orientation)
    if image.mode in ("I", "F"):
        return Decoded(_grays_32(image), encoding, orientation)
    if deep is not None:
        return Decoded(deep, encoding, orientation)
    return Decoded(_samples_8(image), encoding, orientation)


def _encoding_of(image: "Image.Image") -> Encoding:
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        return icc_encoding(profile)
    if image.format != "PNG" or "srgb" in image.info:
        return None
    return png_encoding(image.info.get("gamma"), image.info.get("chromaticity"))


def _orientation_of(image: "Image.Image") -> int:
    # Broken EXIF data is no reason to refuse the picture, and has as many kinds of errors.
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:
        return 1
    return orientation if isinstance(orientation, int) else 1


def _samples_8(image: "Image.Image") -> NDArray[np.uint8]:
    transparent = image.has_transparency_data
    if image.mode in ("1", "L", "LA", "La"):
        gray = image.convert("LA" if transparent and image.mode != "1" else "RGBA")
        image = gray if transparent else image.convert("L")
    elif image.mode not in ("RGB", "RGBA") or transparent:
        image = image.convert("RGBA" if transparent else "RGB")
    samples = np.asarray(image)
    return samples if samples.ndim == 3 else samples[:, :, np.newaxis]


def _grays_16(image: "Image.Image") -> NDArray[np.uint16]:
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS_PER_SAMPLE, (16,))[0]
    values: NDArray[np.uint32] = np.asarray(image).astype(np.uint32) * 65535 // ((1 << bits) - 1)
    # Pillow leaves 16-bit grays as they are when zero is white.
    white_is_zero = tags.get(_PHOTOMETRIC) == 0
    grays = (65535 - values if white_is_zero else values).astype(np.uint16)
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return grays[:, :, np.newaxis]
    return np.dstack([grays, np.where(grays == clear, 0, 65535).astype(np.uint16)])


def _grays_32(image: "Image.Image") -> NDArray[np.uint16]:
    """Bring 32-bit values to 16 bits: as the format says, or from the range they have."""
    values = np.asarray(image, dtype=np.float64)
    high = float(np.nan_to_num(values).max())
    tops = [top for top in (1.0, 255.0, 65535.0) if high <= top]
    top = 65535.0 if image.format in ("PPM", "PNG") else min(tops, default=high)
    shares = np.clip(np.nan_to_num(values) / top, 0, 1)
    return (shares * 65535 + 0.5).astype(np.uint16)[:, :, np.newaxis]


def _deep_samples(
    file: BinaryIO, image: "Image.Image", tiles: list[Any]
) -> NDArray[np.uint16] | None:
    """Read 16-bit channels of a TIFF, of which Pillow keeps the high bytes.

    Told that the bytes are in the other order it keeps the low ones, so it is asked twice.
    """
    from PIL import Image

    names = {str(tile.args[0]) for tile in tiles if isinstance(tile.args, tuple) and tile.args}
    if image.format != "TIFF" or len(names) != 1 or ";16" not in (name := names.pop()):
        return None
    if image.mode not in ("RGB", "RGBA", "CMYK"):
        return None
    channels, order = name.split(";16")
    order = {"little": "L", "big": "B"}[sys.byteorder] if order == "N" else order
    halves: list[NDArray[np.uint16]] = []
    for half_order in (order, "L" if order == "B" else "B"):
        file.seek(0)
        with Image.open(BytesIO(file.read()), formats=["TIFF"]) as half:
            half.tile = [
                tile._replace(args=(f"{channels.upper()};16{half_order}", *tile.args[1:]))
                for tile in tiles
            ]
            halves.append(np.asarray(half).astype(np.uint16))
    samples = halves[0] << np.uint16(8) | halves[1]
    return _straight(samples) if channels == "RGBa" else samples


def _straight(samples: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Divide colors that were multiplied by their opacity."""
    alpha = np.maximum(samples[:, :, 3:].astype(np.uint64), 1)
    colors: NDArray[Any] = (samples[:, :, :3] * np.uint64(65535) + alpha // 2) // alpha
    return np.dstack([np.minimum(colors, 65535).astype(np.uint16), samples[:, :, 3]])


def _in_rgb(
    image: "Image.Image", deep: NDArray[np.uint16] | None, encoding: Encoding
) -> NDArray[np.uint8]:
    """Convert CMYK or Lab, by the profile if there is one that serves."""
    from PIL import Image, ImageCms

    if deep is not None:
        image = Image.fromarray(to_bytes(deep), image.mode)
    if image.mode == "LAB":
        return _converted(image, ImageCms.createProfile("LAB"))
    if isinstance(encoding, TableProfile) and encoding.space == "CMYK":
        with suppress(ImageCms.PyCMSError, OSError):
            return _converted(image, ImageCms.ImageCmsProfile(BytesIO(encoding.data)))
    return np.asarray(image.convert("RGB"))


def _managed(samples: NDArray[np.uint8], encoding: TableProfile) -> NDArray[np.uint8]:
    """Apply a profile of tables; one that cannot be used is passed over."""
    from PIL import Image, ImageCms

    n_colors = 1 if samples.shape[2] < 3 else 3
    colors = samples[:, :, :n_colors]
    if encoding.space == "RGB" and n_colors == 1:
        colors = np.repeat(colors, 3, axis=2)
    if encoding.space not in ("RGB", "GRAY") or (encoding.space == "GRAY" and n_colors == 3):
        return samples
    image = Image.fromarray(colors if colors.shape[2] == 3 else colors[:, :, 0])
    try:
        colors = _converted(image, ImageCms.ImageCmsProfile(BytesIO(encoding.data)))
    except (ImageCms.PyCMSError, OSError):
        return samples
    return np.concatenate([colors, samples[:, :, n_colors:]], axis=2)


def _converted(image: "Image.Image", profile: Any) -> NDArray[np.uint8]:
    from PIL import ImageCms

    target = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, profile, target, outputMode="RGB")
    return np.asarray(converted)
