"""Resolution always stays, the rest on demand, and nothing turns an upright picture."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crafted import GRAY, chunk, png_file
from pimenton import Options, read_image
from pimenton.batch import Job, Rules, compress_file
from pimenton.metadata import Metadata, furnish, read_metadata

FAST = Options(effort="fast", n_colors=4)
KEEP = Rules(metadata="keep", allow_larger=True, force=True)
ORIENTATION, COPYRIGHT, DATE = 0x0112, 0x8298, 0x9003
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" '
    b'dc:rights="Ana"/></x:xmpmeta>'
)


def photograph(path: Path) -> Path:
    """Write a picture with resolution, EXIF and XMP, of which both say to turn it."""
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[COPYRIGHT] = "Ana"
    exif.get_ifd(0x8769)[DATE] = "2020:01:02 03:04:05"
    choices = {"xmp": XMP} if path.suffix in (".jpg", ".webp") else {}
    picture.save(path, exif=exif, dpi=(300, 150), **choices)
    return path


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tiff"])
@pytest.mark.parametrize("target_ending", ["png", "webp", "tiff"])
def test_what_is_kept_is_read_by_others(tmp_path: Path, ending: str, target_ending: str) -> None:
    source = photograph(tmp_path / f"in.{ending}")
    target = tmp_path / f"out.{target_ending}"
    compress_file(Job(source, target), FAST, KEEP)
    with Image.open(target) as picture:
        picture.load()
        exif = picture.getexif()
        assert exif[COPYRIGHT] == "Ana"
        if ending != "tiff":
            assert exif.get_ifd(0x8769)[DATE] == "2020:01:02 03:04:05"
        assert exif.get(ORIENTATION, 1) == 1
        assert picture.size == (20, 30)
        if "webp" not in (ending, target_ending):
            assert picture.info["dpi"] == pytest.approx((300, 150), rel=1e-3)
        if ending in ("jpg", "webp"):
            kept = picture.info["xmp"]
            assert b'dc:rights="Ana"' in kept
            assert b'tiff:Orientation="1"' in kept
    assert np.array_equal(read_image(target).shape, (30, 20, 4))
    assert np.array_equal(read_image(target), compress_file(
        Job(source, tmp_path / "plain.png"), FAST, Rules(allow_larger=True, force=True)
    ).result.image.to_pixels())  # fmt: skip


@pytest.mark.parametrize("target_ending", ["png", "tiff", "bmp"])
def test_resolution_stays_and_the_rest_goes(tmp_path: Path, target_ending: str) -> None:
    source = photograph(tmp_path / "in.jpg")
    target = tmp_path / f"out.{target_ending}"
    compress_file(Job(source, target), FAST)
    with Image.open(target) as picture:
        assert picture.info["dpi"] == pytest.approx((300, 150), rel=1e-3)
        assert COPYRIGHT not in picture.getexif()
    assert b"Ana" not in target.read_bytes()


def test_texts_of_a_png_are_kept(tmp_path: Path) -> None:
    texts = [(b"tEXt", b"Author\0Ana"), (b"iTXt", b"Title\0\0\0\0\0\xc3\x91u")]
    source = tmp_path / "in.png"
    source.write_bytes(png_file(np.zeros((4, 4, 1), np.uint8), GRAY, 8, chunks=texts))
    for target in (tmp_path / "out.png", tmp_path / "out.gif"):
        compress_file(Job(source, target), FAST, KEEP)
        assert b"Ana" in target.read_bytes()
        assert np.array_equal(read_image(target), read_image(source))
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.text["Title"] == "Ñu"
        assert "pimenton" in picture.text


def test_xmp_and_comments_go_into_a_gif(tmp_path: Path) -> None:
    target = tmp_path / "out.gif"
    compress_file(Job(photograph(tmp_path / "in.jpg"), target), FAST, KEEP)
    with Image.open(target) as picture:
        assert picture.info["comment"].startswith(b"pimenton ")
        picture.load()
    assert b"XMP DataXMP<x:xmpmeta" in target.read_bytes()


@pytest.mark.parametrize("kind", ["tEXt", "zTXt"])
def test_exif_as_digits_becomes_exif(kind: str) -> None:
    import zlib

    exif = Image.Exif()
    exif[COPYRIGHT] = "Ana"
    exif[ORIENTATION] = 3
    data = exif.tobytes()
    digits = f"\nexif\n{len(data):8}\n{data.hex()}\n".encode()
    body = digits if kind == "tEXt" else b"\0" + zlib.compress(digits)
    png = png_file(np.zeros((4, 4, 1), np.uint8), GRAY, 8,
                   chunks=[(kind.encode(), b"Raw profile type exif\0" + body)])  # fmt: skip
    kept = read_metadata(png, keep="keep")
    assert kept.texts == ()
    found = Image.Exif()
    found.load(b"Exif\0\0" + kept.exif)
    assert dict(found) == {COPYRIGHT: "Ana"}


@pytest.mark.parametrize(
    "exif", [b"", b"rubbish", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\0\1"]
)
def test_damaged_metadata_is_passed_over(exif: bytes) -> None:
    png = png_file(
        np.zeros((4, 4, 1), np.uint8), GRAY, 8,
        chunks=[(b"eXIf", exif), (b"pHYs", b"123"), (b"zTXt", b"Raw profile type exif\0\0\1\2")],
    )  # fmt: skip
    assert read_metadata(png, keep="keep") == Metadata()
    assert read_metadata(png + chunk(b"IDAT", b"")[:-1] + b"?", keep="keep") == Metadata()
    assert read_metadata(b"no picture", keep="keep") == Metadata()


@pytest.mark.parametrize("opacity", [255, 100, 0])
@pytest.mark.parametrize("format", ["png", "gif", "webp", "tiff"])
def test_metadata_changes_no_pixel(tmp_path: Path, format: str, opacity: int) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    pixels[:, :15, 3] = opacity
    pixels[:, 15:, 3] = 255
    source = tmp_path / "in.png"
    Image.fromarray(pixels).save(source)
    outcome = compress_file(Job(source, tmp_path / f"out.{format}"), FAST, KEEP)
    upright = XMP.replace(b"6", b"1")
    everything = Metadata((1e4, 1e4), b"II*\0\x08\0\0\0\0\0\0\0\0\0", upright, (), "0123456789")
    plain = read_image(outcome.result.data)
    for metadata in (Metadata(), everything):
        assert np.array_equal(read_image(furnish(outcome.result.data, format, metadata)), plain)
    data = furnish(outcome.result.data, format, everything)
    with Image.open(BytesIO(data)) as picture:
        picture.load()
    if opacity in (0, 255) or format != "gif":
        alphas = read_image(outcome.result.data)[:, :, 3]
        assert (alphas[:, 15:] == 255).all()
        assert opacity != 0 or (alphas[:, :15] == 0).all()
