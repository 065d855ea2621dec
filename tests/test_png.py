"""PNG files are decoded to every bit, or refused."""

import zlib
from struct import pack

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crafted import GRAY, GRAY_ALPHA, PALETTE, RGB, RGB_ALPHA, gamma_curve, icc_profile, png_file
from pimenton import ImageTooLarge, UnreadableImage, read_image
from pimenton.png import decode_png
from pimenton.profiles import MatrixProfile

KINDS = [
    *[(GRAY, depth, 1) for depth in (1, 2, 4, 8, 16)],
    *[(color_type, depth, n) for color_type, n in ((RGB, 3), (GRAY_ALPHA, 2), (RGB_ALPHA, 4))
      for depth in (8, 16)],
]  # fmt: skip
EXIF = bytes.fromhex("4d4d002a00000008 0001 0112000300000001 00060000 00000000")


def refusal_of(data: bytes) -> str:
    """Give the line that refuses a picture; nothing if it can be read."""
    try:
        read_image(data, max_pixels=10_000)
    except UnreadableImage as error:
        return str(error)
    return ""


def gray_file(values: list[int], depth: int = 8, **choices: object) -> bytes:
    samples = np.array(values).reshape(1, -1, 1)
    return png_file(samples, GRAY, depth, **choices)


@pytest.mark.parametrize(("color_type", "depth", "n_channels"), KINDS)
@given(
    width=st.integers(1, 18),
    height=st.integers(1, 18),
    interlaced=st.booleans(),
    filters=st.lists(st.integers(0, 4), min_size=1, max_size=6),
    seed=st.integers(0, 999),
)
def test_every_sample_comes_back(
    color_type: int, depth: int, n_channels: int,
    width: int, height: int, interlaced: bool, filters: list[int], seed: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, 1 << depth, (height, width, n_channels))
    data = png_file(samples, color_type, depth, interlaced=interlaced, filters=filters)
    scale = 255 // ((1 << depth) - 1) if depth < 8 else 1
    assert np.array_equal(decode_png(data, 10**6).samples, samples * scale)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palettes_have_opacity_and_black_beyond_their_end(depth: int) -> None:
    indices = np.arange(1 << depth).reshape(1, -1, 1)
    colors = bytes([9, 8, 7, 6, 5, 4])
    chunks = [(b"PLTE", colors), (b"tRNS", b"\x80")]
    data = png_file(indices, PALETTE, depth, chunks=chunks)
    if depth > 1:
        assert f"an index of {(1 << depth) - 1} in a palette of 2 colors" in refusal_of(data)
    pixels = read_image(data, lenient=True)[0]
    assert pixels[:2].tolist() == [[9, 8, 7, 128], [6, 5, 4, 255]]
    assert (pixels[2:] == [0, 0, 0, 255]).all()


def test_the_transparent_color_is_compared_at_all_its_bits() -> None:
    clear = [(b"tRNS", pack(">H", 0x1234))]
    pixels = read_image(gray_file([0x1234, 0x1235], 16, chunks=clear))
    assert pixels[0].tolist() == [[0, 0, 0, 0], [0x12, 0x12, 0x12, 255]]
    pixels = read_image(gray_file([0, 1, 2, 3], 2, chunks=[(b"tRNS", b"\0\2")]))
    assert pixels[0, :, 3].tolist() == [255, 255, 0, 255]
    colors = np.array([[[0x100, 0x200, 0x300], [0x100, 0x200, 0x301]]])
    clear = [(b"tRNS", pack(">HHH", 0x100, 0x200, 0x300))]
    assert read_image(png_file(colors, RGB, 16, chunks=clear))[0, :, 3].tolist() == [0, 255]


def test_sixteen_bits_are_rounded_not_cut() -> None:
    values = list(range(0, 65536, 7))
    pixels = read_image(gray_file(values, 16))
    assert pixels[0, :, 0].tolist() == [round(value / 257) for value in values]


def test_a_cut_file_is_refused_or_whole() -> None:
    rng = np.random.default_rng(0)
    data = png_file(rng.integers(0, 256, (9, 9, 3)), RGB, 8)
    whole = read_image(data)
    for end in range(1, len(data) - 24):
        with pytest.raises(UnreadableImage):
            read_image(data[:end])
    for end in range(len(data) - 15, len(data)):
        assert "the file ends early" in refusal_of(data[:end])
        assert np.array_equal(read_image(data[:end], lenient=True), whole)


def test_a_stream_that_ends_early_is_refused() -> None:
    data = gray_file([1, 2, 3], 8)
    body = zlib.compress(b"\0\1")
    short = data[:33] + pack(">I", len(body)) + b"IDAT" + body
    short += pack(">I", zlib.crc32(b"IDAT" + body))
    with pytest.raises(UnreadableImage, match="ends after 50 %"):
        read_image(short)


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"gAMA"])
def test_damage_counts_where_it_changes_the_picture(kind: bytes) -> None:
    chunks = [(b"gAMA", pack(">I", 45455)), (b"PLTE", b"abcdef"), (b"tRNS", b"\x10")]
    data = bytearray(png_file(np.zeros((1, 1, 1), int), PALETTE, 1, chunks=chunks))
    start = data.index(kind)
    data[start + 4] ^= 1
    with pytest.raises(UnreadableImage, match=f"wrong checksum of {kind.decode()}"):
        read_image(bytes(data))
    if kind == b"gAMA":
        assert read_image(bytes(data), lenient=True)[0, 0].tolist() == [97, 98, 99, 16]
    else:
        with pytest.raises(UnreadableImage, match="wrong checksum"):
            read_image(bytes(data), lenient=True)


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 200))
def test_any_bytes_are_a_picture_or_refused_in_one_line(junk: bytes, at: int, n: int) -> None:
    rng = np.random.default_rng(0)
    data = png_file(rng.integers(0, 256, (5, 5, 3)), RGB, 8, chunks=[(b"eXIf", EXIF)])
    line = refusal_of(data[:at] + junk + data[at + n :])
    assert "\n" not in line
    assert line.startswith("picture: ") or not line


def test_huge_pictures_are_refused_before_decoding() -> None:
    data = bytearray(gray_file([0]))
    data[16:24] = pack(">II", 2**31 - 1, 2**31 - 1)
    data[29:33] = pack(">I", zlib.crc32(data[12:29]))
    with pytest.raises(ImageTooLarge, match="2147483647 x 2147483647 pixels are more than"):
        read_image(bytes(data))


def test_metadata_that_inflates_without_end_is_passed_over() -> None:
    bomb = b"name\0\0" + zlib.compress(bytes(1 << 25))
    data = gray_file([7], chunks=[(b"iCCP", bomb), (b"zTXt", b"Raw profile type exif" + bomb[4:])])
    assert "unpacks to more than 16777216 bytes" in refusal_of(data)
    assert read_image(data, lenient=True)[0, 0].tolist() == [7, 7, 7, 255]


def test_a_profile_wins_over_srgb_and_that_over_gamma() -> None:
    gamma = (b"gAMA", pack(">I", 100000))
    mark = (b"sRGB", b"\0")
    profile = (b"iCCP", b"wide\0\0" + zlib.compress(icc_profile(gamma_curve(1.8))))
    assert read_image(gray_file([64], chunks=[gamma]))[0, 0, 0] == 137
    assert read_image(gray_file([64], chunks=[gamma, mark]))[0, 0, 0] == 64
    encoding = decode_png(gray_file([64], chunks=[gamma, mark, profile]), 1).encoding
    assert isinstance(encoding, MatrixProfile)


def test_orientation_is_found_where_programs_put_it() -> None:
    hexadecimal = b"\nexif\n" + str(len(EXIF)).encode() + b"\n" + EXIF.hex().encode() + b"\n"
    xmp = b'<rdf:Description tiff:Orientation="6"/>'
    places = [
        (b"eXIf", EXIF),
        (b"tEXt", b"Raw profile type exif\0" + hexadecimal),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(hexadecimal)),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)),
    ]
    for place in places:
        assert read_image(gray_file([1, 2, 3], chunks=[place])).shape == (3, 1, 4), place
