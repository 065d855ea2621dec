"""Drawings take few colors, and small pictures the bytes of a patient search."""

import numpy as np
import pytest

from images import FRUITS
from pictures import shared_data
from pimenton import Options, compress, quantize, read_image
from pimenton.drawing import Task
from pimenton.drawings import (
    SMALL,
    filtered,
    is_patient,
    is_small_graphic,
    may_be_drawing,
    may_be_filtered,
)
from pimenton.formats import encode
from pimenton.pixels import Pixels
from pimenton.still import compress_pixels, stages_of


@pytest.fixture(scope="module")
def photograph() -> Pixels:
    return np.ascontiguousarray(read_image(FRUITS)[100:292, 100:356])


def disc(size: int = 96) -> Pixels:
    """Draw a shaded disc with a smooth edge on white, a few hundred colors."""
    y, x = np.mgrid[:size, :size]
    cover = np.clip(0.4 * size - np.hypot(x - size / 2, y - size / 2) + 0.5, 0, 1)[..., np.newaxis]
    shade = np.stack([60 + y, 120 - y // 2, np.full_like(y, 200)], axis=2)
    pixels = np.full((size, size, 4), 255, np.uint8)
    pixels[..., :3] = np.round(cover * shade + (1 - cover) * 255)
    return pixels


def task_of(pixels: Pixels, **choices: object) -> Task:
    return Task.of(pixels, "png", Options(**choices), 1, stages_of(None))


def test_few_colors_or_few_pixels_may_be_a_drawing(photograph: Pixels) -> None:
    assert may_be_drawing(task_of(disc()))
    assert may_be_drawing(task_of(photograph[:60, :60]))
    assert not may_be_drawing(task_of(photograph))
    assert not may_be_drawing(task_of(disc(), lock=("#ff0000",)))


def test_what_is_seen_of_a_flat_picture_is_much_of_one_color(photograph: Pixels) -> None:
    assert task_of(disc() // 64 * 64 + 32).is_flat
    hidden = photograph.copy()
    hidden[:150] = 0
    assert not task_of(photograph).is_flat
    assert not task_of(hidden).is_flat


@pytest.mark.parametrize("effort", SMALL)
def test_a_search_is_patient_with_pictures_that_are_small_for_its_effort(effort: str) -> None:
    n_rows = SMALL[effort] // 64
    just_small, just_large = np.zeros((n_rows or 1, 64, 4)), np.zeros((n_rows + 1, 64, 4))
    assert is_patient(task_of(just_small.astype(np.uint8), effort=effort)) == (effort != "fast")
    assert not is_patient(task_of(just_large.astype(np.uint8), effort=effort))


def test_small_pictures_with_opacity_are_cut_outs(photograph: Pixels) -> None:
    cut_out = photograph.copy()
    cut_out[:50, :, 3] = 0
    assert is_small_graphic(task_of(cut_out))
    assert is_small_graphic(task_of(disc()))
    assert may_be_filtered(task_of(cut_out))
    assert not is_small_graphic(task_of(photograph))
    assert not may_be_filtered(task_of(photograph))
    assert not is_small_graphic(task_of(cut_out, effort="fast"))
    assert not is_small_graphic(task_of(np.tile(cut_out, (2, 2, 1))))


def test_rows_are_filtered_where_that_takes_fewer_bytes() -> None:
    y, x = np.mgrid[:128, :128]
    disc = (x - 60) ** 2 + (y - 70) ** 2
    ramp = np.stack([disc // 40, disc // 60, x + y, np.full_like(x, 255)], axis=2).astype(np.uint8)
    image = quantize(ramp, n_colors=256)
    plain = encode(image, "png", effort="balanced", parsed=True)
    found, data = filtered(image, plain)
    assert len(data) < len(plain)
    assert np.array_equal(read_image(data), image.to_pixels())
    assert np.array_equal(found.to_pixels(), image.to_pixels())
    assert filtered(image, plain[:9]) == (image, plain[:9])


@pytest.mark.parametrize("quality", [90, 97])
def test_a_drawing_reaches_its_quality_in_fewer_colors_and_bytes(quality: float) -> None:
    pixels = disc()
    patient = compress(pixels, quality=quality)
    fast = compress(pixels, quality=quality, effort="fast")
    assert patient.report.quality >= quality
    assert len(patient.image.palette) < 256
    assert len(patient.data) < len(fast.data)


@pytest.mark.parametrize("format", ["png", "webp"])
def test_no_entry_is_written_that_no_pixel_has(photograph: Pixels, format: str) -> None:
    for pixels, quality in ((disc(), 80), (photograph[:100, :100], 20)):
        options = Options(quality=quality)
        made = compress_pixels(np.ascontiguousarray(pixels), format, options, n_threads=1)
        assert (made.image.counts > 0).all()
        assert len(made.image.palette) < 256
        assert np.array_equal(read_image(made.data), made.image.to_pixels())
        if format == "png":
            place = made.data.index(b"PLTE")
            n_bytes = int.from_bytes(made.data[place - 4 : place])
            assert n_bytes == 3 * len(made.image.palette)


def test_where_all_is_wanted_nothing_is_lost() -> None:
    pixels = (disc() // 24 * 24).astype(np.uint8)
    made = compress(pixels, quality=100)
    assert made.report.quality == 100
    assert (read_image(made.data) == pixels).all()


def test_a_small_photograph_takes_fewer_bytes_for_the_patience(photograph: Pixels) -> None:
    pixels = np.ascontiguousarray(photograph[50:170, 50:170])
    balanced = compress(pixels, quality=75)
    fast = compress(pixels, quality=75, effort="fast")
    assert balanced.report.quality >= 75
    assert len(balanced.data) < 0.98 * len(fast.data)


def test_what_a_short_search_does_not_reach_a_patient_one_may() -> None:
    fire = read_image(shared_data("graphics_cutout/dev/naturalforces__fire.png"))
    assert not is_patient(task_of(fire, quality=90.65))
    assert compress(fire, quality=90.65).report.quality >= 90.65
