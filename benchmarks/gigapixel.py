"""Make pictures of many megapixels, quantize them, check them, and draw how time grows.

``make`` writes a tiled BigTIFF out of photographs, tile by tile: each tile is a part of one of them
at a place of its own, with noise of its own; the same every time. ``check`` reads a result back and
compares random tiles with a plain search for the nearest entry, in double precision, by SciPy.
"""

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TILE = 512
NOISE = 2
SEED = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="Make a source.")
    make.add_argument("photographs", type=Path, help="A folder of photographs.")
    make.add_argument("target", type=Path)
    make.add_argument("--side", type=int, default=65536)
    run = commands.add_parser("run", help="Quantize a source; print the figures as JSON.")
    run.add_argument("source", type=Path)
    run.add_argument("target", type=Path)
    run.add_argument("options", nargs="*", help="More options of the command.")
    check = commands.add_parser("check", help="Compare tiles with a plain search.")
    check.add_argument("source", type=Path)
    check.add_argument("target", type=Path)
    check.add_argument("--tiles", type=int, default=50)
    plot = commands.add_parser("plot", help="Draw how time grows, from lines that run printed.")
    plot.add_argument("figures", type=Path, help="A file of these lines.")
    plot.add_argument("target", type=Path)
    chosen = vars(parser.parse_args())
    globals()[chosen.pop("command")](**chosen)


def make(photographs: Path, target: Path, side: int) -> None:
    """Write a source of side x side pixels."""
    from tifffile import TiffWriter

    Image.MAX_IMAGE_PIXELS = None
    pictures = [
        np.asarray(Image.open(path).convert("RGB")) for path in sorted(photographs.iterdir())
    ]
    across = -(-side // TILE)
    began = time.perf_counter()
    with TiffWriter(target, bigtiff=True) as file:
        file.write(
            tiles_in_order(pictures, across),
            shape=(side, side, 3),
            dtype=np.uint8,
            tile=(TILE, TILE),
            photometric="rgb",
            compression="adobe_deflate",
            metadata=None,
            software=False,
        )
    seconds = time.perf_counter() - began
    print(f"{target}: {side} x {side}, {target.stat().st_size / 1e9:.2f} GB, {seconds:.0f} s")


def tiles_in_order(pictures: list[NDArray[np.uint8]], across: int) -> Iterator[bytes]:
    """Give each tile deflated, row by row."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for row in range(across):
            yield from pool.map(
                lambda column, row=row: deflated_tile(pictures, row, column), range(across)
            )


def deflated_tile(pictures: list[NDArray[np.uint8]], row: int, column: int) -> bytes:
    import deflate

    return bytes(deflate.zlib_compress(tile_at(pictures, row, column).tobytes(), 1))


def tile_at(pictures: list[NDArray[np.uint8]], row: int, column: int) -> NDArray[np.uint8]:
    """Make a tile: a part of a photograph, shifted by its place, with noise of its own."""
    rng = np.random.default_rng([SEED, row, column])
    picture = pictures[int(rng.integers(len(pictures)))]
    y = int(rng.integers(picture.shape[0] - TILE))
    x = int(rng.integers(picture.shape[1] - TILE))
    noise = rng.integers(-NOISE, NOISE + 1, (TILE, TILE, 3), dtype=np.int8)
    return np.clip(picture[y : y + TILE, x : x + TILE].astype(np.int16) + noise, 0, 255).astype(
        np.uint8
    )


def run(source: Path, target: Path, options: list[str]) -> None:
    """Quantize by the command in a process of its own, and watch its memory."""
    command = [sys.executable, "-m", "pimenton", "tiles", str(source), str(target), "--force"]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--quiet", *options])
    memory = watched(process)
    status = process.wait()
    seconds = time.perf_counter() - began
    assert status == 0, status
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "megapixels": pixels_of(source) / 1e6,
        "seconds": round(seconds, 2),
        "megapixels_a_second": round(pixels_of(source) / 1e6 / seconds, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(memory / 1e6),
        "interpreter_mb": round(interpreter_bytes() / 1e6),
        "bytes": target.stat().st_size,
        "load": os.getloadavg()[0],
    }
    print(json.dumps(figures))


def watched(process: "subprocess.Popen[bytes]") -> int:
    """Give the most memory that a process ever had, as the system has counted it."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_of(process.pid))
        time.sleep(0.05)
    return peak


def peak_of(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def interpreter_bytes() -> int:
    """Give the memory of an interpreter that does nothing."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.5)"])
    return watched(process)


def pixels_of(source: Path) -> int:
    from tifffile import TiffFile

    with TiffFile(source) as file:
        return int(file.pages[0].imagelength) * int(file.pages[0].imagewidth)


def check(source: Path, target: Path, tiles: int) -> None:
    """Compare random tiles with the entries nearest in Oklab, searched one by one."""
    from scipy.spatial import KDTree
    from tifffile import TiffFile

    rng = np.random.default_rng(SEED)
    with TiffFile(source) as before, TiffFile(target) as after:
        original, result = before.pages[0], after.pages[0]
        palette = (result.colormap.T // 257).astype(np.uint8)
        used = len(np.unique(palette, axis=0))
        tree, n_off, n_seen, worst = KDTree(oklab(palette)), 0, 0, 0.0
        n_tiles = len(result.dataoffsets)
        for index in rng.choice(n_tiles, min(tiles, n_tiles), replace=False):
            colors = decoded(original, int(index)).reshape(-1, 3)
            drawn = decoded(result, int(index)).ravel()
            points = oklab(colors)
            least, _ = tree.query(points)
            own = np.sqrt(((points - oklab(palette)[drawn]) ** 2).sum(axis=1))
            # In single precision two entries can be equally near that are not in double.
            off = own > least + 1e-6
            n_off, n_seen, worst = (
                n_off + off.sum(),
                n_seen + len(off),
                max(worst, (own - least).max()),
            )
        print(
            f"{tiles} tiles, {n_seen} pixels, {used} colors: {n_off} not at the nearest entry; "
            f"the largest excess in distance is {worst:.2g}"
        )
        assert n_off == 0


def plot(figures: Path, target: Path) -> None:
    """Draw seconds and memory over megapixels, and what twice the pixels take."""
    import matplotlib.pyplot as plt

    rows = [json.loads(line) for line in figures.read_text().splitlines() if line.startswith("{")]
    rows.sort(key=lambda row: row["megapixels"])
    size = np.array([row["megapixels"] for row in rows])
    seconds = np.array([row["seconds"] for row in rows])
    memory = np.array([row["peak_mb"] - row["interpreter_mb"] for row in rows])
    for (x, y), (x2, y2) in itertools.pairwise(zip(size, seconds, strict=True)):
        print(
            f"{x:.0f} to {x2:.0f} megapixels: {(y2 / y) ** (1 / np.log2(x2 / x)):.2f} x a doubling"
        )
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.loglog(size, seconds, "o-", color="#a8321a", label="measured")
    left.loglog(size, seconds[0] * size / size[0], "--", color="#888", label="twice for twice")
    left.set(xlabel="megapixels", ylabel="seconds", title="Time, two cores")
    left.legend(frameon=False)
    right.semilogx(size, memory, "o-", color="#a8321a")
    right.set(
        xlabel="megapixels", ylabel="MB above the interpreter", title="Memory", ylim=(0, 1000)
    )
    for axes in (left, right):
        axes.set_xticks(size, [f"{x:.0f}" for x in size], minor=False)
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
    left.set_yticks(seconds, [f"{y:.3g}" for y in seconds])
    figure.savefig(target, dpi=130)


def decoded(page: Any, index: int) -> NDArray[Any]:
    file = page.parent.filehandle
    file.seek(page.dataoffsets[index])
    values, _, _ = page.decode(file.read(page.databytecounts[index]), index)
    result: NDArray[Any] = values[0]
    return result


def oklab(colors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert sRGB bytes (n, 3) to Oklab by B. Ottosson's published matrices."""
    encoded = colors / 255
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    cones = light @ np.array(
        [
            [0.4122214708, 0.2119034982, 0.0883024619],
            [0.5363325363, 0.6806995451, 0.2817188376],
            [0.0514459929, 0.1073969566, 0.6299787005],
        ]
    )
    return np.cbrt(cones) @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )


if __name__ == "__main__":
    main()
