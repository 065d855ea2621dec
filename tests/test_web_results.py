"""Results are kept as long as was said, through the death of the process, and no longer."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPException
from pathlib import Path

import pytest

from pimenton.web.records import Records
from pimenton.web.results import Full, Results, Small
from pimenton.web.shelves import Shelf, folder, store
from serving import Service, serving
from tinypng import cutout, opened, picture

SMALL = Small(b"small", "png", 3, 2)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with closing(Records(tmp_path)) as records:
        yield records


@pytest.fixture(params=["folder", "store"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    """Give a folder, or a store, which here is fsspec's own in memory."""
    if request.param == "folder":
        return folder(tmp_path / "results")
    pytest.importorskip("fsspec", reason="a store needs pimenton[remote]")
    return store(f"memory:/{tmp_path}")


def files(shelf: Shelf) -> list[bytes | None]:
    return sorted(shelf.read(name) or b"" for name in shelf.older(-60))


def test_what_is_kept_is_found_by_its_name_alone(records: Records, shelf: Shelf) -> None:
    results = Results(records, shelf, 60, 1000)
    id = results.keep(b"large", SMALL)
    assert results.find(id) == SMALL
    assert results.source(id) == b"large"
    for other in (id.swapcase(), id + "a", id[:-1], "", ".", "../pimenton.sqlite"):
        assert results.find(other) is None
        assert results.source(other) is None


def test_another_process_finds_it_too(records: Records, shelf: Shelf, tmp_path: Path) -> None:
    id = Results(records, shelf, 60, 1000).keep(b"large", SMALL)
    with closing(Records(tmp_path)) as others:
        assert Results(others, shelf, 60, 1000).find(id) == SMALL


def test_what_is_old_is_gone_before_and_after_it_is_swept(records: Records, shelf: Shelf) -> None:
    id = Results(records, shelf, 0.01, 1000).keep(b"large", SMALL)
    results = Results(records, shelf, 60, 1000)
    kept = results.keep(b"other", SMALL)
    deadline = time.monotonic() + 5
    while results.find(id) and time.monotonic() < deadline:
        pass
    assert results.find(id) is None
    assert results.source(id) is None
    assert results.sweep() == 1
    assert results.sweep() == 0
    assert files(shelf) == [b"other", b"small"]
    assert results.find(kept) == SMALL


def test_there_is_an_end_of_room(records: Records, shelf: Shelf) -> None:
    results = Results(records, shelf, 60, 25)
    for _ in range(2):
        results.keep(b"large", SMALL)
    with pytest.raises(Full, match="no room"):
        results.keep(b"large", SMALL)
    assert len(files(shelf)) == 4


def test_what_cannot_be_recorded_leaves_no_file(
    records: Records, shelf: Shelf, tmp_path: Path
) -> None:
    results = Results(records, shelf, 60, 1000)
    with closing(Records(tmp_path)) as others, others.change() as database:
        database.execute("DROP TABLE results")
    with pytest.raises(Exception, match="no such table"):
        results.keep(b"large", SMALL)
    assert files(shelf) == []


def test_a_shelf_gives_what_was_written(shelf: Shelf) -> None:
    shelf.write("aaa.result", b"one")
    shelf.write("aaa.result", b"two")
    assert shelf.read("aaa.result") == b"two"
    assert shelf.read("aab.result") is None
    assert list(shelf.older(3600)) == []
    for _ in range(2):
        shelf.remove("aaa.result")
    assert files(shelf) == []


def test_a_store_that_is_not_known_is_said() -> None:
    pytest.importorskip("fsspec", reason="a store needs pimenton[remote]")
    with pytest.raises(ValueError, match="nonsense"):
        store("nonsense://bucket")


def test_files_that_a_death_left_are_swept_once_they_are_old(
    records: Records, tmp_path: Path
) -> None:
    shelf = folder(tmp_path / "results")
    results = Results(records, shelf, 60, 1000)
    id = results.keep(b"large", SMALL)
    place = tmp_path / "results"
    for name, age in (("1.result", 7200), (".pimenton-1-ab", 7200), ("2.source", 0)):
        (place / name).write_bytes(name.encode())
        os.utime(place / name, (time.time() - age,) * 2)
    results.sweep_orphans()
    assert files(shelf) == [b"2.source", b"large", b"small"]
    assert results.find(id) == SMALL


def shrunk(service: Service) -> tuple[str, int] | None:
    """Post a picture; give what was acknowledged, if the service was still there to do so."""
    try:
        answer = service.ask("/shrink", cutout())
    except (OSError, HTTPException):
        return None
    assert answer.status == 201
    return answer.headers["Location"], json.loads(answer.body)["output"]["size"]


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    place = ("--data", str(tmp_path), "--jobs", "2")
    acknowledged: list[tuple[str, int]] = []
    with serving(*place, status=-9) as service, ThreadPoolExecutor(4) as clients:
        waiting = [clients.submit(shrunk, service) for _ in range(300)]
        for place_in_line, future in enumerate(waiting):
            if place_in_line == 12:
                # In the middle: some are done, some in hand, some wait.
                service.process.kill()
            if found := future.result():
                acknowledged.append(found)
    assert 12 <= len(acknowledged) < 300
    with serving(*place) as service:
        for location, size in acknowledged:
            answer = service.ask(location)
            assert (answer.status, len(answer.body)) == (200, size)
            assert opened(answer.body) == ("PNG", (60, 90))
        commands = json.dumps({"resize": {"method": "scale", "width": 20}}).encode()
        assert opened(service.ask(acknowledged[0][0], commands).body) == ("PNG", (20, 30))
        used = service.ask("/shrink", picture()).headers["Compression-Count"]
        assert len(acknowledged) < int(used) <= len(acknowledged) + 5


def test_a_full_service_says_so_and_when_to_ask_again() -> None:
    with serving("--jobs", "1", "--max-kept-bytes", "50000") as service:
        answers = [service.ask("/shrink", picture()) for _ in range(3)]
    assert answers[0].status == 201
    assert answers[-1].status == 503
    assert int(answers[-1].headers["Retry-After"]) > 0
