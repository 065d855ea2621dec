"""Pictures of every kind are read right, or refused in one line."""

import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crafted import tiff_file
from images import ROOT
from pimenton import ImageTooLarge, UnreadableImage, as_rgba, compress, read_image
from pimenton.reading import format_in

SAMPLES = ROOT / "tests" / "samples"
DATA = ROOT.parent / "shared" / "data"
SUITE = sorted(DATA.glob("pngsuite/*.png"))
DAMAGED = sorted(path for path in DATA.glob("malformed/**/*") if path.suffix)


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


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("n_channels", [1, 3, 4])
def test_sixteen_bit_tiffs_are_rounded_not_cut(order: str, n_channels: int) -> None:
    rng = np.random.default_rng(0)
    samples = rng.integers(257, 65536, (9, 7, n_channels)).astype(np.uint16)
    alpha = 2 if n_channels == 4 else None
    pixels = read_image(tiff_file(samples, order, alpha=alpha))
    expected = as_rgba(samples)
    assert np.array_equal(pixels, expected)


def test_colors_multiplied_by_opacity_are_divided() -> None:
    samples = np.array([[[0x2000, 0x4000, 0x8000, 0x8000], [0, 0, 0, 0]]], np.uint16)
    pixels = read_image(tiff_file(samples, "<", alpha=1))
    assert pixels.tolist() == [[[64, 128, 255, 128], [0, 0, 0, 0]]]


def test_sixteen_bit_planes_are_refused_not_read_as_noise() -> None:
    samples = np.zeros((3, 4, 4), np.uint16)
    with pytest.raises(UnreadableImage, match="separate planes"):
        read_image(tiff_file(samples, "<", alpha=2, separate=True))


def test_what_libtiff_says_stays_unsaid(capfd: pytest.CaptureFixture[str]) -> None:
    file = BytesIO()
    Image.new("RGB", (30, 30)).save(file, "TIFF", compression="tiff_lzw")
    data = file.getvalue()
    with pytest.raises(UnreadableImage, match="damaged image"):
        read_image(data[:8] + bytes(40) + data[48:])
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK", "1", "I;16", "HSV", "LAB"])
def test_pillow_pictures_of_every_mode_are_taken(mode: str) -> None:
    pixels = read_image(Image.new(mode, (3, 2)))
    assert pixels.shape == (2, 3, 4)
    assert pixels.dtype == np.uint8


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


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "AVIF", "QOI"])
def test_a_cut_picture_is_refused_or_whole(format: str) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8))
    choices = {"compression": "tiff_adobe_deflate"} if format == "TIFF" else {}
    data = saved(noise, format, **choices)
    whole = read_image(data)
    n_refused = 0
    for end in range(0, len(data), 7):
        try:
            pixels = read_image(data[:end])
        except UnreadableImage as error:
            n_refused += "\n" not in str(error)
        else:
            assert np.array_equal(pixels, whole), end
            n_refused += len(data) - end < 40
    assert n_refused == len(range(0, len(data), 7))


@pytest.mark.parametrize("data", [b"a picture", b"\x89PNG", b"%!PS-Adobe-3.0 EPSF-3.0", b"\0" * 99])
def test_what_is_no_picture_is_said(data: bytes) -> None:
    with pytest.raises(UnreadableImage, match=r"^picture: not an image$"):
        read_image(data)
    with pytest.raises(UnreadableImage, match=r"^picture: empty file$"):
        read_image(b"")


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
        line = refusal_of(path)
        assert line, path
        assert "\n" not in line, path
        assert time.monotonic() - started < 10, path


def test_heic_is_read_upright_and_with_its_opacity() -> None:
    pytest.importorskip("pi_heif")
    turned = read_image(SAMPLES / "turned_becomes_upright.heic")
    assert turned.shape == (64, 32, 4)
    # Blue, red, yellow and green, as they are seen; coding moves a color by a step or two.
    corners = turned[[8, 8, -8, -8], [8, -8, 8, -8], :3].astype(int)
    wanted = [[40, 60, 220], [220, 30, 30], [230, 220, 60], [30, 200, 60]]
    assert np.abs(corners - wanted).max() <= 3
    clear = read_image(SAMPLES / "clear_middle_stays_clear.heic")
    assert clear[16, 32].tolist() == [0, 0, 0, 0]
    assert (clear[[2, -2], [2, -2], 3] == 255).all()


def test_heic_is_known_and_its_decoder_asked_for() -> None:
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
    assert format_in(data[:64]) == "heif"
    with pytest.raises(UnreadableImage, match=r"^picture: (HEIC needs pi-heif|damaged image)"):
        read_image(data)
    avif = b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf"
    assert format_in(avif) == "avif"
