"""Any number of files through any executor: few at a time, each tried a few times."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from pathlib import Path
from typing import Any

import pytest

import pimenton
from pictures import content_of, small_photos
from pimenton import Options
from pimenton.batch import Job, Outcome, Rules
from pimenton.folders import find_jobs
from pimenton.many import N_TRIES, compress_files
from pimenton.workers import start_by

FAST = Options(n_colors=8, effort="fast")


class Watched(Executor):
    """Does calls at once in another thread, and remembers how many waited."""

    def __init__(self, spoil: Callable[[list[Job]], None] = lambda jobs: None) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.spoil = spoil
        self.lock = threading.Lock()
        self.n_waiting = self.most_waiting = 0
        self.lengths: list[int] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
        with self.lock:
            self.n_waiting += 1
            self.most_waiting = max(self.most_waiting, self.n_waiting)
            self.lengths.append(len(arguments[0]))

        def call() -> Any:
            try:
                self.spoil(arguments[0])
                return function(*arguments)
            finally:
                with self.lock:
                    self.n_waiting -= 1

        return self.pool.submit(call)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return small_photos(tmp_path / "in", 9)


def pieces(photos: Path, n: int) -> Iterator[Job]:
    """Name as many missing files, which fail in no time."""
    return (Job(photos / f"none{i}.png", photos / f"out{i}.png") for i in range(n))


def test_threads_and_processes_give_the_files_of_a_plain_run(photos: Path) -> None:
    folders = [photos.parent / name for name in ("one", "two", "three")]
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2, start_by("pimenton.many")) as own:
        for folder, executor in zip(folders, (None, threads, own), strict=True):
            outcomes = list(
                pimenton.compress_many(photos, folder, executor=executor, n_colors=8, effort="fast")
            )
            assert sorted(o.status for o in outcomes) == ["written"] * 9
            assert all(o.worker.endswith(str(os.getpid())) != (executor is own) for o in outcomes)
            assert all(o.elapsed_seconds > 0 for o in outcomes)
    first, second, third = map(content_of, folders)
    assert first == second == third
    assert set(first) == {path.name for path in photos.iterdir()}


def test_a_second_run_makes_nothing_again(photos: Path) -> None:
    def run(**choices: Any) -> set[str]:
        sources = [photos / "0.png", photos / "1.png"]
        outcomes = pimenton.compress_many(sources, photos / "out", FAST, **choices)
        return {outcome.status for outcome in outcomes}

    assert run() == {"written"}
    assert run() == {"done"}
    assert run(n_colors=4) == {"written"}


def test_a_wrong_choice_is_said_before_any_work(photos: Path) -> None:
    with pytest.raises(TypeError, match="there is no option 'colors'"):
        pimenton.compress_many(photos, photos / "out", colors=3)


def test_no_more_tasks_wait_than_may(photos: Path) -> None:
    executor = Watched()
    outcomes = list(compress_files(pieces(photos, 300), FAST, Rules(), executor, n_waiting=40))
    assert len(outcomes) == 300
    assert 30 < executor.most_waiting <= 40
    assert set(executor.lengths) == {1}


def test_files_are_found_no_sooner_than_needed(photos: Path) -> None:
    taken: list[Job] = []
    jobs = (taken.append(job) or job for job in pieces(photos, 300))
    outcomes = compress_files(jobs, FAST, Rules(), Watched(), n_waiting=20)
    for _ in range(50):
        next(outcomes)
    assert len(taken) <= 50 + 20
    outcomes.close()


def test_fast_files_go_many_to_a_task(photos: Path) -> None:
    executor = Watched()
    outcomes = list(
        compress_files(pieces(photos, 2000), FAST, Rules(), executor, seconds_a_task=10.0)
    )
    assert len({outcome.job for outcome in outcomes}) == 2000
    assert executor.lengths[0] == 1
    assert max(executor.lengths) == 100
    assert sum(executor.lengths) == 2000


def test_what_is_known_is_passed_on_and_costs_no_task(photos: Path) -> None:
    jobs = list(pieces(photos, 50))
    known = [Outcome(job=job, target=job.target, status="done") for job in jobs[:48]]
    executor = Watched()
    outcomes = list(compress_files([*known, *jobs[48:]], FAST, Rules(), executor))
    assert [outcome.status for outcome in outcomes] == ["done"] * 48 + ["failed"] * 2
    assert len(executor.lengths) == 2


def test_a_task_that_fails_is_tried_again_file_by_file(photos: Path) -> None:
    n_tries: dict[str, int] = {}

    def spoil(jobs: list[Job]) -> None:
        for job in jobs:
            n_tries[job.source.name] = n_tries.get(job.source.name, 0) + 1
        if any(job.source.name == "3.png" for job in jobs):
            raise RuntimeError("worker lost")
        if any(job.source.name == "5.png" and n_tries["5.png"] < 3 for job in jobs):
            raise RuntimeError("worker lost")

    jobs = list(find_jobs([str(photos)], to=photos.parent / "out"))
    outcomes = list(compress_files(jobs, FAST, Rules(), Watched(spoil), seconds_a_task=9.0))
    assert len(outcomes) == 9
    [bad] = [outcome for outcome in outcomes if outcome.status == "failed"]
    assert bad.reason == f"{photos / '3.png'}: worker lost"
    assert n_tries["3.png"] == N_TRIES
    assert n_tries["5.png"] == 3


def test_an_executor_that_is_gone_is_said(photos: Path) -> None:
    def spoil(jobs: list[Job]) -> None:
        raise BrokenExecutor("gone")

    with pytest.raises(BrokenExecutor):
        list(compress_files(pieces(photos, 3), FAST, Rules(), Watched(spoil)))
