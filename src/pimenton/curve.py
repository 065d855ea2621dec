"""Size and quality against the number of colors: the answer to "how many colors?"."""

import csv
import math
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from io import StringIO

import numpy as np

from pimenton.clustering import kmeans
from pimenton.colorspace import SPACES
from pimenton.dithering import remap
from pimenton.formats import encode
from pimenton.histogram import Histogram
from pimenton.page import check_language, join_page, printable
from pimenton.palette import Palette
from pimenton.pixels import Pixels, thread_count
from pimenton.quality import mse, prepare, psnr, ssimulacra2

N_COLORS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
DITHERS = ("none", "floyd-steinberg")


@dataclass(frozen=True)
class CurvePoint:
    """A picture in so many colors.

    Attributes
    ----------
    n_colors : int
        Colors asked for.
    dither : str
        How it is dithered.
    size_bytes : int
        Of its PNG.
    ssimulacra2, psnr : float
        Its quality.
    is_knee : bool
        Whether more colors gain little from here on.
    """

    n_colors: int
    dither: str
    size_bytes: int
    ssimulacra2: float
    psnr: float
    is_knee: bool = False


@dataclass(frozen=True)
class ColorCurve:
    """What a picture costs and how good it is in 2 to 256 colors.

    Attributes
    ----------
    points : tuple of CurvePoint
        By dithering, then by number of colors.
    """

    points: tuple[CurvePoint, ...]

    @property
    def dithers(self) -> tuple[str, ...]:
        """The ways of dithering, in their order."""
        return tuple(dict.fromkeys(point.dither for point in self.points))

    def of(self, dither: str) -> tuple[CurvePoint, ...]:
        """Give the points of one way of dithering."""
        return tuple(point for point in self.points if point.dither == dither)

    def to_csv(self) -> str:
        """Give the points as a table, a line each."""
        table = StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(field.name for field in fields(CurvePoint))
        writer.writerows(astuple(point) for point in self.points)
        return table.getvalue()


def measure_curve(
    pixels: Pixels,
    *,
    n_colors: Sequence[int] = N_COLORS,
    dithers: Sequence[str] = DITHERS,
    space: str = "oklab",
    effort: str = "balanced",
    seed: int = 0,
    n_threads: int | None = None,
) -> ColorCurve:
    """Measure a picture in rising numbers of colors, all from one histogram.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The picture.
    n_colors : sequence of int, optional
        Numbers of colors, rising. They end where the picture has no more.
    dithers : sequence of str, optional
        Keys of ``DITHERS``; each palette is drawn in all of these ways.
    space, effort, seed
        As ``Options`` has them.
    n_threads : int, optional
        Threads to use, by default one a core.

    Returns
    -------
    ColorCurve

    Raises
    ------
    ValueError
        If a choice is wrong.

    Examples
    --------
    >>> gray = np.arange(64, dtype=np.uint8).repeat(4).reshape(16, 16, 1) * np.uint8(4)
    >>> pixels = np.concatenate([gray, gray, gray, np.full_like(gray, 255)], axis=2)
    >>> curve = measure_curve(pixels, n_colors=(2, 8, 32), dithers=("none",))
    >>> [point.n_colors for point in curve.points if point.is_knee]
    [8]
    """
    n_threads = thread_count(n_threads)
    histogram = Histogram.of(pixels, n_threads=n_threads)
    points = SPACES[space].from_srgb(histogram.colors, n_threads)
    reference = prepare(pixels, n_threads=n_threads)
    found: dict[str, list[CurvePoint]] = {dither: [] for dither in dithers}
    for k in n_colors:
        clustering = kmeans(
            points, histogram.weights, k, seed=seed, effort=effort, n_threads=n_threads
        )
        exact = len(histogram.colors) <= k
        colors = histogram.colors if exact else SPACES[space].to_srgb(clustering.centroids)
        for dither in dithers:
            image = remap(
                pixels,
                Palette.of(colors),
                histogram=histogram,
                space=space,
                dither=dither,
                n_threads=n_threads,
            )
            shown = image.to_pixels()
            found[dither].append(
                CurvePoint(
                    n_colors=k,
                    dither=dither,
                    size_bytes=len(encode(image, effort=effort)),
                    ssimulacra2=ssimulacra2(reference, shown, n_threads=n_threads),
                    psnr=psnr(mse(pixels, shown)),
                )
            )
        if exact:
            break
    return ColorCurve(tuple(point for row in found.values() for point in _with_knee(row)))


def curve_page(name: str, curve: ColorCurve, *, lang: str = "en") -> str:
    """Make a page of a curve.

    Parameters
    ----------
    name : str
        Of the picture.
    curve : ColorCurve
        What was measured.
    lang : {"en", "es"}, optional
        Language of the texts at first; the page offers both.

    Returns
    -------
    str
        HTML that needs nothing else, to be written as UTF-8.

    Raises
    ------
    ValueError
        If the language is unknown.
    """
    check_language(lang)
    # JSON has no infinity.
    points = [
        asdict(point) | {"psnr": point.psnr if math.isfinite(point.psnr) else None}
        for point in curve.points
    ]
    data = {"name": printable(name), "points": points}
    return join_page("curve", ("chart.js", "curve.js"), title=name, lang=lang, data=data)


def _with_knee(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Mark the point farthest above the line from the first to the last, quality against bytes."""
    if len(points) < 3:
        return list(points)
    places = np.array([(point.size_bytes, point.ssimulacra2) for point in points])
    lengths = places[-1] - places[0]
    across, up = ((places - places[0]) / np.where(lengths == 0, 1, lengths)).T
    # Of equals the first; the ends are no knee.
    knee = 1 + int(np.argmax((up - across)[1:-1]))
    return [replace(point, is_knee=i == knee) for i, point in enumerate(points)]
