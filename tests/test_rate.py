"""A wanted quality is reached, a wanted size kept, as measured on the file that is written."""

import io

import numpy as np
import pytest
from PIL import Image

from images import FRUITS
from pimenton import QualityNotReached, compress, measure, read_image
from pimenton.pixels import Pixels
from pimenton.rate import WEIGHTS, Curve


@pytest.fixture(scope="module")
def photograph() -> Pixels:
    return np.ascontiguousarray(read_image(FRUITS)[100:292, 100:356])


def decoded(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


@pytest.mark.parametrize("quality", [30, 55.5, 70])
def test_a_quality_is_reached_and_hardly_passed(photograph: Pixels, quality: float) -> None:
    result = compress(photograph, quality=quality)
    reached = measure(photograph, decoded(result.data)).ssimulacra2
    assert result.report.quality == pytest.approx(reached)
    assert quality <= reached < quality + 3
    assert result.report.quality_reached


@pytest.mark.parametrize(
    ("format", "max_bytes"), [("png", 4000), ("png", 15_000), ("webp", 9000), ("gif", 15_000)]
)
def test_a_size_is_never_exceeded(
    photograph: Pixels, format: str, max_bytes: int, tmp_path
) -> None:
    target = tmp_path / f"small.{format}"
    compress(photograph, target, max_bytes=max_bytes)
    assert target.stat().st_size <= max_bytes


def test_without_a_wish_it_aims_at_80(photograph: Pixels) -> None:
    result = compress(photograph)
    assert result.report.quality is not None
    assert result.report.quality_reached == (result.report.quality >= 80)


def test_a_quality_that_cannot_be_is_said_with_the_best(photograph: Pixels) -> None:
    with pytest.raises(
        QualityNotReached, match=r"quality 99 is not reached with 256 colors; the be"
    ):
        compress(photograph, quality=99)
    best = compress(photograph, quality=99, best_possible=True)
    assert best.report.quality_reached is False


def test_a_size_that_cannot_be_is_said_with_the_smallest(photograph: Pixels) -> None:
    with pytest.raises(
        QualityNotReached, match=r"at most 100 bytes are allowed; the smallest file"
    ):
        compress(photograph, max_bytes=100)
    with pytest.raises(QualityNotReached, match=r"quality 70 takes \d+ bytes; at most 500"):
        compress(photograph, quality=70, max_bytes=500)


def test_at_most_256_colors_are_never_changed(photograph: Pixels) -> None:
    few = photograph // 64 * 64
    few[:, :, 3] = 255
    result = compress(few)
    assert np.array_equal(decoded(result.data), few)
    assert result.report.quality == 100
    with pytest.raises(QualityNotReached, match="without loss there can be 256"):
        compress(photograph, lossless=True)


def test_the_same_bytes_for_any_threads(photograph: Pixels) -> None:
    assert compress(photograph, n_threads=1).data == compress(photograph, n_threads=3).data


def test_a_curve_is_read_between_and_beyond_its_points() -> None:
    curve = Curve({83: 90.0, 138: 80.0})
    assert 83 < curve.level_at(85) < 138 < curve.level_at(70)
    assert curve.at(83) == 90
    assert curve.through({138: 78.0}).at(83) == 88
    assert curve.level_at(100) == 0
    assert WEIGHTS[32] == pytest.approx(2 * WEIGHTS[0])


def test_a_drawing_is_mapped_to_as_few_colors_as_it_needs() -> None:
    y, x = np.mgrid[:128, :128]
    edge = np.clip(np.hypot(x - 64, y - 64) - 40, 0, 1)[..., np.newaxis]
    ink, paper = np.array([200.0, 30.0, 40.0]), np.array([250.0, 250.0, 240.0])
    pixels = np.full((128, 128, 4), 255, np.uint8)
    pixels[:, :, :3] = np.round(ink * (1 - edge) + paper * edge)
    result = compress(pixels, quality=60)
    assert result.report.quality >= 60
    assert len(result.image.palette) < 32
    untouched = compress(pixels)
    assert np.array_equal(untouched.image.to_pixels(), pixels)
