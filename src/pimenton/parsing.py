"""Palette indices that deflate well: chosen inside a lossy LZ77 parse.

Other ways quantize first and let deflate make of the indices what it can. Here the index of each
pixel is chosen while the matches are, so that the picture that is written is one in which deflate
finds long ones: as near to the source, its errors diffused and weighted by how smooth the place is,
as the bits are worth. One number decides: what distortion a bit is worth.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.colorspace import SPACES
from pimenton.dithering import exact_entries
from pimenton.histogram import Histogram
from pimenton.indexed import IndexedImage, renamed_literals
from pimenton.palette import Palette
from pimenton.pixels import Indices, Pixels, Points, Ranks, Weights, thread_count
from pimenton.texture import FORGIVEN, variances, weights_of

# Distances are those of Oklab times 100: one unit is about half of a just visible step.
SCALE = np.float32(100)
# Longest error passed to the row below, in units of the space.
MAX_ERROR = 12.0
# Step between neighbours that is an edge, in units of the space.
EDGE = 8.0
# How far clear and opaque colors are kept from translucent ones, along the axis of opacity: farther
# than any error, so that alpha 0 stays 0 and 255 stays 255.
GAP = np.float32(400)
# How much less or more than the mean an error may count when a subject is refined.
SWING = (0.2, 5.0)
# How much more an error may count where structure is lost.
MOST_SHARPENED = np.float32(4)
# Colors that the shares of entries are told from.
MOST_COUNTED = 1 << 15
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
        Pixels from one look-up to the next; half as many rows lie from one with look-ups to the
        next.
    """

    n_dynamic: int
    n_triples: int
    n_accepted: int
    every: int


THOROUGHNESS = {
    # Without any found distances a tenth of the time is saved, and 2 % of the bytes lost.
    "fast": Thoroughness(n_dynamic=16, n_triples=16, n_accepted=2, every=6),
    "large": Thoroughness(n_dynamic=16, n_triples=16, n_accepted=2, every=3),
    "balanced": Thoroughness(n_dynamic=32, n_triples=16, n_accepted=3, every=1),
    "best": Thoroughness(n_dynamic=48, n_triples=32, n_accepted=3, every=1),
}


@dataclass(frozen=True)
class Recipe:
    """What is best for most pictures, and what for some: chosen by measurement.

    Attributes
    ----------
    space : str
        Of the palette and the distances: oklab, or oklab-weighted, where chroma counts less.
    quarters : int
        How much more texture forgives: weights fall with local variance to this power, in quarters.
    carried : float
        Share of each pixel's error that is diffused, 0 to 1.
    edges : bool
        Whether edges between flat areas are no texture: errors there count, and are not diffused.
    """

    space: str = "oklab"
    quarters: int = 3
    carried: float = 0.7
    edges: bool = False


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
        The picture's colors, in the space of the parse, times 100.
    exact : (m,) int16
        The palette entry equal to a color, or -1.
    weights : (height, width) float32
        Of each pixel's squared error, 0 to 1.
    entries : (k, 4) float32
        The palette's colors as points.
    shares : (k,) float64
        Share of the pixels whose color is nearest to an entry, about.
    recipe : Recipe
        What it was made by.
    """

    palette: Palette
    ranks: Ranks
    points: Points
    exact: NDArray[np.int16]
    weights: NDArray[np.float32]
    entries: Points
    shares: Weights
    recipe: Recipe = Recipe()

    def rows(self, places: NDArray[np.intp]) -> "Subject":
        """Take some rows alone, as one picture."""
        return replace(self, ranks=self.ranks[places], weights=self.weights[places])

    def by(self, recipe: Recipe, *, n_threads: int = 1) -> "Subject":
        """Take another recipe of the same space; the mean weight stays, and so about the bytes."""
        if (recipe.quarters, recipe.edges) == (self.recipe.quarters, self.recipe.edges):
            return replace(self, recipe=recipe)
        weights = _weights_of(self.points, self.ranks, recipe, n_threads)
        weights *= np.float32(self.weights.sum(dtype=np.float64) / weights.sum(dtype=np.float64))
        return replace(self, weights=weights, recipe=recipe)


@dataclass(frozen=True, eq=False)
class MatchedImage(IndexedImage):
    """A picture of few colors with the literals and matches that write it.

    Attributes
    ----------
    tokens : (n,) uint32
        What `_native.deflate` takes.
    """

    tokens: NDArray[np.uint32]

    def renamed(self, places: NDArray[np.uint8], palette: Palette) -> "MatchedImage":
        """Give the same picture with other places, 0 where a row's filter byte is meant too."""
        return MatchedImage(places[self.indices], palette, renamed_literals(self.tokens, places))


@dataclass(frozen=True, eq=False)
class Parsed:
    """A picture that was parsed, and how many bytes deflate is expected to need for its indices."""

    image: IndexedImage
    n_bytes: float


def prepare(
    pixels: Pixels,
    histogram: Histogram,
    palette: Palette,
    recipe: Recipe | None = None,
    *,
    like: Subject | None = None,
    n_threads: int | None = None,
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
    recipe : Recipe, optional
        Other than the one that is best for most.
    like : Subject, optional
        The same picture by a recipe that weighs lightness and texture alike.
    n_threads : int, optional
        Threads; they change no bit.
    """
    recipe, n_threads = recipe or Recipe(), thread_count(n_threads)
    ranks = histogram.ranks(pixels, n_threads=n_threads) if like is None else like.ranks
    points = _gapped(histogram.points(recipe.space, n_threads=n_threads), histogram.colors)
    entries = _points(palette.colors, recipe.space, 1)
    # What entries are used for is told before the first row alone, so some colors will do.
    some = slice(None, None, -(-len(points) // MOST_COUNTED))
    nearest = _native.assign(np.ascontiguousarray(points[some]), entries, n_threads)
    counts = np.bincount(nearest, histogram.weights[some], minlength=len(entries))
    return Subject(
        palette,
        ranks,
        points,
        exact_entries(histogram, palette),
        _weights_of(points, ranks, recipe, n_threads) if like is None else like.weights,
        entries,
        counts / counts.sum(),
        recipe,
    )


def _weights_of(
    points: Points, ranks: Ranks, recipe: Recipe, n_threads: int
) -> NDArray[np.float32]:
    """Weigh errors by how smooth the lightness around them is."""
    lightness = np.ascontiguousarray(points[:, 0])[ranks]
    return weights_of(lightness, recipe.quarters, edges=recipe.edges, n_threads=n_threads)


def parse(
    subject: Subject,
    bit_weight: float,
    *,
    effort: str = "balanced",
    n_threads: int | None = None,
) -> Parsed:
    """Choose indices that are near to the source and cheap for deflate.

    Parameters
    ----------
    subject : Subject
        The picture, made ready.
    bit_weight : float
        Weighted squared error that a bit saved is worth, 0 or more: 0.02 keeps nearly all of what
        the palette can show, 0.2 is seen by few, 0.8 by most.
    effort : {"fast", "large", "balanced", "best"}, optional
        How many ways to follow at once; large is balanced for pictures of very many pixels.
    n_threads : int, optional
        Threads; they change no bit.

    Returns
    -------
    Parsed
        Its image is a `MatchedImage`.

    References
    ----------
    .. [1] P. Deutsch, "DEFLATE compressed data format specification", RFC 1951, 1996.
    .. [2] A. Viterbi, "Error bounds for convolutional codes", IEEE Trans. Inf. Theory 13, 1967.
    """
    indices, tokens, n_bits = choose_indices(subject, bit_weight, effort, n_threads)
    return Parsed(MatchedImage(indices, subject.palette, tokens), n_bits / 8)


def choose_indices(
    subject: Subject,
    bit_weight: float,
    effort: str,
    n_threads: int | None,
    *,
    for_webp: bool = False,
) -> tuple[Indices, NDArray[np.uint32], float]:
    """Give the indices, the literals and matches that write them, and their bits."""
    if not bit_weight >= 0:
        raise ValueError(f"bit_weight must be at least 0; got {bit_weight}")
    height, width = subject.ranks.shape
    n_bands = bands_of(height * width)
    how = THOROUGHNESS[effort]
    return _native.parse(
        np.ascontiguousarray(subject.ranks),
        subject.points,
        subject.exact,
        np.ascontiguousarray(subject.weights),
        subject.entries,
        subject.shares,
        bit_weight=bit_weight,
        carried=subject.recipe.carried,
        cap=MAX_ERROR,
        edge=EDGE if subject.recipe.edges else 0.0,
        n_dynamic=how.n_dynamic,
        n_triples=how.n_triples,
        n_accepted=how.n_accepted,
        every=how.every,
        for_webp=for_webp,
        rows_per_band=-(-height // n_bands),
        n_threads=thread_count(n_threads),
    )


def bands_of(n_pixels: int) -> int:
    """Give how many bands of rows are parsed on their own: an even number of them, or one."""
    return max(1, 2 * round(n_pixels / (2 * BAND_PIXELS)))


def refine(
    subject: Subject, image: IndexedImage, errors: NDArray[np.float32], *, settles: bool = True
) -> Subject:
    """Learn from a result: errors that show weigh more, and entries move to what they stand for.

    Parameters
    ----------
    subject : Subject
        What was parsed.
    image : IndexedImage
        What came of it.
    errors : (height, width) float32
        Error that is seen at each pixel, as of `quality.error_map`.
    settles : bool, optional
        Whether palette entries may move.
    """
    shares = np.clip(errors / max(errors.mean(dtype=np.float64), 1e-9), *SWING).astype(np.float32)
    weights = _weighed(subject, np.sqrt(shares))
    if not settles:
        return replace(subject, weights=weights)
    palette = _settled(subject, image.indices, weights)
    return replace(
        subject,
        palette=palette,
        entries=_points(palette.colors, subject.recipe.space, 1),
        weights=weights,
        exact=np.where(_still(subject, palette)[subject.exact], subject.exact, np.int16(-1)),
    )


def sharpen(subject: Subject, image: IndexedImage, *, n_threads: int | None = None) -> Subject:
    """Learn from a result: the few places whose structure is lost most weigh more.

    SSIMULACRA 2 takes the fourth power of what structure is lost, so these few decide. It is told
    by variances of lightness: that of the error against those of both pictures.

    Parameters
    ----------
    subject : Subject
        What was parsed.
    image : IndexedImage
        What came of it.
    n_threads : int, optional
        Threads; they change no bit.
    """
    lightness = np.ascontiguousarray(subject.points[:, 0])[subject.ranks]
    drawn = np.ascontiguousarray(subject.entries[:, 0])[image.indices]
    error, source, result = (
        variances(plane, n_threads=thread_count(n_threads))
        for plane in (lightness - drawn, lightness, drawn)
    )
    lost = np.maximum(error, 0) / (source + result + np.float32(FORGIVEN))
    usual = math.sqrt(math.sqrt(np.square(np.square(lost)).mean(dtype=np.float64)))
    lost /= np.float32(max(usual, 1e-9))
    return replace(
        subject, weights=_weighed(subject, np.clip(lost * np.sqrt(lost), 1, MOST_SHARPENED))
    )


def _weighed(subject: Subject, shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Let the places of a subject count more or less, and all of them as much as before."""
    weights = subject.weights * shares
    weights *= np.float32(subject.weights.sum(dtype=np.float64) / weights.sum(dtype=np.float64))
    return weights


def _settled(subject: Subject, indices: NDArray[np.uint8], weights: NDArray[np.float32]) -> Palette:
    """Move each entry to the weighted mean of its pixels, but for those that are met exactly."""
    k = len(subject.entries)
    labels, ranks = indices.ravel(), subject.ranks.ravel()
    weight = np.bincount(labels, weights.ravel(), minlength=k)
    sums = [
        np.bincount(labels, weights.ravel() * axis[ranks], minlength=k) for axis in subject.points.T
    ]
    met = np.bincount(labels, subject.exact[ranks] == labels, minlength=k)
    moves = (weight > 0) & (met < 0.5 * np.bincount(labels, minlength=k))
    means = np.array(sums).T[moves] / weight[moves, np.newaxis]
    alpha = subject.palette.colors[moves, 3]
    means[alpha == 255, 3] -= GAP
    means[alpha == 0, 3] += GAP
    colors = subject.palette.colors.copy()
    colors[moves] = SPACES[subject.recipe.space].to_srgb((means / float(SCALE)).astype(np.float32))
    colors[moves, 3] = np.where(alpha % 255 == 0, alpha, np.clip(colors[moves, 3], 1, 254))
    colors[colors[:, 3] == 0] = 0
    return Palette(colors)


def _still(subject: Subject, palette: Palette) -> NDArray[np.bool_]:
    still: NDArray[np.bool_] = (subject.palette.colors == palette.colors).all(axis=1)
    return still


def _points(colors: NDArray[np.uint8], space: str, n_threads: int) -> Points:
    return _gapped(SPACES[space].from_srgb(colors, n_threads), colors)


def _gapped(points: Points, colors: NDArray[np.uint8]) -> Points:
    points = points * SCALE
    alpha = colors[:, 3]
    points[:, 3] += GAP * ((alpha == 255).astype(np.float32) - (alpha == 0))
    return points
