"""Bodies of requests: read within limits of size and time, before anything is decoded."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from pimenton.web.answers import Refused

T = TypeVar("T")

# A sender that says nothing for so long, or is slower over all than this, is not waited for.
_SILENT_SECONDS = 10.0
_BYTES_A_SECOND = 16_384


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Read a body.

    Raises
    ------
    Refused
        With 413 if it is too large, which a length given in advance tells before a byte is read;
        with 408 if it comes too slowly.
    ClientDisconnect
        If the sender goes away in the middle.
    """
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    started = asyncio.get_running_loop().time()
    chunks = request.stream()
    while True:
        try:
            async with asyncio.timeout(_SILENT_SECONDS):
                body += await anext(chunks)
        except StopAsyncIteration:
            return bytes(body)
        except TimeoutError as error:
            raise _too_slow() from error
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        elapsed = asyncio.get_running_loop().time() - started
        if elapsed > _SILENT_SECONDS + len(body) / _BYTES_A_SECOND:
            raise _too_slow()


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """Wait for work whose body has been read; end it if the client goes away.

    Raises
    ------
    ClientDisconnect
        If it does.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _too_large(max_bytes: int) -> Refused:
    return Refused(
        413, "TooLarge", f"the body is larger than {max_bytes} bytes", Connection="close"
    )


def _too_slow() -> Refused:
    return Refused(408, "TooSlow", "the body came too slowly", Connection="close")
