"""Mutated pictures: flips, cuts and splices of whole files, from a seed.

Run by itself it tries as many as wanted: ``python tests/fuzz_files.py FOLDER N [SEED]``.
"""

import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pimenton import Options, read_image
from pimenton.batch import Job, Rules, attempt
from pimenton.formats import TEMPORARY

MAX_BYTES = 200_000
OPTIONS = Options(n_colors=8, effort="fast")


def mutated(files: Sequence[bytes], n: int, seed: int) -> Iterator[bytes]:
    """Yield damaged files, the same for the same seed."""
    rng = random.Random(seed)
    for _ in range(n):
        data = bytearray(rng.choice(files))
        for _ in range(rng.choice((1, 1, 2, 4))):
            kind = rng.choice(("flip", "flip", "cut", "splice", "repeat", "fill"))
            at = rng.randrange(min(len(data), rng.choice((64, 512, 1 << 20))) or 1)
            if kind == "flip" and data:
                for _ in range(rng.choice((1, 3, 20))):
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
                data[at] = rng.choice((0, 255, rng.randrange(256)))
            elif kind == "cut":
                del data[at:]
            elif kind == "splice":
                other = rng.choice(files)
                start = rng.randrange(len(other))
                data[at : at + rng.randrange(1 << 12)] = other[
                    start : start + rng.randrange(1 << 12)
                ]
            elif kind == "repeat":
                data[at:at] = data[at : at + rng.randrange(1, 256)]
            else:
                data[at : at + 4] = rng.choice((b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff"))
        yield bytes(data)


def try_all(files: Sequence[bytes], n: int, seed: int, folder: Path) -> dict[str, int]:
    """Compress each; raise AssertionError if one does what none may do."""
    counts: dict[str, int] = {}
    source, target = folder / "source.bin", folder / "target.png"
    for i, data in enumerate(mutated(files, n, seed)):
        source.write_bytes(data)
        started = time.monotonic()
        # What strict reading refuses is decoded all the same, but goes no further.
        rules = Rules(allow_larger=True, force=True, lenient=i % 2 == 0)
        outcome = attempt(Job(source, target), OPTIONS, rules, 1)
        elapsed = time.monotonic() - started
        if elapsed > 10:
            (folder / f"slow{i}.bin").write_bytes(data)
        assert elapsed < 10, (i, elapsed)
        assert "\n" not in outcome.reason, (i, outcome.reason)
        left = {path.name for path in folder.iterdir()} - {"source.bin"}
        assert left == ({"target.png"} if outcome.written else set()), (i, left)
        assert not any(name.startswith(TEMPORARY) for name in left)
        if outcome.written:
            read_image(target)
            target.unlink()
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
    return counts


def small_files(folder: Path) -> list[bytes]:
    """Read the pictures that are small enough to be tried by the thousand."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.read_bytes() for path in paths if 20 < path.stat().st_size < MAX_BYTES]


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    with tempfile.TemporaryDirectory() as place:
        seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
        found = try_all(small_files(Path(sys.argv[1])), int(sys.argv[2]), seed, Path(place))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(found, f"peak {peak / 1024:.0f} MB")
