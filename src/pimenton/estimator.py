"""K-means with scikit-learn's interface, for code that was written for its ``KMeans``.

The parameters, attributes and rules are scikit-learn's, so that only an import line changes; the
work is this package's: samples of 1 to 4 features become distinct weighted points, and the kernel
does the steps. scikit-learn itself is imported only when it asks for its tags.
"""

# ruff: noqa: N803  (scikit-learn's name for samples is X)

import inspect
import sys
from collections.abc import Callable, Iterator
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pimenton import _native
from pimenton.clustering import kmeans
from pimenton.pixels import Weights, thread_count
from pimenton.samples import (
    Cloud,
    Frame,
    Samples,
    as_samples,
    as_weights,
    inertia_of_samples,
    means_of,
)

# Starts tried by n_init="auto" where a start is a mere draw, as scikit-learn does.
N_DRAWS = 10


class KMeans:
    """K-means clustering with the interface of ``sklearn.cluster.KMeans``.

    The default ``init`` searches for a good start on a coarse model of the samples, so one run
    finds what scikit-learn finds in many. From an ``init`` array both take the same steps and end
    with the same labels and centers, but for samples equally near to two centers.

    Samples have at most four features. With fewer distinct samples than clusters each becomes a
    center, without a warning; ``sample_weight`` equals repetition. The search computes in float32,
    the steps after it in float64.

    Parameters
    ----------
    n_clusters : int, optional
        Centers wanted.
    init : {"k-means++", "random"}, (n_clusters, n_features) array or callable, optional
        The start: a search from a greedy k-means++ start; samples drawn at random, the same as
        scikit-learn draws; these centers; or what ``init(X, n_clusters, random_state=...)`` gives.
    n_init : "auto" or int, optional
        Starts of which the best is kept. "auto" is 1, or 10 for "random" and a callable; an array
        is tried once.
    max_iter : int, optional
        Most steps of Lloyd's algorithm over all samples after a start.
    tol : float, optional
        The steps end when the squared shifts of all centers sum to no more than this times the
        mean variance of the features.
    verbose : int, optional
        Accepted for scikit-learn's sake; nothing is printed.
    random_state : None, int or numpy.random.RandomState, optional
        Source of random numbers; None is NumPy's global one.
    copy_x : bool, optional
        Accepted for scikit-learn's sake; samples are never changed.
    algorithm : {"lloyd", "elkan"}, optional
        Accepted for scikit-learn's sake; both give the same result.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.

    Attributes
    ----------
    cluster_centers_ : (k, n_features) float32 or float64
        The centers, in the type of the samples; k is less than ``n_clusters`` only where distinct
        samples run out.
    labels_ : (n_samples,) int32
        Number of the nearest center of each sample, the lowest among equals.
    inertia_ : float
        Sum of weight times squared distance to the nearest center.
    n_iter_ : int
        Steps over all samples after the best start.
    n_features_in_ : int
        Features of the samples.

    Examples
    --------
    >>> model = KMeans(n_clusters=2, random_state=0).fit([[0.0], [1.0], [9.0]])
    >>> sorted(model.cluster_centers_.ravel().tolist())
    [0.5, 9.0]
    >>> model.inertia_
    0.5
    """

    cluster_centers_: Samples
    labels_: NDArray[np.int32]
    inertia_: float
    n_iter_: int
    n_features_in_: int

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: str | ArrayLike | Callable[..., ArrayLike] = "k-means++",
        n_init: str | int = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: "int | np.random.RandomState | None" = None,
        copy_x: bool = True,
        algorithm: str = "lloyd",
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.n_threads = n_threads

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find the centers of samples.

        Parameters
        ----------
        X : (n_samples, 1 to 4) array of numbers
            The samples; float32 stays float32, all else becomes float64.
        y : object, optional
            Not used.
        sample_weight : (n_samples,) array or float, optional
            Weights, zero or more; all equal by default.

        Returns
        -------
        KMeans
            The estimator itself.

        Raises
        ------
        ValueError
            If a parameter is out of range, there is no sample, a number is not finite, the samples
            have more than 4 features, or no weight is positive.
        """
        self._check_parameters()
        samples = as_samples(X, "X")
        weights = as_weights(sample_weight, len(samples))
        cloud = Cloud.of(samples, weights)
        centers, self.n_iter_ = self._best_centers(cloud)
        self.n_features_in_ = samples.shape[1]
        self.cluster_centers_: Samples = (
            centers if samples.dtype == np.float64 else centers.astype(np.float32)
        )
        self.labels_ = self._nearest(samples)
        self.inertia_ = inertia_of_samples(samples, weights, self.cluster_centers_, self.labels_)
        return self

    def fit_predict(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.int32]:
        """Find the centers of samples, and give each sample's label; see ``fit``."""
        return self.fit(X, y, sample_weight).labels_

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:
        """Give the number of the nearest center of each sample, (n_samples,) int32."""
        return self._nearest(self._known(X))

    def transform(self, X: ArrayLike) -> Samples:
        """Give the distance of each sample to each center, (n_samples, k)."""
        samples = self._known(X)
        centers = self.cluster_centers_.astype(samples.dtype)
        sq: Samples = np.zeros((len(samples), len(centers)), dtype=samples.dtype)
        for x, c in zip(samples.T, centers.T, strict=True):
            sq += np.square(x[:, np.newaxis] - c)
        return np.sqrt(sq, out=sq)

    def fit_transform(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Samples:
        """Find the centers of samples, and give the distance of each sample to each center."""
        return self.fit(X, y, sample_weight).transform(X)

    def score(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Give the negative inertia of samples."""
        samples = self._known(X)
        weights = as_weights(sample_weight, len(samples))
        return -inertia_of_samples(samples, weights, self.cluster_centers_, self._nearest(samples))

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Name the columns of ``transform``: kmeans0, kmeans1 and so on."""
        self._check_fitted()
        names = [f"kmeans{j}" for j in range(len(self.cluster_centers_))]
        return np.array(names, dtype=object)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the parameters by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        known = inspect.signature(type(self)).parameters
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}; there are {', '.join(known)}"
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        known = inspect.signature(type(self)).parameters
        chosen = {k: v for k, v in self.get_params().items() if v is not known[k].default}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in chosen.items())})"

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator to scikit-learn."""
        from sklearn.utils import Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type="clusterer",
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float64", "float32"]),
        )

    def _check_parameters(self) -> None:
        _check_count("n_clusters", self.n_clusters)
        _check_count("max_iter", self.max_iter)
        if self.n_init != "auto":
            _check_count("n_init", self.n_init)
        if not isinstance(self.tol, Real) or not self.tol >= 0:
            raise ValueError(f"tol must be a number, zero or more; got {self.tol!r}")
        if isinstance(self.init, str) and self.init not in ("k-means++", "random"):
            raise ValueError(
                f"init must be 'k-means++', 'random', an array or a callable; got {self.init!r}"
            )
        if self.algorithm not in ("lloyd", "elkan"):
            raise ValueError(f"algorithm must be 'lloyd' or 'elkan'; got {self.algorithm!r}")

    def _check_fitted(self) -> None:
        if not hasattr(self, "cluster_centers_"):
            # Code written for scikit-learn catches its error, which is an AttributeError too.
            exceptions = sys.modules.get("sklearn.exceptions")
            kind = exceptions.NotFittedError if exceptions else AttributeError
            raise kind(f"this {type(self).__name__} is not fitted yet; call fit first")

    def _known(self, X: ArrayLike) -> Samples:
        """Take samples of as many features as the centers have."""
        self._check_fitted()
        samples = as_samples(X, "X")
        n_features = self.cluster_centers_.shape[1]
        if samples.shape[1] != n_features:
            raise ValueError(
                f"X has {samples.shape[1]} features, but {type(self).__name__} is expecting "
                f"{n_features} features as input"
            )
        return samples

    def _nearest(self, samples: Samples) -> NDArray[np.int32]:
        # The frame is that of the centers alone, so a sample's label depends on no other sample.
        frame = Frame.around(self.cluster_centers_)
        points, centers = frame.to_precise(samples), frame.to_precise(self.cluster_centers_)
        labels = _native.assign_precisely(points, centers, thread_count(self.n_threads))
        return labels.view(np.int32)

    def _best_centers(self, cloud: Cloud) -> tuple[Samples, int]:
        """Give the centers of least inertia of all runs, and the number of steps to them."""
        named = isinstance(self.init, str)
        if len(cloud.points) < self.n_clusters + named:
            return cloud.distinct_samples(), 1
        tolerance = self.tol * cloud.mean_variance()
        points = cloud.frame.to_precise(cloud.samples)
        n_threads = thread_count(self.n_threads)
        runs = [
            _descend(points, cloud.sample_weights, start, self.max_iter, tolerance, n_threads)
            for start in self._starts(cloud)
        ]
        if len(runs) > 1:
            runs.sort(key=lambda run: _inertia(points, cloud.sample_weights, run[0], n_threads))
        centroids, n_iter = runs[0]
        return cloud.frame.to_samples(centroids, cloud.samples.shape[1]), n_iter

    def _starts(self, cloud: Cloud) -> Iterator[NDArray[np.float64]]:
        """Give the centroids to start from, run by run."""
        state, init, k = _random_state(self.random_state), self.init, self.n_clusters
        drawn = init == "random" if isinstance(init, str) else callable(init)
        n_init = self.n_init if isinstance(self.n_init, Integral) else N_DRAWS if drawn else 1
        if isinstance(init, str) and init == "k-means++":
            for seed in state.randint(2**31 - 1, size=n_init):
                yield kmeans(
                    cloud.points, cloud.weights, k, seed=int(seed), n_threads=self.n_threads
                ).centroids.astype(np.float64)
        elif isinstance(init, str):
            shares = cloud.sample_weights / cloud.sample_weights.sum()
            for _ in range(n_init):
                rows = state.choice(len(shares), size=k, replace=False, p=shares)
                yield cloud.frame.to_precise(cloud.samples[rows])
        elif callable(init):
            for _ in range(n_init):
                yield self._start_at(init(cloud.samples, k, random_state=state), cloud)
        else:
            yield self._start_at(init, cloud)

    def _start_at(self, centers: ArrayLike, cloud: Cloud) -> NDArray[np.float64]:
        start = as_samples(centers, "init")
        wanted = (self.n_clusters, cloud.samples.shape[1])
        if start.shape != wanted:
            raise ValueError(f"the centers of init must be {wanted}; got {start.shape}")
        return cloud.frame.to_precise(start)


def _descend(
    points: NDArray[np.float64],
    weights: Weights,
    start: NDArray[np.float64],
    max_iter: int,
    tolerance: float,
    n_threads: int,
) -> tuple[NDArray[np.float64], int]:
    """Repeat steps by scikit-learn's rules: until no label or hardly any center moves."""
    centroids, labels, n_iter = start, None, 0
    while n_iter < max_iter:
        n_iter += 1
        last, labels = labels, _native.assign_precisely(points, centroids, n_threads)
        moved = means_of(points, weights, labels, centroids)
        shift = float(np.square(moved - centroids).sum())
        centroids = moved
        if shift <= tolerance or (last is not None and np.array_equal(labels, last)):
            break
    return centroids, n_iter


def _inertia(
    points: NDArray[np.float64], weights: Weights, centroids: NDArray[np.float64], n_threads: int
) -> float:
    labels = _native.assign_precisely(points, centroids, n_threads).view(np.int32)
    return inertia_of_samples(points, weights, centroids, labels)


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < 1:
        raise ValueError(f"{name} must be an integer, at least 1; got {value!r}")


def _random_state(random_state: object) -> "np.random.RandomState":
    """Give scikit-learn's kind of source, so that equal seeds draw equal samples."""
    if isinstance(random_state, np.random.RandomState):
        return random_state
    if random_state is None:
        # The global source, which callers may have seeded.
        return np.random.RandomState(np.random.randint(2**31 - 1))  # noqa: NPY002
    if isinstance(random_state, Integral) and 0 <= int(random_state) < 2**32:
        return np.random.RandomState(int(random_state))
    raise ValueError(
        f"random_state must be None, an integer from 0 to 2**32 - 1, or a RandomState; "
        f"got {random_state!r}"
    )
