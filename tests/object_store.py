"""A store that speaks S3 on this machine, and a line to it that fails and waits now and then."""

import http.client
import os
import random
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server
from urllib.parse import quote

BUCKET = "corpus"


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as socket:
        return int(socket.getsockname()[1])


class BadLine(ThreadingHTTPServer):
    """Hands requests on, but for a share that is answered by 500, and a share that waits."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, *, failing: float, slow: float, seed: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port, self.failing, self.slow = port, failing, slow
        self.random = random.Random(seed)
        self.n_requests = self.n_failed = self.n_slow = self.n_bytes = 0
        self.methods: dict[str, int] = {}

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of callers that were killed."""


class _Handler(BaseHTTPRequestHandler):
    server: BadLine
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def pass_on(self) -> None:
        line = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        line.n_requests += 1
        line.n_bytes += len(body)
        line.methods[self.command] = line.methods.get(self.command, 0) + 1
        chance = line.random.random()
        if chance < line.failing:
            line.n_failed += 1
            self.answer(500, {}, b"<Error><Code>InternalError</Code></Error>")
            return
        if chance > 1 - line.slow:
            line.n_slow += 1
            time.sleep(line.random.uniform(0.1, 1))
        upstream = http.client.HTTPConnection("127.0.0.1", line.port, timeout=60)
        upstream.request(self.command, self.path, body, dict(self.headers))
        response = upstream.getresponse()
        data = response.read()
        line.n_bytes += len(data)
        self.answer(response.status, dict(response.getheaders()), data)
        upstream.close()

    def answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response_only(status)
        dropped = {"transfer-encoding", "connection", "content-length"}
        for name, value in headers.items():
            if name.lower() not in dropped:
                self.send_header(name, value)
        length = headers.get("Content-Length", headers.get("content-length"))
        is_head = self.command == "HEAD" and length is not None
        self.send_header("Content-Length", str(length if is_head else len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = pass_on  # noqa: N815


@contextmanager
def object_store(*, failing: float = 0.0, slow: float = 0.0) -> Iterator[tuple[BadLine, dict]]:
    """Run a store with an empty bucket; give the line, and the environment that leads to it."""
    port = free_port()
    words = [sys.executable, "-W", "ignore", "-m", "moto.server", "-p", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    line = BadLine(port, failing=failing, slow=slow)
    threading.Thread(target=line.serve_forever, daemon=True).start()
    try:
        _create_bucket(port)
        leading_here = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{line.server_port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        yield line, {**os.environ, **leading_here}
    finally:
        line.shutdown()
        line.server_close()
        server.kill()
        server.wait()


def put(line: BadLine, key: str, data: bytes) -> None:
    """Put an object past the bad line."""
    _request(line.port, "PUT", f"/{BUCKET}/{quote(key)}", data)


def get(line: BadLine, key: str) -> tuple[bytes, dict[str, str]]:
    """Get an object and its headers past the bad line."""
    return _request(line.port, "GET", f"/{BUCKET}/{quote(key)}")


def keys(line: BadLine) -> list[str]:
    """List all objects past the bad line."""
    found: list[str] = []
    after = ""
    while True:
        asked = f"/{BUCKET}?list-type=2&start-after={quote(after)}"
        page = _request(line.port, "GET", asked)[0].decode()
        found += re.findall("<Key>([^<]*)</Key>", page)
        if "<IsTruncated>true" not in page:
            return found
        after = found[-1]


def _request(port: int, method: str, path: str, data: bytes | None = None) -> tuple[bytes, dict]:
    scope = "Credential=key/20200101/us-east-1/s3/aws4_request"
    headers = {"Content-Type": "image/png", "Authorization": f"AWS4-HMAC-SHA256 {scope}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.read(), dict(response.headers)


def _create_bucket(port: int) -> None:
    for _ in range(300):
        try:
            _request(port, "PUT", f"/{BUCKET}")
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the store does not answer")
