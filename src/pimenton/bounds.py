"""Palettes that are not free: with colors that stay, or in the grid of a device."""

from collections.abc import Sequence

import numpy as np

from pimenton import _native
from pimenton.colorspace import Space
from pimenton.descent import inertia_of, means
from pimenton.grids import snapped
from pimenton.histogram import Histogram
from pimenton.pixels import Colors, Points, Weights

# Steps after which free centroids have settled around locked ones, or in a grid.
_N_STEPS = 12


def fit_around(
    points: Points,
    weights: Weights,
    centroids: Points,
    locked: Points,
    n_clusters: int,
    n_threads: int,
) -> Points:
    """Let centroids settle around others that stay where they are.

    Parameters
    ----------
    points : (n, 4) float32
        Colors in a space.
    weights : (n,) float64
        Pixels of each.
    centroids : (k, 4) float32
        Where K-means ended without the locked ones.
    locked : (l, 4) float32
        Centroids that stay.
    n_clusters : int
        Most centroids, with the locked ones.
    n_threads : int
        Threads to use; they change no bit.

    Returns
    -------
    (at most n_clusters - l, 4) float32
        The free ones.
    """
    free = centroids
    # A locked centroid stands in for the free one that is nearest to it.
    for place in locked:
        if len(free) + len(locked) > n_clusters:
            nearest = int(((free - place) ** 2).sum(axis=1).argmin())
            free = np.delete(free, nearest, axis=0)
    step = _native.LloydStep(points, weights, n_threads)
    for _ in range(_N_STEPS if len(free) else 0):
        both = np.ascontiguousarray(np.concatenate([locked, free]))
        free = means(both, step(both))[len(locked) :]
    return free


def fit_to_grid(
    histogram: Histogram,
    space: Space,
    colors: Colors,
    bits: Sequence[int],
    n_colors: int,
    n_threads: int,
) -> Colors:
    """Bring a palette into the grid of a device, and fill the places of colors that fall together.

    Parameters
    ----------
    histogram : Histogram
        The picture's colors.
    space : Space
        Where distances are measured.
    colors : (k, 4) uint8
        The palette without a grid.
    bits : sequence of 4 int
        Bits of each channel, as ``snapped`` takes them.
    n_colors : int
        Most colors.
    n_threads : int
        Threads to use; they change no bit.

    Returns
    -------
    (at most n_colors, 4) uint8
        Distinct colors of the grid.
    """
    cells = _distinct(snapped(histogram.colors, bits))
    if len(cells) <= n_colors:
        return cells
    points = space.from_srgb(histogram.colors, n_threads)
    step = _native.LloydStep(points, histogram.weights, n_threads)
    best, least = colors, np.inf
    for _ in range(_N_STEPS):
        palette = _distinct(snapped(colors, bits))
        palette = _filled(histogram, points, space, palette, bits, n_colors, n_threads)
        entries = space.from_srgb(palette, 1)
        moments = step(entries)
        inertia = inertia_of(entries, moments)
        if inertia >= least:
            break
        best, least = palette, inertia
        colors = space.to_srgb(means(entries, moments))
    return best


def _filled(
    histogram: Histogram,
    points: Points,
    space: Space,
    palette: Colors,
    bits: Sequence[int],
    n_colors: int,
    n_threads: int,
) -> Colors:
    """Give free places to the cells of the grid whose pixels are worst served."""
    if len(palette) >= n_colors:
        return palette
    entries = space.from_srgb(palette, 1)
    labels = _native.assign(points, entries, n_threads)
    distances = ((points - entries[labels]).astype(np.float64) ** 2).sum(axis=1)
    cells, inverse = np.unique(snapped(histogram.colors, bits), axis=0, return_inverse=True)
    known = {bytes(color) for color in palette}
    losses = np.bincount(inverse.ravel(), distances * histogram.weights, len(cells))
    losses[[bytes(cell) in known for cell in cells]] = 0
    order = np.argsort(-losses, kind="stable")[: n_colors - len(palette)]
    return _distinct(np.concatenate([palette, cells[order[losses[order] > 0]]]))


def _distinct(colors: Colors) -> Colors:
    return np.unique(colors, axis=0)
