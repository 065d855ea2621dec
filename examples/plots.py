"""Draw the bundled photograph in every way there is: python plots.py [FOLDER]."""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from pimenton import compress, read_image
from pimenton.curve import measure_curve
from pimenton.plots import (
    plot_colors_3d,
    plot_convergence,
    plot_curve,
    plot_error_map,
    plot_palette,
    plot_side_by_side,
)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
pixels = read_image(Path(__file__).parent / "pictures" / "fruits.png")
result = compress(pixels, n_colors=16)
image = result.image
# Every third pixel is enough to see the shape of the curve.
curve = measure_curve(pixels[::3, ::3])

figures = {
    "side_by_side": plot_side_by_side(pixels, image),
    "palette": plot_palette(image),
    "colors_3d": plot_colors_3d(pixels, image.palette),
    "convergence": plot_convergence(result.report),
    "error_map": plot_error_map(pixels, image),
    "curve": plot_curve(curve),
}
for name, ax in figures.items():
    ax.figure.savefig(folder / f"plot_{name}.png")
