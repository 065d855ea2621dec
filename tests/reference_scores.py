"""Slow, obvious NumPy versions of the perceptual scores, in float64 from beginning to end."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

XYB_CONES = np.array(
    [
        [0.30, 1 - 0.078 - 0.30, 0.078],
        [0.23, 1 - 0.078 - 0.23, 0.078],
        [0.24342268924547819, 0.20476744424496821, 1 - 0.24342268924547819 - 0.20476744424496821],
    ]
)
XYB_BIAS = 0.0037930732552754493

OKLAB_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
OKLAB_AXES = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear_light(pixels: NDArray[np.uint8]) -> Array:
    """Give linear sRGB (3, h, w) of pixels (h, w, 4), whatever their alpha."""
    encoded = np.moveaxis(pixels[:, :, :3], 2, 0) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def xyb(linear: Array) -> Array:
    """Give XYB (3, h, w), moved and scaled so that all three lie in about 0 to 1."""
    cones = np.cbrt(np.tensordot(XYB_CONES, linear, 1) + XYB_BIAS) - np.cbrt(XYB_BIAS)
    x, y, b = (cones[0] - cones[1]) / 2, (cones[0] + cones[1]) / 2, cones[2]
    return np.stack([14 * x + 0.42, y + 0.01, b - y + 0.55])


def oklab(linear: Array) -> Array:
    """Give Oklab (3, h, w), its chroma axes moved by a half."""
    points = np.tensordot(OKLAB_AXES, np.cbrt(np.tensordot(OKLAB_CONES, linear, 1)), 1)
    return points + np.array([0, 0.5, 0.5]).reshape(3, 1, 1)


def halve(planes: Array) -> Array:
    """Average 2 x 2 values, an odd last row or column repeated."""
    height, width = planes.shape[1:]
    even = np.pad(planes, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    return (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]) / 4


def linear_scales(pixels: NDArray[np.uint8], n_most: int) -> list[Array]:
    """Give linear sRGB at each scale; one with a side below 8 is not halved again."""
    scales = [linear_light(pixels)]
    while len(scales) < n_most and min(scales[-1].shape[1:]) >= 8:
        scales.append(halve(scales[-1]))
    return scales


def cosine_filter(sigma: float = 1.5) -> tuple[Array, Array, int]:
    """Derive the recursive Gaussian of Charalampidis (2016): amplitudes, frequencies, radius."""
    radius = round(3.2795 * sigma + 0.2546)
    omega = np.array([1, 3, 5]) * np.pi / (2 * radius)
    signs = np.array([1, -1, 1])
    p = signs / np.tan(omega / 2)
    r = signs * p**2 / np.sin(omega)
    rho = np.exp(-((sigma * omega) ** 2) / 2) / radius
    zeta_15 = (p[1] * r[2] - r[1] * p[2]) / (p[0] * r[1] - r[0] * p[1])
    zeta_35 = (p[2] * r[0] - r[2] * p[0]) / (p[0] * r[1] - r[0] * p[1])
    wanted = [1, radius**2 - sigma**2, zeta_15 * rho[0] + zeta_35 * rho[1] + rho[2]]
    return np.linalg.solve(np.array([p, r, [zeta_15, zeta_35, 1]]), wanted), omega, radius


def blur_rows(rows: Array) -> Array:
    """Run the recursive filter down the first axis; outside there are zeros."""
    amplitudes, omega, radius = cosine_filter()
    gains, decays = -amplitudes * np.cos(omega * (radius + 1)), 2 * np.cos(omega)
    outside = np.zeros((radius + 1, *rows.shape[1:]))
    padded = np.concatenate([outside, outside, rows, outside])
    blurred = np.empty_like(rows)
    last, previous = np.zeros((2, 3, *rows.shape[1:]))
    column = (3,) + (1,) * (rows.ndim - 1)
    for n in range(1 - radius, len(rows)):
        center = n + 2 * (radius + 1)
        entering = padded[center - radius - 1] + padded[center + radius - 1]
        new = gains.reshape(column) * entering + decays.reshape(column) * last - previous
        last, previous = new, last
        if n >= 0:
            blurred[n] = new.sum(axis=0)
    return blurred


def blur(plane: Array) -> Array:
    """Blur a plane (h, w) down and across; outside there are zeros."""
    return blur_rows(blur_rows(plane).T).T


def blur_repeated(plane: Array) -> Array:
    """Blur a plane whose border values go on outside."""
    return blur(np.pad(plane, 16, mode="edge"))[16:-16, 16:-16]


def plane_norms(a: Array, b: Array) -> Array:
    """Give (2, 3): means, and fourth roots of mean fourth powers, of the three error maps."""
    mean_a, mean_b = blur(a), blur(b)
    variances = blur(a * a) - mean_a**2 + blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    structure = 1 - (1 - (mean_a - mean_b) ** 2) * (2 * covariance + 9e-4) / (variances + 9e-4)
    change = (1 + abs(b - mean_b)) / (1 + abs(a - mean_a)) - 1
    maps = np.maximum([structure, change, -change], 0)
    return np.stack([maps.mean(axis=(1, 2)), (maps**4).mean(axis=(1, 2)) ** 0.25])


def ssimulacra2(a: NDArray[np.uint8], b: NDArray[np.uint8], weights: Array) -> float:
    """Score opaque pictures (h, w, 4) by SSIMULACRA 2.1."""
    scales = zip(linear_scales(a, 6), linear_scales(b, 6), strict=True)
    planes = [zip(xyb(linear_a), xyb(linear_b), strict=True) for linear_a, linear_b in scales]
    norms = np.array([[plane_norms(one, other) for one, other in scale] for scale in planes])
    by_plane = norms.transpose(1, 0, 2, 3).ravel()
    error = 0.9562382616834844 * float(weights[: len(by_plane)] @ by_plane)
    curved = (
        2.326765642916932 * error
        - 0.020884521182843837 * error**2
        + 6.248496625763138e-05 * error**3
    )
    return 100 - 10 * curved**0.6276336467831387 if curved > 0 else 100.0


def similarity_errors(a: Array, b: Array) -> Array:
    """Give 1 - SSIM (h, w) of Oklab planes (3, h, w), lightness counting half."""
    errors = np.zeros(a.shape[1:])
    for one, other, weight in zip(a, b, (0.5, 0.25, 0.25), strict=True):
        mean_a, mean_b = blur_repeated(one), blur_repeated(other)
        variances = blur_repeated(one**2) - mean_a**2 + blur_repeated(other**2) - mean_b**2
        covariance = blur_repeated(one * other) - mean_a * mean_b
        luminance = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
        errors += weight * (1 - luminance * (2 * covariance + 9e-4) / (variances + 9e-4))
    return errors


def error_map(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Array:
    """Give the multi-scale 1 - SSIM (h, w) of opaque pictures (h, w, 4)."""
    height, width = a.shape[:2]
    scales = list(zip(linear_scales(a, 5), linear_scales(b, 5), strict=True))
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[: len(scales)]
    total = np.zeros((height, width))
    for s, (linear_a, linear_b) in enumerate(scales):
        errors = similarity_errors(oklab(linear_a), oklab(linear_b))
        rows, columns = np.arange(height) >> s, np.arange(width) >> s
        total += weights[s] / weights.sum() * errors[rows][:, columns]
    return total
