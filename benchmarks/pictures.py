"""The pictures that are measured: the bundled one, or those of a folder of test sets."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

import pimenton

Rgb: TypeAlias = NDArray[np.uint8]  # (height, width, 3)

BUNDLED = Path(__file__).resolve().parents[1] / "examples" / "pictures" / "fruits.png"
PEPPERS = "classic/dev/peppers.tiff"
LARGE = "large/dev/Louvre.jpg"
# Two classics, two of Kodak's and two of CQ100, for tables that average.
SIX = (
    PEPPERS,
    "classic/dev/mandrill.tiff",
    "kodak/dev/kodim07.png",
    "kodak/dev/kodim23.png",
    "cq100/dev/fruits.png",
    "cq100/dev/pink_mosque.png",
)
PHOTOGRAPHS = ("kodak/dev", "cq100/dev")


def rgb_of(path: Path) -> Rgb:
    """Read a picture without its opacity."""
    return np.ascontiguousarray(pimenton.read_image(path)[:, :, :3])


def present(data: Path | None, names: tuple[str, ...]) -> list[tuple[str, Rgb]]:
    """Give those of the named pictures that are in the folder, by their short names."""
    paths = [data / name for name in names if data is not None and (data / name).exists()]
    return [(path.stem, rgb_of(path)) for path in paths]


def photographs(data: Path | None) -> list[Path]:
    """Give the paths of all photographs of CQ100 and Kodak in the folder."""
    if data is None:
        return []
    return [path for name in PHOTOGRAPHS for path in sorted((data / name).glob("*.png"))]


def digest_of(pixels: NDArray[np.uint8]) -> str:
    """Name a picture by its size and pixels."""
    content = repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()
    return hashlib.sha256(content).hexdigest()[:24]


def tiles_of(pixels: Rgb, megapixels: tuple[int, ...]) -> Iterator[tuple[int, Rgb]]:
    """Cut crops of so many megapixels, of one shape, from the middle of a picture."""
    height, width = pixels.shape[:2]
    for size in megapixels:
        share = (size * 2**20 / (height * width)) ** 0.5
        if share > 1:
            return
        rows, columns = round(height * share), round(width * share)
        top, left = (height - rows) // 2, (width - columns) // 2
        yield size, np.ascontiguousarray(pixels[top : top + rows, left : left + columns])
