"""Samples of any scale as the points that the kernel takes.

A table of 1 to 4 columns becomes points in float32 around the origin, each distinct one once, in an
order in which neighbours are near each other. Everything here depends on the points and the sums
of their weights, not on the order of the samples, so that a weight equals a repetition exactly.
"""

import math
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pimenton.pixels import Points, Weights

Samples: TypeAlias = NDArray[np.float32] | NDArray[np.float64]  # (n, 1 to 4)

MAX_FEATURES = 4
# Points are within -1 to 1; squares of what lies beyond this would be infinite in float32.
FARTHEST = 2.0**60
# Odd numbers of 64 random bits: a multilinear hash of the four coordinates' bits.
HASH_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93],
    dtype=np.uint64,
)


@dataclass(frozen=True, eq=False)
class Frame:
    """How samples become points: moved to the origin and scaled by a power of two, about 1 wide."""

    offset: NDArray[np.float64]  # (n_features,)
    scale: float

    @classmethod
    def around(cls, samples: Samples) -> Self:
        """Put the middle of the samples' extent at the origin, and all of them within -1 to 1."""
        low, high = samples.min(axis=0) * 0.5, samples.max(axis=0) * 0.5
        half = float((high - low).max())
        exponent = math.frexp(half)[1] if half > 0 else 0
        scale = math.ldexp(1.0, -min(max(exponent, -1000), 1000))
        return cls(low.astype(np.float64) + high, scale)

    def to_points(self, samples: Samples) -> Points:
        """Take (n, f) samples to points, with zeros for the features that are not there."""
        return self.to_precise(samples).astype(np.float32)

    def to_precise(self, samples: Samples) -> NDArray[np.float64]:
        """Take samples to points in double precision, (n, 4)."""
        points = np.zeros((len(samples), MAX_FEATURES))
        for axis, column in enumerate(samples.T):
            with np.errstate(over="ignore"):
                moved = column.astype(np.float64) * self.scale - self.offset[axis] * self.scale
            points[:, axis] = np.clip(moved, -FARTHEST, FARTHEST)
        return points

    def to_samples(
        self, points: Points | NDArray[np.float64], n_features: int
    ) -> NDArray[np.float64]:
        """Take points back to samples."""
        return points[:, :n_features].astype(np.float64) / self.scale + self.offset


@dataclass(frozen=True, eq=False)
class Cloud:
    """Samples and their distinct points, in an order that depends on the points alone.

    Attributes
    ----------
    samples : (n, f) float32 or float64
    sample_weights : (n,) float64, all positive
    frame : Frame
        Between samples and points.
    points : (m, 4) float32
        Distinct points, neighbours near each other.
    weights : (m,) float64
        Sums of the weights of the samples at each point.
    ranks : (n,) int64
        Each sample's place among the points.
    """

    samples: Samples
    sample_weights: Weights
    frame: Frame
    points: Points
    weights: Weights
    ranks: NDArray[np.int64]

    @classmethod
    def of(cls, samples: Samples, weights: Weights) -> Self:
        """Merge samples that are one point; those of no weight are left out."""
        used = weights > 0
        if not used.all():
            samples, weights = samples[used], weights[used]
        frame = Frame.around(samples)
        all_points = frame.to_points(samples)
        first, ranks = _merge_equal(all_points, samples.shape[1])
        summed: Weights = np.bincount(ranks, weights).astype(np.float64)
        return cls(samples, weights, frame, all_points[first], summed, ranks)

    def distinct_samples(self) -> Samples:
        """Give one sample of each point."""
        first = np.empty(len(self.points), dtype=np.int64)
        first[self.ranks[::-1]] = np.arange(len(self.ranks))[::-1]
        return self.samples[first]

    def mean_variance(self) -> float:
        """Give the variance of the points, averaged over the features."""
        shares = self.weights / self.weights.sum()
        centered = self.points - shares @ self.points
        total = float(shares @ np.square(centered).sum(axis=1))
        return total / int(self.samples.shape[1])


def means_of(
    points: NDArray[np.float64],
    weights: Weights,
    labels: NDArray[np.uint32],
    centroids: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give the means of clusters; the farthest samples fill empty ones, as in scikit-learn."""
    sums = np.empty((len(centroids), 5))
    for column, x in enumerate((1.0, *points.T)):
        sums[:, column] = np.bincount(labels, weights * x, minlength=len(centroids))
    empty = np.flatnonzero(sums[:, 0] == 0)
    if len(empty):
        sq = np.square(points - centroids[labels]).sum(axis=1)
        farthest = np.argpartition(sq, -len(empty))[: -len(empty) - 1 : -1]
        for j, i in zip(empty, farthest, strict=True):
            giver = sums[labels[i]]
            # Taking a cluster's last sample would only empty that one.
            if giver[0] > weights[i] * (1 + 1e-9):
                sums[j] = weights[i] * np.append(1.0, points[i])
                giver -= sums[j]
    weight = sums[:, :1]
    return np.where(weight > 0, sums[:, 1:] / np.where(weight > 0, weight, 1), centroids)


def _merge_equal(points: Points, n_features: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the places of distinct points, neighbours near each other, and each point's rank there.

    The order is that of 64-bit keys: the cell of a grid, cells along a Z curve, then a hash of the
    coordinates. Should two points share a key, nothing is merged, which costs time only.
    """
    # Adding zero makes -0 and 0 the same bits.
    bits = (points[:, :n_features] + np.float32(0)).view(np.uint32).astype(np.uint64)
    hashes = (bits * HASH_FACTORS[:n_features]).sum(axis=1, dtype=np.uint64)
    keys = _z_cells(points, n_features) << np.uint64(40) | hashes >> np.uint64(24)
    order = np.argsort(keys)
    ordered = keys[order]
    starts = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    ranks = np.empty(len(points), dtype=np.int64)
    ranks[order] = np.cumsum(starts) - 1
    first = order[starts]
    if np.array_equal(points[first[ranks]], points):
        return first, ranks
    ranks[order] = np.arange(len(points))
    return order, ranks


def _z_cells(points: Points, n_features: int) -> NDArray[np.uint64]:
    """Number the cells of a grid over -1 to 1 along a Z curve, in at most 24 bits."""
    n_bits = min(8, 24 // n_features)
    places = np.arange(2**n_bits, dtype=np.uint64)
    spread = np.zeros_like(places)
    for bit in range(n_bits):
        spread |= (places >> np.uint64(bit) & np.uint64(1)) << np.uint64(bit * n_features)
    cells = np.zeros(len(points), dtype=np.uint64)
    for axis in range(n_features):
        # A cell is 2 / 2**n_bits wide; the point 1 belongs to the last one.
        place = ((points[:, axis] + 1) * 2 ** (n_bits - 1)).astype(np.int64)
        cells |= spread[np.minimum(place, 2**n_bits - 1)] << np.uint64(axis)
    return cells


def inertia_of_samples(
    samples: Samples, weights: Weights, centers: Samples, labels: NDArray[np.int32]
) -> float:
    """Sum weight times squared distance, in float64."""
    total = 0.0
    for x, c in zip(samples.T, centers.astype(np.float64).T, strict=True):
        total += float(weights @ np.square(x - c[labels]))
    return total


def as_samples(array: ArrayLike, name: str) -> Samples:
    """Check numbers, shape and finiteness; float32 stays, all else becomes float64."""
    values = np.asarray(array)
    if np.iscomplexobj(values):
        raise ValueError(f"Complex data not supported: {name} must be of real numbers")
    if values.dtype != np.float32:
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} must be an array of numbers; got {type(array)}") from error
    if values.ndim != 2:
        raise ValueError(
            f"{name} must have the shape (n_samples, n_features); got {values.shape}. "
            "Reshape your data."
        )
    if not 1 <= values.shape[1] <= MAX_FEATURES:
        raise ValueError(
            f"{name} must have 1 to {MAX_FEATURES} features; got {values.shape[1]} feature(s) "
            f"(shape={values.shape}) while a minimum of 1 is required."
        )
    if len(values) == 0:
        raise ValueError(f"{name} must have at least one sample; got 0 sample(s)")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite; it contains NaN or infinity (inf)")
    return values


def as_weights(sample_weight: ArrayLike | None, n_samples: int) -> Weights:
    """Check weights, one for each sample."""
    if sample_weight is None:
        return np.ones(n_samples)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(n_samples, weights)
    if weights.shape != (n_samples,):
        raise ValueError(f"sample_weight must have the shape ({n_samples},); got {weights.shape}")
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.max() > 0):
        raise ValueError("sample_weight must be finite, not negative, and not all zero")
    return weights
