"""Compressors of others, called so that Ctrl-C is answered while they work on a large picture.

Python answers a signal only between instructions of its main thread. libdeflate lets other threads
run, so it works in one that the main thread waits for; oxipng does not, so it works in a process of
its own. What is broken off is left behind, and ends with the program.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

# Bytes, times the level, that are done in less than half a second.
_SOON_DONE = 2**20

# A PNG from a line of JSON and the packed rows after it. Nothing is read from the folder it is in.
_OPTIMIZE = """
import json, oxipng, sys
head = json.loads(sys.stdin.buffer.readline())
rows = sys.stdin.buffer.read()
color_type = oxipng.ColorType.indexed(head["colors"])
raw = oxipng.RawImage(rows, *head["size"], color_type=color_type, bit_depth=head["bit_depth"])
sys.stdout.buffer.write(raw.create_optimized_png(**head["options"]))
"""


def deflated(data: bytes, level: int) -> bytes:
    """Compress into a zlib stream by libdeflate.

    Parameters
    ----------
    data : bytes
        Anything.
    level : int
        1 to 12.
    """
    import deflate

    if len(data) * level <= _SOON_DONE:
        return bytes(deflate.zlib_compress(data, level))
    return _apart(lambda: bytes(deflate.zlib_compress(data, level)))


def zlib_of(stream: bytes, data: bytes) -> bytes:
    """Put a zlib stream around deflate's stream of some data."""
    import deflate

    return b"\x78\xda" + stream + int(deflate.adler32(data)).to_bytes(4, "big")


def optimized_png(
    rows: bytes, size: tuple[int, int], colors: list[list[int]], bit_depth: int, level: int
) -> bytes:
    """Make a PNG with a palette by oxipng, which looks for the best row filters.

    Parameters
    ----------
    rows : bytes
        Packed indices, row by row.
    size : (int, int)
        Width and height.
    colors : list of [r, g, b, a]
        The palette.
    bit_depth : int
        Bits of an index: 1, 2, 4 or 8. It is kept, as is the palette.
    level : int
        0 to 6.
    """
    options: dict[str, Any] = {
        "level": level,
        "bit_depth_reduction": False,
        "color_type_reduction": False,
        "grayscale_reduction": False,
        "palette_reduction": False,
    }
    if len(rows) * level <= _SOON_DONE or not sys.executable:
        import oxipng

        color_type = oxipng.ColorType.indexed(colors)
        raw = oxipng.RawImage(rows, *size, color_type=color_type, bit_depth=bit_depth)
        return bytes(raw.create_optimized_png(**options))
    import json
    import subprocess

    head = {"size": size, "colors": colors, "bit_depth": bit_depth, "options": options}
    command = [sys.executable, "-P", "-c", _OPTIMIZE]
    given = json.dumps(head).encode() + b"\n" + rows
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout


def _apart(work: Callable[[], bytes]) -> bytes:
    """Run in another thread, and wait for it where signals are answered."""
    done: list[bytes] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
    if failed:
        raise failed[0]
    return done[0]
