"""The one pixel format of the package, and the aliases of its arrays.

A picture is an array ``(height, width, 4) uint8``: sRGB, straight alpha, and zero wherever alpha is
zero, because an invisible color is no color. It is made so once, here or in ``reading``.
"""

import os
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pimenton import _native

Pixels: TypeAlias = NDArray[np.uint8]  # (height, width, 4): sRGB and straight alpha
Colors: TypeAlias = NDArray[np.uint8]  # (n, 4): sRGB and straight alpha
Points: TypeAlias = NDArray[np.float32]  # (n, 4): coordinates over gray, opacity's coordinate
Weights: TypeAlias = NDArray[np.float64]  # (n,): positive
Counts: TypeAlias = NDArray[np.int64]  # (n,): pixels of each color
Ranks: TypeAlias = NDArray[np.uint32]  # (height, width): places in a histogram
Indices: TypeAlias = NDArray[np.uint8]  # (height, width): places in a palette
Labels: TypeAlias = NDArray[np.unsignedinteger[Any]]  # (n,): numbers of centroids


def as_rgba(array: ArrayLike) -> Pixels:
    """Make an array of gray, gray with alpha, RGB or RGBA values a picture.

    Parameters
    ----------
    array : (height, width) or (height, width, 1 to 4) array
        Of uint8, uint16 (divided by 257 and rounded), bool, or floats from 0 to 1.

    Returns
    -------
    (height, width, 4) uint8
        sRGB with straight alpha; fully transparent pixels are zero. The array itself if it is so
        already, else a new one.

    Raises
    ------
    TypeError
        If the values are of another type.
    ValueError
        If the shape is another, there is no pixel, or a float is outside 0 to 1.

    Examples
    --------
    >>> as_rgba(np.array([[0, 255]], dtype=np.uint8)).tolist()
    [[[0, 0, 0, 255], [255, 255, 255, 255]]]
    """
    values = np.asarray(array)
    if values.ndim == 2:
        values = values[:, :, np.newaxis]
    if values.ndim != 3 or not 1 <= values.shape[2] <= 4:
        raise ValueError(
            f"an image must have the shape (height, width) or (height, width, 1 to 4); "
            f"got {np.shape(array)}"
        )
    if values.size == 0:
        raise ValueError(f"an image must have at least one pixel; got {np.shape(array)}")
    rows = np.ascontiguousarray(_as_bytes(values)).reshape(-1, values.shape[2])
    if values.shape[2] == 4 and not _native.has_hidden_colors(rows):
        return rows.reshape(values.shape)
    return _native.expand_pixels(rows).reshape(*values.shape[:2], 4)


def round_opacity(pixels: Pixels) -> Pixels:
    """Make each pixel opaque or clear, as a GIF can show it."""
    if not ((pixels[:, :, 3] > 0) & (pixels[:, :, 3] < 255)).any():
        return pixels
    rounded = pixels.copy()
    rounded[:, :, 3] = 255
    rounded[pixels[:, :, 3] < 128] = 0
    return rounded


def thread_count(n_threads: int | None) -> int:
    """Give the number of threads to use: as asked, or one for each core.

    Raises
    ------
    ValueError
        If fewer than one thread is asked for.
    """
    if n_threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _n_cores()
    if n_threads < 1:
        raise ValueError(f"n_threads must be at least 1; got {n_threads}")
    return n_threads


def _n_cores() -> int:
    return os.cpu_count() or 1


def _as_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if np.issubdtype(values.dtype, np.floating):
        if not (values.min() >= 0 and values.max() <= 1):
            raise ValueError(
                f"float values must be between 0 and 1; got {values.min()} to {values.max()}"
            )
        return (values * 255 + 0.5).astype(np.uint8)
    raise TypeError(f"an image must be of uint8, uint16, bool or float; got {values.dtype}")
