"""What a request asks for, from the texts of its query; and what may be asked for, as JSON."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from pimenton.batch import Rules
from pimenton.devices import DEVICES, colors_of_names, find_palette
from pimenton.formats import FORMATS
from pimenton.metadata import METADATA
from pimenton.options import Options
from pimenton.swatches import PALETTE_FORMATS

TRUTH = {"true": True, "false": False}


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is to be made of a picture.

    Attributes
    ----------
    format : str or None
        A key of ``FORMATS``; None is the picture's own, or PNG where that is not written.
    options : Options
        How.
    rules : Rules
        What may be answered, and what goes with it.
    is_preview : bool
        Whether a first impression will do.
    """

    format: str | None
    options: Options
    rules: Rules
    is_preview: bool


def wish_of(query: Mapping[str, str]) -> Wish:
    """Read a query.

    Raises
    ------
    ValueError, TypeError
        If a name is unknown or a value wrong.

    Examples
    --------
    >>> wish = wish_of({"n_colors": "16", "format": "gif"})
    >>> wish.options.n_colors, wish.format, wish.is_preview
    (16, 'gif', False)
    """
    fields = {field.name: field for field in dataclasses.fields(Options)}
    for name in query:
        if name not in fields and name not in OWN:
            known = ", ".join(sorted([*fields, *OWN]))
            raise ValueError(f"there is no option {name!r}; there are {known}")
    own = {n: _read(n, query[n], choice.read) for n, choice in OWN.items() if n in query}
    chosen = {n: _read(n, query[n], _reader(f)) for n, f in fields.items() if n in query}
    return Wish(
        own.get("format"),
        Options(**chosen),
        Rules(
            force=True,
            allow_larger=own.get("allow_larger", False),
            metadata=own.get("metadata", "strip"),
        ),
        own.get("preview", False),
    )


def palette_of_text(text: str) -> tuple[str, ...]:
    """Give the colors of a device or of a list; never of a file, which would be the server's.

    Examples
    --------
    >>> palette_of_text("epaper-bwr"), palette_of_text("fff,#102030")
    (('#000000', '#ffffff', '#ff0000'), ('#ffffff', '#102030'))
    """
    return find_palette(text) if text in DEVICES else colors_of_names(text)


def one_of(choices: Mapping[str, Any]) -> Callable[[str], Any]:
    """Give what reads a key of a table."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}; got {text!r}")
        return text

    return read


def _truth(text: str) -> bool:
    one_of(TRUTH)(text)
    return TRUTH[text]


@dataclasses.dataclass(frozen=True)
class Choice:
    """What can be chosen beside ``Options``.

    Attributes
    ----------
    read : callable
        How its text is read.
    help : str
        What it is.
    choices : tuple of str
        Its values, if they are few.
    default : str, bool or None
        What it is if nothing is said.
    """

    read: Callable[[str], Any]
    help: str
    choices: tuple[str, ...] = ()
    default: str | bool | None = None


OWN = {
    "format": Choice(one_of(FORMATS), "Format of the result.", tuple(FORMATS)),
    "metadata": Choice(
        one_of(METADATA), "Keep EXIF, XMP and texts, or not.", tuple(METADATA), "strip"
    ),
    "allow_larger": Choice(_truth, "Answer a result larger than the picture.", default=False),
    "preview": Choice(_truth, "A first impression, fast and without a search.", default=False),
}


def _reader(field: "dataclasses.Field[Any]") -> Callable[[str], Any]:
    if field.name == "palette":
        return palette_of_text
    read: Callable[[str], Any] = field.metadata["read"]
    return _truth if field.metadata["type"] is bool else read


def _read(name: str, text: str, read: Callable[[str], Any]) -> Any:
    if isinstance(read, type):
        kind = {int: "an integer", float: "a number"}.get(read, "a text")
        try:
            return read(text)
        except ValueError:
            raise ValueError(f"{name} must be {kind}; got {text!r}") from None
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(
            f"{name} {error}" if str(error).startswith("must") else f"{name}: {error}"
        ) from error


def described() -> dict[str, Any]:
    """Give every choice with its help, type, limits, choices and default, ready for JSON."""
    return {
        "options": [_field(field) for field in dataclasses.fields(Options)],
        "formats": list(FORMATS),
        "metadata": METADATA,
        "palettes": {name: list(find_palette(name)) for name in DEVICES},
        "palette_formats": list(PALETTE_FORMATS),
    }


def _field(field: "dataclasses.Field[Any]") -> dict[str, Any]:
    rules = field.metadata
    return {
        "name": field.name,
        "help": rules["help"],
        "flags": list(rules["flags"]),
        "type": {bool: "boolean", int: "integer", float: "number", tuple: "colors"}.get(
            rules["type"], "string"
        ),
        "limits": rules["limits"],
        "choices": rules["choices"],
        "default": field.default,
    }
