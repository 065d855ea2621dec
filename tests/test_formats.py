"""What is encoded is decoded again, and files are written whole or not at all."""

import os
import stat
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pimenton import IndexedImage, Palette, encode, read_image
from pimenton.formats import FORMATS, format_of, pack_indices, write_atomically


def indexed(n_colors: int, width: int, height: int, opacity: str, seed: int) -> IndexedImage:
    """Make a picture of random colors, of which some may be unused, equal or clear."""
    rng = np.random.default_rng(seed)
    colors = rng.integers(0, 256, (n_colors, 4), dtype=np.uint8)
    if opacity == "opaque":
        colors[:, 3] = 255
    elif opacity == "mask":
        colors[:, 3] = np.where(colors[:, 3] < 128, 0, 255)
    colors[colors[:, 3] == 0] = 0
    indices = rng.integers(0, n_colors, (height, width), dtype=np.uint8)
    return IndexedImage(indices, Palette(colors))


pictures = st.builds(
    indexed,
    st.one_of(st.integers(1, 18), st.integers(1, 256)),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["opaque", "mask", "soft"]),
    st.integers(0, 9999),
)


@pytest.mark.parametrize("format", ["png", "webp", "tiff"])
@given(image=pictures)
def test_decoding_gives_the_pixels_back(format: str, image: IndexedImage) -> None:
    assert np.array_equal(read_image(encode(image, format)), image.to_pixels())


@pytest.mark.parametrize("effort", ["fast", "best"])
@given(image=pictures)
def test_effort_changes_no_pixel(effort: str, image: IndexedImage) -> None:
    assert np.array_equal(read_image(encode(image, "png", effort=effort)), image.to_pixels())


@given(image=pictures)
def test_gif_holds_all_but_partial_opacity(image: IndexedImage) -> None:
    pixels = image.to_pixels()
    expected = np.where(pixels[:, :, 3:] < 128, 0, pixels | np.array([0, 0, 0, 255], np.uint8))
    assert np.array_equal(read_image(encode(image, "gif")), expected)


@given(image=pictures)
def test_bmp_holds_opaque_pictures(image: IndexedImage) -> None:
    if image.palette.is_opaque:
        assert np.array_equal(read_image(encode(image, "bmp")), image.to_pixels())
    else:
        with pytest.raises(ValueError, match="bmp has no opacity"):
            encode(image, "bmp")


@given(image=pictures, effort=st.sampled_from(["fast", "balanced", "best"]))
def test_png_has_the_least_depth_that_holds_the_palette(image: IndexedImage, effort: str) -> None:
    data = encode(image, effort=effort)
    assert data[24] == next(bits for bits in (1, 2, 4, 8) if len(image.palette) <= 2**bits)
    assert data[25] == 3
    with Image.open(BytesIO(data)) as picture:
        expected = image.palette.colors[:, :3].tobytes()
        assert bytes(picture.getpalette() or b"")[: len(expected)] == expected


def test_indices_are_packed_high_bits_first() -> None:
    four = IndexedImage(np.array([[0, 1, 2, 3, 1]], np.uint8), Palette.of_hex(["#000000"] * 4))
    assert pack_indices(four).tolist() == [[0b00_01_10_11, 0b01_00_00_00]]


def test_gif_has_one_transparent_index() -> None:
    palette = Palette(np.array([[1, 2, 3, 0], [4, 5, 6, 0], [7, 8, 9, 255]], np.uint8))
    image = IndexedImage(np.array([[0, 1, 2]], np.uint8), palette)
    with Image.open(BytesIO(encode(image, "gif"))) as picture:
        assert picture.info["transparency"] == 0
        assert np.asarray(picture).tolist() == [[0, 0, 2]]


def test_an_unknown_format_is_said() -> None:
    image = indexed(2, 2, 2, "opaque", 0)
    with pytest.raises(ValueError, match="format must be one of png"):
        encode(image, "jpeg")
    with pytest.raises(ValueError, match=r"must end in \.png"):
        format_of(Path("picture.jpg"))
    assert [format_of(Path(f"a.{name.upper()}")) for name in FORMATS] == list(FORMATS)


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.write_bytes(b"")
    write_atomically(ours, b"data")
    assert ours.read_bytes() == b"data"
    assert ours.stat().st_mode == plain.stat().st_mode


def test_a_replaced_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"before")
    path.chmod(0o640)
    write_atomically(path, b"after")
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "target.png", tmp_path / "link.png"
    target.write_bytes(b"before")
    link.symlink_to(target.name)
    write_atomically(link, b"after")
    assert link.is_symlink()
    assert target.read_bytes() == b"after"


def test_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"before")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["picture.png"]
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "picture.png", b"data")
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path, b"data")


def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    write_atomically(Path(os.devnull), b"data")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
