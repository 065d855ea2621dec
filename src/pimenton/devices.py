"""Palettes of one's own: those of devices, of palette files, and of pictures."""

import os
from pathlib import Path

import numpy as np

from pimenton.errors import UnreadableImage
from pimenton.histogram import Histogram
from pimenton.palette import MAX_COLORS, Palette, color_of_hex
from pimenton.png import SIGNATURE, chunks_of
from pimenton.reading import read_image

# Colors in the order of their numbers on the device.
DEVICES: dict[str, str] = {
    # Inks of electrophoretic panels, as their drivers address them.
    "epaper-bw": "000000 ffffff",
    "epaper-bwr": "000000 ffffff ff0000",
    "epaper-bwy": "000000 ffffff ffff00",
    "epaper-gray4": "000000 555555 aaaaaa ffffff",
    "epaper-gray16": " ".join(f"{17 * level:02x}" * 3 for level in range(16)),
    "epaper-6": "000000 ffffff ffff00 ff0000 0000ff 00ff00",
    "epaper-7": "000000 ffffff 00ff00 0000ff ff0000 ffff00 ff8000",
    # The first model's greens, and the later one's grays.
    "gameboy": "0f380f 306230 8bac0f 9bbc0f",
    "gameboy-pocket": "000000 555555 aaaaaa ffffff",
    # The picture processor 2C02's 54 distinct colors.
    "nes": (
        "545454 001e74 081090 300088 440064 5c0030 540400 3c1800 202a00 083a00 004000 003c00 "
        "00323c 000000 989698 084cc4 3032ec 5c1ee4 8814b0 a01464 982220 783c00 545a00 287200 "
        "087c00 007628 006678 eceeec 4c9aec 787cec b062ec e454ec ec58b4 ec6a64 d48820 a0aa00 "
        "74c400 4cd020 38cc6c 38b4cc 3c3c3c a8ccec bcbcec d4b2ec ecaeec ecaed4 ecb4b0 e4c490 "
        "ccd278 b4de78 a8e290 98e2b4 a0d6e4 a0a2a0"
    ),
    "c64": (
        "000000 ffffff 68372b 70a4b2 6f3d86 588d43 352879 b8c76f 6f4f25 433900 9a6759 444444 "
        "6c6c6c 9ad284 6c5eb5 959595"
    ),
    "cga": (
        "000000 0000aa 00aa00 00aaaa aa0000 aa00aa aa5500 aaaaaa 555555 5555ff 55ff55 55ffff "
        "ff5555 ff55ff ffff55 ffffff"
    ),
    "cga-green": "000000 55ff55 ff5555 ffff55",
    "cga-magenta": "000000 55ffff ff55ff ffffff",
}


def find_palette(name: str | os.PathLike[str]) -> tuple[str, ...]:
    """Give a palette's colors in hex, in their order, unused ones too.

    Parameters
    ----------
    name : str or path
        A key of ``DEVICES``, a palette file, or a picture of at most 256 colors; of a PNG with a
        palette, that.

    Raises
    ------
    UnreadableImage
        If a file is damaged or has too many colors.
    OSError
        If a file cannot be opened.

    Examples
    --------
    >>> find_palette("gameboy")
    ('#0f380f', '#306230', '#8bac0f', '#9bbc0f')
    """
    if name in DEVICES:
        return Palette.of_hex(DEVICES[str(name)].split()).hex
    from pimenton.swatches import PALETTE_FORMATS, read_palette

    path = Path(name)
    if path.suffix.lower().removeprefix(".") in PALETTE_FORMATS:
        return read_palette(path).hex
    pixels = read_image(path)
    own = _own_palette(path.read_bytes())
    if own is not None:
        return own.hex
    colors = Histogram.of(pixels).colors
    if len(colors) > MAX_COLORS:
        raise UnreadableImage(f"{path}: {len(colors)} colors are more than {MAX_COLORS}")
    return Palette.of(colors).hex


def colors_of_names(names: str) -> tuple[str, ...]:
    """Part names such as ``#ff0000,#fff`` and spell them in full.

    Raises
    ------
    ValueError
        If one is not a color in hex.

    Examples
    --------
    >>> colors_of_names("#ff0000, fff")
    ('#ff0000', '#ffffff')
    """
    parts = [part.strip().removeprefix("#") for part in names.split(",") if part.strip()]
    full = ["".join(2 * digit for digit in part) if len(part) == 3 else part for part in parts]
    colors = np.array([color_of_hex(part) for part in full], np.uint8).reshape(-1, 4)
    return Palette(colors).hex


def _own_palette(data: bytes) -> Palette | None:
    if not data.startswith(SIGNATURE):
        return None
    chunks = dict(reversed(list(chunks_of(data))))
    # Only color type 3 is drawn with its palette.
    if chunks[b"IHDR"][9] != 3:
        return None
    rows = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)
    colors = np.insert(rows, 3, 255, axis=1)
    alphas = np.frombuffer(chunks.get(b"tRNS", b"")[: len(rows)], np.uint8)
    colors[: len(alphas), 3] = alphas
    colors[colors[:, 3] == 0] = 0
    return Palette(colors)
