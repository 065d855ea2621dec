"""The page that sets results beside their original: one file, no network.

Markup, style, scripts and texts are data files in ``web``; here they are joined with the pictures
as data addresses and the figures as JSON. A result is shown from the bytes of its own file, so that
what is judged is what was written.
"""

import json
import math
import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Any

from pimenton.formats import encode_pixels
from pimenton.histogram import Histogram
from pimenton.palette import MAX_COLORS, Palette
from pimenton.pixels import Pixels
from pimenton.quality import mse, psnr
from pimenton.reading import read_image
from pimenton.report import Compressed, Report

LANGUAGES = ("en", "es")
SCRIPTS = ("stage.js", "panels.js", "compare.js")

# Beginnings of the files that browsers show as they are; BMP has forms that they show differently.
SIGNATURES = {
    "image/png": (0, b"\x89PNG\r\n\x1a\n"),
    "image/gif": (0, b"GIF8"),
    "image/jpeg": (0, b"\xff\xd8\xff"),
    "image/webp": (8, b"WEBP"),
    "image/avif": (4, b"ftypavif"),
}

# A page of more than about 20 MB opens slowly on a phone.
MAX_LOSSLESS_BYTES = 16_000_000
WEBP_QUALITY = 95
# The largest side that WebP can hold.
MAX_WEBP_SIDE = 16_383


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture to be compared.

    Attributes
    ----------
    name : str
        What it is called on the page.
    pixels : (height, width, 4) uint8
        Its pixels.
    data : bytes, optional
        The content of its file.
    report : Report, optional
        How it was made.
    """

    name: str
    pixels: Pixels
    data: bytes | None = None
    report: Report | None = None

    @classmethod
    def read(cls, source: str | os.PathLike[str] | bytes, *, name: str | None = None) -> "Picture":
        """Read a file, or its content.

        Parameters
        ----------
        source : path or bytes
            A picture of any format that ``read_image`` takes.
        name : str, optional
            What it is called, by default the file's name without its folder.

        Raises
        ------
        UnreadableImage
            If it is not a picture or is damaged.
        OSError
            If the file cannot be opened.
        """
        if isinstance(source, bytes):
            return cls(name or "picture", read_image(source), source)
        file = BytesIO(Path(source).read_bytes())
        file.name = os.fsdecode(source)
        return cls(name or Path(source).name, read_image(file), file.getvalue())

    @classmethod
    def of(cls, name: str, compressed: Compressed) -> "Picture":
        """Take what a compression wrote, as a reader of the file sees it."""
        return cls(name, read_image(compressed.data), compressed.data, compressed.report)


def compare_page(
    original: Picture, results: Sequence[Picture], *, title: str | None = None, lang: str = "en"
) -> str:
    """Make a page that shows results beside their original.

    Parameters
    ----------
    original : Picture
        The picture that the others came from. It is shown as a PNG without loss, or, if that is
        too large, as a WebP of quality 95; the page says which.
    results : sequence of Picture
        One or more of the same size. Each is shown from its own file if browsers can show it, else
        like the original. Its palette is its report's, or its colors if there are at most 256.
    title : str, optional
        Title of the page, by default the original's name.
    lang : {"en", "es"}, optional
        Language of the texts.

    Returns
    -------
    str
        HTML that needs nothing else, to be written as UTF-8.

    Raises
    ------
    ValueError
        If there is no result, one has another size than the original, or the language is unknown.
    """
    _check(original, results, lang)
    text = json.loads(_file(f"text.{lang}.json"))
    shown = [_shown(original.pixels, None), *(_shown(r.pixels, r.data) for r in results)]
    height, width = original.pixels.shape[:2]
    data = {
        "lang": lang,
        "text": text,
        "width": width,
        "height": height,
        "original": _facts(original, shown[0]),
        "results": [
            _facts(result, how) | _distance(original, result) | _making(result)
            for result, how in zip(results, shown[1:], strict=True)
        ],
    }
    images = [
        _image(picture, how) for picture, how in zip([original, *results], shown, strict=True)
    ]
    parts = {name: escape(words) for name, words in text.items()}
    parts |= {
        "lang": lang,
        "title": escape(_printable(title or original.name)),
        "aspect": f"{width} / {height}",
        "style": _file("compare.css"),
        "script": "\n".join(_file(name) for name in SCRIPTS),
        "original_image": images[0],
        "result_images": "\n        ".join(images[1:]),
        "data": _json(data),
    }
    return Template(_file("compare.html")).substitute(parts)


@dataclass(frozen=True)
class _Shown:
    """How a picture is embedded."""

    kind: str  # file, png or webp
    address: str


def _check(original: Picture, results: Sequence[Picture], lang: str) -> None:
    if lang not in LANGUAGES:
        raise ValueError(f"lang must be one of {', '.join(LANGUAGES)}; got {lang!r}")
    if not results:
        raise ValueError("results must hold at least one picture; got none")
    height, width = original.pixels.shape[:2]
    for result in results:
        if result.pixels.shape != original.pixels.shape:
            raise ValueError(
                f"{result.name}: a result must have the size of its original, {width} x {height} "
                f"pixels; got {result.pixels.shape[1]} x {result.pixels.shape[0]}"
            )


def _shown(pixels: Pixels, data: bytes | None) -> _Shown:
    for media_type, (start, signature) in SIGNATURES.items():
        if data is not None and data[start : start + len(signature)] == signature:
            return _Shown("file", _address(media_type, data))
    lossless = encode_pixels(pixels)
    if len(lossless) <= MAX_LOSSLESS_BYTES or max(pixels.shape) > MAX_WEBP_SIDE:
        return _Shown("png", _address("image/png", lossless))
    return _Shown("webp", _address("image/webp", encode_pixels(pixels, quality=WEBP_QUALITY)))


def _address(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{b64encode(data).decode('ascii')}"


def _image(picture: Picture, shown: _Shown) -> str:
    clear = "" if picture.pixels[:, :, 3].min() == 255 else ' class="translucent"'
    name = escape(_printable(picture.name))
    return f'<img{clear} alt="{name}" draggable="false" src="{shown.address}">'


def _facts(picture: Picture, shown: _Shown) -> dict[str, Any]:
    """Say what is true of a picture alone."""
    histogram = Histogram.of(picture.pixels)
    facts: dict[str, Any] = {
        "name": _printable(picture.name),
        "shown": shown.kind,
        "n_colors": len(histogram.colors),
    }
    if picture.data is not None:
        facts["size_bytes"] = len(picture.data)
        facts["bits_per_pixel"] = 8 * len(picture.data) / histogram.n_pixels
    if len(histogram.colors) <= MAX_COLORS:
        count_of = dict(zip(Palette(histogram.colors).hex, histogram.counts.tolist(), strict=True))
        palette = Palette.of(histogram.colors).hex
        facts |= {"palette": palette, "counts": [count_of[name] for name in palette]}
    return facts


def _distance(original: Picture, result: Picture) -> dict[str, float | None]:
    """Say how far a result is from its original; JSON has no infinity, so that becomes None."""
    error = mse(original.pixels, result.pixels)
    decibels = psnr(error)
    return {"mse": error, "psnr": decibels if math.isfinite(decibels) else None}


def _making(result: Picture) -> dict[str, Any]:
    """Say how a result was made, if it is known; the report has the palette as it was written."""
    if result.report is None:
        return {}
    report = result.report.to_dict()
    names = ("n_colors", "palette", "counts", "inertia", "n_iter", "history", "elapsed_seconds")
    return {name: report[name] for name in (*names, "options")}


def _json(data: Mapping[str, Any]) -> str:
    """Write JSON that cannot end the script element it stands in."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _printable(name: str) -> str:
    """Make a file name fit for UTF-8: bytes that were no text become question marks."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _file(name: str) -> str:
    return resources.files("pimenton").joinpath("web", name).read_text("utf-8")
