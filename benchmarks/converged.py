"""What scikit-learn reaches from one start when it runs until it has converged.

On the distinct colors of a picture weighted by their counts, which is the same problem as all of
its pixels, and takes minutes for a set of pictures rather than hours. It still is the longest part
of the benchmark, so each result is kept in a file by the picture's digest, the number of colors,
and the version of scikit-learn.
"""

import sys
from pathlib import Path

import numpy as np

from kept import Kept
from measuring import version_of
from pictures import Rgb, digest_of, photographs, rgb_of

COUNTS = (16, 64, 256)
TOLERANCE = 1e-6
MAX_STEPS = 300


class Converged:
    """Mean squared errors of converged starts, remembered in a file.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.kept = Kept(path)

    def error(self, pixels: Rgb, n_colors: int) -> float | None:
        """Give the error, squares of 0 to 255 summed over channels; None without scikit-learn."""
        version = version_of("scikit-learn")
        if version is None:
            return None
        key = f"{digest_of(pixels)} {n_colors} scikit-learn {version}"
        return self.kept.value(key, lambda: _converged_error(pixels, n_colors))


def _converged_error(pixels: Rgb, n_colors: int) -> float:
    from sklearn.cluster import KMeans

    rgb = pixels.reshape(-1, 3).astype(np.uint32)
    codes, counts = np.unique(rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2], return_counts=True)
    colors = np.column_stack([codes >> 16, codes >> 8 & 255, codes & 255]).astype(np.float32)
    model = KMeans(n_colors, n_init=1, random_state=0, tol=TOLERANCE, max_iter=MAX_STEPS)
    model.fit(colors, sample_weight=counts.astype(np.float64))
    differences = colors - model.cluster_centers_.astype(np.float64)[model.labels_]
    return float(counts @ (differences**2).sum(axis=1) / counts.sum())


def main() -> None:
    """Fill the file: ``python benchmarks/converged.py DATA FILE``."""
    converged = Converged(Path(sys.argv[2]))
    for path in photographs(Path(sys.argv[1])):
        errors = [converged.error(rgb_of(path), k) for k in COUNTS]
        print(path.stem, *errors, flush=True)


if __name__ == "__main__":
    main()
