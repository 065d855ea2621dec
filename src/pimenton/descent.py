"""Steps of K-means over all points.

A step gives the sums over each centroid's points; from these alone come the inertia, the means, and
what losing a centroid costs. So points are touched in steps only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pimenton.pixels import Points

Moments: TypeAlias = NDArray[np.float64]  # (k, 9): weighted coordinates, their squares, weight
Step: TypeAlias = Callable[[Points], Moments]

# Where two halves of a normal distribution have their means, in standard deviations.
HALF_MEAN = 0.8
# How many times its way to the mean a centroid may go on beyond it.
MAX_OVERSHOOT = 8
# By how many times more from step to step.
OVERSHOOT_RISE = 2


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
            overshoot = min(overshoot + OVERSHOOT_RISE, MAX_OVERSHOOT)
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
