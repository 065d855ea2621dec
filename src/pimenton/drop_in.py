"""What pngquant does with a PNG, done by K-means: for builds that call it.

Qualities are in the scale that pngquant prints. The error behind it is the mean squared difference
of undithered colors after a gamma, channels weighted; gamma and weights were fitted to what it
printed for photographs and drawings of 8 to 256 colors, and the table is read off its pairs of
error and quality.
"""

from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from pimenton.clustering import kmeans
from pimenton.colorspace import SPACES
from pimenton.dithering import STRENGTH, map_nearest, remap
from pimenton.errors import UnreadableImage
from pimenton.formats import encode
from pimenton.grids import snapped
from pimenton.histogram import Histogram
from pimenton.metadata import furnish, read_metadata
from pimenton.palette import MAX_COLORS, Palette
from pimenton.pixels import thread_count
from pimenton.png import chunk, chunks_of
from pimenton.reading import format_in, read_image

_SPACE = "oklab"
_GAMMA = 1.35
_WEIGHTS = (9978, 10612, 3437)
# Errors, and the qualities that pngquant prints beside them.
_ERRORS = (0.0, 0.72, 1.64, 2.83, 3.68, 4.99, 6.09, 8.39, 11.04, 12.14, 14.88, 16.58, 21.68, 25.58,
           32.0, 36.07, 46.29, 58.22, 74.86, 97.51, 129.4, 271.3)  # fmt: skip
_QUALITIES = (100, 97, 94, 90, 87, 83, 80, 73, 65, 62, 55, 51, 40, 32, 20, 14, 9, 6, 3, 2, 1, 0)
_STEPS = 4095


@dataclass(frozen=True)
class Wishes:
    """What is asked for.

    Attributes
    ----------
    n_colors : int
        Most colors, 2 to 256.
    low, high : int
        Qualities, 0 to 100: below the first nothing is made; for the second the fewest colors are
        taken that reach it.
    speed : int
        1, slow and small, to 11.
    strength : float
        Of the dithering, 0 to 1.
    n_dropped_bits : int
        Bits that each channel loses, 0 to 4.
    skip_if_larger : bool
        Whether a result must be worth its loss: smaller than the original by the more, the less its
        quality is.
    strip : bool
        Whether all metadata is left out.
    map : bytes or None
        A picture whose colors are taken.
    """

    n_colors: int = MAX_COLORS
    low: int = 0
    high: int = 100
    speed: int = 4
    strength: float = 1.0
    n_dropped_bits: int = 0
    skip_if_larger: bool = False
    strip: bool = False
    map: bytes | None = None


@dataclass(frozen=True)
class Requantized:
    """What came of it.

    Attributes
    ----------
    data : bytes
        The content of a PNG; empty if the quality is below the least one.
    n_colors : int
        Entries of its palette.
    error : float
        In the scale of pngquant.
    quality : int
        The quality of this error, 0 to 100.
    is_larger : bool
        Whether it is not worth its loss, where that was asked.
    """

    data: bytes
    n_colors: int
    error: float
    quality: int
    is_larger: bool = False


def requantize(
    data: bytes, wishes: Wishes, *, name: str = "picture", n_threads: int | None = None
) -> Requantized:
    """Bring a PNG down to few colors.

    Parameters
    ----------
    data : bytes
        The content of a PNG.
    wishes : Wishes
        What is asked for.
    name : str, optional
        What errors call the content.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.

    Raises
    ------
    UnreadableImage
        If the content is not a PNG or a damaged one.
    """
    if format_in(data[:64]) != "png":
        raise UnreadableImage(f"{name}: not a PNG file")
    n_threads = thread_count(n_threads)
    file = BytesIO(data)
    file.name = name
    # pngquant takes what libpng can read.
    pixels = read_image(file, lenient=True)
    histogram = Histogram.of(pixels, n_threads=n_threads)
    palette = _palette(histogram, wishes, n_threads)
    error = error_of(histogram, palette, n_threads)
    made = Requantized(b"", len(palette), error, quality_of(error))
    if made.quality < wishes.low:
        return made
    image = remap(
        pixels,
        palette,
        histogram=histogram,
        space=_SPACE,
        dither="floyd-steinberg" if wishes.strength and error else "none",
        strength=STRENGTH * wishes.strength,
        n_threads=n_threads,
    )
    result = encode(image, effort=_effort(wishes), parsed=True)
    if not wishes.strip:
        result = _with_metadata(result, data)
    limit = (len(data) - 1) * max(0.5, (made.quality / 100) ** 1.5)
    return replace(made, data=result, is_larger=wishes.skip_if_larger and len(result) >= limit)


def error_of(histogram: Histogram, palette: Palette, n_threads: int = 1) -> float:
    """Give the error of undithered colors in the scale of pngquant.

    Parameters
    ----------
    histogram : Histogram
        The picture's colors.
    palette : Palette
        The colors that it is drawn with.
    n_threads : int, optional
        Threads to use; they change no bit.
    """
    colors = histogram.colors
    row = colors[np.newaxis]
    places = map_nearest(row, histogram, palette, _SPACE, 0.0, n_threads)[0]
    before, after = _scaled(colors), _scaled(palette.colors)[places]
    black = before[:, :3] - after[:, :3]
    white = black + (after[:, 3:] - before[:, 3:])
    # Integers, so that no processor's powers or order of sums can change a decision.
    sums = [[int((side[:, i] ** 2 * histogram.counts).sum()) for i in range(3)]
            for side in (black, white)]  # fmt: skip
    worst = max(sum(w * s for w, s in zip(_WEIGHTS, side, strict=True)) for side in sums)
    return worst / (_STEPS**2 * histogram.n_pixels)


def quality_of(error: float) -> int:
    """Give the quality that pngquant prints for an error.

    Examples
    --------
    >>> quality_of(0.0), quality_of(6.09), quality_of(1e6)
    (100, 80, 0)
    """
    return int(np.interp(error, _ERRORS, _QUALITIES) + 0.5)


@cache
def _table() -> NDArray[np.int64]:
    """Give the steps of each channel value after the gamma."""
    return np.array([round(_STEPS * (value / 255) ** _GAMMA) for value in range(256)], np.int64)


def _scaled(colors: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Bring colors to steps, multiplied by opacity, and opacity to steps."""
    alphas = colors[:, 3:].astype(np.int64)
    return np.hstack([_table()[colors[:, :3]] * alphas // 255, alphas * _STEPS // 255])


def _effort(wishes: Wishes) -> str:
    return "best" if wishes.speed == 1 else "balanced" if wishes.speed == 2 else "fast"


def _palette(histogram: Histogram, wishes: Wishes, n_threads: int) -> Palette:
    if wishes.map is not None:
        return _imposed(wishes.map, wishes, n_threads)
    palette = _fitted(histogram, wishes.n_colors, wishes, n_threads)
    if wishes.high == 100 or quality_of(error_of(histogram, palette, n_threads)) < wishes.high:
        return palette
    # Quality rises with colors, but for the luck of a start: the fewest found by halving.
    low, high = 2, len(palette)
    while low < high:
        middle = (low + high) // 2
        trial = _fitted(histogram, middle, wishes, n_threads)
        if quality_of(error_of(histogram, trial, n_threads)) >= wishes.high:
            palette, high = trial, middle
        else:
            low = middle + 1
    return palette


def _fitted(histogram: Histogram, n_colors: int, wishes: Wishes, n_threads: int) -> Palette:
    colors = histogram.colors
    if len(colors) > n_colors:
        space = SPACES[_SPACE]
        points = space.from_srgb(colors, n_threads)
        effort = _effort(wishes)
        found = kmeans(points, histogram.weights, n_colors, effort=effort, n_threads=n_threads)
        colors = space.to_srgb(found.centroids)
    n_bits = (8 - wishes.n_dropped_bits,) * 4
    return Palette.of(snapped(colors, n_bits) if wishes.n_dropped_bits else colors)


def _imposed(data: bytes, wishes: Wishes, n_threads: int) -> Palette:
    histogram = Histogram.of(read_image(data, lenient=True), n_threads=n_threads)
    return _fitted(histogram, wishes.n_colors, wishes, n_threads)


def _with_metadata(result: bytes, original: bytes) -> bytes:
    result = furnish(result, "png", read_metadata(original, keep="keep"))
    kinds = {kind for kind, _ in chunks_of(original)}
    if not kinds & {b"sRGB", b"gAMA", b"cHRM", b"iCCP"}:
        return result
    # Whatever the original's colors stood for, they are sRGB now.
    start = result.index(b"IHDR") + 4 + 13 + 4
    return result[:start] + chunk(b"sRGB", b"\0") + result[start:]
