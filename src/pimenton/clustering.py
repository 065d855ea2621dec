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
    more_cells : int
        Cells of the coarse model beside these.
    most_cells : int
        Cells of the coarse model for each centroid at the most.
    n_rounds : int
        Rounds of the search on it.
    n_breaths : int
        How often many clusters are split at once in a round, and as many dissolved.
    n_trials : int
        Most splits and dissolutions of single clusters tried in a round.
    n_pairs : int
        Most splits and dissolutions tried together in a round, times the number of clusters.
    least_share : float
        A centroid that would lower inertia by a smaller share by moving stays during these.
    n_run_steps : int
        Most steps over runs of neighbours, each merged into one point.
    n_exact_steps : int
        Most steps over all points; with few clusters, some more.
    min_gain : float
        These steps end when inertia falls by a smaller fraction.
    """

    cells: int
    more_cells: int
    most_cells: int
    n_rounds: int
    n_breaths: int
    n_trials: int
    n_pairs: int
    least_share: float
    n_run_steps: int
    n_exact_steps: int
    min_gain: float


# A run of so many points is no wider than a centroid goes in its last steps, where there are enough
# runs for each cluster.
MOST_IN_RUN = 8
RUNS = 96
# Cells are made of runs as well as of points, in a quarter of the time; of few runs, errors are
# up to 1 % higher on some photographs.
RUNS_IN_CELL = 6

# Steps over the cells where splitting ended. Splitting alone ends 12 % above the least inertia on
# photographs in 256 colors, with these steps 5 %.
START_STEPS = 4

# Steps take less time with few clusters: so many more, over their number.
FEW_CLUSTERS_STEPS = 200

# A step over all points that compares so few takes next to no time: there are no steps over runs
# before it then, and they go on for a smaller gain. Peppers in 16 colors: 393.72 for 393.80.
CHEAP_STEP = 1 << 20
CHEAP_GAIN = 1e-5

EFFORTS: dict[str, Effort] = {
    "fast": Effort(20, 3000, 100, 0, 0, 0, 0, 0.0, n_run_steps=0, n_exact_steps=0, min_gain=0.0),
    "balanced": Effort(
        20, 3000, 100, 1, 2, 200, 2400, 1e-5, n_run_steps=12, n_exact_steps=6, min_gain=5e-5
    ),
    "best": Effort(
        48, 17000, 300, 2, 10, 1000, 2000, 0.0, n_run_steps=0, n_exact_steps=200, min_gain=1e-6
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
    problem = _Problem(points, weights, n_clusters, lambda p, w: step(p, w, n_threads))
    best, n_cells = None, 0
    for name, limits in EFFORTS.items():
        if n_cells != (n_cells := _cells_for(n_clusters, limits)):
            model = _coarse_model(points, weights, n_cells, n_threads)
        if best is None:
            best = _started(problem, model)
        else:
            best = _searched(problem, model, best, limits, seed, n_threads)
        if name == effort:
            break
    assert best is not None
    return _finished(points, best, n_threads)


@dataclass(frozen=True)
class _Problem:
    """What to cluster, and how steps are made."""

    points: Points
    weights: Weights
    n_clusters: int
    step_over: Callable[[Points, Weights], Step]

    @cached_property
    def exact_step(self) -> Step:
        return self.step_over(self.points, self.weights)


def _started(problem: _Problem, model: tuple[Points, Weights]) -> Descent:
    """Split the model's clusters until there are enough, and take a few steps over it."""
    split = _native.split_points(*model, problem.n_clusters)
    if model[0] is problem.points:
        return overshooting_lloyd(problem.exact_step, split, START_STEPS)
    start = overshooting_lloyd(problem.step_over(*model), split, START_STEPS)
    exact = overshooting_lloyd(problem.exact_step, start.centroids, 0)
    return _after_search(exact, start.history, model)


def _searched(
    problem: _Problem,
    model: tuple[Points, Weights],
    best: Descent,
    limits: Effort,
    seed: int,
    n_threads: int,
) -> Descent:
    """Search on the model from the best centroids, then step over finer ones and all points."""
    n_clusters, min_gain = problem.n_clusters, limits.min_gain
    is_cheap = len(problem.points) * n_clusters <= CHEAP_STEP
    if is_cheap:
        min_gain = min(min_gain, CHEAP_GAIN)
    found, history = _native.search(
        *model,
        best.centroids,
        n_clusters,
        limits.n_rounds,
        limits.n_breaths,
        limits.n_trials,
        limits.n_pairs // n_clusters,
        limits.least_share,
        seed % 2**64,
    )
    if limits.n_run_steps and not is_cheap:
        finer = _finer_model(problem.points, problem.weights, n_clusters, n_threads)
        run_steps = overshooting_lloyd(
            problem.step_over(*finer), found, limits.n_run_steps, min_gain=min_gain
        )
        found = run_steps.centroids
    n_steps = limits.n_exact_steps + FEW_CLUSTERS_STEPS // n_clusters
    trial = overshooting_lloyd(problem.exact_step, found, n_steps, min_gain=min_gain)
    if trial.inertia < best.inertia:
        return _after_search(trial, history, model).after(best.history)
    return best


def go_on(
    points: Points,
    weights: Weights,
    centroids: Points,
    *,
    effort: str = "balanced",
    n_threads: int | None = None,
) -> Clustering:
    """Take the last steps of `kmeans` alone, from centroids that are good already."""
    n_threads = thread_count(n_threads)
    limits = EFFORTS[effort]
    step = _native.LloydStep(points, weights, n_threads)
    steps = overshooting_lloyd(step, centroids, limits.n_exact_steps, min_gain=limits.min_gain)
    return _finished(points, steps, n_threads)


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


def _cells_for(n_clusters: int, limits: Effort) -> int:
    return min(limits.cells * n_clusters + limits.more_cells, limits.most_cells * n_clusters)


def _coarse_model(
    points: Points, weights: Weights, n_cells: int, n_threads: int
) -> tuple[Points, Weights]:
    """Merge points by about as many cells as wanted; with not many more points, give these."""
    if len(points) <= 2 * n_cells:
        return points, weights
    return _native.merge_cells(
        *_runs_of(points, weights, RUNS_IN_CELL * n_cells, n_threads), n_cells
    )


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
    return _runs_of(points, weights, RUNS * n_clusters, n_threads)


def _runs_of(
    points: Points, weights: Weights, n_runs: int, n_threads: int
) -> tuple[Points, Weights]:
    """Merge runs of neighbours, not to fewer than wanted."""
    n_each = min(MOST_IN_RUN, len(points) // n_runs)
    if n_each < 2:
        return points, weights
    return _native.merge_runs(points, weights, n_each, n_threads)


def _energy(points: Points, weights: Weights) -> float:
    """Sum weight times squared length."""
    squares = points.astype(np.float64)
    squares *= squares
    return float((squares.sum(axis=1) * weights).sum())
