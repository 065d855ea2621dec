"""Indices chosen inside the parse: near to the source, cheap for deflate, exact where needed."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from images import FRUITS, images
from pimenton import Palette, _native, as_rgba, read_image, remap
from pimenton.formats import encode, parsed_png
from pimenton.histogram import Histogram
from pimenton.indexed import IndexedImage
from pimenton.parsing import THOROUGHNESS, Recipe, Subject, parse, prepare, refine, sharpen
from pimenton.pixels import Pixels
from pimenton.webp import parse_webp
from subjects import decoded, subject_of


@pytest.fixture(scope="module")
def photograph() -> Pixels:
    return np.ascontiguousarray(read_image(FRUITS)[:192, :256])


def deflated(subject: Subject, bit_weight: float) -> int:
    return len(parsed_png(parse(subject, bit_weight).image, "balanced"))


@given(images(), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_where_bits_are_worth_nothing_each_pixel_takes_its_nearest(pixels: Pixels, k: int) -> None:
    pixels[:, :, 3] = 255
    subject = subject_of(pixels, k, carried=0.0)
    nearest = _native.assign(subject.points, subject.entries, 1)[subject.ranks]
    assert np.array_equal(parse(subject, 0.0).image.indices, nearest)


@given(images(), st.integers(1, 40), st.sampled_from([0.0, 0.3, 5.0, 1000.0]))
@settings(max_examples=40, deadline=None)
def test_clear_stays_clear_and_opaque_opaque(pixels: Pixels, k: int, bit_weight: float) -> None:
    subject = subject_of(pixels, k)
    drawn = parse(subject, bit_weight).image.to_pixels()
    for alpha in (0, 255):
        if (subject.palette.colors[:, 3] == alpha).any():
            here = pixels[:, :, 3] == alpha
            assert (drawn[here][:, 3] == alpha).all()
    if {0, 255} <= set(subject.palette.colors[:, 3].tolist()):
        soft = (pixels[:, :, 3] > 0) & (pixels[:, :, 3] < 255)
        kinds = subject.palette.colors[:, 3]
        if ((kinds > 0) & (kinds < 255)).any():
            assert (drawn[soft][:, 3] % 255 > 0).all()


def test_more_weight_of_bits_makes_smaller_files(photograph: Pixels) -> None:
    subject = subject_of(photograph)
    sizes = [deflated(subject, 0.05 * 2**i) for i in range(7)]
    for size, doubled in pairwise(sizes):
        assert doubled <= 1.005 * size
    assert sizes[-1] < 0.4 * sizes[0]


@pytest.mark.parametrize("bit_weight", [0.2, 0.5, 1.0])
def test_predicted_bytes_are_those_written(photograph: Pixels, bit_weight: float) -> None:
    subject = subject_of(photograph)
    parsed = parse(subject, bit_weight)
    overhead = 57 + 3 * len(parsed.image.palette)
    written = len(parsed_png(parsed.image, "balanced")) - overhead
    assert parsed.n_bytes == pytest.approx(written, rel=0.02)


@pytest.mark.parametrize("effort", ["fast", "balanced", "best"])
def test_the_matches_that_were_chosen_are_written(photograph: Pixels, effort: str) -> None:
    image = parse(subject_of(photograph), 0.3, effort=effort).image
    data = parsed_png(image, effort)
    assert np.array_equal(read_image(data), image.to_pixels())
    assert len(data) <= len(parsed_png(IndexedImage(image.indices, image.palette), effort))


def test_a_flat_drawing_keeps_its_exact_colors() -> None:
    rng = np.random.default_rng(5)
    pixels = np.full((64, 96, 4), 255, np.uint8)
    pixels[:, 48:, :3] = rng.integers(0, 256, (64, 48, 3))
    pixels[8:40, 8:40, :3] = (200, 30, 40)
    subject = subject_of(pixels, 64)
    entry = np.abs(subject.palette.colors.astype(int) - (200, 30, 40, 255)).sum(axis=1).argmin()
    colors = subject.palette.colors.copy()
    colors[entry] = (200, 30, 40, 255)
    subject = prepare(pixels, Histogram.of(pixels), Palette(colors))
    drawn = parse(subject, 2.0).image.to_pixels()
    assert (drawn[9:39, 9:39] == (200, 30, 40, 255)).all()


@pytest.mark.parametrize("effort", THOROUGHNESS)
def test_threads_and_simd_change_nothing(
    photograph: Pixels, effort: str, widths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pimenton.parsing.BAND_PIXELS", 12_000)
    soft = photograph.copy()
    soft[60:90, :, 3] = 100
    for pixels in (photograph, soft):
        subject = subject_of(pixels)
        results = []
        for width in widths:
            _native.set_simd_width(width)
            again = subject_of(pixels)
            assert np.array_equal(again.weights, subject.weights)
            results += [
                parse(again, 0.3, effort=effort, n_threads=n).image.indices for n in (1, 2, 3, 8)
            ]
        assert all(np.array_equal(results[0], other) for other in results)


def test_bands_of_rows_alone_are_pictures(photograph: Pixels) -> None:
    subject = subject_of(photograph)
    rows = subject.rows(np.arange(64, 128))
    assert parse(rows, 0.2).image.indices.shape == (64, 256)


def test_the_parse_beats_mapping_and_deflate(photograph: Pixels) -> None:
    subject = subject_of(photograph)
    mapped = remap(photograph, subject.palette)
    assert deflated(subject, 0.2) < 0.76 * len(parsed_png(mapped, "balanced"))


def test_refining_raises_weights_where_errors_show(photograph: Pixels) -> None:
    subject = subject_of(photograph)
    errors = np.full(photograph.shape[:2], 0.01, np.float32)
    errors[:96] = 0.04
    kept = refine(subject, parse(subject, 0.2).image, errors, settles=False)
    ratio = kept.weights / subject.weights
    np.testing.assert_allclose(ratio[:96], 2 * ratio[96:].mean(), rtol=1e-4)
    assert kept.weights.sum() == pytest.approx(subject.weights.sum(), rel=1e-4)
    moved = refine(subject, parse(subject, 0.2).image, errors)
    assert len(moved.palette) == len(subject.palette)
    assert moved.palette != subject.palette


def test_sharpening_raises_weights_where_structure_is_lost(photograph: Pixels) -> None:
    subject = subject_of(photograph)
    image = parse(subject, 0.02).image
    indices = image.indices.copy()
    indices[40:60, 40:60] = indices[40:60, 40:60][::-1, ::-1]
    turned = sharpen(subject, IndexedImage(indices, image.palette))
    ratio = turned.weights / subject.weights
    assert np.median(ratio[42:58, 42:58]) > 1.5 * np.median(ratio)
    assert ratio.max() <= 4.001 * ratio.min()
    assert turned.weights.sum() == pytest.approx(subject.weights.sum(), rel=1e-4)
    assert turned.palette is subject.palette


def test_what_lost_nothing_stays_as_it_is() -> None:
    pixels = np.full((20, 30, 4), 255, np.uint8)
    pixels[:, 15:, 0] = 0
    subject = subject_of(pixels)
    kept = sharpen(subject, parse(subject, 0.02).image)
    np.testing.assert_allclose(kept.weights, subject.weights, rtol=1e-6)


def test_another_recipe_is_taken_without_preparing_again(photograph: Pixels) -> None:
    subject = subject_of(photograph)
    assert subject.by(Recipe(carried=0.2)).weights is subject.weights
    softer = subject.by(Recipe(quarters=1))
    assert softer.weights.mean() == pytest.approx(subject.weights.mean(), rel=1e-4)
    assert np.ptp(softer.weights) < np.ptp(subject.weights)


@pytest.mark.parametrize("effort", ["fast", "balanced"])
@pytest.mark.parametrize(("parser", "format"), [(parse, "png"), (parse_webp, "webp")])
def test_without_unused_entries_tokens_write_the_same_picture(
    photograph: Pixels, parser: Any, format: str, effort: str
) -> None:
    image = parser(subject_of(photograph), 3.0).image
    fewer = image.without_unused()
    assert type(fewer) is type(image)
    assert len(fewer.palette) < len(image.palette)
    data = encode(fewer, format, effort=effort, parsed=True)
    assert (decoded(data) == image.to_pixels()).all()
    assert len(data) < len(encode(image, format, effort=effort, parsed=True))


def letter() -> Pixels:
    """Draw a slanted bar with soft edges on a ground of noise that is hardly seen."""
    y, x = np.mgrid[:96, :96]
    inside = np.clip(6 - np.abs(x - 40 - 0.3 * y), 0, 1)[:, :, np.newaxis]
    noise = np.random.default_rng(3).integers(-1, 2, (96, 96, 3))
    mixed = inside * (250, 210, 175) + (1 - inside) * (166, 60, 34)
    return as_rgba((mixed + noise).astype(np.uint8))


def test_errors_at_edges_between_flat_areas_count_and_stay_there() -> None:
    pixels = letter()
    y, x = np.mgrid[:96, :96]
    edge = np.abs(np.abs(x - 40 - 0.3 * y) - 5.5) < 0.5
    subject = subject_of(pixels, 24)
    kept = subject.by(Recipe(edges=True))
    assert kept.weights[edge].mean() > 2 * subject.weights[edge].mean()
    errors = [
        np.abs(parse(s, 2.0).image.to_pixels()[edge].astype(int) - pixels[edge]).mean()
        for s in (subject, kept)
    ]
    assert errors[1] < 0.7 * errors[0]


def test_a_negative_weight_is_refused(photograph: Pixels) -> None:
    with pytest.raises(ValueError, match="bit_weight must be at least 0; got -1"):
        parse(subject_of(photograph[:8, :8]), -1.0)
