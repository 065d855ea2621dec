"""Palette indices that GIF codes well: chosen inside a lossy LZW parse, as for PNG in `parsing`.

LZW knows a phrase only once it has written it, one pixel longer each time, and every code takes the
same 9 to 12 bits; so what counts is how many pixels a code stands for. Phrases are chosen among
those of the dictionary that come near to the source, and the codes are kept with the picture: who
coded its indices anew, with a dictionary that grows otherwise, would need a third more bytes.
"""

from dataclasses import dataclass
from struct import pack

import numpy as np

from pimenton import _native
from pimenton.indexed import IndexedImage
from pimenton.parsing import BAND_PIXELS, MAX_ERROR, Parsed, Subject
from pimenton.pixels import thread_count


@dataclass(frozen=True)
class LookAhead:
    """How many ways the parse follows at once.

    Attributes
    ----------
    n_first : int
        Entries that phrases may begin with.
    n_kept : int
        Phrases walked on from one pixel to the next.
    horizon : int
        Pixels looked ahead before a code is settled.
    """

    n_first: int
    n_kept: int
    horizon: int


LOOK_AHEAD = {
    "fast": LookAhead(n_first=3, n_kept=3, horizon=10),
    "large": LookAhead(n_first=3, n_kept=3, horizon=10),
    "balanced": LookAhead(n_first=6, n_kept=6, horizon=16),
    "best": LookAhead(n_first=16, n_kept=16, horizon=32),
}


@dataclass(frozen=True, eq=False)
class CodedImage(IndexedImage):
    """A picture of few colors with the LZW codes that write it.

    Attributes
    ----------
    codes : bytes
        The codes, packed as GIF packs them.
    """

    codes: bytes

    def without_unused(self) -> "CodedImage":
        """Give the picture as it is: with fewer entries, codes would be others."""
        return self


def parse_gif(
    subject: Subject,
    bit_weight: float,
    *,
    effort: str = "balanced",
    n_threads: int | None = None,
) -> Parsed:
    """Choose indices that are near to the source and cheap for LZW.

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
        Its image is a `CodedImage`.

    References
    ----------
    .. [1] T. Welch, "A technique for high-performance data compression", Computer 17, 1984.
    .. [2] CompuServe, "Graphics Interchange Format, version 89a", 1990.
    """
    if not bit_weight >= 0:
        raise ValueError(f"bit_weight must be at least 0; got {bit_weight}")
    height, width = subject.ranks.shape
    n_bands = max(1, round(height * width / BAND_PIXELS))
    how = LOOK_AHEAD[effort]
    indices, codes = _native.parse_lzw(
        np.ascontiguousarray(subject.ranks),
        subject.points,
        subject.exact,
        np.ascontiguousarray(subject.weights),
        subject.entries,
        bit_weight=bit_weight,
        carried=subject.recipe.carried,
        cap=MAX_ERROR,
        n_first=how.n_first,
        n_kept=how.n_kept,
        horizon=how.horizon,
        rows_per_band=-(-height // n_bands),
        n_threads=thread_count(n_threads),
    )
    return Parsed(CodedImage(indices, subject.palette, codes.tobytes()), len(codes))


def coded_gif(image: CodedImage) -> bytes:
    """Write a GIF of codes; all entries that are more clear than not must be one."""
    bits = max(2, (len(image.palette) - 1).bit_length())
    colors = np.zeros((1 << bits, 3), np.uint8)
    colors[: len(image.palette)] = image.palette.colors[:, :3]
    clear = np.flatnonzero(image.palette.colors[:, 3] < 128)
    # A graphic control extension names the transparent index.
    control = pack("<BBBBHBB", 0x21, 0xF9, 4, 1, 0, int(clear[0]), 0) if len(clear) else b""
    blocks = (image.codes[i : i + 255] for i in range(0, len(image.codes), 255))
    return b"".join(
        [
            b"GIF89a",
            pack("<HHBBB", image.width, image.height, 0xF0 | (bits - 1), 0, 0),
            colors.tobytes(),
            control,
            pack("<BHHHHB", 0x2C, 0, 0, image.width, image.height, 0),
            bytes([bits]),
            *(bytes([len(block)]) + block for block in blocks),
            b"\0;",
        ]
    )
