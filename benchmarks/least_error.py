"""Look for the least error of twelve pictures by other means than pimenton's.

Two minutes a case of scikit-learn: greedy k-means++ restarts on a histogram of 6 bits a channel,
then breathing moves of the best few (centroids are added where the error is largest, those whose
loss costs least go), then Lloyd's algorithm over all colors. The least mean squared errors ever
seen, here or elsewhere, are kept in ``tests/golden/least_errors.json``, in squares of sRGB values
(0 to 255) summed over the channels, averaged over pixels, with centroids that are not rounded.

    python benchmarks/least_error.py DATA [--seconds 120] [--case peppers/16]

DATA holds ``classic/dev``, ``kodak/dev`` and ``cq100/dev``. Needs scikit-learn and Pillow.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats: TypeAlias = NDArray[np.float64]

FOUND = Path(__file__).resolve().parents[1] / "tests" / "golden" / "least_errors.json"
PICTURES = {
    "peppers": "classic/dev/peppers.tiff",
    "kodim23": "kodak/dev/kodim23.png",
    "mandrill": "classic/dev/mandrill.tiff",
    "fruits": "cq100/dev/fruits.png",
    "kodim07": "kodak/dev/kodim07.png",
    "girl": "cq100/dev/girl.png",
    "airplane_f16": "classic/dev/airplane_f16.tiff",
    "kodim05": "kodak/dev/kodim05.png",
    "peacock": "cq100/dev/peacock.png",
    "astronaut": "cq100/dev/astronaut.png",
    "pink_mosque": "cq100/dev/pink_mosque.png",
    "kodim13": "kodak/dev/kodim13.png",
}
COUNTS = (16, 64, 256)
SEED = 20


def colors_of(path: Path) -> tuple[Floats, Floats]:
    """Give the distinct colors (n, 3) of a picture, 0 to 255, and how many pixels have each."""
    rgb = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).astype(np.uint32)
    codes, counts = np.unique(rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2], return_counts=True)
    colors = np.column_stack([codes >> 16, codes >> 8 & 255, codes & 255])
    return colors.astype(np.float64), counts.astype(np.float64)


def cells_of(colors: Floats, weights: Floats, bits: int) -> tuple[Floats, Floats]:
    """Merge colors that agree in their highest bits into their means."""
    top = colors.astype(np.int64) >> (8 - bits)
    code = top[:, 0] << 2 * bits | top[:, 1] << bits | top[:, 2]
    _, cell = np.unique(code, return_inverse=True)
    total = np.bincount(cell, weights)
    means = [np.bincount(cell, weights * colors[:, a]) / total for a in range(3)]
    return np.column_stack(means), total


def descend(x: Floats, w: Floats, start: Any, k: int, seed: int, n_steps: int) -> Any:
    """Run scikit-learn's K-means once from a start."""
    from sklearn.cluster import KMeans

    return KMeans(k, init=start, n_init=1, max_iter=n_steps, tol=1e-7, random_state=seed).fit(
        x, sample_weight=w
    )


def breathe(x: Floats, w: Floats, fitted: Any, n_moved: int, rng: np.random.Generator) -> Any:
    """Add centroids in clusters of large error, settle, drop those of least use, settle again."""
    centers, labels = fitted.cluster_centers_, fitted.labels_
    k = len(centers)
    sq = ((x - centers[labels]) ** 2).sum(axis=1) * w
    error = np.bincount(labels, sq, minlength=k) * rng.uniform(0.6, 1.0, k)
    worst = np.argsort(-error)[:n_moved]
    wide = np.sqrt(error[worst] / np.bincount(labels, w, minlength=k)[worst])
    added = centers[worst] + rng.normal(0, 0.5, (n_moved, 3)) * wide[:, np.newaxis]
    larger = descend(x, w, np.vstack([centers, added]), k + n_moved, 0, 8)
    kept = larger.cluster_centers_
    weight = np.bincount(larger.labels_, w, minlength=len(kept))
    for _ in range(n_moved):
        d = ((kept[:, np.newaxis] - kept) ** 2).sum(axis=2)
        cost = d * (weight[:, np.newaxis] * weight) / (weight[:, np.newaxis] + weight)
        np.fill_diagonal(cost, np.inf)
        i, j = divmod(int(cost.argmin()), len(kept))
        both = weight[i] + weight[j]
        kept[j] = (weight[i] * kept[i] + weight[j] * kept[j]) / both
        weight[j] = both
        kept, weight = np.delete(kept, i, axis=0), np.delete(weight, i)
    return descend(x, w, kept, k, 0, 60)


def least_error(colors: Floats, weights: Floats, k: int, seconds: float) -> float:
    """Give the least mean squared error that a search of so many seconds meets."""
    began = time.perf_counter()
    rng = np.random.default_rng(SEED)
    x, w = cells_of(colors, weights, 6)
    pool: list[Any] = []
    seed = 0
    while time.perf_counter() - began < 0.2 * seconds or seed < 2:
        pool.append(descend(x, w, "k-means++", k, seed, 100))
        seed += 1
    pool = sorted(pool, key=lambda fitted: float(fitted.inertia_))[:3]
    sizes = [max(1, k // part) for part in (4, 8, 16, 64)]
    turn = 0
    while time.perf_counter() - began < 0.8 * seconds:
        at, n_moved = turn % len(pool), sizes[int(rng.integers(len(sizes)))]
        trial = breathe(x, w, pool[at], n_moved, rng)
        if trial.inertia_ < pool[at].inertia_:
            pool[at] = trial
        turn += 1
    finals = [descend(colors, weights, f.cluster_centers_, k, 0, 150) for f in pool]
    best = min(finals, key=lambda fitted: float(fitted.inertia_))
    while time.perf_counter() - began < seconds:
        trial = breathe(colors, weights, best, 1, rng)
        best = trial if trial.inertia_ < best.inertia_ else best
    return float(best.inertia_ / weights.sum())


def main() -> None:
    """Search every case asked for, and keep what is less than all before."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--case", action="append", help="such as peppers/16; all by default")
    given = parser.parse_args()
    found = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    for name, path in PICTURES.items():
        colors, weights = colors_of(given.data / path)
        for k in COUNTS:
            case = f"{name}/{k}"
            if given.case and case not in given.case:
                continue
            error = least_error(colors, weights, k, given.seconds)
            found[case] = min(round(error, 4), found.get(case, np.inf))
            FOUND.write_text(json.dumps(found, indent=1) + "\n")
            print(f"{case}: {error:.4f}, least {found[case]:.4f}", flush=True)


if __name__ == "__main__":
    main()
