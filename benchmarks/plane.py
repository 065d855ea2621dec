"""The plot of error against time: one point for each tool and effort."""

from pathlib import Path
from typing import Any

# Ours in one strong color; each peer keeps its color and its mark on every picture.
OUR_COLOR = "#b3261e"
PEER_STYLES = {
    "scikit-learn, all pixels, one start": ("#3b6ea8", "s"),
    "scikit-learn, fit on 1000 pixels": ("#3b6ea8", "D"),
    "faiss, sub-sampled": ("#5b8c5a", "^"),
    "OpenCV kmeans, 10 steps": ("#7d5ba6", "v"),
    "Pillow median cut": ("#8a6d3b", "P"),
    "Pillow fast octree": ("#8a6d3b", "X"),
    "imagequant (libimagequant 4)": ("#c77d2e", "o"),
    "libimagequant 2": ("#c77d2e", "<"),
    "libimagequant 2, fastest": ("#c77d2e", ">"),
    "pngquant command, whole process": ("#555555", "h"),
}


def draw_plane(name: str, results: Any, path: Path) -> None:
    """Draw error against time for each number of colors, side by side."""
    try:
        import matplotlib
    except ImportError:
        print("\nNo plot: matplotlib is not installed (pip install 'pimenton[bench]').")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, all_axes = pyplot.subplots(1, len(results), figsize=(13, 4.6), layout="constrained")
    for axes, (k, by_tool) in zip(all_axes, results.items(), strict=True):
        _draw_one(axes, by_tool)
        axes.set_title(f"{k} colors")
    all_axes[0].set_ylabel("mean squared error, summed over channels")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(f"Error against time on {name}: one thread, no dithering; left and low is good")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    print(f"\nPlot: {path}")


def _draw_one(axes: Any, by_tool: Any) -> None:
    ours = {tool: one for tool, one in by_tool.items() if tool not in PEER_STYLES}
    x = [1000 * one.seconds for one in ours.values()]
    y = [one.drawn_error for one in ours.values()]
    axes.plot(x, y, "o-", color=OUR_COLOR, markersize=8, label="pimenton", zorder=3)
    for tool, one in ours.items():
        effort = tool.split()[-1]
        axes.annotate(
            effort,
            (1000 * one.seconds, one.drawn_error),
            xytext=(0, -9),
            textcoords="offset points",
            ha="right",
            va="top",
            rotation=40,
            rotation_mode="anchor",
            color=OUR_COLOR,
        )
    for tool, (color, mark) in PEER_STYLES.items():
        if tool in by_tool:
            one = by_tool[tool]
            axes.plot(
                1000 * one.seconds, one.drawn_error, mark, color=color, markersize=8, label=tool
            )
    # Room for the names below the lowest points.
    axes.margins(x=0.08, y=0.3)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("milliseconds")
    axes.yaxis.set_major_formatter("{x:.0f}")
    axes.yaxis.set_minor_formatter("{x:.0f}")
    axes.grid(which="both", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
