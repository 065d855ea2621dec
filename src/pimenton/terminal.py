"""Pictures and palettes on a terminal that shows true color."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

import numpy as np

from pimenton.formats import reduce_pixels
from pimenton.indexed import IndexedImage
from pimenton.pixels import Pixels

RESET = "\x1b[0m"
GRAY = "\x1b[90m"
# A cell is about twice as high as wide, so that it shows two square pixels.
UPPER, LOWER = "▀", "▄"
EIGHTHS = " ▏▎▍▌▋▊▉█"
MOST_COLUMNS = 100
MOST_ROWS = 24
MOST_BAR = 30
GAP = 2


def shows_colors(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a stream is a terminal that shows true color and may do so.

    Parameters
    ----------
    stream : text stream
        Where colors would go.
    environment : mapping, optional
        The environment: ``COLORTERM`` or ``TERM`` says what the terminal can do, and ``NO_COLOR``
        that nobody wants it.
    """
    able = environment.get("COLORTERM") in ("truecolor", "24bit") or environment.get(
        "TERM", ""
    ).endswith("-direct")
    return able and not environment.get("NO_COLOR") and stream.isatty()


def preview(pictures: Sequence[Pixels], *, columns: int | None = None) -> Iterator[str]:
    """Draw pictures beside each other, two pixels a cell.

    Parameters
    ----------
    pictures : sequence of (height, width, 4) uint8
        Pictures of one size. Pixels that are less than half opaque stay blank.
    columns : int, optional
        Cells in a line, by default those of the terminal, 100 at most.

    Yields
    ------
    str
        A line.
    """
    columns = columns or _columns()
    small = [_fitted(picture, (columns - GAP) // len(pictures) - GAP) for picture in pictures]
    for y in range(0, small[0].shape[0], 2):
        rows = [_drawn(picture[y : y + 2]) for picture in small]
        yield " " * GAP + (" " * GAP).join(rows)


def bars(image: IndexedImage, *, columns: int | None = None) -> Iterator[str]:
    """List a palette: each color, its name, and its pixels as a bar.

    Parameters
    ----------
    image : IndexedImage
        The picture.
    columns : int, optional
        Cells in a line, by default those of the terminal, 100 at most.

    Yields
    ------
    str
        A line.
    """
    names, counts = image.palette.hex, image.counts
    widest = max(map(len, names))
    width = min(MOST_BAR, max(4, (columns or _columns()) - widest - 17))
    for color, name, count in zip(image.palette.colors, names, counts, strict=True):
        share = f"{100 * count / image.indices.size:6.2f} %"
        bar = _bar(count / counts.max(), width)
        yield f"{_paint(color, 48)}    {RESET} {name:<{widest}}  {share}  {GRAY}{bar}{RESET}"


def _columns() -> int:
    return min(shutil.get_terminal_size().columns, MOST_COLUMNS)


def _fitted(pixels: Pixels, columns: int) -> Pixels:
    """Reduce a picture to so many columns, or to the rows that a screen has."""
    height, width = pixels.shape[:2]
    ratio = min(1.0, max(columns, 1) / width, 2 * MOST_ROWS / height)
    small = reduce_pixels(pixels, max(1, round(width * ratio) * round(height * ratio)))
    return np.pad(small, ((0, small.shape[0] % 2), (0, 0), (0, 0)))


def _drawn(pair: Pixels) -> str:
    """Draw two rows of pixels as one line of cells."""
    cells = []
    for upper, lower in zip(pair[0], pair[1], strict=True):
        if upper[3] >= 128:
            ground = _paint(lower, 48) if lower[3] >= 128 else ""
            cells.append(f"{_paint(upper, 38)}{ground}{UPPER}{RESET}")
        else:
            cells.append(f"{_paint(lower, 38)}{LOWER}{RESET}" if lower[3] >= 128 else " ")
    return "".join(cells)


def _paint(color: Pixels, layer: int) -> str:
    red, green, blue = color[:3]
    return f"\x1b[{layer};2;{red};{green};{blue}m"


def _bar(part: float, width: int) -> str:
    """Draw a part of so many cells, to an eighth of a cell."""
    eighths = round(part * width * 8)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
