"""How far a picture is from its original."""

import math

import numpy as np

from pimenton.pixels import Pixels


def mse(a: Pixels, b: Pixels) -> float:
    """Give the mean squared error per channel, 0 to 255 squared.

    Parameters
    ----------
    a, b : (height, width, 4) uint8
        Pictures of one size. Opacity counts as a fourth channel if either is not opaque.

    Raises
    ------
    ValueError
        If the sizes differ.

    Examples
    --------
    >>> a = np.array([[[0, 0, 0, 255]]], dtype=np.uint8)
    >>> mse(a, a + np.array([3, 0, 0, 0], dtype=np.uint8))
    3.0
    """
    if a.shape != b.shape:
        raise ValueError(f"pictures must have one size; got {a.shape} and {b.shape}")
    difference = a.astype(np.int16) - b
    squares = np.einsum("ijc,ijc->c", difference, difference, dtype=np.int64)
    opaque = a[:, :, 3].min() == 255 and b[:, :, 3].min() == 255
    n_channels = 3 if opaque else 4
    n_values: int = n_channels * a.shape[0] * a.shape[1]
    return int(squares[:n_channels].sum()) / n_values


def psnr(mse: float) -> float:
    """Give the peak signal-to-noise ratio of an error per channel, in dB.

    Examples
    --------
    >>> psnr(0)
    inf
    """
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)
