"""The tools that are compared: each a row of how it is prepared, run and drawn.

A tool is given the picture in the form it wants, made outside of its time, and is run with its
defaults but for the number of colors, no dithering, and one thread, limited by its own means.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import pimenton
from measuring import error, rounded, timed, version_of
from pictures import Rgb
from pimenton import Histogram, Options, _native
from pimenton.clustering import EFFORTS
from pimenton.drawing import counted
from pimenton.fitting import fit_palette
from pimenton.pixels import as_rgba

Drawn = NDArray[Any]  # (height, width, 3): 0 to 255, with fractions where the tool has them


@dataclass(frozen=True)
class Tool:
    """One way to bring a picture down to few colors.

    Attributes
    ----------
    name : str
        As it stands in tables.
    packages : tuple of str
        Where it comes from; it is missing if none of them is installed.
    prepare : callable
        Gives what ``run`` takes from a picture; not timed.
    run : callable
        ``(prepared, n_colors)``: does the work.
    draw : callable
        ``(result, pixels, n_colors)``: gives the picture that came out; not timed.
    effort : str
        Of pimenton, whose result has its colors rounded; what K-means reached is found apart.
    """

    name: str
    packages: tuple[str, ...]
    prepare: Callable[[Rgb], Any]
    run: Callable[[Any, int], Any]
    draw: Callable[[Any, Rgb, int], Drawn]
    effort: str = ""

    @property
    def version(self) -> str | None:
        """The version installed; None if it is missing."""
        return version_of(*self.packages)


@dataclass(frozen=True)
class Measured:
    """Time and errors of one tool on one picture; the errors are summed over the channels."""

    seconds: float
    error: float
    drawn_error: float


def measure(tool: Tool, pixels: Rgb, n_colors: int, *, min_runs: int = 3) -> Measured:
    """Run a tool several times and compare what it drew."""
    prepared = tool.prepare(pixels)
    seconds, result = timed(lambda: tool.run(prepared, n_colors), min_runs=min_runs)
    drawn = tool.draw(result, pixels, n_colors)
    exact = error(pixels, drawn)
    if tool.effort:
        exact = centroid_error(pixels, n_colors, tool.effort)
    return Measured(seconds, exact, error(pixels, rounded(drawn)))


def pimenton_tool(effort: str, n_threads: int = 1) -> Tool:
    """Give pimenton at an effort: from the array to the indices, in sRGB."""

    def run(pixels: Rgb, n_colors: int) -> Any:
        return pimenton.quantize(
            pixels,
            n_colors=n_colors,
            space="srgb",
            dither="none",
            effort=effort,
            n_threads=n_threads,
        )

    return Tool(f"pimenton {effort}", ("pimenton",), _itself, run, _drawn_from_indices, effort)


def centroid_error(pixels: Rgb, n_colors: int, effort: str, *, n_threads: int = 1) -> float:
    """Give the error of the centroids behind `pimenton.quantize`, before they are rounded."""
    options = Options(n_colors=n_colors, space="srgb", dither="none", effort=effort)
    rgba = as_rgba(pixels)
    _, found = fit_palette(rgba, counted(rgba, options, n_threads), options, n_threads=n_threads)
    # A search may look at less than all colors; the error is of all of them.
    histogram = Histogram.of(rgba, n_threads=n_threads)
    points = histogram.points("srgb", n_threads=n_threads)
    labels = _native.assign(points, found.centroids, n_threads)
    centroids = 255 * found.centroids.astype(np.float64)[labels]
    squares = (histogram.colors[:, :3] - centroids[:, :3]) ** 2
    return float(histogram.weights @ squares.sum(axis=1) / histogram.n_pixels)


def _drawn_from_indices(result: Any, pixels: Rgb, n_colors: int) -> Drawn:
    return result.to_pixels()[:, :, :3]


def _itself(pixels: Rgb) -> Rgb:
    return pixels


def _floats(pixels: Rgb) -> NDArray[np.float32]:
    return pixels.reshape(-1, 3).astype(np.float32) / 255


def _drawn_from_centroids(result: Any, pixels: Rgb, n_colors: int) -> Drawn:
    labels, centroids = result
    drawn = 255 * np.asarray(centroids, np.float64)[np.asarray(labels).ravel()]
    return drawn.reshape(pixels.shape)


def _scikit_learn(points: Any, n_colors: int) -> Any:
    from sklearn.cluster import KMeans

    model = KMeans(n_clusters=n_colors, n_init=1, random_state=0)
    return model.fit_predict(points), model.cluster_centers_


def _scikit_learn_recipe(points: Any, n_colors: int) -> Any:
    """Do as the documentation's example of color quantization does: fit on 1000 pixels."""
    from sklearn.cluster import KMeans
    from sklearn.utils import shuffle

    sample = shuffle(points, random_state=0, n_samples=1000)
    model = KMeans(n_clusters=n_colors, random_state=0).fit(sample)
    return model.predict(points), model.cluster_centers_


def _faiss(points: Any, n_colors: int) -> Any:
    import faiss

    faiss.omp_set_num_threads(1)
    model = faiss.Kmeans(points.shape[1], n_colors, seed=1)
    model.train(points)
    return model.index.search(points, 1)[1], model.centroids


def _opencv(points: Any, n_colors: int) -> Any:
    import cv2

    cv2.setNumThreads(1)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
    _, labels, centroids = cv2.kmeans(points, n_colors, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    return labels, centroids / 255


def _bytes_as_floats(pixels: Rgb) -> NDArray[np.float32]:
    return pixels.reshape(-1, 3).astype(np.float32)


def _pillow(method: Image.Quantize) -> Callable[[Rgb, int], Any]:
    def run(pixels: Rgb, n_colors: int) -> Any:
        return Image.fromarray(pixels).quantize(n_colors, method=method, dither=Image.Dither.NONE)

    return run


def _drawn_from_image(result: Any, pixels: Rgb, n_colors: int) -> Drawn:
    return np.asarray(result.convert("RGB"))


def _rgba_bytes(pixels: Rgb) -> tuple[bytes, int, int]:
    return as_rgba(pixels).tobytes(), pixels.shape[1], pixels.shape[0]


def _imagequant(prepared: Any, n_colors: int) -> Any:
    import imagequant

    return imagequant.quantize_raw_rgba_bytes(*prepared, dithering_level=0.0, max_colors=n_colors)


def _drawn_from_bytes(result: Any, pixels: Rgb, n_colors: int) -> Drawn:
    indices, palette = result
    colors = np.array(palette, np.uint8).reshape(-1, 4)[:, :3]
    return colors[np.frombuffer(indices, np.uint8)].reshape(pixels.shape)


def _libimagequant(speed: int | None) -> Callable[[Any, int], Any]:
    def run(prepared: Any, n_colors: int) -> Any:
        import libimagequant

        attributes = libimagequant.Attr()
        attributes.max_colors = n_colors
        if speed is not None:
            attributes.speed = speed
        image = attributes.create_rgba(*prepared, 0)
        result = image.quantize(attributes)
        result.dithering_level = 0.0
        indices = result.remap_image(image)
        return indices, [channel for color in result.get_palette() for channel in color]

    return run


def _png(pixels: Rgb) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def pngquant_command() -> str:
    """Find the command: beside this Python, or on the path."""
    beside = Path(sys.executable).with_name("pngquant")
    return str(beside) if beside.exists() else shutil.which("pngquant") or "pngquant"


def _pngquant(picture: bytes, n_colors: int) -> bytes:
    command = [pngquant_command(), "--nofs", str(n_colors), "-"]
    return subprocess.run(command, input=picture, capture_output=True, check=True).stdout


def _drawn_from_file(result: bytes, pixels: Rgb, n_colors: int) -> Drawn:
    return pimenton.read_image(result)[:, :, :3]


OURS = tuple(pimenton_tool(effort) for effort in EFFORTS)
SCIKIT_LEARN = Tool(
    "scikit-learn, all pixels, one start",
    ("scikit-learn",),
    _floats,
    _scikit_learn,
    _drawn_from_centroids,
)
IMAGEQUANT = Tool(
    "imagequant (libimagequant 4)", ("imagequant",), _rgba_bytes, _imagequant, _drawn_from_bytes
)
PEERS = (
    SCIKIT_LEARN,
    Tool(
        "scikit-learn, fit on 1000 pixels",
        ("scikit-learn",),
        _floats,
        _scikit_learn_recipe,
        _drawn_from_centroids,
    ),
    Tool(
        "faiss, sub-sampled",
        ("faiss-cpu", "faiss"),
        _floats,
        _faiss,
        _drawn_from_centroids,
    ),
    Tool(
        "OpenCV kmeans, 10 steps",
        ("opencv-python-headless", "opencv-python"),
        _bytes_as_floats,
        _opencv,
        _drawn_from_centroids,
    ),
    Tool(
        "Pillow median cut",
        ("pillow",),
        _itself,
        _pillow(Image.Quantize.MEDIANCUT),
        _drawn_from_image,
    ),
    Tool(
        "Pillow fast octree",
        ("pillow",),
        _itself,
        _pillow(Image.Quantize.FASTOCTREE),
        _drawn_from_image,
    ),
    IMAGEQUANT,
    Tool(
        "libimagequant 2", ("libimagequant",), _rgba_bytes, _libimagequant(None), _drawn_from_bytes
    ),
    Tool(
        "libimagequant 2, fastest",
        ("libimagequant",),
        _rgba_bytes,
        _libimagequant(10),
        _drawn_from_bytes,
    ),
    Tool(
        "pngquant command, whole process",
        ("pngquant-cli",),
        _png,
        _pngquant,
        _drawn_from_file,
    ),
)
