"""Results put into a store: signed as Amazon says, and to no other place than was named."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import create_server
from threading import Thread
from typing import Any

import pytest

from serving import Service, serving
from stores import bucket
from tinypng import opened, picture

pytest.importorskip("httpcore", reason="the service needs pimenton[web]")

from pimenton.web.storing import Store, signed_for_s3

SECRETS = {"aws_access_key_id": "id", "aws_secret_access_key": "secret"}
S3 = {"service": "s3", "region": "eu-west-1", "path": "shop/small/photo 1.png", **SECRETS}


def test_a_signature_is_the_one_in_amazons_example() -> None:
    # "Example: PUT Object" of "Authenticating Requests: Using the Authorization Header".
    secrets = {
        "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    }
    store = Store("s3", "examplebucket/test$file.text", secrets, "us-east-1", "no-acl")
    headers = signed_for_s3(
        store,
        "https://examplebucket.s3.amazonaws.com/test%24file.text",
        b"Welcome to Amazon S3.",
        {"Date": "Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY"},
        at=1369353600,
    )
    assert headers["Authorization"].endswith(
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with bucket() as address:
        yield address


@pytest.fixture(scope="module")
def google() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Run a server that takes what has the right token."""
    seen: list[dict[str, str]] = []

    class Store(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            size = len(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append({**self.headers, "path": self.path, "size": str(size)})
            self.send_response(200 if self.headers["Authorization"] == "Bearer token" else 403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Keep still."""

    with HTTPServer(("127.0.0.1", 0), Store) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def service(s3: str, google: tuple[str, list[dict[str, str]]]) -> Iterator[Service]:
    with serving("--jobs", "1", "--s3", s3, "--gcs", google[0]) as service:
        yield service


def test_python_s_client_stores_in_s3(service: Service, s3: str) -> None:
    tinify = pytest.importorskip("tinify")
    with pointed(tinify, service):
        source = tinify.from_buffer(picture())
        result = source.resize(method="scale", width=60).store(
            **S3, headers={"Cache-Control": "max-age=60"}
        )
        assert result.location == f"{s3}/shop/small/photo%201.png"
        assert (result.width, result.height) == (60, 40)
        with urllib.request.urlopen(result.location, timeout=10) as stored:
            assert stored.headers["Content-Type"] == "image/png"
            assert stored.headers["Cache-Control"] == "max-age=60"
            assert opened(stored.read()) == ("PNG", (60, 40))
        with pytest.raises(tinify.ClientError, match=r"s3 answered with 404 NoSuchBucket"):
            source.store(**{**S3, "path": "nothing/photo.png"})


@contextmanager
def pointed(tinify: Any, service: Service) -> Iterator[None]:
    tinify.Client.API_ENDPOINT = service.address.rstrip("/")
    tinify.key = "any"
    try:
        yield
    finally:
        tinify.key = None


def stored(at: Service, **store: Any) -> tuple[int, dict[str, Any], str | None]:
    location = at.ask("/shrink", picture()).headers["Location"]
    answer = at.ask(location, json.dumps({"store": store}).encode())
    return answer.status, json.loads(answer.body), answer.headers["Location"]


def test_google_is_shown_the_token(
    service: Service, google: tuple[str, list[dict[str, str]]]
) -> None:
    address, seen = google
    status, _, location = stored(
        service, service="gcs", gcp_access_token="token", path="shop/photo.png"
    )
    assert (status, location) == (200, f"{address}/shop/photo.png")
    assert seen[-1]["path"] == "/shop/photo.png"
    assert seen[-1]["Content-Type"] == "image/png"
    status, error, _ = stored(service, service="gcs", gcp_access_token="no", path="shop/photo.png")
    assert (status, error["error"]) == (400, "StoreRefused")
    assert error["message"] == "gcs answered with 403"


def test_a_store_that_is_gone_is_said() -> None:
    with create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with serving("--jobs", "1", "--s3", address) as service:
        status, error, _ = stored(service, **S3)
        assert (status, error["error"]) == (502, "StoreFailed")
        assert "secret" not in service.log.read_text()


def test_an_endpoint_must_be_an_address() -> None:
    from pimenton.cli import main

    assert main(["serve", "--s3", "file:///etc"]) == 2


def test_results_may_lie_in_a_store_too(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs", reason="a store needs pimenton[remote]")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    flags = ("--data", str(tmp_path), "--s3", s3, "--jobs", "1", "--results", "s3://shop/kept")
    with serving(*flags) as service:
        location = service.ask("/shrink", picture()).headers["Location"]
    assert not (tmp_path / "results").exists()
    with serving(*flags) as service:
        assert opened(service.ask(location).body) == ("PNG", (120, 80))
        commands = json.dumps({"resize": {"method": "scale", "width": 30}}).encode()
        assert opened(service.ask(location, commands).body) == ("PNG", (30, 20))
        assert service.ask("/output/nonsense").status == 404


def test_a_store_for_results_that_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs", reason="a store needs pimenton[remote]")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with serving("--s3", address, "--jobs", "1", "--results", "s3://shop/kept") as service:
        answer = service.ask("/shrink", picture())
        assert answer.status == 503
        assert json.loads(answer.body)["error"] == "Busy"


def test_a_bucket_that_is_not_there_keeps_nothing(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs", reason="a store needs pimenton[remote]")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with serving("--s3", s3, "--jobs", "1", "--results", "s3://nowhere/kept") as service:
        assert service.ask("/shrink", picture()).status == 503
