"""WebPs of indices chosen inside a parse of their own: what is decoded is what was chosen."""

import os
from dataclasses import replace
from struct import pack
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from images import FRUITS, images
from pimenton import Palette, _native, compress, measure, read_image
from pimenton.formats import encode
from pimenton.indexed import IndexedImage
from pimenton.parsing import THOROUGHNESS, Subject, parse
from pimenton.pixels import Pixels
from pimenton.webp import TiledImage, can_tile, parse_webp, tiled_webp
from reference_parse import inflated
from subjects import WIDTHS, decoded, subject_of


def parsed(subject: Subject, bit_weight: float, **choices: Any) -> TiledImage:
    image = parse_webp(subject, bit_weight, **choices).image
    assert isinstance(image, TiledImage)
    return image


@pytest.fixture(scope="module")
def photograph() -> Subject:
    return subject_of(np.ascontiguousarray(read_image(FRUITS)[:192, :256]))


def written(tokens: list[int], width: int, n_colors: int) -> NDArray[np.uint8]:
    """Write tokens with a gray for each index, and give the indices that are decoded."""
    grays = np.arange(n_colors, dtype=np.uint32) * 0x010101 | 0xFF000000
    body = _native.write_webp(np.array(tokens, np.uint32), width, grays).tobytes()
    body += b"\0" * (len(body) % 2)
    head = b"RIFF" + pack("<I", 12 + len(body)) + b"WEBPVP8L" + pack("<I", len(body))
    return decoded(head + body)[:, :, 0]


def test_matches_copy_what_lies_so_far_back() -> None:
    rows = [[5, 16, 16, 16], [16, 9, 9, 9], [16, 16, 16, 9]]
    assert written([5, 16, 3 << 16 | 1, 9, 9, 9, 4 << 16 | 6], 4, 17).tolist() == rows


@pytest.mark.skipif("LONG_TESTS" not in os.environ, reason="a gigabyte; set LONG_TESTS=1")
def test_the_largest_tiles_are_large_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    n_rows = 8448  # with 64 columns of 256 pixels more tiles than there may be
    bar = [258 << 16 | 1] * 63 + [129 << 16 | 1]
    tokens = [token for y in range(n_rows) for token in (y % 256, *bar)]
    indices = written(tokens, 1 << 14, 256)
    assert np.array_equal(indices[:, 0], np.arange(n_rows) % 256)
    assert (indices == indices[:, :1]).all()


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[int], int, int]:
    """Draw literals and matches that fill some rows, how wide these are, and how many colors."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width = draw(st.sampled_from([1, 2, 7, 40, 300]))
    n_colors = draw(st.sampled_from([17, 100, 256]))
    n_used = draw(st.sampled_from([1, 2, 3, n_colors]))
    share = draw(st.sampled_from([0.0, 0.3, 0.9]))
    tokens, n = [0] * width, width
    for _ in range(draw(st.sampled_from([0, 1, 50, 3000 if width > 7 else 400]))):
        length, distance = 3 + int(rng.exponential(30)), 1 + int(n * rng.random() ** 4)
        matches = rng.random() < share
        tokens.append(
            min(length, 258) << 16 | min(distance, 32768)
            if matches
            else int(rng.geometric(0.05) % n_used)
        )
        n += min(length, 258) if matches else 1
    return tokens + [n_colors - 1] * (-n % width), width, n_colors


@given(streams())
@settings(deadline=None)
def test_streams_of_tokens_give_their_indices(stream: tuple[list[int], int, int]) -> None:
    tokens, width, n_colors = stream
    assert written(tokens, width, n_colors).tobytes() == inflated(np.array(tokens))


@given(images(), st.integers(17, 256), st.sampled_from([0.0, 0.3, 5.0, 1000.0]))
@settings(max_examples=60, deadline=None)
def test_what_is_decoded_is_what_was_chosen(pixels: Pixels, k: int, bit_weight: float) -> None:
    image = parsed(subject_of(pixels, k), bit_weight)
    assert np.array_equal(decoded(encode(image, "webp")), image.to_pixels())
    assert inflated(image.tokens) == image.indices.tobytes()
    if can_tile(image):
        assert np.array_equal(decoded(tiled_webp(image)), image.to_pixels())


def test_few_colors_are_left_to_other_encoders(photograph: Subject) -> None:
    image = parsed(photograph, 0.2)
    assert can_tile(image)
    few = replace(image, indices=image.indices % 16, palette=Palette(image.palette.colors[:16]))
    assert not can_tile(few)
    assert np.array_equal(decoded(encode(few, "webp")), few.to_pixels())


def test_the_parse_beats_that_for_png_and_its_matches_beat_others(photograph: Subject) -> None:
    image = parsed(photograph, 0.2)
    size = len(tiled_webp(image))
    others = IndexedImage(image.indices, image.palette)
    assert size < 0.93 * len(encode(others, "webp"))
    assert size < 0.93 * len(encode(parse(photograph, 0.2).image, "png", parsed=True))


def test_bits_expected_are_about_those_written(photograph: Subject) -> None:
    found = parse_webp(photograph, 0.2)
    # Tiles have codes of their own; the palette and the codes come on top.
    assert isinstance(found.image, TiledImage)
    assert len(tiled_webp(found.image)) == pytest.approx(found.n_bytes, rel=0.06)


@pytest.mark.parametrize("effort", THOROUGHNESS)
def test_threads_and_simd_change_nothing(
    photograph: Subject, effort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pimenton.parsing.BAND_PIXELS", 12_000)
    widest = _native.simd_width()
    files: list[bytes] = []
    for width in WIDTHS[: WIDTHS.index(widest) + 1]:
        _native.set_simd_width(width)
        files += [tiled_webp(parsed(photograph, 0.3, effort=effort, n_threads=n)) for n in (1, 3)]
    _native.set_simd_width(widest)
    assert len(set(files)) == 1


def test_a_webp_reaches_the_quality_it_is_asked_for(tmp_path) -> None:
    pixels = np.ascontiguousarray(read_image(FRUITS)[100:292, 100:356])
    result = compress(pixels, tmp_path / "x.webp", quality=70)
    reached = measure(pixels, decoded(result.data)).ssimulacra2
    assert result.report.quality == pytest.approx(reached)
    assert 70 <= reached < 73


@pytest.mark.parametrize(
    ("tokens", "width", "n_colors", "said"),
    [
        ([17] * 4, 2, 17, "a token must be"),
        ([0, 4 << 16 | 2], 5, 17, "before the first"),
        ([0] * 5, 2, 17, "fill rows"),
        ([], 1, 17, "fill rows"),
        ([0] * 4, 0, 17, "fill rows"),
        ([0] * 4, 2, 16, "colors must be 17 to 256"),
    ],
)
def test_what_no_webp_can_hold_is_refused(
    tokens: list[int], width: int, n_colors: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        _native.write_webp(np.array(tokens, np.uint32), width, np.zeros(n_colors, np.uint32))


def test_a_negative_weight_is_refused(photograph: Subject) -> None:
    with pytest.raises(ValueError, match="bit_weight must be at least 0; got -1"):
        parsed(photograph, -1.0)
