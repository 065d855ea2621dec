"""Pictures of many megapixels: time, memory over the pixels, and growth with size."""

import subprocess
import sys
from pathlib import Path

import numpy as np

import pimenton
from measuring import timed
from pictures import LARGE, Rgb, present, tiles_of
from pimenton.pixels import as_rgba
from tables import Target, milliseconds, missing, show

SECONDS = {"none": 0.5, "floyd-steinberg": 1.2}
MEMORY = 1.5
SIZES = (1, 2, 4, 8, 16)


def large(data: Path | None, out: Path) -> list[Target]:
    """Measure the picture of 24 megapixels on two threads, and crops of it."""
    found = present(data, (LARGE,))
    if not found:
        why = f"no {LARGE} in DATA"
        return [
            *(missing(_what(d), f"<= {s} s", why) for d, s in SECONDS.items()),
            missing("memory over the pixels", f"<= {MEMORY} x", why),
            missing("growth, 1 to 16 megapixels", "less than linear", why),
        ]
    name, rgb = found[0]
    print(f"\n{name}: {rgb.shape[1]} x {rgb.shape[0]}, {rgb.shape[0] * rgb.shape[1] / 1e6:.1f} MP")
    return [*_time_targets(rgb), _memory_target(data / LARGE), _growth_target(rgb)]


def _what(dither: str) -> str:
    return f"24 megapixels, 256 colors, {dither}, two threads"


def _seconds(pixels: Rgb, dither: str, n_threads: int, effort: str) -> float:
    return timed(
        lambda: pimenton.quantize(
            pixels,
            n_colors=256,
            space="srgb",
            dither=dither,
            effort=effort,
            n_threads=n_threads,
        ),
        min_runs=2,
    ).seconds


def _time_targets(rgb: Rgb) -> list[Target]:
    pixels = as_rgba(rgb)
    targets, rows = [], []
    for dither, wanted in SECONDS.items():
        one, two = (_seconds(pixels, dither, n, "balanced") for n in (1, 2))
        fast = _seconds(pixels, dither, 2, "fast")
        rows.append((dither, f"{one:.2f}", f"{two:.2f}", f"{fast:.2f}"))
        reached = f"{two:.2f} s (fast {fast:.2f} s)"
        targets.append(Target(_what(dither), f"<= {wanted} s", reached, two <= wanted))
    header = ("dithering", "balanced, 1 thread", "balanced, 2", "fast, 2")
    show("24 megapixels, 256 colors, from pixels to indices, seconds", header, rows)
    return targets


def _memory_target(path: Path) -> Target:
    ratios = {}
    for dither in SECONDS:
        command = [sys.executable, __file__, str(path), dither]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        if said.returncode:
            why = "peak memory is not known on this system"
            return missing("memory over the pixels", f"<= {MEMORY} x", why)
        ratios[dither] = float(said.stdout)
    reached = ", ".join(f"{dither} {ratio:.2f} x" for dither, ratio in ratios.items())
    met = max(ratios.values()) <= MEMORY
    return Target("24 megapixels, memory over the pixels' bytes", f"<= {MEMORY} x", reached, met)


def _growth_target(rgb: Rgb) -> Target:
    rows = []
    times = {}
    for size, crop in tiles_of(rgb, SIZES):
        times[size] = _seconds(crop, "none", 1, "balanced")
        dithered = _seconds(crop, "floyd-steinberg", 1, "balanced")
        rows.append((size, milliseconds(times[size]), milliseconds(dithered)))
    header = ("megapixels (2^20)", "ms, undithered", "ms, dithered")
    show("Growth with size: crops of one photograph, one thread, 256 colors", header, rows)
    growth = times[16] / times[1]
    what = "growth, 1 to 16 megapixels, undithered"
    return Target(what, "less than linear: < 16 x", f"{growth:.1f} x", growth < 16)


def memory_over_pixels(path: Path, dither: str) -> float:
    """Give the peak memory that quantizing takes beyond the pixels, over the pixels' bytes."""
    pixels = pimenton.read_image(path)
    # One small run loads what is loaded once; then the kernel's peak is set back (Linux).
    pimenton.quantize(pixels[:64, :64], n_colors=8, space="srgb", dither=dither, n_threads=2)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    image = pimenton.quantize(pixels, n_colors=256, space="srgb", dither=dither, n_threads=2)
    assert np.max(image.indices) < 256
    return (_status("VmHWM") - before) / pixels.nbytes


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field)).split()[1])


if __name__ == "__main__":
    print(memory_over_pixels(Path(sys.argv[1]), sys.argv[2]))
