"""Native functions agree with their twins; threads and SIMD width change no bit."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reference
from images import images, weighted_points
from pimenton import _native
from pimenton.colorspace import SPACES
from pimenton.histogram import Histogram
from pimenton.pixels import Pixels

WIDTHS = ("baseline", "avx2", "avx512")


@pytest.fixture
def widths() -> Iterator[list[str]]:
    """Give the SIMD widths of this processor, and put the widest back afterwards."""
    widest = _native.simd_width()
    yield list(WIDTHS[: WIDTHS.index(widest) + 1])
    _native.set_simd_width(widest)


@given(images())
def test_colors_are_counted_as_by_the_reference(pixels: Pixels) -> None:
    rows = pixels.reshape(-1, 4)
    colors, counts = _native.count_colors(rows, 1)
    expected_colors, expected_counts = reference.count_colors(rows)
    assert np.array_equal(colors, expected_colors)
    assert np.array_equal(counts, expected_counts)
    assert np.array_equal(_native.rank_colors(rows, colors, 1), reference.rank_colors(rows, colors))


@given(st.integers(1, 4), st.integers(1, 3000), st.integers(0, 2**32 - 1))
def test_pixels_are_expanded_as_by_the_reference(n_channels: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (n, n_channels), dtype=np.uint8)
    values[rng.random(n) < 0.2, -1] = 0
    pixels = _native.expand_pixels(values)
    assert np.array_equal(pixels, reference.expand_pixels(values))
    assert not _native.has_hidden_colors(pixels)
    if n_channels == 4:
        assert _native.has_hidden_colors(values) == reference.has_hidden_colors(values)


@given(images(), images())
def test_absent_colors_have_the_highest_rank(pixels: Pixels, others: Pixels) -> None:
    colors, _ = _native.count_colors(others.reshape(-1, 4), 1)
    ranks = _native.rank_colors(pixels.reshape(-1, 4), colors, 1)
    assert np.array_equal(ranks, reference.rank_colors(pixels.reshape(-1, 4), colors))


@given(weighted_points(), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_pruned_search_equals_plain_search(points_weights, n_centroids: int, seed: int) -> None:
    points, _ = points_weights
    rng = np.random.default_rng(seed)
    near = points[rng.integers(0, len(points), n_centroids)]
    centroids = np.where(rng.random((n_centroids, 1)) < 0.5, near, rng.random((n_centroids, 4)))
    centroids = centroids.astype(np.float32)
    assert np.array_equal(_native.assign(points, centroids, 1), reference.assign(points, centroids))
    distances = _native.nearest_distances(points, centroids, 1)
    assert np.array_equal(distances, reference.nearest_distances(points, centroids))


@given(weighted_points(), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_precise_search_equals_the_reference(points_weights, n_centroids: int, seed: int) -> None:
    points = points_weights[0].astype(np.float64) / 3
    rng = np.random.default_rng(seed)
    centroids = points[rng.integers(0, len(points), n_centroids)] + rng.normal(0, 1e-12, 4)
    expected = reference.assign_precisely(points, centroids)
    for n_threads in (1, 3):
        assert np.array_equal(_native.assign_precisely(points, centroids, n_threads), expected)


@given(weighted_points(), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_a_step_sums_as_the_reference(points_weights, n_centroids: int, seed: int) -> None:
    points, weights = points_weights
    centroids = points[np.random.default_rng(seed).integers(0, len(points), n_centroids)]
    moments = _native.LloydStep(points, weights, 1)(centroids)
    expected = reference.LloydStep(points, weights, 1)(centroids)
    np.testing.assert_allclose(moments, expected, rtol=1e-12, atol=1e-12)


@given(weighted_points(), st.integers(1, 6))
def test_merged_cells_agree_with_the_reference(points_weights, bits: int) -> None:
    points, weights = points_weights
    merged, merged_weights = _native.merge_cells(points, weights, bits)
    # A point within rounding of a cell's wall may fall on either side, so compare what is kept.
    assert merged_weights.sum() == weights.sum()
    np.testing.assert_allclose(merged_weights @ merged, weights @ points, rtol=1e-5, atol=1e-5)
    expected, _ = reference.merge_cells(points, weights, bits)
    assert abs(len(merged) - len(expected)) <= max(2, len(expected) // 20)


@given(weighted_points(100), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_greedy_start_agrees_with_the_reference(points_weights, n: int, seed: int) -> None:
    points, weights = points_weights
    uniforms = np.random.default_rng(seed).random((n, 3))
    chosen = _native.plus_plus(points, weights, uniforms)
    expected = reference.plus_plus(points, weights, uniforms)
    # Sums in another order may let an equally good draw win; what is reached must be as good.
    for choice in (chosen, expected):
        assert len(choice) == len(expected)
        assert len(np.unique(points[choice], axis=0)) == len(choice)


def test_oklab_agrees_with_the_definition() -> None:
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 256, (5000, 4), dtype=np.uint8)
    points = SPACES["oklab"].from_srgb(colors, 2)
    np.testing.assert_allclose(points, reference.oklab(colors), atol=2e-6)


def test_linear_light_agrees_with_the_definition() -> None:
    encoded = np.arange(511) / 510
    np.testing.assert_allclose(_native.linear_light(), reference.linear_light(encoded), rtol=1e-14)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_threads_and_width_change_no_bit(widths: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = (rng.normal(128, 40, (60_000, 4)).clip(0, 255)).astype(np.uint8)
    rows[:, 3] |= np.where(rng.random(60_000) < 0.9, 255, 0).astype(np.uint8)

    def results(n_threads: int) -> list[bytes]:
        colors, counts = _native.count_colors(rows, n_threads)
        points = SPACES["oklab"].from_srgb(colors, n_threads)
        weights = counts.astype(np.float64)
        centroids = points[rng_choice]
        labels = _native.assign(points, centroids, n_threads)
        step = _native.LloydStep(points, weights, n_threads)
        start = _native.plus_plus(points[:500], weights[:500], uniforms)
        few = (labels % 256).astype(np.uint8)
        mapped = _native.label_pixels(rows, colors, few, n_threads)
        merged, merged_weights = _native.merge_cells(points, weights, 4)
        arrays = (
            colors,
            counts,
            points,
            labels,
            step(centroids),
            start,
            mapped,
            merged,
            merged_weights,
        )
        return [array.tobytes() for array in arrays]

    rng_choice = rng.integers(0, 20_000, 100)
    uniforms = rng.random((8, 3))
    expected = results(1)
    for width in widths:
        _native.set_simd_width(width)
        for n_threads in (1, 2, 3, 8):
            assert results(n_threads) == expected


def test_labels_need_every_color() -> None:
    histogram = Histogram.of(np.full((1, 1, 4), 255, np.uint8))
    pixels = np.zeros((1, 4), np.uint8)
    with pytest.raises(ValueError, match="not in the histogram"):
        _native.label_pixels(pixels, histogram.colors, np.zeros(1, np.uint8), 1)


@given(weighted_points(100), st.integers(1, 30), st.floats(0, 0.9), st.integers(0, 999))
def test_mixtures_are_those_of_the_reference(points_weights, k: int, grain: float, seed) -> None:
    points, _ = points_weights
    entries = np.random.default_rng(seed).random((k, 4)).astype(np.float32)
    labels = reference.assign(points, entries)
    for found, expected in zip(
        _native.mix_colors(points, entries, labels, grain, 2),
        reference.mix_colors(points, entries, labels, grain),
        strict=True,
    ):
        assert np.array_equal(found, expected)


@given(st.integers(0, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 999))
def test_regions_are_those_of_the_reference(
    height: int, width: int, share: float, seed: int
) -> None:
    mask = (np.random.default_rng(seed).random((height, width)) < share).astype(np.uint8)
    for found, expected in zip(
        _native.find_regions(mask), reference.find_regions(mask), strict=True
    ):
        assert np.array_equal(found, expected)


@given(
    n_rows=st.integers(1, 8),
    row_bytes=st.integers(1, 30),
    pixel_bytes=st.integers(1, 8),
    seed=st.integers(0, 999),
)
def test_filters_are_undone_as_by_the_reference(
    n_rows: int, row_bytes: int, pixel_bytes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    filtered = rng.integers(0, 256, (n_rows, row_bytes + 1), dtype=np.uint8)
    filtered[:, 0] %= 5
    rows = _native.unfilter(filtered.ravel(), row_bytes, pixel_bytes)
    assert np.array_equal(rows, reference.unfilter(filtered.ravel(), row_bytes, pixel_bytes))


def test_unknown_filters_and_broken_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown row filter"):
        _native.unfilter(np.array([5, 0], np.uint8), 1, 1)
    with pytest.raises(ValueError, match="rows must be whole"):
        _native.unfilter(np.zeros(3, np.uint8), 1, 1)
    with pytest.raises(ValueError, match="at least one byte"):
        _native.unfilter(np.zeros(3, np.uint8), 0, 1)


# Many minutes of work for one core, in 130 MB.
_LONG = """
import numpy as np
from pimenton import _native
points = np.random.default_rng(0).random((4_000_000, 4))
try:
    print("started", flush=True)
    _native.assign_precisely(points, points[:60_000], {n_threads})
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_an_interrupt_ends_long_work(n_threads: int) -> None:
    command = [sys.executable, "-c", _LONG.format(n_threads=n_threads)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "started\n"
        child.send_signal(signal.SIGINT)
        try:
            said, _ = child.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    assert said == "interrupted\n"
