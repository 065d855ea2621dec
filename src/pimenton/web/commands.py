"""What a result is to be made into: commands in JSON, read and checked before any work."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pimenton.errors import printable
from pimenton.web.preserving import KINDS
from pimenton.web.resizing import METHODS, Resize
from pimenton.web.storing import SECRETS, Store

FORMATS = ("png", "jpeg", "webp", "avif")
MEDIA_TYPES = {f"image/{format}": format for format in FORMATS}
_ALIASES = {"image/jpg": "image/jpeg"}
_ANY = "*/*"
_BACKGROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0)}
_MAX_SIDE = 100_000

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Commands:
    """What is wanted of a picture.

    Attributes
    ----------
    resize : Resize or None
        Its size.
    formats : tuple of str
        Of which the smallest file wins; empty is the picture's own format.
    background : (int, int, int) or None
        Color of what is transparent.
    preserve : frozenset of str
        Keys of ``KINDS``.
    """

    resize: Resize | None = None
    formats: tuple[str, ...] = ()
    background: Color | None = None
    preserve: frozenset[str] = frozenset()

    @property
    def n_compressions(self) -> int:
        """How many compressions they count for."""
        return bool(self.resize) + bool(self.formats)


def read_json(body: bytes) -> dict[str, Any]:
    """Read an object in JSON.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError("the body is not JSON") from error
    if not isinstance(found, dict):
        raise ValueError("the body must be an object in JSON")
    return found


def read_commands(asked: Mapping[str, Any]) -> tuple[Commands, Store | None]:
    """Read commands.

    Parameters
    ----------
    asked : mapping
        What came as JSON.

    Returns
    -------
    commands : Commands
        What to make.
    store : Store or None
        Where to put it.

    Raises
    ------
    ValueError
        If a command is unknown or says what it may not.

    Examples
    --------
    >>> read_commands({"convert": {"type": ["image/webp", "image/jpg"]}})[0].formats
    ('webp', 'jpeg')
    >>> read_commands({"resize": {"method": "fit", "width": 100}})
    Traceback (most recent call last):
        ...
    ValueError: resize: fit takes a width and a height
    """
    _require_known("command", asked, (*_READERS, "store"))
    found = {}
    for name, read in _READERS.items():
        if asked.get(name) is not None:
            found.update(read(asked[name]))
    store = None if asked.get("store") is None else _store(asked["store"])
    return Commands(**found), store


def _resize(value: Any) -> dict[str, Any]:
    asked = _object("resize", value, ("method", "width", "height"))
    method = asked.get("method")
    if not isinstance(method, str) or method not in METHODS:
        raise ValueError(
            f"resize: method must be one of {', '.join(METHODS)}; got {_shown(method)}"
        )
    width, height = (_side(name, asked.get(name)) for name in ("width", "height"))
    if method == "scale" and (width is None) == (height is None):
        raise ValueError("resize: scale takes a width or a height, and not both")
    if method != "scale" and (width is None or height is None):
        raise ValueError(f"resize: {method} takes a width and a height")
    return {"resize": Resize(method, width, height)}


def _side(name: str, value: Any) -> int | None:
    if value is None:
        return None
    is_digits = isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value)
    is_whole = (
        isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    )
    if not (is_digits or is_whole) or not 1 <= int(value) <= _MAX_SIDE:
        raise ValueError(f"resize: {name} must be 1 to {_MAX_SIDE}; got {_shown(value)}")
    return int(value)


def _convert(value: Any) -> dict[str, Any]:
    asked = _object("convert", value, ("type",))
    types = [_ALIASES.get(name, name) for name in _names("convert: type", asked.get("type"))]
    for name in types:
        if name != _ANY and name not in MEDIA_TYPES:
            known = ", ".join((*MEDIA_TYPES, _ANY))
            raise ValueError(f"convert: type must be of {known}; got {_shown(name)}")
    if _ANY in types:
        return {"formats": FORMATS}
    return {"formats": tuple(dict.fromkeys(MEDIA_TYPES[name] for name in types))}


def _transform(value: Any) -> dict[str, Any]:
    color = _object("transform", value, ("background",)).get("background")
    if isinstance(color, str) and color.lower() in _BACKGROUNDS:
        return {"background": _BACKGROUNDS[color.lower()]}
    if isinstance(color, str) and re.fullmatch(r"#[0-9A-Fa-f]{6}", color):
        return {"background": tuple(bytes.fromhex(color[1:]))}
    raise ValueError(f"transform: background must be #rrggbb, white or black; got {_shown(color)}")


def _preserve(value: Any) -> dict[str, Any]:
    names = _names("preserve", value)
    for name in names:
        if name not in KINDS:
            raise ValueError(f"preserve must be of {', '.join(KINDS)}; got {_shown(name)}")
    return {"preserve": frozenset(names)}


def _store(value: Any) -> Store:
    service = value.get("service") if isinstance(value, dict) else None
    if not isinstance(service, str) or service not in SECRETS:
        raise ValueError(
            f"store: service must be one of {', '.join(SECRETS)}; got {_shown(service)}"
        )
    needed, possible = SECRETS[service]
    others = ("region", "acl") if service == "s3" else ()
    asked = _object("store", value, ("service", "path", "headers", *others, *needed, *possible))
    texts = {
        name: _text(name, asked.get(name), needed=name in needed or name == "path")
        for name in ("path", *others, *needed, *possible)
    }
    headers = asked.get("headers") or {}
    if not isinstance(headers, dict) or not all(isinstance(text, str) for text in headers.values()):
        raise ValueError("store: headers must be an object of texts")
    secrets = {name: texts[name] for name in (*needed, *possible) if texts[name]}
    try:
        return Store(
            service, texts["path"], secrets, texts.get("region", ""),
            texts.get("acl") or "public-read", headers,
        )  # fmt: skip
    except ValueError as error:
        raise ValueError(f"store: {error}") from error


def _text(name: str, value: Any, *, needed: bool) -> str:
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or not value:
        raise ValueError(f"store: {name} is missing, or not a text")
    return value


def _object(command: str, value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{command} must be an object; got {_shown(value)}")
    _require_known(f"{command}: name", value, names)
    return value


def _require_known(what: str, found: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in found:
        if name not in names:
            raise ValueError(f"{what} must be of {', '.join(names)}; got {_shown(name)}")


def _names(what: str, value: Any) -> list[str]:
    """Take one name or several."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise ValueError(f"{what} must be a name or a list of names; got {_shown(value)}")
    return names


def _shown(value: Any) -> str:
    return printable(repr(value)[:100])


_READERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "resize": _resize,
    "convert": _convert,
    "transform": _transform,
    "preserve": _preserve,
}
