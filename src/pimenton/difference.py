"""How different two colors are: by their numbers, and by CIEDE2000, as print and paint are judged.

A figure for people only, so NumPy's own roots and angles are good enough.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pimenton.pixels import Pixels

Labs: TypeAlias = NDArray[np.floating[Any]]  # (n, 3): CIELAB, lightness 0 to 100


def color_difference(a: Labs, b: Labs) -> NDArray[np.float64]:
    """Give CIEDE2000 [1]_ of pairs of colors.

    Parameters
    ----------
    a, b : (n, 3) float
        CIELAB colors; lightness 0 to 100.

    Returns
    -------
    (n,) float64
        1 is about the smallest difference that is seen.

    References
    ----------
    .. [1] G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula", Color Research
       and Application 30, 2005.
    """
    chroma_mean = (np.hypot(a[:, 1], a[:, 2]) + np.hypot(b[:, 1], b[:, 2])) / 2
    stretch = 1.5 - 0.5 * _seventh(chroma_mean)
    chroma_a, hue_a = _polar(a, stretch)
    chroma_b, hue_b = _polar(b, stretch)
    colored = chroma_a * chroma_b > 0
    turn = np.where(colored, hue_b - hue_a, 0.0)
    turn -= 360 * np.sign(turn) * (np.abs(turn) > 180)
    lightness = (a[:, 0] + b[:, 0]) / 2
    chroma = (chroma_a + chroma_b) / 2
    hue = np.where(colored, (hue_a + turn / 2) % 360, hue_a + hue_b)
    weight = (
        1
        - 0.17 * _cosine(hue - 30)
        + 0.24 * _cosine(2 * hue)
        + 0.32 * _cosine(3 * hue + 6)
        - 0.20 * _cosine(4 * hue - 63)
    )
    middle = (lightness - 50) ** 2
    by_lightness = (b[:, 0] - a[:, 0]) / (1 + 0.015 * middle / np.sqrt(20 + middle))
    by_chroma = (chroma_b - chroma_a) / (1 + 0.045 * chroma)
    by_hue = 2 * np.sqrt(chroma_a * chroma_b) * np.sin(np.radians(turn / 2))
    by_hue /= 1 + 0.015 * chroma * weight
    blue = 60 * np.exp(-(((hue - 275) / 25) ** 2))
    rotation = -2 * _seventh(chroma) * np.sin(np.radians(blue))
    squares = by_lightness**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue
    difference: NDArray[np.float64] = np.sqrt(np.maximum(squares, 0))
    return difference


def _polar(colors: Labs, stretch: Labs) -> tuple[Labs, Labs]:
    """Give chroma, and hue in degrees from 0 to 360, with the a axis stretched."""
    x, y = colors[:, 1] * stretch, colors[:, 2]
    return np.hypot(x, y), np.degrees(np.arctan2(y, x)) % 360


def _seventh(chroma: Labs) -> Labs:
    power = chroma**7
    root: Labs = np.sqrt(power / (power + 25.0**7))
    return root


def _cosine(degrees: Labs) -> Labs:
    cosine: Labs = np.cos(np.radians(degrees))
    return cosine


def channel_error(original: Pixels, result: Pixels) -> NDArray[np.float64]:
    """Give each pixel's error: the root of the mean squared difference of its channels.

    Parameters
    ----------
    original, result : (height, width, 4) uint8
        Two pictures of one size. Where they are not opaque, the difference in opacity counts too.

    Returns
    -------
    (height, width) float64
        In levels, 0 to 255.
    """
    squares = np.square(original.astype(np.float64) - result)
    roots: NDArray[np.float64] = np.sqrt(squares[:, :, :3].sum(axis=2) / 3)
    return np.maximum(roots, np.sqrt(squares[:, :, 3]))
