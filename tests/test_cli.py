"""The command as a person or a script uses it."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reference
from images import FRUITS
from pictures import shared_data
from pimenton import read_image
from pimenton.cli import main
from pimenton.colorspace import SPACES
from pimenton.swatches import PALETTE_FORMATS, read_palette


def run(*words: object, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pimenton", *map(str, words)],
        capture_output=True, text=True, env={**os.environ, **settings},
    )  # fmt: skip


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    with Image.open(FRUITS) as picture:
        picture.crop((0, 0, 96, 64)).save(path)
    return path


def test_short_form_writes_beside_the_input(photo: Path) -> None:
    result = run(photo)
    assert result.returncode == 0, result.stderr
    target = photo.with_name("photo.min.png")
    assert str(target) in result.stdout
    assert result.stdout.count("\n") == 1
    assert len(np.unique(read_image(target).reshape(-1, 4), axis=0)) <= 256


def test_json_has_every_figure(photo: Path) -> None:
    result = run("compress", photo, "-k", 16, "--json")
    figures = json.loads(result.stdout)
    expected = {
        "input", "output", "input_bytes", "output_bytes", "width", "height", "n_colors", "mse",
        "psnr", "inertia", "n_iter", "elapsed_seconds", "palette", "counts", "written",
    }  # fmt: skip
    assert expected <= figures.keys()
    assert figures["n_colors"] == 16
    assert figures["output_bytes"] == Path(figures["output"]).stat().st_size


def test_an_existing_output_is_kept(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = photo.with_name("out.png")
    target.write_bytes(b"mine")
    assert main([str(photo), "-o", str(target)]) == 1
    assert capsys.readouterr().err == f"pimenton: {target}: exists; use --force to replace it\n"
    assert target.read_bytes() == b"mine"
    assert main([str(photo), "-o", str(target), "--force"]) == 0
    assert target.read_bytes()[:4] == b"\x89PNG"


def test_a_larger_result_is_not_written(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few, small = photo.with_name("few.png"), photo.with_name("small.png")
    assert main([str(photo), "-k", "4", "-o", str(few)]) == 0
    # Other choices than the next ones, or it would be known as done.
    assert main([str(few), "--seed", "1", "-o", str(small), "--allow-larger"]) == 0
    capsys.readouterr()
    assert main([str(small), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] is False
    assert not photo.with_name("small.min.png").exists()
    assert main([str(small)]) == 0
    assert "kept the original" in capsys.readouterr().out
    assert main([str(small), "--allow-larger"]) == 0
    assert photo.with_name("small.min.png").exists()


def test_another_format_is_written_and_told(photo: Path) -> None:
    target = photo.with_suffix(".bmp")
    assert run("compress", photo, "-o", target).returncode == 0
    assert target.exists()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["missing.png"], 1, "missing.png: No such file or directory"),
        (["text.png"], 1, "text.png: not an image"),
        (["empty.png"], 1, "empty.png: "),
        (["photo.png", "-k", "0"], 2, "n_colors must be between 1 and 256; got 0"),
        (["photo.png", "-k", "many"], 2, "invalid int value"),
        (["photo.png", "-o", "photo.xyz"], 1, "the name must end in"),
        (["photo.png", "--threads", "0"], 1, "n_threads must be at least 1; got 0"),
        (["compress"], 2, "IN"),
        ([], 2, "usage"),
    ],
)
def test_errors_are_one_line(
    photo: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], status: int, message: str
) -> None:
    monkeypatch.chdir(photo.parent)
    Path("text.png").write_text("hello")
    Path("empty.png").write_bytes(b"")
    result = run(*words)
    assert result.returncode == status
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    if status == 1:
        assert result.stderr.count("\n") == 1
    assert sorted(path.name for path in photo.parent.iterdir()) == [
        "empty.png", "photo.png", "text.png"
    ]  # fmt: skip


def test_palette_is_listed_with_shares(photo: Path) -> None:
    lines = run("palette", photo, "-k", 5).stdout.splitlines()
    assert len(lines) == 5
    assert sum(float(line.split()[1]) for line in lines) == pytest.approx(100, abs=0.05)


@pytest.mark.parametrize("ending", sorted(PALETTE_FORMATS))
def test_palette_files_are_written_by_their_ending(photo: Path, ending: str) -> None:
    target = photo.with_suffix("." + ending)
    assert main(["palette", str(photo), "-k", "5", "-o", str(target)]) == 0
    if PALETTE_FORMATS[ending].read:
        assert len(read_palette(target)) == 5


def test_compare_tells_the_distance(photo: Path) -> None:
    small = photo.with_name("small.png")
    main([str(photo), "-k", "4", "-o", str(small)])
    page = photo.with_name("page.html")
    result = run("compare", photo, small, "-o", page)
    assert "dB" in result.stdout
    assert page.read_text().lower().startswith("<!doctype html>")
    figures = json.loads(run("compare", photo, photo, "--json").stdout)
    assert figures["mse"] == 0
    assert figures["psnr"] is None


def test_report_page_comes_with_the_result(photo: Path) -> None:
    page = photo.with_name("page.html")
    assert main([str(photo), "-k", "4", "--report", str(page)]) == 0
    assert "photo.min.png" in page.read_text()


@pytest.mark.parametrize("seed", [123, 0])
def test_the_tutorials_picture_at_16_colors(tmp_path: Path, seed: int) -> None:
    peppers = shared_data("classic/dev/peppers.tiff")
    target = tmp_path / "peppers.png"
    result = run("compress", peppers, "-k", 16, "--space", "srgb", "--dither", "none",
                 "--seed", seed, "--json", "-o", target)  # fmt: skip
    assert json.loads(result.stdout)["inertia"] <= 1588.475
    data = target.read_bytes()
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert (width, height, depth, kind) == (512, 512, 4, 3)
    with Image.open(target) as picture:
        palette = np.array(picture.getpalette(), np.uint8).reshape(-1, 3)[:16]
        indices = np.array(picture)
    assert data[data.index(b"PLTE") - 4 : data.index(b"PLTE")] == struct.pack(">I", 48)
    colors = np.insert(palette, 3, 255, axis=1)
    points = SPACES["srgb"].from_srgb(read_image(peppers).reshape(-1, 4), 1)
    nearest = reference.assign(points, SPACES["srgb"].from_srgb(colors, 1))
    assert np.array_equal(indices.ravel(), nearest)


def test_threads_and_runs_give_the_same_bytes(photo: Path) -> None:
    written = []
    for i, n_threads in enumerate((1, 1, 2)):
        target = photo.with_name(f"{i}.png")
        assert run(photo, "--threads", n_threads, "-o", target).returncode == 0
        written.append(target.read_bytes())
    assert written[0] == written[1] == written[2]


def test_numpys_own_simd_changes_no_bit(photo: Path) -> None:
    plain = photo.with_name("plain.png")
    wide = photo.with_name("wide.png")
    features = "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX"
    assert run(photo, "-o", wide).returncode == 0
    slow = run(photo, "-o", plain, NPY_DISABLE_CPU_FEATURES=features, PYTHONWARNINGS="ignore")
    assert slow.returncode == 0, slow.stderr
    assert plain.read_bytes() == wide.read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_output_that_finds_no_room_is_said(photo: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "pimenton", "palette", str(photo)]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert result.stderr == "pimenton: standard output: No space left on device\n"


def test_pipes_carry_the_picture_alone(photo: Path) -> None:
    command = [sys.executable, "-m", "pimenton", "compress", "-k", "8"]
    target = photo.with_name("out.png")
    assert main(["compress", "-k", "8", str(photo), "-o", str(target)]) == 0
    data = photo.read_bytes()
    for words in (["-"], ["-", "-o", "-"], [str(photo), "-o", "-"], ["-", "--json"]):
        result = subprocess.run([*command, *words], input=data, capture_output=True)
        assert result.stdout == target.read_bytes()
        assert (result.stderr == b"") == ("--json" not in words)
    piped = photo.with_name("piped.webp")
    subprocess.run([*command, "-", "-o", piped], input=data, check=True)
    assert np.array_equal(read_image(piped), read_image(target))
    result = subprocess.run([*command, "-", "--format", "gif"], input=data, capture_output=True)
    assert result.stdout.startswith(b"GIF89a")


def test_a_pipe_gives_the_original_back_where_it_is_better(photo: Path) -> None:
    command = [sys.executable, "-m", "pimenton", "compress", "-"]
    once = subprocess.run(command, input=photo.read_bytes(), capture_output=True).stdout
    again = subprocess.run([*command, "-k", "200"], input=once, capture_output=True).stdout
    assert subprocess.run(command, input=once, capture_output=True).stdout == once
    assert len(again) <= len(once)


@pytest.mark.parametrize("data", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_a_broken_pipe_picture_is_said(data: bytes) -> None:
    command = [sys.executable, "-m", "pimenton", "compress", "-"]
    result = subprocess.run(command, input=data, capture_output=True)
    assert result.returncode == 1
    assert result.stdout == b""
    assert result.stderr.startswith(b"pimenton: standard input: ")
    assert result.stderr.count(b"\n") == 1


@pytest.mark.parametrize("words", [["-", "photo.png"], ["-", "--to", "out"], ["-", "--in-place"]])
def test_a_pipe_goes_alone(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compress", *words]) == 2
    assert "- takes no other input" in capsys.readouterr().err
