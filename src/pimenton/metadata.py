"""What a file says beside its picture: resolution, EXIF, XMP, texts.

Pixels leave pimenton upright and in sRGB, so what is kept never says how to turn them.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from struct import pack, pack_into, unpack, unpack_from
from typing import TYPE_CHECKING, Any

from pimenton import marks
from pimenton.png import SIGNATURE, chunk, chunks_of, expanded
from pimenton.reading import silence_libtiff, without_pillow_warnings

if TYPE_CHECKING:
    from PIL import Image

METADATA = {"strip": "Keep the resolution alone.", "keep": "Keep EXIF, XMP and texts."}

_ORIENTATION, _SOFTWARE, _XMP = 0x0112, 0x0131, 700
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _CENTIMETER = 282, 283, 296, 3
_STRIP_OFFSETS, _STRIP_BYTES = 273, 279
_DIRECTORIES = (34665, 34853)
# Tags of a TIFF that speak of the picture, not of how the file is laid out.
_TELLING_TAGS = (270, 271, 272, 306, 315, 33432, *_DIRECTORIES)
_METERS_PER_INCH = 0.0254
_XMP_KEY = b"XML:com.adobe.xmp"
_PROFILE_KEY = re.compile(rb"Raw profile type (exif|APP1|xmp)")


@dataclass(frozen=True)
class Metadata:
    """What goes into a file beside the picture.

    Attributes
    ----------
    resolution : (float, float) or None
        Pixels a meter, across and down.
    exif : bytes
        A TIFF structure without orientation; empty if there is none.
    xmp : bytes
        A packet without orientation; empty if there is none.
    texts : tuple of (bytes, bytes)
        Text chunks as a PNG has them: kind and content.
    mark : str
        Digest of the choices that made the picture.
    """

    resolution: tuple[float, float] | None = None
    exif: bytes = b""
    xmp: bytes = b""
    texts: tuple[tuple[bytes, bytes], ...] = field(default=())
    mark: str = ""


def read_metadata(source: Path | bytes, *, keep: str = "strip") -> Metadata:
    """Read what is to be kept of a file that holds a picture; damaged metadata is passed over.

    Parameters
    ----------
    source : path or bytes
        The file or its content.
    keep : str, optional
        A key of ``METADATA``.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        if file.read(len(SIGNATURE)) == SIGNATURE:
            file.seek(0)
            metadata = _of_png(file.read())
        else:
            file.seek(0)
            metadata = _of_pillow(file)
    if keep == "strip":
        return Metadata(metadata.resolution)
    return replace(metadata, exif=_upright_exif(metadata.exif), xmp=_upright_xmp(metadata.xmp))


def furnish(data: bytes, format: str, metadata: Metadata) -> bytes:
    """Put metadata into an encoded picture, as far as its format has a place for it.

    Parameters
    ----------
    data : bytes
        A file that ``encode`` made.
    format : str
        Its format, a key of ``FORMATS``.
    metadata : Metadata
        What to put in.
    """
    if metadata == Metadata():
        return data
    return _WRITERS[format](data, metadata)


def _of_png(data: bytes) -> Metadata:
    metadata = Metadata()
    texts: list[tuple[bytes, bytes]] = []
    with suppress(ValueError):
        for kind, body in chunks_of(data):
            key, _, text = body.partition(b"\0")
            if kind == b"pHYs" and len(body) == 9 and body[8] == 1:
                x, y = unpack(">II", body[:8])
                metadata = replace(metadata, resolution=(x, y) if x and y else None)
            elif kind == b"eXIf":
                metadata = replace(metadata, exif=body)
            elif kind == b"iTXt" and key == _XMP_KEY:
                packet = text[2:].split(b"\0", 2)[-1]
                packet = expanded(packet) if text[:1] == b"\1" else packet
                metadata = replace(metadata, xmp=packet)
            elif kind in (b"tEXt", b"zTXt") and _PROFILE_KEY.fullmatch(key):
                metadata = _with_raw_profile(metadata, key, kind, text)
            elif kind in (b"tEXt", b"zTXt", b"iTXt") and key != marks.NAME:
                texts.append((kind, body))
    return replace(metadata, texts=tuple(texts))


def _with_raw_profile(metadata: Metadata, key: bytes, kind: bytes, text: bytes) -> Metadata:
    """Take what ImageMagick writes as hexadecimal digits: name, length, then lines of them."""
    text = expanded(text[1:]) if kind == b"zTXt" else text
    with suppress(ValueError):
        content = bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
        if key.endswith(b"xmp"):
            return replace(metadata, xmp=metadata.xmp or content)
        if content.startswith((b"Exif\0\0", b"II", b"MM")):
            return replace(metadata, exif=metadata.exif or content)
    return metadata


def _of_pillow(file: Any) -> Metadata:
    from PIL import Image

    silence_libtiff()
    # Damaged metadata raises errors of many kinds, and is no reason to refuse the picture.
    try:
        with without_pillow_warnings(), Image.open(file) as image:
            info = image.info
            exif = info.get("exif", b"")
            if image.format == "TIFF":
                exif = _exif_of_tiff(image)
            xmp = info.get("xmp", b"")
            return Metadata(_resolution_of(info.get("dpi")), bytes(exif), _as_bytes(xmp))
    except Exception:
        return Metadata()


def _resolution_of(dpi: Any) -> tuple[float, float] | None:
    with suppress(TypeError, ValueError, ZeroDivisionError, OverflowError):
        x, y = (float(value) / _METERS_PER_INCH for value in dpi)
        # One dot an inch is what programs write that know of none.
        if 40 <= x < 1 << 31 and 40 <= y < 1 << 31:
            return x, y
    return None


def _exif_of_tiff(image: "Image.Image") -> bytes:
    exif = image.getexif()
    for tag in list(exif):
        if tag not in _TELLING_TAGS:
            del exif[tag]
    _load_directories(exif)
    return exif.tobytes() if len(exif) else b""


def _load_directories(exif: "Image.Exif") -> None:
    # Pillow writes those that it has been asked for.
    for tag in _DIRECTORIES:
        if tag in exif:
            exif.get_ifd(tag)


def _as_bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _upright_exif(exif: bytes) -> bytes:
    """Take orientation and thumbnail out of EXIF data; all of it where it is damaged."""
    if not exif:
        return b""
    from PIL import Image

    try:
        kept = Image.Exif()
        kept.load(exif if exif.startswith(b"Exif\0\0") else b"Exif\0\0" + exif)
        _load_directories(kept)
        kept.pop(_ORIENTATION, None)
        return kept.tobytes().removeprefix(b"Exif\0\0") if len(kept) else b""
    except Exception:
        return b""


def _upright_xmp(xmp: bytes) -> bytes:
    return re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[1-8]", rb"\g<1>1", xmp.rstrip(b"\0"))


def _in_png(data: bytes, metadata: Metadata) -> bytes:
    before = b""
    if metadata.resolution:
        x, y = (round(value) for value in metadata.resolution)
        before += chunk(b"pHYs", pack(">IIB", x, y, 1))
    if metadata.exif:
        before += chunk(b"eXIf", metadata.exif)
    if metadata.xmp:
        before += chunk(b"iTXt", _XMP_KEY + b"\0\0\0\0\0" + metadata.xmp)
    before += b"".join(chunk(kind, body) for kind, body in metadata.texts)
    if metadata.mark:
        before += chunk(b"tEXt", marks.NAME + b"\0" + metadata.mark.encode())
    # Resolution belongs before the pixels; the header is the first chunk and has a fixed length.
    start = data.index(b"IHDR") + 4 + 13 + 4
    return data[:start] + before + data[start:]


def _in_gif(data: bytes, metadata: Metadata) -> bytes:
    """Put comments and XMP before the first frame."""
    extra = b""
    for text in (_said(metadata), *(body.partition(b"\0")[2] for _, body in metadata.texts)):
        if text:
            extra += b"\x21\xfe" + _sub_blocks(text)
    if metadata.xmp:
        # The magic trailer ends a reader that takes the packet for sub-blocks.
        trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
        extra += b"\x21\xff\x0bXMP DataXMP" + metadata.xmp + trailer
    n_colors = 2 << (data[10] & 7) if data[10] & 0x80 else 0
    start = 13 + 3 * n_colors
    # Extensions came with the later version of the format.
    return b"GIF89a" + data[6:start] + extra + data[start:]


def _said(metadata: Metadata) -> bytes:
    return marks.NAME + b" " + metadata.mark.encode() if metadata.mark else b""


def _sub_blocks(text: bytes) -> bytes:
    parts = (text[i : i + 255] for i in range(0, len(text), 255))
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = 12
    while start + 8 <= len(data):
        kind, size = unpack_from("<4sI", data, start)
        yield kind, data[start + 8 : start + 8 + size]
        start += 8 + size + size % 2


def _in_webp(data: bytes, metadata: Metadata) -> bytes:
    """Bring a WebP into the extended form, which alone has places for metadata."""
    extra = [(b"EXIF", metadata.exif), (b"XMP ", metadata.xmp), (b"PIME", _said(metadata))]
    extra = [(kind, body) for kind, body in extra if body]
    if not extra:
        return data
    chunks = list(_riff_chunks(data))
    if chunks[0][0] != b"VP8X":
        bits = unpack_from("<I", chunks[0][1], 1)[0]
        width, height, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
        sides = pack("<I", width)[:3] + pack("<I", height)[:3]
        chunks.insert(0, (b"VP8X", bytes([alpha << 4, 0, 0, 0]) + sides))
    flags = (0x08 if metadata.exif else 0) | (0x04 if metadata.xmp else 0)
    head = bytes([chunks[0][1][0] | flags]) + chunks[0][1][1:]
    chunks = [(b"VP8X", head), *chunks[1:], *extra]
    body = b"WEBP" + b"".join(
        kind + pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for kind, part in chunks
    )
    return b"RIFF" + pack("<I", len(body)) + body


def _in_tiff(data: bytes, metadata: Metadata) -> bytes:
    """Put a longer directory before the strips of a TIFF."""
    from PIL import Image, TiffImagePlugin

    with Image.open(BytesIO(data)) as image:
        directory = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
        for tag, value in image.tag_v2.items():  # type: ignore[attr-defined]
            directory.tagtype[tag] = image.tag_v2.tagtype[tag]  # type: ignore[attr-defined]
            directory[tag] = value
    if metadata.resolution:
        directory[_X_RESOLUTION], directory[_Y_RESOLUTION] = (
            TiffImagePlugin.IFDRational(round(value), 100) for value in metadata.resolution
        )
        directory[_RESOLUTION_UNIT] = _CENTIMETER
    if metadata.exif:
        exif = Image.Exif()
        exif.load(b"Exif\0\0" + metadata.exif)
        for tag in set(exif) & set(_TELLING_TAGS):
            directory[tag] = exif.get_ifd(tag) if tag in _DIRECTORIES else exif[tag]
    if metadata.mark:
        directory[_SOFTWARE] = _said(metadata).decode()
    if metadata.xmp:
        directory[_XMP] = metadata.xmp
    # Written, strips are taken to lie behind the directory, at places that count from its end.
    strips, sizes = directory[_STRIP_OFFSETS], directory[_STRIP_BYTES]
    end = max(start + size for start, size in zip(strips, sizes, strict=True))
    directory[_STRIP_OFFSETS] = tuple(start - 8 for start in strips)
    return data[:4] + pack("<I", 8) + directory.tobytes(8) + data[8:end]


def _in_bmp(data: bytes, metadata: Metadata) -> bytes:
    """Write the resolution into the header; a BMP has no place for more."""
    if not metadata.resolution:
        return data
    changed = bytearray(data)
    pack_into("<ii", changed, 38, *(round(value) for value in metadata.resolution))
    return bytes(changed)


_WRITERS: dict[str, Callable[[bytes, Metadata], bytes]] = {
    "png": _in_png,
    "gif": _in_gif,
    "webp": _in_webp,
    "tiff": _in_tiff,
    "bmp": _in_bmp,
}
