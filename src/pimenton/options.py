"""Every choice that decides the bytes of a result, said once.

A field's metadata holds its help, its range or its table of choices, and its flags: checks, the
command line, forms and documentation are made from it.
"""

import builtins
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from pimenton.clustering import EFFORTS
from pimenton.colorspace import SPACES
from pimenton.devices import colors_of_names, find_palette
from pimenton.dithering import DITHERS, STRENGTH
from pimenton.grids import DEPTHS
from pimenton.palette import MAX_COLORS, Palette


def _choice(
    default: Any,
    help: str,
    *flags: str,
    type: type | None = None,
    limits: tuple[float, float] | None = None,
    choices: Mapping[str, object] | None = None,
    read: Callable[[str], Any] | None = None,
) -> Any:
    metadata: dict[str, object] = {"help": help, "flags": flags, "limits": limits}
    metadata["type"] = builtins.type(default) if type is None else type
    metadata["read"] = metadata["type"] if read is None else read
    metadata["choices"] = None if choices is None else tuple(choices)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What decides the output bytes, besides the picture.

    Attributes
    ----------
    n_colors : int or None
        Centroids of K-means, 1 to 256: each pixel takes the nearest, or is dithered. None aims at a
        quality instead.
    max_colors : int
        Most colors in the palette where `n_colors` is None, 1 to 256.
    quality : float or None
        Lowest SSIMULACRA 2 score; None aims at 80 as far as `max_colors` and `max_bytes` allow.
    max_bytes : int or None
        Largest size of the file.
    best_possible : bool
        Whether the nearest to a quality or size that cannot be met is written, instead of an error.
    lossless : bool
        Whether pictures of more than 256 colors are refused, instead of losing some.
    parse : bool or None
        Whether indices are chosen inside a lossy LZ77 parse; None does so unless there is a
        dithering, or `n_colors` without a quality or a size.
    space : str
        Color space in which colors are clustered and mapped: srgb, linear, oklab, oklab-weighted or
        cielab.
    dither : str
        How pixels between two colors are drawn.
    dither_strength : float
        How much of it, 0 to 1.
    accents : bool or None
        Whether small regions of a rare color get an entry of their own, as ``accents.serve`` does;
        None does so where indices are parsed.
    effort : str
        How long to search: fast, balanced or best.
    palette : tuple of str or None
        Colors in hex that are taken as they are, in their order, unused ones too.
    lock : tuple of str or None
        Colors in hex that are kept; the others are fitted around them.
    depth : str or None
        A key of ``DEPTHS``: the device whose colors the palette is made of.
    frame_palettes : bool
        Whether each frame of an animation has a palette of its own.
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

    n_colors: int | None = _choice(
        None, "Centroids of K-means.", "-k", "--colors", type=int, limits=(1, MAX_COLORS)
    )
    max_colors: int = _choice(
        MAX_COLORS, "Most colors in the palette.", "--max-colors", limits=(1, MAX_COLORS)
    )
    quality: float | None = _choice(
        None, "Lowest SSIMULACRA 2 score.", "-Q", "--quality", type=float, limits=(-1000, 100)
    )
    max_bytes: int | None = _choice(
        None, "Largest size of the file.", "--max-bytes", type=int, limits=(1, 2**63 - 1)
    )
    best_possible: bool = _choice(
        False, "Write the nearest to what cannot be met.", "--best-possible"
    )
    lossless: bool = _choice(False, "Refuse to lose a color.", "--lossless")
    parse: bool | None = _choice(None, "Choose indices that compress well.", "--parse", type=bool)
    space: str = _choice("oklab", "Color space of the distances.", "--space", choices=SPACES)
    dither: str = _choice("none", "How to draw colors in between.", "--dither", choices=DITHERS)
    dither_strength: float = _choice(
        STRENGTH, "How much of it.", "--dither-strength", limits=(0, 1)
    )
    accents: bool | None = _choice(
        None, "Keep the colors of small regions.", "--accents", type=bool
    )
    palette: tuple[str, ...] | None = _choice(
        None, "Palette file, device or picture to draw with.", "--palette", type=tuple,
        read=find_palette,
    )  # fmt: skip
    lock: tuple[str, ...] | None = _choice(
        None, "Colors to keep, #rrggbb,...", "--lock", type=tuple, read=colors_of_names
    )
    depth: str | None = _choice(None, "Colors of a device.", "--depth", type=str, choices=DEPTHS)
    frame_palettes: bool = _choice(
        False, "Give each frame of an animation its own palette.", "--frame-palettes"
    )
    effort: str = _choice("balanced", "How long to search.", "--effort", choices=EFFORTS)
    seed: int = _choice(0, "Seed of the random start.", "--seed", limits=(0, 2**32 - 1))

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))
        if self.lock and len(set(self.lock)) > self.palette_size:
            raise ValueError(f"lock must have at most {self.palette_size} colors; got {self.lock}")

    @property
    def palette_size(self) -> int:
        """The most colors that the palette may have."""
        if self.palette is not None:
            return len(self.palette)
        return self.max_colors if self.n_colors is None else self.n_colors

    @property
    def is_free(self) -> bool:
        """Whether nothing binds the palette."""
        return self.palette is None and self.lock is None and self.depth is None

    @property
    def wants_no_loss(self) -> bool:
        """Whether a picture whose colors all have a place is to be kept as it is."""
        return self.lossless or (self.quality is None and self.max_bytes is None)

    @property
    def parses(self) -> bool:
        """Whether indices are chosen inside the parse."""
        if self.parse is not None:
            return self.parse
        plain = self.dither != "none" or self.n_colors is not None
        return not plain or self.quality is not None or self.max_bytes is not None

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
    if value is None and field.default is None:
        return
    if rules["choices"] is not None and value not in rules["choices"]:
        raise ValueError(f"{name} must be one of {', '.join(rules['choices'])}; got {value!r}")
    if rules["type"] is tuple:
        if not isinstance(value, tuple):
            raise TypeError(f"{name} must be a tuple of colors in hex; got {value!r}")
        Palette.of_hex(value)
    if rules["type"] is bool and not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False; got {value!r}")
    if rules["limits"] is None:
        return
    kind, wanted = ("an integer", Integral) if rules["type"] is int else ("a number", Real)
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise TypeError(f"{name} must be {kind}; got {value!r}")
    low, high = rules["limits"]
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}; got {value}")
