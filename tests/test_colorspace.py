"""Color spaces: there and back, and what is not opaque."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from images import images
from pimenton import Histogram, kmeans, quantize
from pimenton.colorspace import SPACES
from pimenton.dithering import DITHERS
from pimenton.pixels import Colors, Pixels

ALL_SPACES = pytest.mark.parametrize("space", sorted(SPACES))


def colors(n: int, alpha: int | None = None) -> Colors:
    drawn = np.random.default_rng(0).integers(0, 256, (n, 4), dtype=np.uint8)
    if alpha is not None:
        drawn[:, 3] = alpha
    drawn[drawn[:, 3] == 0] = 0
    return drawn


@ALL_SPACES
def test_opaque_colors_come_back(space: str) -> None:
    there = SPACES[space].from_srgb(colors(5000, 255), 1)
    assert np.array_equal(SPACES[space].to_srgb(there), colors(5000, 255))
    assert (there[:, 3] == 1).all()


@ALL_SPACES
@pytest.mark.parametrize("alpha", [0, 1, 2, 128, 253, 254, 255])
def test_opacity_comes_back(space: str, alpha: int) -> None:
    there = SPACES[space].from_srgb(colors(200, alpha), 1)
    back = SPACES[space].to_srgb(there)
    assert (back[:, 3] == alpha).all()
    if alpha > 100:
        assert np.abs(back.astype(int) - colors(200, alpha)).max() <= 1


@ALL_SPACES
def test_an_invisible_color_costs_nothing(space: str) -> None:
    hidden = colors(50)
    hidden[:, 3] = 0
    there = SPACES[space].from_srgb(hidden, 1)
    assert (there == there[0]).all()
    assert (SPACES[space].to_srgb(there) == 0).all()


@ALL_SPACES
def test_opaque_and_clear_are_apart_from_all_between(space: str) -> None:
    corners = np.array(np.meshgrid([0, 255], [0, 255], [0, 255], [0, 1, 254, 255]), np.uint8)
    corners = corners.reshape(4, -1).T
    points = SPACES[space].from_srgb(np.ascontiguousarray(corners), 1)
    kind = np.where(corners[:, 3] == 0, 0, np.where(corners[:, 3] == 255, 2, 1))
    distance = np.sqrt(((points[:, np.newaxis] - points) ** 2).sum(axis=2))
    alike = kind[:, np.newaxis] == kind
    assert distance[alike].max() < distance[~alike].min()


def test_distance_is_that_over_black_and_over_white() -> None:
    # Half-clear white is white over white, gray over black; half-clear black the other way round.
    pair = np.array([[255, 255, 255, 128], [0, 0, 0, 128]], np.uint8)
    white, black = SPACES["oklab"].from_srgb(pair, 1)
    assert np.abs(white - black)[:3].tolist() == pytest.approx([128 / 255, 0, 0], abs=1e-6)
    assert white[3] == black[3]


@given(
    images(), st.integers(2, 30), st.sampled_from(sorted(SPACES)), st.sampled_from(sorted(DITHERS))
)
def test_opaque_stays_opaque_and_clear_stays_clear(
    pixels: Pixels, n_colors: int, space: str, dither: str
) -> None:
    result = quantize(pixels, n_colors=n_colors, space=space, dither=dither, effort="fast")
    before, after = pixels[:, :, 3], result.to_pixels()[:, :, 3]
    for alpha in (0, 255):
        # Only a palette too small for it may lack an opaque or a clear entry.
        if (result.palette.colors[:, 3] == alpha).any():
            assert (after[before == alpha] == alpha).all()
    if n_colors >= 4 and dither == "none":
        for alpha in (0, 255):
            assert (after[before == alpha] == alpha).all()


def test_a_soft_edge_leaves_no_nearly_opaque_ring() -> None:
    y, x = np.mgrid[:96, :96]
    far = np.hypot(x - 48, y - 48)
    pixels = np.zeros((96, 96, 4), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = 60 + x, 200 - y, 90 + (x + y) // 4
    pixels[..., 3] = np.clip(255 * (40 - far) / 8, 0, 255)
    pixels[pixels[..., 3] == 0] = 0
    for n_colors in (8, 64):
        after = quantize(pixels, n_colors=n_colors).to_pixels()[..., 3]
        assert (after[pixels[..., 3] == 255] == 255).all()
        assert (after[pixels[..., 3] == 0] == 0).all()
        soft = (pixels[..., 3] > 0) & (pixels[..., 3] < 255)
        assert np.abs(after[soft].astype(int) - pixels[..., 3][soft]).mean() < 400 / n_colors


def test_clusters_of_opaque_colors_have_opaque_means() -> None:
    pixels = np.concatenate([colors(400, 255), colors(400, 250)]).reshape(20, 40, 4)
    histogram = Histogram.of(pixels)
    points = SPACES["oklab"].from_srgb(histogram.colors, 1)
    alphas = SPACES["oklab"].to_srgb(kmeans(points, histogram.weights, 16).centroids)[:, 3]
    assert set(alphas.tolist()) == {250, 255}
