"""Error diffusion of a picture that comes in bands of rows: what `remap` gives, in less memory."""

from collections.abc import Iterator

import numpy as np

from pimenton.diffusion import DIFFUSIONS, Bands, shares_of
from pimenton.palette import Palette
from pimenton.pixels import Indices, Pixels, Points

# Rows that are diffused at a time.
_ROWS = 64


class BandedDiffusion:
    """Diffuses errors down a picture, from band to band.

    Parameters
    ----------
    width : int
        Pixels of a row.
    palette : Palette
        The colors to use.
    space : str
        A key of ``SPACES``.
    dither : str
        A key of ``DIFFUSIONS``.
    strength : float
        How much of it, 0 to 1.

    Examples
    --------
    >>> from pimenton import remap
    >>> rows = np.arange(256, dtype=np.uint8).repeat(4).reshape(32, 8, 4) | np.uint8(192)
    >>> palette = Palette.of_hex(["#c0c0c0ff", "#ffffffff", "#f0f0f0c0"])
    >>> bands = BandedDiffusion(8, palette, "srgb", "sierra", 1.0)
    >>> upper = bands.draw(rows[:20], above=None, below=rows[20])
    >>> lower = bands.draw(rows[20:], above=rows[19], below=None)
    >>> whole = remap(rows, palette, space="srgb", dither="sierra", strength=1.0)
    >>> np.array_equal(np.vstack([upper, lower]), whole.indices)
    True
    """

    def __init__(
        self, width: int, palette: Palette, space: str, dither: str, strength: float
    ) -> None:
        self._bands = Bands(width, palette, space, shares_of(*DIFFUSIONS[dither]), strength)

    def draw(self, band: Pixels, *, above: Pixels | None, below: Pixels | None) -> Indices:
        """Give the indices of the next rows.

        Parameters
        ----------
        band : (height, width, 4) uint8
            They.
        above, below : (width, 4) uint8 or None
            The rows around them; None at the ends of the picture.
        """
        parts = [
            self._bands.draw(rows, has_above, has_below)
            for rows, has_above, has_below in _in_context(band, above, below)
        ]
        return np.concatenate(parts)

    def errors(self) -> Points:
        """Give what rows to come have been passed so far."""
        return self._bands.diffuser.errors()

    def go_on_at(self, y: int, errors: Points) -> None:
        """Take up again at a row with the errors that there were."""
        self._bands.diffuser.go_on_at(y, errors)


def _in_context(
    band: Pixels, above: Pixels | None, below: Pixels | None
) -> Iterator[tuple[Pixels, bool, bool]]:
    """Yield a few rows at a time with those around them, and whether there are any."""
    for y in range(0, len(band), _ROWS):
        end = min(y + _ROWS, len(band))
        rows = band[max(y - 1, 0) : end + 1]
        before = above[np.newaxis] if y == 0 and above is not None else rows[:0]
        after = below[np.newaxis] if end == len(band) and below is not None else rows[:0]
        if len(before) or len(after):
            rows = np.concatenate([before, rows, after])
        yield (
            np.ascontiguousarray(rows),
            y > 0 or above is not None,
            end < len(band) or below is not None,
        )
