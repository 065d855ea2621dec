"""Hypothesis strategies and pictures built in code."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from pimenton.pixels import Pixels

ROOT = Path(__file__).resolve().parents[1]
FRUITS = ROOT / "examples" / "pictures" / "fruits.png"


@st.composite
def images(draw: st.DrawFn, max_side: int = 24) -> Pixels:
    """Draw pictures from one pixel up: noise, few colors, or smooth; opaque or not."""
    height, width = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["noise", "few", "smooth"]))
    if kind == "noise":
        pixels = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    elif kind == "few":
        colors = rng.integers(0, 256, (draw(st.integers(1, 20)), 4), dtype=np.uint8)
        pixels = colors[rng.integers(0, len(colors), (height, width))]
    else:
        y, x = np.mgrid[:height, :width]
        pixels = np.stack([x * 9, y * 9, x + y, 255 - x], axis=-1).astype(np.uint8)
    alpha = draw(st.sampled_from(["opaque", "mask", "soft"]))
    if alpha == "opaque":
        pixels[:, :, 3] = 255
    elif alpha == "mask":
        pixels[:, :, 3] = np.where(pixels[:, :, 3] < 128, 0, 255)
    pixels[pixels[:, :, 3] == 0] = 0
    return pixels


@st.composite
def weighted_points(
    draw: st.DrawFn, max_points: int = 300
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Draw points: random, clustered, duplicated, on a line, or all the same."""
    n = draw(st.integers(1, max_points))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["random", "clustered", "duplicated", "line", "same", "bytes"]))
    points = rng.random((n, 4))
    if kind == "clustered":
        points = points[rng.integers(0, min(n, 5), n)] + rng.normal(0, 0.01, (n, 4))
    elif kind == "duplicated":
        points = points[rng.integers(0, min(n, 7), n)]
    elif kind == "line":
        points = points[:1] + rng.random((n, 1)) * np.array([1.0, 0.5, -0.25, 0])
    elif kind == "same":
        points = np.repeat(points[:1], n, axis=0)
    elif kind == "bytes":
        points = np.floor(points * 8) / 8
    if draw(st.booleans()):
        points[:, 3] = 1
    return points.astype(np.float32), rng.integers(1, 50, n).astype(np.float64)
