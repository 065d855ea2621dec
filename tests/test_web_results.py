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
from serving import Service, serving
from tinypng import opened, picture

SMALL = Small(b"small", "png", 3, 2)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with closing(Records(tmp_path)) as records:
        yield records


def files(records: Records) -> list[bytes]:
    return sorted(path.read_bytes() for path in (records.folder / "results").glob("*/*"))


def test_what_is_kept_is_found_by_its_name_alone(records: Records) -> None:
    results = Results(records, 60, 1000)
    id = results.keep(b"large", SMALL)
    assert results.find(id) == SMALL
    assert results.source(id) == b"large"
    for other in (id.swapcase(), id + "a", id[:-1], "", ".", "../pimenton.sqlite"):
        assert results.find(other) is None
        assert results.source(other) is None


def test_another_process_finds_it_too(records: Records, tmp_path: Path) -> None:
    id = Results(records, 60, 1000).keep(b"large", SMALL)
    with closing(Records(tmp_path)) as others:
        assert Results(others, 60, 1000).find(id) == SMALL


def test_what_is_old_is_gone_before_and_after_it_is_swept(records: Records) -> None:
    id = Results(records, 0.01, 1000).keep(b"large", SMALL)
    results = Results(records, 60, 1000)
    kept = results.keep(b"other", SMALL)
    deadline = time.monotonic() + 5
    while results.find(id) and time.monotonic() < deadline:
        pass
    assert results.find(id) is None
    assert results.source(id) is None
    assert results.sweep() == 1
    assert results.sweep() == 0
    assert files(records) == [b"other", b"small"]
    assert results.find(kept) == SMALL


def test_there_is_an_end_of_room(records: Records) -> None:
    results = Results(records, 60, 25)
    for _ in range(2):
        results.keep(b"large", SMALL)
    with pytest.raises(Full, match="no room"):
        results.keep(b"large", SMALL)
    assert len(files(records)) == 4


def test_what_cannot_be_recorded_leaves_no_file(records: Records, tmp_path: Path) -> None:
    results = Results(records, 60, 1000)
    with closing(Records(tmp_path)) as others, others.change() as database:
        database.execute("DROP TABLE results")
    with pytest.raises(Exception, match="no such table"):
        results.keep(b"large", SMALL)
    assert files(records) == []


def test_files_that_a_death_left_are_swept_once_they_are_old(records: Records) -> None:
    results = Results(records, 60, 1000)
    id = results.keep(b"large", SMALL)
    folder = records.folder / "results" / "ab"
    folder.mkdir(exist_ok=True)
    for name, age in (("old.result", 7200), (".pimenton-1-ab", 7200), ("new.source", 0)):
        (folder / name).write_bytes(name.encode())
        os.utime(folder / name, (time.time() - age,) * 2)
    results.sweep_orphans()
    assert files(records) == [b"large", b"new.source", b"small"]
    assert results.find(id) == SMALL


def shrunk(service: Service) -> tuple[str, int] | None:
    """Post a picture; give what was acknowledged, if the service was still there to do so."""
    try:
        answer = service.ask("/shrink", picture())
    except (OSError, HTTPException):
        return None
    assert answer.status == 201
    return answer.headers["Location"], json.loads(answer.body)["output"]["size"]


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    place = ("--data", str(tmp_path), "--jobs", "2")
    acknowledged: list[tuple[str, int]] = []
    with serving(*place, status=-9) as service, ThreadPoolExecutor(4) as clients:
        waiting = [clients.submit(shrunk, service) for _ in range(24)]
        for place_in_line, future in enumerate(waiting):
            if place_in_line == 7:
                # In the middle: some are done, some in hand, some wait.
                service.process.kill()
            if found := future.result():
                acknowledged.append(found)
    assert 7 <= len(acknowledged) < 24
    with serving(*place) as service:
        for location, size in acknowledged:
            answer = service.ask(location)
            assert (answer.status, len(answer.body)) == (200, size)
            assert opened(answer.body) == ("PNG", (120, 80))
        commands = json.dumps({"resize": {"method": "scale", "width": 30}}).encode()
        assert opened(service.ask(acknowledged[0][0], commands).body) == ("PNG", (30, 20))
        used = service.ask("/shrink", picture()).headers["Compression-Count"]
        assert len(acknowledged) < int(used) <= 25


def test_a_full_service_says_so_and_when_to_ask_again() -> None:
    with serving("--jobs", "1", "--max-kept-bytes", "50000") as service:
        answers = [service.ask("/shrink", picture()) for _ in range(3)]
    assert answers[0].status == 201
    assert answers[-1].status == 503
    assert int(answers[-1].headers["Retry-After"]) > 0
