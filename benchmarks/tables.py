"""Tables and targets on the screen."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Target(NamedTuple):
    """What is aimed at, and what was reached.

    Attributes
    ----------
    what : str
        The figure.
    wanted, reached : str
        As they are printed.
    met : bool or None
        None where it could not be measured; ``reached`` says why.
    """

    what: str
    wanted: str
    reached: str
    met: bool | None


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table of Markdown, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    print(f"\n## {title}\n", flush=True)
    print(_line(header, widths))
    print("| " + " | ".join("-" * max(3, width) for width in widths) + " |")
    for row in cells:
        print(_line(row, widths), flush=True)


def show_targets(targets: Sequence[Target], title: str = "Targets") -> None:
    """Print every target with the figure reached."""
    said = {True: "met", False: "MISSED", None: "not measured"}
    rows = [(t.what, t.wanted, t.reached, said[t.met]) for t in targets]
    show(title, ("what", "target", "reached", ""), rows)


def missing(what: str, wanted: str, why: str) -> Target:
    """Give the row of a target that could not be measured."""
    return Target(what, wanted, why, None)


def milliseconds(seconds: float) -> str:
    """Print a time in ms with three digits or so."""
    value = 1000 * seconds
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "| " + " | ".join(cells) + " |"
