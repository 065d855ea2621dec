"""How much errors count where they are: texture hides them, smooth areas show them."""

import numpy as np
from numpy.typing import NDArray

from pimenton import _native

# Local variance of lightness at which errors begin to be hidden.
FORGIVEN = 9.0
# Pixels from an edge to where the variance around no longer is of it.
BESIDE = 3


def weights_of(
    lightness: NDArray[np.float32], quarters: int, *, edges: bool = False, n_threads: int = 1
) -> NDArray[np.float32]:
    """Weigh squared errors by how smooth the lightness around them is.

    Parameters
    ----------
    lightness : (height, width) float32
        0 to 100.
    quarters : int
        How much texture forgives: weights fall with local variance to this power, in quarters.
    edges : bool, optional
        Whether an edge between smooth areas is no texture: a place weighs as much as the most of
        four near it, which lie beyond such an edge.
    n_threads : int, optional
        Threads; they change no bit.

    Returns
    -------
    (height, width) float32
        0 to 1.
    """
    weights = _native.weigh_texture(lightness, FORGIVEN, quarters, n_threads)
    if not edges:
        return weights
    most = weights.copy()
    for a, b in ((most, weights), (most.T, weights.T)):
        np.maximum(a[BESIDE:], b[:-BESIDE], out=a[BESIDE:])
        np.maximum(a[:-BESIDE], b[BESIDE:], out=a[:-BESIDE])
    return most


def variances(plane: NDArray[np.float32], *, n_threads: int = 1) -> NDArray[np.float32]:
    """Give the variance around each pixel of a (height, width) plane."""
    weights: NDArray[np.float32] = _native.weigh_texture(plane, FORGIVEN, 4, n_threads)
    return FORGIVEN / weights - FORGIVEN
