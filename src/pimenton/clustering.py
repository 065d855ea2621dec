"""K-means over weighted points.

The four steps of Lloyd's algorithm: choose centroids; give each point to its nearest; move each
centroid to the mean of its points (hence the name); repeat until nothing moves. It ends in a local
minimum that depends on the start, so a search goes before it: on a coarse model of the points, some
thousand weighted cells where a step costs next to nothing, clusters are split where that gains most
and dissolved where it costs least, again and again, and what became better is kept. The last steps
then run over all points.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pimenton import _native
from pimenton.descent import Descent, Step, energy_of, overshooting_lloyd
from pimenton.pixels import Labels, Points, Weights, thread_count


@dataclass(frozen=True)
class Effort:
    """How long the search for centroids goes on; each effort continues where the one before ended.

    Attributes
    ----------
    cells : int
        Cells of the coarse model for each centroid.
    least_cells : int
        Cells of the coarse model at the least.
    n_trials : int
        Most splits and dissolutions of single clusters tried on the coarse model.
    n_splits : int
        Clusters split at the most, and as many dissolved, where many are tried at once on it.
    n_run_steps : int
        Most steps over runs of neighbours, each merged into one point.
    n_exact_steps : int
        Most steps over all points.
    min_gain : float
        These steps end when inertia falls by a smaller fraction.
    """

    cells: int
    least_cells: int
    n_trials: int
    n_splits: int
    n_run_steps: int
    n_exact_steps: int
    min_gain: float


# A run of so many points is no wider than a centroid goes in its last steps, where there are enough
# runs for each cluster.
MOST_IN_RUN = 8
RUNS = 128

# Steps over the cells where splitting ended. Splitting alone ends 12 % above the least inertia on
# photographs in 256 colors, with these steps 5 %.
START_STEPS = 4

EFFORTS: dict[str, Effort] = {
    "fast": Effort(24, 2000, n_trials=0, n_splits=0, n_run_steps=0, n_exact_steps=0, min_gain=0.0),
    "balanced": Effort(
        24, 2000, n_trials=100, n_splits=150, n_run_steps=16, n_exact_steps=6, min_gain=5e-5
    ),
    "best": Effort(
        96, 16000, n_trials=1000, n_splits=600, n_run_steps=0, n_exact_steps=200, min_gain=1e-6
    ),
}


@dataclass(frozen=True, eq=False)
class Clustering:
    """Centroids, and which of them each point belongs to.

    Attributes
    ----------
    centroids : (k, 4) float32
        Means of the clusters, in the space of the points. Read-only.
    history : tuple of float
        Inertia of the centroids before each step that was kept, never rising but by rounding.
    converged : bool
        Whether the last step moved nothing (or no more than the tolerance).
    """

    centroids: Points
    history: tuple[float, ...]
    converged: bool
    _find_labels: Callable[[], Labels]

    def __post_init__(self) -> None:
        self.centroids.flags.writeable = False

    @cached_property
    def labels(self) -> Labels:
        """The number of the nearest centroid of each point, the lowest among equals.

        (n,) uint8, uint16 or uint32, the smallest type that holds k - 1; found when first asked
        for. Read-only.
        """
        labels = self._find_labels()
        labels.flags.writeable = False
        return labels

    @property
    def inertia(self) -> float:
        """The sum of weight times squared distance to the nearest centroid."""
        return self.history[-1]

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
        Of the search's random numbers.
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
    .. [2] B. Fritzke, "The breathing k-means algorithm", 2020 (moving many centroids at once).

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
        return Clustering(points.copy(), (0.0,), True, lambda: labels)
    n_threads = thread_count(n_threads)
    exact_step = step(points, weights, n_threads)
    best, n_cells = None, 0
    for name, limits in EFFORTS.items():
        if n_cells != (n_cells := limits.cells * n_clusters + limits.least_cells):
            model = _coarse_model(points, weights, n_cells)
        if best is None:
            split = _native.split_points(*model, n_clusters)
            model_step = exact_step if model[0] is points else step(*model, n_threads)
            best = overshooting_lloyd(model_step, split, START_STEPS)
            if model_step is not exact_step:
                trial = overshooting_lloyd(exact_step, best.centroids, 0)
                best = _after_search(trial, best.history, model)
        else:
            # The largest breath splits a cluster in four.
            n_breaths = -(-4 * limits.n_splits // n_clusters)
            found, history = _native.search(
                *model, best.centroids, n_clusters, limits.n_trials, n_breaths, seed % 2**64
            )
            if limits.n_run_steps:
                runs_step = step(*_finer_model(points, weights, n_clusters, n_threads), n_threads)
                found = overshooting_lloyd(
                    runs_step, found, limits.n_run_steps, min_gain=limits.min_gain
                ).centroids
            trial = overshooting_lloyd(
                exact_step, found, limits.n_exact_steps, min_gain=limits.min_gain
            )
            if trial.inertia < best.inertia:
                best = _after_search(trial, history, model).after(best.history)
        if name == effort:
            break
    assert best is not None
    return _finished(points, best, n_threads)


def _finished(points: Points, descent: Descent, n_threads: int) -> Clustering:
    """Drop centroids that no point is nearest to."""
    centroids = descent.centroids[descent.moments[:, 8] > 0]

    def find_labels() -> Labels:
        return _native.assign(points, centroids, n_threads).astype(label_type(len(centroids)))

    return Clustering(centroids, descent.history, descent.converged, find_labels)


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
    """Merge points by about as many cells as wanted; with not many more points, give these."""
    if len(points) <= 2 * n_cells:
        return points, weights
    return _native.merge_cells(points, weights, n_cells)


def _after_search(
    descent: Descent, history: Iterable[float], model: tuple[Points, Weights]
) -> Descent:
    """Put the inertias of a search on the model before those of steps over all points."""
    # What the cells' means leave out of the inertia is the same for all centroids.
    hidden = energy_of(descent.moments) - _energy(*model)
    return descent.after(inertia + hidden for inertia in history)


def _finer_model(
    points: Points, weights: Weights, n_clusters: int, n_threads: int
) -> tuple[Points, Weights]:
    """Merge runs of neighbours, as long as there are many for each cluster."""
    n_each = min(MOST_IN_RUN, len(points) // (RUNS * n_clusters))
    if n_each < 2:
        return points, weights
    return _native.merge_runs(points, weights, n_each, n_threads)


def _energy(points: Points, weights: Weights) -> float:
    """Sum weight times squared length."""
    squares = points.astype(np.float64)
    squares *= squares
    return float((squares.sum(axis=1) * weights).sum())
