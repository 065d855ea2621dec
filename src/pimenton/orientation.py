"""Which way up a picture is, as EXIF and XMP say it."""

import re
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ORIENTATION = 0x0112
_SHORT = 3


def exif_orientation(exif: bytes) -> int | None:
    """Find the orientation in EXIF data.

    Parameters
    ----------
    exif : bytes
        A TIFF structure, with or without the ``Exif`` marker before it.

    Returns
    -------
    int or None
        1 to 8; None if it is not said or the data is damaged.

    Examples
    --------
    >>> exif_orientation(bytes.fromhex("49492a0008000000 0100 1201030001000000 06000000"))
    6
    """
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (n_entries,) = struct.unpack_from(order + "H", exif, start)
        for i in range(n_entries):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, start + 2 + 12 * i)
            if tag == _ORIENTATION and kind == _SHORT:
                return value if 1 <= value <= 8 else None
    except struct.error:
        return None
    return None


def xmp_orientation(xmp: bytes) -> int | None:
    """Find the orientation, 1 to 8, in XMP data; None if it is not said.

    Examples
    --------
    >>> xmp_orientation(b'<rdf:Description tiff:Orientation="3"/>')
    3
    """
    found = re.search(rb'tiff:Orientation(?:="|>)([1-8])', xmp)
    return int(found[1]) if found else None


def turned(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn (height, width, channels) samples upright, by EXIF's number 1 to 8.

    Examples
    --------
    >>> turned(np.array([[[1], [2]]]), 6)[:, :, 0].tolist()
    [[1], [2]]
    """
    across, down, swapped = {
        2: (-1, 1, False),
        3: (-1, -1, False),
        4: (1, -1, False),
        5: (1, 1, True),
        6: (1, -1, True),
        7: (-1, -1, True),
        8: (-1, 1, True),
    }.get(orientation, (1, 1, False))
    flipped = samples[::down, ::across]
    return np.swapaxes(flipped, 0, 1) if swapped else flipped
