"""What an operator sees: figures for Prometheus, and a line of JSON for each request.

Neither holds a picture, a name of one, or an address that lets someone see one: routes are called
by the names of their functions.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pimenton.web.pool import Pool

LOG = logging.getLogger("pimenton.web")
# From the first byte of a file of the page to a large picture at best effort.
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.3, 1, 3, 10, 30, 100)


class Figures:
    """Counters of one service.

    Parameters
    ----------
    pool : Pool
        Whose queue is shown.
    """

    def __init__(self, pool: Pool) -> None:
        self.registry = CollectorRegistry()
        common: dict[str, Any] = {"namespace": "pimenton", "registry": self.registry}
        self.requests = Counter("requests", "Answers.", ["route", "status"], **common)
        self.seconds = Histogram(
            "request_seconds", "From a request to its answer.", ["route"],
            buckets=_SECONDS, **common,
        )  # fmt: skip
        self.received = Counter("received_bytes", "Of the bodies of requests.", **common)
        self.sent = Counter("sent_bytes", "Of the bodies of answers.", **common)
        shown: dict[str, tuple[str, Callable[[], float]]] = {
            "running": ("Pictures in hand.", lambda: pool.n_running),
            "waiting": ("Pictures in the queue.", lambda: pool.n_waiting),
            "processes": ("Processes that work.", lambda: pool.n_processes),
        }
        for name, (help, value) in shown.items():
            Gauge(name, help, **common).set_function(value)


class Watch:
    """Count every request, and write a line of it.

    Parameters
    ----------
    app : callable
        What is behind.
    figures : Figures
        Where it is counted.
    """

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app, self._figures = app, figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through and look."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = {"status": 499, "received": 0, "sent": 0}
        started = time.perf_counter()

        async def receive_seen() -> Message:
            message = await receive()
            seen["received"] += len(message.get("body", b""))
            return message

        async def send_seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            seen["sent"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive_seen, send_seen)
        except asyncio.CancelledError:
            raise
        except BaseException:
            seen["status"] = 500
            raise
        finally:
            self._tell(scope, seen, time.perf_counter() - started)

    def _tell(self, scope: Scope, seen: dict[str, int], seconds: float) -> None:
        route = getattr(scope.get("endpoint"), "__name__", "none")
        self._figures.requests.labels(route, seen["status"]).inc()
        self._figures.seconds.labels(route).observe(seconds)
        self._figures.received.inc(seen["received"])
        self._figures.sent.inc(seen["sent"])
        account = scope.get("state", {}).get("account")
        told = {
            "method": scope["method"],
            "route": route,
            "seconds": round(seconds, 4),
            "client": (scope.get("client") or ("",))[0],
            "account": account.name if account else None,
            **seen,
        }
        LOG.info("request", extra={"told": told})


async def metrics(request: Request) -> Response:
    """Answer with the figures in Prometheus's text format."""
    registry = request.app.state.figures.registry
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


routes = [Route("/metrics", metrics)]


class JsonLines(logging.Formatter):
    """A line of JSON for each record."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record: its time, what it is about, and its fields."""
        told = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told)


def write_lines() -> None:
    """Send what is logged to standard error."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(JsonLines())
    for name, level in (("pimenton.web", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [lines], False
        logger.setLevel(level)
