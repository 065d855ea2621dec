"""GIFs of indices chosen inside an LZW parse: what is decoded is what was chosen."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from images import FRUITS, images
from pimenton import _native, compress, measure, read_image
from pimenton.formats import encode
from pimenton.gif import LOOK_AHEAD, CodedImage, coded_gif, parse_gif
from pimenton.indexed import IndexedImage
from pimenton.parsing import Recipe, Subject
from pimenton.pixels import Pixels, round_opacity
from reference import unpack_lzw
from subjects import WIDTHS, decoded, subject_of


def parsed(subject: Subject, bit_weight: float, **choices: Any) -> CodedImage:
    image = parse_gif(subject, bit_weight, **choices).image
    assert isinstance(image, CodedImage)
    return image


@pytest.fixture(scope="module")
def photograph() -> Subject:
    return subject_of(np.ascontiguousarray(read_image(FRUITS)[:192, :256]))


@given(images(), st.integers(1, 256), st.sampled_from([0.0, 0.3, 5.0, 1000.0]))
@settings(max_examples=60, deadline=None)
def test_what_is_decoded_is_what_was_chosen(pixels: Pixels, k: int, bit_weight: float) -> None:
    image = parsed(subject_of(round_opacity(pixels), k), bit_weight)
    # With too few colors an entry can stand for clear and opaque pixels; a GIF shows it as either.
    assert np.array_equal(decoded(encode(image, "gif")), round_opacity(image.to_pixels()))
    bits = max(2, (len(image.palette) - 1).bit_length())
    assert unpack_lzw(image.codes, bits) == image.indices.ravel().tolist()


@given(images(), st.integers(2, 40), st.sampled_from([0.1, 1000.0]))
@settings(max_examples=40, deadline=None)
def test_clear_stays_clear(pixels: Pixels, k: int, bit_weight: float) -> None:
    pixels = round_opacity(pixels)
    subject = subject_of(pixels, k)
    if {0, 255} <= set(subject.palette.colors[:, 3].tolist()):
        drawn = parsed(subject, bit_weight).to_pixels()
        assert np.array_equal(drawn[:, :, 3], pixels[:, :, 3])


@given(images(), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_where_bits_are_worth_nothing_each_pixel_takes_its_nearest(pixels: Pixels, k: int) -> None:
    pixels[:, :, 3] = 255
    subject = subject_of(pixels, k)
    nearest = _native.assign(subject.points, subject.entries, 1)[subject.ranks]
    chosen = parsed(replace(subject, recipe=Recipe(carried=0.0)), 0.0).indices
    # Of entries as near as each other the parse may take either; and the slack is not nothing.
    points = subject.points[subject.ranks]
    off = ((subject.entries[chosen] - points) ** 2).sum(axis=2)
    assert np.allclose(off, ((subject.entries[nearest] - points) ** 2).sum(axis=2), atol=1e-3)


def test_more_weight_of_bits_makes_smaller_files(photograph: Subject) -> None:
    sizes = [len(parsed(photograph, 0.05 * 2**i).codes) for i in range(7)]
    for size, doubled in pairwise(sizes):
        assert doubled <= 1.01 * size
    assert sizes[-1] < 0.5 * sizes[0]


def test_the_parse_beats_mapping_and_its_codes_beat_others(photograph: Subject) -> None:
    nearest = _native.assign(photograph.points, photograph.entries, 1)[photograph.ranks]
    mapped = IndexedImage(nearest.astype(np.uint8), photograph.palette)
    image = parsed(photograph, 0.2)
    size = len(encode(image, "gif"))
    assert size < 0.8 * len(encode(mapped, "gif"))
    assert size < 0.9 * len(encode(IndexedImage(image.indices, image.palette), "gif"))


def test_a_flat_picture_takes_few_codes() -> None:
    pixels = np.full((200, 200, 4), 255, np.uint8)
    pixels[0, :, 0] = np.arange(200)
    assert len(parsed(subject_of(pixels), 0.2).codes) < 1500


@pytest.mark.parametrize("effort", LOOK_AHEAD)
def test_threads_and_simd_change_nothing(
    photograph: Subject, effort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pimenton.gif.BAND_PIXELS", 12_000)
    widest = _native.simd_width()
    results: list[CodedImage] = []
    for width in WIDTHS[: WIDTHS.index(widest) + 1]:
        _native.set_simd_width(width)
        results += [parsed(photograph, 0.3, effort=effort, n_threads=n) for n in (1, 3)]
    _native.set_simd_width(widest)
    assert all(other.codes == results[0].codes for other in results)
    assert np.array_equal(decoded(coded_gif(results[0])), results[0].to_pixels())


def test_a_gif_reaches_the_quality_it_is_asked_for(tmp_path) -> None:
    pixels = np.ascontiguousarray(read_image(FRUITS)[100:292, 100:356])
    result = compress(pixels, tmp_path / "x.gif", quality=70)
    reached = measure(pixels, decoded(result.data)).ssimulacra2
    assert result.report.quality == pytest.approx(reached)
    assert 70 <= reached < 73


def test_soft_opacity_is_rounded_before_it_is_drawn() -> None:
    pixels = np.array([[[9, 8, 7, 127], [9, 8, 7, 128], [1, 2, 3, 255]]], np.uint8)
    assert round_opacity(pixels).tolist() == [[[0, 0, 0, 0], [9, 8, 7, 255], [1, 2, 3, 255]]]
    hard = pixels[:, 2:]
    assert round_opacity(hard) is hard


def test_a_negative_weight_is_refused(photograph: Subject) -> None:
    with pytest.raises(ValueError, match="bit_weight must be at least 0; got -1"):
        parsed(photograph, -1.0)
