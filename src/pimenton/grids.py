"""Colors of devices that have fewer bits a channel."""

from collections.abc import Sequence

import numpy as np

from pimenton.pixels import Colors

# Bits of red, green, blue and opacity; none of opacity leave it as it is.
DEPTHS: dict[str, tuple[int, int, int, int]] = {
    "rgb666": (6, 6, 6, 0),
    "rgb565": (5, 6, 5, 0),
    "rgb555": (5, 5, 5, 0),
    "rgb444": (4, 4, 4, 0),
    "rgb333": (3, 3, 3, 0),
    "rgb332": (3, 3, 2, 0),
    "rgb222": (2, 2, 2, 0),
    "rgb111": (1, 1, 1, 0),
    "argb4444": (4, 4, 4, 4),
    "argb1555": (5, 5, 5, 1),
}


def snapped(colors: Colors, bits: Sequence[int]) -> Colors:
    """Round colors to those that so many bits a channel can show.

    Parameters
    ----------
    colors : (n, 4) uint8
        sRGB with straight alpha.
    bits : sequence of 4 int
        Bits of red, green, blue and opacity, 1 to 8; 0 leaves a channel as it is.

    Returns
    -------
    (n, 4) uint8

    Examples
    --------
    >>> snapped(np.array([[0, 100, 255, 255]], np.uint8), DEPTHS["rgb444"]).tolist()
    [[0, 102, 255, 255]]
    """
    result = colors.copy()
    for channel, n_bits in enumerate(bits):
        if 0 < n_bits < 8:
            top = (1 << n_bits) - 1
            levels = (colors[:, channel].astype(np.int64) * 2 * top + 255) // 510
            result[:, channel] = (levels * 510 + top) // (2 * top)
    result[result[:, 3] == 0] = 0
    return result
