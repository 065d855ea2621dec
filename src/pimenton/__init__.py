"""Small pictures with few colors, by K-means color quantization."""

from pimenton.clustering import Clustering, kmeans
from pimenton.dithering import remap
from pimenton.errors import ImageTooLarge, QualityNotReached, UnreadableImage
from pimenton.estimator import KMeans
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
