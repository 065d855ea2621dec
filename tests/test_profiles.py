"""Light that numbers stand for becomes the right sRGB bytes."""

import math
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from crafted import (
    LINEAR,
    SRGB,
    SRGB_CURVE,
    WIDE,
    gamma_curve,
    icc_profile,
    parametric_curve,
    png_file,
    table_curve,
)
from pictures import shared_data
from pimenton import read_image
from pimenton.profiles import (
    MatrixProfile,
    TableProfile,
    icc_encoding,
    png_encoding,
    power,
    srgb_bytes,
)
from reference import linear_light

SRGB_XY = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


def matrix_profile(profile: bytes) -> MatrixProfile:
    encoding = icc_encoding(profile)
    assert isinstance(encoding, MatrixProfile)
    return encoding


def converted_by_pillow(pixels: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    target = ImageCms.createProfile("sRGB")
    image = Image.fromarray(pixels)
    return np.asarray(ImageCms.profileToProfile(image, BytesIO(profile), target, outputMode="RGB"))


@pytest.mark.parametrize("exponent", [0.3, 1 / 2.2, 1.0, 1.8, 2.4, 5.0])
def test_powers_agree_with_the_c_library(exponent: float) -> None:
    values = np.concatenate([np.linspace(0, 1, 5001), [1e-300, 1e-9, 1.5, 100.0]])
    expected = [math.pow(value, exponent) for value in values]
    assert np.allclose(power(values, exponent), expected, rtol=1e-13, atol=0)


def test_every_byte_survives_light_and_back() -> None:
    levels = np.arange(256)
    assert np.array_equal(srgb_bytes(linear_light(levels / 255)), levels)
    assert srgb_bytes(np.array([-1.0, 2.0])).tolist() == [0, 255]
    half_way = linear_light((levels[:-1] + 0.5) / 255)
    assert np.array_equal(srgb_bytes(half_way * (1 - 1e-9)), levels[:-1])
    assert np.array_equal(srgb_bytes(half_way * (1 + 1e-9)), levels[1:])


def test_profiles_of_srgb_change_nothing() -> None:
    made_by_pillow = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    in_a_table = table_curve(linear_light(np.linspace(0, 1, 1024)))
    for profile in (
        made_by_pillow,
        icc_profile(SRGB_CURVE, SRGB),
        icc_profile(in_a_table, SRGB),
        icc_profile(SRGB_CURVE, space=b"GRAY"),
    ):
        assert icc_encoding(profile) is None


@pytest.mark.parametrize("curve", [LINEAR, gamma_curve(1.8), gamma_curve(2.2), SRGB_CURVE])
def test_sixteen_bits_of_a_wide_space_are_rounded_once(curve: bytes) -> None:
    rng = np.random.default_rng(0)
    srgb = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    light = linear_light(srgb / 255) @ (np.linalg.inv(WIDE) @ np.array(SRGB)).T
    encode = {LINEAR: 1.0, gamma_curve(1.8): 1 / (461 / 256), gamma_curve(2.2): 1 / (563 / 256)}
    if curve in encode:
        encoded = np.clip(light, 0, 1) ** encode[curve]
    else:
        encoded = np.interp(light, linear_light(np.linspace(0, 1, 99999)), np.linspace(0, 1, 99999))
    samples = np.round(encoded * 65535).astype(np.uint16)
    pixels = matrix_profile(icc_profile(curve)).to_srgb(samples)
    # The colorants above have four digits: the way there and back is not quite the identity.
    assert np.abs(pixels.astype(int) - srgb).max() <= 1
    assert (pixels != srgb).mean() < 0.02


@pytest.mark.parametrize("curve", [LINEAR, gamma_curve(1.8), SRGB_CURVE])
def test_eight_bits_agree_with_little_cms(curve: bytes) -> None:
    rng = np.random.default_rng(1)
    samples = rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)
    profile = icc_profile(curve)
    expected = converted_by_pillow(samples, profile)
    assert np.abs(matrix_profile(profile).to_srgb(samples).astype(int) - expected).max() <= 1


# LittleCMS takes black to black, so these curves begin there.
@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (0, (2.2,)),
        (1, (2.2, 1.1, -0.1)),
        (2, (2.2, 1.1, -0.1, 0.0)),
        (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)),
        (4, (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081, 0.0, 0.0)),
    ],
)
def test_parametric_curves_agree_with_little_cms(kind: int, numbers: tuple[float, ...]) -> None:
    profile = icc_profile(parametric_curve(kind, *numbers))
    samples = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, -1, 3)
    expected = converted_by_pillow(samples, profile)
    assert np.abs(matrix_profile(profile).to_srgb(samples).astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("kind", "numbers", "low", "high"),
    [
        (1, (2.0, 1.0, -0.5), 0.0, 0.25),
        (2, (2.0, 1.0, -0.5, 0.125), 0.125, 0.375),
        (3, (2.0, 1.0, 0.0, 0.25, 0.5), 0.0625, 1.0),
        (4, (2.0, 1.0, 0.0, 0.25, 0.5, -0.25, 0.125), 0.1875, 0.75),
    ],
)
def test_parametric_curves_have_two_branches(
    kind: int, numbers: tuple[float, ...], low: float, high: float
) -> None:
    curve = matrix_profile(icc_profile(parametric_curve(kind, *numbers))).curves[0]
    assert curve(np.array([0.25, 1.0])) == pytest.approx([low, high], abs=1e-12)


def test_grays_keep_their_profile_and_alpha() -> None:
    samples = np.array([[[0, 9], [64, 8], [255, 7]]], dtype=np.uint8)
    profile = matrix_profile(icc_profile(LINEAR, space=b"GRAY"))
    assert profile.to_srgb(samples).tolist() == [[[0, 9], [137, 8], [255, 7]]]
    in_color = matrix_profile(icc_profile(LINEAR, SRGB)).to_srgb(samples)
    assert in_color.tolist() == [[[0, 0, 0, 9], [137, 137, 137, 8], [255, 255, 255, 7]]]


def test_gamma_and_primaries_of_png() -> None:
    assert png_encoding(None, SRGB_XY) is None
    assert png_encoding(0.45455, None) is None
    assert png_encoding(0.45, SRGB_XY) is None
    linear = png_encoding(1.0, SRGB_XY)
    assert linear is not None
    assert linear.to_srgb(np.full((1, 1, 3), 64, np.uint8)).tolist() == [[[137] * 3]]
    swapped = (*SRGB_XY[:2], *SRGB_XY[4:6], *SRGB_XY[2:4], *SRGB_XY[6:])
    profile = png_encoding(1.0, swapped)
    assert profile is not None
    red = np.array([[[65535, 0, 0]]], np.uint16)
    assert profile.to_srgb(red).tolist() == [[[0, 255, 0]]]
    for nonsense in ((0.0,) * 8, (0.3,) * 8, (0.3127, 0.0, *SRGB_XY[2:])):
        assert png_encoding(1.0, nonsense) is None


@given(st.binary(max_size=80), st.integers(0, 700), st.booleans())
def test_a_broken_profile_is_passed_over(junk: bytes, at: int, table: bool) -> None:
    profile = icc_profile(table_curve(np.linspace(0, 1, 9)) if table else SRGB_CURVE)
    encoding = icc_encoding(profile[:at] + junk + profile[at + len(junk) :])
    samples = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    if isinstance(encoding, MatrixProfile):
        assert encoding.to_srgb(samples).shape == samples.shape


def test_a_profile_of_tables_is_left_to_pillow() -> None:
    path = shared_data("odd/libvips/sample-xyb.jpg")
    with Image.open(path) as image:
        profile = image.info["icc_profile"]
        samples = np.asarray(image)
    assert isinstance(icc_encoding(profile), TableProfile)
    assert np.array_equal(read_image(path)[:, :, :3], converted_by_pillow(samples, profile))


def test_peppers_in_sixteen_linear_wide_bits_are_peppers() -> None:
    srgb = read_image(shared_data("classic/dev/peppers.tiff"))
    light = linear_light(srgb[:, :, :3] / 255) @ (np.linalg.inv(WIDE) @ np.array(SRGB)).T
    samples = np.round(np.clip(light, 0, 1) * 65535)
    chunk = (b"iCCP", b"wide\0\0" + zlib.compress(icc_profile(LINEAR)))
    pixels = read_image(png_file(samples, 2, 16, filters=[0], chunks=[chunk]))
    off = np.abs(pixels.astype(int) - srgb)
    assert off.max() <= 1
    assert (off > 0).mean() < 0.01
