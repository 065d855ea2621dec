"""Files in stores: found, read, kept and written as those of this machine."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image

from object_store import BUCKET, BadLine, get, keys, object_store, put
from pictures import content_of, small_photos
from pimenton import Options, compress_many, marks
from pimenton.batch import Job, Rules, attempt
from pimenton.folders import find_jobs
from pimenton.places import look, place_of
from pimenton.stores import Url

fsspec = pytest.importorskip("fsspec")
FAST = Options(n_colors=8, effort="fast")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return small_photos(tmp_path / "in", 5)


@pytest.fixture
def memory() -> Iterator[Url]:
    """Give an empty folder in the store that is nothing but memory."""
    yield Url("memory://in")
    fsspec.filesystem("memory").store.clear()


def fill(root: Url, photos: Path) -> None:
    for name, data in content_of(photos).items():
        (root / name).write(data, "")


def found(*inputs: str, **places: object) -> dict[str, str]:
    return {str(job.source): str(job.target) for job in find_jobs(inputs, **places)}


def test_from_store_to_store_as_from_folder_to_folder(photos: Path, memory: Url) -> None:
    fill(memory, photos)
    outcomes = list(compress_many(str(memory), "memory://out", FAST))
    assert {outcome.status for outcome in outcomes} == {"written"}
    list(compress_many(photos, photos.parent / "out", FAST))
    for name, data in content_of(photos.parent / "out").items():
        assert Url(f"memory://out/{name}").read_bytes() == data
    again = compress_many(str(memory), "memory://out", FAST)
    assert {outcome.status for outcome in again} == {"done"}
    here = compress_many(str(memory), photos.parent / "other", FAST)
    assert {outcome.status for outcome in here} == {"written"}
    assert content_of(photos.parent / "other") == content_of(photos.parent / "out")


def test_a_changed_source_is_made_again_and_a_foreign_target_kept(
    photos: Path, memory: Url
) -> None:
    fill(memory, photos)
    job = Job(memory / "0.png", Url("memory://out/0.png"))
    assert attempt(job, FAST, Rules(renew=True)).status == "written"
    fill(memory, photos)
    assert attempt(job, FAST, Rules(renew=True)).status == "written"
    job.target.write(b"mine", "")  # type: ignore[union-attr]
    outcome = attempt(job, FAST, Rules(renew=True))
    assert outcome.reason == "memory://out/0.png: exists; use --force to replace it"
    assert job.target.read_bytes() == b"mine"


def test_a_copy_is_known_again_where_no_mark_can_be_put_on_it(memory: Url) -> None:
    file = BytesIO()
    Image.new("RGB", (9, 9), "red").save(file, "PNG", optimize=True)
    (memory / "0.png").write(file.getvalue(), "")
    target = Url("memory://copy/0.png")
    job = Job(memory / "0.png", target, target)
    for _ in range(2):
        assert attempt(job, FAST, Rules(renew=True)).status == "copied"
        assert target.read_bytes() == file.getvalue()


def test_what_cannot_be_read_is_said_with_its_url(memory: Url) -> None:
    (memory / "broken.png").write(b"\x89PNG\r\n\x1a\nrest", "")
    for name in ("broken.png", "missing.png"):
        outcome = attempt(Job(memory / name, Url("memory://out/x.png")), FAST, Rules())
        assert outcome.status == "failed"
        assert outcome.reason.startswith(f"memory://in/{name}: ")
    outcome = attempt(Job(Url("nothing://a/b.png"), Path("x.png")), FAST, Rules())
    assert outcome.reason.startswith("nothing://a/b.png: ")


def test_names_that_lead_out_of_the_folder_are_passed_over(memory: Url) -> None:
    for name in ("a.png", "deep/b.jpg", "../c.png", "deep/../../d.png", ".e.png", "f//g.png"):
        files, _ = memory.opened()
        files.store[f"/in/{name}"] = files.store.get("/in/a.png") or _object(files)
    to = Path("out")
    assert found("memory://in", to=to) == {
        "memory://in/a.png": "out/a.png", "memory://in/deep/b.jpg": "out/deep/b.png",
    }  # fmt: skip


def _object(files: object) -> object:
    files.pipe_file("/x", b"1")  # type: ignore[attr-defined]
    return files.store["/x"]  # type: ignore[attr-defined]


def test_patterns_and_single_files(photos: Path, memory: Url) -> None:
    fill(memory, photos)
    (memory / "deep/0.png").write(b"1", "")
    to = Url("s3://bucket/out/")
    assert found("memory://in/*.png", to=to)["memory://in/1.png"] == "s3://bucket/out/1.png"
    assert len(found("memory://in/*.png", to=to)) == 5
    assert found("memory://in/**/0.png", to=to) == {
        "memory://in/0.png": "s3://bucket/out/0.png",
        "memory://in/deep/0.png": "s3://bucket/out/deep/0.png",
    }
    with pytest.raises(ValueError, match=r"would both become s3://bucket/out/0\.png"):
        found("memory://in/0.png", "memory://in/deep", to=to)


def test_nothing_found_is_said(memory: Url) -> None:
    (memory / "notes.txt").write(b"1", "")
    with pytest.raises(FileNotFoundError, match="memory://in: no picture in this folder"):
        found("memory://in", to=Path("out"))
    with pytest.raises(FileNotFoundError, match="no picture has such a name"):
        found("memory://in/*.png", to=Path("out"))


def test_a_file_url_is_a_path(photos: Path) -> None:
    assert place_of((photos / "0.png").as_uri()) == photos / "0.png"
    assert look(photos / "none.png") is None


def test_the_web_is_read_and_not_written(photos: Path) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(photos))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/0.png?size=1"
        command = [sys.executable, "-m", "pimenton", "compress", url, "-k", "8", "--json"]
        words = [["--to", photos.parent / "out"], ["-o", url]]
        results = [subprocess.run([*command, *w], capture_output=True, text=True) for w in words]
        server.shutdown()
    assert results[0].returncode == 0, results[0].stderr
    assert json.loads(results[0].stdout)["output"] == str(photos.parent / "out" / "0.png")
    assert results[1].returncode == 1
    assert "Traceback" not in results[1].stderr


@pytest.fixture(scope="module")
def store() -> Iterator[tuple[BadLine, dict[str, str]]]:
    pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    with object_store(failing=0.2, slow=0.05) as found:
        yield found


def test_s3_over_a_bad_line_loses_nothing(
    photos: Path, store: tuple[BadLine, dict[str, str]]
) -> None:
    line, environment = store
    for name, data in content_of(photos).items():
        put(line, f"in/a b/{name}", data)
    put(line, "in/broken.png", b"\x89PNG\r\n\x1a\nrest")
    list(compress_many(photos, photos.parent / "here", FAST))
    out = f"s3://{BUCKET}/out"
    command = [sys.executable, "-m", "pimenton", "compress", f"s3://{BUCKET}/in", "--to", out,
               "-k", "8", "--effort", "fast", "-j", "2", "--json"]  # fmt: skip
    statuses = {"written": 5, "failed": 1}
    for _ in range(2):
        result = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert result.returncode == 1, result.stderr
        assert f"pimenton: s3://{BUCKET}/in/broken.png: " in result.stderr
        rows = [json.loads(row) for row in result.stdout.splitlines()]
        counted = [row["status"] for row in rows]
        assert {status: counted.count(status) for status in set(counted)} == statuses
        statuses = {"done": 5, "failed": 1}
    assert [key for key in keys(line) if key.startswith("out/")] == [
        f"out/a b/{i}.png" for i in range(5)
    ]
    for name, data in content_of(photos.parent / "here").items():
        there, headers = get(line, f"out/a b/{name}")
        assert there == data
        assert headers["x-amz-meta-pimenton"] == marks.mark_in(data)
    assert line.n_failed > 0
