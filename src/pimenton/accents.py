"""Rare colors that a person would miss: a red lamp in a gray street.

K-means counts pixels, so a color of few pixels may end far from every centroid although it is what
one looks at. So regions of the picture are looked for that no entry comes near, and their colors
get entries of their own, taken from where the loss is least, as long as no region is lost for it.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.colorspace import SPACES
from pimenton.descent import losses, means
from pimenton.histogram import Histogram
from pimenton.pixels import Pixels, Points, Weights

# Farther than this from its entry a color is another one to the eye, also in a small spot: 6 in
# Oklab times 100, about three just visible steps.
LIMIT = 0.06
# Smallest region that counts: so many pixels of 512 x 512 and as large a part of other pictures,
# but never fewer than the floor.
LEAST_PIXELS = 12
FLOOR = 4

# Exchanges of entries at the most; each that helps lets the next one be twice as large. All of them
# together may take one entry of so many.
_N_ROUNDS = 8
_SHARE = 8
# Steps in which the other centroids settle after an exchange.
_N_STEPS = 2
# Only a centroid that has a neighbour nearer than this part of the limit may make room.
_NEAR = 0.75


@dataclass(frozen=True, eq=False)
class FarRegions:
    """The colors of all regions that no entry comes near.

    Attributes
    ----------
    points : (n, 4) float32
        Distinct colors.
    weights : (n,) float64
        Pixels of each in the regions.
    excess : float
        Sum over these pixels of squared distance beyond the squared limit; 0 without a region.
    """

    points: Points
    weights: Weights
    excess: float


def serve(
    pixels: Pixels,
    histogram: Histogram,
    points: Points,
    centroids: Points,
    n_colors: int,
    *,
    space: str = "oklab",
    n_threads: int = 1,
) -> Points:
    """Change centroids so that no region a person would notice ends far from its color.

    A region is connected pixels, each farther than `LIMIT` from the nearest palette entry, at least
    `least_pixels` of them. As long as there is one, its mean color becomes a centroid that stays
    where it is, the centroids whose loss costs least make room, and the others settle. An exchange
    that leaves more behind than it mends is not made, and no more than an eighth of the palette is
    exchanged: then it has no room.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The picture.
    histogram : Histogram
        Of the picture, or of one that contains all of its colors.
    points : (m, 4) float32
        The histogram's colors in the space.
    centroids : (k, 4) float32
        What K-means found; rounded to bytes they are the palette.
    n_colors : int
        Most centroids wanted.
    space : str, optional
        A key of ``SPACES``; the limit is meant for Oklab.
    n_threads : int, optional
        Threads; they change no bit.

    Returns
    -------
    (up to n_colors, 4) float32
        The centroids themselves where there is no such region.
    """
    look = partial(far_regions, pixels, histogram, points, space=space, n_threads=n_threads)
    far = look(centroids)
    if not far.excess:
        return centroids
    step = _native.LloydStep(points, histogram.weights, n_threads)
    n_pinned, n_new, n_most = 0, 1, max(1, n_colors // _SHARE)
    for _ in range(_N_ROUNDS):
        new = _colors_of(far, min(n_new, n_most - n_pinned))
        trial = _exchanged(step, centroids, n_pinned, new, n_colors)
        trial_far = far if trial is None else look(trial)
        if trial is not None and trial_far.excess < far.excess:
            centroids, far, n_pinned = trial, trial_far, n_pinned + len(new)
            n_new *= 2
        else:
            n_new = len(new) // 2
        if not far.excess or n_new == 0:
            break
    return centroids


def least_pixels(pixels: Pixels) -> float:
    """Give the size from which on a region counts, in pixels.

    Examples
    --------
    >>> least_pixels(np.zeros((512, 1024, 4), np.uint8)), least_pixels(np.zeros((16, 16, 4)))
    (24.0, 4.0)
    """
    n_pixels = pixels.shape[0] * pixels.shape[1]
    return float(max(FLOOR, LEAST_PIXELS * n_pixels / 512**2))


def far_regions(
    pixels: Pixels,
    histogram: Histogram,
    points: Points,
    centroids: Points,
    *,
    space: str = "oklab",
    n_threads: int = 1,
) -> FarRegions:
    """Find the regions that no palette entry comes near; parameters as those of `serve`."""
    entries = SPACES[space].from_srgb(np.unique(SPACES[space].to_srgb(centroids), axis=0), 1)
    sq = _native.nearest_distances(points, entries, n_threads)
    far = sq > np.float32(LIMIT * LIMIT)
    least = least_pixels(pixels)
    if histogram.counts[far].sum() < least:
        return _found(points, sq, np.empty(0, np.uint32))
    rows = np.ascontiguousarray(pixels).reshape(-1, 4)
    mask = _native.label_pixels(rows, histogram.colors, far.view(np.uint8), n_threads)
    places, regions = _native.find_regions(mask.reshape(pixels.shape[:2]))
    noticed = places[np.bincount(regions)[regions] >= least]
    return _found(points, sq, _native.rank_colors(rows[noticed], histogram.colors, 1))


def _found(points: Points, sq: NDArray[np.float32], ranks: NDArray[np.uint32]) -> FarRegions:
    used, counts = np.unique(ranks, return_counts=True)
    weights = counts.astype(np.float64)
    excess = float((weights * (sq[used].astype(np.float64) - LIMIT * LIMIT)).sum())
    return FarRegions(points[used], weights, max(excess, 0.0))


def _colors_of(far: FarRegions, n_most: int) -> Points:
    """Merge colors into groups no wider than the limit, and give the heaviest ones' means."""
    waiting = [(far.points.astype(np.float64), far.weights)]
    done: list[tuple[float, NDArray[np.float64]]] = []
    while waiting and len(done) < n_most:
        waiting.sort(key=lambda group: float(group[1].sum()))
        points, weights = waiting.pop()
        mean = (points * weights[:, np.newaxis]).sum(axis=0) / weights.sum()
        sq = (points - mean) ** 2
        axis = int((sq * weights[:, np.newaxis]).sum(axis=0).argmax())
        above = points[:, axis] > mean[axis]
        if sq.sum(axis=1).max() <= LIMIT * LIMIT or not above.any() or above.all():
            done.append((float(weights.sum()), mean))
        else:
            waiting += [(points[part], weights[part]) for part in (above, ~above)]
    done.sort(key=lambda group: -group[0])
    return np.array([mean for _, mean in done], np.float32).reshape(-1, 4)


def _exchanged(
    step: _native.LloydStep, centroids: Points, n_pinned: int, new: Points, n_colors: int
) -> Points | None:
    """Put new centroids after the first, pinned ones; those of least use go, the others settle."""
    pinned = np.concatenate([centroids[:n_pinned], new])
    moments = step(centroids)
    free = _most_needed(centroids, moments, n_pinned, n_colors - len(pinned))
    if free is None:
        return None
    trial = np.concatenate([pinned, free])
    for _ in range(_N_STEPS if len(free) else 0):
        trial = means(trial, step(trial))
        trial[: len(pinned)] = pinned
    return trial


def _most_needed(
    centroids: Points, moments: NDArray[np.float64], n_pinned: int, n_left: int
) -> Points | None:
    """Keep n_left centroids besides the pinned ones, without those whose loss costs least.

    Only a centroid with a neighbour so near that its points would still be served may go, and of
    two that are neighbours only one. None if too few may go.
    """
    cost, neighbours = losses(centroids, moments)
    offsets = centroids - centroids[neighbours]
    near = (offsets * offsets).sum(axis=1) < (_NEAR * LIMIT) ** 2
    near[:n_pinned] = False
    gone: set[int] = set()
    for i in np.argsort(cost, kind="stable").tolist():
        if len(centroids) - n_pinned - len(gone) <= n_left:
            break
        if near[i] and int(neighbours[i]) not in gone:
            gone.add(i)
    kept = [i for i in range(n_pinned, len(centroids)) if i not in gone]
    return centroids[kept] if len(kept) <= n_left else None
