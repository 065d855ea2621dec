"""Every choice that decides the bytes of a result, said once.

A field's metadata holds its help, its range or its table of choices, and its flags: checks, the
command line, forms and documentation are made from it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from pimenton.clustering import EFFORTS
from pimenton.colorspace import SPACES
from pimenton.dithering import DITHERS, STRENGTH
from pimenton.palette import MAX_COLORS


def _choice(
    default: Any,
    help: str,
    *flags: str,
    limits: tuple[float, float] | None = None,
    choices: Mapping[str, object] | None = None,
) -> Any:
    metadata = {"help": help, "flags": flags, "limits": limits}
    metadata["choices"] = None if choices is None else tuple(choices)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What decides the output bytes, besides the picture.

    Attributes
    ----------
    n_colors : int
        Most colors in the palette, 1 to 256.
    space : str
        Color space in which colors are clustered and mapped: srgb, linear, oklab or cielab.
    dither : str
        How pixels between two colors are drawn.
    dither_strength : float
        How much of it, 0 to 1.
    accents : bool
        Whether small regions of a rare color get an entry of their own, as ``accents.serve`` does.
    effort : str
        How long to search: fast, balanced or best.
    seed : int
        Seed of the random start, 0 to 2**32 - 1.

    Raises
    ------
    ValueError
        If a choice is out of its range or table.
    TypeError
        If a number is not one, or not an integer where it must be, or a switch neither True nor
        False.

    Examples
    --------
    >>> Options(n_colors=16).n_colors
    16
    >>> Options(n_colors=300)
    Traceback (most recent call last):
        ...
    ValueError: n_colors must be between 1 and 256; got 300
    """

    n_colors: int = _choice(
        MAX_COLORS, "Most colors in the palette.", "-k", "--colors", limits=(1, MAX_COLORS)
    )
    space: str = _choice("oklab", "Color space of the distances.", "--space", choices=SPACES)
    dither: str = _choice("none", "How to draw colors in between.", "--dither", choices=DITHERS)
    dither_strength: float = _choice(
        STRENGTH, "How much of it.", "--dither-strength", limits=(0, 1)
    )
    accents: bool = _choice(False, "Keep the colors of small regions.", "--accents")
    effort: str = _choice("balanced", "How long to search.", "--effort", choices=EFFORTS)
    seed: int = _choice(0, "Seed of the random start.", "--seed", limits=(0, 2**32 - 1))

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))

    @classmethod
    def of(cls, options: "Options | None", **choices: Any) -> "Options":
        """Take options, or the defaults, and replace what is chosen.

        Raises
        ------
        TypeError
            If there is no such choice.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        for name in choices:
            if name not in known:
                raise TypeError(
                    f"there is no option {name!r}; there are {', '.join(sorted(known))}"
                )
        return dataclasses.replace(options or cls(), **choices)

    def to_dict(self) -> dict[str, Any]:
        """Give the choices by name."""
        return dataclasses.asdict(self)


def _check(field: "dataclasses.Field[Any]", value: Any) -> None:
    name, rules = field.name, field.metadata
    if rules["choices"] is not None and value not in rules["choices"]:
        raise ValueError(f"{name} must be one of {', '.join(rules['choices'])}; got {value!r}")
    if isinstance(field.default, bool) and not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False; got {value!r}")
    if rules["limits"] is None:
        return
    wanted, kind = (
        (Real, "a number") if isinstance(field.default, float) else (Integral, "an integer")
    )
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise TypeError(f"{name} must be {kind}; got {value!r}")
    low, high = rules["limits"]
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}; got {value}")
