"""Many files on a Dask cluster: how fast, at what cost, and what no death or bad line may change.

Each command repeats the pictures of a folder under new names, compresses them with ``-k 64
--effort fast``, prints its figures, and ends with status 1 if something is not as it should be:

``python benchmarks/cluster.py speed FOLDER``    one and two workers, the local pool, memory
``python benchmarks/cluster.py cost FOLDER``     seconds and bytes of the scheduler and the command
``python benchmarks/cluster.py deaths FOLDER``   a worker killed every 5 seconds, a scheduler once
``python benchmarks/cluster.py store FOLDER``    an S3 server that fails and waits
``python benchmarks/cluster.py palette FOLDER``  one palette for all, here and on the cluster
"""

import argparse
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from pimenton import Histogram, Options, Outcome, Palette, read_image
from pimenton.batch import Job, Rules
from pimenton.census import share_palette
from pimenton.cluster import Tasks, cluster_at, compress_on, submitter
from pimenton.folders import ENDINGS, find_jobs
from pimenton.many import SECONDS_A_TASK, compress_files
from pimenton.workers import compress_apart

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from object_store import BUCKET, BadLine, free_port, get, keys, object_store, put

OPTIONS = Options(n_colors=64, effort="fast")
WORDS = ["-k", "64", "--effort", "fast"]

# What must hold of `speed`.
LEAST_GAIN, LEAST_OF_POOL, MOST_GROWTH_MB = 1.7, 0.9, 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=list(COMMANDS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, help="by default as many as the command is known by")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between deaths")
    parser.add_argument("--failing", type=float, default=0.05, help="share of answers that are 500")
    parser.add_argument("--slow", type=float, default=0.05, help="share that waits up to a second")
    chosen = parser.parse_args()
    run, n_files = COMMANDS[chosen.command]
    chosen.files = chosen.files or n_files
    with tempfile.TemporaryDirectory() as work:
        source = repeated(chosen.folder, chosen.files, Path(work, "in"))
        broken = [text for holds, text in run(source, Path(work), chosen) if not holds]
    for text in broken:
        print(f"does not hold: {text}")
    sys.exit(1 if broken else 0)


# What should be so, and what that is.
Checks = Iterator[tuple[bool, str]]


def repeated(folder: Path, n_files: int, into: Path) -> Path:
    """Link pictures under new names until there are enough."""
    pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    into.mkdir()
    copies = [
        Path(shutil.copy(path, into.parent / f"{i}{path.suffix}"))
        for i, path in enumerate(pictures[:n_files])
    ]
    for i in range(n_files):
        path = copies[i % len(copies)]
        os.link(path, into / f"{i:06}{path.suffix}")
    return into


def contents(folder: Path) -> dict[str, bytes]:
    """Give all files of a folder, temporary ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def made_here(source: Path, place: Path) -> dict[str, bytes]:
    """Give what one machine makes of the files; equal ones are compressed once."""
    first: dict[int, Path] = {}
    for path in sorted(source.iterdir()):
        first.setdefault(path.stat().st_ino, path)
    jobs = [Job(path, place / path.name) for path in first.values()]
    assert all(made.written for made in compress_apart(jobs, OPTIONS, Rules(), n_jobs=2))
    made = {inode: (place / path.name).read_bytes() for inode, path in first.items()}
    return {path.name: made[path.stat().st_ino] for path in source.iterdir()}


def speed(source: Path, work: Path, chosen: argparse.Namespace) -> Checks:
    """Compare one worker, two, and the local pool."""
    places = [work / name for name in ("one", "two", "pool")]
    rates, growths = [], []
    for n_workers, place in zip((1, 2), places[:2], strict=True):
        with cluster_at("local", n_workers) as client:
            client.run(__import__, "pimenton.many")
            jobs = find_jobs([str(source)], to=place)
            made = compress_on(client, jobs, OPTIONS, Rules())
            rate, growth = timed(f"{n_workers} worker", made)
        rates.append(rate)
        growths.append(growth)
    jobs = find_jobs([str(source)], to=places[2])
    rate, _ = timed("pool of 2", compress_apart(jobs, OPTIONS, Rules(), n_jobs=2))
    one, two, three = map(contents, places)
    print(f"two workers: {rates[1] / rates[0]:.2f} x one, {rates[1] / rate:.2f} x the pool")
    yield rates[1] >= LEAST_GAIN * rates[0], f"two workers make {LEAST_GAIN} x what one makes"
    yield rates[1] >= LEAST_OF_POOL * rate, f"two workers make {LEAST_OF_POOL} x the pool"
    yield max(growths) <= MOST_GROWTH_MB, f"the scheduler grows by {MOST_GROWTH_MB} MB at most"
    yield one == two == three, "bytes are identical"
    yield len(one) == chosen.files, "every file is there"


def timed(name: str, outcomes: Iterable[Outcome]) -> tuple[float, float]:
    """Print how fast files were made, and the memory at the eighths; give rate and growth."""
    started, memory, seconds, n_files = time.perf_counter(), [], 0.0, 0
    for outcome in outcomes:
        assert outcome.written, outcome.reason
        n_files += 1
        seconds += outcome.elapsed_seconds
        memory.append(resident_megabytes())
    elapsed = time.perf_counter() - started
    eighths = [memory[i * (n_files - 1) // 8] for i in range(9)]
    print(
        f"{name:10} {n_files / elapsed:6.2f}/s  {elapsed:6.2f} s  busy {seconds:6.2f} s  "
        f"memory at eighths {' '.join(f'{megabytes:.1f}' for megabytes in eighths)} MB",
        flush=True,
    )
    # By the first quarter the number of tasks under way has become what it stays.
    return n_files / elapsed, eighths[-1] - eighths[2]


def resident_megabytes() -> float:
    """Give the memory of this process, where a local cluster's scheduler is."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Counted(Tasks):
    """An executor that counts what it hands over."""

    n_tasks = 0

    def submit(self, *arguments: Any, **named: Any) -> Any:
        """Hand a call over."""
        self.n_tasks += 1
        return super().submit(*arguments, **named)


def cost(source: Path, work: Path, chosen: argparse.Namespace) -> Checks:
    """Measure what a file costs the scheduler, the network and the command; then with no work."""
    with dask_cluster(free_port()) as (address, scheduler, _), cluster_at(address) as client:
        client.wait_for_workers(2)
        client.run(__import__, "pimenton.many")
        for name in ("compressed", "done before"):
            executor = Counted(client)
            jobs = find_jobs([str(source)], to=work / "out")
            clocks = cpu_seconds(scheduler.pid), time.process_time(), time.perf_counter()
            n_bytes = client.run_on_scheduler(socket_bytes)
            busy = sum(
                outcome.elapsed_seconds
                for outcome in compress_files(
                    jobs, OPTIONS, Rules(), executor, n_threads=1, seconds_a_task=SECONDS_A_TASK
                )
            )
            n_bytes = client.run_on_scheduler(socket_bytes) - n_bytes
            scheduling = cpu_seconds(scheduler.pid) - clocks[0]
            commanding, elapsed = time.process_time() - clocks[1], time.perf_counter() - clocks[2]
            n, n_tasks = chosen.files, executor.n_tasks
            print(
                f"{name}: {n} files in {n_tasks} tasks, {n / elapsed:.0f}/s; "
                f"worker {1e3 * busy / n:.2f} ms a file, "
                f"scheduler {1e3 * scheduling / n_tasks:.2f} ms a task "
                f"({1e3 * scheduling / n:.3f} a file), "
                f"command {1e3 * commanding / n:.3f} ms a file, network {n_bytes / n:.0f} bytes a "
                f"file ({n_bytes / n_tasks:.0f} a task)",
                flush=True,
            )
            yield scheduling < busy or name != "compressed", "the scheduler works less than workers"
        yield len(contents(work / "out")) == chosen.files, "every file is there"


def cpu_seconds(process: int) -> float:
    """Give the CPU time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def socket_bytes() -> int:
    """Give what has come and gone through the open sockets of a process, as Linux counts it."""
    n_bytes = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as line:
            facts = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            # tcpi_bytes_acked and tcpi_bytes_received of linux/tcp.h.
            n_bytes += sum(struct.unpack_from("<QQ", facts, 120))
    return n_bytes


@contextmanager
def dask_cluster(
    port: int,
) -> Iterator[tuple[str, "subprocess.Popen[bytes]", "subprocess.Popen[bytes]"]]:
    """Run a scheduler and two workers with nannies, as one would by hand."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask, address = [sys.executable, "-W", "ignore", "-m", "dask"], f"tcp://127.0.0.1:{port}"
    words = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    scheduler = subprocess.Popen([*dask, "scheduler", *words], **quiet)
    words = ["--nthreads", "1", "--nworkers", "2", "--death-timeout", "120", "--no-dashboard"]
    workers = subprocess.Popen([*dask, "worker", address, *words], **quiet)
    try:
        for _ in range(300):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.1)
        yield address, scheduler, workers
    finally:
        for process in (*worker_processes(workers.pid), workers, scheduler):
            process.kill()
        for process in (workers, scheduler):
            process.wait()


def deaths(source: Path, work: Path, chosen: argparse.Namespace) -> Checks:
    """Kill a worker every few seconds, and a scheduler half way; look at what has become."""
    here, out, table = made_here(source, work / "here"), work / "out", work / "run.db"
    port = free_port()
    command = [sys.executable, "-m", "pimenton", "compress", str(source), "--to", str(out), *WORDS,
               "--manifest", str(table), "--scheduler", f"tcp://127.0.0.1:{port}"]  # fmt: skip
    n_killed, statuses, began = 0, [], time.perf_counter()
    for stops_at in (chosen.files // 2, None):
        with dask_cluster(port) as (address, scheduler, workers):
            # Nannies give up if the first worker of theirs dies before it has started.
            with cluster_at(address) as client:
                client.wait_for_workers(2)
            run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            due = time.monotonic() + chosen.every
            while run.poll() is None:
                time.sleep(0.2)
                # They end with their scheduler, and not before.
                assert scheduler.poll() is not None or workers.poll() is None
                if stops_at and rows_in(table) >= stops_at:
                    scheduler.kill()
                    stops_at = None
                found = worker_processes(workers.pid) if time.monotonic() >= due else []
                if found:
                    # The oldest: a nanny does not try again if one dies that is still starting.
                    min(found, key=lambda process: process.create_time()).kill()
                    n_killed += 1
                    due += chosen.every
            assert run.stderr is not None
            said = run.stderr.read().decode().strip().splitlines()[-1:]
        statuses.append(run.returncode)
        print(f"status {run.returncode}, {rows_in(table)} rows: {' '.join(said)}", flush=True)
    print(f"{n_killed} workers and a scheduler killed in {time.perf_counter() - began:.0f} s")
    with closing(sqlite3.connect(table)) as connection:
        rows = connection.execute("SELECT source, target, status, psnr FROM files").fetchall()
    made = contents(out)
    yield statuses == [1, 0], "the first run ends with the scheduler, and the second well"
    yield len(rows) == len({target for _, target, *_ in rows}) == chosen.files, "one row a file"
    yield {row[2] for row in rows} == {"written"}, "every row is a file that was written"
    yield all(row[3] is not None for row in rows), "every row has its figures"
    yield made.keys() == here.keys(), "no file is missing, and none left over"
    yield made == here, "every file is whole, and what one machine makes"


def rows_in(table: Path) -> int:
    """Count what a manifest has so far."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(table, timeout=1)) as connection:
        return int(connection.execute("SELECT count(*) FROM files").fetchone()[0])
    return 0


def worker_processes(parent: int) -> list[Any]:
    """Find the processes that do the work below another."""
    import psutil

    found = []
    with suppress(psutil.Error):
        found += [
            process
            for process in psutil.Process(parent).children(recursive=True)
            if "spawn_main" in " ".join(process.cmdline())
        ]
    return found


def store(source: Path, work: Path, chosen: argparse.Namespace) -> Checks:
    """Compress from a store into it, over a line that fails and waits."""
    here = made_here(source, work / "here")
    with object_store(failing=chosen.failing, slow=chosen.slow) as (line, environment):
        for path in sorted(source.iterdir()):
            put(line, f"in/{path.name}", path.read_bytes())
        command = [sys.executable, "-m", "pimenton", "compress", f"s3://{BUCKET}/in", "--to",
                   f"s3://{BUCKET}/out", *WORDS, "--manifest", str(work / "run.db"),
                   "--scheduler", "local", "--jobs", "2"]  # fmt: skip
        began = time.perf_counter()
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        seconds = time.perf_counter() - began
        tell_of_line(line, chosen.files, seconds)
        print(run.stderr.strip().splitlines()[-1])
        made = {key[4:]: get(line, key) for key in keys(line) if key.startswith("out/")}
        yield (
            sum(key.startswith("in/") for key in keys(line)) == chosen.files,
            "originals are there",
        )
    yield run.returncode == 0, f"the run ends well; it ended with {run.returncode}"
    yield line.n_failed > 0 and line.n_slow > 0, "some answers failed, and some were slow"
    yield made.keys() == here.keys(), "no object is missing, and none left over"
    yield {name: data for name, (data, _) in made.items()} == here, "objects are the local bytes"
    yield (
        all("x-amz-meta-pimenton" in {*map(str.lower, headers)} for _, headers in made.values()),
        ("every object bears its mark"),
    )
    yield rows_in(work / "run.db") == chosen.files, "one row a file"


def tell_of_line(line: BadLine, n_files: int, seconds: float) -> None:
    """Print what went over a line."""
    methods = ", ".join(f"{n / n_files:.2f} {method}" for method, n in sorted(line.methods.items()))
    print(
        f"{n_files} files in {seconds:.1f} s; {line.n_requests} requests, {line.n_failed} answered "
        f"by 500, {line.n_slow} slow; a file: {methods}, {line.n_bytes / n_files:.0f} bytes",
        flush=True,
    )


def palette(source: Path, work: Path, chosen: argparse.Namespace) -> Checks:
    """Find one palette for all files here and on the cluster, and draw all of them with it."""

    def jobs() -> Iterable[Any]:
        return find_jobs([str(source)], to=work / "out")

    began = time.perf_counter()
    here = share_palette(jobs, OPTIONS)
    print(
        f"here: {time.perf_counter() - began:.1f} s, {len(here.palette or ())} colors", flush=True
    )
    with cluster_at("local", 2) as client:
        # The second limit is below the union of colors, which is counted in parts then.
        for longest in (1 << 22, 1 << 16):
            began = time.perf_counter()
            there = share_palette(jobs, OPTIONS, submit=submitter(client), longest=longest)
            print(f"cluster, sums up to {longest}: {time.perf_counter() - began:.1f} s", flush=True)
            yield there == here, f"the palette is the local one, bit for bit (sums up to {longest})"
    for name, words in (("local", ["--jobs", "2"]), ("cluster", ["--scheduler", "local"])):
        command = [sys.executable, "-m", "pimenton", "compress", str(source), "--to",
                   str(work / name), *WORDS, "--shared-palette", *words]  # fmt: skip
        run = subprocess.run(command, capture_output=True, text=True)
        print(f"{name}: {run.stderr.strip().splitlines()[-1]}", flush=True)
        yield run.returncode == 0, f"the {name} run ends well"
    local, cluster = contents(work / "local"), contents(work / "cluster")
    yield len(local) == chosen.files, "every file is there"
    yield local == cluster, "every file is what one machine makes"
    shared = {bytes(color) for color in Palette.of_hex(here.palette or ()).colors}
    used = {
        bytes(color)
        for path in sorted((work / "local").iterdir())
        for color in Histogram.of(read_image(path)).colors
    }
    yield used <= shared, "every color is one of the palette"


COMMANDS = {
    "speed": (speed, 2000),
    "cost": (cost, 1000),
    "deaths": (deaths, 2000),
    "store": (store, 500),
    "palette": (palette, 500),
}

if __name__ == "__main__":
    main()
