"""Compressions, counted for whom they are made."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from pimenton.web.answers import Refused
from pimenton.web.keys import Account, Keys, QuotaUsed, this_month


@asynccontextmanager
async def counted(request: Request, n: int) -> AsyncIterator[None]:
    """Count so many compressions for the caller, unless they fail.

    Raises
    ------
    Refused
        If the caller's quota does not allow them.
    """
    keys: Keys = request.app.state.keys
    account: Account = request.state.account
    month = this_month()
    try:
        await run_in_threadpool(keys.count, account, n, month)
    except QuotaUsed as error:
        raise Refused(429, "TooManyRequests", str(error)) from error
    try:
        yield
    except BaseException:
        # Not in a thread, which could not be waited for if this is cancelled.
        keys.count(account, -n, month)
        raise
