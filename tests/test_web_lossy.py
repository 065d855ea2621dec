"""JPEG, WebP and AVIF in the fewest bytes that reach a score."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from images import FRUITS
from pimenton import measure, read_image
from pimenton.pixels import Pixels
from pimenton.web.lossy import LOSSY, encode_lossy, lowest


@pytest.fixture(scope="module")
def photograph() -> Pixels:
    return np.ascontiguousarray(read_image(FRUITS)[100:260, 150:390])


@given(st.lists(st.floats(-200, 100), min_size=100, max_size=100), st.integers(1, 100))
def test_the_lowest_quality_that_reaches_an_aim_is_found(scores: list[float], start: int) -> None:
    rising = sorted(scores)
    tried: set[int] = set()

    def score_of(quality: int) -> float:
        assert quality not in tried, "no quality is encoded twice"
        tried.add(quality)
        return rising[quality - 1]

    expected = next((i + 1 for i, score in enumerate(rising) if score >= 50), 100)
    assert lowest(score_of, 50, start) == expected
    assert len(tried) <= 20


@pytest.mark.parametrize("format", LOSSY)
@pytest.mark.parametrize("aim", [80.0, 60.0])
def test_the_score_is_reached_and_not_by_much(photograph: Pixels, format: str, aim: float) -> None:
    made = encode_lossy(photograph, format, aim=aim)
    score = measure(photograph, made.data).ssimulacra2
    assert score == pytest.approx(made.score)
    assert aim <= score < aim + 4


@pytest.mark.parametrize("format", LOSSY)
def test_threads_change_no_byte(photograph: Pixels, format: str) -> None:
    small = np.ascontiguousarray(photograph[:64, :64])
    assert encode_lossy(small, format, n_threads=1) == encode_lossy(small, format, n_threads=3)


@pytest.mark.parametrize("format", ["webp", "avif"])
def test_opacity_is_kept(photograph: Pixels, format: str) -> None:
    pixels = photograph[:96, :96].copy()
    pixels[:, :48, 3] = np.arange(48) * 5
    pixels[pixels[:, :, 3] == 0] = 0
    made = encode_lossy(pixels, format, aim=70)
    assert made.score >= 70
    assert np.abs(read_image(made.data)[:, :, 3].astype(int) - pixels[:, :, 3]).max() < 16


def test_a_jpeg_has_no_opacity(photograph: Pixels) -> None:
    pixels = photograph[:8, :8].copy()
    pixels[0, 0] = 0
    with pytest.raises(ValueError, match="jpeg has no opacity"):
        encode_lossy(pixels, "jpeg")


def test_a_gray_picture_is_written_without_color(photograph: Pixels) -> None:
    pixels = photograph.copy()
    pixels[:, :, :3] = pixels[:, :, 1:2]
    made = encode_lossy(pixels, "jpeg")
    with Image.open(BytesIO(made.data)) as image:
        assert image.mode == "L"
    assert made.score >= 80


def test_where_the_score_is_out_of_reach_the_best_is_taken() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (24, 24, 4), dtype=np.uint8)
    noise[:, :, 3] = 255
    made = encode_lossy(noise, "webp", aim=99.9)
    assert made.score < 99.9
    assert made.score > encode_lossy(noise, "webp", aim=30).score


def test_metadata_is_put_in_without_changing_the_picture(photograph: Pixels) -> None:
    exif = Image.Exif()
    exif[0x8298] = "somebody"
    for format in LOSSY:
        bare = encode_lossy(photograph[:40, :40], format)
        made = encode_lossy(photograph[:40, :40], format, metadata={"exif": exif.tobytes()})
        assert np.array_equal(read_image(bare.data), read_image(made.data))
        with Image.open(BytesIO(made.data)) as image:
            assert image.getexif()[0x8298] == "somebody"
