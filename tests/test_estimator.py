"""The estimator keeps scikit-learn's interface, rules and results."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from images import FRUITS, ROOT, weighted_points
from pimenton import KMeans

PEPPERS = ROOT.parent / "shared" / "data" / "classic" / "dev" / "peppers.tiff"
FITTED = ["cluster_centers_", "labels_", "inertia_", "n_iter_"]


def colors_of(path):
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3) / 255


def fruits():
    return colors_of(FRUITS)[::4]


def waves():
    y, x = np.mgrid[:96, :128] / 16
    noise = np.random.default_rng(7).normal(0, 0.02, (96, 128, 3))
    picture = np.stack([np.sin(x), np.cos(y + x), np.sin(x * y / 4)], axis=-1) / 2.5 + 0.5 + noise
    return np.round(picture.clip(0, 1) * 255).reshape(-1, 3) / 255


def peppers():
    return colors_of(PEPPERS)[::4]


def start_without_ties(samples, k, seed):
    # Centers that are colors are as far from many other colors, and rounding decides such ties.
    rng = np.random.default_rng(seed)
    return samples[rng.choice(len(samples), k, replace=False)] + rng.normal(0, 1e-3, (k, 3))


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in FITTED)


def test_two_groups_by_hand():
    model = KMeans(n_clusters=2, random_state=0).fit([[0, 0], [0, 2], [10, 0], [10, 4]])
    order = np.argsort(model.cluster_centers_[:, 0])
    assert model.cluster_centers_[order].tolist() == [[0, 1], [10, 2]]
    assert model.inertia_ == 10
    assert model.labels_.dtype == np.int32
    assert model.predict([[1, 1], [9, 9]]).tolist() == order.tolist()
    assert model.transform([[0, 1]])[0, order].tolist() == [0, np.sqrt(101)]
    assert model.score([[0, 2], [10, 2]]) == -1
    assert model.n_features_in_ == 2


@pytest.mark.parametrize("picture", [fruits, waves, peppers])
@pytest.mark.parametrize("k", [8, 16, 64, 256])
def test_steps_from_the_same_centers_end_as_in_scikit_learn(picture, k):
    cluster = pytest.importorskip("sklearn.cluster")
    samples = picture()
    init = start_without_ties(samples, k, seed=2)
    ours = KMeans(n_clusters=k, init=init, n_init=1).fit(samples)
    theirs = cluster.KMeans(n_clusters=k, init=init, n_init=1).fit(samples)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=0, atol=1e-9)
    distances = theirs.transform(samples)
    nearest = distances.min(axis=1)
    assert (distances[np.arange(len(samples)), ours.labels_] - nearest).max() < 1e-9
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-6)


def test_empty_clusters_are_filled_as_in_scikit_learn():
    cluster = pytest.importorskip("sklearn.cluster")
    samples = np.random.default_rng(3).normal(size=(500, 3))
    init = np.random.default_rng(4).normal(size=(9, 3))
    init[5:] += 100
    ours = KMeans(n_clusters=9, init=init, n_init=1).fit(samples)
    theirs = cluster.KMeans(n_clusters=9, init=init, n_init=1).fit(samples)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-5)
    assert np.array_equal(ours.labels_, theirs.labels_)


def test_random_starts_are_those_of_scikit_learn():
    cluster = pytest.importorskip("sklearn.cluster")
    samples = np.random.default_rng(5).normal(size=(400, 2))
    choices = {"n_clusters": 6, "init": "random", "n_init": 3, "random_state": 11}
    ours = KMeans(**choices).fit(samples)
    theirs = cluster.KMeans(**choices).fit(samples)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-5)


@pytest.mark.parametrize("seed", [123, *range(10)])
def test_the_tutorial_has_no_less_inertia(seed):
    model = KMeans(n_clusters=16, random_state=seed).fit(colors_of(PEPPERS))
    assert model.inertia_ <= 1588.475


@given(weighted_points(60), st.integers(1, 12), st.integers(1, 4))
def test_a_weight_equals_repetition(cloud, k, n_features):
    points, weights = cloud
    points = points[:, :n_features]
    repeated = np.repeat(points, weights.astype(int), axis=0)
    weighted = KMeans(k, random_state=0).fit(points, sample_weight=weights)
    plain = KMeans(k, random_state=0).fit(repeated)
    assert np.array_equal(weighted.cluster_centers_, plain.cluster_centers_)
    assert weighted.inertia_ == pytest.approx(plain.inertia_, abs=1e-9)


@given(weighted_points(60), st.integers(1, 12), st.sampled_from(["k-means++", "random"]))
def test_labels_are_nearest_and_inertia_is_theirs(cloud, k, init):
    points, weights = cloud
    model = KMeans(k, init=init, n_init=1, random_state=1).fit(points, sample_weight=weights)
    n_distinct = len(np.unique(points, axis=0))
    assert len(model.cluster_centers_) <= min(k, n_distinct)
    distances = model.transform(points)
    chosen = distances[np.arange(len(points)), model.labels_]
    assert (chosen <= distances.min(axis=1) + 1e-6).all()
    assert model.inertia_ == pytest.approx(float(weights @ chosen**2), rel=1e-4, abs=1e-9)
    assert model.score(points, sample_weight=weights) == -model.inertia_
    assert np.array_equal(model.predict(points), model.labels_)
    assert np.array_equal(model.predict(points[:3]), model.labels_[:3])


@given(weighted_points(40), st.sampled_from([1e-150, 1e-20, 1.0, 1e20, 1e150]), st.booleans())
def test_any_scale_and_place_will_do(cloud, scale, moved):
    samples = cloud[0].astype(np.float64)
    init = samples[:3]
    offset = 8.0 if moved else 0.0
    model = KMeans(len(init), init=(init + offset) * scale).fit((samples + offset) * scale)
    # Where samples tie a last bit decides, so the labels are held to the model's own centers.
    centers = model.cluster_centers_ / scale - offset
    distances = np.sqrt(((samples[:, np.newaxis] - centers) ** 2).sum(axis=2))
    chosen = distances[np.arange(len(samples)), model.labels_]
    assert (chosen <= distances.min(axis=1) + 1e-9).all()


@given(weighted_points(30))
def test_no_more_distinct_samples_than_clusters_are_the_centers(cloud):
    samples = cloud[0].astype(np.float64)
    distinct = np.unique(samples, axis=0)
    model = KMeans(n_clusters=len(distinct) + 1).fit(samples)
    assert np.array_equal(np.unique(model.cluster_centers_, axis=0), distinct)
    assert model.inertia_ == 0
    assert np.array_equal(model.cluster_centers_[model.labels_], samples)


def test_a_thousand_clusters_and_every_type_of_number():
    samples = np.random.default_rng(0).integers(0, 256, (3000, 3), dtype=np.uint8)
    model = KMeans(n_clusters=1000, random_state=0).fit(samples)
    assert model.cluster_centers_.shape == (1000, 3)
    assert len(np.unique(model.labels_)) == 1000
    assert model.cluster_centers_.dtype == np.float64
    small = KMeans(n_clusters=5, random_state=0).fit(samples.astype(np.float32))
    assert small.cluster_centers_.dtype == np.float32


def test_samples_of_no_weight_get_labels_only():
    samples = np.array([[0.0], [1.0], [9.0], [500.0]])
    model = KMeans(2, random_state=0).fit(samples, sample_weight=[1, 1, 1, 0])
    assert sorted(model.cluster_centers_.ravel().tolist()) == [0.5, 9]
    assert model.labels_[3] == model.labels_[2]


def test_more_starts_are_never_worse_and_no_thread_changes_a_bit():
    samples = waves()
    one = KMeans(8, random_state=3, n_threads=1).fit(samples)
    assert same(one, KMeans(8, random_state=3, n_threads=3).fit(samples))
    assert KMeans(8, random_state=3, n_init=4).fit(samples).inertia_ <= one.inertia_
    assert same(one, KMeans(8, random_state=np.random.RandomState(3)).fit(samples))


def test_a_callable_gives_the_start():
    def first(samples, n_clusters, random_state):
        assert isinstance(random_state, np.random.RandomState)
        return samples[:n_clusters]

    samples = waves()[:300]
    called = KMeans(4, init=first, n_init=1).fit(samples)
    assert same(called, KMeans(4, init=samples[:4]).fit(samples))


@pytest.mark.parametrize(
    ("choices", "samples", "rule"),
    [
        ({}, np.zeros((3, 5)), "1 to 4 features"),
        ({}, np.zeros(3), "Reshape your data"),
        ({}, np.zeros((0, 3)), "at least one sample"),
        ({}, [[np.nan]], "finite"),
        ({}, [[np.inf]], "finite"),
        ({}, [["red"]], "numbers"),
        ({}, [[1j]], "Complex data not supported"),
        ({"n_clusters": 0}, [[1.0]], "n_clusters must be"),
        ({"n_init": 0}, [[1.0]], "n_init must be"),
        ({"max_iter": 0}, [[1.0]], "max_iter must be"),
        ({"tol": -1}, [[1.0]], "tol must be"),
        ({"init": "best"}, [[1.0]], "init must be"),
        ({"algorithm": "full"}, [[1.0]], "algorithm must be"),
        ({"n_clusters": 1, "random_state": "a"}, [[1.0], [2.0]], "random_state must be"),
        ({"n_clusters": 1, "init": [[1.0, 2.0]]}, [[1.0], [2.0]], "centers of init must be"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(choices, samples, rule):
    with pytest.raises(ValueError, match=rule) as caught:
        KMeans(**choices).fit(samples)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("weights", [[1, -1], [0, 0], [np.nan, 1], [1]])
def test_wrong_weights_are_refused(weights):
    with pytest.raises(ValueError, match="sample_weight must"):
        KMeans(1).fit([[1.0], [2.0]], sample_weight=weights)


def test_not_fitted_and_other_features_are_refused():
    with pytest.raises(AttributeError, match="not fitted yet"):
        KMeans().predict([[1.0]])
    with pytest.raises(ValueError, match="expecting 1 features"):
        KMeans(1).fit([[1.0]]).predict([[1.0, 2.0]])


def test_parameters_are_read_set_and_shown():
    model = KMeans(3, tol=0.5)
    assert model.get_params()["tol"] == 0.5
    assert model.set_params(n_clusters=4).n_clusters == 4
    assert repr(model) == "KMeans(n_clusters=4, tol=0.5)"
    with pytest.raises(ValueError, match="n_colors"):
        model.set_params(n_colors=4)


def test_a_pickled_model_predicts_the_same():
    model = KMeans(4, random_state=0).fit(waves())
    again = pickle.loads(pickle.dumps(model))
    assert same(model, again)
    assert np.array_equal(again.predict(waves()), model.labels_)


def test_works_in_scikit_learn():
    base = pytest.importorskip("sklearn.base")
    from sklearn.exceptions import NotFittedError
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    samples = waves()
    pipeline = make_pipeline(StandardScaler(), KMeans(n_clusters=5, random_state=0))
    labels = pipeline.fit_predict(samples)
    assert np.array_equal(pipeline.predict(samples), labels)
    assert pipeline.fit_transform(samples).shape == (len(samples), 5)
    assert pipeline.get_feature_names_out().tolist() == [f"kmeans{j}" for j in range(5)]
    assert pipeline.set_params(kmeans__n_clusters=3)[-1].n_clusters == 3
    assert "KMeans" in repr(pipeline)
    assert "KMeans" in pipeline._repr_html_()
    assert base.is_clusterer(KMeans())
    clone = base.clone(pipeline[-1])
    assert clone.get_params() == pipeline[-1].get_params()
    assert not hasattr(clone, "labels_")
    with pytest.raises(NotFittedError):
        clone.predict(samples)


@pytest.mark.filterwarnings("ignore")
def test_passes_the_checks_of_scikit_learn_that_have_at_most_four_features():
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    results = checks.check_estimator(KMeans(), on_fail=None)
    failed = {
        result["check_name"]: str(result["exception"])
        for result in results
        if result["status"] == "failed"
    }
    assert len(results) > 30
    assert {name for name, why in failed.items() if "1 to 4 features" not in why} == set()


def test_scikit_learn_is_not_imported():
    code = (
        "import sys, pimenton; model = pimenton.KMeans(2).fit([[0.0], [1.0], [2.0]]);"
        "model.predict([[1.0]]); repr(model); model.get_params();"
        "sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
