"""Histograms count exactly and add."""

import os
import platform

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from images import images
from pimenton import Histogram
from pimenton.pixels import Pixels


def test_two_reds_and_a_blue() -> None:
    red, blue = [255, 0, 0, 255], [0, 0, 255, 255]
    histogram = Histogram.of(np.array([[red, blue, red]], dtype=np.uint8))
    assert histogram.colors.tolist() == [blue, red]
    assert histogram.counts.tolist() == [1, 2]


@given(images())
def test_ranks_rebuild_the_picture(pixels: Pixels) -> None:
    histogram = Histogram.of(pixels)
    assert np.array_equal(histogram.colors[histogram.ranks(pixels)], pixels)
    assert np.array_equal(np.bincount(histogram.ranks(pixels).ravel()), histogram.counts)
    assert histogram.n_pixels == pixels.shape[0] * pixels.shape[1]


@given(images(), st.data())
def test_histogram_of_a_stack_is_the_sum_of_histograms(top: Pixels, data: st.DataObject) -> None:
    bottom = data.draw(images())
    bottom = np.resize(bottom, (bottom.shape[0], top.shape[1], 4))
    whole = Histogram.of(np.concatenate([top, bottom]))
    assert Histogram.of(top) + Histogram.of(bottom) == whole


def test_arrays_are_read_only() -> None:
    histogram = Histogram.of(np.zeros((1, 1, 4), np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        histogram.counts[0] = 7


def test_an_unknown_color_has_no_rank() -> None:
    histogram = Histogram.of(np.zeros((1, 1, 4), np.uint8))
    with pytest.raises(ValueError, match="not in the histogram"):
        histogram.ranks(np.full((1, 1, 4), 255, np.uint8))


@given(images(), st.integers(1, 8))
def test_coarse_colors_are_means_of_cells_in_order(pixels: Pixels, n_bits: int) -> None:
    histogram = Histogram.of(pixels)
    coarse = histogram.coarsen(n_bits)
    assert coarse.n_pixels == histogram.n_pixels
    # A picture with these colors has them in the same order, each once.
    assert np.array_equal(Histogram.of(coarse.colors[np.newaxis]).colors, coarse.colors)
    cells = {(bytes(c >> (8 - n_bits)), c[3] == 255) for c in histogram.colors}
    assert len(coarse.colors) == len(cells)


@given(images(), st.integers(1, 6), st.integers(1, 3))
def test_rough_counts_are_the_coarsened_ones(pixels: Pixels, n_bits: int, n_threads: int) -> None:
    rough = Histogram.rough(pixels, n_bits, n_threads=n_threads)
    histogram = Histogram.of(pixels)
    assert (rough is not None) == histogram.is_opaque == bool((pixels[:, :, 3] == 255).all())
    if rough is not None:
        assert rough.is_rough
        assert rough == histogram.coarsen(n_bits)


def test_eight_bits_merge_nothing() -> None:
    histogram = Histogram.of(np.arange(64, dtype=np.uint8).reshape(4, 4, 4) | np.uint8(3))
    assert histogram.coarsen(8) == histogram


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or "LD_PRELOAD" in os.environ,
    reason="another allocator keeps memory by its own rules",
)
def test_the_next_picture_gets_the_memory_of_the_last_one() -> None:
    from resource import RUSAGE_SELF, getrusage

    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 4), dtype=np.uint8) | np.uint8(
        [0, 0, 0, 255]
    )
    for _ in range(3):
        Histogram.of(noise, n_threads=1)
    before = getrusage(RUSAGE_SELF).ru_minflt
    for _ in range(10):
        Histogram.of(noise, n_threads=1)
    # Each count takes some 7 MB, 1,700 pages of the system.
    assert getrusage(RUSAGE_SELF).ru_minflt - before < 10 * 200
