"""Pictures and palettes on a terminal, and nothing of them elsewhere."""

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from images import FRUITS
from pimenton import quantize, read_image
from pimenton.pixels import Pixels
from pimenton.terminal import bars, preview, shows_colors

ESCAPE = re.compile(r"\x1b\[([\d;]*)m")
CELL = re.compile(r"(?:\x1b\[38;2;([\d;]+)m)?(?:\x1b\[48;2;([\d;]+)m)?([▀▄ ])(?:\x1b\[0m)?")
COLORS = {"COLORTERM": "truecolor"}


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def cells(line: str) -> list[tuple[tuple[int, ...] | None, tuple[int, ...] | None]]:
    """Read a line as pairs of colors, upper and lower; None is blank."""
    found = []
    for fore, back, mark in CELL.findall(line):
        front, ground = (tuple(map(int, c.split(";"))) if c else None for c in (fore, back))
        found.append({"▀": (front, ground), "▄": (None, front), " ": (None, None)}[mark])
    return found


def test_colors_are_shown_only_where_they_can_and_may_be() -> None:
    assert shows_colors(Terminal(), COLORS)
    assert shows_colors(Terminal(), {"TERM": "xterm-direct"})
    assert not shows_colors(StringIO(), COLORS)
    assert not shows_colors(Terminal(), {"TERM": "xterm-256color"})
    assert not shows_colors(Terminal(), COLORS | {"NO_COLOR": "1"})


def test_two_pixels_make_a_cell() -> None:
    pixels = np.array(
        [
            [(255, 0, 0, 255), (0, 0, 0, 0)],
            [(0, 0, 255, 255), (9, 8, 7, 255)],
            [(1, 2, 3, 255)] * 2,
        ],
        np.uint8,
    )
    first, second = preview([pixels], columns=40)
    assert cells(first)[2:] == [((255, 0, 0), (0, 0, 255)), (None, (9, 8, 7))]
    assert cells(second)[2:] == [((1, 2, 3), None)] * 2


def test_pictures_stand_beside_each_other_within_the_columns() -> None:
    pixels = read_image(FRUITS)
    lines = list(preview([pixels, pixels[:, ::-1]], columns=60))
    widths = {len(ESCAPE.sub("", line)) for line in lines}
    assert len(widths) == 1
    assert 50 <= widths.pop() <= 60
    shown = cells(lines[3])[2:]
    half = len(shown) // 2 - 1
    means = pixels[:, :, :3].mean(axis=(0, 1))
    seen = np.array([color for line in lines for cell in cells(line) for color in cell if color])
    assert seen.mean(axis=0) == pytest.approx(means, abs=3)
    # The second is the first in a mirror.
    assert np.array(shown[0]) == pytest.approx(np.array(shown[-1]), abs=12)
    assert half > 20


def test_bars_are_as_long_as_the_counts() -> None:
    pixels: Pixels = np.full((4, 8, 4), 255, np.uint8)
    pixels[:, :2, :3] = (200, 0, 0)
    lines = list(bars(quantize(pixels, n_colors=2), columns=44))
    assert [ESCAPE.sub("", line).split()[:2] for line in lines] == [
        ["#c80000", "25.00"],
        ["#ffffff", "75.00"],
    ]
    lengths = [line.count("█") for line in lines]
    assert lengths[1] == 20
    assert lengths[0] == 6
    assert ESCAPE.sub("", lines[0]).endswith("▋")
    assert "\x1b[48;2;200;0;0m" in lines[0]


def on_terminal(*words: str, **environment: str) -> str:
    """Run the command on a pseudo-terminal; give what it shows."""
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "pimenton", *words],
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLORTERM": "", "COLUMNS": "80", **environment},
    )
    os.close(theirs)
    shown = b""
    # Linux tells the end of a terminal by an error.
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass
    os.close(ours)
    assert run.wait() == 0, shown
    return shown.decode()


def test_commands_draw_on_a_terminal_with_colors_only(tmp_path: Path) -> None:
    target = tmp_path / "few.png"
    words = ["compress", str(FRUITS), "-k", "5", "-o", str(target), "--force"]
    shown = on_terminal(*words, COLORTERM="truecolor")
    assert shown.count("▀") > 500
    assert shown.count("█") > 20
    assert "5 colors" in shown.splitlines()[0]
    assert "\x1b[" not in on_terminal(*words)
    assert "\x1b[" not in on_terminal(*words, COLORTERM="truecolor", NO_COLOR="1")
    assert on_terminal(*words, "--quiet", COLORTERM="truecolor") == ""
    palette = on_terminal("palette", str(FRUITS), "-k", "3", COLORTERM="truecolor")
    assert len(re.findall(r"\x1b\[48;2;\d+;\d+;\d+m    \x1b\[0m #\w{6}", palette)) == 3
    piped = subprocess.run(
        [sys.executable, "-m", "pimenton", *words],
        capture_output=True,
        env={**os.environ, "COLORTERM": "truecolor"},
        check=True,
    )
    assert len(piped.stdout.splitlines()) == 1
    assert b"\x1b" not in piped.stdout + piped.stderr
