"""What tests of parses share: pictures made ready, and what files show."""

from io import BytesIO

import numpy as np
from PIL import Image

from pimenton import Palette, as_rgba
from pimenton.clustering import kmeans
from pimenton.colorspace import SPACES
from pimenton.histogram import Histogram
from pimenton.parsing import Recipe, Subject, prepare
from pimenton.pixels import Pixels

WIDTHS = ("baseline", "avx2", "avx512")


def subject_of(pixels: Pixels, n_colors: int = 256, carried: float = 0.7) -> Subject:
    """Make a picture ready with a palette that is soon found."""
    histogram = Histogram.of(pixels)
    space = SPACES["oklab"]
    points = space.from_srgb(histogram.colors, 1)
    clustering = kmeans(points, histogram.weights, n_colors, effort="fast")
    palette = Palette.of(space.to_srgb(clustering.centroids))
    return prepare(pixels, histogram, palette, Recipe(carried=carried))


def decoded(data: bytes) -> Pixels:
    """Give the pixels of a file, read by Pillow."""
    return as_rgba(np.asarray(Image.open(BytesIO(data)).convert("RGBA")))
