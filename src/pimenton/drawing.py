"""From a picture to its file: pixels at the nearest of K-means' colors, or dithered."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeAlias

import numpy as np

from pimenton.clustering import Clustering
from pimenton.dithering import remap
from pimenton.errors import QualityNotReached
from pimenton.fitting import fit_palette, is_exact, roughly
from pimenton.formats import encode
from pimenton.histogram import Histogram
from pimenton.indexed import IndexedImage
from pimenton.options import Options
from pimenton.ordering import by_lightness, by_swaps, smallest
from pimenton.pixels import Pixels, round_opacity
from pimenton.streams import shortened

# Tells of the beginning and the end of a stage.
Stages: TypeAlias = Callable[[str], AbstractContextManager[None]]


# Share of the visible pixels equal to those beside and below that makes a picture flat: logos and
# screenshots have more, photographs seldom.
_FLAT = 0.35


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture of few colors, its file, and how it was come by.

    Attributes
    ----------
    image : IndexedImage
        The picture.
    data : bytes
        Its file.
    clustering : Clustering
        Where K-means ended.
    quality : float or None
        SSIMULACRA 2 score, where it was aimed at.
    reached : bool or None
        Whether it is what was wanted.
    """

    image: IndexedImage
    data: bytes
    clustering: Clustering
    quality: float | None = None
    reached: bool | None = None


@dataclass(frozen=True, eq=False)
class Task:
    """A picture and all that drawing it needs.

    Attributes
    ----------
    original : (height, width, 4) uint8
        The picture.
    pixels : (height, width, 4) uint8
        What the format can show of it.
    histogram : Histogram
        Of those pixels.
    format : str
        A key of ``FORMATS``.
    options : Options
        The choices.
    n_threads : int
        Threads to use.
    stage : callable
        Tells of the beginning and the end of a stage.
    """

    original: Pixels
    pixels: Pixels
    histogram: Histogram
    format: str
    options: Options
    n_threads: int
    stage: Stages

    @classmethod
    def of(
        cls, original: Pixels, format: str, options: Options, n_threads: int, stage: Stages
    ) -> "Task":
        """Count the colors of a picture."""
        pixels = round_opacity(original) if format == "gif" else original
        with stage("counting"):
            histogram = counted(pixels, options, n_threads)
        return cls(original, pixels, histogram, format, options, n_threads, stage)

    @cached_property
    def is_flat(self) -> bool:
        """Whether much of what is seen is of one color with its neighbours."""
        codes = self.pixels.view(np.uint32)[:, :, 0]
        equal = (codes[:-1, :-1] == codes[1:, :-1]) & (codes[:-1, :-1] == codes[:-1, 1:])
        seen = self.pixels[:-1, :-1, 3] > 0
        return bool((equal & seen).sum() >= _FLAT * max(seen.sum(), 1))

    @property
    def is_aimed(self) -> bool:
        """Whether a quality or a size is searched for."""
        keeps_all = is_exact(self.histogram, self.options) and self.options.wants_no_loss
        return self.options.parses and not keeps_all


def draw(task: Task, *, limited: bool = True) -> Drawn:
    """Draw a picture as the options say, and encode it.

    Parameters
    ----------
    task : Task
        The picture.
    limited : bool, optional
        Whether a size that was asked for must hold.

    Raises
    ------
    QualityNotReached
        If a size that was asked for cannot be met, or colors would be lost that must not be.
    """
    require_no_loss(task)
    image, clustering = quantized(
        task.pixels, task.histogram, task.options, task.n_threads, task.stage
    )
    with task.stage("encoding"):
        image, data = encoded(image, task)
        if orders_freely(task):
            image, data = shortened(image, data, task.options.effort)
    if limited:
        require_size(len(data), task.options)
    whole = is_exact(task.histogram, task.options) and task.pixels is task.original
    return Drawn(image, data, clustering, *((100.0, True) if whole else (None, None)))


def encoded(image: IndexedImage, task: Task) -> tuple[IndexedImage, bytes]:
    """Make the file; without a number of colors or a palette asked for, in the best order."""
    options = task.options
    with_effort = partial(encode, format=task.format, effort=options.effort)
    data = with_effort(image)
    if not orders_freely(task):
        return image, data
    return smallest(image, data, with_effort, (by_lightness, by_swaps))


def writer(task: Task, effort: str) -> Callable[[IndexedImage], bytes]:
    """Give what makes the files of parsed pictures, without entries that are of no use."""

    def write(image: IndexedImage) -> bytes:
        image = image.without_unused() if task.options.is_free else image
        return encode(image, task.format, effort=effort, parsed=True)

    return write


def orders_freely(task: Task) -> bool:
    """Tell whether the palette's order is ours, and time may be spent on it."""
    options = task.options
    is_free = options.is_free and options.n_colors is None and options.effort != "fast"
    return is_free and task.format == "png"


# With more pixels their colors repeat, and a search for each distinct one takes less time.
_MOST_ROUGH = 1 << 20


def counted(pixels: Pixels, options: Options, n_threads: int) -> Histogram:
    """Count the colors of a picture, roughly where that is all that a search looks at."""
    if pixels.shape[0] * pixels.shape[1] <= _MOST_ROUGH:
        rough = roughly(partial(Histogram.rough, pixels, n_threads=n_threads), options)
        if rough is not None:
            return rough
    return Histogram.of(pixels, n_threads=n_threads)


def quantized(
    pixels: Pixels, histogram: Histogram, options: Options, n_threads: int, stage: Stages
) -> tuple[IndexedImage, Clustering]:
    """Find a palette and map or dither the pixels to it."""
    with stage("clustering"):
        palette, clustering = fit_palette(pixels, histogram, options, n_threads=n_threads)
    few = is_exact(histogram, options)
    with stage("drawing"):
        image = remap(
            pixels,
            palette,
            histogram=histogram,
            space=options.space,
            dither="none" if few else options.dither,
            strength=options.dither_strength,
            n_threads=n_threads,
        )
    return image, clustering


def require_no_loss(task: Task) -> None:
    """Refuse a picture of more colors than there may be, where none may be lost."""
    if task.options.lossless and not is_exact(task.histogram, task.options):
        raise QualityNotReached(
            f"there are {len(task.histogram.colors)} colors; without loss there can be "
            f"{task.options.palette_size}"
        )


def require_size(n_bytes: int, options: Options) -> None:
    """Refuse a file that is larger than was asked for."""
    if options.max_bytes is not None and n_bytes > options.max_bytes and not options.best_possible:
        raise QualityNotReached(
            f"at most {options.max_bytes} bytes are allowed; the smallest file has {n_bytes}"
        )
