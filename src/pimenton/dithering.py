"""From pixels to palette indices."""

from collections.abc import Callable

import numpy as np

from pimenton import _native
from pimenton.colorspace import SPACES
from pimenton.histogram import Histogram
from pimenton.indexed import IndexedImage
from pimenton.palette import Palette
from pimenton.pixels import Indices, Pixels, thread_count

Dither = Callable[[Pixels, Histogram, Palette, str, int], Indices]


def map_nearest(
    pixels: Pixels, histogram: Histogram, palette: Palette, space: str, n_threads: int
) -> Indices:
    """Give each pixel the nearest entry, searched once for each distinct color."""
    from_srgb = SPACES[space].from_srgb
    labels = _native.assign(
        from_srgb(histogram.colors, n_threads), from_srgb(palette.colors, 1), n_threads
    )
    rows = np.ascontiguousarray(pixels).reshape(-1, 4)
    indices = _native.label_pixels(rows, histogram.colors, labels.astype(np.uint8), n_threads)
    return indices.reshape(pixels.shape[:2])


DITHERS: dict[str, Dither] = {"none": map_nearest}


def remap(
    pixels: Pixels,
    palette: Palette,
    *,
    histogram: Histogram | None = None,
    space: str = "oklab",
    dither: str = "none",
    n_threads: int | None = None,
) -> IndexedImage:
    """Draw a picture with a given palette.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The picture.
    palette : Palette
        The colors to use; its order and unused entries are kept.
    histogram : Histogram, optional
        Of the same picture, or one that contains all of its colors, if it is at hand.
    space : str, optional
        Color space of the distances, a key of ``SPACES``.
    dither : str, optional
        A key of ``DITHERS``; "none" gives each pixel its nearest entry, the first among equals.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.

    Returns
    -------
    IndexedImage

    Raises
    ------
    ValueError
        If the space or the dithering is unknown, or a color is not in the histogram.
    """
    for name, value, table in (("space", space, SPACES), ("dither", dither, DITHERS)):
        if value not in table:
            raise ValueError(f"{name} must be one of {', '.join(table)}; got {value!r}")
    n_threads = thread_count(n_threads)
    if histogram is None:
        histogram = Histogram.of(pixels, n_threads=n_threads)
    indices = DITHERS[dither](pixels, histogram, palette, space, n_threads)
    return IndexedImage(indices, palette)
