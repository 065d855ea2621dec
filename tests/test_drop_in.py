"""The drop-in does what pngquant's own test script checks, and what build tools count on."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crafted import chunk
from images import FRUITS, ROOT
from pictures import shared_data
from pimenton import UnreadableImage, read_image
from pimenton.cli import main as pimenton
from pimenton.cli.pngquant import main
from pimenton.drop_in import Wishes, quality_of, requantize


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Crop a photograph, and go where it is."""
    monkeypatch.chdir(tmp_path)
    with Image.open(FRUITS) as picture:
        picture.crop((0, 0, 120, 90)).save("test.png")
    return Path("test.png")


def run(*words: object, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pimenton", "pngquant", *map(str, words)]
    return subprocess.run(command, input=data, capture_output=True)


def n_colors_of(path: str | Path) -> int:
    return len(np.unique(read_image(path).reshape(-1, 4), axis=0))


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == main(["-V"]) == 0
    assert re.match(r"2\.\d+", capsys.readouterr().out)
    assert main(["--help"]) == pimenton(["pngquant", "-h"]) == 0
    assert "usage:" in capsys.readouterr().out


def test_no_arguments_are_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    assert "usage:" in capsys.readouterr().err


def test_names_end_as_the_dithering_says(photo: Path) -> None:
    assert main(["32", "--", "test.png"]) == 0
    assert Path("test-fs8.png").exists()
    assert main(["--nofs", "test.png"]) == main(["--ordered", "-f", "test.png"]) == 0
    assert Path("test-or8.png").exists()
    assert main(["-s11", "-f", "test.png"]) == 0
    photo.rename("other.jpg")
    assert main(["--ext", "-small.png", "other.jpg"]) == 0
    assert Path("other.jpg-small.png").exists()


def test_floyd_has_a_strength_behind_its_sign(photo: Path) -> None:
    assert main(["--floyd=0.5", "--force", "8", "test.png"]) == 0
    half = Path("test-fs8.png").read_bytes()
    assert main(["--floyd", "--force", "8", "test.png"]) == 0
    assert Path("test-fs8.png").read_bytes() != half
    assert main(["--floyd=2", "test.png"]) == 4


def test_one_dash_is_obsolete(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-nofs", "test.png"]) == 0
    assert "warning:" in capsys.readouterr().err
    assert Path("test-or8.png").exists()


def test_an_existing_output_is_kept(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test.png", "-o", "out.png"]) == 0
    once = Path("out.png").read_bytes()
    assert main(["16", "test.png", "-o", "out.png"]) == 15
    assert "not overwriting" in capsys.readouterr().err
    assert Path("out.png").read_bytes() == once
    assert main(["-f", "16", "test.png", "-o", "out.png"]) == 0
    assert n_colors_of("out.png") <= 16


def test_a_quality_beyond_reach_writes_nothing(photo: Path) -> None:
    assert main(["-Q", "100-100", "test.png", "-o", "q.png"]) == 99
    assert not Path("q.png").exists()
    result = run("-Q", "100-100", "-", data=photo.read_bytes())
    assert (result.returncode, result.stdout) == (99, photo.read_bytes())


def test_a_second_pass_is_not_worth_its_loss(photo: Path) -> None:
    assert main(["-Q", "0-50", "test.png", "-o", "q50.png"]) == 0
    words = ["--skip-if-larger", "-Q", "0-49", "q50.png"]
    assert main([*words, "-o", "q49.png"]) == 98
    assert not Path("q49.png").exists()
    result = run(*words[:-1], "-", data=Path("q50.png").read_bytes())
    assert (result.returncode, result.stdout) == (98, Path("q50.png").read_bytes())


def test_metadata_stays_unless_stripped(photo: Path) -> None:
    data = photo.read_bytes()
    xmp = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta/>")
    photo.write_bytes(data[:33] + chunk(b"sRGB", b"\0") + xmp + data[33:])
    assert main(["test.png"]) == 0
    assert b"sRGB" in Path("test-fs8.png").read_bytes()
    assert b"<x:xmpmeta/>" in Path("test-fs8.png").read_bytes()
    assert main(["--strip", "-f", "test.png"]) == 0
    kept = Path("test-fs8.png").read_bytes()
    assert not [kind for kind in (b"sRGB", b"iTXt", b"tEXt", b"pHYs") if kind in kept]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["missing.png"], 2), (["text.png"], 25), (["cut.png"], 25), (["photo.jpg"], 25),
        (["1", "test.png"], 4), (["300", "test.png"], 4), (["-Q", "200", "test.png"], 4),
        (["-Q", "90-10", "test.png"], 4), (["-Q", "", "test.png"], 4), (["-s12", "test.png"], 4),
        (["--posterize", "5", "test.png"], 4), (["--bogus", "test.png"], 4),
        (["test.png", "-o", "a.png", "--ext", "b.png"], 4),
        (["test.png", "test.png", "-o", "a.png"], 4), (["test.png", "-o", "no/folder/a.png"], 16),
        (["missing.png", "test.png"], 2), (["text.png", "missing.png"], 2),
        (["--map", "missing.png", "test.png"], 2),
    ],
)  # fmt: skip
def test_statuses(photo: Path, words: list[str], status: int) -> None:
    Path("text.png").write_text("text")
    Path("cut.png").write_bytes(photo.read_bytes()[:500])
    with Image.open(photo) as picture:
        picture.convert("RGB").save("photo.jpg")
    assert main(words) == status
    written = {path.name for path in Path().iterdir()} - {"text.png", "cut.png", "photo.jpg"}
    assert written == ({"test.png", "test-fs8.png"} if words[-1] == "test.png" and status == 2
                       and words[0] == "missing.png" else {"test.png"})  # fmt: skip


def test_pipes_as_build_tools_call_them(photo: Path) -> None:
    words = [
        "-",
        "--speed",
        "3",
        "--strip",
        "--quality",
        "0-60",
        "--floyd=0.5",
        "--posterize",
        "4",
    ]
    result = run(*words, data=photo.read_bytes())
    assert result.returncode == 0
    assert result.stderr == b""
    pixels = read_image(result.stdout)
    assert not (pixels % 17).any()
    assert (
        run("16", data=photo.read_bytes()).stdout == run("16", "-", data=photo.read_bytes()).stdout
    )
    assert run("-o", "-", "16", "test.png").stdout == run("16", data=photo.read_bytes()).stdout
    assert run("-v", "-", data=photo.read_bytes()).stderr.count(b"(Q=") == 1


@pytest.mark.parametrize(
    ("word", "low", "high"),
    [("80", 72, 80), ("50-70", 50, 70), ("-60", 0, 60), ("60-", 60, 100), ("0-100", 0, 100)],
)
def test_qualities_are_kept_with_few_colors(
    photo: Path, capsys: pytest.CaptureFixture[str], word: str, low: int, high: int
) -> None:
    assert main(["-v", "-Q", word, "test.png"]) in (0, 99)
    found = re.search(r"Q=(\d+)\)", capsys.readouterr().err)
    quality = int(found[1])
    if Path("test-fs8.png").exists():
        assert quality >= low
    assert quality < high or n_colors_of("test-fs8.png") < 256 or high == 100


def test_a_map_is_used_as_it_is(photo: Path) -> None:
    colors = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], np.uint8)
    Image.fromarray(colors).save("map.png")
    assert main(["--map", "map.png", "test.png"]) == 0
    found = {tuple(color) for color in read_image("test-fs8.png").reshape(-1, 4).tolist()}
    assert found <= {(255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255), (9, 9, 9, 255)}


def test_threads_change_no_byte(photo: Path) -> None:
    results = [requantize(photo.read_bytes(), Wishes(high=70), n_threads=n) for n in (1, 2)]
    assert results[0] == results[1]
    with pytest.raises(UnreadableImage, match=r"^here: not a PNG file$"):
        requantize(b"GIF89a", Wishes(), name="here")


# Printed by pngquant 3.0.3 --verbose.
PRINTED = {
    "cq100/dev/astro_bodies.png": 87,
    "cq100/dev/columbia_crew.png": 86,
    "cq100/dev/easter_egg_basket.png": 64,
    "cq100/dev/grilled_food.png": 54,
    "cq100/dev/maya_beach.png": 76,
    "cq100/dev/prickly_pears.png": 74,
    "cq100/dev/seattle_great_wheel.png": 73,
    "cq100/dev/venetian_lagoon.png": 82,
    "kodak/dev/kodim06.png": 93,
    "kodak/dev/kodim20.png": 95,
    "graphics_cutout/dev/animals__insects__Woodlouse.png": 96,
    "graphics_logo/dev/azd-templates.png": 99,
    "graphics_ui/dev/checkerboard-dialog.png": 99,
}


@pytest.mark.parametrize("name", PRINTED)
def test_qualities_are_those_that_pngquant_prints(name: str) -> None:
    made = requantize(shared_data(name).read_bytes(), Wishes(strength=0))
    assert made.quality == quality_of(made.error)
    assert abs(made.quality - PRINTED[name]) <= 3


@pytest.mark.skipif(not shutil.which("npm"), reason="no npm here")
def test_imagemins_plugin_runs_a_folder_with_our_command(tmp_path: Path) -> None:
    """The plugin calls what lies where its own binary would."""
    script = ROOT / "examples" / "imagemin" / "run.sh"
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(3):
        with Image.open(FRUITS) as picture:
            picture.crop((40 * i, 0, 40 * i + 90, 60)).save(folder / f"{i}.png")
    command = shutil.which("pimenton-pngquant", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("pimenton-pngquant is not installed here")
    result = subprocess.run(
        ["sh", script, tmp_path / "work", command, folder, tmp_path / "out"],
        capture_output=True, text=True, env={**os.environ, "npm_config_fund": "false"},
    )  # fmt: skip
    if "npm install failed" in result.stderr:
        pytest.skip("npm has no registry here")
    assert result.returncode == 0, result.stderr
    for i in range(3):
        assert (tmp_path / "out" / f"{i}.png").stat().st_size < (folder / f"{i}.png").stat().st_size
        assert n_colors_of(tmp_path / "out" / f"{i}.png") <= 256
