"""What the samples of a file stand for: from any number of channels of any type to pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimenton.errors import UnreadableImage
from pimenton.pixels import Colors, Pixels, as_rgba
from pimenton.profiles import Encoding, MatrixProfile


@dataclass(frozen=True, eq=False)
class Meaning:
    """How samples become pixels.

    Attributes
    ----------
    channels : tuple of int
        Those that are gray, gray and opacity, red, green and blue, or these and opacity.
    value_range : (float, float) or None
        Values of black and white; None for the range of the type, or 0 to 1 of floats.
    n_bits : int
        Bits of a sample that are used.
    is_inverted : bool
        Whether zero is white.
    is_premultiplied : bool
        Whether colors have been multiplied by their opacity.
    colormap : (n, 3) uint8 or None
        Colors that the first channel points to.
    encoding : MatrixProfile or None
        What colors are, if not sRGB.
    """

    channels: tuple[int, ...]
    value_range: tuple[float, float] | None = None
    n_bits: int = 8
    is_inverted: bool = False
    is_premultiplied: bool = False
    colormap: Colors | None = None
    encoding: Encoding = None

    def pixels(self, samples: NDArray[Any]) -> Pixels:
        """Make pixels (height, width, 4) of samples (height, width, channels).

        Raises
        ------
        UnreadableImage
            If their type says nothing of black and white and no range is given.
        """
        if self.channels != tuple(range(samples.shape[2])):
            samples = samples[:, :, list(self.channels)]
        if self.colormap is not None:
            colors = self.colormap[np.minimum(samples[:, :, 0], len(self.colormap) - 1)]
            return as_rgba(np.concatenate([colors, samples[:, :, 1:]], axis=2))
        samples = self._scaled(samples)
        if self.is_inverted:
            samples[:, :, 0] = np.iinfo(samples.dtype).max - samples[:, :, 0]
        if self.is_premultiplied and samples.shape[2] in (2, 4):
            samples = _straight(samples)
        if isinstance(self.encoding, MatrixProfile):
            samples = self.encoding.to_srgb(samples)
        return as_rgba(samples)

    def _scaled(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Bring values to the whole range of 8 or 16 bits."""
        if self.value_range is not None:
            low, high = self.value_range
            shares = np.clip((samples.astype(np.float64) - low) / (high - low), 0, 1)
            return (np.nan_to_num(shares) * 255 + 0.5).astype(np.uint8)
        if samples.dtype == np.bool_:
            return samples.astype(np.uint8) * np.uint8(255)
        if samples.dtype in (np.uint8, np.uint16):
            top = (1 << self.n_bits) - 1
            whole = int(np.iinfo(samples.dtype).max)
            if top >= whole:
                return samples.copy() if self.is_inverted else samples
            wide = (samples.astype(np.uint32) * whole + top // 2) // top
            samples = wide.astype(samples.dtype)
            return samples
        if np.issubdtype(samples.dtype, np.floating):
            samples = np.clip(np.nan_to_num(samples), 0, 1)
            return (samples * 65535 + 0.5).astype(np.uint16)
        raise UnreadableImage(f"values of {samples.dtype} need a range: --range LOW,HIGH")


def color_channels(n_channels: int, n_colors: int, has_opacity: bool) -> tuple[int, ...]:
    """Give the channels of colors, and of opacity if it comes next.

    Examples
    --------
    >>> color_channels(4, 3, True), color_channels(5, 1, False)
    ((0, 1, 2, 3), (0,))
    """
    return tuple(range(n_colors + (has_opacity and n_channels > n_colors)))


def _straight(samples: NDArray[Any]) -> NDArray[Any]:
    """Divide colors that were multiplied by their opacity."""
    top = int(np.iinfo(samples.dtype).max)
    alpha = samples[:, :, -1:].astype(np.uint64)
    divisor = np.maximum(alpha, 1)
    colors = (samples[:, :, :-1] * np.uint64(top) + divisor // 2) // divisor
    straight: NDArray[Any] = np.concatenate([np.minimum(colors, top), alpha], axis=2)
    return straight.astype(samples.dtype)
