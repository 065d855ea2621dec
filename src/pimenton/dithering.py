"""From pixels to palette indices: nearest entries, errors diffused, or mixtures of two entries."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.colorspace import OPAQUE, SPACES
from pimenton.diffusion import DIFFUSIONS, SIERRA, Bands, Taps, shares_of
from pimenton.histogram import Histogram
from pimenton.indexed import IndexedImage
from pimenton.palette import Palette
from pimenton.pixels import Indices, Pixels, Points, thread_count
from pimenton.quality import prepare, ssimulacra2

# Picture, its histogram if it is at hand, palette, space, strength, threads.
Dither = Callable[[Pixels, Histogram | None, Palette, str, float, int], Indices]

# By SSIMULACRA 2 on photographs the best for every table of taps and 16 to 256 colors: with the
# whole error passed on, what no mixture reaches adds up.
STRENGTH = 0.8


def map_nearest(
    pixels: Pixels,
    histogram: Histogram | None,
    palette: Palette,
    space: str,
    strength: float,
    n_threads: int,
) -> Indices:
    """Give each pixel the nearest entry, searched once for each distinct color.

    Where the histogram is rough, it is looked up for each pixel instead.
    """
    from_srgb = SPACES[space].from_srgb
    if histogram is not None and histogram.is_rough:
        return _map_each(pixels, histogram, from_srgb(palette.colors, 1), space, n_threads)
    histogram = histogram or Histogram.of(pixels, n_threads=n_threads)
    labels = _native.assign(
        histogram.points(space, n_threads=n_threads), from_srgb(palette.colors, 1), n_threads
    )
    rows = np.ascontiguousarray(pixels).reshape(-1, 4)
    indices = _native.label_pixels(rows, histogram.colors, labels.astype(np.uint8), n_threads)
    return indices.reshape(pixels.shape[:2])


def _map_each(
    pixels: Pixels, histogram: Histogram, entries: Points, space: str, n_threads: int
) -> Indices:
    """Give each pixel the nearest entry, out of those that may win around its color."""
    rows = np.ascontiguousarray(pixels).reshape(-1, 4)
    channel = SPACES[space].channel
    if channel is not None:
        indices = _native.map_pixels(rows, histogram.colors, channel(), OPAQUE, entries, n_threads)
        return indices.reshape(pixels.shape[:2])
    indices = _native.map_by_grid(rows, SPACES[space].kernel, entries, n_threads)
    return indices.reshape(pixels.shape[:2])


def diffusion(taps: Taps, n_parts: int) -> Dither:
    """Make a dithering that passes errors on by a table of taps.

    Eight rows run to, eight fro. A color that is exactly a palette entry, in a pixel whose four
    neighbours have it too, is left as it is.

    Parameters
    ----------
    taps : rows of (dx, dy, parts)
        Where the parts of an error go.
    n_parts : int
        The parts of a whole error.
    """
    table = shares_of(taps, n_parts)

    def diffuse(
        pixels: Pixels,
        histogram: Histogram | None,
        palette: Palette,
        space: str,
        strength: float,
        n_threads: int,
    ) -> Indices:
        pixels = np.ascontiguousarray(pixels)
        bands = Bands(pixels.shape[1], palette, space, table, strength)
        return bands.draw(pixels, False, False)

    return diffuse


def exact_entries(histogram: Histogram, palette: Palette) -> NDArray[np.int16]:
    """Give the palette entry that equals each color of a histogram, or -1: (m,) int16."""
    exact = np.full(len(histogram.colors), -1, np.int16)
    ranks = _native.rank_colors(palette.colors, histogram.colors, 1)
    # Of equal entries the first one counts, which is written last.
    places = np.flatnonzero(ranks < len(exact))[::-1]
    exact[ranks[places]] = places
    return exact


# How much the variance of a mixture counts beside the squared error of its average: with more, a
# color must be farther from its nearest entry before it is mixed. By SSIMULACRA 2 on photographs
# 0.1 is best for 16 colors and 0.2 for 256; without it partners from far away are taken.
GRAIN = 0.15
_ROWS_AT_ONCE = 256


def mix_by_blue_noise(
    pixels: Pixels,
    histogram: Histogram | None,
    palette: Palette,
    space: str,
    strength: float,
    n_threads: int,
) -> Indices:
    """Mix each color from two entries, dot by dot in the order of a blue-noise tile [1]_.

    An index depends on nothing but the color and the place: what stands still in an animation stays
    as it is. The dots are as far apart in color as the palette is; a color that has its own entry
    is not mixed.

    References
    ----------
    .. [1] R. Ulichney, "The void-and-cluster method for dither array generation", Human Vision,
       Visual Processing, and Digital Display IV, SPIE 1913, 1993.
    """
    from_srgb = SPACES[space].from_srgb
    if histogram is None or histogram.is_rough:
        histogram = Histogram.of(pixels, n_threads=n_threads)
    points = histogram.points(space, n_threads=n_threads)
    entries = from_srgb(palette.colors, 1)
    nearest = _native.assign(points, entries, n_threads)
    partners, shares = _native.mix_colors(points, entries, nearest, GRAIN, n_threads)
    shares = shares * np.float32(strength)
    low, high = np.minimum(nearest, partners), np.maximum(nearest, partners)
    # Dots of the higher entry always come in the same order, whichever of both is nearer.
    shares = np.where(partners == high, shares, 1 - shares)
    tile = blue_noise()
    levels = np.floor(shares * tile.size + np.float32(0.5)).astype(np.uint16)
    pairs = np.column_stack([low, high]).astype(np.uint8)
    indices = np.empty(pixels.shape[:2], np.uint8)
    width = pixels.shape[1]
    across = np.tile(tile, (_ROWS_AT_ONCE // len(tile), -(-width // len(tile))))[:, :width]
    for y in range(0, len(pixels), _ROWS_AT_ONCE):
        band = pixels[y : y + _ROWS_AT_ONCE]
        ranks = histogram.ranks(band, n_threads=n_threads)
        is_high = across[: len(band)] < levels[ranks]
        indices[y : y + _ROWS_AT_ONCE] = np.where(is_high, pairs[ranks, 1], pairs[ranks, 0])
    return indices


@cache
def blue_noise() -> NDArray[np.uint16]:
    """Give the tile, (64, 64): each of 0 to 4095 once, so that any first ones are spread evenly."""
    from importlib.resources import files

    with (files("pimenton") / "blue_noise.npy").open("rb") as file:
        tile: NDArray[np.uint16] = np.load(file)
    tile.flags.writeable = False
    return tile


# What a point of SSIMULACRA 2 may cost, in bits a pixel. On photographs in 256 colors a half of the
# full strength costs about 0.12 a point, and the other half 0.4.
_BITS_A_POINT = 0.15
# Points below which a gain is not worth any grain.
_LEAST_GAIN = 0.5
# Larger pictures are judged by four squares of this side.
_SQUARE = 256


def choose_by_measurement(
    pixels: Pixels,
    histogram: Histogram | None,
    palette: Palette,
    space: str,
    strength: float,
    n_threads: int,
) -> Indices:
    """Draw with the strength, half of it or none, whichever is worth its bytes on this picture.

    Scores and deflated bytes are those of the picture, or of four squares of a larger one.
    """
    height, width = pixels.shape[:2]
    sample = sample_of(lambda y, x, h, w: pixels[y : y + h, x : x + w], height, width)
    best = worthy_strength(sample, histogram, palette, space, strength, n_threads)
    return AUTO(pixels, histogram, palette, space, best, n_threads)


def worthy_strength(
    sample: Pixels,
    histogram: Histogram | None,
    palette: Palette,
    space: str,
    strength: float,
    n_threads: int,
) -> float:
    """Find out by a sample of a picture how much of a strength is worth its bytes."""
    import deflate

    original = prepare(sample, n_threads=n_threads)
    worth: dict[float, float] = {}
    for trial in (0.0, strength / 2, strength):
        indices = AUTO(sample, histogram, palette, space, trial, n_threads)
        score = ssimulacra2(original, palette.colors[indices], n_threads=n_threads)
        n_bits = 8 * len(deflate.zlib_compress(indices.tobytes(), 6))
        worth[trial] = score - n_bits / indices.size / _BITS_A_POINT
    worth[0.0] += _LEAST_GAIN
    return max(worth, key=lambda trial: worth[trial])


def sample_of(read: Callable[[int, int, int, int], Pixels], height: int, width: int) -> Pixels:
    """Take four squares of a picture, or all of a small one.

    Parameters
    ----------
    read : callable
        ``read(y, x, height, width)`` gives a part.
    height, width : int
        Pixels of the picture.
    """
    if height * width <= (2 * _SQUARE) ** 2 or min(height, width) < 2 * _SQUARE:
        return read(0, 0, height, width)
    rows = [
        np.hstack([read(y, x, _SQUARE, _SQUARE) for x in _places(width)]) for y in _places(height)
    ]
    return np.vstack(rows)


def _places(side: int) -> tuple[int, int]:
    """Give where squares begin that lie in the middles of both halves of a side."""
    return (side // 2 - _SQUARE) // 2, (side - side // 2 - _SQUARE) // 2 + side // 2


AUTO = diffusion(SIERRA, 32)

DITHERS: dict[str, Dither] = {
    "none": map_nearest,
    **{name: diffusion(*how) for name, how in DIFFUSIONS.items()},
    "blue-noise": mix_by_blue_noise,
    "auto": choose_by_measurement,
}


def remap(
    pixels: Pixels,
    palette: Palette,
    *,
    histogram: Histogram | None = None,
    space: str = "oklab",
    dither: str = "none",
    strength: float = STRENGTH,
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
        A key of ``DITHERS``; "none" gives each pixel its nearest entry, the first among equals;
        "auto" diffuses errors as far as it is worth the bytes.
    strength : float, optional
        How much of it, 0 to 1.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.

    Returns
    -------
    IndexedImage

    Raises
    ------
    ValueError
        If the space or the dithering is unknown, the strength out of range, or a color is not in
        the histogram.
    """
    for name, value, table in (("space", space, SPACES), ("dither", dither, DITHERS)):
        if value not in table:
            raise ValueError(f"{name} must be one of {', '.join(table)}; got {value!r}")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be between 0 and 1; got {strength}")
    n_threads = thread_count(n_threads)
    indices = DITHERS[dither](pixels, histogram, palette, space, strength, n_threads)
    return IndexedImage(indices, palette)
