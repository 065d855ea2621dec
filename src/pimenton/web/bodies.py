"""Bodies of requests: kept within limits of size and time as they come, before any is decoded."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pimenton.web.answers import Refused, busy
from pimenton.web.settings import Settings

T = TypeVar("T")

# A sender that is slower than this over all is not waited for.
BYTES_A_SECOND = 16_384


class Bounds:
    """Let bodies through as far as they are allowed.

    What a route reads raises ``Refused``: with 413 if the body is too large, which a length given
    in advance tells before a byte is read; with 408 if it comes too slowly; with 503 if there are
    too many already.

    Parameters
    ----------
    app : callable
        What is behind.
    settings : Settings
        What is allowed.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._n_held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes, until the request is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = asyncio.get_running_loop().time()
        length = Headers(scope=scope).get("content-length", "")
        n_bytes = 0
        is_whole = False

        async def receive_bounded() -> Message:
            nonlocal n_bytes, is_whole
            if is_whole:
                return await receive()
            if length.isdigit():
                self._require(int(length), n_bytes)
            elapsed = asyncio.get_running_loop().time() - started
            ahead = n_bytes / BYTES_A_SECOND - elapsed
            try:
                async with asyncio.timeout(self._settings.max_silence + min(0, ahead)):
                    message = await receive()
            except TimeoutError as error:
                raise Refused(
                    408, "TooSlow", "the body came too slowly", Connection="close"
                ) from error
            n_more = len(message.get("body", b""))
            n_bytes += n_more
            self._n_held += n_more
            is_whole = not message.get("more_body", False)
            self._require(n_bytes, n_bytes)
            return message

        try:
            await self._app(scope, receive_bounded, send)
        finally:
            self._n_held -= n_bytes

    def _require(self, n_bytes: int, n_counted: int) -> None:
        """Refuse a body of so many bytes, some of which are held already."""
        if n_bytes > self._settings.max_body_bytes:
            limit = self._settings.max_body_bytes
            raise Refused(
                413, "TooLarge", f"the body is larger than {limit} bytes", Connection="close"
            )
        if self._n_held + n_bytes - n_counted > self._settings.max_held_bytes:
            raise busy("there are too many pictures in memory; try again later")


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
