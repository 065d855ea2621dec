"""The histogram of a picture that comes in parts, in bounded memory.

There are 2**24 opaque colors, so a table of counters holds them all exactly, however many pixels
there are. Translucent colors are kept as a list; should it grow beyond a limit, they are merged by
their upper six bits. That is so or not for the picture as a whole, in whatever order its parts
come: the result depends on nothing else.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.histogram import Histogram
from pimenton.pixels import Colors, Counts

# Distinct translucent colors that are kept apart: 48 MiB, and as much again to add to.
MOST_TRANSLUCENT = 1 << 22

# Lists of translucent colors that wait to be joined.
_MOST_LISTS = 16


class Tally:
    """Counts of colors that parts are added to.

    Parameters
    ----------
    most_translucent : int, optional
        Distinct translucent colors beyond which they are merged.

    Examples
    --------
    >>> tally, part = Tally(), Histogram.of(np.full((2, 3, 4), 255, np.uint8))
    >>> tally.add(part)
    >>> tally.add(part)
    >>> tally.histogram().counts.tolist()
    [12]
    """

    def __init__(self, most_translucent: int = MOST_TRANSLUCENT) -> None:
        self.most_translucent = most_translucent
        self.is_merged = False
        self._opaque: Counts = np.zeros(1 << 24, np.int64)
        self._translucent: list[Histogram] = []

    def add(self, part: Histogram) -> None:
        """Count the colors of one more part."""
        n = int(np.searchsorted(part.colors[:, 3] == 255, True))
        # Each color is there once, and in the order of the table.
        self._opaque[_native.opaque_codes(part.colors[n:])] += part.counts[n:]
        if n == 0:
            return
        self._translucent.append(Histogram(part.colors[:n].copy(), part.counts[:n].copy()))
        first, *others = (len(waiting.colors) for waiting in self._translucent)
        if sum(others) >= first or len(others) >= _MOST_LISTS:
            self._join()

    def histogram(self) -> Histogram:
        """Give the sum of all parts; at least one must have been added."""
        self._join()
        codes = np.flatnonzero(self._opaque).astype(np.uint32)
        opaque = Histogram(_native.opaque_colors(codes), self._opaque[codes])
        if not self._translucent:
            return opaque
        parts = [*self._translucent, opaque]
        return Histogram(
            np.concatenate([part.colors for part in parts]),
            np.concatenate([part.counts for part in parts]),
        )

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all there is, so that ``restore`` can go on from it."""
        self._join()
        lists = self._translucent or [Histogram(np.empty((0, 4), np.uint8), np.empty(0, np.int64))]
        return {
            "opaque": self._opaque.copy(),
            "colors": lists[0].colors,
            "counts": lists[0].counts,
            "is_merged": np.array(self.is_merged),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take what ``state`` gave, in place of what there is."""
        self._opaque = state["opaque"].copy()
        self.is_merged = bool(state["is_merged"])
        self._translucent = []
        if len(state["colors"]):
            self._translucent = [Histogram(state["colors"].copy(), state["counts"].copy())]

    def _join(self) -> None:
        """Add up the translucent colors, merged if they are too many."""
        if not self._translucent:
            return
        colors = np.concatenate([part.colors for part in self._translucent])
        counts = np.concatenate([part.counts for part in self._translucent])
        whole = _sum(colors, counts)
        self.is_merged = self.is_merged or len(whole.colors) > self.most_translucent
        self._translucent = [_sum(_merged(whole.colors), whole.counts) if self.is_merged else whole]


def _sum(colors: Colors, counts: Counts) -> Histogram:
    """Add the counts of equal colors."""
    union, _ = _native.count_colors(colors, 1)
    sums = np.zeros(len(union), np.int64)
    np.add.at(sums, _native.rank_colors(colors, union, 1), counts)
    return Histogram(union, sums)


def _merged(colors: Colors) -> Colors:
    """Take translucent colors to the middles of cells of four values of each channel."""
    middles = (colors & np.uint8(0xFC)) | np.uint8(2)
    middles[colors[:, 3] == 0] = 0
    return middles
