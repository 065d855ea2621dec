"""A drawing is written in fewer bytes, and stays the same picture."""

import zlib

import numpy as np
import pytest

from pimenton import IndexedImage, Palette, read_image
from pimenton.formats import encode
from pimenton.streams import MOST_PIXELS, shortened

RAMP = Palette.of_hex([f"#{8 * i:02x}4060{255 - 3 * (i % 9):02x}" for i in range(30)])


def drawing(n_colors: int, seed: int = 3) -> IndexedImage:
    """Draw a few rectangles with edges of other colors."""
    rng = np.random.default_rng(seed)
    indices = np.zeros((80, 90), np.uint8)
    for color in rng.integers(0, n_colors, 25):
        y, x = rng.integers(0, 70), rng.integers(0, 70)
        indices[y : y + 20, x : x + 20] = color
        indices[y, x : x + 20] = (color + 1) % n_colors
    return IndexedImage(indices, Palette(RAMP.colors[:n_colors].copy()))


@pytest.mark.parametrize("n_colors", [2, 13, 30])
@pytest.mark.parametrize("parsed", [False, True])
def test_the_file_shows_the_same_picture_and_is_no_larger(n_colors: int, parsed: bool) -> None:
    image = drawing(n_colors)
    data = encode(image, parsed=parsed)
    same, shorter = shortened(image, data)
    assert len(shorter) <= len(data)
    assert (read_image(shorter) == image.to_pixels()).all()
    assert (same.to_pixels() == image.to_pixels()).all()


def test_a_drawing_of_many_colors_gets_shorter() -> None:
    image = drawing(30)
    data = encode(image, parsed=True)
    assert len(shortened(image, data)[1]) < len(data)


@pytest.mark.parametrize("hues", ["40{0:02x}60", "{0:02x}{0:02x}{0:02x}"])
def test_filtered_rows_are_written_anew(hues: str) -> None:
    y, x = np.mgrid[:120, :120]
    palette = Palette.of_hex(["#" + hues.format(i) for i in range(250)])
    image = IndexedImage(((x * x + y * y) // 250 + (x * y) // 97 % 3).astype(np.uint8), palette)
    data = encode(image)
    filters = zlib.decompress(data[data.index(b"IDAT") + 4 : -16])[:: image.width + 1]
    assert any(filters)
    _, shorter = shortened(image, data, "best")
    assert len(shorter) < len(data)
    assert (read_image(shorter) == image.to_pixels()).all()


@pytest.mark.parametrize("effort", ["fast", "balanced", "best"])
def test_large_pictures_stay_as_they_are(effort: str) -> None:
    image = IndexedImage(np.zeros((MOST_PIXELS[effort] // 512 + 1, 512), np.uint8), RAMP)
    assert shortened(image, b"data", effort) == (image, b"data")
