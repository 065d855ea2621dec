"""Times, errors, and what the figures were measured on."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pictures import Rgb

MIN_RUNS = 3
MAX_RUNS = 15
BUDGET_SECONDS = 0.5


class Timed(NamedTuple):
    """Median seconds of several runs, and what the last one gave."""

    seconds: float
    result: Any


def timed(run: Callable[[], Any], *, min_runs: int = MIN_RUNS) -> Timed:
    """Run once to warm up, then often enough for a median.

    At least ``min_runs`` and at most 15 times, and for no longer than a budget once there are
    enough. A first run of more than ten seconds warms up and counts.
    """
    seconds = []
    first = _once(run)
    if first.seconds > 10:
        seconds.append(first.seconds)
    result = first.result
    while len(seconds) < min_runs or (len(seconds) < MAX_RUNS and sum(seconds) < BUDGET_SECONDS):
        elapsed, result = _once(run)
        seconds.append(elapsed)
    return Timed(statistics.median(seconds), result)


def _once(run: Callable[[], Any]) -> Timed:
    began = time.perf_counter()
    result = run()
    return Timed(time.perf_counter() - began, result)


def error(pixels: Rgb, drawn: NDArray[Any]) -> float:
    """Give the squared channel errors, 0 to 255, summed over channels, averaged over pixels."""
    difference = pixels.astype(np.float64) - drawn
    return float((difference**2).sum() / (difference.size / 3))


def rounded(drawn: NDArray[Any]) -> NDArray[np.uint8]:
    """Round a picture to bytes, as a palette of a file does."""
    return (drawn + 0.5).astype(np.uint8)


def version_of(*packages: str) -> str | None:
    """Give the version of the first of these packages that is installed."""
    for package in packages:
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return None


def machine() -> str:
    """Describe the processor and what runs on it."""
    names = Path("/proc/cpuinfo")
    model = platform.processor() or platform.machine()
    if names.exists():
        lines = [line for line in names.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{model}, {n_cores} cores used of {os.cpu_count()}, {platform.system()}, "
        f"Python {platform.python_version()}, NumPy {np.__version__}"
    )
