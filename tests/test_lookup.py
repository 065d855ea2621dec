"""A lookup maps as a search does."""

import pickle

import numpy as np
import pytest
from hypothesis import given

from images import images
from pimenton import Palette, remap
from pimenton.lookup import Lookup
from pimenton.pixels import Pixels

PALETTE = Palette.of_hex(["#000000", "#ffffff", "#c0301080", "#3060c0", "#00000000", "#808080"])


@pytest.mark.parametrize("space", ["srgb", "cielab"])
def test_all_grays_go_where_remap_takes_them(space: str) -> None:
    grays = np.repeat(np.arange(256, dtype=np.uint8), 4).reshape(16, 16, 4)
    grays[..., 3] = 255
    expected = remap(grays, PALETTE, space=space).indices
    assert np.array_equal(Lookup.of(PALETTE, space).indices(grays), expected)


@given(images())
def test_every_pixel_goes_where_remap_takes_it(pixels: Pixels) -> None:
    expected = remap(pixels, PALETTE).indices
    assert np.array_equal(Lookup.of(PALETTE, "oklab").indices(pixels), expected)


def test_it_travels_as_its_palette() -> None:
    lookup = Lookup.of(PALETTE, "oklab")
    packed = pickle.dumps(lookup)
    assert len(packed) < 1000
    assert np.array_equal(pickle.loads(packed).table, lookup.table)
