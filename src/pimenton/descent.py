"""Steps of K-means, and moves of centroids out of the local minimum where steps end.

A step gives the sums over each centroid's points; from these alone come the inertia, the means, and
what losing a centroid costs or splitting a cluster gains. So points are touched in steps only.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pimenton.pixels import Points

Moments: TypeAlias = NDArray[np.float64]  # (k, 9): weighted coordinates, their squares, weight
Step: TypeAlias = Callable[[Points], Moments]

# Share of a cluster's variance along its widest axis that splitting it there removes: 0.64 for a
# normal distribution, 0.75 for an even one.
SPLIT_GAIN = 0.7
# Where two halves of a normal distribution have their means, in standard deviations.
HALF_MEAN = 0.8
# How many times its way to the mean a centroid may go on beyond it.
MAX_OVERSHOOT = 8


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

    def after(self, history: Iterable[float]) -> "Descent":
        """Put an earlier history before this one, without what lies below its beginning."""
        earlier = (inertia for inertia in history if inertia >= self.history[0])
        return Descent(self.centroids, self.moments, (*earlier, *self.history), self.converged)


def lloyd(step: Step, centroids: Points, n_steps: int, *, tolerance: float = 0.0) -> Descent:
    """Repeat steps until no centroid moves by more than the tolerance, or n_steps are done.

    The last entry of the history belongs to the centroids returned. An empty cluster's centroid
    goes where the inertia is largest, so that no centroid is wasted.
    """
    history: list[float] = []
    for i in range(n_steps + 1):
        moments = step(centroids)
        history.append(inertia_of(centroids, moments))
        if i == n_steps:
            break
        moved = means(centroids, moments)
        if ((moved - centroids) ** 2).sum() <= tolerance:
            return Descent(centroids, moments, tuple(history), True)
        centroids = moved
    return Descent(centroids, moments, tuple(history), False)


def overshooting_lloyd(
    step: Step, centroids: Points, n_steps: int, *, min_gain: float = 0.0
) -> Descent:
    """Repeat steps that go beyond the means, farther each time, and plainly after a failure.

    Centroids creep in one direction for many steps; going on in it needs half as many. Ends as well
    when inertia falls by a smaller fraction than min_gain in a plain step.
    """
    moments = step(centroids)
    history = [inertia_of(centroids, moments)]
    overshoot = 0
    for _ in range(n_steps):
        moved = means(centroids, moments)
        trial = moved + np.float32(overshoot) * (moved - centroids) if overshoot else moved
        trial_moments = step(trial)
        inertia = inertia_of(trial, trial_moments)
        gain = history[-1] - inertia
        if gain > 0:
            centroids, moments = trial, trial_moments
            history.append(inertia)
        if gain > min_gain * history[0]:
            overshoot = min(overshoot + 1, MAX_OVERSHOOT)
        elif overshoot == 0:
            return Descent(centroids, moments, tuple(history), gain <= 0)
        else:
            overshoot = 0
    return Descent(centroids, moments, tuple(history), False)


def inertia_of(centroids: Points, moments: Moments) -> float:
    """Sum weight times squared distance to the centroids, from the moments of their points."""
    c = centroids.astype(np.float64)
    weight, first = moments[:, 8], moments[:, :4]
    cross = (c * (2 * first - c * weight[:, np.newaxis])).sum()
    return max(energy_of(moments) - float(cross), 0.0)


def means(centroids: Points, moments: Moments) -> Points:
    """Move each centroid to the mean of its points; an empty one joins the widest cluster."""
    weight = moments[:, 8]
    empty = weight == 0
    if not empty.any():
        return (moments[:, :4] / weight[:, np.newaxis]).astype(np.float32)
    moved = centroids.copy()
    kept = ~empty
    moved[kept] = moments[kept, :4] / weight[kept, np.newaxis]
    widest = np.argsort(-_spreads(moments).sum(axis=1), kind="stable")[: empty.sum()]
    moved[np.flatnonzero(empty)[: len(widest)]] = _halves(moved, moments, widest)[1]
    return moved


def search(step: Step, start: Points, *, n_steps: int, n_moves: int, n_misses: int) -> Descent:
    """Move centroids from where they are of least use to where they gain most; keep what helped.

    Many move at once at first, half as many after each failure; then single moves are tried, the
    most promising first, until enough of them failed.
    """
    best = overshooting_lloyd(step, start, n_steps)
    n_moved = max(1, len(start) // 8)
    failed: set[tuple[int, int]] = set()
    for _ in range(n_moves):
        moves = _promising_moves(best, n_moved, failed)
        if not moves:
            break
        trial = overshooting_lloyd(step, _moved(best, moves), n_steps)
        if trial.inertia < best.inertia:
            best = trial.after(best.history)
            failed.clear()
        elif n_moved > 1:
            n_moved = (n_moved + 1) // 2
        else:
            failed.add((moves[0].source, moves[0].target))
            if len(failed) >= n_misses:
                break
    return best


class Move(NamedTuple):
    """A centroid that leaves its cluster to a neighbour, and the cluster that it splits."""

    source: int
    neighbour: int
    target: int


def _promising_moves(
    descent: Descent, n_moved: int, failed: Container[tuple[int, int]]
) -> list[Move]:
    """Choose the moves that promise most, each of clusters that no other move touches."""
    loss, neighbours = losses(descent.centroids, descent.moments)
    gain = SPLIT_GAIN * _spreads(descent.moments).max(axis=1)
    promise = gain - loss[:, np.newaxis]
    np.fill_diagonal(promise, -np.inf)
    moves: list[Move] = []
    taken: set[int] = set()
    for pair in _best_places(promise.ravel(), 64 * n_moved):
        source, target = divmod(pair, len(loss))
        neighbour = int(neighbours[source])
        if not taken.isdisjoint((source, target)) or (source, target) in failed:
            continue
        moves.append(Move(source, neighbour, target))
        taken.update((source, neighbour, target))
        if len(moves) == n_moved:
            break
    return moves


def _best_places(values: NDArray[np.float64], n_best: int) -> list[int]:
    """Give the places of the largest values, largest first, equal ones in their order."""
    least = np.partition(values, -min(n_best, len(values)))[-min(n_best, len(values))]
    places = np.flatnonzero(values >= least)
    order = np.argsort(-values[places], kind="stable")
    return [int(place) for place in places[order]]


def _moved(descent: Descent, moves: Sequence[Move]) -> Points:
    centroids = descent.centroids.copy()
    sources = np.array([move.source for move in moves])
    targets = np.array([move.target for move in moves])
    joined = np.array([move.neighbour for move in moves])
    both = descent.moments[sources] + descent.moments[joined]
    centroids[joined] = both[:, :4] / both[:, 8:]
    centroids[targets], centroids[sources] = _halves(descent.centroids, descent.moments, targets)
    return centroids


def losses(centroids: Points, moments: Moments) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Give by how much inertia rises if each cluster joins the one where it costs least, and which.

    Two clusters of weights u and v whose means are d apart cost u v / (u + v) d**2 more as one.
    """
    c = centroids.astype(np.float64)
    weight = np.maximum(moments[:, 8], np.finfo(np.float64).tiny)
    # Axis by axis, since products of matrices may be summed in any order.
    sq = sum((axis[:, np.newaxis] - axis) ** 2 for axis in c.T)
    cost = sq / (1 / weight[:, np.newaxis] + 1 / weight)
    np.fill_diagonal(cost, np.inf)
    neighbours = cost.argmin(axis=1)
    return cost[np.arange(len(c)), neighbours], neighbours


def _spreads(moments: Moments) -> NDArray[np.float64]:
    """Give each cluster's weight times variance along each axis, (k, 4)."""
    weight = np.maximum(moments[:, 8:], np.finfo(np.float64).tiny)
    spreads: NDArray[np.float64] = moments[:, 4:8] - moments[:, :4] ** 2 / weight
    return spreads.clip(min=0.0)


def _halves(centroids: Points, moments: Moments, which: NDArray[np.intp]) -> tuple[Points, Points]:
    """Give two centroids for each of some clusters, apart along the axis of largest variance."""
    weight = np.maximum(moments[which, 8:], np.finfo(np.float64).tiny)
    deviation = np.sqrt(_spreads(moments)[which] / weight)
    deviation[deviation < deviation.max(axis=1, keepdims=True)] = 0
    offset = (HALF_MEAN * deviation).astype(np.float32)
    return centroids[which] - offset, centroids[which] + offset


def energy_of(moments: Moments) -> float:
    """Sum weight times squared length over all points."""
    return float(moments[:, 4:8].sum())
