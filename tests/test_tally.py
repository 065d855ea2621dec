"""A tally of parts is the histogram of the whole."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from images import images
from pimenton import Histogram
from pimenton.pixels import Pixels
from pimenton.tally import Tally


def tallied(parts: list[Pixels], **limits: int) -> Tally:
    tally = Tally(**limits)
    for part in parts:
        tally.add(Histogram.of(part))
    return tally


@settings(max_examples=20)
@given(images(), st.integers(1, 9))
def test_parts_add_up_to_the_whole(pixels: Pixels, rows: int) -> None:
    parts = [pixels[y : y + rows] for y in range(0, len(pixels), rows)]
    assert tallied(parts).histogram() == Histogram.of(pixels)


@settings(max_examples=20)
@given(images(), st.integers(1, 9), st.integers(1, 60), st.randoms(use_true_random=False))
def test_no_order_of_parts_matters(pixels: Pixels, rows: int, most: int, chance: object) -> None:
    parts = [pixels[y : y + rows] for y in range(0, len(pixels), rows)]
    expected = tallied(parts, most_translucent=most)
    chance.shuffle(parts)  # type: ignore[attr-defined]
    other = tallied(parts, most_translucent=most)
    assert other.histogram() == expected.histogram()
    n_translucent = int((Histogram.of(pixels).colors[:, 3] < 255).sum())
    assert other.is_merged == (n_translucent > most)


def test_too_many_translucent_colors_are_merged_by_four_values() -> None:
    pixels = np.array([[[0, 1, 2, 128], [3, 3, 3, 129], [4, 0, 0, 128], [9, 9, 9, 255]]], np.uint8)
    histogram = tallied([pixels], most_translucent=2).histogram()
    assert histogram.colors.tolist() == [[2, 2, 2, 130], [6, 2, 2, 130], [9, 9, 9, 255]]
    assert histogram.counts.tolist() == [2, 1, 1]


def test_clear_pixels_stay_clear() -> None:
    pixels = np.array([[[0, 0, 0, 0], [1, 1, 1, 1], [255, 255, 255, 254]]], np.uint8)
    histogram = tallied([pixels], most_translucent=1).histogram()
    assert histogram.colors.tolist() == [[0, 0, 0, 0], [2, 2, 2, 2], [254, 254, 254, 254]]
