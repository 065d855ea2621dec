"""From pixels to palette indices: the nearest entry, or errors diffused over the neighbours."""

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


# Rows of (dx, dy, parts): where the parts of an error go, dx along the row and dy below it.
_Taps = tuple[tuple[int, int, int], ...]

# R. W. Floyd and L. Steinberg, "An adaptive algorithm for spatial grey scale", 1976.
FLOYD_STEINBERG: _Taps = ((1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1))
# F. Sierra, 1989.
SIERRA: _Taps = (
    *((1, 0, 5), (2, 0, 3)),
    *((-2, 1, 2), (-1, 1, 4), (0, 1, 5), (1, 1, 4), (2, 1, 2)),
    *((-1, 2, 2), (0, 2, 3), (1, 2, 2)),
)
# P. Stucki, "MECCA - a multiple-error correction computation algorithm", IBM RZ 1060, 1981.
STUCKI: _Taps = (
    *((1, 0, 8), (2, 0, 4)),
    *((-2, 1, 2), (-1, 1, 4), (0, 1, 8), (1, 1, 4), (2, 1, 2)),
    *((-2, 2, 1), (-1, 2, 2), (0, 2, 4), (1, 2, 2), (2, 2, 1)),
)
# B. Atkinson, for the first Macintosh: a quarter of the error is dropped.
ATKINSON: _Taps = ((1, 0, 1), (2, 0, 1), (-1, 1, 1), (0, 1, 1), (1, 1, 1), (0, 2, 1))

# Longest error that is passed on, in the units of the space: more than this smears a color that no
# entry comes near to over its surroundings.
MAX_ERROR = 0.12


def diffusion(taps: _Taps, n_parts: int) -> Dither:
    """Make a dithering that passes errors on by a table of taps.

    Rows run to and fro. A color that is exactly a palette entry, in a pixel whose four neighbours
    have it too, is left as it is.

    Parameters
    ----------
    taps : rows of (dx, dy, parts)
        Where the parts of an error go.
    n_parts : int
        The parts of a whole error.
    """
    table = np.array([(dx, dy, parts / n_parts) for dx, dy, parts in taps], np.float32)

    def diffuse(
        pixels: Pixels, histogram: Histogram, palette: Palette, space: str, n_threads: int
    ) -> Indices:
        from_srgb = SPACES[space].from_srgb
        entry_of = {bytes(color): i for i, color in reversed(list(enumerate(palette.colors)))}
        exact = np.full(len(histogram.colors), -1, np.int16)
        used, _ = _native.count_colors(palette.colors, 1)
        ranks = _native.rank_colors(used, histogram.colors, 1)
        for color, rank in zip(used, ranks.tolist(), strict=True):
            if rank < len(exact):
                exact[rank] = entry_of[bytes(color)]
        return _native.diffuse(
            np.ascontiguousarray(pixels),
            histogram.colors,
            from_srgb(histogram.colors, n_threads),
            exact,
            from_srgb(palette.colors, 1),
            table,
            strength=1.0,
            cap=MAX_ERROR,
            serpentine=True,
        )

    return diffuse


DITHERS: dict[str, Dither] = {
    "none": map_nearest,
    "floyd-steinberg": diffusion(FLOYD_STEINBERG, 16),
    "sierra": diffusion(SIERRA, 32),
    "stucki": diffusion(STUCKI, 42),
    "atkinson": diffusion(ATKINSON, 8),
}


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
