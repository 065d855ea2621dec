"""A bar on a terminal: how far a batch is, how fast, and how long it will take."""

import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType


class Progress:
    """A bar on standard error; nothing where that is no terminal or it is not wanted.

    Parameters
    ----------
    n_files : int or None
        Files of the batch; None if they are still to be counted.
    shown : bool
        Whether a bar is wanted.
    """

    def __init__(self, n_files: int | None, *, shown: bool) -> None:
        self.n_files = n_files or 0
        self.is_counted = n_files is not None
        self.n_done = 0
        self.shown = shown and sys.stderr.isatty()
        self.started = time.monotonic()
        self.drawn = 0.0

    def __enter__(self) -> "Progress":
        """Draw the empty bar."""
        self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self.clear()

    def clear(self) -> None:
        """Take the bar away, so that a line can be printed."""
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def count(self, files: Iterable[object]) -> None:
        """Count the files beside the work on them, if anyone wants to know."""

        def count() -> None:
            # What cannot be listed is said where the files are worked on.
            with suppress(OSError, ValueError):
                for n_files, _ in enumerate(files, 1):
                    self.n_files = n_files
                self.is_counted = True

        if self.shown:
            threading.Thread(target=count, daemon=True).start()

    def advance(self) -> None:
        """Count one more file."""
        self.n_done += 1
        now = time.monotonic()
        # A terminal that is written to more often than it can show slows the batch down.
        if now - self.drawn > 0.1 or self.n_done == self.n_files:
            self.drawn = now
            self._draw()

    def _draw(self) -> None:
        if self.shown:
            import shutil

            width = shutil.get_terminal_size().columns - 1
            elapsed = time.monotonic() - self.started
            n_files = max(self.n_files, self.n_done)
            line = bar(self.n_done, n_files, elapsed, width, more="" if self.is_counted else "+")
            sys.stderr.write(f"\r{line}\x1b[K")
            sys.stderr.flush()


def bar(n_done: int, n_files: int, elapsed_seconds: float, width: int, *, more: str = "") -> str:
    """Draw a bar with its figures in a line of so many characters.

    A sign of ``more`` stands behind what is still being counted.

    Examples
    --------
    >>> bar(30, 120, 10.0, 43)
    '[####            ] 30/120  3.0/s  0:30 left'
    """
    rate = n_done / elapsed_seconds if elapsed_seconds > 0 else 0.0
    left = (n_files - n_done) / rate if rate else 0.0
    figures = f" {n_done}/{n_files}{more}"
    if n_done:
        figures += f"  {rate:.1f}/s  {clock(left)}{more} left"
    room = max(0, min(40, width - len(figures) - 2))
    filled = room * n_done // max(n_files, 1)
    return f"[{'#' * filled}{' ' * (room - filled)}]{figures}"[:width]


def clock(seconds: float) -> str:
    """Give a duration as hours, minutes and seconds.

    Examples
    --------
    >>> clock(75), clock(3700)
    ('1:15', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
