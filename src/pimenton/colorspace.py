"""Color spaces: from sRGB bytes to points in which distances are measured, and back.

A point has the three coordinates of the color as it looks over middle gray, so that the color of a
nearly clear pixel counts nearly nothing, and a fourth one for opacity. What is not opaque is seen
over black, over white, over anything: with half the way from black to white as opacity's scale, a
squared distance between points is the mean of those over black and over white. Opaque and clear are
set apart from what lies between, farther than any two colors are, so that a color that is exactly
opaque or clear never shares an entry with one that is nearly so.

Roots come from the kernel and the way back uses only operations that IEEE 754 rounds exactly, so
the same bytes come out on every processor.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.pixels import Colors, Points

_Matrix = tuple[tuple[float, float, float], ...]

# B. Ottosson, "A perceptual color space for image processing", 2020.
OKLAB_CONES: _Matrix = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
OKLAB_AXES: _Matrix = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
# The eye sees finer detail in lightness than in chroma. With chroma counted 0.7, palettes of 256
# colors gain 1.7 points of SSIMULACRA 2, and Butteraugli's 3-norm falls by 8 %; with 0.55 it rises.
_CHROMA = 0.7
_WEIGHTED_AXES: _Matrix = (
    OKLAB_AXES[0],
    *((_CHROMA * x, _CHROMA * y, _CHROMA * z) for x, y, z in OKLAB_AXES[1:]),
)
# Linear sRGB to XYZ relative to D65 (IEC 61966-2-1), each row divided by the white's own value.
_CIELAB_CONES: _Matrix = (
    (0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883),
)
# L = 116 f(y) - 16, a = 500 (f(x) - f(y)), b = 200 (f(y) - f(z)), all divided by 100.
_CIELAB_AXES: _Matrix = ((0.0, 1.16, 0.0), (5.0, -5.0, 0.0), (0.0, 2.0, -2.0))
# CIE 15: f(t) = t^(1/3) above (6/29)^3, and the line t / (3 (6/29)^2) + 4/29 below.
_CIE_KNEE = (6 / 29) ** 3
_CIE_SLOPE = (29 / 6) ** 2 / 3


@dataclass(frozen=True)
class Opacity:
    """How a space places colors that are not opaque.

    Attributes
    ----------
    gray : three floats
        Middle gray: half the way from black to white.
    gap : float
        How far opaque and clear are set apart: a third more than the distance of any two opaque
        colors, to leave room for diffused errors.
    """

    gray: tuple[float, float, float]
    gap: float

    @property
    def scale(self) -> float:
        """Half the way from black to white: what opacity counts from nearly clear to nearly opaque.

        By the worse of the SSIMULACRA 2 scores over black and over white it is better than 0.65 or
        0.8 of that way as well.
        """
        return math.sqrt(sum(part * part for part in self.gray))

    @property
    def coordinates(self) -> NDArray[np.float32]:
        """The fourth coordinates of alpha 0 to 255; 1 for opaque, less for others."""
        coordinates = 1 - self.gap - self.scale * (1 - np.arange(256) / 255)
        coordinates[0] -= self.gap
        coordinates[255] = OPAQUE
        return coordinates.astype(np.float32)

    def unscaled(self, points: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the coordinates of opaque points (n, 3), and opacity (n,), 0 to 1."""
        exact = points.astype(np.float64)
        height = exact[:, 3] - (1 - self.gap)
        # Between the two gaps nothing is exactly opaque or clear.
        opacity = np.clip(height / self.scale + 1, 1 / 255, 254 / 255)
        opacity[height >= self.gap / 2] = 1
        opacity[height <= -self.scale - self.gap / 2] = 0
        gray = np.array(self.gray) * (1 - opacity[:, np.newaxis])
        return (exact[:, :3] - gray) / np.where(opacity > 0, opacity, 1.0)[:, np.newaxis], opacity


@dataclass(frozen=True)
class Space:
    """A color space as two functions.

    Attributes
    ----------
    kernel : native space
        What converts colors.
    to_srgb : callable
        (n, 4) float32 points to the nearest (n, 4) uint8 colors inside sRGB.
    channel : callable, optional
        Gives the coordinates (256,) float32 of a channel's values in opaque colors, where the axes
        are those of red, green and blue.
    """

    kernel: _native.ChannelSpace | _native.RootSpace
    to_srgb: Callable[[Points], Colors]
    channel: Callable[[], NDArray[np.float32]] | None = None

    def from_srgb(self, colors: Colors, n_threads: int) -> Points:
        """Take colors (n, 4) uint8 to points (n, 4) float32."""
        return self.kernel.points(np.ascontiguousarray(colors), n_threads)


# The fourth coordinate of opaque colors, in every space.
OPAQUE = 1.0

# Red, green and blue from 0 to 1; black and white are the square root of 3 apart.
_CUBE = Opacity(gray=(0.5, 0.5, 0.5), gap=2.4)


def _srgb_channel() -> NDArray[np.float32]:
    return np.arange(256, dtype=np.uint8) * np.float32(1 / 255)


def _linear_channel() -> NDArray[np.float32]:
    return _light()[::2].astype(np.float32)


def _srgb_colors(points: Points) -> Colors:
    straight, opacity = _CUBE.unscaled(points)
    return _with_opacity(_rounded(straight * 255), opacity)


def _linear_colors(points: Points) -> Colors:
    straight, opacity = _CUBE.unscaled(points)
    return _with_opacity(_encoded(straight), opacity)


def _root_space(
    cones: _Matrix,
    axes: _Matrix,
    seen_over: Opacity,
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
    toe: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Space:
    """Make a space of linear light, a matrix, cube roots (a line below the toe), another matrix."""
    numbers = [*sum(cones, ()), *sum(axes, ()), *offset, *toe, *seen_over.gray]
    kernel = _native.RootSpace(numbers, seen_over.coordinates)
    from_axes, from_cones = _inverse(axes), _inverse(cones)
    knee, slope, start = toe

    def to_srgb(points: Points) -> Colors:
        straight, opacity = seen_over.unscaled(points)
        roots = _multiplied(from_axes, straight - np.array(offset))
        cubes = roots * roots * roots
        values = np.where(cubes < knee, (roots - start) / slope, cubes) if slope else cubes
        return _with_opacity(_encoded(_multiplied(from_cones, values)), opacity)

    return Space(kernel, to_srgb)


def _channel_space(
    channel: Callable[[], NDArray[np.float32]], to_srgb: Callable[[Points], Colors]
) -> Space:
    """Make a space whose axes are those of red, green and blue."""
    kernel = _native.ChannelSpace(channel(), _CUBE.coordinates, _CUBE.gray)
    return Space(kernel, to_srgb, channel)


def _with_opacity(channels: NDArray[np.uint8], opacity: NDArray[np.float64]) -> Colors:
    alpha = _rounded(opacity * 255)
    colors = np.column_stack([channels, alpha])
    colors[alpha == 0] = 0
    return colors


def _rounded(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.floor(values + 0.5), 0, 255).astype(np.uint8)


def _encoded(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Give the sRGB byte nearest, in encoded values, to linear light."""
    return np.searchsorted(_light()[1::2], light, side="right").astype(np.uint8)


def _multiplied(matrix: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    # Written out, since a BLAS product may sum in any order.
    x, y, z = rows[:, :1], rows[:, 1:2], rows[:, 2:]
    return x * matrix[:, 0] + y * matrix[:, 1] + z * matrix[:, 2]


def _inverse(matrix: _Matrix) -> NDArray[np.float64]:
    """Invert a 3 x 3 matrix by cofactors, whose operations are the same everywhere."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    cofactors = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return np.array(cofactors) / determinant


@cache
def _light() -> NDArray[np.float64]:
    """Linear light of the sRGB values 0, 0.5, 1 ... 255."""
    return _native.linear_light()


SPACES: dict[str, Space] = {
    "srgb": _channel_space(_srgb_channel, _srgb_colors),
    "linear": _channel_space(_linear_channel, _linear_colors),
    "oklab": _root_space(OKLAB_CONES, OKLAB_AXES, Opacity(gray=(0.5, 0.0, 0.0), gap=1.4)),
    "oklab-weighted": _root_space(
        OKLAB_CONES, _WEIGHTED_AXES, Opacity(gray=(0.5, 0.0, 0.0), gap=1.4)
    ),
    "cielab": _root_space(
        _CIELAB_CONES,
        _CIELAB_AXES,
        Opacity(gray=(0.5, 0.0, 0.0), gap=3.6),
        offset=(-0.16, 0.0, 0.0),
        toe=(_CIE_KNEE, _CIE_SLOPE, 4 / 29),
    ),
}
