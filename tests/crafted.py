"""Files built byte by byte: what no encoder at hand would write."""

import zlib
from collections.abc import Iterable, Sequence
from struct import pack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimenton.png import SIGNATURE

GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
_ADAM7 = (
    (slice(0, None, 8), slice(0, None, 8)), (slice(0, None, 8), slice(4, None, 8)),
    (slice(4, None, 8), slice(0, None, 4)), (slice(0, None, 4), slice(2, None, 4)),
    (slice(2, None, 4), slice(0, None, 2)), (slice(0, None, 2), slice(1, None, 2)),
    (slice(1, None, 2), slice(0, None, 1)),
)  # fmt: skip
# Linear RGB to XYZ relative to D50, of primaries wider than sRGB's (ITU-R BT.2020) and of sRGB's.
WIDE = ((0.6734, 0.1657, 0.1251), (0.2790, 0.6753, 0.0456), (-0.0019, 0.0300, 0.7969))
SRGB = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))


def chunk(kind: bytes, body: bytes) -> bytes:
    return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))


def png_file(
    samples: NDArray[Any],
    color_type: int,
    depth: int,
    *,
    interlaced: bool = False,
    filters: Sequence[int] = (0, 1, 2, 3, 4),
    chunks: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """Write samples (height, width, channels) as a PNG; row y has the y-th filter in turn."""
    height, width, n_channels = samples.shape
    parts = [samples[ys, xs] for ys, xs in _ADAM7] if interlaced else [samples]
    pixel_bytes = max(1, n_channels * depth // 8)
    rows = b"".join(
        filtered(packed_rows(part, depth), filters, pixel_bytes) for part in parts if part.size
    )
    header = pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced))
    return SIGNATURE + b"".join(
        chunk(kind, body)
        for kind, body in [
            (b"IHDR", header),
            *chunks,
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        ]
    )


def packed_rows(samples: NDArray[Any], depth: int) -> NDArray[np.uint8]:
    if depth == 16:
        return samples.astype(">u2").view(np.uint8).reshape(len(samples), -1)
    bits = np.unpackbits(samples.astype(np.uint8)[..., np.newaxis], axis=-1)[..., 8 - depth :]
    return np.packbits(bits.reshape(len(samples), -1), axis=1)


def filtered(rows: NDArray[np.uint8], filters: Sequence[int], pixel_bytes: int) -> bytes:
    """Filter rows as the PNG specification says, all bytes of a row at once."""
    values = np.pad(rows.astype(np.int64), ((1, 0), (pixel_bytes, 0)))
    left, above, corner = values[1:, :-pixel_bytes], values[:-1, pixel_bytes:], values[:-1]
    corner = corner[:, :-pixel_bytes]
    estimate = left + above - corner
    distances = np.abs([estimate - left, estimate - above, estimate - corner])
    paeth = np.choose(distances.argmin(axis=0), [left, above, corner])
    zero = np.zeros_like(left)
    predictions = [zero, left, above, (left + above) // 2, paeth]
    kinds = [filters[y % len(filters)] for y in range(len(rows))]
    return b"".join(
        bytes([kind]) + ((rows[y] - predictions[kind][y]) % 256).astype(np.uint8).tobytes()
        for y, kind in enumerate(kinds)
    )


def tiff_file(
    samples: NDArray[Any], order: str, *, alpha: int | None = None, separate: bool = False
) -> bytes:
    """Write gray or RGB samples (height, width, channels) as a plain TIFF in a byte order."""
    height, width, n_channels = samples.shape
    bits = 8 * samples.itemsize
    data = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    after = 8 + len(data)
    entries = [
        (256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * n_channels), (259, 3, [1]),
        (262, 3, [2 if n_channels > 2 else 1]), (273, 4, [8]), (277, 3, [n_channels]),
        (278, 4, [height]), (279, 4, [len(data)]), (284, 3, [2 if separate else 1]),
    ]  # fmt: skip
    if alpha is not None:
        entries.append((338, 3, [alpha]))
    table, extra = b"", b""
    for tag, kind, values in entries:
        body = pack(order + f"{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(body) > 4:
            start = after + 2 + 12 * len(entries) + 4 + len(extra)
            extra += body
            body = pack(order + "I", start)
        table += pack(order + "HHI", tag, kind, len(values)) + body.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + pack(order + "I", after)
    return head + data + pack(order + "H", len(entries)) + table + bytes(4) + extra


def icc_profile(
    curve: bytes, colorants: Sequence[Sequence[float]] = WIDE, space: bytes = b"RGB "
) -> bytes:
    """Write a profile of one curve for every channel."""
    tags = {
        b"desc": b"desc\0\0\0\0" + pack(">I", 5) + b"test\0" + bytes(79),
        b"cprt": b"text\0\0\0\0none",
        b"wtpt": _xyz((0.9642, 1.0, 0.8249)),
    }
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        for i, name in enumerate((b"r", b"g", b"b")):
            tags[name + b"XYZ"] = _xyz([row[i] for row in colorants])
            tags[name + b"TRC"] = curve
    start = 132 + 12 * len(tags)
    table, bodies = pack(">I", len(tags)), b""
    for name, body in tags.items():
        table += name + pack(">II", start + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    head = bytearray(128)
    head[0:4] = pack(">I", 128 + len(table + bodies))
    head[8:24] = b"\x02\x40\0\0mntr" + space + b"XYZ "
    head[36:40] = b"acsp"
    head[68:80] = _xyz((0.9642, 1.0, 0.8249))[8:]
    return bytes(head) + table + bodies


def gamma_curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + pack(">IH", 1, round(gamma * 256))


def table_curve(values: NDArray[np.float64]) -> bytes:
    numbers = np.round(values * 65535).astype(">u2")
    return b"curv\0\0\0\0" + pack(">I", len(numbers)) + numbers.tobytes()


def parametric_curve(kind: int, *numbers: float) -> bytes:
    return b"para\0\0\0\0" + pack(">HH", kind, 0) + b"".join(map(_fixed, numbers))


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, values))


def _fixed(value: float) -> bytes:
    return pack(">i", round(value * 65536))


LINEAR = b"curv\0\0\0\0" + bytes(4)
SRGB_CURVE = parametric_curve(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
