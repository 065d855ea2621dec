"""The service under load: its pace beside the batch command's, its memory, and its page's patience.

So many clients send pictures one after the other for some time, while the page is asked for ten
times a second. Then the batch command does the same pictures with the same options.

    python benchmarks/load.py [--clients 64] [--seconds 120] [PICTURE ...]
"""

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from pimenton import read_image

ROOT = Path(__file__).parents[1]
# Answers that ask to come again later.
LATER = (429, 503)


class Load:
    """What clients did, and what they saw."""

    def __init__(self, place: tuple[str, int], bodies: list[bytes], seconds: float) -> None:
        self.place, self.bodies = place, bodies
        self.ends = time.monotonic() + seconds
        self.statuses: Counter[object] = Counter()
        self.done: list[float] = []
        self.first_bytes: list[float] = []
        self.most_bytes = 0
        self._turns = itertools.count()
        self._lock = threading.Lock()

    def send_pictures(self) -> None:
        """Be one client: the next picture as soon as the last one is answered."""
        connection = HTTPConnection(*self.place, timeout=300)
        while time.monotonic() < self.ends:
            body = self.bodies[next(self._turns) % len(self.bodies)]
            try:
                connection.request("POST", "/api/compress", body)
                response = connection.getresponse()
                response.read()
                status: object = response.status
            except (OSError, HTTPException) as error:
                connection.close()
                status = type(error).__name__
            with self._lock:
                self.statuses[status] += 1
                if status == 200:
                    self.done.append(time.monotonic())
            if status in LATER:
                connection.close()
                time.sleep(float(response.headers["Retry-After"]))
        connection.close()

    def weigh(self, process: int) -> None:
        """Measure the memory of a process and of those it started."""
        while time.monotonic() < self.ends:
            self.most_bytes = max(self.most_bytes, sum(map(resident_bytes, family(process))))
            time.sleep(0.5)


def first_bytes(place: tuple[str, int], seconds: float) -> list[float]:
    """Measure the time to the first byte of the page, over new connections."""
    ends, found = time.monotonic() + seconds, []
    while time.monotonic() < ends:
        started = time.perf_counter()
        connection = HTTPConnection(*place, timeout=60)
        connection.request("GET", "/")
        connection.getresponse().read(1)
        found.append(time.perf_counter() - started)
        connection.close()
        time.sleep(0.1)
    return found


def family(process: int) -> list[int]:
    """Give a process and its children's children."""
    found, parents = [process], [process]
    while parents:
        path = Path(f"/proc/{parents.pop()}/task")
        texts = [(task / "children").read_text() for task in path.glob("*")]
        children = [int(number) for text in texts for number in text.split()]
        found += children
        parents += children
    return found


def resident_bytes(process: int) -> int:
    """Give the memory that a process has for itself or its share of what it has with others."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def pictures(paths: list[Path]) -> list[bytes]:
    """Give the pictures' files, by default parts of the bundled photograph."""
    if paths:
        return [path.read_bytes() for path in paths]
    fruits = read_image(ROOT / "examples/pictures/fruits.png")
    corners = itertools.product(range(0, fruits.shape[0] - 255, 128), range(0, 513, 128))
    parts = [fruits[y : y + 256, x : x + 256, :3] for y, x in corners]
    return [png(part) for part in parts]


def png(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    """Encode a picture without loss."""
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return file.getvalue()


def batch_pace(bodies: list[bytes], n_jobs: int, seconds: float) -> float:
    """Measure how many pictures a second the batch command does, starting it included."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in")
        source.mkdir()
        for i in range(round(seconds)):
            for j, body in enumerate(bodies):
                (source / f"{i}-{j}.png").write_bytes(body)
        n_files = len(list(source.iterdir()))
        command = [sys.executable, "-m", "pimenton", "compress", str(source), "--quiet"]
        started = time.perf_counter()
        subprocess.run(
            [*command, "--to", str(Path(folder, "out")), "--jobs", str(n_jobs)], check=True
        )
        return n_files / (time.perf_counter() - started)


def run(bodies: list[bytes], n_clients: int, n_jobs: int, seconds: float) -> Load:
    """Start the service, have it work, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pimenton", "serve", "--port", "0", "--data", folder]
        log = Path(folder, "log")
        with (
            log.open("w") as errors,
            subprocess.Popen([*command, "--jobs", str(n_jobs)], stderr=errors) as process,
        ):
            while "\n" not in log.read_text():
                time.sleep(0.05)
            port = int(log.read_text().split()[3].rstrip("/").rpartition(":")[2])
            first_bytes(("127.0.0.1", port), 0.1)  # which waits until the processes have started
            load = Load(("127.0.0.1", port), bodies, seconds)
            # Who looks at the page is a process apart, which does not wait for the other clients.
            with ProcessPoolExecutor(1) as looker, ThreadPoolExecutor(n_clients + 1) as clients:
                looks = looker.submit(first_bytes, load.place, seconds)
                tasks = [clients.submit(load.send_pictures) for _ in range(n_clients)]
                tasks.append(clients.submit(load.weigh, process.pid))
            for task in tasks:
                task.result()
            load.first_bytes = looks.result()
            process.terminate()
            process.wait()
        if process.returncode != 0:
            print(log.read_text()[-3000:])
    return load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--batch-seconds", type=float, default=10)
    chosen = parser.parse_args()
    bodies = pictures(chosen.pictures)
    load = run(bodies, chosen.clients, chosen.jobs, chosen.seconds)
    # From the first answer to the last: the last ones come after the time is over.
    pace = (len(load.done) - 1) / (max(load.done) - min(load.done))
    slowest = sorted(load.first_bytes)
    print(f"answers: {dict(load.statuses)}")
    print(
        f"first byte of the page: median {statistics.median(slowest) * 1e3:.1f} ms, "
        f"99th of 100 {slowest[int(0.99 * len(slowest))] * 1e3:.1f} ms, "
        f"longest {slowest[-1] * 1e3:.1f} ms, of {len(slowest)}"
    )
    print(f"memory: {load.most_bytes / 2**20:.0f} MiB at most, all processes together")
    print(f"service: {pace:.2f} pictures a second")
    if chosen.batch_seconds:
        batch = batch_pace(bodies, chosen.jobs, chosen.batch_seconds)
        share = pace / batch
        print(f"batch command: {batch:.2f} pictures a second; the service has {share:.1%} of it")


if __name__ == "__main__":
    main()
