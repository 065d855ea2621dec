"""A bar on a terminal: how far a batch is, how fast, and how long it will take."""

import sys
import time
from types import TracebackType


class Progress:
    """A bar on standard error; nothing where that is no terminal or it is not wanted.

    Parameters
    ----------
    n_files : int
        Files of the batch.
    shown : bool
        Whether a bar is wanted.
    """

    def __init__(self, n_files: int, *, shown: bool) -> None:
        self.n_files = n_files
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
            sys.stderr.write("\r" + bar(self.n_done, self.n_files, elapsed, width) + "\x1b[K")
            sys.stderr.flush()


def bar(n_done: int, n_files: int, elapsed_seconds: float, width: int) -> str:
    """Draw a bar with its figures in a line of so many characters.

    Examples
    --------
    >>> bar(30, 120, 10.0, 43)
    '[####            ] 30/120  3.0/s  0:30 left'
    """
    rate = n_done / elapsed_seconds if elapsed_seconds > 0 else 0.0
    left = (n_files - n_done) / rate if rate else 0.0
    figures = f" {n_done}/{n_files}"
    if n_done:
        figures += f"  {rate:.1f}/s  {clock(left)} left"
    room = max(0, min(40, width - len(figures) - 2))
    filled = room * n_done // n_files
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
