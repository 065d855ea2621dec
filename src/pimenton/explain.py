"""The page that tells K-means on the reader's own picture, step by step.

What is told is the plain method, as a textbook has it: a random start, and Lloyd's two steps
until nothing moves. The search that ``kmeans`` does is faster and better, but has no such story.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.colorspace import SPACES
from pimenton.descent import Step, inertia_of, means
from pimenton.formats import reduce_pixels
from pimenton.histogram import Histogram
from pimenton.page import Picture, Shown, check_language, image_element, join_page, printable
from pimenton.pixels import Pixels, Points, Weights, thread_count

SCRIPTS = ("chart.js", "cloud.js", "flat.js", "moment.js", "explain.js")
# More colors cannot be told apart in the cloud.
MAX_COLORS = 64
# As a PNG about 1.2 MB at most; the page finds every pixel's centroid anew at each step.
MAX_PIXELS = 400_000
MAX_STEPS = 300


@dataclass(frozen=True, eq=False)
class Walk:
    """The way of the centroids from a random start until they stay.

    Attributes
    ----------
    centroids : (n_steps + 1, k, 4) float32
        At the start and after each step. Read-only.
    counts : (n_steps, k) int64
        Pixels that were nearest to each centroid in each step. Read-only.
    inertia : tuple of float
        Of the centroids before each step.
    settled : bool
        Whether the last step moved nothing.
    """

    centroids: NDArray[np.float32]
    counts: NDArray[np.int64]
    inertia: tuple[float, ...]
    settled: bool

    def __post_init__(self) -> None:
        self.centroids.flags.writeable = False
        self.counts.flags.writeable = False

    @property
    def n_steps(self) -> int:
        """The number of steps, the last of which may have moved nothing."""
        return len(self.inertia)


def walk(
    points: Points,
    weights: Weights,
    n_clusters: int,
    *,
    seed: int = 0,
    max_steps: int = MAX_STEPS,
    n_threads: int | None = None,
    step: Callable[[Points, Weights, int], Step] = _native.LloydStep,
) -> Walk:
    """Follow Lloyd's algorithm from a random start.

    Parameters
    ----------
    points : (n, 4) float32
        Distinct points.
    weights : (n,) float64
        Pixels of each, all positive.
    n_clusters : int
        Centroids; with fewer points, each becomes one.
    seed : int, optional
        Of the start: so many different points are drawn, each as likely as it has pixels.
    max_steps : int, optional
        Steps after which it ends even if the centroids still move.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.
    step : callable, optional
        As ``kmeans`` takes it.

    Returns
    -------
    Walk

    Raises
    ------
    ValueError
        If there is no point, or fewer than one centroid is asked for.

    Examples
    --------
    >>> points = np.array([[0, 0, 0, 1], [1, 0, 0, 1], [8, 0, 0, 1]], dtype=np.float32)
    >>> way = walk(points, np.ones(3), 2)
    >>> way.centroids[-1, :, 0].tolist(), way.settled
    ([8.0, 0.5], True)
    """
    if len(points) == 0 or n_clusters < 1:
        raise ValueError("there must be at least one point and one centroid")
    chances = weights / weights.sum()
    drawn = np.random.default_rng(seed).choice(
        len(points), min(n_clusters, len(points)), replace=False, p=chances
    )
    moments_of = step(points, weights, thread_count(n_threads))
    way = [points[drawn]]
    counts: list[NDArray[np.int64]] = []
    inertia: list[float] = []
    settled = False
    while not settled and len(inertia) < max_steps:
        centroids = way[-1]
        moments = moments_of(centroids)
        counts.append(moments[:, 8].astype(np.int64))
        inertia.append(inertia_of(centroids, moments))
        way.append(means(centroids, moments))
        settled = np.array_equal(way[-1], centroids)
    return Walk(np.array(way), np.array(counts), tuple(inertia), settled)


def explain_page(
    picture: Picture,
    *,
    n_colors: int = 8,
    seed: int = 0,
    lang: str = "en",
    title: str | None = None,
    n_threads: int | None = None,
) -> str:
    """Make a page that tells how K-means finds a picture's colors.

    Parameters
    ----------
    picture : Picture
        The picture. One of more than 400,000 pixels is reduced, and one that is not opaque is laid
        on white; the page says so.
    n_colors : int, optional
        Centroids, 1 to 64.
    seed : int, optional
        Of the random start.
    lang : {"en", "es"}, optional
        Language of the texts at first; the page offers both.
    title : str, optional
        Title of the page, by default the picture's name.
    n_threads : int, optional
        Threads to use, by default one a core.

    Returns
    -------
    str
        HTML that needs nothing else, to be written as UTF-8.

    Raises
    ------
    ValueError
        If a choice is out of range.
    """
    check_language(lang)
    if not 1 <= n_colors <= MAX_COLORS:
        raise ValueError(f"n_colors must be between 1 and {MAX_COLORS}; got {n_colors}")
    pixels = reduce_pixels(_on_white(picture.pixels), MAX_PIXELS)
    histogram = Histogram.of(pixels, n_threads=n_threads)
    points = SPACES["srgb"].from_srgb(histogram.colors, thread_count(n_threads))
    way = walk(points, histogram.weights, n_colors, seed=seed, n_threads=n_threads)
    height, width = pixels.shape[:2]
    full_height, full_width = picture.pixels.shape[:2]
    shown = Picture(picture.name, pixels)
    return join_page(
        "explain",
        SCRIPTS,
        title=title or picture.name,
        lang=lang,
        libraries=("three.js",),
        image=image_element(shown, Shown.of(shown)),
        aspect=f"{width} / {height}",
        data={
            "name": printable(picture.name),
            "width": width,
            "height": height,
            "n_distinct": len(histogram.colors),
            "seed": seed,
            "reduced_from": None
            if pixels.shape == picture.pixels.shape
            else [full_width, full_height],
            "on_white": bool(picture.pixels[:, :, 3].min() < 255),
            **_story(way),
        },
    )


def _story(way: Walk) -> dict[str, Any]:
    """Give the walk for JSON; centroids in levels of 0 to 255, as the picture's own numbers."""
    levels = np.round(way.centroids[:, :, :3].astype(np.float64) * 255, 2)
    return {
        "centroids": levels.reshape(len(levels), -1).tolist(),
        "counts": way.counts.tolist(),
        "inertia": [float(f"{value:.8g}") for value in way.inertia],
        "settled": way.settled,
    }


def _on_white(pixels: Pixels) -> Pixels:
    if pixels[:, :, 3].min() == 255:
        return pixels
    alpha = pixels[:, :, 3:].astype(np.uint16)
    shown = np.full_like(pixels, 255)
    shown[:, :, :3] = (pixels[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return shown
