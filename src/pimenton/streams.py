"""The shortest stream of a small picture's rows.

What compressors of others make of rows can be written in fewer bits: by an exact search for the
cheapest path of literals and matches, and with the palette in the order in which its entries come
as literals. Of a drawing of few bytes both count.
"""

import zlib
from struct import unpack

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.formats import png_of, rows_of
from pimenton.indexed import IndexedImage, renamed_literals
from pimenton.ordering import Order, by_use, reordered
from pimenton.packing import zlib_of

# Up to how many pixels it is worth its time, and how often the path is looked for.
MOST_PIXELS = {"fast": 0, "balanced": 1 << 17, "best": 1 << 20}
N_ROUNDS = {"fast": 1, "balanced": 3, "best": 3}
# Small pictures take as many as these fit in.
_PIXELS_OF_ROUNDS, _MOST_ROUNDS = 1 << 18, 20

Drawing = tuple[IndexedImage, bytes]


def shortened(image: IndexedImage, data: bytes, effort: str = "balanced") -> Drawing:
    """Write a PNG's picture in fewer bytes, with the palette in another order where that helps.

    Parameters
    ----------
    image : IndexedImage
        The picture.
    data : bytes
        Its file, written by this package.
    effort : {"fast", "balanced", "best"}, optional
        How long to look for fewer bytes.

    Returns
    -------
    image : IndexedImage
        The same picture.
    data : bytes
        Its file; what was given if none is smaller, or if the picture is large.
    """
    if image.indices.size > MOST_PIXELS[effort]:
        return image, data
    n_rounds = max(N_ROUNDS[effort], min(_PIXELS_OF_ROUNDS // image.indices.size, _MOST_ROUNDS))
    drawings = [(image, data), *(_renamed(reordered(image, o), n_rounds) for o in _orders(image))]
    bits, rows = _read(data)
    if bits < 8 or any(rows[:: len(rows) // image.height]):
        tokens = _native.shortest(np.frombuffer(rows, np.uint8), n_rounds)
        drawings.append((image, png_of(image, bits, _stream(tokens, rows))))
    return min(drawings, key=lambda drawing: len(drawing[1]))


def _orders(image: IndexedImage) -> list[Order]:
    """Put the entries used most first; also an opaque one, although opacity is said up to it."""
    order = by_use(image)
    most = int(image.counts.argmax())
    first = np.concatenate([[most], order[order != most]])
    return [order] if order[0] == most else [order, first]


def _renamed(image: IndexedImage, n_rounds: int) -> Drawing:
    """Write whole bytes; entries that are literals more often come first, but for the first one.

    That is the byte of the filter, so runs of it go on from row to row.
    """
    tokens = _native.shortest(np.frombuffer(rows_of(image, 8), np.uint8), n_rounds)
    n_literals = np.bincount(tokens[tokens < 256], minlength=len(image.palette))
    order = 1 + np.lexsort((-n_literals[1:], image.palette.colors[1:, 3] == 255))
    order = np.concatenate([[0], order])
    renamed = reordered(image, order)
    tokens = renamed_literals(tokens, np.argsort(order).astype(np.uint8))
    return renamed, png_of(renamed, 8, _stream(tokens, rows_of(renamed, 8)))


def _stream(tokens: NDArray[np.uint32], rows: bytes) -> bytes:
    return zlib_of(_native.deflate(tokens, False).tobytes(), rows)


def _read(data: bytes) -> tuple[int, bytes]:
    """Give the bits of an index and the filtered rows of a PNG."""
    stream, place = b"", 8
    while place < len(data):
        size, kind = unpack(">I4s", data[place : place + 8])
        if kind == b"IDAT":
            stream += data[place + 8 : place + 8 + size]
        place += size + 12
    return data[24], zlib.decompress(stream)
