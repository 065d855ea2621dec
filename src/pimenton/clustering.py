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

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.descent import Descent, Step, energy_of, overshooting_lloyd, search
from pimenton.pixels import Labels, Points, Weights, thread_count


@dataclass(frozen=True)
class Effort:
    """How long the search for centroids goes on; each effort continues where the one before ended.

    Attributes
    ----------
    cells : int
        Cells of the coarse model for each centroid, at the least.
    n_steps : int
        Steps on the coarse model after a start or a move.
    n_moves : int
        Most moves of centroids tried on the coarse model.
    n_misses : int
        Single moves without gain after which the search ends.
    n_exact_steps : int
        Most steps over all points.
    min_gain : float
        These steps end when inertia falls by a smaller fraction.
    """

    cells: int
    n_steps: int
    n_moves: int
    n_misses: int
    n_exact_steps: int
    min_gain: float


EFFORTS: dict[str, Effort] = {
    "fast": Effort(cells=16, n_steps=4, n_moves=0, n_misses=0, n_exact_steps=1, min_gain=1e-3),
    "balanced": Effort(
        cells=64, n_steps=6, n_moves=80, n_misses=24, n_exact_steps=20, min_gain=1e-4
    ),
    "best": Effort(
        cells=512, n_steps=6, n_moves=200, n_misses=40, n_exact_steps=300, min_gain=1e-6
    ),
}

# Draws compared for each centroid of a greedy k-means++ start.
N_TRIALS = 2


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
        Distinct colors in one color space; the last column is for opacity. Any points will do;
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
        moments (k, 9) float64 of their points: sums of weighted coordinates, of weighted squared
        coordinates, and of weights.

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
    n_threads = thread_count(n_threads)
    exact_step = step(points, weights, n_threads)
    best = None
    for name, limits in EFFORTS.items():
        coarse, coarse_weights = _coarse_model(points, weights, limits.cells * n_clusters)
        if best is None:
            start = coarse[start_plus_plus(coarse, coarse_weights, n_clusters, seed)]
        else:
            start = best.centroids
        found = search(
            step(coarse, coarse_weights, n_threads),
            start,
            n_steps=limits.n_steps,
            n_moves=limits.n_moves,
            n_misses=limits.n_misses,
        )
        trial = overshooting_lloyd(
            exact_step, found.centroids, limits.n_exact_steps, min_gain=limits.min_gain
        )
        # What the cells' means leave out of the inertia is the same for all centroids.
        hidden = energy_of(trial.moments) - energy_of(found.moments)
        trial = trial.after(inertia + hidden for inertia in found.history)
        if best is None or trial.inertia < best.inertia:
            best = trial if best is None else trial.after(best.history)
        if name == effort:
            break
    assert best is not None
    return finish(points, best, n_threads)


def start_plus_plus(
    points: Points, weights: Weights, n_clusters: int, seed: int
) -> NDArray[np.uint32]:
    """Choose the numbers of starting points by greedy k-means++; fewer where points run out."""
    uniforms = np.random.default_rng(seed).random((n_clusters, N_TRIALS))
    return _native.plus_plus(points, weights, uniforms)


def finish(points: Points, descent: Descent, n_threads: int) -> Clustering:
    """Label the points, drop centroids that no point is nearest to, and freeze the result."""
    centroids = descent.centroids[descent.moments[:, 8] > 0]
    labels = _native.assign(points, centroids, n_threads).astype(label_type(len(centroids)))
    return Clustering(centroids, labels, descent.inertia, descent.history, descent.converged)


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


def _coarse_model(points: Points, weights: Weights, n_cells: int) -> tuple[Points, Weights]:
    """Merge points by cells: the coarsest grid that has the cells wanted, else all points."""
    if len(points) <= 2 * n_cells:
        return points, weights
    for bits in (4, 5, 6):
        coarse, coarse_weights = _native.merge_cells(points, weights, bits)
        if len(coarse) >= n_cells:
            break
    return coarse, coarse_weights
