"""Distinct colors and how many pixels have each: what every step after the door works on.

Counts are integers, so histograms of tiles, frames and files add exactly: the sum of the parts'
histograms is the whole's, bit for bit.
"""

from dataclasses import dataclass, field

import numpy as np

from pimenton import _native
from pimenton.colorspace import SPACES
from pimenton.pixels import Colors, Counts, Pixels, Points, Ranks, Weights, thread_count


@dataclass(frozen=True, eq=False)
class Histogram:
    """The distinct colors of a picture with their counts.

    Attributes
    ----------
    colors : (m, 4) uint8
        Distinct sRGB colors with straight alpha along a Z-order curve (channel bits interleaved):
        translucent ones first, then the opaque ones. Read-only.
    counts : (m,) int64
        Pixels of each color, all positive. Read-only.
    is_rough : bool
        Whether near colors were merged, so that a pixel's own color may not be among them.
    """

    colors: Colors
    counts: Counts
    is_rough: bool = False
    # Of the space asked for last: clustering and mapping want the same.
    _points: dict[str, Points] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.colors.flags.writeable = False
        self.counts.flags.writeable = False

    @classmethod
    def of(cls, pixels: Pixels, *, n_threads: int | None = None) -> "Histogram":
        """Count the colors of a picture.

        Parameters
        ----------
        pixels : (height, width, 4) uint8
            A picture.
        n_threads : int, optional
            Threads to use, by default one a core; they change no bit.

        Returns
        -------
        Histogram

        Examples
        --------
        >>> histogram = Histogram.of(np.full((2, 3, 4), 255, dtype=np.uint8))
        >>> histogram.colors.tolist(), histogram.counts.tolist()
        ([[255, 255, 255, 255]], [6])
        """
        return cls(*_native.count_colors(_rows(pixels), thread_count(n_threads)))

    @classmethod
    def rough(
        cls, pixels: Pixels, n_bits: int, *, n_threads: int | None = None
    ) -> "Histogram | None":
        """Give what ``coarsen`` makes of an opaque picture's histogram, in a fraction of the time.

        Parameters
        ----------
        pixels : (height, width, 4) uint8
            A picture.
        n_bits : int
            Bits of a channel that are looked at, 1 to 6.
        n_threads : int, optional
            Threads to use, by default one a core; they change no bit.

        Returns
        -------
        Histogram or None
            None if a pixel is not opaque.

        Examples
        --------
        >>> gray = np.array([[[8, 8, 8, 255], [9, 9, 9, 255], [10, 10, 10, 255]]], np.uint8)
        >>> Histogram.rough(gray, 6) == Histogram.of(gray).coarsen(6)
        True
        """
        parts = _native.count_coarsely(_rows(pixels), 3 * n_bits, thread_count(n_threads))
        return cls(*parts, is_rough=True) if len(parts[0]) else None

    @property
    def is_opaque(self) -> bool:
        """Whether all colors are."""
        return bool(self.colors[0, 3] == 255)

    def __add__(self, other: "Histogram") -> "Histogram":
        """Count the colors of both pictures together."""
        colors = np.concatenate([self.colors, other.colors])
        union, _ = _native.count_colors(colors, 1)
        counts = np.zeros(len(union), np.int64)
        for part in (self, other):
            counts[_native.rank_colors(part.colors, union, 1)] += part.counts
        return Histogram(union, counts)

    def __eq__(self, other: object) -> bool:
        """Tell whether both have the same colors and counts."""
        if not isinstance(other, Histogram):
            return NotImplemented
        return np.array_equal(self.colors, other.colors) and np.array_equal(
            self.counts, other.counts
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def weights(self) -> Weights:
        """The counts as (m,) float64, exact below 2**53."""
        return self.counts.astype(np.float64)

    def points(self, space: str, *, n_threads: int | None = None) -> Points:
        """Give the colors as points in a space, a key of ``SPACES``: (m, 4) float32, read-only."""
        if space not in self._points:
            points = SPACES[space].from_srgb(self.colors, thread_count(n_threads))
            points.flags.writeable = False
            self._points.clear()
            self._points[space] = points
        return self._points[space]

    @property
    def n_pixels(self) -> int:
        """The number of pixels counted."""
        return int(self.counts.sum())

    def coarsen(self, n_bits: int) -> "Histogram":
        """Merge colors that agree in the upper bits of every channel into their mean.

        Parameters
        ----------
        n_bits : int
            Bits of a channel that are looked at, 1 to 8.

        Returns
        -------
        Histogram
            Of as many pixels; opaque and translucent colors stay apart.

        Examples
        --------
        >>> gray = np.array([[[8, 8, 8, 255], [9, 9, 9, 255], [10, 10, 10, 255]]], np.uint8)
        >>> coarse = Histogram.of(gray).coarsen(6)
        >>> coarse.colors.tolist(), coarse.counts.tolist()
        ([[9, 9, 9, 255]], [3])
        """
        kept_bits = np.uint8(255 >> (8 - n_bits) << (8 - n_bits))
        cells = (self.colors & kept_bits).view(np.uint32)[:, 0]
        changes = cells[1:] != cells[:-1]
        opaque = self.colors[:, 3] == 255
        changes |= opaque[1:] != opaque[:-1]
        # The colors of a cell stand side by side, since the order interleaves bits from the top.
        first = np.concatenate([[0], np.flatnonzero(changes) + 1])
        counts = np.add.reduceat(self.counts, first)
        colors = np.empty((len(first), 4), np.uint8)
        for channel in range(4):
            sums = np.add.reduceat(self.counts * self.colors[:, channel], first)
            colors[:, channel] = (sums + counts // 2) // counts
        colors[colors[:, 3] == 0] = 0
        return Histogram(colors, counts, is_rough=self.is_rough or n_bits < 8)

    def ranks(self, pixels: Pixels, *, n_threads: int | None = None) -> Ranks:
        """Give the place of each pixel's color in the histogram.

        Parameters
        ----------
        pixels : (height, width, 4) uint8
            A picture whose colors are all in the histogram.
        n_threads : int, optional
            Threads to use, by default one a core.

        Returns
        -------
        (height, width) uint32

        Raises
        ------
        ValueError
            If a pixel's color is not in the histogram.
        """
        ranks = _native.rank_colors(_rows(pixels), self.colors, thread_count(n_threads))
        if ranks.max() >= len(self.colors):
            raise ValueError("a pixel has a color that is not in the histogram")
        return ranks.reshape(pixels.shape[:2])


def _rows(pixels: Pixels) -> Colors:
    return np.ascontiguousarray(pixels).reshape(-1, 4)
