"""Other machines: a Dask cluster that runs already, or one of processes on this machine.

Only jobs and reports travel, pictures do not: every machine reads its files where they are.
"""

import logging
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Semaphore, Thread
from typing import TYPE_CHECKING, Any

from pimenton.batch import Outcome, Rules
from pimenton.census import Submit
from pimenton.many import SECONDS_A_TASK, Item, Tasks, compress_files
from pimenton.options import Options
from pimenton.pixels import thread_count

if TYPE_CHECKING:
    from distributed import Client

# Seconds in which a scheduler answers, or is not there.
PATIENCE = 20

# Seconds that a cluster may be without any worker: enough for one that starts machines on demand.
WITHOUT_WORKERS = 600

# How often is looked meanwhile.
N_LOOKS = 120

# Machines on which a task may die, before it is tried file by file.
N_DEATHS = 3


@contextmanager
def cluster_at(address: str, n_workers: int | None = None) -> "Iterator[Client]":
    """Connect to a scheduler, or start one with its workers here.

    Parameters
    ----------
    address : str
        As ``tcp://host:8786``, or ``local``.
    n_workers : int, optional
        Processes of a local cluster, by default one a core.

    Yields
    ------
    distributed.Client

    Raises
    ------
    OSError
        If the scheduler does not answer, or has no worker for ten minutes.
    ValueError
        If Dask is not installed.
    """
    try:
        import dask
        import distributed
    except ImportError as error:
        raise ValueError("a cluster needs Dask: pip install 'pimenton[distributed]'") from error
    quiet = {
        "distributed.scheduler.allowed-failures": N_DEATHS,
        "distributed.comm.timeouts.connect": f"{PATIENCE}s",
        # Dask's 64 KiB give every picture's memory back to the system, to be asked for again.
        "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 1 << 28,
        "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 1 << 28,
        # Looking every 10 ms at what a worker does, and every 20 ms at the clock, takes 3 % of it.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "500ms",
    }
    with dask.config.set(quiet):
        if address == "local":
            n_workers = n_workers or thread_count(None)
            cluster = distributed.LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                # A port of its own: another cluster on this machine may have Dask's usual one.
                scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                silence_logs=logging.ERROR,
            )
            with (
                cluster,
                distributed.Client(cluster, set_as_default=False) as client,
                _watched(client, address, lambda: cluster.scale(n_workers)),
            ):
                yield client
        else:
            _knock(address)
            with (
                distributed.Client(address, timeout=PATIENCE, set_as_default=False) as client,
                _watched(client, address),
            ):
                yield client


@contextmanager
def _watched(
    client: "Client", address: str, revive: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Cancel whatever is waited for if there is no worker for too long.

    Dask gives up a process that dies while it starts, or that starts slowly; ``revive`` starts
    what is missing.
    """
    left, gave_up = Event(), Event()
    thread = Thread(target=_watch, args=(client, left, gave_up, revive), daemon=True)
    thread.start()
    try:
        yield
    except Exception as error:
        if not gave_up.is_set():
            raise
        minutes = f"{WITHOUT_WORKERS / 60:g} minutes"
        raise OSError(f"{address}: the scheduler had no worker for {minutes}") from error
    finally:
        left.set()
        thread.join()


def _watch(client: "Client", left: Event, gave_up: Event, revive: Callable[[], None]) -> None:
    from distributed import Future

    n_looks = 0
    with suppress(OSError, RuntimeError):  # a scheduler that is gone is found out elsewhere
        while not left.wait(WITHOUT_WORKERS / N_LOOKS) and client.status == "running":
            revive()
            n_looks = 0 if client.nthreads() else n_looks + 1
            if n_looks == N_LOOKS:
                gave_up.set()
                break
        while gave_up.is_set() and not left.wait(0.02):
            client.cancel([Future(key, client) for key in list(client.futures)])


def _knock(address: str) -> None:
    """Find out whether someone listens: Dask tries for long, and complains when it gives up."""
    from distributed.comm import get_address_host_port

    try:
        host_and_port = get_address_host_port(address)
        socket.create_connection(host_and_port, PATIENCE).close()
    except (OSError, ValueError) as error:
        raise OSError(f"{address}: no scheduler answers there") from error


def compress_on(
    client: "Client",
    items: Iterable[Item],
    options: Options,
    rules: Rules,
    *,
    n_threads: int | None = None,
) -> Iterator[Outcome]:
    """Compress files on a cluster; yield what became of each as soon as it is known.

    Parameters
    ----------
    client : distributed.Client
        The cluster, whose machines see the files under the same names.
    items : iterable of Job or Outcome
        The files; outcomes are passed on.
    options : Options
        The choices.
    rules : Rules
        What may be written.
    n_threads : int, optional
        Threads for each file, by default one.

    Raises
    ------
    BrokenExecutor
        If the scheduler is gone.
    """
    yield from compress_files(
        items, options, rules, Tasks(client), n_threads=n_threads or 1,
        seconds_a_task=SECONDS_A_TASK,
    )  # fmt: skip


def submitter(client: "Client") -> Submit:
    """Give what hands calls over, and waits while too many that wait for no other are waiting."""
    from distributed import Future

    n_threads = sum(client.nthreads().values())
    room = Semaphore(max(16, 4 * n_threads))

    def submit(function: Callable[..., Any], *arguments: Any) -> Any:
        waits_for_other = any(isinstance(argument, Future) for argument in arguments)
        if not waits_for_other:
            room.acquire()
        future = client.submit(function, *arguments, pure=False)
        if not waits_for_other:
            future.add_done_callback(lambda done: room.release())
        return future

    return submit
