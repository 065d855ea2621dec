"""Files that tools make of a picture: pngquant then oxipng, Pillow, ImageMagick, and ours."""

import io
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from peers import pngquant_command
from pimenton import Options
from pimenton.accents import serve
from pimenton.clustering import kmeans
from pimenton.colorspace import SPACES
from pimenton.formats import encode
from pimenton.histogram import Histogram
from pimenton.palette import Palette
from pimenton.parsing import parse, prepare, refine
from pimenton.pixels import Pixels
from pimenton.quality import error_map
from pimenton.rate import N_REFINED
from pimenton.still import compress_pixels
from pimenton.streams import shortened

# About what equals pngquant's 256 colors on photographs.
_BIT_WEIGHT = 0.2


class Ours(NamedTuple):
    """A file of ours: size, SSIMULACRA 2, whether what was asked for was reached, seconds."""

    n_bytes: int
    score: float
    reached: bool
    seconds: float
    data: bytes


def plain_png(pixels: Pixels) -> bytes:
    """Write a picture without profile or anything else but its pixels."""
    image = Image.fromarray(pixels)
    file = io.BytesIO()
    opaque = pixels[:, :, 3].min() == 255
    (image.convert("RGB") if opaque else image).save(file, "PNG", compress_level=1)
    return file.getvalue()


def pngquant_oxipng(pixels: Pixels, n_colors: int) -> bytes:
    """Run pngquant with its defaults, then oxipng at level 4."""
    import oxipng

    command = [pngquant_command(), str(n_colors), "-"]
    done = subprocess.run(command, input=plain_png(pixels), capture_output=True, check=True)
    return bytes(oxipng.optimize_from_memory(done.stdout, level=4))


def pillow(pixels: Pixels, n_colors: int) -> bytes:
    """Quantize by Pillow's median cut (its octree where there is opacity), dithered."""
    image = Image.fromarray(pixels)
    if pixels[:, :, 3].min() == 255:
        rgb = image.convert("RGB")
        drawn = rgb.quantize(palette=rgb.quantize(n_colors), dither=Image.Dither.FLOYDSTEINBERG)
    else:
        drawn = image.quantize(n_colors, method=Image.Quantize.FASTOCTREE)
    file = io.BytesIO()
    drawn.save(file, "PNG", optimize=True)
    return file.getvalue()


def imagemagick(pixels: Pixels, n_colors: int) -> bytes | None:
    """Run ImageMagick with its defaults, most compressed; None where it is missing."""
    command = shutil.which("magick") or shutil.which("convert")
    if command is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "in.png", Path(folder) / "out.png"
        given.write_bytes(plain_png(pixels))
        words = ["-colors", str(n_colors), "-define", "png:compression-level=9", f"png8:{made}"]
        subprocess.run([command, str(given), *words], check=True, capture_output=True)
        return made.read_bytes()


def ours(
    pixels: Pixels, quality: float, effort: str, format: str = "png", *, n_threads: int = 1
) -> Ours:
    """Make the smallest file that reaches a score, or the nearest to it."""
    options = Options(quality=min(quality, 100.0), effort=effort, best_possible=True)
    began = time.perf_counter()
    made = compress_pixels(pixels, format, options, n_threads=n_threads)
    seconds = time.perf_counter() - began
    report = made.report
    assert report.quality is not None
    reached = report.quality >= quality - 1e-9
    return Ours(len(made.data), report.quality, reached, seconds, made.data)


def one_encode(pixels: Pixels, effort: str) -> bytes:
    """Do all that one file takes when nothing is searched for: cluster, parse, deflate.

    The best effort feeds errors of the result back and parses again, as often as a search does.
    """
    space = SPACES["oklab"]
    histogram = Histogram.of(pixels, n_threads=1)
    points = histogram.points("oklab", n_threads=1)
    found = kmeans(points, histogram.weights, 256, effort=effort, n_threads=1)
    centroids = serve(pixels, histogram, points, found.centroids, 256, space="oklab", n_threads=1)
    subject = prepare(pixels, histogram, Palette.of(space.to_srgb(centroids)), n_threads=1)
    image = parse(subject, _BIT_WEIGHT, effort=effort, n_threads=1).image
    for _ in range(N_REFINED[effort]):
        errors = error_map(pixels, image.to_pixels(), n_threads=1)
        subject = refine(subject, image, errors)
        image = parse(subject, _BIT_WEIGHT, effort=effort, n_threads=1).image
    return shortened(image, encode(image, "png", effort=effort, parsed=True), effort)[1]
