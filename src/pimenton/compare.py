"""The page that sets results beside their original.

A result is shown from the bytes of its own file, so that what is judged is what was written.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pimenton.difference import channel_error
from pimenton.histogram import Histogram
from pimenton.page import (
    Picture,
    Shown,
    check_language,
    image_element,
    join_page,
    printable,
    stage,
)
from pimenton.palette import MAX_COLORS, Palette
from pimenton.quality import measure_pixels

SCRIPTS = (
    "stage.js", "chart.js", "difference.js", "viewer.js", "swatches.js", "panels.js", "compare.js",
)  # fmt: skip
# Of the histogram of error; they are whole levels wide.
MAX_BARS = 40


def compare_page(
    original: Picture,
    results: Sequence[Picture],
    *,
    title: str | None = None,
    lang: str = "en",
    n_threads: int | None = None,
) -> str:
    """Make a page that shows results beside their original.

    Parameters
    ----------
    original : Picture
        The picture that the others came from. It is shown as a PNG without loss, or, if that is
        too large, as a WebP of quality 95; the page says which.
    results : sequence of Picture
        One or more of the same size. Each is shown from its own file if browsers can show it, else
        like the original. Its palette is its report's, or its colors if there are at most 256.
    title : str, optional
        Title of the page, by default the original's name.
    lang : {"en", "es"}, optional
        Language of the texts at first; the page offers both.
    n_threads : int, optional
        Threads to use, by default one a core.

    Returns
    -------
    str
        HTML that needs nothing else, to be written as UTF-8.

    Raises
    ------
    ValueError
        If there is no result, one has another size than the original, or the language is unknown.
    """
    check_language(lang)
    check_sizes(original, results)
    pictures = [original, *results]
    shown = [Shown.of(original, own_file=False), *map(Shown.of, results)]
    images = [image_element(picture, how) for picture, how in zip(pictures, shown, strict=True)]
    height, width = original.pixels.shape[:2]
    data = {
        "width": width,
        "height": height,
        "original": _facts(original, shown[0]),
        "results": [
            {
                **_facts(result, how),
                **measure_pixels(original.pixels, result.pixels, n_threads=n_threads).to_dict(),
                **_making(result),
                "errors": _errors(original, result),
            }
            for result, how in zip(results, shown[1:], strict=True)
        ],
    }
    return join_page(
        "compare",
        SCRIPTS,
        title=title or original.name,
        lang=lang,
        data=data,
        styles=("stage.css",),
        stage=stage(images[0], "\n    ".join(images[1:])),
    )


def check_sizes(original: Picture, results: Sequence[Picture]) -> None:
    """Require results, each of the size of its original.

    Raises
    ------
    ValueError
        If there is none, or one has another size; it is named.
    """
    if not results:
        raise ValueError("results must hold at least one picture; got none")
    height, width = original.pixels.shape[:2]
    for result in results:
        if result.pixels.shape != original.pixels.shape:
            raise ValueError(
                f"{result.name}: a result must have the size of its original, {width} x {height} "
                f"pixels; got {result.pixels.shape[1]} x {result.pixels.shape[0]}"
            )


def _facts(picture: Picture, shown: Shown) -> dict[str, Any]:
    """Say what is true of a picture alone."""
    histogram = Histogram.of(picture.pixels)
    facts: dict[str, Any] = {
        "name": printable(picture.name),
        "shown": shown.kind,
        "n_colors": len(histogram.colors),
    }
    if picture.data is not None:
        facts["size_bytes"] = len(picture.data)
        facts["bits_per_pixel"] = 8 * len(picture.data) / histogram.n_pixels
    if len(histogram.colors) <= MAX_COLORS:
        count_of = dict(zip(Palette(histogram.colors).hex, histogram.counts.tolist(), strict=True))
        palette = Palette.of(histogram.colors).hex
        facts |= {"palette": palette, "counts": [count_of[name] for name in palette]}
    return facts


def _errors(original: Picture, result: Picture) -> dict[str, Any]:
    """Say how many pixels have which error."""
    errors = channel_error(original.pixels, result.pixels)
    width = max(1, math.ceil((errors.max() + 1e-9) / MAX_BARS))
    counts = np.bincount((errors.ravel() / width).astype(np.int64))
    return {
        "width": width,
        "shares": (counts / errors.size).tolist(),
        "same": float((errors == 0).mean()),
        "median": float(np.median(errors)),
        "most": float(errors.max()),
    }


def _making(result: Picture) -> dict[str, Any]:
    """Say how a result was made, if it is known; the report has the palette as it was written."""
    if result.report is None:
        return {}
    report = result.report.to_dict()
    names = ("n_colors", "palette", "counts", "inertia", "n_iter", "history", "elapsed_seconds")
    return {name: report[name] for name in (*names, "options")}
