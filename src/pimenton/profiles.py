"""From the light that a file's numbers stand for to sRGB bytes.

Pillow's color management works on 8 bits, which in linear light is a few shades of dark gray. So
profiles of curves and a matrix, nearly all of those that pictures carry, are applied here in double
precision and rounded once. Powers are our own and sums are written out: the same bytes come out on
every machine. Profiles of tables are handed on for Pillow.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pimenton import _native

Values: TypeAlias = NDArray[np.float64]
Curve: TypeAlias = Callable[[Values], Values]  # encoded values, 0 to 1, to linear light

# White points, XYZ: what ICC profiles are relative to, and sRGB's (IEC 61966-2-1).
_D50 = np.array([0.9642, 1.0, 0.8249])
# Red, green, blue and white of sRGB, x and y of each.
_SRGB_XY = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
# K. M. Lam's cone responses, known as Bradford's (ICC.1, annex E).
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
# Pixels at a time, so that a picture in doubles never stands in memory whole.
_CHUNK = 1 << 16
# A gamma this near to 1/2.2 means sRGB, as libpng has it (PNG_GAMMA_THRESHOLD_FIXED).
_GAMMA_TOLERANCE = 0.05
# Profiles that lie nearer to sRGB than these, in levels and in shares of light, are sRGB.
_SAME_LEVELS = 0.75
_SAME_SHARE = 0.005


@dataclass(frozen=True, eq=False)
class MatrixProfile:
    """Curves to linear light and, for colors, a matrix from there to linear sRGB.

    Attributes
    ----------
    curves : tuple of callable
        One for gray, or three for red, green and blue.
    matrix : (3, 3) float64
        Each row gives a linear sRGB channel.
    """

    curves: tuple[Curve, ...]
    matrix: Values

    @property
    def is_srgb(self) -> bool:
        """Whether it differs from sRGB by less than bytes can show."""
        levels = np.arange(256)
        light = _srgb_light()[::2]
        for curve in self.curves:
            off = np.interp(curve(levels / 255), light, levels) - levels
            if np.abs(off).max() > _SAME_LEVELS:
                return False
        return len(self.curves) == 1 or bool(np.abs(self.matrix - np.eye(3)).max() < _SAME_SHARE)

    def to_srgb(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        """Convert samples, rounding once.

        Parameters
        ----------
        samples : (height, width, 1 to 4) uint8 or uint16
            Gray or RGB, and alpha. Colors have no meaning in a profile of grays and are taken as
            sRGB.

        Returns
        -------
        (height, width, 1 to 4) uint8
            Gray turns to RGB where the profile is of colors.
        """
        n_colors = 1 if samples.shape[2] < 3 else 3
        if len(self.curves) == 1 and n_colors == 3:
            return to_bytes(samples)
        alpha = to_bytes(samples[:, :, n_colors:])
        if n_colors == 1:
            colors = self._grays(np.iinfo(samples.dtype).max)[samples[:, :, 0]]
        else:
            colors = self._colors(samples[:, :, :3])
        return np.concatenate([colors, alpha], axis=2)

    def _grays(self, top: int) -> NDArray[np.uint8]:
        """Give the bytes of every gray, (levels, 1 or 3)."""
        values = np.arange(top + 1) / top
        if len(self.curves) == 1:
            return srgb_bytes(self.curves[0](values))[:, np.newaxis]
        return self._mixed([curve(values) for curve in self.curves])

    def _colors(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        values = np.arange(np.iinfo(samples.dtype).max + 1) / np.iinfo(samples.dtype).max
        tables = [curve(values) for curve in self.curves]
        flat = samples.reshape(-1, 3)
        colors = np.empty(flat.shape, np.uint8)
        for start in range(0, len(flat), _CHUNK):
            part = flat[start : start + _CHUNK]
            light = [table[part[:, i]] for i, table in enumerate(tables)]
            colors[start : start + _CHUNK] = self._mixed(light)
        return colors.reshape(samples.shape)

    def _mixed(self, light: list[Values]) -> NDArray[np.uint8]:
        # Written out, since a BLAS product may sum in any order.
        r, g, b = light
        return np.column_stack([srgb_bytes(r * x + g * y + b * z) for x, y, z in self.matrix])


@dataclass(frozen=True)
class TableProfile:
    """An ICC profile that needs a color management system.

    Attributes
    ----------
    data : bytes
        The profile.
    """

    data: bytes

    @property
    def space(self) -> str:
        """The color space that it is of: RGB, GRAY, CMYK or another."""
        return self.data[16:20].decode("latin-1").strip()


Encoding: TypeAlias = MatrixProfile | TableProfile | None  # None is sRGB


def icc_encoding(profile: bytes) -> Encoding:
    """Read an ICC profile.

    Parameters
    ----------
    profile : bytes
        Of any color space.

    Returns
    -------
    MatrixProfile, TableProfile or None
        None for sRGB, and for what is no profile.

    References
    ----------
    .. [1] ICC.1:2022, "Image technology colour management".
    """
    try:
        if profile[36:40] != b"acsp":
            return None
        matrix_profile = _matrix_profile(profile)
    except (struct.error, ValueError, ArithmeticError):
        return None
    if matrix_profile is None:
        return TableProfile(profile)
    return None if matrix_profile.is_srgb else matrix_profile


def png_encoding(
    gamma: float | None, chromaticities: tuple[float, ...] | None
) -> MatrixProfile | None:
    """Read a PNG's gamma and chromaticities, of a picture without profile or sRGB mark.

    Parameters
    ----------
    gamma : float or None
        Exponent from light to samples: 0.45455 is near sRGB's.
    chromaticities : tuple of 8 floats or None
        x and y of white, red, green and blue.

    Returns
    -------
    MatrixProfile or None
        None for sRGB, and for values that no display could have.
    """
    if not gamma:
        return None
    matrix = np.eye(3)
    if chromaticities is not None:
        try:
            matrix = _multiplied(_inverse(_colorants(_SRGB_XY)), _colorants(chromaticities))
        except ArithmeticError:
            return None
    same_primaries = np.abs(matrix - np.eye(3)).max() < _SAME_SHARE
    if abs(gamma * 2.2 - 1) < _GAMMA_TOLERANCE and same_primaries:
        return None
    return MatrixProfile((_power_curve(1 / gamma),) * 3, np.eye(3) if same_primaries else matrix)


def to_bytes(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Round uint8 or uint16 samples to uint8."""
    if samples.dtype == np.uint8:
        return samples
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)


def srgb_bytes(light: Values) -> NDArray[np.uint8]:
    """Give the sRGB byte nearest, in encoded values, to linear light, clipped to 0 to 1."""
    # A cell is narrower than the least distance of two borders (1/3295), so that one comparison
    # with the next border settles what the cell leaves open.
    lowest, borders = _srgb_cells()
    guesses = lowest[np.clip(light * len(lowest), 0, len(lowest) - 1).astype(np.intp)]
    return guesses + (light >= borders[guesses]).astype(np.uint8)


@cache
def _srgb_cells() -> tuple[NDArray[np.uint8], Values]:
    """Give the lowest byte in each of 4096 cells of linear light, and each byte's upper border."""
    borders = _srgb_light()[1::2]
    lowest = np.searchsorted(borders, np.arange(4096) / 4096, side="right")
    return lowest.astype(np.uint8), np.append(borders, np.inf)


@cache
def _srgb_light() -> Values:
    """Linear light of the sRGB values 0, 0.5, 1 ... 255."""
    return _native.linear_light()


def _matrix_profile(profile: bytes) -> MatrixProfile | None:
    space, connection = profile[16:20], profile[20:24]
    tags = _tags(profile)
    if connection != b"XYZ " or any(name.startswith((b"A2B", b"D2B")) for name in tags):
        return None
    if space == b"GRAY" and b"kTRC" in tags:
        return MatrixProfile((_curve(tags[b"kTRC"]),), np.eye(3))
    if space != b"RGB " or any(f"{c}TRC".encode() not in tags for c in "rgb"):
        return None
    curves = tuple(_curve(tags[f"{c}TRC".encode()]) for c in "rgb")
    columns = [_fixed(tags[f"{c}XYZ".encode()], 8, 3) for c in "rgb" if f"{c}XYZ".encode() in tags]
    if len(columns) < 3:
        return None
    matrix = _multiplied(_inverse(_colorants(_SRGB_XY)), np.column_stack(columns))
    return MatrixProfile(curves, matrix)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (n_tags,) = struct.unpack_from(">I", profile, 128)
    if n_tags > 200:
        raise ValueError("too many tags")
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(n_tags)]
    return {name: profile[start : start + size] for name, start, size in entries}


def _fixed(tag: bytes, start: int, n: int) -> Values:
    """Read s15Fixed16 numbers."""
    return np.array(struct.unpack_from(f">{n}i", tag, start)) / 65536


def _curve(tag: bytes) -> Curve:
    """Read a curve of type ``curv`` or ``para`` (ICC.1, 10.6 and 10.18)."""
    if tag[:4] == b"para":
        return _parametric_curve(struct.unpack_from(">H", tag, 8)[0], tag)
    if tag[:4] != b"curv":
        raise ValueError("unknown kind of curve")
    (n,) = struct.unpack_from(">I", tag, 8)
    if n == 0:
        return _power_curve(1.0)
    if n == 1:
        return _power_curve(struct.unpack_from(">H", tag, 12)[0] / 256)
    if n > 1 << 16:
        raise ValueError("too long a curve")
    return _table_curve(np.array(struct.unpack_from(f">{n}H", tag, 12)) / 65535)


def _power_curve(exponent: float) -> Curve:
    return lambda values: power(values, exponent)


def _table_curve(table: Values) -> Curve:
    def curve(values: Values) -> Values:
        places = values * (len(table) - 1)
        below = np.minimum(places.astype(np.intp), len(table) - 2)
        light: Values = table[below] + (table[below + 1] - table[below]) * (places - below)
        return light

    return curve


def _parametric_curve(kind: int, tag: bytes) -> Curve:
    n = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}.get(kind)
    if n is None:
        raise ValueError("unknown kind of curve")
    g, a, b, *rest = [*map(float, _fixed(tag, 12, n)), 1.0, 0.0][: max(n, 3)]
    # Kinds 1 and 2 are flat below -b/a; kinds 3 and 4 have a line there. All add a constant.
    border = rest[1] if kind >= 3 else -b / a
    slope = rest[0] if kind >= 3 else 0.0
    above = {2: rest[0] if rest else 0.0, 4: rest[2] if kind == 4 else 0.0}.get(kind, 0.0)
    below = {2: above, 4: rest[3] if kind == 4 else 0.0}.get(kind, 0.0)

    def curve(values: Values) -> Values:
        powers = power(np.maximum(a * values + b, 0.0), g) + above
        return np.where(values >= border, powers, slope * values + below)

    return curve


def power(values: Values, exponent: float) -> Values:
    """Raise values to a power with operations that IEEE 754 rounds alike everywhere.

    Parameters
    ----------
    values : float64 array
        None negative.
    exponent : float
        Positive.

    Returns
    -------
    float64 array
        Within a few units of the fourteenth digit.

    Examples
    --------
    >>> power(np.array([0.0, 0.25, 1.0]), 0.5).round(12).tolist()
    [0.0, 0.5, 1.0]
    """
    parts, exponents = np.frexp(values)
    small = parts < 0.5**0.5
    parts, exponents = np.where(small, parts * 2, parts), exponents - small
    # ln m = 2 artanh((m - 1) / (m + 1)), whose series in at most 0.03 ends soon.
    ratio = (parts - 1) / (parts + 1)
    square = ratio * ratio
    series = np.zeros_like(ratio)
    for n in range(23, 0, -2):
        series = series * square + 1 / n
    ln2 = 0.6931471805599453
    logarithm = exponent * (exponents + 2 * ratio * series / ln2)
    whole = np.floor(np.clip(logarithm, -1100, 1000) + 0.5)
    rest = (np.clip(logarithm, -1100, 1000) - whole) * ln2
    result = np.ones_like(rest)
    for n in range(15, 0, -1):
        result = 1 + result * rest / n
    return np.where(values > 0, np.ldexp(result, whole.astype(np.int32)), 0.0)


def _colorants(xy: tuple[float, ...]) -> Values:
    """Give the matrix from linear RGB to XYZ relative to D50, for x and y of white, R, G and B."""
    white, red, green, blue = (
        np.array([x, y, 1 - x - y]) for x, y in zip(xy[::2], xy[1::2], strict=True)
    )
    if white[1] <= 0:
        raise ArithmeticError("no white point")
    white = white / white[1]
    primaries = np.column_stack([red, green, blue])
    shares = _multiplied(_inverse(primaries), white[:, np.newaxis])[:, 0]
    cones, cones_d50 = (_multiplied(_BRADFORD, w[:, np.newaxis]) for w in (white, _D50))
    if not (cones > 0).all():
        raise ArithmeticError("no white point")
    adapted = _multiplied(_inverse(_BRADFORD), _BRADFORD * (cones_d50 / cones))
    return _multiplied(adapted, primaries * shares)


def _multiplied(a: Values, b: Values) -> Values:
    product: Values = a[:, :1] * b[0] + a[:, 1:2] * b[1] + a[:, 2:] * b[2]
    return product


def _inverse(matrix: Values) -> Values:
    """Invert a 3 x 3 matrix by cofactors, whose operations are the same everywhere."""
    (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    if abs(determinant) < 1e-9:
        raise ArithmeticError("primaries on a line")
    cofactors = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    inverse: Values = np.array(cofactors) / determinant
    return inverse
