"""Pages to look at: one file each, no network.

Markup, style, scripts and texts are data files in ``web``; here they are joined with pictures as
data addresses and figures as JSON. Scripts that other pages share are modules, and lose their
imports and exports where they are joined.
"""

import json
import os
import re
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
from pimenton.pixels import Pixels
from pimenton.reading import read_image
from pimenton.report import Compressed, Report

LANGUAGES = {"en": "English", "es": "Español"}

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
    """A picture on a page.

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


@dataclass(frozen=True)
class Shown:
    """How a picture is embedded.

    Attributes
    ----------
    kind : {"file", "png", "webp"}
        From the bytes of its own file, without loss, or as a WebP that is not exact.
    address : str
        Its data address.
    """

    kind: str
    address: str

    @classmethod
    def of(cls, picture: Picture, *, own_file: bool = True) -> "Shown":
        """Embed a picture: its own file if browsers show it, else a PNG, or a WebP if too large."""
        for media_type, (start, signature) in SIGNATURES.items():
            data = picture.data if own_file else None
            if data is not None and data[start : start + len(signature)] == signature:
                return cls("file", _address(media_type, data))
        lossless = encode_pixels(picture.pixels)
        if len(lossless) <= MAX_LOSSLESS_BYTES or max(picture.pixels.shape) > MAX_WEBP_SIDE:
            return cls("png", _address("image/png", lossless))
        lossy = encode_pixels(picture.pixels, quality=WEBP_QUALITY)
        return cls("webp", _address("image/webp", lossy))


def image_element(picture: Picture, shown: Shown) -> str:
    """Write the element of an embedded picture."""
    clear = "" if picture.pixels[:, :, 3].min() == 255 else ' class="translucent"'
    name = escape(printable(picture.name))
    return f'<img{clear} alt="{name}" draggable="false" src="{shown.address}">'


def check_language(lang: str) -> None:
    """Require a language that the texts are in.

    Raises
    ------
    ValueError
        If it is unknown.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"lang must be one of {', '.join(LANGUAGES)}; got {lang!r}")


def join_page(
    name: str,
    scripts: Sequence[str],
    *,
    title: str,
    lang: str,
    data: Mapping[str, Any],
    styles: Sequence[str] = (),
    libraries: Sequence[str] = (),
    **parts: str,
) -> str:
    """Join a page of ``web``: its body and style, its texts in every language, and its data.

    Parameters
    ----------
    name : str
        Of the page's body and style, and of its part of the texts.
    scripts : sequence of str
        Names of the scripts that run, one after the other, after ``words.js`` and ``base.js``.
    title : str
        Title of the page.
    lang : str
        Language at first; the page offers the others.
    data : mapping
        What the scripts find as ``data``, besides ``lang`` and ``texts``.
    styles : sequence of str
        Names of styles between ``base.css`` and the page's own.
    libraries : sequence of str
        Names of scripts by others, each with its licence.
    **parts : str
        Markup for the places of the body.

    Returns
    -------
    str
        HTML that needs nothing else, to be written as UTF-8.
    """
    texts = {lang: _texts(name, lang) for lang in LANGUAGES}
    return Template(_file("page.html")).substitute(
        lang=lang,
        title=escape(printable(title)),
        languages=_language_buttons(),
        noscript=escape(texts[lang]["noscript"]),
        style="\n".join(_file(style) for style in ("base.css", *styles, f"{name}.css")),
        body=Template(_file(f"{name}.html")).substitute(parts),
        data=_json({"lang": lang, "texts": texts, **data}),
        libraries="\n".join(f"<script>{_file(library)}</script>" for library in libraries),
        script="\n".join(_joined(script) for script in ("words.js", "base.js", *scripts)),
    )


def stage(original_image: str = "", result_images: str = "") -> str:
    """Give the markup of the stage, on which results lie over their original."""
    return Template(_file("stage.html")).substitute(
        original_image=original_image, result_images=result_images
    )


def served_page() -> str:
    """Give the page of the service, whose styles and scripts stay files of their own."""
    texts = {lang: _texts("compare", lang) | _texts("app", lang) for lang in LANGUAGES}
    return Template(_file("app/index.html")).substitute(
        languages=_language_buttons(), stage=stage(), data=_json({"texts": texts})
    )


def printable(name: str) -> str:
    """Make a file name fit for UTF-8: bytes that were no text become question marks."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _language_buttons() -> str:
    return "".join(
        f'<button type="button" lang="{lang}" aria-pressed="false">{called}</button>'
        for lang, called in LANGUAGES.items()
    )


def _joined(script: str) -> str:
    """Read a script that stands in one scope with others."""
    return re.sub(r"^import .*\n|^export ", "", _file(script), flags=re.MULTILINE)


def _texts(name: str, lang: str) -> dict[str, str]:
    texts = json.loads(_file(f"text.{lang}.json"))
    return dict(texts["all"] | texts[name])


def _address(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{b64encode(data).decode('ascii')}"


def _json(data: Mapping[str, Any]) -> str:
    """Write JSON that cannot end the script element it stands in."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _file(name: str) -> str:
    return resources.files("pimenton").joinpath("web", name).read_text("utf-8")
