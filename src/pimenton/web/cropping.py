"""What of a picture is kept where its shape must change.

The eye goes to what differs from the rest: a part counts by how far its color is from the mean of
the picture, and by its edges. An object that stands free on a plain ground is kept whole.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pimenton.colorspace import SPACES
from pimenton.formats import reduce_pixels
from pimenton.pixels import Pixels

# Enough to see where something is.
_LOOKED_AT = 1 << 16
# Colors of Oklab this near are one ground: noise and what JPEG leaves, not shades.
_SAME = 0.04
# Of the pixels along the border, how many must be of the ground.
_PLAIN = 0.97
# Ground left around an object, as a part of its longer side.
_MARGIN = 0.06


@dataclass(frozen=True)
class Window:
    """A part of a picture, which may reach beyond it.

    Attributes
    ----------
    left, top : int
        Its corner.
    size : (int, int)
        Width and height.
    ground : tuple of int
        Color of what lies beyond the picture.
    """

    left: int
    top: int
    size: tuple[int, int]
    ground: tuple[int, int, int, int] = (0, 0, 0, 0)


def inside(pixels: Pixels, window: Window) -> tuple[Pixels, int, int]:
    """Give the part of a window that has pixels, and how far it is from the window's left and top.

    Examples
    --------
    >>> pixels = np.full((2, 2, 4), 255, np.uint8)
    >>> part, x, y = inside(pixels, Window(-1, 1, (2, 1)))
    >>> part.shape, x, y
    ((1, 1, 4), 1, 0)
    """
    (width, height), top, left = window.size, max(0, window.top), max(0, window.left)
    part = pixels[top : max(0, window.top + height), left : max(0, window.left + width)]
    return part, left - window.left, top - window.top


def most_seen(pixels: Pixels, width: int, height: int) -> Window:
    """Find the largest part of a frame's shape where most is to be seen.

    Parameters
    ----------
    pixels : (h, w, 4) uint8
        The picture.
    width, height : int
        The frame. A picture that is smaller along a side is cut along the other alone.
    """
    own_height, own_width = pixels.shape[:2]
    ratio = min(1.0, max(width / own_width, height / own_height))
    size = (
        max(1, min(own_width, round(width / ratio))),
        max(1, min(own_height, round(height / ratio))),
    )
    weights = _striking(reduce_pixels(pixels, _LOOKED_AT))
    left = _best_start(weights.sum(axis=0), own_width, size[0])
    top = _best_start(weights.sum(axis=1), own_height, size[1])
    return Window(left, top, size)


def free_standing(pixels: Pixels, width: int, height: int) -> Window | None:
    """Find the window of a frame's shape around an object on a plain ground.

    Parameters
    ----------
    pixels : (h, w, 4) uint8
        The picture.
    width, height : int
        The frame.

    Returns
    -------
    Window or None
        None if the ground is not plain, or nothing stands on it.
    """
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = np.sort(border, axis=0)[len(border) // 2]
    if _apart(border, ground).mean() > 1 - _PLAIN:
        return None
    rows, columns = _extent(pixels, ground)
    if rows is None or columns is None:
        return None
    margin = round(_MARGIN * max(columns[1] - columns[0], rows[1] - rows[0]))
    # The window is the least of this shape that holds the object and its margin.
    needed = columns[1] - columns[0] + 2 * margin, rows[1] - rows[0] + 2 * margin
    scale = max(needed[0] / width, needed[1] / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    left = (columns[0] + columns[1] - size[0]) // 2
    top = (rows[0] + rows[1] - size[1]) // 2
    red, green, blue, alpha = (int(value) for value in ground)
    return Window(left, top, size, (red, green, blue, alpha))


def _extent(
    pixels: Pixels, ground: NDArray[np.uint8]
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Give the first row and the one after the last that are not all ground, and the columns."""
    in_rows = np.zeros(pixels.shape[0], bool)
    in_columns = np.zeros(pixels.shape[1], bool)
    for y, row in enumerate(pixels):
        apart = _apart(row, ground)
        in_rows[y] = apart.any()
        in_columns |= apart
    return _ends(in_rows), _ends(in_columns)


def _ends(there: NDArray[np.bool_]) -> tuple[int, int] | None:
    places = np.flatnonzero(there)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else None


def _apart(colors: NDArray[np.uint8], ground: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which colors are not of the ground."""
    points = SPACES["oklab"].from_srgb(np.vstack([colors, ground[np.newaxis]]), 1)
    away = points[:-1] - points[-1]
    far: NDArray[np.bool_] = (away * away).sum(axis=1) > _SAME * _SAME
    return far


def _striking(pixels: Pixels) -> NDArray[np.float64]:
    """Tell how much each pixel draws the eye."""
    points = SPACES["oklab"].from_srgb(pixels.reshape(-1, 4), 1).astype(np.float64)
    away = points - points.mean(axis=0)
    light = points[:, 0].reshape(pixels.shape[:2])
    striking: NDArray[np.float64] = np.sqrt((away * away).sum(axis=1)).reshape(light.shape)
    striking[:, 1:] += 4 * np.abs(np.diff(light, axis=1))
    striking[1:] += 4 * np.abs(np.diff(light, axis=0))
    return striking


def _best_start(weights: NDArray[np.float64], side: int, length: int) -> int:
    """Find where a window along a side holds most; of equals the one nearest to the middle."""
    room = side - length
    if room == 0:
        return 0
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    starts = np.arange(room + 1)
    # Weights were taken of a smaller picture.
    scale = len(weights) / side
    ends = np.arange(len(sums))
    held = np.interp((starts + length) * scale, ends, sums) - np.interp(starts * scale, ends, sums)
    # What is in the middle was put there by someone: a tenth of the weight speaks for it.
    from_middle = np.abs(starts - room / 2) / (room / 2 + 1)
    total = sums[-1] or 1.0
    return int(np.argmax(held - 0.1 * total * from_middle * length / side))
