"""Pictures made smaller: sizes as asked, light averaged, the part kept that is looked at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from images import images
from pimenton.pixels import Pixels
from pimenton.web.cropping import free_standing, most_seen
from pimenton.web.resizing import METHODS, Resize, resized, shrunk

sides = st.integers(1, 40)


def plain(width: int, height: int, color: tuple[int, int, int, int]) -> Pixels:
    return np.full((height, width, 4), color, np.uint8)


@given(images(), sides, sides)
def test_fit_keeps_the_shape_and_stays_within_the_frame(
    pixels: Pixels, width: int, height: int
) -> None:
    own_height, own_width = pixels.shape[:2]
    made = resized(pixels, Resize("fit", width, height))
    assert made.shape[1] <= min(width, own_width)
    assert made.shape[0] <= min(height, own_height)
    ratio = min(1, width / own_width, height / own_height)
    assert abs(made.shape[1] - ratio * own_width) <= 1
    assert abs(made.shape[0] - ratio * own_height) <= 1


@given(images(), sides, sides)
def test_cover_fills_the_frame_as_far_as_the_picture_goes(
    pixels: Pixels, width: int, height: int
) -> None:
    made = resized(pixels, Resize("cover", width, height))
    own_height, own_width = pixels.shape[:2]
    if width <= own_width and height <= own_height:
        assert made.shape[:2] == (height, width)
    assert made.shape[0] <= min(height, own_height)
    assert made.shape[1] <= min(width, own_width)


@given(images(), st.sampled_from(sorted(METHODS)), sides)
def test_a_result_is_a_picture(pixels: Pixels, method: str, side: int) -> None:
    made = resized(pixels, Resize(method, side, None if method == "scale" else side))
    assert made.dtype == np.uint8
    assert not made[made[:, :, 3] == 0].any()
    assert made.flags.c_contiguous


@given(images())
def test_nothing_is_made_larger(pixels: Pixels) -> None:
    assert np.array_equal(resized(pixels, Resize("scale", 1000, None)), pixels)
    assert np.array_equal(resized(pixels, Resize("fit", 1000, 1000)), pixels)


def test_light_is_averaged_not_its_encoding() -> None:
    stripes = plain(64, 64, (0, 0, 0, 255))
    stripes[:, ::2] = 255
    # Half the light of white is 188 in sRGB, where half its number would be 128.
    assert abs(int(shrunk(stripes, 8, 8)[4, 4, 0]) - 188) <= 1


def test_what_is_transparent_has_no_color_to_mix() -> None:
    half = plain(64, 64, (200, 40, 40, 255))
    half[:, 32:] = 0
    made = shrunk(half, 9, 9)
    seen = made[made[:, :, 3] > 0]
    assert np.abs(seen[:, :3].astype(int) - [200, 40, 40]).max() <= 1
    assert len(np.unique(seen[:, 3])) > 1


def test_threads_and_bands_change_nothing() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (1100, 1200, 4), dtype=np.uint8)
    pixels[pixels[:, :, 3] == 0] = 0
    assert np.array_equal(shrunk(pixels, 90, 70), shrunk(pixels, 90, 70, n_threads=2))
    assert np.array_equal(shrunk(pixels[:, ::-1], 90, 70), shrunk(pixels, 90, 70)[:, ::-1])


@pytest.mark.parametrize("place", [5, 60, 130])
def test_cover_keeps_what_stands_out(place: int) -> None:
    pixels = plain(200, 50, (120, 130, 140, 255))
    pixels[10:40, place : place + 30] = (230, 30, 30, 255)
    window = most_seen(pixels, 50, 50)
    assert window.left <= place
    assert window.left + window.size[0] >= place + 30
    turned = most_seen(np.ascontiguousarray(pixels.swapaxes(0, 1)), 50, 50)
    assert (turned.top, turned.left) == (window.left, window.top)


def test_cover_of_a_plain_picture_is_its_middle() -> None:
    assert most_seen(plain(100, 20, (9, 9, 9, 255)), 20, 20).left == 40


def test_thumb_keeps_an_object_whole_with_more_ground_where_needed() -> None:
    pixels = plain(100, 100, (250, 250, 250, 255))
    pixels[40:60, 10:90] = (20, 90, 20, 255)
    made = resized(pixels, Resize("thumb", 30, 60))
    assert made.shape == (60, 30, 4)
    seen = made[:, :, 0] < 128
    assert seen[:, 2:28].any(axis=0).all(), "the object reaches nearly across"
    assert not seen[:, 0].any(), "and has ground around it"
    assert (made[0] == 250)[:, :3].all()
    # To cover the frame, its ends would be cut off.
    assert (resized(pixels, Resize("cover", 30, 60))[30, 0] < 128)[0]


def test_thumb_of_a_picture_without_plain_ground_is_cover() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (60, 90, 4), dtype=np.uint8)
    pixels[:, :, 3] = 255
    assert free_standing(pixels, 20, 20) is None
    assert np.array_equal(
        resized(pixels, Resize("thumb", 20, 20)), resized(pixels, Resize("cover", 20, 20))
    )


def test_a_frame_of_any_size_takes_no_memory_that_is_not_needed() -> None:
    pixels = plain(400, 20, (255, 255, 255, 255))
    pixels[8:12, 20:380] = 0
    pixels[:, :, 3] = 255
    for frame in [(100_000, 1), (1, 100_000), (50_000, 50_000)]:
        made = resized(pixels, Resize("thumb", *frame))
        assert made.nbytes < 1 << 23
