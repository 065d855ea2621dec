"""Curves of score against size for some pictures, one for each tool."""

from pathlib import Path
from typing import Any

from equal import Study
from files import imagemagick, ours, pillow, pngquant_oxipng
from pictures import BUNDLED, SIX, digest_of
from pimenton import read_image
from pimenton.pixels import Pixels
from tables import Target

COUNTS = (16, 32, 64, 128, 256)
QUALITIES = (30, 45, 55, 65, 72, 79, 85)
TOOLS = {
    "pngquant + oxipng": (pngquant_oxipng, "#3b6ea8", "s"),
    "Pillow": (pillow, "#8a6d3b", "P"),
    "ImageMagick": (imagemagick, "#7d5ba6", "v"),
}
OUR_COLOR = "#b3261e"


def curves(study: Study) -> list[Target]:
    """Draw them."""
    try:
        import matplotlib
    except ImportError:
        print("\nNo curves: matplotlib is not installed (pip install 'pimenton[bench]').")
        return []
    matplotlib.use("Agg")
    from matplotlib import pyplot

    data = study.data
    paths = [data / name for name in SIX if data is not None and (data / name).exists()]
    paths = paths or [BUNDLED]
    n_columns = min(3, len(paths))
    n_rows = -(-len(paths) // n_columns)
    figure, grid = pyplot.subplots(
        n_rows, n_columns, figsize=(4.4 * n_columns, 3.6 * n_rows + 0.5), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axes, path in zip(grid.ravel(), paths, strict=False):
        _draw(axes, study, path)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2 * n_columns, frameon=False)
    figure.suptitle("Looks against size: left and high is good")
    path = study.out / "looks_against_size.png"
    figure.savefig(path, dpi=110)
    print(f"\nPlot: {path}")
    return []


def _draw(axes: Any, study: Study, path: Path) -> None:
    pixels = read_image(path)
    n_pixels = pixels.shape[0] * pixels.shape[1]
    for name, (tool, color, mark) in TOOLS.items():
        points = [_peer_point(study, pixels, name, tool, k) for k in COUNTS]
        _line(axes, [point for point in points if point], n_pixels, f"{mark}-", color, name)
    points = [
        study.own(f"curve {q}", pixels, lambda q=q: ours(pixels, q, "balanced")[:2])
        for q in QUALITIES
    ]
    _line(axes, points, n_pixels, "o-", OUR_COLOR, "pimenton")
    axes.set_title(path.stem)
    axes.set_xlabel("bits a pixel")
    axes.set_ylabel("SSIMULACRA 2")
    axes.set_ylim(0, 95)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _peer_point(
    study: Study, pixels: Pixels, name: str, tool: Any, n_colors: int
) -> tuple[int, float] | None:
    def measure() -> tuple[int, float] | None:
        data = tool(pixels, n_colors)
        return None if data is None else (len(data), study.looks(pixels, data).ssimulacra2)

    return study.kept.value(f"curve {digest_of(pixels)} {name} {n_colors}", measure)


def _line(axes: Any, points: Any, n_pixels: int, style: str, color: str, name: str) -> None:
    points = sorted(points)
    x = [8 * n_bytes / n_pixels for n_bytes, _ in points]
    axes.plot(x, [score for _, score in points], style, color=color, markersize=5, label=name)
