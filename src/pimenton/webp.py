"""Palette indices that lossless WebP codes well: chosen inside a parse of its own, as for PNG.

WebP has numbers of few bits for the pixels nearby, where deflate spends ten bits on the pixel
above, and tiles of the picture that are alike share codes. So the parse follows other matches than
for PNG, and they are kept with the picture: an encoder that looks for matches anew would not find
them.
"""

from dataclasses import dataclass
from struct import pack

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.indexed import IndexedImage, renamed_literals
from pimenton.ordering import by_steps
from pimenton.palette import Palette
from pimenton.parsing import Parsed, Subject, choose_indices

# Pictures of fewer colors have several indices in a pixel; sides are written with 14 bits.
FEWEST_COLORS, LONGEST_SIDE = 17, 1 << 14


@dataclass(frozen=True, eq=False)
class TiledImage(IndexedImage):
    """A picture of few colors with the literals and matches that write it as WebP.

    Attributes
    ----------
    tokens : (n,) uint32
        What `_native.write_webp` takes.
    """

    tokens: NDArray[np.uint32]

    def renamed(self, places: NDArray[np.uint8], palette: Palette) -> "TiledImage":
        """Give the same picture with other places for the entries that are used."""
        return TiledImage(places[self.indices], palette, renamed_literals(self.tokens, places))


def parse_webp(
    subject: Subject,
    bit_weight: float,
    *,
    effort: str = "balanced",
    n_threads: int | None = None,
) -> Parsed:
    """Choose indices that are near to the source and cheap for lossless WebP.

    Parameters
    ----------
    subject : Subject
        The picture, made ready.
    bit_weight : float
        Weighted squared error that a bit saved is worth, 0 or more.
    effort : {"fast", "large", "balanced", "best"}, optional
        How many ways to follow at once.
    n_threads : int, optional
        Threads; they change no bit.

    Returns
    -------
    Parsed
        Its image is a `TiledImage`.

    References
    ----------
    .. [1] J. Zern et al., "WebP Image Format", RFC 9649, 2024.
    """
    indices, tokens, n_bits = choose_indices(subject, bit_weight, effort, n_threads, for_webp=True)
    return Parsed(TiledImage(indices, subject.palette, tokens), n_bits / 8)


def can_tile(image: IndexedImage) -> bool:
    """Tell whether `tiled_webp` can write a picture."""
    few = len(image.palette) < FEWEST_COLORS
    return isinstance(image, TiledImage) and not few and max(image.indices.shape) <= LONGEST_SIDE


def tiled_webp(image: TiledImage) -> bytes:
    """Write the literals and matches of a picture as lossless WebP.

    Colors follow those that they are near to: of each only the step from the last is written.
    """
    order = by_steps(image)
    tokens = renamed_literals(image.tokens, np.argsort(order).astype(np.uint8))
    red, green, blue, alpha = image.palette.colors[order].astype(np.uint32).T
    colors = alpha << 24 | red << 16 | green << 8 | blue
    body = _native.write_webp(tokens, image.width, colors).tobytes()
    padded = body + b"\0" * (len(body) % 2)
    size = 4 + 8 + len(padded)
    return b"RIFF" + pack("<I", size) + b"WEBPVP8L" + pack("<I", len(body)) + padded
