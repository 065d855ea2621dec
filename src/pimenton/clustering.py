"""K-means over weighted points.

The four steps of Lloyd's algorithm: choose centroids; give each point to its nearest; move each
centroid to the mean of its points (hence the name); repeat until nothing moves. It ends in a local
minimum that depends on the start, so a search goes before it: on a coarse model of the points, a
few hundred to some thousand weighted cells where a step costs next to nothing, centroids whose loss
costs least are moved, again and again, into clusters whose split gains most, and what became better
is kept. The last steps then run over all points.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.pixels import Labels, Points, Weights, thread_count

Moments: TypeAlias = NDArray[np.float64]  # (k, 9): weight, weighted coordinates, their squares
Step: TypeAlias = Callable[[Points], Moments]


@dataclass(frozen=True)
class Effort:
    """How long the search for centroids goes on.

    Attributes
    ----------
    bits : int
        The coarse model has at most 2**bits cells along an axis.
    n_coarse_steps : int
        Most steps on the coarse model after a start or a move.
    n_moves : int
        Moves of centroids tried on the coarse model.
    n_exact_steps : int
        Most steps over all points.
    """

    bits: int
    n_coarse_steps: int
    n_moves: int
    n_exact_steps: int


EFFORTS: dict[str, Effort] = {
    "fast": Effort(bits=4, n_coarse_steps=4, n_moves=0, n_exact_steps=1),
    "balanced": Effort(bits=5, n_coarse_steps=10, n_moves=20, n_exact_steps=20),
    "best": Effort(bits=6, n_coarse_steps=30, n_moves=200, n_exact_steps=300),
}

# Draws compared for each centroid of a greedy k-means++ start.
N_TRIALS = 3


@dataclass(frozen=True, eq=False)
class Clustering:
    """Centroids, and which of them each point belongs to.

    Attributes
    ----------
    centroids : (k, 4) float32
        Means of the clusters, in the space of the points. Read-only.
    labels : (n,) uint8, uint16 or uint32
        Number of the nearest centroid of each point, the lowest among equals; of the smallest type
        that holds k - 1. Read-only.
    inertia : float
        Sum of weight times squared distance to the nearest centroid.
    history : tuple of float
        Inertia of the centroids before each step that was kept, never rising but by rounding.
    converged : bool
        Whether the last step moved nothing (or no more than the tolerance).
    """

    centroids: Points
    labels: Labels
    inertia: float
    history: tuple[float, ...]
    converged: bool

    def __post_init__(self) -> None:
        self.centroids.flags.writeable = False
        self.labels.flags.writeable = False

    @property
    def n_iter(self) -> int:
        """The number of steps in the history."""
        return len(self.history)


def kmeans(
    points: Points,
    weights: Weights,
    n_clusters: int,
    *,
    seed: int = 0,
    effort: str = "balanced",
    n_threads: int | None = None,
    step: Callable[[Points, Weights, int], Step] = _native.LloydStep,
) -> Clustering:
    """Cluster weighted points: a search on a coarse model, then Lloyd's algorithm on all points.

    Parameters
    ----------
    points : (n, 4) float32
        Distinct colors in one color space; the last column is opacity, 0 to 1. Any points will do;
        neighbours in the list that are neighbours in space make it fast.
    weights : (n,) float64
        Pixels of each color, all positive.
    n_clusters : int
        Centroids wanted, at least 1. With no more points than that, each becomes a centroid.
    seed : int, optional
        Of the start's random numbers.
    effort : {"fast", "balanced", "best"}, optional
        How long to search.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.
    step : callable, optional
        ``step(points, weights, n_threads)`` gives a function from centroids (k, 4) float32 to the
        moments (k, 9) float64 of their points: sums of weights, of weighted coordinates, and of
        weighted squared coordinates.

    Returns
    -------
    Clustering

    Raises
    ------
    ValueError
        If there is no point, a weight is not positive, or a choice is out of range.

    References
    ----------
    .. [1] S. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28, 1982.
    .. [2] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", 2007.
    .. [3] B. Fritzke, "Breathing k-means", 2020 (moving several centroids at once).

    Examples
    --------
    >>> points = np.array([[0, 0, 0, 1], [1, 0, 0, 1], [9, 0, 0, 1]], dtype=np.float32)
    >>> kmeans(points, np.ones(3), 2).centroids[:, 0].tolist()
    [0.5, 9.0]
    """
    _check(points, weights, n_clusters)
    if effort not in EFFORTS:
        raise ValueError(f"effort must be one of {', '.join(EFFORTS)}; got {effort!r}")
    if len(points) <= n_clusters:
        labels = np.arange(len(points), dtype=label_type(len(points)))
        return Clustering(points.copy(), labels, 0.0, (0.0,), True)
    limits = EFFORTS[effort]
    n_threads = thread_count(n_threads)
    coarse, coarse_weights = _coarse_model(points, weights, n_clusters, limits.bits)
    start = coarse[start_plus_plus(coarse, coarse_weights, n_clusters, seed)]
    coarse_step = step(coarse, coarse_weights, n_threads)
    found = _search(coarse_step, start, limits)
    exact = lloyd(step(points, weights, n_threads), found.centroids, limits.n_exact_steps)
    # What the cells' means leave out of the inertia is the same for all centroids.
    hidden = _energy(exact.moments) - _energy(found.moments)
    history = (*(h + hidden for h in found.history), *exact.history)
    return finish(points, exact, history, n_threads)


def start_plus_plus(
    points: Points, weights: Weights, n_clusters: int, seed: int
) -> NDArray[np.uint32]:
    """Choose the numbers of starting points by greedy k-means++; fewer where points run out."""
    uniforms = np.random.default_rng(seed).random((n_clusters, N_TRIALS))
    return _native.plus_plus(points, weights, uniforms)


@dataclass(frozen=True, eq=False)
class Descent:
    """Where a run of steps ended: centroids, the moments of their points, and inertias."""

    centroids: Points
    moments: Moments
    history: tuple[float, ...]
    converged: bool

    @property
    def inertia(self) -> float:
        """Inertia of the last centroids."""
        return self.history[-1]


def lloyd(step: Step, centroids: Points, n_steps: int, *, tolerance: float = 0.0) -> Descent:
    """Repeat steps until no centroid moves by more than the tolerance, or n_steps are done.

    The last entry of the history belongs to the centroids returned. An empty cluster's centroid
    goes where the inertia is largest, so that no centroid is wasted.
    """
    history: list[float] = []
    for _ in range(n_steps):
        moments = step(centroids)
        history.append(inertia_of(centroids, moments))
        moved = means(centroids, moments)
        shift = ((moved - centroids) ** 2).sum()
        if shift <= tolerance:
            return Descent(centroids, moments, tuple(history), True)
        centroids = moved
    moments = step(centroids)
    history.append(inertia_of(centroids, moments))
    return Descent(centroids, moments, tuple(history), False)


def inertia_of(centroids: Points, moments: Moments) -> float:
    """Sum weight times squared distance to the centroids, from the moments of their points."""
    c = centroids.astype(np.float64)
    weight, first = moments[:, 0], moments[:, 1:5]
    cross = (c * (2 * first - c * weight[:, np.newaxis])).sum()
    return max(_energy(moments) - float(cross), 0.0)


def means(centroids: Points, moments: Moments) -> Points:
    """Move each centroid to the mean of its points; an empty one joins the widest cluster."""
    weight = moments[:, 0]
    empty = weight == 0
    if not empty.any():
        return (moments[:, 1:5] / weight[:, np.newaxis]).astype(np.float32)
    moved = centroids.copy()
    kept = ~empty
    moved[kept] = moments[kept, 1:5] / weight[kept, np.newaxis]
    widest = np.argsort(-_spreads(moments).sum(axis=1), kind="stable")[: empty.sum()]
    moved[np.flatnonzero(empty)[: len(widest)]] = _halves(moved, moments, widest)[1]
    return moved


def finish(
    points: Points, descent: Descent, history: tuple[float, ...], n_threads: int
) -> Clustering:
    """Label the points, drop centroids that no point is nearest to, and freeze the result."""
    centroids = descent.centroids[descent.moments[:, 0] > 0]
    labels = _native.assign(points, centroids, n_threads).astype(label_type(len(centroids)))
    return Clustering(centroids, labels, descent.inertia, history, descent.converged)


def label_type(n_clusters: int) -> type[np.unsignedinteger]:
    """Give the smallest unsigned type that holds the numbers of n_clusters centroids."""
    return np.min_scalar_type(max(n_clusters - 1, 0)).type


def _check(points: Points, weights: Weights, n_clusters: int) -> None:
    if len(points) == 0:
        raise ValueError("there must be at least one point; got none")
    if len(points) != len(weights):
        raise ValueError(f"each point needs a weight; got {len(points)} and {len(weights)}")
    if n_clusters < 1:
        raise ValueError(f"n_clusters must be at least 1; got {n_clusters}")
    if not (weights > 0).all():
        raise ValueError(f"weights must be positive; got {weights.min()}")


def _coarse_model(
    points: Points, weights: Weights, n_clusters: int, bits: int
) -> tuple[Points, Weights]:
    """Merge points by cells, with several cells for each centroid at the least."""
    while bits <= 6:
        coarse, coarse_weights = _native.merge_cells(points, weights, bits)
        if len(coarse) >= 8 * n_clusters or len(coarse) == len(points):
            return coarse, coarse_weights
        bits += 1
    return points, weights


def _search(step: Step, start: Points, limits: Effort) -> Descent:
    """Move centroids from where they are of least use to where they gain most; keep what helped."""
    best = lloyd(step, start, limits.n_coarse_steps)
    n_moved = max(1, len(start) // 8)
    for _ in range(limits.n_moves):
        trial = lloyd(step, _moved(best, n_moved), limits.n_coarse_steps)
        if trial.inertia < best.inertia:
            best = Descent(
                trial.centroids, trial.moments, (*best.history, trial.inertia), trial.converged
            )
        elif n_moved == 1:
            break
        else:
            n_moved = (n_moved + 1) // 2
    return best


def _moved(descent: Descent, n_moved: int) -> Points:
    """Take the n_moved centroids of least use, and split the clusters of largest inertia."""
    centroids, moments = descent.centroids, descent.moments
    loss = _losses(centroids, moments[:, 0])
    gain = _spreads(moments).max(axis=1)
    removed = np.argsort(loss, kind="stable")[:n_moved]
    gain[removed] = -1
    split = np.argsort(-gain, kind="stable")[: len(removed)]
    moved = centroids.copy()
    moved[split], moved[removed] = _halves(centroids, moments, split)
    return moved


def _losses(centroids: Points, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate by how much inertia rises without each centroid: its points join the next one."""
    c = centroids.astype(np.float64)
    lengths = (c * c).sum(axis=1)
    sq = lengths[:, np.newaxis] + lengths - 2 * (c @ c.T)
    np.fill_diagonal(sq, np.inf)
    return weight * sq.min(axis=1)


def _spreads(moments: Moments) -> NDArray[np.float64]:
    """Give each cluster's weight times variance along each axis, (k, 4)."""
    weight = np.maximum(moments[:, :1], np.finfo(np.float64).tiny)
    spreads: NDArray[np.float64] = moments[:, 5:9] - moments[:, 1:5] ** 2 / weight
    return spreads.clip(min=0.0)


def _halves(centroids: Points, moments: Moments, which: NDArray[np.intp]) -> tuple[Points, Points]:
    """Give two centroids for each of some clusters, apart along the axis of largest variance."""
    weight = np.maximum(moments[which, :1], np.finfo(np.float64).tiny)
    deviation = np.sqrt(_spreads(moments)[which] / weight)
    deviation[deviation < deviation.max(axis=1, keepdims=True)] = 0
    offset = (0.8 * deviation).astype(np.float32)
    return centroids[which] - offset, centroids[which] + offset


def _energy(moments: Moments) -> float:
    return float(moments[:, 5:9].sum())
