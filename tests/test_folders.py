"""Inputs stand for files, and every file's result has one place."""

import os
from pathlib import Path

import pytest

from pimenton.batch import Job
from pimenton.folders import find_jobs, remove_stale
from pimenton.formats import HOST, TEMPORARY


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a tree of empty files, and go there."""
    for name in ("in/a.png", "in/b.jpg", "in/deep/c c.GIF", "in/notes.txt", "in/.hidden/d.png",
                 "in/.e.png", "more/a.png"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def targets(*inputs: str, **places: object) -> dict[str, str]:
    return {str(job.source): str(job.target) for job in find_jobs(inputs, **places)}


def test_a_folder_keeps_its_tree_under_another(tree: Path) -> None:
    assert targets("in", to=Path("out")) == {
        "in/a.png": "out/a.png", "in/b.jpg": "out/b.png", "in/deep/c c.GIF": "out/deep/c c.GIF",
    }  # fmt: skip
    copies = [str(job.copy) for job in find_jobs(["in"], to=Path("out"))]
    assert copies == ["out/a.png", "out/b.jpg", "out/deep/c c.GIF"]


def test_several_folders_keep_their_names(tree: Path) -> None:
    found = targets("in", "more", to=Path("out"))
    assert found["in/a.png"] == "out/in/a.png"
    assert found["more/a.png"] == "out/more/a.png"


def test_patterns_stand_for_pictures_from_where_they_vary(tree: Path) -> None:
    assert targets("in/**/*", to=Path("out")) == targets("in", to=Path("out"))
    assert targets("*/a.png", to=Path("out")) == {
        "in/a.png": "out/in/a.png", "more/a.png": "out/more/a.png",
    }  # fmt: skip


def test_a_name_that_looks_like_a_pattern_is_a_name(tree: Path) -> None:
    Path("a[1].png").touch()
    assert targets("a[1].png") == {"a[1].png": "a[1].min.png"}


def test_results_lie_beside_and_are_no_inputs(tree: Path) -> None:
    assert targets("more") == {"more/a.png": "more/a.min.png"}
    Path("more/a.min.png").touch()
    assert targets("more") == {"more/a.png": "more/a.min.png"}
    assert targets("more/a.min.png") == {"more/a.min.png": "more/a.min.min.png"}


def test_results_inside_the_folder_are_no_inputs(tree: Path) -> None:
    Path("more/out").mkdir()
    Path("more/out/old.png").touch()
    assert targets("more", to=Path("more/out")) == {"more/a.png": "more/out/a.png"}


def test_no_two_files_get_one_name(tree: Path) -> None:
    Path("in/a.jpg").touch()
    found = targets("in", to=Path("out"))
    assert found["in/a.png"] == "out/a.png"
    assert found["in/a.jpg"] == "out/a.jpg.png"
    assert targets("in")["in/a.jpg"] == "in/a.jpg.min.png"
    with pytest.raises(ValueError, match=r"in/a.png and more/a.png would both become out/a.png"):
        list(find_jobs(["in/a.png", "more/a.png"], to=Path("out")))


def test_a_file_named_twice_is_taken_once(tree: Path) -> None:
    assert len(list(find_jobs(["more", "more/a.png", "more/*.png"]))) == 1


def test_another_format_changes_the_ending(tree: Path) -> None:
    assert targets("more", to=Path("out"), format="webp") == {"more/a.png": "out/a.webp"}
    assert targets("more", format="webp") == {"more/a.png": "more/a.min.webp"}


def test_in_place_is_in_place(tree: Path) -> None:
    [job] = find_jobs(["more"], in_place=True)
    assert job == Job(Path("more/a.png"), Path("more/a.png"))
    assert job.in_place


@pytest.mark.parametrize("nothing", ["empty", "none/*.png"])
def test_nothing_found_is_said(tree: Path, nothing: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no picture"):
        list(find_jobs([nothing]))


def test_temporary_files_of_ended_processes_are_removed(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    stale = tmp_path / f"{TEMPORARY}{child}-{HOST}0123abcd"
    ours = tmp_path / f"{TEMPORARY}{os.getpid()}-{HOST}0123abcd"
    elsewhere = tmp_path / f"{TEMPORARY}{child}-{int(HOST, 16) ^ 1:08x}0123abcd"
    other = tmp_path / f"{TEMPORARY}notes"
    for path in (stale, ours, elsewhere, other):
        path.touch()
    assert remove_stale([tmp_path, tmp_path / "missing"]) == 1
    assert sorted(tmp_path.iterdir()) == sorted([ours, elsewhere, other])
