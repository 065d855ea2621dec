"""Work for a pool: functions that another process can find by name."""

import os
import time

import numpy as np

from pimenton.histogram import Histogram
from pimenton.palette import Palette
from pimenton.parsing import parse, prepare


def echo(word: str, *, n_threads: int) -> str:
    """Give a word back."""
    return word


def wait(seconds: float, *, n_threads: int) -> float:
    """Do nothing for so long, between instructions of Python."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(0.001)
    return seconds


def ignore(seconds: float, *, n_threads: int) -> None:
    """Do something that no signal breaks off."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            time.sleep(seconds)
        except BaseException:
            continue


def parse_noise(side: int, *, n_threads: int) -> int:
    """Be in the kernel for long."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 4), dtype=np.uint8)
    pixels[:, :, 3] = 255
    palette = Palette(pixels[0, :256].copy())
    subject = prepare(pixels, Histogram.of(pixels), palette, n_threads=n_threads)
    return int(parse(subject, 0.1, effort="best", n_threads=n_threads).n_bytes)


def crash(*, n_threads: int) -> None:
    """End the process as a broken decoder would."""
    os.abort()


def fail(*, n_threads: int) -> None:
    """Raise what the library raises."""
    raise ValueError("n_colors must be between 1 and 256; got 300")


def process_number(*, n_threads: int) -> int:
    """Tell which process it is."""
    return os.getpid()


def threads(*, n_threads: int) -> int:
    """Tell how many threads are given."""
    return n_threads
