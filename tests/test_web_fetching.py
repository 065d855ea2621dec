"""Fetching for others: public addresses alone, in whatever spelling, behind whatever name."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

pytest.importorskip("httpcore", reason="the service needs pimenton[web]")

import loops
from pimenton.web.fetching import NotFetched, PublicNetwork, fetch, is_public

NOT_PUBLIC = """0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1
127.1.2.3 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.168.0.1 198.18.0.1
198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1 64:ff9b::7f00:1
64:ff9b:1::1 100::1 fc00::1 fd12::1 fe80::1 fe80::1%1 fec0::1 ff02::1 2001::1 2001:db8::1
2002:7f00:1:: 2002:a00:1:: 3fff::1"""
PUBLIC = """1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 169.253.0.1 192.0.1.1
198.17.0.1 198.20.0.1 223.255.255.254 2606:4700:4700::1111 2a00:1450:4001::1"""
INSIDE = """127.0.0.1 127.1 0 0.0.0.0 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001
0x7f.0x0.0x0.0x1 127.0.0.1. localhost LOCALHOST 10.1.1.1 0x0a010101 192.168.1.1 3232235777
169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 100.64.0.1
[::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:0001] [::ffff:a9fe:a9fe]
[64:ff9b::7f00:1] [fe80::1] [fd00::1] [2002:7f00:1::] %31%32%37.0.0.1 127。0。0。1
①②⑦.0.0.1"""
PICTURE = b"\x89PNG" + bytes(2000)


class Pages(BaseHTTPRequestHandler):
    """Answers by what the path says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind, _, rest = self.path[1:].partition("/")
        if kind == "to":
            self.send_response(302)
            self.send_header("Location", rest.replace("SLASHES", "//"))
        elif kind == "loop":
            self.send_response(307)
            self.send_header("Location", "/loop")
        elif kind == "picture":
            self.send_response(200)
            self.send_header("Content-Length", str(len(PICTURE)))
        elif kind in ("endless", "slow"):
            self.send_response(200)
            self.send_header("Connection", "close")
        else:
            self.send_response(404)
        if kind not in ("picture", "endless", "slow"):
            self.send_header("Content-Length", "0")
        self.end_headers()
        try:
            if kind == "picture":
                self.wfile.write(PICTURE)
            while kind == "endless":
                self.wfile.write(bytes(1 << 16))
            if kind == "slow":
                self.server.ended.wait(20)  # type: ignore[attr-defined]
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        """Keep still."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from threading import Event

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        server.ended = Event()  # type: ignore[attr-defined]
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.ended.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def fetched(url: str, *named: str, max_bytes: int = 1 << 20, max_seconds: float = 10) -> bytes:
    return loops.run(fetch(url, named_hosts=named, max_bytes=max_bytes, max_seconds=max_seconds))


@pytest.mark.parametrize(
    "address",
    NOT_PUBLIC.split(),
)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    PUBLIC.split(),
)
def test_a_public_address_is_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    INSIDE.split(),
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_leads_inside(scheme: str, host: str) -> None:
    with pytest.raises(NotFetched, match=r"not a public address|not known|not a plain"):
        fetched(f"{scheme}://{host}/picture.png")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://8.8.8.8/a", "gopher://8.8.8.8/", "//8.8.8.8/a", "/etc/passwd",
     "", "http://", "http:///a", "http://user:pass@8.8.8.8/", "http://8.8.8.8@127.0.0.1/",
     "http://8.8.8.8\\@127.0.0.1/", "http://8.8.8.8/a b", "http://8.8.8.8/\r\nX: y",
     "http://[::1", "http://8.8.8.8:99999/", "http://8.8.8.8:port/", "data:image/png;base64,AAAA",
     "http://8.8.8.8/" + "a" * 3000],
)  # fmt: skip
def test_what_is_no_plain_address_is_not_asked(url: str) -> None:
    with pytest.raises(NotFetched):
        fetched(url)


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
def test_other_ports_are_not_asked(port: int) -> None:
    with pytest.raises(NotFetched, match=f"port {port} is not asked"):
        fetched(f"http://8.8.8.8:{port}/")


def test_a_named_host_is_asked(address: str) -> None:
    assert fetched(f"{address}/picture", "127.0.0.1") == PICTURE


def test_a_redirect_is_followed_and_checked_like_the_first_address(address: str) -> None:
    assert fetched(f"{address}/to/{address}/picture", "127.0.0.1") == PICTURE
    assert fetched(f"{address}/to//picture", "127.0.0.1") == PICTURE
    for inside in ("http://localhost/", "http://0x7f.1/", "http://[::1]/", "file:///etc/passwd"):
        with pytest.raises(NotFetched):
            fetched(f"{address}/to/{inside}", "127.0.0.1")


def test_redirects_end(address: str) -> None:
    with pytest.raises(NotFetched, match="more than 5 redirects"):
        fetched(f"{address}/loop", "127.0.0.1")


def test_a_page_that_is_not_there_is_said(address: str) -> None:
    with pytest.raises(NotFetched, match="answered with 404"):
        fetched(f"{address}/nothing", "127.0.0.1")


def test_a_body_without_end_is_left(address: str) -> None:
    with pytest.raises(NotFetched, match="more than 100000 bytes"):
        fetched(f"{address}/endless", "127.0.0.1", max_bytes=100_000)


def test_a_server_that_says_nothing_is_left(address: str) -> None:
    with pytest.raises(NotFetched, match=r"more than 0.2 seconds"):
        fetched(f"{address}/slow", "127.0.0.1", max_seconds=0.2)


class Switching(PublicNetwork):
    """Notes where a connection would go, and makes none."""

    def __init__(self) -> None:
        super().__init__()
        self._network = self  # type: ignore[assignment]
        self.asked: list[str] = []

    async def connect_tcp(self, host: str, *rest: Any, **choices: Any) -> Any:
        if socket.inet_aton(host) if host[0].isdigit() else False:
            self.asked.append(host)
            raise ConnectionRefusedError
        return await super().connect_tcp(host, *rest, **choices)


def test_a_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [["8.8.8.8"], ["127.0.0.1"], ["8.8.8.8", "127.0.0.1"]]

    def lookup(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (address, port)) for address in answers.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    network = Switching()

    async def connect() -> None:
        await network.connect_tcp("rebinding.example", 80)

    with pytest.raises(ConnectionRefusedError):
        loops.run(connect())
    assert network.asked == ["8.8.8.8"]
    assert len(answers) == 2, "a name is looked up once"
    for _ in range(2):
        with pytest.raises(NotFetched, match=r"rebinding.example is not a public address"):
            loops.run(connect())
    assert network.asked == ["8.8.8.8"]
