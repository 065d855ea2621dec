"""Error diffusion: as the reference, and no worse than it should be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from images import FRUITS, images
from pimenton import Histogram, Palette, as_rgba, quantize, read_image, remap
from pimenton.colorspace import SPACES
from pimenton.dithering import ATKINSON, DITHERS, FLOYD_STEINBERG, SIERRA, STUCKI
from pimenton.pixels import Pixels

DIFFUSIONS = sorted(set(DITHERS) - {"none"})


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
        patch.setattr(_native, "diffuse", reference.diffuse)
        expected = remap(pixels, palette, histogram=histogram, space=space, dither=dither)
    assert np.array_equal(ours.indices, expected.indices)


@pytest.mark.parametrize("dither", DIFFUSIONS)
def test_averages_come_nearer_than_undithered(dither: str) -> None:
    pixels = read_image(FRUITS)
    plain = quantize(pixels, n_colors=16, effort="fast")
    dithered = remap(pixels, plain.palette, dither=dither)
    error = np.abs(blurred(dithered.to_pixels()) - blurred(pixels)).mean()
    assert error < 0.9 * np.abs(blurred(plain.to_pixels()) - blurred(pixels)).mean()


@pytest.mark.parametrize("dither", DIFFUSIONS)
def test_a_flat_area_of_a_palette_color_stays_flat(dither: str) -> None:
    ramp = np.tile(np.arange(0, 240, 2, dtype=np.uint8), (40, 1))
    ramp[10:30, 40:80] = 77
    palette = Palette.of_hex(["#000000", "#4d4d4d", "#f0f0f0"])
    image = remap(as_rgba(ramp), palette, dither=dither)
    assert (image.indices[11:29, 41:79] == 1).all()


@given(images(), st.sampled_from(DIFFUSIONS))
def test_few_colors_are_not_dithered(pixels: Pixels, dither: str) -> None:
    if len(Histogram.of(pixels).colors) <= 256:
        assert np.array_equal(quantize(pixels, dither=dither).to_pixels(), pixels)
