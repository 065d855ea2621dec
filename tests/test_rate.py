"""A wanted quality is reached, a wanted size kept, as measured on the file that is written."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from images import FRUITS
from pictures import shared_data
from pimenton import Options, QualityNotReached, compress, measure, read_image
from pimenton.batch import Job, Rules, compress_file
from pimenton.levels import WEIGHTS, Curve
from pimenton.pipeline import compress_pixels
from pimenton.pixels import Pixels
from subjects import decoded


@pytest.fixture(scope="module")
def photograph() -> Pixels:
    return np.ascontiguousarray(read_image(FRUITS)[100:292, 100:356])


@pytest.mark.parametrize("quality", [30, 55.5, 70])
def test_a_quality_is_reached_and_hardly_passed(photograph: Pixels, quality: float) -> None:
    result = compress(photograph, quality=quality)
    reached = measure(photograph, decoded(result.data)).ssimulacra2
    assert result.report.quality == pytest.approx(reached)
    # Of so small a picture neighbouring weights of a bit can differ by nearly six points.
    assert quality <= reached < quality + 6
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


def test_a_large_picture_reaches_its_quality_too(
    photograph: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    for quality in (40, 70):
        small = compress(photograph, quality=quality)
        with monkeypatch.context() as patch:
            patch.setattr("pimenton.trials.LARGE", photograph.size // 8)
            large = compress(photograph, quality=quality)
        reached = measure(photograph, decoded(large.data)).ssimulacra2
        assert quality <= reached == pytest.approx(large.report.quality)
        assert len(large.data) < 1.25 * len(small.data)


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
    assert curve.through({138: 78.0}).at(83) == pytest.approx(89)
    assert curve.level_at(100) == 0
    assert WEIGHTS[32] == pytest.approx(2 * WEIGHTS[0])


def test_of_one_score_the_others_follow_as_usual() -> None:
    curve = Curve({83: 90.0})
    assert curve.level_at(90) == 83
    assert curve.level_at(80) > 83 > curve.level_at(95)


def test_a_guess_follows_the_quality(photograph: Pixels) -> None:
    scores = []
    for quality in (20, 45, 65, 85):
        options = Options(quality=quality, effort="fast", best_possible=True)
        report = compress_pixels(photograph, "png", options, searches=False).report
        assert report.quality == pytest.approx(quality, abs=20)
        scores.append(report.quality)
    assert scores == sorted(set(scores))


def test_few_colors_one_of_them_locked_come_as_near_as_they_can(photograph: Pixels) -> None:
    part = photograph[60:156, 160:256]
    colors = compress(part, quality=30).report.palette
    for color in colors[::8]:
        choices = {"quality": 30, "max_colors": 5, "lock": (color,), "best_possible": True}
        assert color in compress(part, **choices).report.palette


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


def crops(picture: Pixels, side: int, n: int) -> list[Pixels]:
    """Take squares from corner to corner."""
    height, width = picture.shape[0] - side, picture.shape[1] - side
    places = [(height * i // max(n - 1, 1), width * i // max(n - 1, 1)) for i in range(n)]
    return [np.ascontiguousarray(picture[y : y + side, x : x + side]) for y, x in places]


@pytest.mark.parametrize("crop", range(3))
@pytest.mark.parametrize("quality", [45, 62.5])
def test_written_files_are_as_good_as_asked(crop: int, quality: float, tmp_path: Path) -> None:
    picture = crops(read_image(FRUITS), 96, 3)[crop]
    target = tmp_path / "small.png"
    compress(picture, target, quality=quality)
    assert measure(picture, read_image(target)).ssimulacra2 >= quality


@pytest.mark.skipif("LONG_TESTS" not in os.environ, reason="minutes; set LONG_TESTS=1")
@pytest.mark.parametrize("place", range(40))
def test_forty_pictures_are_as_good_as_asked(place: int, tmp_path: Path) -> None:
    folders = [f"{name}/dev" for name in ("kodak", "cq100", "graphics_painted", "graphics_chart")]
    paths = [p for name in folders for p in sorted(shared_data(name).rglob("*.png"))]
    picture = read_image(paths[place * len(paths) // 40])
    middle = (picture.shape[0] - 256) // 2, (picture.shape[1] - 256) // 2
    y, x = max(middle[0], 0), max(middle[1], 0)
    picture = np.ascontiguousarray(picture[y : y + 256, x : x + 256])
    target = tmp_path / "small.png"
    for quality in (40, 65):
        compress(picture, target, quality=quality)
        assert measure(picture, read_image(target)).ssimulacra2 >= quality


@pytest.mark.parametrize("ending", ["png", "webp"])
def test_a_size_holds_what_is_kept_beside_the_picture(ending: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / f"small.{ending}"
    exif = Image.Exif()
    exif[0x8298] = "Ana " * 500
    photograph = Image.fromarray(read_image(FRUITS)[:128, :160, :3])
    photograph.save(source, exif=exif, dpi=(300, 300), quality=95)
    rules = Rules(metadata="keep", allow_larger=True)
    compress_file(Job(source, target), Options(max_bytes=6500), rules)
    assert 5500 <= target.stat().st_size <= 6500
    with Image.open(target) as picture:
        assert picture.getexif()[0x8298] == exif[0x8298]


@pytest.mark.parametrize("effort", ["fast", "balanced"])
def test_drawings_stay_clear_and_opaque_where_they_are(effort: str) -> None:
    y, x = np.mgrid[:96, :128]
    edge = np.clip(36 - np.hypot(x - 60, y - 48), 0, 1)
    pixels = np.zeros((96, 128, 4), np.uint8)
    pixels[:, :, :3] = np.stack([x * 2, y * 2, 200 - x], axis=-1)
    pixels[:, :, 3] = np.round(255 * edge)
    pixels[30:40, 90:120] = (200, 30, 40, 128)
    pixels[pixels[:, :, 3] == 0] = 0
    drawn = decoded(compress(pixels, quality=50, effort=effort).data)
    for alpha in (0, 255):
        assert np.array_equal(drawn[:, :, 3] == alpha, pixels[:, :, 3] == alpha)


@pytest.mark.parametrize("n_colors", [1, 2, 17, 255, 256])
@pytest.mark.parametrize("format", ["png", "webp", "gif"])
def test_few_colors_are_written_without_loss(n_colors: int, format: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(n_colors)
    colors = np.full((n_colors, 4), 255, np.uint8)
    colors[:, 0], colors[:, 1] = np.arange(n_colors), rng.integers(0, 256, n_colors)
    picture = colors[rng.permutation(np.arange(48 * 40) % n_colors).reshape(48, 40)]
    for choices in ({}, {"lossless": True}):
        result = compress(picture, tmp_path / f"few.{format}", **choices)
        assert np.array_equal(decoded(result.data), picture)


@pytest.mark.parametrize(("height", "width"), [(40, 48), (1, 30), (30, 1), (1, 1), (2, 2)])
@pytest.mark.parametrize("wish", [{"quality": 60.0}, {"max_bytes": 4000}, {"effort": "best"}])
def test_flat_and_narrow_pictures_can_be_asked_for(
    height: int, width: int, wish: dict[str, float | str], tmp_path: Path
) -> None:
    picture = np.full((height, width, 4), (0, 100, 250, 255), np.uint8)
    result = compress(picture, tmp_path / "flat.png", **wish, parse=True)
    assert measure(picture, decoded(result.data)).ssimulacra2 >= 60


def test_a_search_ends_where_a_bit_is_worth_next_to_nothing() -> None:
    pixels = read_image(shared_data("kodak/dev/kodim23.png"))
    made = compress(pixels)
    assert made.report.quality > 75
