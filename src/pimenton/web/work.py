"""What is done in the processes: functions of a picture's bytes, whose results can be sent back.

A process keeps the pictures that it decoded last, so that following a control does not decode them
again.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace

from pimenton.animation import count_frames
from pimenton.batch import compress_data
from pimenton.explain import explain_page
from pimenton.formats import FORMATS
from pimenton.histogram import Histogram
from pimenton.options import Options
from pimenton.page import Picture
from pimenton.palette import MAX_COLORS, Palette
from pimenton.pipeline import quantize
from pimenton.pixels import Pixels
from pimenton.quality import prepare, ssimulacra2
from pimenton.reading import format_in, read_image
from pimenton.report import Report
from pimenton.still import compress_pixels
from pimenton.swatches import encode_palette
from pimenton.web.choices import Wish

# Of decoded pictures that a process keeps.
KEPT_BYTES = 64 << 20
# Of a palette's colors, if nothing is said.
_N_COLORS = 16


@dataclass(frozen=True)
class Made:
    """A picture to answer with.

    Attributes
    ----------
    data : bytes
        Its file.
    format : str
        A key of ``FORMATS``.
    is_kept : bool
        Whether it is the original, which was no larger than the result.
    report : Report
        The result's figures, with a score.
    """

    data: bytes
    format: str
    is_kept: bool
    report: Report


def compressed(data: bytes, name: str, wish: Wish, max_pixels: int, *, n_threads: int) -> Made:
    """Compress a picture: what the command makes of it with the same choices, or a preview.

    Parameters
    ----------
    data : bytes
        The picture's file.
    name : str
        Under which it is kept once it is decoded; empty where it is not.
    wish : Wish
        What to make.
    max_pixels : int
        Pictures with more pixels are refused before they are decoded.
    n_threads : int
        Threads to use.
    """
    own = format_in(data[:64])
    format = wish.format or (own if own in FORMATS else "png")
    if wish.is_preview:
        options = replace(wish.options, effort="fast", best_possible=True)
        pixels = _decoded(data, name, max_pixels)
        preview = compress_pixels(
            pixels, format, options, input_bytes=len(data), n_threads=n_threads, searches=False
        )
        report = replace(preview.report, options=wish.options)
        return Made(preview.data, format, False, _scored(report, pixels, preview.data, n_threads))
    written, made = compress_data(
        data, wish.options, wish.rules,
        format=format, name="picture", n_threads=n_threads, max_pixels=max_pixels,
    )  # fmt: skip
    assert made is not None  # the rules say to make again what is done
    report = made.report
    if report.quality is None and count_frames(data) == 1:
        report = _scored(report, _decoded(data, name, max_pixels), made.data, n_threads)
    return Made(written, format, written is data, report)


def palette_file(
    data: bytes, format: str, options: Options, max_pixels: int, *, n_threads: int
) -> bytes:
    """Give a picture's palette as a file: all its colors if they are few, or as many as asked."""
    pixels = read_image(data, max_pixels=max_pixels)
    histogram = Histogram.of(pixels, n_threads=n_threads)
    if options == Options() and len(histogram.colors) <= MAX_COLORS:
        palette = Palette.of(histogram.colors)
        counts = {bytes(c): int(n) for c, n in zip(histogram.colors, histogram.counts, strict=True)}
        return encode_palette(palette, format, [counts[bytes(c)] for c in palette.colors])
    if options.n_colors is None and options.is_free:
        options = replace(options, n_colors=min(_N_COLORS, options.max_colors))
    image = quantize(pixels, options, n_threads=n_threads)
    return encode_palette(image.palette, format, image.counts.tolist())


def explanation(
    data: bytes, n_colors: int, seed: int, lang: str, max_pixels: int, *, n_threads: int
) -> bytes:
    """Make the page that tells K-means on a picture."""
    picture = Picture("picture", read_image(data, max_pixels=max_pixels), data)
    page = explain_page(picture, n_colors=n_colors, seed=seed, lang=lang, n_threads=n_threads)
    return page.encode()


def _scored(report: Report, pixels: Pixels, data: bytes, n_threads: int) -> Report:
    """Measure the score of a result where nothing was aimed at."""
    if report.quality is not None:
        return report
    reference = prepare(pixels, n_threads=n_threads)
    score = ssimulacra2(reference, read_image(data), n_threads=n_threads)
    return replace(report, quality=score)


_pictures: OrderedDict[str, Pixels] = OrderedDict()


def _decoded(data: bytes, name: str, max_pixels: int) -> Pixels:
    """Decode a picture, or take the one that is kept; one without a name is not."""
    if not name:
        return read_image(data, max_pixels=max_pixels)
    pixels = _pictures.pop(name, None)
    if pixels is None:
        pixels = read_image(data, max_pixels=max_pixels)
    if pixels.nbytes <= KEPT_BYTES:
        _pictures[name] = pixels
    while sum(kept.nbytes for kept in _pictures.values()) > KEPT_BYTES:
        _pictures.popitem(last=False)
    return pixels
