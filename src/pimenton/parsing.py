"""Palette indices that deflate well: chosen inside a lossy LZ77 parse.

Other ways quantize first and let deflate make of the indices what it can. Here the index of each
pixel is chosen while the matches are, so that the picture that is written is one in which deflate
finds long ones: as near to the source, its errors diffused and weighted by how smooth the place is,
as the bits are worth. One number decides: what distortion a bit is worth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.colorspace import SPACES
from pimenton.dithering import exact_entries
from pimenton.histogram import Histogram
from pimenton.indexed import IndexedImage
from pimenton.palette import Palette
from pimenton.pixels import Pixels, Points, Ranks, Weights, thread_count

# Distances are those of Oklab times 100: one unit is about half of a just visible step.
SCALE = np.float32(100)
# Local variance of lightness at which errors begin to be hidden.
FORGIVEN = 9.0
# Share of the error that is diffused.
CARRIED = 0.7
# Longest error passed to the row below, in units of the space.
MAX_ERROR = 12.0
# How far clear and opaque colors are kept from translucent ones, along the axis of opacity: farther
# than any error, so that alpha 0 stays 0 and 255 stays 255.
GAP = np.float32(400)
# Bands of rows are parsed on their own, so that threads can share large pictures; each begins
# without a history, which costs less than 1 % of the bytes at this size.
BAND_PIXELS = 1 << 20


@dataclass(frozen=True)
class Thoroughness:
    """How many ways the parse follows at once.

    Attributes
    ----------
    n_dynamic : int
        Distances of earlier triples followed at a time, a multiple of 16; 0 looks none up.
    n_triples : int
        Triples looked up for a pixel: 0, 16 or 32.
    n_accepted : int
        Entries of a pixel that triples are made of, 1 to 3.
    every : int
        Pixels from one look-up to the next.
    """

    n_dynamic: int
    n_triples: int
    n_accepted: int
    every: int


THOROUGHNESS = {
    "fast": Thoroughness(n_dynamic=16, n_triples=16, n_accepted=2, every=2),
    "balanced": Thoroughness(n_dynamic=32, n_triples=16, n_accepted=3, every=1),
    "best": Thoroughness(n_dynamic=48, n_triples=32, n_accepted=3, every=1),
}


@dataclass(frozen=True, eq=False)
class Subject:
    """A picture and a palette made ready for being parsed, more than once.

    Attributes
    ----------
    palette : Palette
        The colors to use.
    ranks : (height, width) uint32
        Each pixel's place in the points.
    points : (m, 4) float32
        The picture's colors, in Oklab times 100 scaled by opacity, and opacity.
    exact : (m,) int16
        The palette entry equal to a color, or -1.
    weights : (height, width) float32
        Of each pixel's squared error, 0 to 1.
    entries : (k, 4) float32
        The palette's colors as points.
    shares : (k,) float64
        Share of the pixels whose color is nearest to an entry.
    """

    palette: Palette
    ranks: Ranks
    points: Points
    exact: NDArray[np.int16]
    weights: NDArray[np.float32]
    entries: Points
    shares: Weights

    def rows(self, places: NDArray[np.intp]) -> "Subject":
        """Take some rows alone, as one picture."""
        return Subject(
            self.palette,
            self.ranks[places],
            self.points,
            self.exact,
            self.weights[places],
            self.entries,
            self.shares,
        )


def prepare(
    pixels: Pixels, histogram: Histogram, palette: Palette, *, n_threads: int | None = None
) -> Subject:
    """Make a picture ready for `parse`.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The picture.
    histogram : Histogram
        Of the picture, or of one that contains all of its colors.
    palette : Palette
        The colors to use.
    n_threads : int, optional
        Threads; they change no bit.
    """
    n_threads = thread_count(n_threads)
    ranks = histogram.ranks(pixels, n_threads=n_threads)
    points, entries = _points(histogram.colors, n_threads), _points(palette.colors, 1)
    nearest = _native.assign(points, entries, n_threads)
    counts = np.bincount(nearest, histogram.weights, minlength=len(entries))
    return Subject(
        palette,
        ranks,
        points,
        exact_entries(histogram, palette),
        _native.weigh_texture(points[:, 0][ranks], FORGIVEN, n_threads),
        entries,
        counts / counts.sum(),
    )


def parse(
    subject: Subject,
    bit_weight: float,
    *,
    effort: str = "balanced",
    carried: float = CARRIED,
    n_threads: int | None = None,
) -> IndexedImage:
    """Choose indices that are near to the source and cheap for deflate.

    Parameters
    ----------
    subject : Subject
        The picture, made ready.
    bit_weight : float
        Weighted squared error that a bit saved is worth, 0 or more: 0.02 keeps nearly all of what
        the palette can show, 0.2 is seen by few, 0.8 by most.
    effort : {"fast", "balanced", "best"}, optional
        How many ways to follow at once.
    carried : float, optional
        Share of each pixel's error that is diffused, 0 to 1.
    n_threads : int, optional
        Threads; they change no bit.

    Returns
    -------
    IndexedImage

    References
    ----------
    .. [1] P. Deutsch, "DEFLATE compressed data format specification", RFC 1951, 1996.
    .. [2] A. Viterbi, "Error bounds for convolutional codes", IEEE Trans. Inf. Theory 13, 1967.
    """
    return IndexedImage(
        _parsed(subject, bit_weight, effort, carried, thread_count(n_threads))[0], subject.palette
    )


def predicted_bytes(
    subject: Subject, bit_weight: float, *, effort: str = "balanced", n_threads: int | None = None
) -> float:
    """Tell how many bytes deflate is expected to need for the indices of `parse`."""
    return _parsed(subject, bit_weight, effort, CARRIED, thread_count(n_threads))[1] / 8


def _parsed(
    subject: Subject, bit_weight: float, effort: str, carried: float, n_threads: int
) -> tuple[NDArray[np.uint8], float]:
    if not bit_weight >= 0:
        raise ValueError(f"bit_weight must be at least 0; got {bit_weight}")
    height, width = subject.ranks.shape
    n_bands = max(1, round(height * width / BAND_PIXELS))
    how = THOROUGHNESS[effort]
    return _native.parse(
        np.ascontiguousarray(subject.ranks),
        subject.points,
        subject.exact,
        np.ascontiguousarray(subject.weights),
        subject.entries,
        subject.shares,
        bit_weight=bit_weight,
        carried=carried,
        cap=MAX_ERROR,
        n_dynamic=how.n_dynamic,
        n_triples=how.n_triples,
        n_accepted=how.n_accepted,
        every=how.every,
        rows_per_band=-(-height // n_bands),
        n_threads=n_threads,
    )


def _points(colors: NDArray[np.uint8], n_threads: int) -> Points:
    points = SPACES["oklab"].from_srgb(colors, n_threads) * SCALE
    alpha = colors[:, 3]
    points[alpha == 255, 3] += GAP
    points[alpha == 0, 3] -= GAP
    return points
