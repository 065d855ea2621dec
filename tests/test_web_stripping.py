"""Files rid of what they say: the picture, its colors and its orientation stay."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from pimenton import read_image
from pimenton.web.shrinking import small
from pimenton.web.stripping import stripped
from serving import FRUITS
from tinypng import picture, telling, told


def coarse(format: str, orientation: int = 1, **choices: object) -> bytes:
    """Give a picture that has lost so much that it comes back as it came."""
    exif = Image.Exif()
    exif[0x8298], exif[0x0112] = "Somebody", orientation
    exif[0x8825] = {1: "N", 2: (41.0, 23.0, 1.5)}
    file = BytesIO()
    with Image.open(BytesIO(FRUITS)) as image:
        part = image.convert("RGB").crop((0, 0, 64, 48))
        part.save(file, format, exif=exif, quality=8, **choices)
    return file.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_picture_is_the_same_the_right_way_up(format: str, orientation: int) -> None:
    data = coarse(format, orientation)
    bare = stripped(data, format.lower())
    assert len(bare) < len(data)
    assert told(data) >= {"copyright", "location"}
    assert told(bare) == set()
    assert np.array_equal(read_image(bare), read_image(data))


def test_comments_and_texts_go_and_profiles_stay() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = picture("JPEG", comment=b"a secret", icc_profile=profile)
    assert b"a secret" not in stripped(data, "jpeg")
    assert profile in stripped(data, "jpeg")
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "a secret")
    data = picture("PNG", pnginfo=texts, icc_profile=profile)
    assert b"a secret" not in stripped(data, "png")
    assert b"iCCP" in stripped(data, "png")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_what_says_nothing_stays_as_it_is(format: str) -> None:
    data = stripped(picture(format), format.lower())
    assert stripped(data, format.lower()) == data


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_damaged_file_is_no_larger_and_no_crash(format: str) -> None:
    data = telling(format)
    for length in range(0, 600, 7):
        assert len(stripped(data[:length], format.lower())) <= length


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_a_picture_that_comes_back_as_it_came_tells_nothing(format: str) -> None:
    data = coarse(format)
    made = small(data, 10**6, n_threads=1)
    assert len(made.data) < len(data)
    assert told(made.data) == set()
    assert np.array_equal(read_image(made.data), read_image(data))


def test_an_orientation_in_xmp_alone_is_heeded() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    file = BytesIO()
    with Image.open(BytesIO(FRUITS)) as image:
        image.convert("RGB").crop((0, 0, 64, 48)).save(file, "JPEG", quality=8, xmp=xmp)
    data = file.getvalue()
    assert read_image(stripped(data, "jpeg")).shape == (48, 64, 4)
    assert read_image(small(data, 10**6, n_threads=1).data).shape == (64, 48, 4)
