"""Rare colors keep an entry: a lamp in a street, a small country on a map."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from images import images
from pimenton import Histogram, Palette, kmeans, quantize, remap
from pimenton.accents import LIMIT, far_regions, least_pixels, serve
from pimenton.colorspace import SPACES
from pimenton.pixels import Pixels, Points

OKLAB = SPACES["oklab"]


def street() -> Pixels:
    """A gray street at dusk, grainy, with a red lamp of 4 x 3 pixels."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:512, :512]
    gray = 60 + 90 * y / 511 + 20 * np.sin(x / 40)
    pixels = np.full((512, 512, 4), 255, np.uint8)
    pixels[:, :, :3] = (gray[..., np.newaxis] + rng.normal(0, 6, (512, 512, 3))).clip(0, 255)
    pixels[200:203, 300:304, :3] = 215, 35, 30
    return pixels


def world() -> Pixels:
    """A map of muted countries on grainy paper; one of 4 x 4 pixels is red."""
    rng = np.random.default_rng(2)
    centers = rng.integers(0, 512, (60, 2))
    muted = rng.normal(0, 14, (60, 3)) + 170
    y, x = np.mgrid[:512, :512][..., np.newaxis]
    country = ((y - centers[:, 0]) ** 2 + (x - centers[:, 1]) ** 2).argmin(axis=2)
    pixels = np.full((512, 512, 4), 255, np.uint8)
    pixels[:, :, :3] = muted[country] + rng.normal(0, 9, (512, 512, 3))
    pixels[100:104, 400:404, :3] = 190, 60, 60
    return pixels


def served(pixels: Pixels, n_colors: int) -> tuple[Points, Points]:
    """Give the centroids of K-means, and those that serve every region."""
    histogram = Histogram.of(pixels)
    points = OKLAB.from_srgb(histogram.colors, 1)
    plain = kmeans(points, histogram.weights, n_colors, effort="fast").centroids
    return plain, serve(pixels, histogram, points, plain, n_colors)


def farthest(pixels: Pixels, result: Pixels) -> NDArray[np.float32]:
    """Give how far each pixel is from its source, in Oklab."""
    points = [OKLAB.from_srgb(p.reshape(-1, 4), 1) for p in (pixels, result)]
    distances = np.sqrt(((points[0] - points[1]) ** 2).sum(axis=1))
    return distances.reshape(pixels.shape[:2])


@pytest.mark.parametrize(("drawn", "place", "red"), [
    (street, np.s_[200:203, 300:304], (215, 35, 30)),
    (world, np.s_[100:104, 400:404], (190, 60, 60)),
])  # fmt: skip
@pytest.mark.parametrize("n_colors", [16, 32])
def test_a_small_red_place_stays_red(drawn, place, red, n_colors: int) -> None:
    pixels = drawn()
    before, after = (
        remap(pixels, Palette.of(OKLAB.to_srgb(centroids))).to_pixels()
        for centroids in served(pixels, n_colors)
    )
    assert (farthest(pixels, before)[place] > LIMIT).all(), "plain K-means already serves it"
    assert (farthest(pixels, after)[place] <= LIMIT).all()
    assert np.abs(after[place].astype(int)[..., :3] - red).max() <= 8


def test_the_option_keeps_the_lamp_red() -> None:
    lamp = quantize(street(), n_colors=16, accents=True).to_pixels()[201, 302]
    assert np.abs(lamp[:3].astype(int) - (215, 35, 30)).max() <= 8


def test_nothing_changes_where_every_region_is_served() -> None:
    pixels = street()
    pixels[200:203, 300:304] = pixels[300:303, 300:304]
    plain, after = served(pixels, 16)
    assert after is plain


def test_a_spot_smaller_than_the_least_is_left_alone() -> None:
    pixels = street()
    pixels[200:203, 303] = pixels[200:203, 299]
    plain, after = served(pixels, 16)
    assert after is plain


def test_without_room_the_larger_part_keeps_its_colors() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[32:, :, 1] = np.arange(64) // 16
    pixels[:32, :, 0] = 200
    pixels[0, :8, :3] = 0, 0, 255
    plain, after = served(pixels, 2)
    assert after is plain


def test_regions_join_at_corners_and_grow_with_the_picture() -> None:
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[..., 3] = 255
    for i in range(4):
        pixels[i, i, 0] = 255
    histogram = Histogram.of(pixels)
    points = OKLAB.from_srgb(histogram.colors, 1)
    black = OKLAB.from_srgb(np.array([[0, 0, 0, 255]], np.uint8), 1)
    assert far_regions(pixels, histogram, points, black).weights.tolist() == [4.0]
    pixels[3, 3, 0] = 0
    assert far_regions(pixels, Histogram.of(pixels), points, black).excess == 0
    assert least_pixels(np.zeros((1024, 1024, 4), np.uint8)) == 48


@settings(max_examples=50)
@given(images(), st.integers(1, 40))
def test_what_is_left_behind_never_grows(pixels: Pixels, n_colors: int) -> None:
    histogram = Histogram.of(pixels)
    points = OKLAB.from_srgb(histogram.colors, 1)
    plain, after = served(pixels, n_colors)
    assert 1 <= len(after) <= max(n_colors, len(plain))
    before = far_regions(pixels, histogram, points, plain).excess
    assert far_regions(pixels, histogram, points, after).excess <= before


def test_threads_change_no_bit() -> None:
    pixels = world()
    histogram = Histogram.of(pixels)
    points = OKLAB.from_srgb(histogram.colors, 1)
    plain = kmeans(points, histogram.weights, 32, effort="fast").centroids
    one, three = (serve(pixels, histogram, points, plain, 32, n_threads=n) for n in (1, 3))
    assert np.array_equal(one, three)
