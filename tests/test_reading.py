"""Pictures of every kind are read right, or refused in one line."""

import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from images import ROOT
from pimenton import ImageTooLarge, UnreadableImage, compress, read_image

DATA = ROOT.parent / "shared" / "data"
SUITE = sorted(DATA.glob("pngsuite/*.png"))
DAMAGED = sorted(path for path in DATA.glob("malformed/**/*") if path.is_file())


def saved(picture: Image.Image, format: str, **choices: object) -> bytes:
    file = BytesIO()
    picture.save(file, format, **choices)
    return file.getvalue()


def refusal_of(path: Path) -> str:
    """Give the line that refuses a picture; nothing if it can be read."""
    try:
        read_image(path)
    except UnreadableImage as error:
        return str(error)
    return ""


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_png_modes_agree_with_pillow(mode: str) -> None:
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (9, 7, 4), dtype=np.uint8)
    picture = Image.fromarray(rgba).convert(mode)
    expected = np.array(picture.convert("RGBA"))
    expected[expected[:, :, 3] == 0] = 0
    assert np.array_equal(read_image(saved(picture, "PNG")), expected)


def test_sixteen_bit_grays_are_rounded() -> None:
    values = np.array([[0, 128, 129, 257, 65535]], dtype=np.uint16)
    pixels = read_image(saved(Image.fromarray(values), "PNG"))
    assert pixels[0, :, 0].tolist() == [0, 0, 1, 1, 255]


def test_cmyk_and_rotation_are_resolved() -> None:
    cmyk = Image.new("CMYK", (2, 3), (0, 255, 255, 0))
    pixels = read_image(saved(cmyk, "TIFF"))
    assert pixels.shape == (3, 2, 4)
    assert pixels[0, 0, 0] > 200 > 60 > pixels[0, 0, 1]
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = saved(Image.new("RGB", (4, 2)), "JPEG", exif=exif)
    assert read_image(turned).shape == (4, 2, 4)


def test_every_kind_of_source_gives_the_same_pixels(tmp_path: Path) -> None:
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    path = tmp_path / "picture.png"
    picture.save(path)
    expected = read_image(np.asarray(picture))
    with path.open("rb") as file:
        for source in (path, str(path), path.read_bytes(), file, picture):
            assert np.array_equal(read_image(source), expected)


def test_pixel_limit_comes_before_decoding() -> None:
    data = saved(Image.new("L", (100, 100)), "PNG")
    with pytest.raises(ImageTooLarge, match="100"):
        read_image(data, max_pixels=9_999)


@pytest.mark.parametrize("cut", [10, 40, 200])
def test_a_truncated_picture_is_refused(cut: int) -> None:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8))
    for format in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"):
        data = saved(picture, format)
        with pytest.raises(UnreadableImage) as caught:
            read_image(data[: min(cut, len(data) - 20)])
        assert "\n" not in str(caught.value)


def test_a_wrong_type_is_said() -> None:
    with pytest.raises(TypeError, match="a path, bytes, a file"):
        read_image(3.5)


@pytest.mark.skipif(not SUITE, reason="no picture collection here")
def test_png_suite_compresses_or_is_refused_in_one_line() -> None:
    for path in SUITE:
        if path.name.startswith("x"):
            assert "\n" not in refusal_of(path), path
        else:
            result = compress(path, n_colors=256, effort="fast")
            assert np.array_equal(read_image(result.data), result.image.to_pixels())


@pytest.mark.skipif(not DAMAGED, reason="no picture collection here")
def test_damaged_files_are_refused_at_once() -> None:
    for path in DAMAGED:
        started = time.monotonic()
        assert "\n" not in refusal_of(path), path
        assert time.monotonic() - started < 10, path
