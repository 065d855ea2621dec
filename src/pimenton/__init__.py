"""Small pictures with few colors, by K-means color quantization."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pimenton.arrays import QuantizedArray, quantize_array
    from pimenton.batch import Outcome
    from pimenton.clustering import Clustering, kmeans
    from pimenton.dithering import remap
    from pimenton.errors import ImageTooLarge, QualityNotReached, UnreadableImage
    from pimenton.estimator import KMeans
    from pimenton.formats import encode
    from pimenton.histogram import Histogram
    from pimenton.indexed import IndexedImage
    from pimenton.many import compress_many
    from pimenton.options import Options
    from pimenton.palette import Palette
    from pimenton.pipeline import compress, measure, quantize
    from pimenton.pixels import as_rgba
    from pimenton.quality import Quality
    from pimenton.reading import read_image
    from pimenton.report import Compressed, Report
    from pimenton.tiled import View
    from pimenton.tiles import TilesReport, compress_tiles

__version__ = "0.1.0"

__all__ = [
    "Clustering",
    "Compressed",
    "Histogram",
    "ImageTooLarge",
    "IndexedImage",
    "KMeans",
    "Options",
    "Outcome",
    "Palette",
    "Quality",
    "QualityNotReached",
    "QuantizedArray",
    "Report",
    "TilesReport",
    "UnreadableImage",
    "View",
    "as_rgba",
    "compress",
    "compress_many",
    "compress_tiles",
    "encode",
    "kmeans",
    "measure",
    "quantize",
    "quantize_array",
    "read_image",
    "remap",
]

# The command starts for every picture, and brings in what it needs alone; so names are fetched when
# they are asked for.
_HOMES = {
    "arrays": ("QuantizedArray", "quantize_array"),
    "batch": ("Outcome",),
    "clustering": ("Clustering", "kmeans"),
    "dithering": ("remap",),
    "errors": ("ImageTooLarge", "QualityNotReached", "UnreadableImage"),
    "estimator": ("KMeans",),
    "formats": ("encode",),
    "histogram": ("Histogram",),
    "indexed": ("IndexedImage",),
    "many": ("compress_many",),
    "options": ("Options",),
    "palette": ("Palette",),
    "pipeline": ("compress", "measure", "quantize"),
    "pixels": ("as_rgba",),
    "quality": ("Quality",),
    "reading": ("read_image",),
    "report": ("Compressed", "Report"),
    "tiled": ("View",),
    "tiles": ("TilesReport", "compress_tiles"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'pimenton' has no attribute {name!r}")
    value = getattr(import_module(f"pimenton.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
