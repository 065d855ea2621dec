"""A slow, obvious version of the native search: each step looks at all points and centroids."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pimenton.pixels import Points, Weights
from reference import assign

FAR = np.float32(1e18)


class SplitMix:
    """The kernel's random numbers."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def uniform(self) -> float:
        mask = 2**64 - 1
        self.state = z = (self.state + 0x9E3779B97F4A7C15) & mask
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
        return float((z ^ z >> 31) >> 11) * 2.0**-53


def best_cut(values: NDArray[np.float64], weights: Weights) -> float:
    """Give the edge between two of 32 equal bins where a cut gains most."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return high
    width = (high - low) / 32
    bins = ((values - low) / width).astype(int).clip(max=31)
    below = np.bincount(bins, weights, 32).cumsum()
    first = np.bincount(bins, weights * (values - low), 32).cumsum()
    inside, beyond = below[:-1], below[-1] - below[:-1]
    way = first[:-1] * below[-1] - first[-1] * inside
    return low + width * float(1 + (way**2 / (inside * beyond)).argmax())


class Partition:
    """Points with labels, centroids, and the clusters that changed since they were centered."""

    def __init__(self, points: Points, weights: Weights, capacity: int) -> None:
        self.points, self.weights, self.k = points, weights, capacity
        self.x = points.astype(np.float64)
        self.labels = np.zeros(len(points), np.intp)
        self.centroids = np.full((capacity, 4), FAR)
        self.changed: set[int] = set()
        self.keep()

    def keep(self) -> None:
        self.touched: set[int] = set()
        self.kept = self.labels.copy(), self.centroids.copy(), set(self.changed), self.inertia()

    def undo(self) -> None:
        labels, centroids, changed, _ = self.kept
        self.labels, self.centroids, self.changed = labels.copy(), centroids.copy(), set(changed)
        self.touched = set()

    def change(self) -> float:
        return self.inertia() - self.kept[3]

    def sums(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Give weights (k,), weighted coordinates (k, 4) and weighted squares (k,)."""
        weight = np.bincount(self.labels, self.weights, self.k)
        first = [np.bincount(self.labels, self.weights * x, self.k) for x in self.x.T]
        energy = np.bincount(self.labels, self.weights * (self.x**2).sum(axis=1), self.k)
        return weight, np.array(first).T, energy

    def inertias(self) -> NDArray[np.float64]:
        weight, first, energy = self.sums()
        return (energy - (first**2).sum(axis=1) / np.where(weight > 0, weight, 1)).clip(min=0)

    def inertia(self) -> float:
        return float(self.inertias().sum())

    def is_empty(self, j: int) -> bool:
        return not (self.labels == j).any()

    def relabel(self, which: NDArray[np.bool_]) -> None:
        labels = self.labels.copy()
        labels[which] = assign(self.points[which], self.centroids)
        moved = labels != self.labels
        self.changed |= {*labels[moved].tolist(), *self.labels[moved].tolist()}
        self.touched |= {*labels[moved].tolist(), *self.labels[moved].tolist()}
        self.labels = labels

    def settle(self, n_steps: int, least_gain: float) -> None:
        for _ in range(n_steps):
            weight, first, _ = self.sums()
            means = (first / np.where(weight > 0, weight, 1)[:, np.newaxis]).astype(np.float32)
            way = means.astype(np.float64) - self.centroids.astype(np.float64)
            gains = np.where(weight > 0, (way**2).sum(axis=1) * weight, -1)
            now = [j for j in sorted(self.changed) if gains[j] > least_gain]
            if not now:
                return
            self.changed -= set(now)
            self.touched |= set(now)
            self.centroids[now] = means[now]
            self.relabel(np.ones(len(self.labels), bool))

    def dissolve(self, source: int) -> None:
        self.centroids[source] = FAR
        self.touched.add(source)
        self.relabel(self.labels == source)
        self.changed.discard(source)

    def beyond(self, target: int) -> NDArray[np.bool_]:
        """Tell which points lie beyond the plane that splits a cluster."""
        ours = self.labels == target
        x, w = self.x[ours], self.weights[ours, np.newaxis]
        middle = (x * w).sum(axis=0) / w.sum()
        covariance = ((x - middle) * w).T @ (x - middle)
        axis = np.eye(4)[np.diag(covariance).argmax()]
        if covariance.max() > 0:
            for _ in range(8):
                axis = covariance @ axis
                axis /= abs(axis).max()
        along = self.x @ axis
        return ours & (along > best_cut(along[ours], self.weights[ours]))

    def split(self, target: int, empty: int) -> bool:
        beyond = self.beyond(target)
        if not beyond.any() or beyond.sum() == (self.labels == target).sum():
            return False
        self.labels[beyond] = empty
        self.changed |= {target, empty}
        self.touched |= {target, empty}
        return True

    def gain_of_cutting(self, target: int) -> float:
        whole, part = self.labels == target, self.beyond(target)
        if part.sum() in (0, whole.sum()):
            return 0.0
        return _joining_cost(self.x, self.weights, part, whole & ~part)

    def joining_cost(self, source: int) -> float:
        """Give the least cost of joining another cluster, by where the centroids are."""
        weight = self.sums()[0]
        c = self.centroids.astype(np.float64)
        others = [j for j in range(self.k) if j != source and weight[j] > 0]
        # Symmetric to the last bit, since two clusters are often each other's nearest.
        ways = [((c[j] - c[source]) ** 2).sum() for j in others]
        harmonics = [weight[j] * weight[source] / (weight[j] + weight[source]) for j in others]
        costs = [way * harmonic for way, harmonic in zip(ways, harmonics, strict=True)]
        return float(min(costs, default=np.inf))


def _joining_cost(
    x: NDArray[np.float64], w: Weights, a: NDArray[np.bool_], b: NDArray[np.bool_]
) -> float:
    u, v = w[a].sum(), w[b].sum()
    way = np.average(x[a], axis=0, weights=w[a]) - np.average(x[b], axis=0, weights=w[b])
    return float((way**2).sum() * u * v / (u + v))


class Care(NamedTuple):
    """How what is tried is settled and drawn."""

    share: float
    n_trial_steps: int
    n_kept_steps: int
    chance: float


class Search:
    """Splits and dissolves clusters by the kernel's rules."""

    def __init__(
        self, points: Points, weights: Weights, n_clusters: int, care: Care, seed: int
    ) -> None:
        self.care = care
        self.n_clusters, self.most = n_clusters, n_clusters // 4
        self.partition = Partition(points, weights, n_clusters + max(1, self.most))
        self.random = SplitMix(seed)
        self.gains: dict[int, tuple[float, bool]] = {}
        self.losses: dict[int, tuple[float, bool]] = {}
        self.history: list[float] = []
        self.least_gain = 0.0

    def full(self) -> list[int]:
        return [j for j in range(self.partition.k) if not self.partition.is_empty(j)]

    def empty(self) -> list[int]:
        return [j for j in range(self.partition.k) if self.partition.is_empty(j)]

    def settle(self, n_steps: int, share: float) -> None:
        self.least_gain = share * self.partition.inertia() / self.n_clusters
        self.partition.settle(n_steps, self.least_gain)
        self.keep()

    def keep(self) -> None:
        for j in self.partition.touched:
            self.gains.pop(j, None)
            self.losses.pop(j, None)
        self.partition.keep()
        self.history.append(self.partition.inertia())

    def keep_if_better(self) -> bool:
        if not self.partition.change() < -1e-9 * self.history[-1]:
            self.partition.undo()
            return False
        self.keep()
        return True

    def guess_gains(self) -> None:
        for j in self.full():
            self.gains.setdefault(j, (1.3 * self.partition.gain_of_cutting(j), False))

    def guess_losses(self) -> None:
        for j in self.full():
            self.losses.setdefault(j, (0.5 * self.partition.joining_cost(j), False))

    def cheapest(self, target: int) -> int:
        """Give the cluster that costs least, the lowest among equals, which rounding may part."""
        others = [j for j in self.full() if j != target]
        least = min((self.losses[j][0] for j in others), default=0.0)
        return next((j for j in others if self.losses[j][0] * (1 - 1e-9) <= least), -1)

    def improve(self, n_trials: int) -> None:
        p, spare = self.partition, self.empty()[0]
        for _ in range(n_trials):
            self.guess_gains()
            self.guess_losses()
            target = max(self.full(), key=lambda j: self.gains[j][0])
            if not self.gains[target][1]:
                split = p.split(target, spare)
                p.settle(self.care.n_trial_steps * split, self.least_gain)
                self.gains[target] = -p.change() if split else 0.0, True
                p.undo()
                continue
            source = self.cheapest(target)
            if source < 0 or self.losses[source][0] >= self.gains[target][0]:
                break
            p.dissolve(source)
            if not self.losses[source][1]:
                p.settle(self.care.n_trial_steps, self.least_gain)
                self.losses[source] = p.change(), True
                p.undo()
                continue
            if p.split(target, spare):
                p.settle(self.care.n_kept_steps, self.least_gain)
            if self.keep_if_better():
                spare = source
            else:
                self.losses[source] = self.gains[target]

    def try_pairs(self, n_pairs: int) -> None:
        p, spare, tried = self.partition, self.empty()[0], set[tuple[int, int]]()
        for _ in range(n_pairs):
            self.guess_gains()
            self.guess_losses()
            values = {
                (i, j): self.gains[i][0] - self.losses[j][0]
                for i in self.full()
                for j in self.full()
                if i != j and self.gains[i][0] > 0 and (i, j) not in tried
            }
            if not values:
                break
            enough = max(values.values()) - 1e-9 * self.history[-1]
            target, source = next(pair for pair, value in values.items() if value >= enough)
            tried.add((target, source))
            p.dissolve(source)
            if p.split(target, spare):
                p.settle(2, self.least_gain)
                if p.change() < 0.2 * self.history[-1] / self.n_clusters:
                    p.settle(self.care.n_kept_steps, self.least_gain)
            if self.keep_if_better():
                spare = source
                tried.clear()

    def breathe(self, n_breaths: int) -> None:
        n_moved = self.most
        for _ in range(n_breaths if self.most else 0):
            if not self.breathe_once(n_moved):
                n_moved = n_moved // 2 or self.most

    def breathe_once(self, n_moved: int) -> bool:
        p = self.partition
        self.guess_gains()
        draws = {j: 1 - self.care.chance * self.random.uniform() for j in self.full()}
        drawn = sorted((-self.gains[j][0] * draw, j) for j, draw in draws.items())
        spare = self.empty()
        n_split = 0
        for _, j in drawn[:n_moved]:
            n_split += n_split < len(spare) and p.split(j, spare[n_split])
        p.settle(self.care.n_trial_steps, self.least_gain)
        for _ in range(n_split):
            p.dissolve(min(self.full(), key=p.joining_cost))
            p.settle(1, self.least_gain)
        p.settle(self.care.n_kept_steps, self.least_gain)
        return self.keep_if_better()


def split_points(points: Points, weights: Weights, n_clusters: int) -> Points:
    """Cut the cluster that gains most, again and again."""
    p = Partition(points, weights, n_clusters)
    for n in range(1, n_clusters):
        gains = [p.gain_of_cutting(j) for j in range(n)]
        if not max(gains) > 0 or not p.split(int(np.argmax(gains)), n):
            break
    weight, first, _ = p.sums()
    alive = weight > 0
    return (first[alive] / weight[alive, np.newaxis]).astype(np.float32)


def search(
    points: Points,
    weights: Weights,
    start: Points,
    n_clusters: int,
    n_rounds: int,
    n_breaths: int,
    n_trials: int,
    n_pairs: int,
    least_share: float,
    seed: int,
) -> tuple[Points, NDArray[np.float64]]:
    """Look for centroids as the kernel does."""
    care = Care(3e-4, 8, 16, 0.9) if n_rounds > 1 else Care(3e-3, 4, 6, 0.3)
    search = Search(points, weights, n_clusters, care, seed)
    p = search.partition
    p.centroids[: len(start)] = start
    p.labels = assign(points, start).astype(np.intp)
    p.changed = set(range(len(start)))
    p.keep()
    search.settle(8, max(care.share, least_share * n_clusters))
    for _ in range(n_rounds):
        search.breathe(n_breaths)
        search.improve(n_trials)
        search.try_pairs(n_pairs)
    search.settle(8, 1e-4)
    weight, first, _ = p.sums()
    alive = weight > 0
    return (first[alive] / weight[alive, np.newaxis]).astype(np.float32), np.array(search.history)
