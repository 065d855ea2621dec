"""Processes of our own that compress files beside each other.

Each process uses its share of the threads. One that dies, of a decoder's fault or for want of
memory, takes only its file with it; all of them end with the process that started them, however it
ended.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing.context import BaseContext

from pimenton.batch import FAILED, Job, Outcome, Rules
from pimenton.many import Item, attempt_apart, compress_files
from pimenton.options import Options
from pimenton.pixels import thread_count


def compress_apart(
    items: Iterable[Item],
    options: Options,
    rules: Rules,
    *,
    n_jobs: int,
    n_threads: int | None = None,
) -> Iterator[Outcome]:
    """Compress files in processes; yield what became of each as soon as it is known.

    Parameters
    ----------
    items : iterable of Job or Outcome
        The files; outcomes are passed on.
    options : Options
        The choices.
    rules : Rules
        What may be written.
    n_jobs : int
        Files compressed at a time, each in a process.
    n_threads : int, optional
        Threads for each file, by default its share of one a core.

    Yields
    ------
    Outcome
    """
    n_threads = n_threads or max(1, thread_count(None) // n_jobs)
    rest = iter(items)
    handed: dict[Job, None] = {}
    while True:
        try:
            with _processes(n_jobs) as pool:
                for outcome in compress_files(
                    _noted(rest, handed), options, rules, pool,
                    n_waiting=2 * n_jobs, n_threads=n_threads,
                ):  # fmt: skip
                    handed.pop(outcome.job, None)
                    yield outcome
            return
        except BrokenExecutor:
            # One of these was it.
            for job in list(handed):
                del handed[job]
                yield _alone(job, options, rules, n_threads)


def _noted(items: Iterator[Item], handed: dict[Job, None]) -> Iterator[Item]:
    for item in items:
        if isinstance(item, Job):
            handed[item] = None
        yield item


def _alone(job: Job, options: Options, rules: Rules, n_threads: int) -> Outcome:
    """Compress a file in a process that no other file shares."""
    try:
        with _processes(1) as pool:
            return pool.submit(attempt_apart, [job], options, rules, n_threads).result()[0]
    except BrokenExecutor:
        reason = f"{job.source}: the process that compressed it died"
        return Outcome(job=job, target=job.target, status=FAILED, reason=reason)


def _processes(n_jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(n_jobs, mp_context=start_by(__name__), initializer=attend)


def start_by(module: str) -> BaseContext:
    """Give the way to start processes that have a module ready."""
    # A fork of this process could find a lock held by a thread that the fork does not have.
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if hasattr(context, "set_forkserver_preload"):
        context.set_forkserver_preload([module])
    return context


def attend() -> None:
    """Leave an interruption to the parent, and end when it has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
