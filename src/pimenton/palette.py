"""Palettes: up to 256 colors in an order that is kept."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pimenton.pixels import Colors

MAX_COLORS = 256


@dataclass(frozen=True, eq=False)
class Palette:
    """Colors that indices point to.

    Attributes
    ----------
    colors : (k, 4) uint8
        sRGB with straight alpha, 1 to 256 entries in their own order. Read-only.

    Raises
    ------
    ValueError
        If there is no color or there are more than 256.
    """

    colors: Colors

    def __post_init__(self) -> None:
        colors = self.colors
        if colors.ndim != 2 or colors.shape[1] != 4 or not 1 <= len(colors) <= MAX_COLORS:
            raise ValueError(f"a palette must be (1 to 256, 4); got {colors.shape}")
        colors.flags.writeable = False

    @classmethod
    def of(cls, colors: Colors) -> "Palette":
        """Make a palette of any colors: each once, translucent ones first, then from dark to light.

        Translucent entries come first so that a PNG need not list the opacity of the others;
        entries of like brightness side by side make indices that compress better.

        Parameters
        ----------
        colors : (n, 4) uint8
            At most 256 distinct colors.
        """
        # Rounded centroids can be equal; a repeated entry would waste a place.
        rows = sorted({bytes(color) for color in colors})
        distinct = np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 4)
        r, g, b, alpha = distinct.astype(np.int64).T
        brightness = 299 * r + 587 * g + 114 * b
        return cls(distinct[np.lexsort((b, g, r, brightness, alpha == 255))])

    @classmethod
    def of_hex(cls, names: Iterable[str]) -> "Palette":
        """Make a palette of ``#rrggbb`` or ``#rrggbbaa`` names, in their order.

        Raises
        ------
        ValueError
            If a name is not of that form, or there are none or more than 256.

        Examples
        --------
        >>> Palette.of_hex(["#ff0000", "#00ff0080"]).colors.tolist()
        [[255, 0, 0, 255], [0, 255, 0, 128]]
        """
        colors = [color_of_hex(name) for name in names]
        return cls(np.array(colors, dtype=np.uint8).reshape(-1, 4))

    def __len__(self) -> int:
        """Give the number of entries."""
        return len(self.colors)

    def __eq__(self, other: object) -> bool:
        """Tell whether both have the same entries in the same order."""
        if not isinstance(other, Palette):
            return NotImplemented
        return np.array_equal(self.colors, other.colors)

    __hash__ = None  # type: ignore[assignment]

    @property
    def is_opaque(self) -> bool:
        """Whether every entry is opaque."""
        return bool((self.colors[:, 3] == 255).all())

    def _repr_html_(self) -> str:
        """Show the colors in a notebook."""
        return f"{strip_html(self.hex, [1] * len(self))}{len(self)} colors"

    @property
    def hex(self) -> tuple[str, ...]:
        """The entries as ``#rrggbb``, or ``#rrggbbaa`` where they are not opaque.

        Examples
        --------
        >>> Palette(np.array([[255, 0, 0, 255], [0, 255, 0, 128]], np.uint8)).hex
        ('#ff0000', '#00ff0080')
        """
        return tuple(
            "#" + bytes(color if color[3] < 255 else color[:3]).hex() for color in self.colors
        )


def strip_html(names: Iterable[str], shares: Iterable[float]) -> str:
    """Give a strip of colors, each as wide as its share, for a notebook."""
    parts = "".join(
        f'<span title="{name}" style="flex:{share:.6g};background:{name}"></span>'
        for name, share in zip(names, shares, strict=True)
    )
    return (
        f'<div style="display:flex;height:2em;max-width:40em;border:1px solid #8884">{parts}</div>'
    )


def color_of_hex(name: str) -> tuple[int, int, int, int]:
    """Read ``#rrggbb`` or ``#rrggbbaa``, with or without the sign.

    Raises
    ------
    ValueError
        If the name is not of that form.

    Examples
    --------
    >>> color_of_hex("#1e90ff")
    (30, 144, 255, 255)
    """
    digits = name.strip().removeprefix("#")
    try:
        if len(digits) not in (6, 8):
            raise ValueError
        red, green, blue, alpha = bytes.fromhex(digits if len(digits) == 8 else digits + "ff")
    except ValueError:
        raise ValueError(f"a color must be rrggbb or rrggbbaa in hex; got {name!r}") from None
    return red, green, blue, alpha
