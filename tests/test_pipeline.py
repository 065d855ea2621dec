"""From a picture to a small picture."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import reference
from images import FRUITS, images
from pimenton import Options, Palette, as_rgba, compress, encode, quantize, read_image, remap
from pimenton.clustering import kmeans
from pimenton.colorspace import SPACES
from pimenton.fitting import roughly
from pimenton.histogram import Histogram
from pimenton.pixels import Pixels
from pimenton.quality import mse


def test_black_and_white_in_two_colors_take_one_bit() -> None:
    checks = np.indices((8, 8)).sum(axis=0) % 2 == 1
    result = compress(checks, n_colors=2)
    assert result.image.palette.hex == ("#000000", "#ffffff")
    assert result.data[24:26] == bytes([1, 3])  # one bit, a palette
    assert result.report.mse == 0
    assert result.report.counts == (32, 32)


@given(images(), st.sampled_from(sorted(SPACES)))
def test_no_more_colors_than_asked_change_nothing(pixels: Pixels, space: str) -> None:
    n_colors = len(np.unique(pixels.reshape(-1, 4), axis=0))
    if n_colors <= 256:
        assert np.array_equal(quantize(pixels, n_colors=256, space=space).to_pixels(), pixels)
        assert np.array_equal(quantize(pixels, n_colors=n_colors, space=space).to_pixels(), pixels)


def test_256_grays_stay_256() -> None:
    grays = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(quantize(grays, n_colors=256).to_pixels(), as_rgba(grays))


@given(images(), st.integers(1, 20), st.sampled_from(sorted(SPACES)))
def test_every_pixel_has_its_nearest_entry(pixels: Pixels, n_colors: int, space: str) -> None:
    image = quantize(pixels, n_colors=n_colors, space=space)
    from_srgb = SPACES[space].from_srgb
    palette = from_srgb(image.palette.colors, 1)
    nearest = reference.assign(from_srgb(pixels.reshape(-1, 4), 1), palette)
    assert len(image.palette) <= n_colors
    assert np.array_equal(image.indices.ravel(), nearest)


@pytest.mark.parametrize("space", sorted(SPACES))
def test_a_fast_search_maps_each_pixel_to_its_nearest_entry(space: str) -> None:
    pixels = read_image(FRUITS)[:200, :200]
    image = quantize(pixels, n_colors=32, space=space, effort="fast", dither="none")
    from_srgb = SPACES[space].from_srgb
    points, entries = (
        from_srgb(colors.reshape(-1, 4), 1) for colors in (pixels, image.palette.colors)
    )
    assert np.array_equal(image.indices.ravel(), reference.assign(points, entries))


@pytest.mark.parametrize("n_colors", [16, 64, 256])
def test_a_longer_search_comes_closer(n_colors: int) -> None:
    pixels = read_image(FRUITS)
    errors = [
        mse(pixels, quantize(pixels, n_colors=n_colors, space="srgb", effort=effort).to_pixels())
        for effort in ("fast", "balanced")
    ]
    assert errors[1] <= errors[0]


@pytest.mark.parametrize(("n_colors", "limit"), [(4, 1e-3), (16, 1e-3), (32, 5e-3)])
def test_few_colors_come_as_close_from_cells_of_colors(n_colors: int, limit: float) -> None:
    pixels = read_image(FRUITS)
    histogram = Histogram.of(pixels)
    assert roughly(histogram.coarsen, Options(n_colors=n_colors, space="srgb"))
    exact = kmeans(histogram.points("srgb"), histogram.weights, n_colors)
    channel_mse = exact.inertia / histogram.n_pixels * 255**2 / 3
    image = quantize(pixels, n_colors=n_colors, space="srgb", dither="none")
    assert mse(pixels, image.to_pixels()) < (1 + limit) * channel_mse + 0.3


@pytest.mark.parametrize("n_colors", [1, 2, 64, 256])
def test_many_colors_or_small_pictures_are_looked_at_whole(n_colors: int) -> None:
    pixels = read_image(FRUITS)
    part = pixels if n_colors > 32 else pixels[:40, :40]
    assert roughly(Histogram.of(part).coarsen, Options(n_colors=n_colors, space="srgb")) is None


@given(images(), st.integers(1, 20))
def test_remapping_a_result_changes_nothing(pixels: Pixels, n_colors: int) -> None:
    image = quantize(pixels, n_colors=n_colors)
    again = remap(image.to_pixels(), image.palette)
    assert np.array_equal(again.indices, image.indices)


@given(images(), st.sampled_from(["png", "webp", "tiff"]), st.integers(1, 256))
def test_what_is_written_is_read_back(pixels: Pixels, format: str, n_colors: int) -> None:
    image = quantize(pixels, n_colors=n_colors, effort="fast")
    assert np.array_equal(read_image(encode(image, format)), image.to_pixels())


@given(images())
def test_bmp_keeps_opaque_pictures_and_refuses_others(pixels: Pixels) -> None:
    image = quantize(pixels, effort="fast")
    if image.palette.is_opaque:
        assert np.array_equal(read_image(encode(image, "bmp")), image.to_pixels())
    else:
        with pytest.raises(ValueError, match="bmp has no opacity"):
            encode(image, "bmp")


def test_the_report_describes_the_file(tmp_path: Path) -> None:
    target = tmp_path / "fruits.png"
    result = compress(FRUITS, target, n_colors=16, space="srgb", seed=1)
    report = result.report
    assert target.read_bytes() == result.data
    assert report.output_bytes == len(result.data)
    assert report.input_bytes == FRUITS.stat().st_size
    assert report.bits_per_pixel == pytest.approx(8 * len(result.data) / (768 * 512))
    assert report.mse == mse(read_image(FRUITS), read_image(target))
    assert sum(report.counts) == 768 * 512
    assert len(report.palette) == report.n_colors == 16
    assert result.data[24] == 4
    with Image.open(BytesIO(result.data)) as picture:
        assert picture.mode == "P"


def test_same_bytes_for_any_number_of_threads() -> None:
    results = [compress(FRUITS, n_colors=64, n_threads=n).data for n in (1, 1, 2, 3)]
    assert all(result == results[0] for result in results)


def test_choices_are_checked_before_any_work() -> None:
    with pytest.raises(ValueError, match="n_colors must be between 1 and 256; got 0"):
        quantize("no such file", n_colors=0)
    with pytest.raises(TypeError, match="there is no option 'colours'"):
        quantize("no such file", colours=3)
    with pytest.raises(TypeError, match=r"n_colors must be an integer; got 2\.5"):
        Options(n_colors=2.5)
    with pytest.raises(ValueError, match="space must be one of srgb, linear, oklab,"):
        Options(space="hsv")
    with pytest.raises(ValueError, match="n_threads must be at least 1; got 0"):
        quantize(np.zeros((1, 1), np.uint8), n_threads=0)


def test_palettes_keep_their_order() -> None:
    palette = Palette.of_hex(["#ffffff", "#123456", "#000000"])
    image = remap(as_rgba(np.zeros((1, 1), np.uint8)), palette)
    assert image.palette.hex == ("#ffffff", "#123456", "#000000")
    assert image.indices.tolist() == [[2]]


def test_progress_is_told_from_stage_to_stage() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    told: list[tuple[str, float]] = []
    compress(noise, n_colors=4, progress=lambda stage, done: told.append((stage, done)))
    stages = ["reading", "counting", "clustering", "drawing", "encoding"]
    assert told == [(stage, done) for stage in stages for done in (0.0, 1.0)]
    told.clear()
    quantize(noise, n_colors=4, progress=lambda stage, done: told.append((stage, done)))
    assert told == [(stage, done) for stage in stages[:-1] for done in (0.0, 1.0)]


def test_what_progress_raises_ends_the_work() -> None:
    def refuse(stage: str, done: float) -> None:
        if stage == "clustering":
            raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        quantize(np.zeros((2, 2), np.uint8), progress=refuse)
