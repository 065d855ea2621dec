"""K-means: the four steps, the search, and what bounds them."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from images import ROOT, weighted_points
from pictures import shared_data, shared_picture
from pimenton import Histogram, kmeans
from pimenton.clustering import EFFORTS, label_type
from pimenton.colorspace import SPACES
from pimenton.descent import inertia_of, lloyd, means


def test_four_points_two_clusters_by_hand() -> None:
    points = np.array([[0, 0, 0, 1], [2, 0, 0, 1], [10, 0, 0, 1], [14, 0, 0, 1]], np.float32)
    clustering = kmeans(points, np.array([1.0, 3.0, 1.0, 1.0]), 2)
    assert clustering.centroids[:, 0].tolist() == [1.5, 12.0]
    assert clustering.labels.tolist() == [0, 0, 1, 1]
    # 1 * 1.5**2 + 3 * 0.5**2 + 2**2 + 2**2
    assert clustering.inertia == pytest.approx(11.0)


@given(weighted_points(), st.integers(1, 30), st.sampled_from(sorted(EFFORTS)))
def test_result_is_consistent(points_weights, n_clusters: int, effort: str) -> None:
    points, weights = points_weights
    clustering = kmeans(points, weights, n_clusters, effort=effort)
    k = len(clustering.centroids)
    assert 1 <= k <= max(n_clusters, 1)
    assert clustering.labels.dtype == label_type(k)
    if len(points) > n_clusters:
        assert np.array_equal(clustering.labels, reference.assign(points, clustering.centroids))
    nearest = reference.squared_distances(points, clustering.centroids).min(axis=1)
    expected = (weights * nearest.astype(np.float64)).sum()
    assert clustering.inertia == pytest.approx(expected, rel=1e-4, abs=1e-5 * weights.sum())
    assert all(
        b <= a * (1 + 1e-9) + 1e-9
        for a, b in zip(clustering.history, clustering.history[1:], strict=False)
    )


@settings(max_examples=20)
@given(weighted_points(), st.integers(1, 20))
def test_kernel_and_reference_steps_agree(points_weights, n_clusters: int) -> None:
    points, weights = points_weights
    ours = kmeans(points, weights, n_clusters)
    plain = kmeans(points, weights, n_clusters, step=reference.LloydStep)
    assert ours.inertia == pytest.approx(plain.inertia, rel=0.05, abs=1e-6 * weights.sum())


@given(weighted_points(), st.integers(1, 20), st.integers(0, 99))
def test_more_effort_is_never_worse(points_weights, n_clusters: int, seed: int) -> None:
    points, weights = points_weights
    inertias = [
        kmeans(points, weights, n_clusters, seed=seed, effort=effort).inertia for effort in EFFORTS
    ]
    slack = 1e-9 * weights.sum()
    assert inertias[2] <= inertias[1] + slack <= inertias[0] + 2 * slack


@given(weighted_points(), st.integers(2, 20))
def test_steps_never_raise_inertia(points_weights, n_clusters: int) -> None:
    points, weights = points_weights
    start = points[np.arange(n_clusters) % len(points)]
    history = lloyd(reference.LloydStep(points, weights, 1), start, 10).history
    slack = 1e-6 * weights.sum()
    assert all(b <= a + slack for a, b in itertools.pairwise(history))


def test_an_empty_cluster_joins_the_widest() -> None:
    points = np.array([[0, 0, 0, 1], [1, 0, 0, 1], [9, 0, 0, 1]], np.float32)
    step = reference.LloydStep(points, np.ones(3), 1)
    centroids = np.array([[0, 0, 0, 1], [9, 0, 0, 1], [99, 0, 0, 1]], np.float32)
    moved = means(centroids, step(centroids))
    assert inertia_of(moved, step(moved)) < inertia_of(centroids, step(centroids))
    assert lloyd(step, centroids, 5).inertia == pytest.approx(0)


def test_no_more_points_than_clusters_become_centroids() -> None:
    points = np.array([[0, 0, 0, 1], [1, 0, 0, 1]], np.float32)
    clustering = kmeans(points, np.ones(2), 5)
    assert np.array_equal(clustering.centroids, points)
    assert clustering.labels.tolist() == [0, 1]
    assert clustering.inertia == 0


@pytest.mark.parametrize(
    ("n_clusters", "dtype"),
    [(1, np.uint8), (256, np.uint8), (257, np.uint16), (65537, np.uint32)],
)
def test_labels_have_the_smallest_type(n_clusters: int, dtype: type) -> None:
    assert label_type(n_clusters) == dtype


@pytest.mark.parametrize(
    ("n_points", "weight", "n_clusters", "effort", "message"),
    [
        (0, 1.0, 1, "fast", "at least one point"),
        (2, 0.0, 1, "fast", "weights must be positive"),
        (2, 1.0, 0, "fast", "n_clusters must be at least 1; got 0"),
        (2, 1.0, 1, "huge", "effort must be one of fast, balanced, best; got 'huge'"),
    ],
)
def test_wrong_arguments_are_said(
    n_points: int, weight: float, n_clusters: int, effort: str, message: str
) -> None:
    points = np.zeros((n_points, 4), np.float32)
    with pytest.raises(ValueError, match=message):
        kmeans(points, np.full(n_points, weight), n_clusters, effort=effort)


def test_the_tutorials_centroids_give_the_tutorials_counts() -> None:
    tutorial = json.loads((shared_data("seed") / "tutorial.json").read_text())
    histogram = Histogram.of(shared_picture("classic/dev/peppers.tiff"))
    points = SPACES["srgb"].from_srgb(histogram.colors, 1)
    centroids = np.ones((16, 4), np.float32)
    centroids[:, :3] = tutorial["centroids"]
    moments = reference.LloydStep(points, histogram.weights, 1)(centroids)
    assert moments[:, 8].tolist() == tutorial["counts"]


@pytest.mark.parametrize("seed", [123, *range(10)])
def test_every_seed_is_as_close_as_the_tutorial(seed: int) -> None:
    histogram = Histogram.of(shared_picture("classic/dev/peppers.tiff"))
    points = SPACES["srgb"].from_srgb(histogram.colors, 1)
    assert kmeans(points, histogram.weights, 16, seed=seed).inertia <= 1588.475


@pytest.mark.parametrize(
    ("picture", "case"),
    [
        ("classic/dev/peppers.tiff", "peppers/16"),
        ("cq100/dev/girl.png", "girl/64"),
        ("kodak/dev/kodim07.png", "kodim07/16"),
    ],
)
def test_best_is_near_the_least_error_known(picture: str, case: str) -> None:
    least = json.loads((ROOT / "tests" / "golden" / "least_errors.json").read_text())[case]
    histogram = Histogram.of(shared_picture(picture))
    points = SPACES["srgb"].from_srgb(histogram.colors, 1)
    found = kmeans(points, histogram.weights, int(case.split("/")[1]), effort="best")
    assert found.inertia * 255**2 / histogram.n_pixels <= 1.003 * least
