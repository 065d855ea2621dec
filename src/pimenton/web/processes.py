"""A process that does one piece of work after the other, and can be told to stop it.

Work runs in the main thread of its process, where the kernel looks for signals every 50 ms: so what
nobody waits for any longer ends within a moment, wherever it is. A decoder that crashes takes its
process with it and no other.
"""

import os
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from pimenton.workers import attend, start_by

# Pictures that a process is taken to have at hand still.
_N_REMEMBERED = 8


class Stopped(BaseException):
    """Work was broken off; not an Exception, so that nothing takes it for a damaged picture."""


class Died(Exception):
    """The process ended while it worked."""


class Process:
    """A process that waits for work.

    Attributes
    ----------
    seen : deque of str
        What it worked on last, the newest at the end.
    """

    def __init__(self) -> None:
        context: Any = start_by("pimenton.web.work")
        self.seen: deque[str] = deque(maxlen=_N_REMEMBERED)
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return int(self._process.pid)

    def do(self, work: Callable[..., Any], arguments: tuple[Any, ...], n_threads: int) -> Any:
        """Have work done and wait for it, in a thread.

        Raises
        ------
        Died
            If the process ends meanwhile.
        Exception
            What the work raises; ``Stopped`` if it was broken off.
        """
        try:
            self._connection.send((work, arguments, n_threads))
            is_done, value = self._connection.recv()
        except (EOFError, OSError) as error:
            raise Died("the process that worked on the picture died") from error
        if is_done:
            return value
        raise value

    def stop_work(self) -> None:
        """Break off what it is doing."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, getattr(signal, "SIGUSR1", signal.SIGTERM))

    def kill(self) -> None:
        """Make its work end in ``Died``."""
        self._process.kill()

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self.kill()
        self._process.join()
        self._connection.close()


class _Turn:
    """Whether there is work to break off."""

    is_on = False

    def stop(self, number: int, frame: FrameType | None) -> None:
        if self.is_on:
            self.is_on = False
            raise Stopped


def _serve(connection: Connection) -> None:
    """Do what is asked for until the parent hangs up."""
    attend()
    turn = _Turn()
    if hasattr(signal, "SIGUSR1"):
        # Whoever asks for the page comes before the pictures.
        os.nice(5)
        # The parent finishes what is in hand when the whole group is told to end.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, turn.stop)
    with suppress(EOFError, OSError):
        while True:
            work, arguments, n_threads = connection.recv()
            connection.send(_outcome(turn, work, arguments, n_threads))


def _outcome(
    turn: _Turn, work: Callable[..., Any], arguments: tuple[Any, ...], n_threads: int
) -> tuple[bool, Any]:
    try:
        turn.is_on = True
        made = work(*arguments, n_threads=n_threads)
        turn.is_on = False
        return True, made
    except Stopped as stopped:
        return False, stopped
    except Exception as error:
        turn.is_on = False
        return False, error
