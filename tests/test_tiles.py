"""Pictures in tiles come out as they would whole, whatever they are stored in."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from images import FRUITS
from pimenton import (
    Histogram,
    Palette,
    UnreadableImage,
    View,
    as_rgba,
    compress_tiles,
    quantize,
    read_image,
    remap,
)
from pimenton.cli import main
from pimenton.pixels import Pixels
from pimenton.tiled import open_pyramid, palette_tiff, record
from pimenton.tiled.blocks import block_sides, blocks_of

tifffile = pytest.importorskip("tifffile")
zarr = pytest.importorskip("zarr")


@pytest.fixture(scope="module")
def picture() -> Pixels:
    """Give a photograph of several blocks, of odd sides, all of its tiles different."""
    fruits = read_image(FRUITS)[..., :3]
    n_down, n_across = 1301 // fruits.shape[0] + 1, 2111 // fruits.shape[1] + 1
    rows = [np.hstack([fruits[:: 1 - 2 * (x % 2)] for x in range(n_across)])] * n_down
    large = np.vstack(rows)[:1301, :2111]
    noise = np.random.default_rng(1).integers(0, 8, large.shape, dtype=np.uint8)
    return as_rgba(large // 2 + noise + (np.arange(2111) // 20).astype(np.uint8)[:, np.newaxis])


@pytest.fixture(scope="module")
def scan(picture: Pixels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scans") / "scan.tif"
    write_tiff(path, picture[..., :3], tile=(256, 256))
    return path


def write_tiff(path: Path, values: NDArray[Any], **choices: Any) -> Path:
    choices = {"photometric": "rgb", "compression": "adobe_deflate", **choices}
    tifffile.imwrite(path, values, metadata=None, **choices)
    return path


def read_tiff(path: Path, level: int = 0) -> tuple[NDArray[np.uint8], Palette]:
    """Give the indices and the palette of a result."""
    with tifffile.TiffFile(path) as file:
        page = file.series[0].levels[level].pages[0]
        assert page.is_tiled
        assert page.photometric == tifffile.PHOTOMETRIC.PALETTE
        values = page.asarray()
        colors = np.full((256, 4), 255, np.uint8)
        colors[:, :3] = page.colormap.T // 257
        return values, Palette(colors)


def pixels_of(path: Path, level: int = 0) -> Pixels:
    indices, palette = read_tiff(path, level)
    if indices.ndim == 2:
        return palette.colors[indices]
    pixels = palette.colors[indices[..., 0]]
    pixels[..., 3] = indices[..., 1]
    return pixels


FAST = {"n_colors": 32, "effort": "fast"}


@pytest.mark.parametrize("dither", ["none", "blue-noise", "floyd-steinberg", "stucki", "auto"])
def test_tiles_are_those_of_the_whole_picture(
    picture: Pixels, scan: Path, tmp_path: Path, dither: str
) -> None:
    target = tmp_path / "out.tif"
    report = compress_tiles(scan, target, dither=dither, **FAST)
    whole = quantize(picture, dither=dither, **FAST)
    assert report.palette == whole.palette
    assert np.array_equal(read_tiff(target)[0], whole.indices)
    assert sorted(os.listdir(tmp_path)) == ["out.tif"]


def test_histogram_by_blocks_is_the_whole(picture: Pixels, scan: Path) -> None:
    level = open_pyramid(scan, View()).levels[0]
    rows = blocks_of(level.height, level.width, block_sides(level, 512))
    blocks = [block for row in rows for block in row]
    assert len(blocks) == 6
    parts = [Histogram.of(level.read(*block)) for block in blocks]
    assert sum(parts[1:], parts[0]) == Histogram.of(picture)


@pytest.mark.parametrize(
    "choices",
    [
        {"tile": (256, 256), "compression": "jpeg"},
        {"tile": (240, 336), "compression": "lzw", "predictor": True},
        {"tile": (256, 512), "planarconfig": "separate"},
        {"rowsperstrip": 7},
        {"rowsperstrip": 1301, "compression": None},
        {"tile": (512, 512), "compression": None, "byteorder": ">", "bigtiff": True},
    ],
    ids=lambda choices: "-".join(map(str, choices.values())),
)
def test_every_layout_is_read(picture: Pixels, tmp_path: Path, choices: dict[str, Any]) -> None:
    values = picture[..., :3]
    if choices.get("planarconfig"):
        values = np.moveaxis(values, 2, 0)
    path = write_tiff(tmp_path / "in.tif", values, **choices)
    level = open_pyramid(path, View()).levels[0]
    expected = as_rgba(tifffile.imread(path) if choices.get("compression") == "jpeg" else picture)
    assert np.array_equal(level.read(0, 0, level.height, level.width), expected)
    assert np.array_equal(level.read(250, 500, 300, 601), expected[250:550, 500:1101])


def test_grays_16_bits_palettes_and_opacity_mean_what_they_do_elsewhere(
    picture: Pixels, tmp_path: Path
) -> None:
    small = picture[:200, :300]
    deep = small[..., :3].astype(np.uint16) * 257 + np.uint16(100)
    alpha = np.dstack([small[..., :3], np.arange(200 * 300).reshape(200, 300) % 256]).astype("u1")
    map16 = np.random.default_rng(0).integers(0, 65536, (3, 256), dtype=np.uint16)
    for number, (values, choices) in enumerate(
        [
            (small[..., 0], {"photometric": "minisblack"}),
            (small[..., 0], {"photometric": "miniswhite"}),
            (small[..., 0] > 90, {"photometric": "minisblack", "compression": None}),
            (deep, {}),
            (alpha, {"extrasamples": ["unassalpha"]}),
            (small[..., 1], {"photometric": "palette", "colormap": map16}),
        ]
    ):
        path = write_tiff(tmp_path / f"{number}.tif", values, tile=(64, 64), **choices)
        level = open_pyramid(path, View()).levels[0]
        assert np.array_equal(level.read(0, 0, 200, 300), read_image(path)), choices


def test_premultiplied_colors_are_divided(tmp_path: Path) -> None:
    values = np.zeros((64, 64, 4), np.uint8)
    values[:] = 50, 100, 0, 100
    path = write_tiff(tmp_path / "in.tif", values, tile=(64, 64), extrasamples=["assocalpha"])
    pixels = open_pyramid(path, View()).levels[0].read(0, 0, 64, 64)
    assert pixels[0, 0].tolist() == [128, 255, 0, 100]


def test_clear_pixels_come_back(tmp_path: Path) -> None:
    pixels = np.zeros((130, 140, 4), np.uint8)
    pixels[:50] = 200, 30, 30, 255
    pixels[50:90, :, :] = 20, 30, 130, 128
    path = write_tiff(tmp_path / "in.tif", pixels, tile=(64, 64), extrasamples=["unassalpha"])
    compress_tiles(path, tmp_path / "out.tif", tile=64)
    assert np.array_equal(pixels_of(tmp_path / "out.tif"), pixels)
    assert np.array_equal(read_image(tmp_path / "out.tif"), pixels)


def test_pillow_reads_a_result(picture: Pixels, scan: Path, tmp_path: Path) -> None:
    compress_tiles(scan, tmp_path / "out.tif", **FAST)
    with Image.open(tmp_path / "out.tif") as image:
        assert image.mode == "P"
        assert np.array_equal(as_rgba(np.asarray(image.convert("RGB"))), pixels_of(image.filename))


def test_a_region_is_as_if_it_were_the_picture(picture: Pixels, scan: Path, tmp_path: Path) -> None:
    view = View(region=(333, 222, 1200, 700))
    for dither in ("none", "blue-noise", "sierra"):
        compress_tiles(scan, tmp_path / "out.tif", view=view, dither=dither, **FAST)
        whole = quantize(picture[222:922, 333:1533], dither=dither, **FAST)
        assert np.array_equal(read_tiff(tmp_path / "out.tif")[0], whole.indices)


def test_pages_and_channels_are_chosen(picture: Pixels, tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as file:
        for i in range(3):
            file.write(picture[:100, :100, :3] // (i + 1), tile=(64, 64), photometric="rgb",
                       metadata=None)  # fmt: skip
    for page in range(3):
        level = open_pyramid(path, View(page=page)).levels[0]
        assert np.array_equal(
            level.read(0, 0, 100, 100)[..., :3], picture[:100, :100, :3] // (page + 1)
        )
    level = open_pyramid(path, View(channels=(2, 1, 0))).levels[0]
    assert np.array_equal(level.read(0, 0, 100, 100)[..., :3], picture[:100, :100, 2::-1])
    gray = open_pyramid(path, View(channels=(1,))).levels[0].read(0, 0, 100, 100)
    assert np.array_equal(gray, as_rgba(picture[:100, :100, 1]))


def test_a_range_says_what_is_black_and_white(tmp_path: Path) -> None:
    values = np.array([[-50, 0, 150, 300, 999]], np.int16).repeat(16, 0)
    path = write_tiff(tmp_path / "in.tif", values, photometric="minisblack", tile=(16, 16))
    level = open_pyramid(path, View(value_range=(0, 300))).levels[0]
    assert level.read(0, 0, 1, 5)[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    with pytest.raises(UnreadableImage, match="int16 need a range"):
        open_pyramid(path, View()).levels[0].read(0, 0, 1, 5)


def test_lower_levels_are_drawn_from_their_own_pixels(picture: Pixels, tmp_path: Path) -> None:
    path, lower = tmp_path / "in.tif", 255 - picture[::2, ::2, :3]
    with tifffile.TiffWriter(path) as file:
        file.write(picture[..., :3], tile=(256, 256), photometric="rgb", subifds=1, metadata=None)
        file.write(lower, tile=(256, 256), photometric="rgb", subfiletype=1, metadata=None)
    report = compress_tiles(path, tmp_path / "out.tif", n_levels=3, **FAST)
    assert report.n_levels == 3
    own = remap(as_rgba(lower), report.palette)
    assert np.array_equal(read_tiff(tmp_path / "out.tif", 1)[0], own.indices)
    assert read_tiff(tmp_path / "out.tif", 2)[0].shape == (326, 528)


@pytest.mark.parametrize("dither", ["none", "sierra"])
def test_levels_that_are_not_there_are_made_by_halving(
    picture: Pixels, scan: Path, tmp_path: Path, dither: str
) -> None:
    from pimenton import _native

    report = compress_tiles(scan, tmp_path / "out.tif", n_levels=0, dither=dither, **FAST)
    assert report.n_levels == 4
    half = picture
    for level in range(4):
        expected = remap(half, report.palette, dither=dither)
        assert np.array_equal(read_tiff(tmp_path / "out.tif", level)[0], expected.indices)
        half = _native.halve_pixels(half)
    assert max(read_tiff(tmp_path / "out.tif", 3)[0].shape) <= 512


def test_large_files_are_big_tiffs(
    scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compress_tiles(scan, tmp_path / "classic.tif", n_levels=0, **FAST)
    monkeypatch.setattr(palette_tiff, "_CLASSIC_BYTES", 100_000)
    compress_tiles(scan, tmp_path / "big.tif", n_levels=0, **FAST)
    for level in range(4):
        small, big = (pixels_of(tmp_path / f"{name}.tif", level) for name in ("classic", "big"))
        assert np.array_equal(small, big)
    with tifffile.TiffFile(tmp_path / "big.tif") as big_file:
        assert big_file.is_bigtiff


def test_resolution_and_place_on_earth_are_kept(picture: Pixels, tmp_path: Path) -> None:
    tags = [
        (33550, "d", 3, (0.5, 0.5, 0.0), True),
        (33922, "d", 6, (0.0, 0.0, 0.0, 1000.0, 2000.0, 0.0), True),
        (34737, "s", 0, "WGS 84|", True),
    ]
    path = write_tiff(tmp_path / "in.tif", picture[..., :3], tile=(256, 256), extratags=tags,
                      resolution=(300, 300), resolutionunit="INCH")  # fmt: skip
    compress_tiles(path, tmp_path / "out.tif", view=View(region=(100, 50, 200, 100)), **FAST)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        found = file.pages[0].tags
        assert found[33550].value == (0.5, 0.5, 0.0)
        assert found[33922].value == (-100.0, -50.0, 0.0, 1000.0, 2000.0, 0.0)
        assert found[34737].value == "WGS 84|"
        assert found["XResolution"].value == (300, 1)


def ome_zarr(path: Path, levels: list[NDArray[Any]], axes: str) -> Path:
    group = zarr.open_group(path, mode="w")
    datasets = []
    for i, values in enumerate(levels):
        chunks = tuple(100 if axis in "yx" else 1 for axis in axes)
        array = group.create_array(str(i), shape=values.shape, dtype=values.dtype, chunks=chunks)
        array[...] = values
        scale = [2.0**i if axis in "yx" else 1.0 for axis in axes]
        changes = [{"type": "scale", "scale": scale}]
        datasets.append({"path": str(i), "coordinateTransformations": changes})
    names = [{"name": axis, "unit": "micrometer"} for axis in axes]
    scales = [{"axes": names, "datasets": datasets}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": scales}
    return path


def test_zarr_to_zarr_is_the_same_picture(picture: Pixels, tmp_path: Path) -> None:
    channels = np.moveaxis(picture[..., :3], 2, 0)
    path = ome_zarr(tmp_path / "in.zarr", [channels, channels[:, ::2, ::2]], "cyx")
    report = compress_tiles(path, tmp_path / "out.zarr", tile=256, **FAST)
    whole = quantize(picture, **FAST)
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    assert np.array_equal(group["0"][...], whole.indices)
    lower = remap(np.ascontiguousarray(picture[::2, ::2]), whole.palette)
    assert np.array_equal(group["1"][...], lower.indices)
    assert group["0"].chunks == (256, 256)
    ome = group.attrs["ome"]
    assert [
        color["rgba"] for color in ome["image-label"]["colors"]
    ] == whole.palette.colors.tolist()
    scales = [d["coordinateTransformations"][0]["scale"] for d in ome["multiscales"][0]["datasets"]]
    assert scales == [[1.0, 1.0], pytest.approx([2.0, 2.0], rel=1e-2)]
    assert ome["multiscales"][0]["axes"][0]["unit"] == "micrometer"
    assert report.n_levels == 2


def test_plain_arrays_planes_and_channels_of_zarr(picture: Pixels, tmp_path: Path) -> None:
    part = picture[:150, :170]
    zarr.save_array(tmp_path / "plain.zarr", part[..., :3])
    level = open_pyramid(tmp_path / "plain.zarr", View()).levels[0]
    assert np.array_equal(level.read(20, 30, 100, 110), part[20:120, 30:140])
    deep = np.stack([part[..., :2], part[..., 1:3]]).transpose(0, 3, 1, 2).astype(np.uint16) * 4
    path = ome_zarr(tmp_path / "deep.zarr", [deep], "zcyx")
    view = View(page=1, channels=(1,), value_range=(0, 4 * 255))
    level = open_pyramid(path, view).levels[0]
    assert np.array_equal(level.read(0, 0, 150, 170), as_rgba(part[..., 2]))
    with pytest.raises(UnreadableImage, match="no page 2; there are 2"):
        open_pyramid(path, View(page=2))


@pytest.mark.parametrize(
    ("stage", "dither", "ending"),
    [
        ("counting", "none", ".tif"),
        ("drawing", "none", ".tif"),
        ("drawing", "sierra", ".tif"),
        ("drawing", "none", ".zarr"),
    ],
)
def test_what_was_broken_off_goes_on(
    scan: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    dither: str,
    ending: str,
) -> None:
    monkeypatch.setattr(record, "SECONDS", 0.0)
    choices = {**FAST, "dither": dither, "n_levels": 3}
    compress_tiles(scan, tmp_path / f"whole{ending}", **choices)
    told: list[tuple[str, float]] = []

    def stop(now: str, share: float) -> None:
        told.append((now, share))
        if now == stage and share > 0.6:
            raise KeyboardInterrupt

    target = tmp_path / f"broken{ending}"
    with pytest.raises(KeyboardInterrupt):
        compress_tiles(scan, target, progress=stop, **choices)
    assert not target.exists()
    assert (tmp_path / f"broken{ending}.partial").is_dir()
    told.clear()
    report = compress_tiles(scan, target, progress=lambda *now: told.append(now), **choices)
    assert report.resumed
    assert told[0][0] == stage
    assert told[0][1] > 0.1
    assert not (tmp_path / f"broken{ending}.partial").exists()
    assert content(target) == content(tmp_path / f"whole{ending}")


def content(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


KILLED = """
import os, signal, sys
import pimenton
from pimenton.tiled import record
record.SECONDS = 0.0
def stop(stage, share):
    if stage == "drawing" and share > 0.5:
        os.kill(os.getpid(), signal.SIGKILL)
pimenton.compress_tiles(*sys.argv[1:], n_colors=32, effort="fast", progress=stop)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills like this here")
def test_a_killed_run_goes_on(scan: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.tif"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(scan), str(target)])
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    assert compress_tiles(scan, target, **FAST).resumed
    compress_tiles(scan, tmp_path / "whole.tif", **FAST)
    assert target.read_bytes() == (tmp_path / "whole.tif").read_bytes()


def test_other_choices_begin_anew(
    scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "SECONDS", 0.0)

    def stop(stage: str, share: float) -> None:
        if stage == "drawing" and share > 0.5:
            raise KeyboardInterrupt

    target = tmp_path / "out.tif"
    with pytest.raises(KeyboardInterrupt):
        compress_tiles(scan, target, progress=stop, **FAST)
    report = compress_tiles(scan, target, n_colors=8, effort="fast")
    assert not report.resumed
    assert len(report.palette) == 8


def test_no_executor_changes_a_byte(scan: Path, tmp_path: Path) -> None:
    compress_tiles(scan, tmp_path / "own.tif", n_threads=1, **FAST)
    with ThreadPoolExecutor(3) as pool:
        compress_tiles(scan, tmp_path / "threads.tif", executor=pool, **FAST)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        compress_tiles(scan, tmp_path / "apart.tif", executor=pool, **FAST)
    first, *others = (
        (tmp_path / f"{name}.tif").read_bytes() for name in ("own", "threads", "apart")
    )
    assert all(other == first for other in others)


def test_few_colors_are_kept_as_they_are(tmp_path: Path) -> None:
    gray = np.arange(200, dtype=np.uint8)[np.newaxis].repeat(200, 0)
    path = write_tiff(tmp_path / "in.tif", gray, photometric="minisblack", tile=(64, 64))
    compress_tiles(path, tmp_path / "out.tif", dither="sierra")
    assert np.array_equal(pixels_of(tmp_path / "out.tif"), as_rgba(gray))


def test_the_command_says_what_it_wrote(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.tif"
    words = ["tiles", str(scan), str(target), "-k", "8", "--effort", "fast"]
    assert main([*words, "--region", "0,0,300,200", "--channels", "0"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{target}: 300 x 200, ")
    assert "8 colors" in told
    assert main(words) == 1
    assert capsys.readouterr().err.endswith("out.tif: exists; use --force to replace it\n")


def damaged(path: Path, scan: Path) -> None:
    data = bytearray(scan.read_bytes())
    data[3000:900_000] = bytes(897_000)
    path.write_bytes(data)


def test_bad_input_is_one_line(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {name: str(tmp_path / name) for name in ("text.tif", "damaged.tif", "cmyk.tif", "no.tif")}
    Path(bad["text.tif"]).write_text("no picture")
    damaged(Path(bad["damaged.tif"]), scan)
    cmyk = np.zeros((64, 64, 4), np.uint8)
    write_tiff(Path(bad["cmyk.tif"]), cmyk, photometric="separated", tile=(64, 64))
    (tmp_path / "folder").mkdir()
    bad["folder"] = str(tmp_path / "folder")
    for name, sentence in {
        "text.tif": "not a TIFF, or a damaged one",
        "damaged.tif": "damaged tile",
        "cmyk.tif": "CMYK is not read in tiles",
        "no.tif": "No such file",
        "folder": "not a Zarr, or a damaged one",
    }.items():
        assert main(["tiles", bad[name], str(tmp_path / "out.tif")]) == 1
        told = capsys.readouterr().err
        assert told.startswith(f"pimenton: {bad[name]}: {sentence}"), told
        assert told.count("\n") == 1
    assert not (tmp_path / "out.tif").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--region", "2000,0,112,1"], "region must lie inside 2111 x 1301"),
        (["--region", "0,0,1"], "region must be left, top, width and height"),
        (["--page", "1"], "no page 1; there are 1, from 0"),
        (["--channels", "0,5,1"], "no channel 5; there are 3, from 0"),
        (["--tile", "100"], "tile must be a multiple of 64"),
        (["--range", "3,3"], "value_range must be two rising numbers"),
        (["--levels", "-1"], "n_levels must be at least 0"),
    ],
)
def test_wrong_choices_are_one_line(
    scan: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    sentence: str,
) -> None:
    assert main(["tiles", str(scan), str(tmp_path / "out.tif"), *options]) == 1
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_choices_that_need_the_whole_are_refused(scan: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="quality is not for pictures in tiles"):
        compress_tiles(scan, tmp_path / "out.tif", quality=80)
    with pytest.raises(ValueError, match=r"the name must end in \.tif"):
        compress_tiles(scan, tmp_path / "out.png")
