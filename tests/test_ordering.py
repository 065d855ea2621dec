"""Orders of a palette change the file and not the picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pimenton import IndexedImage, Palette
from pimenton.formats import encode
from pimenton.ordering import (
    MOST_PIXELS,
    by_lightness,
    by_neighbours,
    by_swaps,
    by_use,
    reordered,
    smallest,
)

GRAYS = Palette.of_hex([f"#{30 * i:02x}{30 * i:02x}{30 * i:02x}" for i in range(8)])


@pytest.mark.parametrize("order", [by_use, by_neighbours, by_lightness, by_swaps])
@given(
    indices=arrays(
        np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 7)
    )
)
def test_an_order_has_every_entry_once_and_keeps_the_picture(order, indices) -> None:
    image = IndexedImage(indices, GRAYS)
    places = order(image)
    assert sorted(places) == list(range(8))
    assert (reordered(image, places).to_pixels() == image.to_pixels()).all()


def test_a_palette_of_one_color_has_one_order() -> None:
    image = IndexedImage(np.zeros((2, 3), np.uint8), Palette.of_hex(["#123456"]))
    assert by_neighbours(image).tolist() == by_use(image).tolist() == [0]


@given(
    indices=arrays(
        np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 7)
    )
)
def test_unused_entries_are_dropped_and_the_picture_stays(indices) -> None:
    image = IndexedImage(indices, GRAYS)
    fewer = image.without_unused()
    assert (fewer.counts > 0).all()
    assert (fewer.to_pixels() == image.to_pixels()).all()


def test_by_use_what_is_used_most_comes_first_and_opaque_entries_last() -> None:
    palette = Palette.of_hex(["#000000", "#ffffff", "#ff000080", "#00ff0080"])
    image = IndexedImage(np.array([[0, 1, 1, 3, 3, 2]], np.uint8), palette)
    assert by_use(image).tolist() == [3, 2, 1, 0]


def test_by_neighbours_a_shuffled_ramp_is_put_in_order() -> None:
    shuffled = np.random.default_rng(7).permutation(8).astype(np.uint8)
    image = IndexedImage(np.tile(shuffled, (4, 1)), GRAYS)
    order = by_neighbours(image).tolist()
    assert order in (shuffled.tolist(), shuffled.tolist()[::-1])


def test_by_lightness_opaque_entries_stay_last_and_dark_ones_first() -> None:
    palette = Palette.of_hex(["#ffffff", "#000000", "#00000080", "#ffffff80"])
    image = IndexedImage(np.array([[2], [3], [1], [0]], np.uint8), palette)
    assert by_lightness(image).tolist() == [2, 3, 1, 0]


def test_the_smallest_file_is_taken_and_large_pictures_stay_as_they_are() -> None:
    pixels = np.random.default_rng(1).geometric(0.4, (64, 64)).clip(max=7).astype(np.uint8)
    image = IndexedImage(7 - pixels, GRAYS)
    data = encode(image)
    other, smaller = smallest(image, data, encode, (by_use, by_neighbours))
    assert len(smaller) <= len(data)
    assert encode(other) == smaller
    large = IndexedImage(np.zeros((MOST_PIXELS // 1024 + 1, 1024), np.uint8), GRAYS)
    assert smallest(large, b"data", encode, (by_use,)) == (large, b"data")
