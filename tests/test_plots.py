"""Plots show what they say, on the axes they are given."""

import builtins
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pimenton import Palette, compress, quantize, read_image
from pimenton.curve import ColorCurve, CurvePoint

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from matplotlib.colors import to_hex  # noqa: E402

from pimenton import plots  # noqa: E402

PIXELS = np.zeros((20, 30, 4), np.uint8)
PIXELS[:, :, 3] = 255
PIXELS[:, 10:20, 0] = 255
PIXELS[5:, 20:] = (0, 0, 255, 255)
IMAGE = quantize(PIXELS, n_colors=3)
CURVE = ColorCurve(
    (
        CurvePoint(2, "none", 1000, -20.0, 18.0),
        CurvePoint(16, "none", 3000, 50.0, 25.0, is_knee=True),
        CurvePoint(256, "none", 9000, 80.0, 33.0),
        CurvePoint(2, "sierra", 2000, -10.0, 17.0),
        CurvePoint(8, "sierra", 5000, 55.0, 23.0, is_knee=True),
        CurvePoint(256, "sierra", 9900, 85.0, 31.0),
    )
)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    pyplot.close("all")


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


DRAWN = {
    "side_by_side": lambda ax: plots.plot_side_by_side(PIXELS, IMAGE, ax=ax),
    "palette": lambda ax: plots.plot_palette(IMAGE, ax=ax),
    "convergence": lambda ax: plots.plot_convergence([3.0, 2.0, 1.0], ax=ax),
    "error_map": lambda ax: plots.plot_error_map(PIXELS, IMAGE, ax=ax),
    "curve": lambda ax: plots.plot_curve(CURVE, ax=ax),
    "colors_3d": lambda ax: plots.plot_colors_3d(PIXELS, ax=ax),
}


@pytest.mark.parametrize("name", DRAWN)
def test_axes_that_are_given_are_drawn_on_and_returned(name: str) -> None:
    pyplot.close("all")  # of tests before
    figure = pyplot.figure()
    ax = figure.add_subplot(projection="3d" if name == "colors_3d" else None)
    assert DRAWN[name](ax) is ax
    assert len(pyplot.get_fignums()) == 1
    new = DRAWN[name](None)
    assert new.figure is not figure
    figure.canvas.draw()
    new.figure.canvas.draw()


def test_pictures_stand_beside_each_other_with_their_names() -> None:
    ax = plots.plot_side_by_side(PIXELS, IMAGE, PIXELS[:, :15], names=["a", "b", "c"])
    assert texts(ax) == ["a", "b", "c"]
    lefts = [image.get_extent()[0] for image in ax.images]
    rights = [image.get_extent()[1] for image in ax.images]
    assert np.subtract(rights, lefts) == pytest.approx([30, 30, 15])
    assert all(left > right for left, right in zip(lefts[1:], rights, strict=False))
    assert np.array_equal(ax.images[1].get_array(), IMAGE.to_pixels())
    assert texts(plots.plot_side_by_side(PIXELS, IMAGE)) == ["Original", "3 colors"]


def test_bars_of_a_palette_are_its_colors_and_shares() -> None:
    ax = plots.plot_palette(IMAGE)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(IMAGE.palette.hex)
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == list(IMAGE.palette.hex)
    shares = [bar.get_width() for bar in ax.patches]
    assert shares == pytest.approx(100 * IMAGE.counts / 600)
    assert ax.get_xlabel() == "Share of the pixels, %"
    assert texts(ax) == [f"{share:.1f} %" for share in shares]
    assert plots.plot_palette(PIXELS).get_yticklabels()[0].get_text() == IMAGE.palette.hex[0]
    bare = plots.plot_palette(IMAGE.palette)
    assert {bar.get_width() for bar in bare.patches} == {1}
    many = plots.plot_palette(Palette(np.arange(800, dtype=np.uint8).reshape(200, 4)))
    assert len(many.patches) == 200
    assert len(many.get_yticklabels()) == 0


def test_colors_are_points_at_their_own_place() -> None:
    ax = plots.plot_colors_3d(PIXELS, IMAGE.palette)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()) == ("Red", "Green", "Blue")
    places, _, marks = ax.collections
    x, y, z = places._offsets3d
    assert len(x) == 600
    assert {*zip(x.tolist(), y.tolist(), z.tolist(), strict=True)} == {
        (0, 0, 0), (255, 0, 0), (0, 0, 255)
    }  # fmt: skip
    assert len(marks._offsets3d[0]) == 3
    fewer = plots.plot_colors_3d(PIXELS, n_points=50)
    assert len(fewer.collections[0]._offsets3d[0]) == 50
    assert len(plots.plot_colors_3d(IMAGE).collections) == 3


def test_convergence_is_the_history() -> None:
    report = compress(PIXELS, n_colors=2).report
    ax = plots.plot_convergence(report)
    [line] = ax.lines
    assert tuple(line.get_ydata()) == report.history
    assert list(line.get_xdata()) == list(range(1, len(report.history) + 1))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Iteration", "Inertia")


def test_error_map_shows_the_error_of_each_pixel() -> None:
    other = PIXELS.copy()
    other[0, 0, :3] = 30
    other[1, 1, 0] = 30
    ax = plots.plot_error_map(PIXELS, other)
    shown = ax.images[0].get_array()
    assert shown[0, 0] == 30
    assert shown[1, 1] == pytest.approx(30 / 3**0.5)
    assert shown.sum() == pytest.approx(shown[0, 0] + shown[1, 1])
    assert ax.images[0].colorbar.ax.get_ylabel() == "Error, levels of 255"


def test_curve_has_a_line_for_each_dithering_and_its_knee() -> None:
    ax = plots.plot_curve(CURVE)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["undithered", "sierra"]
    assert list(ax.lines[0].get_xdata()) == [1, 3, 9]
    assert list(ax.lines[0].get_ydata()) == [-20, 50, 80]
    assert texts(ax) == ["2", "16 colors", "256", "2", "8 colors", "256"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Size of the PNG, kB", "Quality, SSIMULACRA2")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.plot_side_by_side(PIXELS, PIXELS[:5]), "one height; got"),
        (lambda: plots.plot_side_by_side(PIXELS, names=["a", "b"]), "a name for each of 1"),
        (lambda: plots.plot_error_map(PIXELS, PIXELS[:5]), "one size; got"),
        (lambda: plots.plot_palette(IMAGE, counts=[1]), "a count for each of 3 colors; got 1"),
        (lambda: plots.plot_colors_3d(PIXELS, ax=pyplot.figure().add_subplot()), "projection"),
    ],
)
def test_wrong_arguments_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_results_show_themselves_in_notebooks() -> None:
    result = compress(PIXELS, n_colors=3)
    assert np.array_equal(read_image(result.image._repr_png_()), PIXELS)
    strip = result.image.palette._repr_html_()
    assert all(f"background:{name}" in strip for name in result.image.palette.hex)
    table = result.report._repr_html_()
    assert "<tr><th>PSNR</th><td>exact</td></tr>" in table
    assert "<tr><th>Pixels</th><td>30 × 20</td></tr>" in table
    assert f'title="#0000ff" style="flex:{15 * 10}' in table


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'pimenton\[plots\]'"):
        plots.plot_convergence([1.0])
