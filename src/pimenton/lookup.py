"""The nearest palette entry of every opaque color there is, found once.

A table of 16 MiB, made in about a second, makes mapping a lookup for any number of pixels; what it
says is what a search for each color would, entry by entry.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.colorspace import SPACES
from pimenton.palette import Palette
from pimenton.pixels import Indices, Pixels, thread_count

_COLORS_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class Lookup:
    """A palette with the nearest entry of each color.

    Attributes
    ----------
    palette : Palette
        The colors.
    space : str
        Color space of the distances.
    table : (2**24,) uint8
        The nearest entry of each opaque color, in histogram order. Read-only.
    """

    palette: Palette
    space: str
    table: NDArray[np.uint8]

    @classmethod
    def of(cls, palette: Palette, space: str) -> "Lookup":
        """Find the nearest entry of each color, or remember it from the last time."""
        return _lookup(palette.colors.tobytes(), space)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as the palette alone."""
        return _lookup, (self.palette.colors.tobytes(), self.space)

    def indices(self, pixels: Pixels, *, n_threads: int = 1) -> Indices:
        """Give the nearest entry of each pixel (height, width, 4), as ``remap`` does.

        Examples
        --------
        >>> lookup = Lookup.of(Palette.of_hex(["#000000", "#ffffff"]), "srgb")
        >>> lookup.indices(np.array([[[9, 9, 9, 255], [250, 250, 250, 255]]], np.uint8)).tolist()
        [[0, 1]]
        """
        rows = np.ascontiguousarray(pixels).reshape(-1, 4)
        indices, all_opaque = _native.look_up(rows, self.table, n_threads)
        if not all_opaque:
            places = np.flatnonzero(rows[:, 3] < 255)
            translucent = rows[places]
            colors, _ = _native.count_colors(translucent, 1)
            labels = _nearest(colors, self.palette, self.space, n_threads)
            indices[places] = _native.label_pixels(translucent, colors, labels, 1)
        return indices.reshape(pixels.shape[:2])


@lru_cache(maxsize=2)
def _lookup(colors: bytes, space: str) -> Lookup:
    palette = Palette(np.frombuffer(colors, np.uint8).reshape(-1, 4))
    table, n_threads = np.empty(1 << 24, np.uint8), thread_count(None)
    for first in range(0, len(table), _COLORS_AT_ONCE):
        codes = np.arange(first, first + _COLORS_AT_ONCE, dtype=np.uint32)
        table[codes] = _nearest(_native.opaque_colors(codes), palette, space, n_threads)
    table.flags.writeable = False
    return Lookup(palette, space, table)


def _nearest(
    colors: NDArray[np.uint8], palette: Palette, space: str, n_threads: int
) -> NDArray[np.uint8]:
    from_srgb = SPACES[space].from_srgb
    points = from_srgb(colors, n_threads)
    return _native.assign(points, from_srgb(palette.colors, 1), n_threads).astype(np.uint8)
