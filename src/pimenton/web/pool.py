"""The queue before the processes: short, in order of urgency, and emptied of what nobody wants.

Processes and not threads: oxipng and parts of the steps between native calls hold the interpreter
lock, which an event loop in the same process would wait for; and only a process can be ended.
"""

import asyncio
import itertools
from bisect import insort
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pimenton.pixels import thread_count
from pimenton.web.processes import Died, Process, Stopped

T = TypeVar("T")

# A process is told to stop so often, with so much time between, and ended if it goes on.
_N_TIMES = 8
_PATIENCE_SECONDS = 0.25


class Busy(Exception):
    """There is no place in the queue."""


class TooLong(Exception):
    """A picture takes more time than is allowed."""


@dataclass(order=True)
class _Job:
    order: tuple[bool, int]
    work: Callable[..., Any] = field(compare=False)
    arguments: tuple[Any, ...] = field(compare=False)
    near: str = field(compare=False)
    future: "asyncio.Future[Any]" = field(compare=False)
    process: Process | None = field(compare=False, default=None)
    is_late: bool = field(compare=False, default=False)


class Pool:
    """Processes that work beside the event loop.

    Parameters
    ----------
    n_processes : int
        Pieces of work at a time.
    n_waiting : int
        Pieces of work that may wait.
    max_seconds : float
        Longest that one may take, from its turn.

    Attributes
    ----------
    n_running : int
        Pieces of work in hand.
    """

    def __init__(self, n_processes: int, n_waiting: int, max_seconds: float) -> None:
        self.n_processes, self._n_places, self._max_seconds = n_processes, n_waiting, max_seconds
        self.n_running = 0
        self._waiting: list[_Job] = []
        self._idle: list[Process] = []
        self._numbers = itertools.count()
        self._threads = ThreadPoolExecutor(n_processes, thread_name_prefix="pool")
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def n_waiting(self) -> int:
        """Pieces of work in the queue."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether one more would be refused."""
        return self.n_running == self.n_processes and self.n_waiting >= self._n_places

    def require_place(self) -> None:
        """Raise ``Busy`` if there is no place in the queue."""
        if self.is_full:
            raise Busy(f"{self.n_waiting} pictures are waiting already; try again later")

    async def start(self) -> None:
        """Start the processes."""
        started = [self._in_thread(Process) for _ in range(self.n_processes)]
        self._idle = list(await asyncio.gather(*started))

    async def stop(self) -> None:
        """Wait for what is in hand or in the queue, and end the processes."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        for process in self._idle:
            await self._in_thread(process.end)
        self._idle.clear()
        self._threads.shutdown()

    async def run(
        self, work: Callable[..., T], *arguments: Any, urgent: bool = False, near: str = ""
    ) -> T:
        """Have a function called in a process; cancelling this ends the work.

        Parameters
        ----------
        work : callable
            A function of a module; it is given ``n_threads`` as a keyword.
        *arguments
            What it is called with. They, the result, and what is raised are sent by pickle.
        urgent : bool, optional
            Whether it goes before all that is not.
        near : str, optional
            Name of what it works on: a process that had it last is preferred.

        Raises
        ------
        Busy
            If the queue is full.
        TooLong
            If it takes more time than is allowed.
        Died
            If its process crashes.
        """
        self.require_place()
        future = asyncio.get_running_loop().create_future()
        job = _Job((not urgent, next(self._numbers)), work, arguments, near, future)
        insort(self._waiting, job)
        self._begin()
        try:
            return await future  # type: ignore[no-any-return]
        finally:
            if future.cancelled():
                self._abandon(job)

    def _begin(self) -> None:
        """Give idle processes work."""
        while self._idle and self._waiting:
            job = self._waiting.pop(0)
            job.process = next((p for p in self._idle if job.near in p.seen), self._idle[-1])
            self._idle.remove(job.process)
            self.n_running += 1
            task = asyncio.create_task(self._do(job, job.process))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _do(self, job: _Job, process: Process) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._max_seconds, self._overrun, job)
        # Threads change no bit: a picture that is alone takes all cores, and one of many its share.
        n_threads = max(1, thread_count(None) // (self.n_running + self.n_waiting))
        if job.near:
            process.seen.append(job.near)
        try:
            made = await self._in_thread(process.do, job.work, job.arguments, n_threads)
            _answer(job, made)
        except Stopped:
            _fail(job, self._too_long())
        except Died as error:
            _fail(job, self._too_long() if job.is_late else error)
            process = await self._renewed(process)
        except Exception as error:
            _fail(job, error)
        finally:
            timer.cancel()
            job.process = None
            self.n_running -= 1
            self._idle.append(process)
            self._begin()

    def _abandon(self, job: _Job) -> None:
        """Take out of the queue, or stop, what nobody waits for any longer."""
        if job in self._waiting:
            self._waiting.remove(job)
        self._stop(job)

    def _overrun(self, job: _Job) -> None:
        job.is_late = True
        self._stop(job)

    def _too_long(self) -> TooLong:
        return TooLong(f"the picture takes more than {self._max_seconds:g} seconds")

    def _stop(self, job: _Job, n_times: int = _N_TIMES) -> None:
        """Tell a process to stop, again if it was not at work yet, and end it if it goes on."""
        if job.process is None:
            return
        if n_times == 0:
            job.process.kill()
            return
        job.process.stop_work()
        asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._stop, job, n_times - 1)

    async def _renewed(self, process: Process) -> Process:
        await self._in_thread(process.end)
        return await self._in_thread(Process)

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _answer(job: _Job, made: Any) -> None:
    if not job.future.done():
        job.future.set_result(made)


def _fail(job: _Job, error: Exception) -> None:
    if not job.future.done():
        job.future.set_exception(error)
