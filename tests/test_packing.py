"""Compressors of others give the same bytes wherever they run, and are broken off by Ctrl-C."""

import signal
import subprocess
import sys
import zlib

import numpy as np
import pytest

from pimenton import packing
from pimenton.packing import deflated, optimized_png


def test_deflated_bytes_come_back_from_a_thread_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.random.default_rng(0).integers(0, 4, 5000, dtype=np.uint8).tobytes()
    here = deflated(data, 12)
    monkeypatch.setattr(packing, "_SOON_DONE", 0)
    assert deflated(data, 12) == here
    assert zlib.decompress(here) == data


def test_a_process_makes_the_same_png(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).integers(0, 256, 600, dtype=np.uint8).tobytes()
    colors = [[i, 255 - i, i // 2, 255] for i in range(256)]
    here = optimized_png(rows, (30, 20), colors, 8, level=2)
    monkeypatch.setattr(packing, "_SOON_DONE", 0)
    assert optimized_png(rows, (30, 20), colors, 8, level=2) == here


def test_what_fails_in_a_thread_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_SOON_DONE", 0)
    with pytest.raises(ValueError, match="level"):
        deflated(b"abc", 99)


# Half a minute and more of work.
_LONG = {
    "deflate": "packing.deflated(noise.tobytes(), 12)",
    "oxipng": "packing.optimized_png(noise.tobytes(), (8000, 8000), colors, 8, level=4)",
}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
@pytest.mark.parametrize("work", _LONG.values(), ids=_LONG.keys())
def test_an_interrupt_ends_long_compression(work: str) -> None:
    # A process in the background may ignore interrupts from birth, so they are asked for.
    code = f"""
import signal
import numpy as np
from pimenton import packing
signal.signal(signal.SIGINT, signal.default_int_handler)
noise = np.random.default_rng(0).integers(0, 16, 64_000_000, dtype=np.uint8)
colors = [[i, i, i, 255] for i in range(256)]
try:
    print("started", flush=True)
    {work}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "started\n"
        child.send_signal(signal.SIGINT)
        try:
            said, _ = child.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    assert said == "interrupted\n"
