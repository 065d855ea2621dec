"""Orders of a palette: the same picture, in fewer bytes.

Indices that are used much come first, so that the code lengths which deflate writes before its data
fall in long runs; or colors that meet in the picture stand side by side, so that the differences
which PNG's row filters make are small.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.indexed import IndexedImage
from pimenton.palette import Palette

Order = NDArray[np.intp]
# Pixels up to which other orders are tried.
MOST_PIXELS = 1 << 20
# How often all entries are gone through for swaps, and what the channels weigh in lightness.
_N_PASSES = 8
_LUMA = (299, 587, 114)


def smallest(
    image: IndexedImage,
    data: bytes,
    encode: Callable[[IndexedImage], bytes],
    orders: tuple[Callable[[IndexedImage], Order], ...],
) -> tuple[IndexedImage, bytes]:
    """Take the order that makes the smallest file; of large pictures the one they have.

    Parameters
    ----------
    image : IndexedImage
        The picture.
    data : bytes
        Its file.
    encode : callable
        Makes the file of a picture.
    orders : tuple of callable
        What to try: functions of this module.
    """
    if image.indices.size > MOST_PIXELS:
        return image, data
    others = [reordered(image, order(image)) for order in orders]
    pairs = [(image, data), *((other, encode(other)) for other in others)]
    return min(pairs, key=lambda pair: len(pair[1]))


def reordered(image: IndexedImage, order: Order) -> IndexedImage:
    """Put the entries of a palette in another order.

    Parameters
    ----------
    image : IndexedImage
        The picture.
    order : (k,) int
        Which entry comes first, second and so on.

    Returns
    -------
    IndexedImage
        The same picture.

    Examples
    --------
    >>> palette = Palette.of_hex(["#000000", "#ffffff"])
    >>> image = IndexedImage(np.array([[0, 1, 1]], np.uint8), palette)
    >>> reordered(image, by_use(image)).palette.hex
    ('#ffffff', '#000000')
    """
    places = np.empty(len(order), np.uint8)
    places[order] = np.arange(len(order))
    return IndexedImage(places[image.indices], Palette(image.palette.colors[order]))


def by_use(image: IndexedImage) -> Order:
    """Order entries by their pixels, most first; opaque ones follow, which need no opacity said."""
    opaque = image.palette.colors[:, 3] == 255
    return np.lexsort((-image.counts, opaque))


def by_neighbours(image: IndexedImage) -> Order:
    """Put entries side by side whose pixels are.

    Beginning with the pair that meets most, the entry that meets those placed most often goes to
    the end where these are.

    References
    ----------
    .. [1] W. Zeng, J. Li and S. Lei, "An efficient color re-indexing scheme for palette-based
       compression", ICIP 2000.
    .. [2] A. J. Pinho and A. J. R. Neves, "A note on Zeng's technique for color re-indexing of
       palette-based images", IEEE Signal Processing Letters 11, 2004.
    """
    k, meetings = len(image.palette), _meetings(image)
    placed = [int(place) for place in np.unravel_index(meetings.argmax(), meetings.shape)]
    placed = placed[: len(set(placed))]
    with_placed = meetings[placed].sum(axis=0)
    with_placed[placed] = -1
    while len(placed) < k:
        entry = int(with_placed.argmax())
        leaning = meetings[entry, placed] @ np.arange(len(placed) - 1, -len(placed), -2)
        placed.insert(0 if leaning > 0 else len(placed), entry)
        with_placed += meetings[entry]
        with_placed[placed] = -1
    return np.array(placed)


def by_swaps(image: IndexedImage) -> Order:
    """Put entries near each other whose pixels are, by swaps from what `by_neighbours` finds."""
    kinds = np.zeros(len(image.palette), np.uint8)
    return _native.bring_together(_meetings(image), kinds, by_neighbours(image), _N_PASSES)


def by_lightness(image: IndexedImage) -> Order:
    """Put light entries after dark ones, opaque ones last, then swap those of a kind."""
    colors = image.palette.colors
    kinds = (colors[:, 3] == 255).astype(np.uint8)
    order = np.lexsort((colors[:, :3].astype(np.int64) @ _LUMA, kinds))
    return _native.bring_together(_meetings(image), kinds, order, _N_PASSES)


def _meetings(image: IndexedImage) -> NDArray[np.int64]:
    """Count how often entries are side by side, or one above the other, (k, k)."""
    k = len(image.palette)
    meetings = np.zeros((k, k), np.int64)
    for a, b in (
        (image.indices[:, :-1], image.indices[:, 1:]),
        (image.indices[:-1], image.indices[1:]),
    ):
        pairs = a.astype(np.intp).ravel() * k + b.ravel()
        meetings += np.bincount(pairs, minlength=k * k).reshape(k, k)
    meetings += meetings.T
    np.fill_diagonal(meetings, 0)
    return meetings


def by_steps(image: IndexedImage) -> Order:
    """Put after each entry, from the darkest on, the nearest of those that are left."""
    colors = image.palette.colors.astype(np.int64)
    order = [int(colors.sum(axis=1).argmin())]
    left = np.delete(np.arange(len(colors)), order)
    while len(left):
        nearest = int(np.square(colors[left] - colors[order[-1]]).sum(axis=1).argmin())
        order.append(int(left[nearest]))
        left = np.delete(left, nearest)
    return np.array(order, dtype=np.intp)
