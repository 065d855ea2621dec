"""Write the blue-noise tile of ordered dithering: ``python tools/make_blue_noise.py``.

The void-and-cluster method: a pattern of few points is evened out by moving points from the
tightest cluster to the largest void; then points are taken away, cluster by cluster, and put in,
void by void, and the order is the threshold of each place. Distances wrap around, so the tile
repeats without a seam.

References
----------
.. [1] R. Ulichney, "The void-and-cluster method for dither array generation", Human Vision, Visual
   Processing, and Digital Display IV, SPIE 1913, 1993.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIDE = 64
# Width of the Gaussian that tells how crowded a place is; Ulichney found 1.5 best.
SIGMA = 1.5
TILE = Path(__file__).resolve().parents[1] / "src" / "pimenton" / "blue_noise.npy"


class Pattern:
    """Points on a torus and how crowded each place is by them."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.points = np.zeros((side, side), bool)
        self.crowd = np.zeros((side, side))
        steps = np.minimum(np.arange(side), side - np.arange(side)) ** 2
        self.bell = np.exp(-(steps[:, np.newaxis] + steps) / (2 * SIGMA**2))

    def flip(self, place: int) -> None:
        """Put a point where there is none, or take it away."""
        y, x = divmod(place, self.side)
        sign = -1 if self.points[y, x] else 1
        self.points[y, x] ^= True
        self.crowd += sign * np.roll(self.bell, (y, x), axis=(0, 1))

    def cluster(self) -> int:
        """Give the most crowded point."""
        return int(np.where(self.points, self.crowd, -np.inf).argmax())

    def void(self) -> int:
        """Give the least crowded place without a point."""
        return int(np.where(self.points, np.inf, self.crowd).argmin())

    def copy(self) -> "Pattern":
        """Give a pattern that changes by itself."""
        twin = Pattern(self.side)
        twin.points, twin.crowd = self.points.copy(), self.crowd.copy()
        return twin


def blue_noise(side: int, seed: int = 0) -> NDArray[np.uint16]:
    """Give each place of a tile its rank, (side, side), all of 0 to side**2 - 1."""
    even = Pattern(side)
    for place in np.random.default_rng(seed).permutation(side**2)[: side**2 // 10].tolist():
        even.flip(place)
    while True:
        cluster = even.cluster()
        even.flip(cluster)
        void = even.void()
        even.flip(void)
        if void == cluster:
            break
    ranks = np.zeros(side**2, np.uint16)
    n_points = int(even.points.sum())
    falling = even.copy()
    for rank in range(n_points - 1, -1, -1):
        place = falling.cluster()
        falling.flip(place)
        ranks[place] = rank
    for rank in range(n_points, side**2):
        place = even.void()
        even.flip(place)
        ranks[place] = rank
    return ranks.reshape(side, side)


if __name__ == "__main__":
    np.save(TILE, blue_noise(SIDE))
