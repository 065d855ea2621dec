"""Many files: each is written whole, kept, or said; none stops the others."""

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from images import FRUITS, ROOT
from pictures import content_of
from pimenton import Options, marks, read_image
from pimenton.batch import Job, Outcome, Rules, attempt, compress_file
from pimenton.cli import main
from pimenton.folders import find_jobs
from pimenton.formats import TEMPORARY
from pimenton.many import compress_files
from pimenton.workers import compress_apart

FAST = Options(n_colors=8, effort="fast")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Make a folder of small photographs, one broken file and one that cannot get smaller."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    with Image.open(FRUITS) as picture:
        for i in range(6):
            place = folder / "deep" if i % 2 else folder
            picture.crop((40 * i, 0, 40 * i + 64, 48)).save(place / f"{i}.png")
        picture.crop((0, 0, 320, 240)).save(folder / "small.jpg", quality=5)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    return folder


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.job.source.name: outcome.status for outcome in outcomes}


def test_processes_threads_and_turns_give_the_same_files(photos: Path) -> None:
    folders = [photos.parent / name for name in ("one", "two", "three")]
    jobs = [list(find_jobs([str(photos)], to=folder)) for folder in folders]
    results = [
        [attempt(job, FAST, Rules()) for job in jobs[0]],
        list(compress_apart(jobs[1], FAST, Rules(), n_jobs=2)),
    ]
    with ThreadPoolExecutor(2) as pool:
        results.append(list(compress_files(jobs[2], FAST, Rules(), pool, n_waiting=3)))
    expected = {
        **{f"{i}.png": "written" for i in range(6)},
        "small.jpg": "copied",
        "broken.png": "failed",
    }
    for outcomes in results:
        assert statuses(outcomes) == expected
    contents = [content_of(folder) for folder in folders]
    assert contents[0] == contents[1] == contents[2]
    assert sorted(contents[0]) == [
        "0.png", "2.png", "4.png", "deep/1.png", "deep/3.png", "deep/5.png", "small.jpg",
    ]  # fmt: skip
    assert contents[0]["small.jpg"] == (photos / "small.jpg").read_bytes()


def test_what_is_done_is_not_done_again(photos: Path) -> None:
    jobs = list(find_jobs([str(photos)], to=photos.parent / "out"))
    rules = Rules(renew=True)
    for job in jobs:
        attempt(job, FAST, rules)
    before = content_of(photos.parent / "out")
    again = statuses([attempt(job, FAST, rules) for job in jobs])
    assert {again[f"{i}.png"] for i in range(6)} == {"done"}
    assert content_of(photos.parent / "out") == before
    job = next(job for job in jobs if job.source.name == "0.png")
    later = job.target.stat().st_mtime + 10
    os.utime(job.source, (later, later))
    assert attempt(job, FAST, rules).status == "written"
    assert attempt(job, Options(n_colors=4), rules).status == "written"
    foreign = photos.parent / "out" / "2.png"
    foreign.write_bytes((photos / "4.png").read_bytes())
    [job] = [job for job in jobs if job.target == foreign]
    assert attempt(job, FAST, rules).reason == f"{foreign}: exists; use --force to replace it"
    assert attempt(job, FAST, Rules(force=True)).status == "written"


def test_a_result_is_not_made_worse_by_the_same_choices(photos: Path) -> None:
    path = photos / "0.png"
    assert compress_file(Job(path, path), FAST).status == "written"
    once = path.read_bytes()
    assert len(marks.mark_in(once)) == 10
    outcome = compress_file(Job(path, path), FAST)
    assert (outcome.status, outcome.reason) == ("done", "made with the same choices")
    assert path.read_bytes() == once
    assert compress_file(Job(path, photos / "other.png"), FAST).status == "done"


def test_an_original_that_was_better_is_known_again(photos: Path) -> None:
    path = photos / "few.png"
    Image.new("RGB", (9, 9), "red").save(path, optimize=True)
    outcome = compress_file(Job(path, path), FAST)
    assert outcome.status == "kept"
    if marks.mark_of(path):
        assert compress_file(Job(path, path), FAST).status == "done"
        os.utime(path, (1, 1))
        assert compress_file(Job(path, path), FAST).status == "kept"


def test_what_cannot_be_written_is_kept_in_place(photos: Path) -> None:
    path = photos / "small.jpg"
    before = path.read_bytes()
    outcome = compress_file(Job(path, path), FAST)
    assert (outcome.status, outcome.report) == ("kept", None)
    assert path.read_bytes() == before


def test_modes_and_times_are_kept(photos: Path) -> None:
    path = photos / "0.png"
    path.chmod(0o640)
    os.utime(path, (1e9, 1e9))
    target = photos / "target.png"
    compress_file(Job(path, target), FAST)
    assert target.stat().st_mode & 0o777 == 0o640
    assert target.stat().st_mtime > 1e9
    compress_file(Job(path, path), FAST, Rules(preserve_times=True))
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_mtime == 1e9


def test_a_file_whose_process_dies_is_said_and_the_others_are_made(photos: Path) -> None:
    # Whoever opens this file dies of it, as of a fault in a decoder.
    fatal = photos / "deep" / "1.png"
    (photos.parent / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "def hook(event, arguments):\n"
        "    if event == 'open' and str(arguments[0]).endswith('1.png'):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(hook)\n"
    )
    jobs = list(find_jobs([str(photos)], to=photos.parent / "out"))
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pimenton import Options\n"
        "from pimenton.batch import Rules\n"
        "from pimenton.folders import find_jobs\n"
        "from pimenton.workers import compress_apart\n"
        "if __name__ == '__main__':\n"
        "    jobs = find_jobs([sys.argv[1]], to=Path(sys.argv[2]))\n"
        "    options = Options(n_colors=8, effort='fast')\n"
        "    for outcome in compress_apart(jobs, options, Rules(renew=True), n_jobs=2):\n"
        "        print(outcome.job.source.name, outcome.status, outcome.reason)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, photos, photos.parent / "out"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(photos.parent), *sys.path])},
        capture_output=True, text=True,
    )  # fmt: skip
    lines = dict(line.split(" ", 1) for line in result.stdout.splitlines())
    assert len(lines) == len(jobs), result.stderr
    assert lines["1.png"] == f"failed {fatal}: the process that compressed it died"
    assert {lines[f"{i}.png"].split()[0] for i in (0, 2, 3, 4, 5)} <= {"written", "done"}


def test_killed_and_started_again_it_goes_on(photos: Path) -> None:
    for i in range(40):
        (photos / f"copy{i}.png").write_bytes((photos / "0.png").read_bytes())
    before = content_of(photos)
    out = photos.parent / "out"
    command = [sys.executable, "-m", "pimenton", "compress", photos, "--to", out, "-k", "8",
               "--jobs", "2", "-q"]  # fmt: skip
    rng = random.Random(1)
    for _ in range(3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.4, 1.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for name, data in content_of(out).items() if out.exists() else ():
            if not Path(name).name.startswith(TEMPORARY):
                read_image(data)
    assert subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 1
    assert content_of(photos) == before
    names = {name for name in before if name != "broken.png"}
    assert set(content_of(out)) == names
    for name in names:
        pixels = read_image(out / name)
        assert len(np.unique(pixels.reshape(-1, 4), axis=0)) <= 8 or name == "small.jpg"


@pytest.mark.parametrize(
    "name",
    ["с пробелом.png", "two  blanks.png", "new\nline.png", "n" * 251 + ".png", b"\xff\xfe.png"],
)
def test_odd_names(photos: Path, name: str | bytes) -> None:
    path = photos / os.fsdecode(name)
    try:
        path.write_bytes((photos / "0.png").read_bytes())
    except OSError:
        pytest.skip("the file system takes no such name")
    out = photos.parent / "out"
    command = [sys.executable, "-m", "pimenton", "compress", path, "--to", out, "-k", "8"]
    for words in ([], ["--json", "--force"]):
        result = subprocess.run([*command, *words], capture_output=True)
        assert result.returncode == 0, result.stderr
        assert result.stdout.count(b"\n") == 1
    assert [entry.name for entry in out.iterdir()] == [path.name]
    (out / path.name).write_bytes(b"mine")
    result = subprocess.run(command, capture_output=True)
    assert result.returncode == 1
    assert result.stderr.count(b"\n") == 1


def test_a_batch_prints_lines_and_a_summary(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = photos.parent / "out"
    words = ["compress", str(photos), "--to", str(out), "-k", "8", "--jobs", "1"]
    assert main(words) == 1
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 7
    error, summary = printed.err.splitlines()
    assert error.startswith(f"pimenton: {photos}/broken.png: ")
    assert summary.startswith("8 pictures: 1 copied, 1 failed, 6 written; ")
    assert main([*words, "--quiet"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "out", "--in-place"], "--to and --in-place say different places"),
        (["--jobs", "0"], "--jobs must be at least 1; got 0"),
        (["-o", "x.png"], "--output takes one input, which is a file"),
        (["--format", "gif", "--in-place"], "--format goes with neither --in-place"),
    ],
)
def test_what_does_not_go_together_is_said(
    photos: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["compress", str(photos), *words]) == 2
    assert message in capsys.readouterr().err


def test_the_hook_changes_a_picture_once(photos: Path) -> None:
    """What pre-commit runs must leave alone what it has done."""
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    entry = next(line for line in hook.splitlines() if line.strip().startswith("entry:"))
    words = entry.split("entry: pimenton ")[1].split()
    pictures = [str(photos / "0.png"), str(photos / "2.png")]
    before = content_of(photos)
    assert main([*words, *pictures]) == 0
    once = content_of(photos)
    assert {name for name in once if once[name] != before[name]} == {"0.png", "2.png"}
    assert main([*words, *pictures]) == 0
    assert content_of(photos) == once


def test_a_largest_size_holds_with_all_that_is_in_the_file(photos: Path) -> None:
    job = Job(photos / "0.png", photos / "out.png")
    outcome = compress_file(job, Options(max_bytes=1500, best_possible=True))
    assert job.target.stat().st_size == outcome.report.output_bytes <= 1500
    assert outcome.report.options.max_bytes == 1500
