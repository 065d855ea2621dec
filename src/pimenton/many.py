"""Many files through any executor: threads, processes, or other machines.

However many files there are, few are handed over at a time, and no list of them is held. Small
files go several to a task, so that handing over costs nothing beside compressing. A task that is
lost with its machine is tried again, its files one by one.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias

from pimenton.batch import Job, Outcome, Rules, attempt, failed
from pimenton.folders import find_jobs
from pimenton.options import Options
from pimenton.pixels import thread_count
from pimenton.places import Place, place_of

if TYPE_CHECKING:
    from distributed import Client

# What is handed over: a file, or what is known already and only passed on.
Item: TypeAlias = Job | Outcome

# Tasks handed over at a time at most: enough for a thousand machines, and little for a scheduler.
MOST_WAITING = 2000

# Files of a task at most, however fast they go.
MOST_TOGETHER = 100

# How long a task should take elsewhere: a hundred times what a scheduler needs for it.
SECONDS_A_TASK = 0.5

# How often a task is tried that fails as a whole, as with its machine.
N_TRIES = 3


def compress_files(
    items: Iterable[Item],
    options: Options,
    rules: Rules,
    executor: Executor,
    *,
    n_waiting: int = MOST_WAITING,
    n_threads: int | None = None,
    seconds_a_task: float = 0.0,
) -> Iterator[Outcome]:
    """Compress many files in another place; yield what became of each as soon as it is known.

    Parameters
    ----------
    items : iterable of Job or Outcome
        The files; outcomes are passed on.
    options : Options
        The choices.
    rules : Rules
        What may be written.
    executor : concurrent.futures.Executor
        Where the files are compressed: threads, processes, or machines that see the same files.
    n_waiting : int, optional
        Tasks handed over at a time at most. The first are few, and each that ends makes room for
        two, so that the sizes of tasks are known before there are many.
    n_threads : int, optional
        Threads for each file.
    seconds_a_task : float, optional
        How long a task should take: that many files are put together. 0 is one file a task.

    Raises
    ------
    BrokenExecutor
        If the other place is gone.
    """
    rest = iter(items)
    again: deque[Job] = deque()
    n_failures: dict[Job, int] = {}
    handed: dict[Future[list[Outcome]], list[Job]] = {}
    ended: SimpleQueue[Future[list[Outcome]]] = SimpleQueue()
    room, seconds_a_file = min(16, n_waiting), 0.0
    try:
        while True:
            while len(handed) < room:
                n_together = _files_together(seconds_a_task, seconds_a_file)
                jobs = [again.popleft()] if again else []
                for item in () if jobs else rest:
                    if isinstance(item, Outcome):
                        yield item
                        continue
                    jobs.append(item)
                    if len(jobs) >= n_together:
                        break
                if not jobs:
                    break
                future = executor.submit(attempt_apart, jobs, options, rules, n_threads)
                handed[future] = jobs
                future.add_done_callback(ended.put)
            if not handed:
                return
            future = ended.get()
            jobs = handed.pop(future)
            room = min(room + 1, n_waiting)
            for outcome in _outcomes_of(future, jobs, again, n_failures):
                seconds = outcome.elapsed_seconds
                seconds_a_file += 0.1 * (seconds - seconds_a_file) if seconds_a_file else seconds
                yield outcome
    finally:
        for future in handed:
            future.cancel()


def attempt_apart(
    jobs: list[Job], options: Options, rules: Rules, n_threads: int | None
) -> list[Outcome]:
    """Compress files and give the figures alone: what is worth sending to another process."""
    return [replace(attempt(job, options, rules, n_threads), result=None) for job in jobs]


def compress_many(
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    options: Options | None = None,
    *,
    executor: Executor | None = None,
    rules: Rules | None = None,
    format: str | None = None,
    n_threads: int | None = None,
    **choices: Any,
) -> Iterator[Outcome]:
    """Compress many pictures into a folder, through any executor.

    Parameters
    ----------
    sources : path, URL, or iterable of them
        Pictures, folders of them, and patterns such as ``s3://bucket/photos/**/*.png``. The files
        of a single folder are listed while they are compressed, so there may be any number.
    target : path or URL
        Folder for the results, where a folder's files keep their tree.
    options : Options, optional
        All choices at once.
    executor : concurrent.futures.Executor, optional
        Where the pictures are compressed: a pool of threads or processes, or a Dask cluster by
        ``client.get_executor()``. By default threads, one a core.
    rules : Rules, optional
        What may be written. By default what is done is not done again, and only files that
        pimenton wrote are replaced.
    format : str, optional
        A key of ``FORMATS``, in place of the source's format, or PNG where that cannot be written.
    n_threads : int, optional
        Threads for each picture, by default one; they change no bit.
    **choices
        Fields of ``Options``, in place of those in ``options``.

    Returns
    -------
    iterator of Outcome
        What became of each picture, as soon as it is known; a failure is an outcome, too. Pictures
        are compressed while it is being read.

    Raises
    ------
    ValueError, TypeError
        If a choice is wrong.
    FileNotFoundError
        From the iterator, if a pattern or a folder stands for no picture.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     outcomes = list(compress_many(["missing.png"], folder, n_colors=16))
    >>> outcomes[0].status, outcomes[0].reason
    ('failed', 'missing.png: No such file or directory')
    """
    options = Options.of(options, **choices)
    names = [sources] if isinstance(sources, str | os.PathLike) else sources
    jobs = find_jobs([os.fspath(name) for name in names], to=_folder(target), format=format)
    rules = rules or Rules(renew=True)
    if executor is not None:
        return compress_files(
            jobs, options, rules, lasting(executor), n_threads=n_threads or 1,
            seconds_a_task=SECONDS_A_TASK,
        )  # fmt: skip
    return _in_threads(jobs, options, rules, n_threads or 1)


def lasting(executor: Executor) -> Executor:
    """Give an executor whose futures end whoever dies: of Dask's own, one on the same client."""
    if type(executor).__module__ != "distributed.cfexecutor":
        return executor
    # Neither the client nor what it was told has a public name there.
    found: Any = executor
    return Tasks(found._client, **found._kwargs)


class Tasks(Executor):
    """An executor whose futures are Dask's own.

    Those of ``client.get_executor()`` never end if a worker dies between the end of a task and the
    sending of its result; Dask's own wait for the task to be done again.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    **how
        What ``client.submit`` takes, such as ``workers`` or ``resources``.
    """

    def __init__(self, client: "Client", **how: Any) -> None:
        self.client = client
        self.how = {"pure": False, **how}

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        """Hand a call over; give what has a method ``result``."""
        return self.client.submit(function, *arguments, **self.how, **named)


def _in_threads(
    jobs: Iterable[Job], options: Options, rules: Rules, n_threads: int
) -> Iterator[Outcome]:
    from concurrent.futures import ThreadPoolExecutor

    n_jobs = thread_count(None)
    with ThreadPoolExecutor(n_jobs) as pool:
        yield from compress_files(
            jobs, options, rules, pool, n_waiting=2 * n_jobs, n_threads=n_threads
        )


def _folder(target: str | os.PathLike[str]) -> Place:
    return place_of(os.fspath(target))


def _files_together(seconds_a_task: float, seconds_a_file: float) -> int:
    if not seconds_a_task or not seconds_a_file:
        return 1
    return max(1, min(MOST_TOGETHER, int(seconds_a_task / seconds_a_file)))


def _outcomes_of(
    future: "Future[list[Outcome]]", jobs: list[Job], again: deque[Job], n_failures: dict[Job, int]
) -> list[Outcome]:
    """Take what a task gave; if it failed as a whole, its files are tried again, one by one."""
    try:
        outcomes = future.result()
    except (BrokenExecutor, CancelledError) as error:
        raise BrokenExecutor("where the files were compressed is gone") from error
    except Exception as error:
        outcomes = []
        for job in jobs:
            n_failures[job] = n_failures.get(job, 0) + 1
            if n_failures[job] < N_TRIES:
                again.append(job)
            else:
                outcomes.append(failed(job, error))
    for outcome in outcomes:
        n_failures.pop(outcome.job, None)
    return outcomes
