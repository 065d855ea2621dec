"""The palette of a picture: imposed, fitted freely, or fitted as far as something binds it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from pimenton import _native
from pimenton.accents import serve
from pimenton.bounds import fit_around, fit_to_grid
from pimenton.clustering import Clustering, go_on, kmeans
from pimenton.colorspace import SPACES
from pimenton.descent import inertia_of
from pimenton.grids import DEPTHS
from pimenton.histogram import Histogram
from pimenton.options import Options
from pimenton.palette import Palette
from pimenton.pixels import Pixels, Points, thread_count


@dataclass(frozen=True)
class Rough:
    """A look at the upper bits of colors alone, in place of all.

    Attributes
    ----------
    n_bits : int
        Bits of a channel.
    least : callable
        How many colors these must leave for so many wanted: with fewer, merging them would show.
    spaces : collection of str
        The spaces in which cells of colors are small enough.
    """

    n_bits: int
    least: Callable[[int], int]
    spaces: Collection[str] = tuple(SPACES)


# A balanced search comes 0.02 % less close by it for 16 colors and 0.1 % for 32, in half of the
# time; but 0.4 % in Oklab, where cells are of many sizes.
ROUGH: dict[str, tuple[Rough, ...]] = {
    "fast": tuple(Rough(n_bits, lambda n_colors: 16 * n_colors) for n_bits in (5, 6)),
    "balanced": (Rough(6, lambda n_colors: max(6400, 25 * n_colors**2), ("srgb",)),),
    "best": (),
}

# Colors that are clustered at the most, some 60 bytes each; more are merged. It takes a picture of
# noise, or many pictures, to have so many.
MOST_COLORS = 1 << 22


def palette_of(histogram: Histogram, options: Options, *, n_threads: int | None = None) -> Palette:
    """Find the palette of the pictures that a histogram is the sum of.

    Parameters
    ----------
    histogram : Histogram
        Their colors.
    options : Options
        The choices.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.
    """
    # Accents are regions of a picture, of which there is none here.
    options = replace(options, accents=False)
    return fit_palette(histogram.colors[np.newaxis], histogram, options, n_threads=n_threads)[0]


def fit_palette(
    pixels: Pixels,
    histogram: Histogram,
    options: Options,
    *,
    start: Palette | None = None,
    n_threads: int | None = None,
) -> tuple[Palette, Clustering]:
    """Find the palette of a picture.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The picture.
    histogram : Histogram
        Its colors.
    options : Options
        The choices.
    start : Palette, optional
        One that was fitted in a similar space, in place of a search.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.

    Returns
    -------
    palette : Palette
        In its own order if it is imposed.
    clustering : Clustering
        Where K-means ended.
    """
    n_threads = thread_count(n_threads)
    space = SPACES[options.space]
    whole, histogram = histogram, bounded(histogram)
    if histogram.is_opaque and not histogram.is_rough:
        histogram = roughly(histogram.coarsen, options) or histogram
    points = histogram.points(options.space, n_threads=n_threads)
    if options.palette is not None:
        imposed = Palette.of_hex(options.palette)
        entries = space.from_srgb(imposed.colors, 1)
        moments = _native.LloydStep(points, histogram.weights, n_threads)(entries)
        labels = partial(_native.assign, points, entries, n_threads)
        return imposed, Clustering(entries, (inertia_of(entries, moments),), True, labels)
    clustering = _clustered(points, histogram, options, start, n_threads)
    locked = Palette.of_hex(options.lock).colors if options.lock else np.empty((0, 4), np.uint8)
    if is_exact(histogram, options):
        return Palette.of(np.concatenate([locked, histogram.colors])), clustering
    centroids = clustering.centroids
    if options.lock:
        centroids = fit_around(
            points, histogram.weights, centroids, space.from_srgb(locked, 1),
            options.palette_size, n_threads,
        )  # fmt: skip
    elif options.parses if options.accents is None else options.accents:
        if whole is not histogram:
            points = whole.points(options.space, n_threads=n_threads)
        centroids = serve(
            pixels, whole, points, centroids, options.palette_size,
            space=options.space, n_threads=n_threads,
        )  # fmt: skip
    colors = space.to_srgb(centroids)
    if options.depth is not None:
        colors = fit_to_grid(
            histogram, space, colors, DEPTHS[options.depth],
            options.palette_size - len(locked), n_threads,
        )  # fmt: skip
    return Palette.of(np.concatenate([locked, colors])), clustering


def _clustered(
    points: Points, histogram: Histogram, options: Options, start: Palette | None, n_threads: int
) -> Clustering:
    """Search for centroids, or go on from those of a palette."""
    if start is not None:
        centroids = SPACES[options.space].from_srgb(start.colors, 1)
        return go_on(
            points, histogram.weights, centroids, effort=options.effort, n_threads=n_threads
        )
    return kmeans(
        points,
        histogram.weights,
        options.palette_size,
        seed=options.seed,
        effort=options.effort,
        n_threads=n_threads,
    )


def roughly(coarse: Callable[[int], Histogram | None], options: Options) -> Histogram | None:
    """Give the colors that a search for few colors looks at, by a function of a channel's bits.

    Whether they come from pixels or from a histogram, they are the same, so a picture has the same
    palette whole and in tiles.
    """
    if options.parses or options.lossless or not options.is_free:
        return None
    for look in ROUGH[options.effort]:
        least = look.least(options.palette_size)
        # Hardly a picture has colors in so many of the cells: not worth a look.
        if options.space not in look.spaces or least > (1 << 3 * look.n_bits) // 8:
            continue
        histogram = coarse(look.n_bits)
        if histogram is None:
            return None
        if len(histogram.colors) >= least:
            return histogram
    return None


def bounded(histogram: Histogram, most: int = MOST_COLORS) -> Histogram:
    """Merge colors, by as many bits as needed, until there are no more than so many."""
    coarse, n_bits = histogram, 8
    while len(coarse.colors) > most and n_bits > 1:
        n_bits -= 1
        coarse = histogram.coarsen(n_bits)
    return coarse


def is_exact(histogram: Histogram, options: Options) -> bool:
    """Tell whether every color of the picture has a place in a palette that nothing binds."""
    n_locked = len(set(options.lock or ()))
    is_bound = options.palette is not None or options.depth is not None
    return not is_bound and len(histogram.colors) + n_locked <= options.palette_size
