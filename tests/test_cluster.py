"""A cluster of real processes: the files of one machine, whoever dies."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from object_store import free_port
from pictures import content_of, small_photos
from pimenton import Options, compress_many
from pimenton.batch import Rules
from pimenton.census import share_palette
from pimenton.cli import main
from pimenton.cluster import cluster_at, compress_on, submitter
from pimenton.folders import find_jobs
from pimenton.formats import TEMPORARY

pytest.importorskip("distributed")
# Dask's own processes and sockets end when they end.
pytestmark = pytest.mark.filterwarnings("ignore")
FAST = Options(n_colors=8, effort="fast")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with cluster_at("local", 2) as client:
        yield client


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = small_photos(tmp_path / "in", 40)
    list(compress_many(folder, tmp_path / "here", FAST))
    return folder


def test_a_cluster_makes_the_same_files_once(photos: Path, client: Any) -> None:
    out = photos.parent / "out"
    jobs = find_jobs([str(photos)], to=out)
    outcomes = list(compress_on(client, jobs, FAST, Rules(renew=True)))
    assert len({outcome.job for outcome in outcomes}) == len(outcomes) == 40
    assert {outcome.status for outcome in outcomes} == {"written"}
    workers = {outcome.worker for outcome in outcomes}
    assert len(workers) == 2
    assert f":{os.getpid()}" not in "".join(workers)
    assert content_of(out) == content_of(photos.parent / "here")
    executor = client.get_executor()
    again = compress_many(photos, out, FAST, executor=executor)
    assert [outcome.status for outcome in again] == ["done"] * 40


def test_a_shared_palette_is_that_of_one_machine(photos: Path, client: Any) -> None:
    (photos / "broken.png").write_bytes(b"broken")
    jobs = list(find_jobs([str(photos)], to=photos.parent / "out"))
    here = share_palette(lambda: jobs, FAST)
    for longest in (10**6, 500):
        there = share_palette(lambda: jobs, FAST, submit=submitter(client), longest=longest)
        assert there == here


def test_any_number_of_calls_can_be_handed_over(client: Any) -> None:
    submit = submitter(client)
    handed = [submit(abs, -i) for i in range(40)]
    assert [future.result() for future in handed] == list(range(40))


@pytest.mark.parametrize("by", ["client", "executor"])
def test_workers_that_die_take_no_file_with_them(photos: Path, client: Any, by: str) -> None:
    out = photos.parent / "out"
    made = {
        "client": lambda: compress_on(
            client, find_jobs([str(photos)], to=out), FAST, Rules(renew=True)
        ),
        "executor": lambda: compress_many(photos, out, FAST, executor=client.get_executor()),
    }
    outcomes = []
    for outcome in made[by]():
        outcomes.append(outcome)
        if len(outcomes) in (3, 15, 30):
            for pid in client.run(os.getpid, on_error="ignore").values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    assert len({outcome.job for outcome in outcomes}) == len(outcomes) == 40
    assert {outcome.status for outcome in outcomes} <= {"written", "done"}
    left = content_of(out)
    whole = {name: data for name, data in left.items() if not name.startswith(TEMPORARY)}
    assert whole == content_of(photos.parent / "here")


def test_processes_that_dask_gave_up_are_started_again(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pimenton.cluster.WITHOUT_WORKERS", 60)
    dask = pytest.importorskip("dask")
    timeout = dask.config.set({"distributed.deploy.lost-worker-timeout": "1s"})
    with timeout, cluster_at("local", 1) as client:
        [nanny] = client.cluster.workers.values()
        client.sync(nanny.close)
        jobs = find_jobs([str(photos)], to=photos.parent / "out")
        made = list(compress_on(client, jobs, FAST, Rules()))
    assert [outcome.status for outcome in made] == ["written"] * 40


@contextmanager
def scheduler_at(port: int, *, has_worker: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    """Run a scheduler, and a worker, as one would by hand."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-W", "ignore", "-m", "dask"]
    address = f"tcp://127.0.0.1:{port}"
    plain = ["--no-dashboard"]
    commands = [[*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), *plain]]
    if has_worker:
        commands.append([*dask, "worker", address, "--nthreads", "1", "--no-nanny",
                         "--death-timeout", "20", *plain])  # fmt: skip
    processes = [subprocess.Popen(command, **quiet) for command in commands]
    try:
        yield processes[0]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_cluster_without_workers_is_said(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pimenton.cluster.WITHOUT_WORKERS", 3)
    port, out = free_port(), photos.parent / "out"
    address = f"tcp://127.0.0.1:{port}"
    words = ["compress", str(photos), "--to", str(out), "-k", "8", "--scheduler", address]
    with scheduler_at(port, has_worker=False):
        _wait_for(port)
        for more in ([], ["--shared-palette"]):
            assert main([*words, *more]) == 1
            complaint = capsys.readouterr().err.splitlines()[-1]
            assert complaint == f"pimenton: {address}: the scheduler had no worker for 0.05 minutes"
    assert not out.exists() or not list(out.iterdir())


def test_a_run_goes_on_after_its_scheduler_died(photos: Path) -> None:
    port, out, table = free_port(), photos.parent / "out", photos.parent / "manifest.db"
    command = [sys.executable, "-m", "pimenton", "compress", str(photos), "--to", str(out),
               "--manifest", str(table), "--scheduler", f"tcp://127.0.0.1:{port}", "-k", "8",
               "--effort", "fast"]  # fmt: skip
    with scheduler_at(port) as scheduler:
        _wait_for(port)
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert run.stdout is not None
        for _ in range(5):
            assert run.stdout.readline()
        scheduler.kill()
        complaint = run.communicate(timeout=60)[1]
    n_made = len(list(out.iterdir()))
    if run.returncode:  # it may have been done before anyone noticed
        assert complaint.splitlines()[-1] == (
            f"pimenton: tcp://127.0.0.1:{port}: the scheduler is gone; run this again to go on"
        )
    assert n_made >= 5
    with scheduler_at(port):
        _wait_for(port)
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert content_of(out) == content_of(photos.parent / "here")
    with sqlite3.connect(table) as connection:
        [(n_rows, n_scored)] = connection.execute("SELECT count(*), count(psnr) FROM files")
    connection.close()
    assert (n_rows, n_scored) == (40, 40)


def _wait_for(port: int) -> None:
    from socket import create_connection

    for _ in range(300):
        with suppress(OSError):
            create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)


def test_no_scheduler_is_said(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    words = ["compress", str(photos), "--to", "out", "--scheduler", address]
    assert main(words) == 1
    assert capsys.readouterr().err == f"pimenton: {address}: no scheduler answers there\n"
