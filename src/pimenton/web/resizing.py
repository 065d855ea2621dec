"""Pictures made smaller: to a scale, into a frame, or cut to it.

Light is averaged, not its encoding, and colors weigh as much as they are opaque. Nothing is ever
made larger.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pimenton.colorspace import SPACES
from pimenton.pixels import Pixels
from pimenton.web.cropping import Window, free_standing, inside, most_seen

# Rows or columns taken at a time are of about so many pixels, which bounds temporary arrays.
_PIXELS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Resize:
    """What size is wanted, and how.

    Attributes
    ----------
    method : str
        A key of ``METHODS``.
    width, height : int or None
        Of the frame; scale takes one of them, the others take both.
    """

    method: str
    width: int | None
    height: int | None


def resized(pixels: Pixels, resize: Resize, *, n_threads: int = 1) -> Pixels:
    """Make a picture smaller; one that is small enough already comes back as it is.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The picture.
    resize : Resize
        How.
    n_threads : int, optional
        Threads to use; they change no bit.

    Examples
    --------
    >>> pixels = np.full((30, 40, 4), 255, np.uint8)
    >>> resized(pixels, Resize("scale", 20, None)).shape
    (15, 20, 4)
    >>> resized(pixels, Resize("fit", 30, 15)).shape
    (15, 20, 4)
    >>> resized(pixels, Resize("cover", 10, 15)).shape
    (15, 10, 4)
    """
    return METHODS[resize.method](pixels, resize, n_threads)


def shrunk(pixels: Pixels, width: int, height: int, *, n_threads: int = 1) -> Pixels:
    """Average a picture down to a size, by Lanczos' filter of three lobes.

    Parameters
    ----------
    pixels : (h, w, 4) uint8
        The picture.
    width, height : int
        The size, at least 1.
    n_threads : int, optional
        Threads to use; they change no bit.

    Returns
    -------
    (height, width, 4) uint8
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    n_rows = max(1, _PIXELS_AT_ONCE // pixels.shape[1])
    bands = [
        _filtered(_light_of(pixels[first : first + n_rows], n_threads), width, None)
        for first in range(0, len(pixels), n_rows)
    ]
    narrow = np.concatenate(bands)
    n_columns = max(1, _PIXELS_AT_ONCE // len(narrow))
    columns = [
        _pixels_of(_filtered(narrow[:, first : first + n_columns], None, height))
        for first in range(0, width, n_columns)
    ]
    return np.ascontiguousarray(np.concatenate(columns, axis=1))


def _light_of(pixels: Pixels, n_threads: int) -> NDArray[np.float32]:
    """Give light multiplied by opacity, and opacity, 0 to 1."""
    opaque = pixels.reshape(-1, 4).copy()
    opaque[:, 3] = 255
    light = SPACES["linear"].from_srgb(opaque, n_threads).reshape(pixels.shape)
    light *= pixels[:, :, 3:] * np.float32(1 / 255)
    light[:, :, 3] = pixels[:, :, 3] * np.float32(1 / 255)
    return light


def _pixels_of(light: NDArray[np.float32]) -> Pixels:
    """Give the nearest colors; a filter with negative lobes can lead outside."""
    flat = light.reshape(-1, 4)
    alpha = np.clip(np.floor(flat[:, 3] * np.float32(255) + np.float32(0.5)), 0, 255)
    points = np.ones_like(flat)
    points[:, :3] = flat[:, :3] / np.maximum(flat[:, 3:], np.float32(1 / 512))
    colors = SPACES["linear"].to_srgb(np.clip(points, 0, 1))
    colors[:, 3] = alpha.astype(np.uint8)
    colors[colors[:, 3] == 0] = 0
    return colors.reshape(light.shape)


def _filtered(
    light: NDArray[np.float32], width: int | None, height: int | None
) -> NDArray[np.float32]:
    """Filter along one axis."""
    from PIL import Image

    size = (width or light.shape[1], height or light.shape[0])
    planes = [
        Image.fromarray(np.ascontiguousarray(light[:, :, i])).resize(size, Image.Resampling.LANCZOS)
        for i in range(4)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def _scale(pixels: Pixels, resize: Resize, n_threads: int) -> Pixels:
    height, width = pixels.shape[:2]
    ratio = resize.width / width if resize.width else (resize.height or height) / height
    return shrunk(pixels, *_scaled(width, height, ratio), n_threads=n_threads)


def _fit(pixels: Pixels, resize: Resize, n_threads: int) -> Pixels:
    height, width = pixels.shape[:2]
    ratio = min(_frame_of(resize)[0] / width, _frame_of(resize)[1] / height)
    return shrunk(pixels, *_scaled(width, height, ratio), n_threads=n_threads)


def _cover(pixels: Pixels, resize: Resize, n_threads: int) -> Pixels:
    """Keep the part of the frame's shape where most is to be seen."""
    frame = _frame_of(resize)
    return _framed(pixels, most_seen(pixels, *frame), frame, n_threads)


def _thumb(pixels: Pixels, resize: Resize, n_threads: int) -> Pixels:
    """Keep an object on a plain ground whole, with more ground where there is none."""
    frame = _frame_of(resize)
    window = free_standing(pixels, *frame)
    height, width = pixels.shape[:2]
    # Ground is cheap to ask for: a frame is filled up with so much of it, and no more.
    if window is None or math.prod(_within(window, frame)) > 4 * width * height + _PIXELS_AT_ONCE:
        window = most_seen(pixels, *frame)
    return _framed(pixels, window, frame, n_threads)


def _framed(pixels: Pixels, window: Window, frame: tuple[int, int], n_threads: int) -> Pixels:
    """Cut a window out and shrink it to the frame, or leave it as large as it is."""
    width, height = _within(window, frame)
    part, x, y = inside(pixels, window)
    if part.shape[:2] == window.size[::-1]:
        return shrunk(np.ascontiguousarray(part), width, height, n_threads=n_threads)
    # Pixels are shrunk before ground is put around them, of which there may be much.
    across, down = width / window.size[0], height / window.size[1]
    size = max(1, round(part.shape[1] * across)), max(1, round(part.shape[0] * down))
    small = shrunk(np.ascontiguousarray(part), *size, n_threads=n_threads)
    whole = np.empty((height, width, 4), np.uint8)
    whole[:] = window.ground
    left, top = min(round(x * across), width - 1), min(round(y * down), height - 1)
    small = small[: height - top, : width - left]
    whole[top : top + small.shape[0], left : left + small.shape[1]] = small
    return whole


def _within(window: Window, frame: tuple[int, int]) -> tuple[int, int]:
    return min(frame[0], window.size[0]), min(frame[1], window.size[1])


def _frame_of(resize: Resize) -> tuple[int, int]:
    assert resize.width is not None  # the commands have been checked
    assert resize.height is not None
    return resize.width, resize.height


def _scaled(width: int, height: int, ratio: float) -> tuple[int, int]:
    ratio = min(1.0, ratio)
    return max(1, round(width * ratio)), max(1, round(height * ratio))


METHODS: dict[str, Callable[[Pixels, Resize, int], Pixels]] = {
    "scale": _scale,
    "fit": _fit,
    "cover": _cover,
    "thumb": _thumb,
}
