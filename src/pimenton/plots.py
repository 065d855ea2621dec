"""Figures for notebooks and papers, drawn by matplotlib (``pip install pimenton[plots]``).

Each function draws on the axes it is given, or on new ones, and returns them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pimenton.curve import ColorCurve
from pimenton.difference import channel_error
from pimenton.indexed import IndexedImage
from pimenton.palette import Palette
from pimenton.pixels import Pixels
from pimenton.reading import Source, read_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Shown: TypeAlias = Source | IndexedImage

ACCENT = "#a8321a"
SECOND = "#2f6690"
MUTED = "#595959"
# With more bars than this their names would run into each other.
MOST_NAMED = 32
# Errors from this on look alike: levels of 255.
FULL_ERROR = 64.0


class HasHistory(Protocol):
    """What knows its inertia by iteration: a ``Clustering`` or a ``Report``."""

    @property
    def history(self) -> tuple[float, ...]:
        """Inertia before each step."""


def plot_side_by_side(
    original: Shown,
    *results: Shown,
    names: Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Show pictures beside each other.

    Parameters
    ----------
    original, *results : IndexedImage, path, bytes, PIL image, or array
        Pictures of one height.
    names : sequence of str, optional
        Titles; by default the first is "Original" and others are told by their colors.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the heights differ, or there are not as many names as pictures.
    """
    shown = [_pixels(picture) for picture in (original, *results)]
    heights = {picture.shape[0] for picture in shown}
    if len(heights) > 1:
        raise ValueError(f"pictures must have one height; got {sorted(heights)}")
    titles = list(names or ["Original", *map(_title, shown[1:])])
    if len(titles) != len(shown):
        raise ValueError(f"there must be a name for each of {len(shown)} pictures; got {titles}")
    height = heights.pop()
    gap = height / 30
    total = sum(picture.shape[1] for picture in shown) + gap * (len(shown) - 1)
    width = min(12.0, 4.5 * len(shown))
    ax = ax or _new_axes((width, width * height / total + 0.4))
    left = 0.0
    for picture, title in zip(shown, titles, strict=True):
        right = left + picture.shape[1]
        ax.imshow(picture, extent=(left, right, height, 0))
        ax.text((left + right) / 2, -gap / 2, title, ha="center", va="bottom")
        left = right + gap
    ax.set_xlim(0, total)
    ax.set_ylim(height, 0)
    ax.set_axis_off()
    return ax


def plot_palette(
    palette: Palette | Shown, *, counts: Sequence[int] | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Show the colors of a palette as bars as long as their shares of the pixels.

    Parameters
    ----------
    palette : Palette, IndexedImage, or a picture of at most 256 colors
        Without counts, a bare palette has bars of one length.
    counts : sequence of int, optional
        Pixels of each color, by default those of the picture.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if not isinstance(palette, Palette):
        image = palette if isinstance(palette, IndexedImage) else _indexed(_pixels(palette))
        palette, counts = image.palette, image.counts.tolist() if counts is None else counts
    n_colors = len(palette)
    if counts is not None and len(counts) != n_colors:
        raise ValueError(f"there must be a count for each of {n_colors} colors; got {len(counts)}")
    shares = np.ones(n_colors) if counts is None else 100 * np.asarray(counts) / np.sum(counts)
    named = n_colors <= MOST_NAMED
    ax = ax or _new_axes((6, 0.26 * n_colors + 0.9 if named else 6))
    places = np.arange(n_colors)
    ax.barh(places, shares, 0.82 if named else 1, color=list(palette.hex), ec="#80808080", lw=0.6)
    ax.set_yticks(places if named else [], palette.hex if named else [])
    ax.tick_params("y", length=0, labelfontfamily="monospace")
    ax.set_ylim(n_colors - 0.4, -0.6)
    _plain(ax, keep="bottom" if counts is not None else "")
    if counts is None:
        ax.set_xticks([])
        return ax
    ax.set_xlabel("Share of the pixels, %")
    for place, share in enumerate(shares if named else []):
        ax.annotate(
            f"{share:.1f} %", (share, place), (4, 0), textcoords="offset points",
            va="center", fontsize="small", color=MUTED,
        )  # fmt: skip
    return ax


def plot_colors_3d(
    image: Shown,
    palette: Palette | None = None,
    *,
    n_points: int = 5000,
    seed: int = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Show pixels as points in the cube of red, green and blue.

    Parameters
    ----------
    image : IndexedImage, path, bytes, PIL image, or array
        The picture.
    palette : Palette, optional
        Colors to mark; by default those of an ``IndexedImage``, else none.
    n_points : int, optional
        Pixels to draw, taken at random.
    seed : int, optional
        Of this choice.
    ax : mpl_toolkits.mplot3d.axes3d.Axes3D, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    mpl_toolkits.mplot3d.axes3d.Axes3D

    Raises
    ------
    ValueError
        If the axes are flat.
    """
    axes: Any = ax or _new_axes((6, 6), projection="3d")
    if axes.name != "3d":
        raise ValueError('ax must have projection="3d"')
    if palette is None and isinstance(image, IndexedImage):
        palette = image.palette
    colors = _pixels(image).reshape(-1, 4)
    colors = colors[colors[:, 3] > 0][:, :3]
    if len(colors) > n_points:
        colors = np.random.default_rng(seed).choice(colors, n_points, replace=False)
    axes.computed_zorder = False
    axes.scatter(*colors.T, c=colors / 255, s=7, linewidths=0, depthshade=False)
    if palette is not None:
        marks = palette.colors[:, :3]
        ring = {"edgecolors": "white", "linewidths": 2.5, "depthshade": False, "zorder": 9}
        axes.scatter(*marks.T, c="black", s=150, **ring | {"edgecolors": "black"})
        axes.scatter(*marks.T, c=marks / 255, s=110, **ring)
    for axis, name in zip("xyz", ("Red", "Green", "Blue"), strict=True):
        getattr(axes, f"set_{axis}label")(name, labelpad=2)
        getattr(axes, f"set_{axis}lim")(0, 255)
        getattr(axes, f"set_{axis}ticks")([0, 100, 200])
        getattr(axes, f"{axis}axis").set_pane_color((0.95, 0.95, 0.95))
    axes.set_box_aspect((1, 1, 1), zoom=0.86)
    axes.view_init(elev=22, azim=-58)
    return axes  # type: ignore[no-any-return]


def plot_convergence(source: HasHistory | Sequence[float], *, ax: "Axes | None" = None) -> "Axes":
    """Show how inertia falls from iteration to iteration.

    Parameters
    ----------
    source : Clustering, Report, or sequence of float
        What has a history of inertia, or the history itself.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    history = source if isinstance(source, Sequence) else source.history
    ax = ax or _new_axes((6, 3.6))
    iterations = range(1, len(history) + 1)
    ax.plot(iterations, history, color=ACCENT, marker="o", ms=4 if len(history) < 60 else 0)
    ax.set_xlabel("Iteration")
    ax.set_ylabel("Inertia")
    ax.locator_params(axis="x", integer=True)
    _plain(ax, keep="bottom")
    ax.grid(axis="y", color="#e2e2e2")
    ax.set_axisbelow(True)
    return ax


def plot_error_map(original: Shown, result: Shown, *, ax: "Axes | None" = None) -> "Axes":
    """Show where a result differs from its original, and how much.

    Parameters
    ----------
    original, result : IndexedImage, path, bytes, PIL image, or array
        Two pictures of one size.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the sizes differ.
    """
    a, b = _pixels(original), _pixels(result)
    if a.shape != b.shape:
        raise ValueError(f"pictures must have one size; got {a.shape[:2]} and {b.shape[:2]}")
    height, width = a.shape[:2]
    ax = ax or _new_axes((6.8, 6 * height / width + 0.4))
    shown = ax.imshow(channel_error(a, b), cmap="inferno", vmin=0, vmax=FULL_ERROR)
    bar = ax.figure.colorbar(shown, ax=ax, extend="max", fraction=0.046 * height / width, pad=0.03)
    bar.set_label("Error, levels of 255")
    bar.outline.set_visible(False)
    ax.set_axis_off()
    return ax


def plot_curve(curve: ColorCurve, *, ax: "Axes | None" = None) -> "Axes":
    """Show quality against size for rising numbers of colors, with the knee marked.

    Parameters
    ----------
    curve : ColorCurve
        What ``measure_curve`` gave.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = ax or _new_axes((7.5, 4.8))
    for dither, color in zip(curve.dithers, (ACCENT, SECOND, "#5a7d2a", MUTED), strict=False):
        points = curve.of(dither)
        # Undithered files are smaller: their names stand left of the line, the others' right.
        side = -1 if dither == "none" else 1
        sizes = [point.size_bytes / 1000 for point in points]
        label = "undithered" if dither == "none" else dither
        qualities = [point.ssimulacra2 for point in points]
        ax.plot(sizes, qualities, color=color, marker="o", ms=4, label=label)
        for size, point in zip(sizes, points, strict=True):
            if point.is_knee:
                ax.plot(size, point.ssimulacra2, "o", ms=12, mfc="none", mec=color, mew=2)
            if point.is_knee or point.n_colors & (point.n_colors - 1) == 0:
                name = f"{point.n_colors} colors" if point.is_knee else f"{point.n_colors}"
                ax.annotate(
                    name, (size, point.ssimulacra2), (8 * side, -5 - 5 * side),
                    textcoords="offset points", ha="left" if side > 0 else "right",
                    fontsize="small", color=color, weight="bold" if point.is_knee else "normal",
                )  # fmt: skip
    ax.set_xlabel("Size of the PNG, kB")
    ax.set_ylabel("Quality, SSIMULACRA2")
    ax.legend(frameon=False, loc="lower right")
    _plain(ax, keep="bottom")
    ax.grid(color="#e2e2e2")
    ax.set_axisbelow(True)
    return ax


def _new_axes(size: tuple[float, float], **choices: Any) -> "Axes":
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib; install it with: pip install 'pimenton[plots]'"
        ) from error
    axes: Axes = pyplot.figure(figsize=size, layout="constrained").add_subplot(**choices)
    return axes


def _plain(ax: "Axes", *, keep: str) -> None:
    """Leave only the frame's side that carries a scale."""
    for side in ("top", "right", "left", "bottom"):
        ax.spines[side].set_visible(side == keep)
    ax.tick_params(color="#bbbbbb")


def _pixels(picture: Shown) -> Pixels:
    return picture.to_pixels() if isinstance(picture, IndexedImage) else read_image(picture)


def _indexed(pixels: Pixels) -> IndexedImage:
    colors, places = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    palette = Palette.of(colors)
    place_of = {bytes(color): place for place, color in enumerate(palette.colors)}
    order = np.array([place_of[bytes(color)] for color in colors], np.uint8)
    return IndexedImage(order[places].reshape(pixels.shape[:2]), palette)


def _title(pixels: Pixels) -> str:
    packed: NDArray[np.uint32] = np.ascontiguousarray(pixels).view(np.uint32)
    return f"{len(np.unique(packed)):,} colors"
