"""A server that speaks as S3 does."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server

import pytest


@contextmanager
def bucket() -> Iterator[str]:
    """Run a store with one bucket, ``shop``; give its address."""
    pytest.importorskip("moto", reason="moto stands in for S3")
    with create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as server:
        while server.poll() is None:
            try:
                put = urllib.request.Request(f"{address}/shop", method="PUT")
                urllib.request.urlopen(put, timeout=10).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
        server.terminate()
