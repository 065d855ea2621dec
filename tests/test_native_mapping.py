"""Rough counting, splitting and mapping agree with their twins; threads and width change no bit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reference
import reference_search
from images import images, weighted_points
from pimenton import _native
from pimenton.colorspace import OPAQUE, SPACES
from pimenton.descent import inertia_of
from pimenton.pixels import Pixels

OPAQUE_BYTE = np.array([0, 0, 0, 255], np.uint8)


@given(images(), st.sampled_from([1, 9, 15, 16, 18]), st.integers(1, 3))
def test_colors_are_merged_as_by_the_reference(pixels: Pixels, n_bits: int, n_threads: int) -> None:
    rows = pixels.reshape(-1, 4)
    colors, counts = _native.count_coarsely(rows, n_bits, n_threads)
    expected_colors, expected_counts = reference.count_coarsely(rows, n_bits)
    assert np.array_equal(colors, expected_colors)
    assert np.array_equal(counts, expected_counts)


def test_four_grays_in_two_cells_by_hand() -> None:
    grays = np.array([[8], [9], [11], [200]], np.uint8).repeat(3, axis=1)
    rows = np.hstack([grays, np.full((4, 1), 255, np.uint8)])
    colors, counts = _native.count_coarsely(rows, 15, 1)
    assert colors[:, 0].tolist() == [9, 200]
    assert counts.tolist() == [3, 1]


@given(weighted_points(), st.integers(1, 40))
def test_splitting_ends_where_the_reference_does(points_weights, n_clusters: int) -> None:
    points, weights = points_weights
    # Two cuts that gain the same to the last bits may be made in either order.
    points = points + np.random.default_rng(len(points)).normal(0, 0.01, points.shape)
    points = points.astype(np.float32)
    found = _native.split_points(points, weights, n_clusters)
    expected = reference_search.split_points(points, weights, n_clusters)
    assert len(found) == len(expected)
    ours, theirs = (
        inertia_of(c, reference.LloydStep(points, weights, 1)(c)) for c in (found, expected)
    )
    assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-6 * weights.sum())


def test_two_heaps_are_cut_apart() -> None:
    points = np.array([[0, 0, 0, 1], [1, 0, 0, 1], [9, 0, 0, 1]], np.float32)
    assert _native.split_points(points, np.ones(3), 2)[:, 0].tolist() == [0.5, 9.0]
    assert len(_native.split_points(points, np.ones(3), 9)) == 3


@given(
    images(), st.integers(1, 40), st.sampled_from(sorted(SPACES)), st.integers(1, 3),
    st.integers(0, 999), st.booleans(),
)  # fmt: skip
def test_pixels_are_mapped_by_a_grid_as_assigned(
    pixels: Pixels, k: int, space: str, n_threads: int, seed: int, opaque: bool
) -> None:
    rows = pixels.reshape(-1, 4) | (OPAQUE_BYTE if opaque else np.uint8(0))
    rng = np.random.default_rng(seed)
    from_srgb = SPACES[space].from_srgb
    entries = from_srgb(rows[rng.integers(0, len(rows), k)] ^ np.uint8(seed % 3), 1)
    labels = _native.map_by_grid(rows, SPACES[space].kernel, entries, n_threads)
    assert np.array_equal(labels, reference.assign(from_srgb(rows, 1), entries))


@given(images(), st.integers(1, 40), st.sampled_from(["srgb", "linear"]), st.integers(0, 999))
def test_pixels_are_mapped_as_assigned(pixels: Pixels, k: int, space: str, seed: int) -> None:
    rows = pixels.reshape(-1, 4) | OPAQUE_BYTE
    rng = np.random.default_rng(seed)
    from_srgb, channel = SPACES[space].from_srgb, SPACES[space].channel
    assert channel is not None
    # Some entries are equal, so that the first must win; one may not be opaque.
    entries = from_srgb(rows[rng.integers(0, len(rows), k)] ^ np.uint8(seed % 2 * 4), 1)
    colors, _ = _native.count_coarsely(rows, 15, 1)
    labels = _native.map_pixels(rows, colors, channel(), OPAQUE, entries, 1)
    assert np.array_equal(labels, reference.assign(from_srgb(rows, 1), entries))


@given(weighted_points())
def test_neighbours_are_as_far_as_in_the_reference(points_weights) -> None:
    points, _ = points_weights
    found = _native.neighbour_distances(points)
    assert np.array_equal(found, reference.neighbour_distances(points))


@given(images(), st.integers(1, 3), st.integers(0, 999))
def test_colors_are_placed_as_by_the_reference(pixels: Pixels, n_threads: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    channel, opacities = rng.random((2, 256)).astype(np.float32)
    rows, gray = pixels.reshape(-1, 4), (0.5, 0.25, 0.75)
    points = _native.ChannelSpace(channel, opacities, gray).points(rows, n_threads)
    assert np.array_equal(points, reference.place_colors(rows, channel, opacities, gray))


def test_a_pixel_far_from_all_colors_is_refused() -> None:
    colors = np.array([[8, 8, 8, 255]], np.uint8)
    rows = np.array([[9, 9, 9, 255], [99, 9, 9, 255]], np.uint8)
    entries = np.ones((1, 4), np.float32)
    table = np.linspace(0, 1, 256, dtype=np.float32)
    assert _native.map_pixels(rows[:1], colors, table, 1.0, entries, 1).tolist() == [0]
    with pytest.raises(ValueError, match="far from all in the histogram"):
        _native.map_pixels(rows, colors, table, 1.0, entries, 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_threads_and_width_change_nothing(widths: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (70_000, 4), dtype=np.uint8) >> 1 | OPAQUE_BYTE
    table = np.arange(256, dtype=np.uint8) * np.float32(1 / 255)
    results = []
    for width in widths:
        _native.set_simd_width(width)
        for n_threads in (1, 2, 3, 8):
            colors, counts = _native.count_coarsely(rows, 15, n_threads)
            points = SPACES["oklab"].from_srgb(colors, 1)
            entries = _native.split_points(points, counts.astype(np.float64), 40)
            spread = SPACES["srgb"].from_srgb(colors[::97], 1)[:256]
            results.append(
                (
                    colors.tobytes(), counts.tobytes(), entries.tobytes(),
                    _native.map_by_grid(
                        rows, SPACES["oklab"].kernel, entries, n_threads
                    ).tobytes(),
                    _native.neighbour_distances(entries).tobytes(),
                    _native.map_pixels(rows, colors, table, 1.0, spread, n_threads).tobytes(),
                )
            )  # fmt: skip
    assert all(result == results[0] for result in results)
