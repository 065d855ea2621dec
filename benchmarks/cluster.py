"""Throughput of one and two worker processes and of the local pool, on the same pictures.

``python benchmarks/cluster.py FOLDER --files 200`` repeats pictures under new names. Each
side compresses all of them with ``-k 64 --effort fast``; results are compared byte by byte. The
scheduler's memory is that of this process, where it runs.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from pimenton import Options, Outcome
from pimenton.batch import Rules
from pimenton.cluster import cluster_at, compress_on
from pimenton.folders import ENDINGS, find_jobs
from pimenton.workers import compress_apart

OPTIONS = Options(n_colors=64, effort="fast")


def repeated(folder: Path, n_files: int, into: Path) -> Path:
    """Link pictures under new names until there are enough."""
    pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    into.mkdir()
    for i in range(n_files):
        path = pictures[i % len(pictures)]
        os.link(shutil.copy(path, into.parent / path.name), into / f"{i:06}{path.suffix}")
    return into


def resident_megabytes() -> float:
    """Give the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def timed(name: str, outcomes: Iterable[Outcome]) -> None:
    """Print how fast files were made, and the memory at the quarters of the run."""
    started, memory, seconds, n_files = time.perf_counter(), [], 0.0, 0
    for outcome in outcomes:
        assert outcome.written, outcome.reason
        n_files += 1
        seconds += outcome.elapsed_seconds
        memory.append(resident_megabytes())
    elapsed = time.perf_counter() - started
    quarters = " ".join(f"{memory[i * (n_files - 1) // 4]:.0f}" for i in range(5))
    print(
        f"{name:10} {n_files / elapsed:6.2f}/s  {elapsed:6.2f} s  busy {seconds:6.2f} s  "
        f"memory at quarters {quarters} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=2000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        source = repeated(chosen.folder, chosen.files, Path(work, "in"))
        places = [Path(work, name) for name in ("one", "two", "pool")]
        for n_workers, place in zip((1, 2), places[:2], strict=True):
            with cluster_at("local", n_workers) as client:
                client.run(__import__, "pimenton.many")
                jobs = find_jobs([str(source)], to=place)
                timed(f"{n_workers} worker", compress_on(client, jobs, OPTIONS, Rules()))
        jobs = find_jobs([str(source)], to=places[2])
        timed("pool of 2", compress_apart(jobs, OPTIONS, Rules(), n_jobs=2))
        contents = [{path.name: path.read_bytes() for path in place.iterdir()} for place in places]
        assert contents[0] == contents[1] == contents[2]
        print("bytes identical")


if __name__ == "__main__":
    main()
