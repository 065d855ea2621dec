"""How far a picture is from its original, by error and by what a person sees.

A picture that is not opaque has no look of its own, so it is compared over black and over white,
blended in sRGB as browsers do, and the worse of the two counts in every figure.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.colorspace import OKLAB_AXES, OKLAB_CONES, SPACES
from pimenton.difference import Labs, color_difference
from pimenton.pixels import Pixels, thread_count

Planes: TypeAlias = NDArray[np.float32]  # (n,): three planes of every scale, one after the other
ErrorMap: TypeAlias = NDArray[np.float32]  # (height, width)

# The XYB space of JPEG XL (ISO/IEC 18181-1), moved and scaled to lie in about 0 to 1 as
# SSIMULACRA 2 wants it: 14 X + 0.42, Y + 0.01 and B - Y + 0.55, where X and Y are half the
# difference and half the sum of the first two cone responses, less the response to black.
_XYB_BIAS = 0.0037930732552754493
_XYB_BLACK = 0.15595420054924863  # the cube root of the bias
_XYB = (
    *(0.30, 0.622, 0.078),
    *(0.23, 0.692, 0.078),
    *(0.24342268924547819, 0.20476744424496821, 0.5518098665095536),
    *(_XYB_BIAS, _XYB_BIAS, _XYB_BIAS),
    *(7.0, -7.0, 0.0),
    *(0.5, 0.5, 0.0),
    *(-0.5, -0.5, 1.0),
    *(0.42, 0.01 - _XYB_BLACK, 0.55),
)
# Oklab, with its chroma axes moved by a half so that means are positive.
_OKLAB = (*sum(OKLAB_CONES, ()), 0.0, 0.0, 0.0, *sum(OKLAB_AXES, ()), 0.0, 0.5, 0.5)
_GROUNDS = (0, 255)  # black and white
_SHORTEST_SIDE = 8
_PIXELS_AT_ONCE = 16384  # which bounds temporary arrays


@dataclass(frozen=True)
class Quality:
    """Every score of a picture against its original.

    Attributes
    ----------
    mse : float
        Mean squared error per channel, 0 to 255 squared; 0 is equal.
    psnr : float
        The same in dB; infinite is equal.
    ssimulacra2 : float
        At most 100, which is equal; 90 cannot be told apart when flipped, 80 not side by side.
    ssim : float
        Multi-scale structural similarity in Oklab; 1 is equal.
    ciede2000 : float
        Mean color difference; 0 is equal, 1 just visible.
    """

    mse: float
    psnr: float
    ssimulacra2: float
    ssim: float
    ciede2000: float

    def to_dict(self) -> dict[str, float | None]:
        """Give the scores by name, ready for JSON; an infinite PSNR becomes None."""
        return {**asdict(self), "psnr": None if self.mse == 0 else self.psnr}


@dataclass(frozen=True, eq=False)
class Reference:
    """An original made ready for being scored against often.

    Attributes
    ----------
    pixels : (height, width, 4) uint8
        The original.
    pyramids : tuple of (n,) float32
        Its planes in XYB: over black and over white, or once if it is opaque.
    """

    pixels: Pixels
    pyramids: tuple[Planes, ...]


def prepare(pixels: Pixels, *, n_threads: int | None = None) -> Reference:
    """Make an original ready for `ssimulacra2`.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The original.
    n_threads : int, optional
        Threads; one for each core by default.
    """
    _require_picture(pixels)
    shown = [pixels] if _is_opaque(pixels) else [_over(pixels, ground) for ground in _GROUNDS]
    return Reference(pixels, tuple(_xyb_pyramid(picture, n_threads) for picture in shown))


def ssimulacra2(a: Pixels | Reference, b: Pixels, *, n_threads: int | None = None) -> float:
    """Score a picture against its original by SSIMULACRA 2.1 [1]_.

    Structure, added edges and lost edges are compared at six scales in XYB; the means and the
    fourth-power means of these 108 error maps are weighted by constants fitted to what people
    said, and mapped to a scale on which 90 cannot be told apart when flipped, 80 not side by side,
    and 50 is medium quality. There is no lower bound. See ``docs/scores.md`` for how near this is
    to other programs.

    Parameters
    ----------
    a : (height, width, 4) uint8 or Reference
        The original; the two are not interchangeable. Prepare it if it is scored against often.
    b : (height, width, 4) uint8
        The picture. One with a side below 8 is mirrored at the right and the bottom up to 8, as is
        its original.
    n_threads : int, optional
        Threads; one for each core by default. The score does not depend on it.

    Raises
    ------
    ValueError
        If the sizes differ.

    References
    ----------
    .. [1] J. Sneyers, "SSIMULACRA 2", Cloudinary, version 2.1, 2023; ``tools/ssimulacra2.cc`` of
       libjxl.
    """
    _require_pair(a.pixels if isinstance(a, Reference) else a, b)
    reference = a if isinstance(a, Reference) else prepare(a, n_threads=n_threads)
    return min(_ssimulacra2_scores(reference, b, n_threads))


def ssim(a: Pixels, b: Pixels, *, n_threads: int | None = None) -> float:
    """Give the multi-scale structural similarity of two pictures in Oklab.

    At each of five scales s (each half of the one before, averaged in linear light) and for each
    of the planes p (L, a + 1/2, b + 1/2 of Oklab), with means m, variances v and covariance c under
    a Gaussian of 1.5 pixels, and the constants of Wang et al. [1]_ for a range of 1::

        SSIM(s, p) = (2 m1 m2 + 0.01^2) (2 c + 0.03^2)
                     / ((m1^2 + m2^2 + 0.01^2) (v1 + v2 + 0.03^2))
        error = sum over s and p of w(s) w(p) (1 - SSIM(s, p))
        ssim = 1 - mean of error

    where w(s) are the weights of multi-scale SSIM [2]_ (0.0448, 0.2856, 0.3001, 0.2363, 0.1333,
    divided by their sum where a picture is too small for five scales) and w(p) is 1/2 for lightness
    and 1/4 for a and b. Errors are added where Wang et al. multiply means, so that each pixel has
    its own share of the score: `error_map`.

    Parameters
    ----------
    a, b : (height, width, 4) uint8
        Pictures of one size. Sides below 8 are mirrored up to 8.
    n_threads : int, optional
        Threads; one for each core by default. The score does not depend on it.

    Returns
    -------
    float
        1 for equal pictures; the order of the two does not matter.

    Raises
    ------
    ValueError
        If the sizes differ.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from
       error visibility to structural similarity", IEEE Trans. Image Processing 13, 2004.
    .. [2] Z. Wang, E. P. Simoncelli, A. C. Bovik, "Multiscale structural similarity for image
       quality assessment", Asilomar Conf. Signals, Systems and Computers, 2003.
    """
    return _similarity(a, b, n_threads)[0]


def error_map(a: Pixels, b: Pixels, *, n_threads: int | None = None) -> ErrorMap:
    """Show where two pictures differ: each pixel's error in `ssim`.

    Parameters
    ----------
    a, b : (height, width, 4) uint8
        Pictures of one size.
    n_threads : int, optional
        Threads; one for each core by default.

    Returns
    -------
    (height, width) float32
        0 where equal, seldom above 1; its mean is ``1 - ssim(a, b)`` (for sides of at least 8).
        Where a picture is not opaque, the errors over the background of the lower score.

    Raises
    ------
    ValueError
        If the sizes differ.
    """
    return _similarity(a, b, n_threads)[1]


def mse(a: Pixels, b: Pixels) -> float:
    """Give the mean squared error per channel, 0 to 255 squared.

    Parameters
    ----------
    a, b : (height, width, 4) uint8
        Pictures of one size.

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
    return max(_opaque_mse(*pair) for pair in _shown(a, b))


def psnr(mse: float) -> float:
    """Give the peak signal-to-noise ratio of an error per channel, in dB.

    Examples
    --------
    >>> psnr(0)
    inf
    """
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)


def ciede2000(a: Pixels, b: Pixels) -> float:
    """Give the mean color difference CIEDE2000 over all pixels.

    Parameters
    ----------
    a, b : (height, width, 4) uint8
        Pictures of one size.

    Raises
    ------
    ValueError
        If the sizes differ.
    """
    return max(_mean_difference(*pair) for pair in _shown(a, b))


def measure_pixels(a: Pixels, b: Pixels, *, n_threads: int | None = None) -> Quality:
    """Give every score of a picture against its original.

    Parameters
    ----------
    a, b : (height, width, 4) uint8
        The original and the picture, of one size.
    n_threads : int, optional
        Threads; one for each core by default.

    Raises
    ------
    ValueError
        If the sizes differ.
    """
    error = mse(a, b)
    return Quality(
        mse=error,
        psnr=psnr(error),
        ssimulacra2=ssimulacra2(a, b, n_threads=n_threads),
        ssim=ssim(a, b, n_threads=n_threads),
        ciede2000=ciede2000(a, b),
    )


def _ssimulacra2_scores(reference: Reference, b: Pixels, n_threads: int | None) -> Iterator[float]:
    """Score over each background that can make a difference."""
    opaque = _is_opaque(b)
    grounds = _GROUNDS if len(reference.pyramids) > 1 or not opaque else _GROUNDS[:1]
    height, width = (max(side, _SHORTEST_SIDE) for side in b.shape[:2])
    for i, ground in enumerate(grounds):
        shown = b if opaque else _over(b, ground)
        yield _native.ssimulacra2(
            reference.pyramids[min(i, len(reference.pyramids) - 1)],
            _xyb_pyramid(shown, n_threads),
            height,
            width,
            thread_count(n_threads),
        )


def _similarity(a: Pixels, b: Pixels, n_threads: int | None) -> tuple[float, ErrorMap]:
    threads = thread_count(n_threads)
    found = []
    for pair in _shown(a, b):
        one, other = (_mirrored(picture) for picture in pair)
        planes = _native.pyramid(one, _OKLAB, 5, threads)
        other_planes = _native.pyramid(other, _OKLAB, 5, threads)
        height, width = one.shape[:2]
        found.append(_native.ssim(planes, other_planes, height, width, threads))
    score, errors = min(found, key=lambda result: result[0])
    return score, errors[: a.shape[0], : a.shape[1]]


def _xyb_pyramid(pixels: Pixels, n_threads: int | None) -> Planes:
    return _native.pyramid(_mirrored(pixels), _XYB, 6, thread_count(n_threads))


def _mirrored(pixels: Pixels) -> Pixels:
    """Give a contiguous picture with both sides at least 8."""
    missing = [(0, max(0, _SHORTEST_SIDE - side)) for side in pixels.shape[:2]]
    if missing == [(0, 0), (0, 0)]:
        return np.ascontiguousarray(pixels)
    return np.pad(pixels, [*missing, (0, 0)], mode="symmetric")


def _shown(a: Pixels, b: Pixels) -> Iterator[tuple[Pixels, Pixels]]:
    """Give two pictures as they are seen: over black and over white unless both are opaque."""
    _require_pair(a, b)
    if _is_opaque(a) and _is_opaque(b):
        yield a, b
        return
    for ground in _GROUNDS:
        yield _over(a, ground), _over(b, ground)


def _over(pixels: Pixels, ground: int) -> Pixels:
    alpha = pixels[:, :, 3:].astype(np.uint16)
    shown = np.full_like(pixels, 255)
    # At most 255 * 255 + 127, which uint16 holds.
    shown[:, :, :3] = (pixels[:, :, :3] * alpha + ground * (255 - alpha) + 127) // 255
    return shown


def _is_opaque(pixels: Pixels) -> bool:
    return bool(pixels[:, :, 3].min() == 255)


def _require_picture(pixels: Pixels) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 4 or not pixels.size:
        raise ValueError(
            f"a picture must be (height, width, 4) uint8; got {pixels.shape} {pixels.dtype}"
        )


def _require_pair(a: Pixels, b: Pixels) -> None:
    _require_picture(a)
    _require_picture(b)
    if a.shape != b.shape:
        raise ValueError(f"pictures must have one size; got {a.shape} and {b.shape}")


def _opaque_mse(a: Pixels, b: Pixels) -> float:
    """Give the error of opaque pictures, some pixels at a time; integers, so any parts add up."""
    rows = [picture.reshape(-1, 4) for picture in (a, b)]
    squares = 0
    for first in range(0, len(rows[0]), _PIXELS_AT_ONCE):
        # Opacity is the same and adds nothing; without it, memory would be gone over in strides.
        one, other = (part[first : first + _PIXELS_AT_ONCE] for part in rows)
        distances = np.maximum(one, other) - np.minimum(one, other)
        squares += int(np.square(distances, dtype=np.uint16).sum(dtype=np.uint64))
    return squares / (3 * len(rows[0]))


def _mean_difference(a: Pixels, b: Pixels) -> float:
    """Give the mean CIEDE2000 of opaque pictures, some pixels at a time."""
    rows = [picture.reshape(-1, 4) for picture in (a, b)]
    total = 0.0
    for first in range(0, len(rows[0]), _PIXELS_AT_ONCE):
        one, other = (_lab(part[first : first + _PIXELS_AT_ONCE]) for part in rows)
        total += float(color_difference(one, other).sum())
    return total / len(rows[0])


def _lab(colors: Pixels) -> Labs:
    return SPACES["cielab"].from_srgb(colors, 1)[:, :3].astype(np.float64) * 100
