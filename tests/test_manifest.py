"""The manifest: a row for each file, from which a run goes on."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pictures import content_of, small_photos
from pimenton.cli import main


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = small_photos(tmp_path / "in", 5)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    return folder


def run(photos: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Compress with a manifest; give the exit status and the rows by name."""
    table = photos.parent / "manifest.db"
    chosen = ["--to", str(photos.parent / "out"), "-k", "8", "--effort", "fast", "-j", "1"]
    status = main(["compress", str(photos), *chosen, "--manifest", str(table), *words])
    with sqlite3.connect(table) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM files")]
    connection.close()
    return status, {Path(row["source"]).name: row for row in rows}


def statuses(printed: str) -> dict[str, str]:
    rows = [json.loads(line) for line in printed.splitlines()]
    return {Path(row["input"]).name: row["status"] for row in rows}


def test_each_file_is_a_row(photos: Path) -> None:
    status, rows = run(photos)
    assert status == 1
    assert len(rows) == 6
    good, bad = rows["0.png"], rows["broken.png"]
    out = photos.parent / "out" / "0.png"
    assert (good["status"], good["reason"], good["target"]) == ("written", None, str(out))
    assert good["input_bytes"] == (photos / "0.png").stat().st_size
    assert good["output_bytes"] == out.stat().st_size
    assert (good["width"], good["height"], good["n_colors"]) == (64, 48, 8)
    assert 20 < good["psnr"] < 60
    assert good["seconds"] > 0
    assert good["worker"].endswith(f":{os.getpid()}")
    assert (bad["status"], bad["output_bytes"]) == ("failed", None)
    assert bad["reason"].startswith(f"{photos}/broken.png: ")
    with sqlite3.connect(photos.parent / "manifest.db") as connection:
        [(digest, options)] = connection.execute("SELECT digest, options FROM choices")
    connection.close()
    assert digest == good["digest"]
    assert json.loads(options)["n_colors"] == 8


def test_a_run_goes_on_from_it(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = run(photos)[1]
    (photos / "broken.png").write_bytes((photos / "1.png").read_bytes())
    os.utime(photos / "0.png", (9, 9))
    (photos.parent / "out" / "2.png").unlink()
    capsys.readouterr()
    status, rows = run(photos, "--json")
    assert status == 0
    assert statuses(capsys.readouterr().out) == {
        "0.png": "written", "1.png": "done", "2.png": "done", "3.png": "done", "4.png": "done",
        "broken.png": "written",
    }  # fmt: skip
    assert {name: rows[name] for name in ("1.png", "2.png")} == {
        name: before[name] for name in ("1.png", "2.png")
    }
    assert rows["broken.png"]["status"] == "written"
    run(photos, "--json", "-k", "4")
    assert set(statuses(capsys.readouterr().out).values()) == {"written"}


def test_what_was_made_and_not_noted_is_made_again_and_measured(photos: Path) -> None:
    before = run(photos)[1]
    content = content_of(photos.parent / "out")
    with sqlite3.connect(photos.parent / "manifest.db") as connection:
        connection.execute("DELETE FROM files WHERE source LIKE '%/3.png'")
    connection.close()
    rows = run(photos)[1]
    assert rows["3.png"]["status"] == "written"
    assert rows["3.png"]["psnr"] == before["3.png"]["psnr"]
    assert content_of(photos.parent / "out") == content


def test_in_place_what_is_done_keeps_its_row(photos: Path) -> None:
    table = photos.parent / "place.db"
    words = ["compress", str(photos / "0.png"), "--in-place", "-k", "8", "--manifest", str(table)]
    rows = []
    for _ in range(2):
        assert main(words) == 0
        with sqlite3.connect(table) as connection:
            rows.append(connection.execute("SELECT * FROM files").fetchall())
        connection.close()
    assert rows[0] == rows[1]
    assert rows[0][0][2] == "written"


def test_another_file_is_no_manifest(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = photos.parent / "other.db"
    other.write_bytes(b"a text that is longer than a header of a hundred bytes" * 4)
    assert main(["compress", str(photos), "--to", "out", "--manifest", str(other)]) == 1
    assert capsys.readouterr().err.startswith(f"pimenton: {other}: no manifest: ")
    assert other.read_bytes().startswith(b"a text")
    foreign = photos.parent / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE files (name TEXT)")
    connection.close()
    assert main(["compress", str(photos), "--to", "out", "--manifest", str(foreign)]) == 1
    assert "no manifest" in capsys.readouterr().err
