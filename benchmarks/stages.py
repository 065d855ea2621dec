"""How long each stage takes, from the pixels to the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from measuring import timed
from pictures import BUNDLED, LARGE, PEPPERS, Rgb, present, rgb_of
from pimenton import Histogram, IndexedImage, Palette, kmeans, remap
from pimenton.clustering import EFFORTS
from pimenton.colorspace import SPACES
from pimenton.dithering import DITHERS
from pimenton.formats import encode
from pimenton.pixels import as_rgba
from tables import Target, milliseconds, show

COUNTS = (16, 64, 256)
SPACE = "srgb"


def stages(data: Path | None, out: Path) -> list[Target]:
    """Print the time of each stage on one and on two threads, and error diffusion a pixel."""
    pictures = [("fruits (bundled)", rgb_of(BUNDLED)), *present(data, (PEPPERS, LARGE))]
    measured = {name: (_times(rgb, 1), _times(rgb, 2)) for name, rgb in pictures}
    rows = []
    for stage in next(iter(measured.values()))[0]:
        row = [stage]
        for one, two in measured.values():
            row += [milliseconds(one[stage]), milliseconds(two[stage])]
        rows.append(row)
    header = [f"{name}, {n}" for name in measured for n in ("1 thread", "2")]
    show(f"Stages, milliseconds, {SPACE}", ("stage", *header), rows)
    sizes = ", ".join(f"{name} {_said(rgb)}" for name, rgb in pictures)
    print(f"\nPictures: {sizes}. Encoding is given the indices and writes PNG.")
    return [_diffusion_target(name, rgb, measured[name][0]) for name, rgb in pictures]


def _times(rgb: Rgb, n_threads: int) -> dict[str, float]:
    runs: dict[str, Callable[[], Any]] = {}
    pixels = as_rgba(rgb)
    histogram = Histogram.of(pixels)
    space = SPACES[SPACE]
    points = space.from_srgb(histogram.colors, n_threads)
    runs["array to pixels"] = lambda: as_rgba(rgb)
    runs["histogram"] = lambda: Histogram.of(pixels, n_threads=n_threads)
    runs["conversion"] = lambda: space.from_srgb(histogram.colors, n_threads)
    runs["conversion, Oklab"] = lambda: SPACES["oklab"].from_srgb(histogram.colors, n_threads)
    for effort in EFFORTS:
        for k in COUNTS:
            runs[f"clustering, {effort}, {k}"] = lambda effort=effort, k=k: kmeans(
                points, histogram.weights, k, effort=effort, n_threads=n_threads
            )
    palette = _palette(points, histogram)

    def draw(dither: str) -> IndexedImage:
        return remap(
            pixels,
            palette,
            histogram=histogram,
            space=SPACE,
            dither=dither,
            n_threads=n_threads,
        )

    runs["mapping, 256"] = lambda: draw("none")
    for dither in [name for name in DITHERS if name in ("floyd-steinberg", "sierra")]:
        runs[f"{dither}, 256"] = lambda dither=dither: draw(dither)
    image = draw("none")
    large = pixels.size > 4 * 2**22
    for effort in list(EFFORTS)[: 1 if large else None]:
        runs[f"encoding, {effort}"] = lambda effort=effort: encode(image, "png", effort=effort)
    return {name: timed(run, min_runs=1 if large else 3).seconds for name, run in runs.items()} | (
        {f"encoding, {effort}": np.nan for effort in list(EFFORTS)[1:]} if large else {}
    )


def _palette(points: Any, histogram: Histogram) -> Palette:
    found = kmeans(points, histogram.weights, 256, effort="fast")
    return Palette.of(SPACES[SPACE].to_srgb(found.centroids))


def _said(rgb: Rgb) -> str:
    n_colors = len(Histogram.of(as_rgba(rgb)).colors)
    return f"{rgb.shape[1]} x {rgb.shape[0]}, {n_colors} colors"


def _diffusion_target(name: str, rgb: Rgb, one: dict[str, float]) -> Target:
    per_pixel = 1e9 * one["floyd-steinberg, 256"] / (rgb.shape[0] * rgb.shape[1])
    return Target(
        f"error diffusion, 256 colors, {name}",
        "<= 25 ns a pixel",
        f"{per_pixel:.1f} ns",
        per_pixel <= 25,
    )
