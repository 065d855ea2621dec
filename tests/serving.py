"""A service that runs as it does for anyone: a process of its own, asked over the network."""

import http.client
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("uvicorn", reason="the service needs pimenton[web]")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(frozen=True)
class Service:
    """A service that listens, and its process."""

    address: str
    process: "subprocess.Popen[str]"

    @property
    def place(self) -> tuple[str, int]:
        """Where it listens."""
        parts = urlsplit(self.address)
        return str(parts.hostname), int(parts.port or 0)

    def ask(self, path: str, body: Any = None, method: str | None = None, **headers: str) -> Answer:
        """Send a request, a POST if it has a body; ``_`` in a header's name stands for ``-``."""
        connection = http.client.HTTPConnection(*self.place, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method or ("GET" if body is None else "POST"), path, body, named)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer


@contextmanager
def serving(*flags: str, environment: Mapping[str, str] | None = None) -> Iterator[Service]:
    """Start a service at a free port; at the end it has stopped by itself when told to."""
    command = [sys.executable, "-m", "pimenton", "serve", "--port", "0", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        try:
            assert "http" in first, first + process.stderr.read()
            yield Service(first.split()[-1], process)
        finally:
            process.terminate()
            process.communicate(timeout=60)
    assert process.returncode == 0
