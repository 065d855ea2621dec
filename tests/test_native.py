"""Native functions agree with their twins; threads and SIMD width change no bit."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reference
import reference_search
from images import images, weighted_points
from pimenton import _native
from pimenton.colorspace import SPACES
from pimenton.descent import inertia_of
from pimenton.histogram import Histogram
from pimenton.pixels import Pixels


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


@given(images(max_side=40))
def test_places_among_all_opaque_colors_are_those_of_the_reference(pixels: Pixels) -> None:
    colors = pixels.reshape(-1, 4) | np.array([0, 0, 0, 255], np.uint8)
    codes = _native.opaque_codes(colors)
    assert np.array_equal(codes, reference.opaque_codes(colors))
    assert np.array_equal(reference.opaque_colors(codes), colors)
    assert np.array_equal(_native.opaque_colors(codes), colors)


@given(images(max_side=40), st.integers(1, 3))
def test_pixels_are_looked_up_as_by_the_reference(pixels: Pixels, n_threads: int) -> None:
    rows, table = pixels.reshape(-1, 4), np.arange(2**24, dtype=np.uint32).astype(np.uint8)
    found, all_opaque = _native.look_up(rows, table, n_threads)
    expected, expected_opaque = reference.look_up(rows, table)
    assert np.array_equal(found, expected)
    assert all_opaque == expected_opaque


@given(images())
def test_pictures_are_halved_as_by_the_reference(pixels: Pixels) -> None:
    assert np.array_equal(_native.halve_pixels(pixels), reference.halve_pixels(pixels))


def test_a_half_is_of_the_colors_that_are_seen() -> None:
    clear, red, blue = [0, 0, 0, 0], [255, 0, 0, 255], [0, 0, 255, 255]
    pixels = np.array([[clear, red, blue], [clear, red, blue]], np.uint8)
    assert _native.halve_pixels(pixels).tolist() == [[[255, 0, 0, 128], blue]]


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


@given(weighted_points(), st.integers(1, 40), st.booleans(), st.integers(0, 2**32 - 1))
def test_each_step_sums_as_if_it_were_the_first(
    points_weights, n_centroids: int, opaque: bool, seed: int
) -> None:
    points, weights = points_weights
    points[:, 3] = np.where(opaque, 1, points[:, 3])
    rng = np.random.default_rng(seed)
    step = _native.LloydStep(points, weights / 3, 2)
    for shift in (0, 0.01, 0, 3):
        centroids = points[rng.integers(0, len(points), n_centroids)]
        centroids[: n_centroids // 2, :3] += np.float32(shift)
        moments = step(centroids)
        expected = reference.LloydStep(points, weights / 3, 1)(centroids)
        assert np.array_equal(moments[:, 8] == 0, expected[:, 8] == 0)
        np.testing.assert_allclose(moments, expected, rtol=1e-9, atol=1e-9)


# A line of grays, one color, colors that fill the cube, a few far apart, translucent ones.
KINDS = {
    "random": lambda rng, n: rng.random((n, 4)),
    "clustered": lambda rng, n: rng.random((5, 4))[np.arange(n) % 5] + rng.normal(0, 0.01, (n, 4)),
    "duplicated": lambda rng, n: rng.random((7, 4))[rng.integers(0, 7, n)],
    "line": lambda rng, n: np.sort(rng.random((n, 1)), axis=0) * [1, 1, 1, 0] + [0, 0, 0, 1],
    "one color": lambda rng, n: np.full((n, 4), 0.25),
    "bytes": lambda rng, n: np.unique(rng.integers(0, 9, (n, 4)), axis=0) * np.float32(1 / 255),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_each", [1, 3, 8, 2000])
def test_runs_are_merged_into_their_means(kind: str, n_each: int) -> None:
    rng = np.random.default_rng(6)
    points = np.ascontiguousarray(KINDS[kind](rng, 900), np.float32)
    weights = rng.integers(1, 9, len(points)).astype(np.float64)
    means, masses = _native.merge_runs(points, weights, n_each, 2)
    expected, expected_masses = reference.merge_runs(points, weights, n_each, 1)
    assert np.array_equal(masses, expected_masses)
    np.testing.assert_allclose(means, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_centroids", [1, 2, 16, 100, 256, "all"])
def test_pruning_changes_no_label_and_no_sum(kind: str, n_centroids: int | str) -> None:
    rng = np.random.default_rng(5)
    points = np.ascontiguousarray(KINDS[kind](rng, 1500), np.float32)
    weights = rng.integers(1, 9, len(points)).astype(np.float64)
    if n_centroids == "all":
        centroids = points[:700]
    else:
        centroids = points[rng.integers(0, len(points), n_centroids)]
        centroids = centroids + rng.normal(0, 0.02, centroids.shape).astype(np.float32)
    expected = reference.assign(points, centroids)
    assert np.array_equal(_native.assign(points, centroids, 2), expected)
    moments = _native.LloydStep(points, weights, 2)(centroids)
    assert np.array_equal(moments[:, 8], np.bincount(expected.astype(int), weights, len(centroids)))


@given(weighted_points(), st.integers(1, 200))
def test_merged_cells_agree_with_the_reference(points_weights, n_cells: int) -> None:
    points, weights = points_weights
    merged, merged_weights = _native.merge_cells(points, weights, n_cells)
    # A point within rounding of a wall may fall on either side, so compare what is kept.
    assert merged_weights.sum() == weights.sum()
    np.testing.assert_allclose(merged_weights @ merged, weights @ points, rtol=1e-5, atol=1e-5)
    expected, _ = reference.merge_cells(points, weights, n_cells)
    assert abs(len(merged) - len(expected)) <= max(3, len(expected) // 10)


def test_merged_cells_are_about_as_many_as_asked() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(0.5, 0.1, (40_000, 4)).astype(np.float32)
    points[:, 3] = 1
    for n_cells in (1000, 2000, 5000):
        merged, _ = _native.merge_cells(points, np.ones(len(points)), n_cells)
        assert n_cells / 2 <= len(merged) <= 2 * n_cells


@pytest.mark.parametrize("seed", range(8))
def test_search_goes_as_the_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_points, n_clusters = rng.integers((2, 1), (200, 24)).tolist()
    limits = rng.integers((1, 0, 30, 0), (3, 4, 50, 30)).tolist()
    points, weights = rng.random((n_points, 4)).astype(np.float32), rng.uniform(1, 9, n_points)
    start = points[:n_clusters]
    for least_share in (0.0, 2e-4, 1e-3):
        given_all = points, weights, start, n_clusters, *limits, least_share, seed
        centroids, history = _native.search(*given_all)
        expected_centroids, expected_history = reference_search.search(*given_all)
        np.testing.assert_allclose(history, expected_history, rtol=1e-9, atol=1e-9)
        # Which half of a split cluster keeps its number hangs on the sign of an axis.
        found, expected = (c[np.lexsort(c.T)] for c in (centroids, expected_centroids))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@given(weighted_points(), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_search_never_ends_worse_than_it_began(points_weights, n_clusters: int, seed: int) -> None:
    points, weights = points_weights
    start = points[np.random.default_rng(seed).integers(0, len(points), n_clusters)]
    centroids, history = _native.search(points, weights, start, n_clusters, 2, 4, 50, 20, 0.0, seed)
    slack = 1e-9 * weights.sum()
    assert (np.diff(history) <= slack).all()
    before, after = (
        inertia_of(c, reference.LloydStep(points, weights, 1)(c)) for c in (start, centroids)
    )
    assert after <= before + 1e-6 * weights.sum()
    assert after <= history[-1] + 1e-6 * weights.sum()
    assert 1 <= len(centroids) <= n_clusters


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
        few = (labels % 256).astype(np.uint8)
        mapped = _native.label_pixels(rows, colors, few, n_threads)
        merged, merged_weights = _native.merge_cells(points, weights, 1500)
        limits = 2, 2, 40, 20
        found, history = _native.search(merged, merged_weights, merged[:30], 30, *limits, 0.0, 7)
        arrays = (
            colors,
            counts,
            points,
            labels,
            step(centroids),
            found,
            history,
            mapped,
            merged,
            merged_weights,
            *_native.merge_runs(points, weights, 5, n_threads),
        )
        return [array.tobytes() for array in arrays]

    rng_choice = rng.integers(0, 20_000, 100)
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


# Many minutes of work for one core, in 130 MB. A process in the background may ignore interrupts
# from birth, so they are asked for.
_LONG = """
import signal
import numpy as np
from pimenton import _native
signal.signal(signal.SIGINT, signal.default_int_handler)
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
