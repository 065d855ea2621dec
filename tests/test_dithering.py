"""Dithering: as the reference, nearer on average, and never where a color has its own entry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from images import FRUITS, images
from pimenton import Histogram, Palette, as_rgba, quantize, read_image, remap
from pimenton.bands import BandedDiffusion
from pimenton.colorspace import SPACES
from pimenton.diffusion import ATKINSON, FLOYD_STEINBERG, SIERRA, STUCKI, spacing
from pimenton.dithering import DITHERS, STRENGTH, blue_noise
from pimenton.pixels import Pixels

METHODS = sorted(set(DITHERS) - {"none"})
DIFFUSIONS = sorted(set(METHODS) - {"blue-noise", "auto"})


def blurred(pixels: Pixels) -> np.ndarray:
    """Average blocks of 8 x 8 pixels."""
    height, width = pixels.shape[0] // 8 * 8, pixels.shape[1] // 8 * 8
    blocks = pixels[:height, :width].reshape(height // 8, 8, width // 8, 8, 4)
    return blocks.mean(axis=(1, 3))


def test_middle_gray_becomes_a_checkerboard_of_black_and_white() -> None:
    gray = as_rgba(np.full((16, 16), 128, np.uint8))
    image = remap(gray, Palette.of_hex(["#000000", "#ffffff"]), space="srgb",
                  dither="floyd-steinberg")  # fmt: skip
    assert 0.4 < image.indices.mean() < 0.6


@pytest.mark.parametrize(
    ("taps", "n_parts"), [(FLOYD_STEINBERG, 16), (SIERRA, 32), (STUCKI, 42), (ATKINSON, 6)]
)
def test_taps_add_up(taps: tuple[tuple[int, int, int], ...], n_parts: int) -> None:
    assert sum(parts for _, _, parts in taps) == n_parts
    assert all(dy > 0 or (dy == 0 and dx > 0) for dx, dy, _ in taps)


@settings(max_examples=30)
@given(images(14), st.integers(1, 12), st.sampled_from(DIFFUSIONS), st.sampled_from(sorted(SPACES)))
def test_agrees_with_the_reference(pixels: Pixels, n_colors: int, dither: str, space: str) -> None:
    from pimenton import _native

    palette = quantize(pixels, n_colors=n_colors, space=space, effort="fast").palette
    histogram = Histogram.of(pixels)
    plain = pytest.MonkeyPatch()
    ours = remap(pixels, palette, histogram=histogram, space=space, dither=dither)
    with plain.context() as patch:
        patch.setattr(_native, "BandDiffuser", reference.BandDiffuser)
        expected = remap(pixels, palette, histogram=histogram, space=space, dither=dither)
    assert np.array_equal(ours.indices, expected.indices)


@pytest.mark.parametrize("dither", DIFFUSIONS)
def test_bands_change_no_index(dither: str) -> None:
    pixels = read_image(FRUITS)[:90, :130]
    palette = quantize(pixels, n_colors=16, effort="fast").palette
    whole = remap(pixels, palette, space="srgb", dither=dither).indices
    bands = BandedDiffusion(130, palette, "srgb", dither, STRENGTH)
    parts = []
    for y in range(0, 90, 13):
        below = pixels[y + 13] if y + 13 < 90 else None
        parts.append(
            bands.draw(pixels[y : y + 13], above=pixels[y - 1] if y else None, below=below)
        )
    assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("dither", METHODS)
def test_averages_come_nearer_than_undithered(dither: str) -> None:
    pixels = read_image(FRUITS)
    plain = quantize(pixels, n_colors=16, effort="fast")
    dithered = remap(pixels, plain.palette, dither=dither)
    error = np.abs(blurred(dithered.to_pixels()) - blurred(pixels)).mean()
    assert error < 0.9 * np.abs(blurred(plain.to_pixels()) - blurred(pixels)).mean()


@settings(max_examples=30)
@given(images(14), st.integers(1, 12), st.sampled_from(METHODS), st.sampled_from(sorted(SPACES)))
def test_no_strength_is_no_dithering(pixels: Pixels, n: int, dither: str, space: str) -> None:
    palette = quantize(pixels, n_colors=n, space=space, effort="fast").palette
    none = remap(pixels, palette, space=space).indices
    assert np.array_equal(
        remap(pixels, palette, space=space, dither=dither, strength=0).indices, none
    )


def test_more_strength_comes_nearer_on_average() -> None:
    pixels = read_image(FRUITS)
    palette = quantize(pixels, n_colors=16, effort="fast").palette
    for dither in (*DIFFUSIONS, "blue-noise"):
        errors = [
            np.abs(blurred(remap(pixels, palette, dither=dither, strength=s).to_pixels())
                   - blurred(pixels)).mean()
            for s in (0, 0.4, 0.8)
        ]  # fmt: skip
        assert errors == sorted(errors, reverse=True)


def test_a_strength_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="strength must be between 0 and 1; got 2"):
        remap(as_rgba(np.zeros((2, 2))), Palette.of_hex(["#000000"]), strength=2)


def test_entries_are_as_far_apart_as_the_middle_pair() -> None:
    assert spacing(np.zeros((1, 4), np.float32)) == 0
    line = np.array([[0, 0, 0, 1], [1, 0, 0, 1], [1, 2, 0, 1], [9, 2, 0, 1]], np.float32)
    assert spacing(line) == 2


def test_blue_noise_depends_on_color_and_place_alone() -> None:
    pixels = read_image(FRUITS)[:200, :300]
    palette = quantize(pixels, n_colors=8, effort="fast").palette
    before = remap(pixels, palette, dither="blue-noise").indices
    moved = pixels.copy()
    moved[50:100, 60:90] = pixels[100:150, 160:190]
    after = remap(moved, palette, dither="blue-noise").indices
    changed = (moved != pixels).any(axis=2)
    assert np.array_equal(before[~changed], after[~changed])
    one, three = (remap(pixels, palette, dither="blue-noise", n_threads=n) for n in (1, 3))
    assert np.array_equal(one.indices, three.indices)


def test_blue_noise_mixes_two_entries_in_proportion() -> None:
    gray = as_rgba(np.full((64, 64), 100, np.uint8))
    palette = Palette.of_hex(["#000000", "#ffffff", "#ff0000"])
    image = remap(gray, palette, space="srgb", dither="blue-noise", strength=1)
    assert 0.33 < (image.indices == 1).mean() < 0.4
    assert (image.indices < 2).all()


def test_the_tile_is_blue_noise() -> None:
    tile = blue_noise()
    assert np.array_equal(np.sort(tile, axis=None), np.arange(64 * 64))
    energy = np.abs(np.fft.fft2(tile - tile.mean())) ** 2
    steps = np.minimum(np.arange(64), 64 - np.arange(64)) ** 2
    slow = steps[:, np.newaxis] + steps < 8**2
    assert energy[slow].mean() < 0.01 * energy.mean()


def test_auto_is_worth_its_bytes() -> None:
    gray = np.linspace(0, 255, 200).astype(np.uint8)
    smooth = as_rgba(np.tile(gray, (200, 1)))
    palette = quantize(smooth, n_colors=8, effort="fast").palette
    noise = as_rgba(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    dithered = [
        not np.array_equal(remap(p, c, dither="auto").indices, remap(p, c).indices)
        for p, c in ((smooth, palette), (noise, quantize(noise, n_colors=256).palette))
    ]
    assert dithered == [True, False]


def test_auto_looks_at_squares_of_a_large_picture() -> None:
    rng = np.random.default_rng(0)
    large = as_rgba(
        np.add.outer(np.arange(700), np.arange(900)) / 1600 + 0 * rng.random((700, 900))
    )
    palette = quantize(large, n_colors=8, effort="fast").palette
    image = remap(large, palette, dither="auto")
    assert not np.array_equal(image.indices, remap(large, palette).indices)


@pytest.mark.parametrize("dither", METHODS)
def test_a_flat_area_of_a_palette_color_stays_flat(dither: str) -> None:
    ramp = np.tile(np.arange(0, 240, 2, dtype=np.uint8), (40, 1))
    ramp[10:30, 40:80] = 77
    palette = Palette.of_hex(["#000000", "#4d4d4d", "#f0f0f0"])
    image = remap(as_rgba(ramp), palette, dither=dither)
    assert (image.indices[11:29, 41:79] == 1).all()


@given(images(), st.sampled_from(METHODS))
def test_few_colors_are_not_dithered(pixels: Pixels, dither: str) -> None:
    if len(Histogram.of(pixels).colors) <= 256:
        assert np.array_equal(quantize(pixels, dither=dither).to_pixels(), pixels)
