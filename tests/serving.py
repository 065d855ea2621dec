"""A service that runs as it does for anyone: a process of its own, asked over the network."""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from images import ROOT

pytest.importorskip("uvicorn", reason="the service needs pimenton[web]")


FRUITS = (ROOT / "examples/pictures/fruits.png").read_bytes()


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(frozen=True)
class Service:
    """A service that listens, its process, and what it writes to standard error."""

    address: str
    process: "subprocess.Popen[bytes]"
    log: Path

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
def serving(*flags: str, status: int = 0) -> Iterator[Service]:
    """Start a service at a free port; at the end it has stopped, by itself when told to."""
    with TemporaryDirectory() as folder:
        place = () if "--data" in flags else ("--data", folder)
        command = [sys.executable, "-m", "pimenton", "serve", "--port", "0", *place, *flags]
        log = Path(folder) / "log"
        with log.open("w") as errors, subprocess.Popen(command, stderr=errors) as process:
            service = Service(_address(process, log), process, log)
            try:
                yield service
            finally:
                process.terminate()
                process.wait(60)
        assert process.returncode == status, log.read_text()


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Wait for the first line, which says where the service listens."""
    while process.poll() is None:
        line, end, _ = log.read_text().partition("\n")
        if end and "http" in line:
            return line.split()[-1]
        time.sleep(0.02)
    pytest.fail(log.read_text())


def small(format: str = "PNG", *, side: int = 64) -> bytes:
    """Give a part of the bundled photograph, half wider than high."""
    file = BytesIO()
    Image.open(BytesIO(FRUITS)).convert("RGB").crop(
        (200, 150, 200 + side * 3 // 2, 150 + side)
    ).save(file, format)
    return file.getvalue()
