"""Small pictures with few colors, by K-means color quantization."""

from typing import TYPE_CHECKING, Any

from pimenton.clustering import Clustering, kmeans
from pimenton.dithering import remap
from pimenton.errors import ImageTooLarge, QualityNotReached, UnreadableImage
from pimenton.formats import encode
from pimenton.histogram import Histogram
from pimenton.indexed import IndexedImage
from pimenton.options import Options
from pimenton.palette import Palette
from pimenton.pipeline import compress, measure, quantize
from pimenton.pixels import as_rgba
from pimenton.quality import Quality
from pimenton.reading import read_image
from pimenton.report import Compressed, Report

if TYPE_CHECKING:
    from pimenton.estimator import KMeans

__version__ = "0.1.0"

__all__ = [
    "Clustering",
    "Compressed",
    "Histogram",
    "ImageTooLarge",
    "IndexedImage",
    "KMeans",
    "Options",
    "Palette",
    "Quality",
    "QualityNotReached",
    "Report",
    "UnreadableImage",
    "as_rgba",
    "compress",
    "encode",
    "kmeans",
    "measure",
    "quantize",
    "read_image",
    "remap",
]


def __getattr__(name: str) -> Any:
    # The command, which starts for every picture, has no use for the estimator.
    if name == "KMeans":
        from pimenton.estimator import KMeans

        return KMeans
    raise AttributeError(f"module 'pimenton' has no attribute {name!r}")
