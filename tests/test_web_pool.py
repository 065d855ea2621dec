"""The pool: a short queue, and work that ends when nobody waits for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

import loops
import tasks
from pimenton.pixels import thread_count
from pimenton.web.pool import Busy, Pool, TooLong
from pimenton.web.processes import Died

LONG = 30.0


@asynccontextmanager
async def started(
    n_processes: int = 1, n_waiting: int = 8, max_seconds: float = LONG
) -> AsyncIterator[Pool]:
    pool = Pool(n_processes, n_waiting, max_seconds)
    await pool.start()
    yield pool
    await pool.stop()


def tried(test: Callable[[Pool], Awaitable[None]], **choices: float) -> None:
    """Run a test on a pool of its own."""

    async def run() -> None:
        async with started(**choices) as pool:  # type: ignore[arg-type]
            await test(pool)

    loops.run(run())


async def stop(task: "asyncio.Task[object]") -> None:
    """Cancel work as a client does that goes away."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_work_is_done_and_errors_come_back() -> None:
    async def test(pool: Pool) -> None:
        assert await pool.run(tasks.echo, "word") == "word"
        with pytest.raises(ValueError, match="got 300"):
            await pool.run(tasks.fail)
        assert await pool.run(tasks.echo, "again") == "again"

    tried(test)


def test_a_full_queue_takes_no_more() -> None:
    async def test(pool: Pool) -> None:
        work = [asyncio.create_task(pool.run(tasks.wait, 0.2)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="2 pictures are waiting"):
            await pool.run(tasks.echo, "word")
        assert await asyncio.gather(*work) == [0.2] * 3
        assert await pool.run(tasks.echo, "word") == "word"

    tried(test, n_waiting=2)


def test_what_is_urgent_goes_first() -> None:
    order: list[str] = []

    async def note(pool: Pool, word: str, urgent: bool) -> None:
        order.append(await pool.run(tasks.echo, word, urgent=urgent))

    async def test(pool: Pool) -> None:
        first = asyncio.create_task(pool.run(tasks.wait, 0.1))
        await asyncio.sleep(0)
        later = [("a", False), ("b", False), ("preview", True), ("c", False), ("another", True)]
        await asyncio.gather(first, *(note(pool, *one) for one in later))
        assert order == ["preview", "another", "a", "b", "c"]

    tried(test)


def test_work_that_nobody_waits_for_is_broken_off_and_its_process_goes_on() -> None:
    async def test(pool: Pool) -> None:
        number = await pool.run(tasks.process_number)
        for work, size in ((tasks.wait, LONG), (tasks.parse_noise, 1500)):
            task = asyncio.create_task(pool.run(work, size))
            await asyncio.sleep(0.2)
            started_at = time.monotonic()
            await stop(task)
            assert await pool.run(tasks.process_number) == number
            assert time.monotonic() - started_at < LONG / 3

    tried(test)


def test_work_that_waits_is_dropped_with_its_client() -> None:
    async def test(pool: Pool) -> None:
        first = asyncio.create_task(pool.run(tasks.wait, 0.2))
        second = asyncio.create_task(pool.run(tasks.wait, LONG))
        await asyncio.sleep(0)
        assert pool.n_waiting == 1
        await stop(second)
        assert pool.n_waiting == 0
        assert await first == 0.2

    tried(test)


def test_work_that_will_not_end_is_ended_with_its_process() -> None:
    async def test(pool: Pool) -> None:
        number = await pool.run(tasks.process_number)
        with pytest.raises(TooLong, match=r"more than 0\.2 seconds"):
            await pool.run(tasks.ignore, LONG)
        assert await pool.run(tasks.process_number) != number

    tried(test, max_seconds=0.2)


def test_a_crash_takes_its_own_work_alone() -> None:
    async def test(pool: Pool) -> None:
        other = asyncio.create_task(pool.run(tasks.wait, 0.3))
        for _ in range(2):
            with pytest.raises(Died):
                await pool.run(tasks.crash)
        assert await other == 0.3
        assert await pool.run(tasks.echo, "word") == "word"

    tried(test, n_processes=2)


def test_a_picture_goes_to_the_process_that_had_it() -> None:
    async def test(pool: Pool) -> None:
        numbers = {
            name: await pool.run(tasks.process_number, near=name) for name in ("a", "b", "c")
        }
        for name in ("c", "a", "b", "a"):
            assert await pool.run(tasks.process_number, near=name) == numbers[name]

    tried(test, n_processes=2)


def test_a_picture_alone_takes_all_cores() -> None:
    async def test(pool: Pool) -> None:
        assert await pool.run(tasks.threads) == thread_count(None)

    tried(test)


def test_stopping_finishes_what_is_in_hand_and_what_waits() -> None:
    async def run() -> None:
        async with started() as pool:
            work = [asyncio.create_task(pool.run(tasks.wait, 0.1)) for _ in range(3)]
            await asyncio.sleep(0)
        assert await asyncio.gather(*work) == [0.1] * 3

    loops.run(run())


def test_processes_end_with_their_pool(tmp_path: Path) -> None:
    async def run() -> int:
        async with started() as pool:
            return await pool.run(tasks.process_number)

    number = loops.run(run())
    assert not Path(f"/proc/{number}").exists()
