"""Error diffusion: what each pixel is off goes to those after it, by a table of taps."""

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.colorspace import SPACES
from pimenton.palette import Palette
from pimenton.pixels import Indices, Pixels, Points

# Rows of (dx, dy, parts): where the parts of an error go, dx along the row and dy below it.
Taps = tuple[tuple[int, int, int], ...]

# R. W. Floyd and L. Steinberg, "An adaptive algorithm for spatial grey scale", 1976.
FLOYD_STEINBERG: Taps = ((1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1))
# F. Sierra, 1989.
SIERRA: Taps = (
    *((1, 0, 5), (2, 0, 3)),
    *((-2, 1, 2), (-1, 1, 4), (0, 1, 5), (1, 1, 4), (2, 1, 2)),
    *((-1, 2, 2), (0, 2, 3), (1, 2, 2)),
)
# P. Stucki, "MECCA - a multiple-error correction computation algorithm", IBM RZ 1060, 1981.
STUCKI: Taps = (
    *((1, 0, 8), (2, 0, 4)),
    *((-2, 1, 2), (-1, 1, 4), (0, 1, 8), (1, 1, 4), (2, 1, 2)),
    *((-2, 2, 1), (-1, 2, 2), (0, 2, 4), (1, 2, 2), (2, 2, 1)),
)
# B. Atkinson, for the first Macintosh: a quarter of the error is dropped.
ATKINSON: Taps = ((1, 0, 1), (2, 0, 1), (-1, 1, 1), (0, 1, 1), (1, 1, 1), (0, 2, 1))

# Longest error that is passed on, in distances from entry to entry: more than this smears a color
# that no entry comes near to over its surroundings.
MAX_ERROR = 2.0
# The same as a part of the way from black to white, where not all entries are opaque.
MAX_SHARE = 0.3
_EXTREMES = np.array([[0, 0, 0, 255], [255, 255, 255, 255]], np.uint8)


# Taps, and the parts of a whole error.
DIFFUSIONS: dict[str, tuple[Taps, int]] = {
    "floyd-steinberg": (FLOYD_STEINBERG, 16),
    "sierra": (SIERRA, 32),
    "stucki": (STUCKI, 42),
    "atkinson": (ATKINSON, 8),
}


class Bands:
    """Diffuses errors by a table of shares, band by band.

    Parameters
    ----------
    width : int
        Pixels of a row.
    palette : Palette
        The colors to use.
    space : str
        A key of ``SPACES``.
    shares : (t, 3) float32
        Rows of dx, dy and share of the error.
    strength : float
        How much of it, 0 to 1.
    """

    def __init__(
        self,
        width: int,
        palette: Palette,
        space: str,
        shares: NDArray[np.float32],
        strength: float,
    ) -> None:
        entries = SPACES[space].from_srgb(palette.colors, 1)
        self.diffuser = _native.BandDiffuser(
            width, SPACES[space].kernel, entries, np.ascontiguousarray(palette.colors), shares,
            strength, longest_error(palette, entries, space), True,
        )  # fmt: skip

    def draw(self, rows: Pixels, has_above: bool, has_below: bool) -> Indices:
        """Give the indices of the next rows; the first and the last one may be context."""
        return self.diffuser.draw(rows, has_above, has_below)


def shares_of(taps: Taps, n_parts: int) -> NDArray[np.float32]:
    """Give the taps as rows (dx, dy, share of the error)."""
    return np.array([(dx, dy, parts / n_parts) for dx, dy, parts in taps], np.float32)


def longest_error(palette: Palette, entries: Points, space: str) -> float:
    """Give the longest error that a pixel may pass on, in the units of the space."""
    longest = MAX_ERROR * spacing(entries)
    if palette.is_opaque:
        return longest
    # No error may carry a pixel over the gap that keeps opaque and clear apart from the rest.
    return min(longest, MAX_SHARE * spacing(SPACES[space].from_srgb(_EXTREMES, 1)))


def spacing(entries: Points) -> float:
    """Give the middle one of the distances from each entry to its nearest neighbour.

    Examples
    --------
    >>> spacing(np.array([[0, 0, 0, 1], [3, 0, 0, 1], [4, 0, 0, 1]], np.float32))
    1.0
    """
    if len(entries) == 1:
        return 0.0
    return float(np.sort(_native.neighbour_distances(entries))[len(entries) // 2])
