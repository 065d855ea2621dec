"""The doors of the service: who is let in, and what is refused before any work is done."""

import json
import socket
import subprocess
import sys
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from struct import pack

import pytest

from crafted import chunk
from pimenton.web.keys import Keys
from pimenton.web.records import Records
from serving import Answer, Service, serving, small

LIMITS = (
    "--max-body-bytes",
    "100000",
    "--max-pixels",
    "1000000",
    "--jobs",
    "1",
    "--max-silence",
    "1",
)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving(*LIMITS) as service:
        yield service


def is_refused(answer: Answer, status: int, kind: str) -> bool:
    """Tell whether an answer is an error of this kind, in a sentence."""
    told = json.loads(answer.body)
    assert set(told) == {"error", "message"}
    assert "\n" not in told["message"]
    return (answer.status, told["error"]) == (status, kind)


def talk(service: Service, *parts: bytes, seconds: float = 30) -> bytes:
    """Send bytes as they are and give all that comes back until the service hangs up."""
    with socket.create_connection(service.place, timeout=seconds) as connection:
        for part in parts:
            connection.sendall(part)
        heard = b""
        while more := connection.recv(65536):
            heard += more
        return heard


def test_another_name_than_ours_is_refused(service: Service) -> None:
    for host in ("rebound.example", "localhost.rebound.example", "", "127.0.0.1.example:80"):
        assert is_refused(service.ask("/", Host=host), 421, "WrongHost")
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8000"):
        assert service.ask("/", Host=host).status == 200


def test_posts_of_other_pages_are_refused(service: Service) -> None:
    host = ":".join(map(str, service.place))
    for origin in ("http://evil.example", "null", f"http://{host}.evil.example", "http://["):
        answer = service.ask("/api/compress", small(), Origin=origin)
        assert is_refused(answer, 403, "CrossSite")
    for site in ("cross-site", "same-site"):
        answer = service.ask("/api/compress", small(), Sec_Fetch_Site=site)
        assert is_refused(answer, 403, "CrossSite")
    ours = service.ask(
        "/api/compress?preview=true", small(), Origin=f"http://{host}", Sec_Fetch_Site="same-origin"
    )
    assert ours.status == 200


def test_every_answer_is_told_to_be_used_by_our_pages_alone(service: Service) -> None:
    for answer in (service.ask("/"), service.ask("/nowhere"), service.ask("/", Host="evil")):
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_body_announced_as_too_large_is_refused_unread(service: Service) -> None:
    head = b"POST /api/compress HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100001\r\n\r\n"
    assert talk(service, head).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_grows_too_large_is_refused(service: Service) -> None:
    head = b"POST /api/compress HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"c351\r\n" + bytes(50001) + b"\r\n"
    assert talk(service, head, piece, piece).startswith(b"HTTP/1.1 413 ")


def test_what_ends_in_the_middle_disturbs_nobody(service: Service) -> None:
    head = b"POST /api/compress HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n"
    for said in (head + bytes(100), head[:30], b"", b"\0\xff\r\n\r\n"):
        with socket.create_connection(service.place) as connection:
            connection.sendall(said)
    data = small()
    for n_bytes in (0, 1, 60, len(data) // 2):
        answer = service.ask("/api/compress", data[:n_bytes])
        assert answer.status == (415 if n_bytes else 400)
        json.loads(answer.body)
    assert service.ask("/health").status == 200


def test_who_is_silent_or_slow_is_not_waited_for(service: Service) -> None:
    head = b"POST /api/compress HTTP/1.1\r\nHost: localhost\r\n"
    assert talk(service, head, b"Content-Length: 9\r\n\r\n", b"123").startswith(b"HTTP/1.1 408 ")
    # A request that does not come to its body is worth no answer.
    assert talk(service, head) == b""
    assert talk(service) == b""


@pytest.mark.parametrize("path", ["/api/compress?preview=true", "/api/compress", "/api/palette"])
def test_a_bomb_is_refused_before_it_is_decoded(service: Service, path: str) -> None:
    size = pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(50_000_000), 9)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    answer = service.ask(path, bomb)
    assert is_refused(answer, 413, "TooLarge")
    assert "30000 x 30000" in json.loads(answer.body)["message"]


def test_bombs_inside_other_chunks_stay_small(service: Service) -> None:
    data = small()
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(60_000_000), 9))
    text = chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(60_000_000), 9))
    for bomb in (profile, text):
        answer = service.ask(
            "/api/compress?preview=true&metadata=keep", data[:33] + bomb + data[33:]
        )
        assert answer.status in (200, 415)


def test_only_the_files_of_the_page_can_be_asked_for(service: Service) -> None:
    for path in (
        "/app/../settings.py", "/app/%2e%2e/settings.py", "/app//etc/passwd", "/app/..%2fapp.py",
        "/app/", "/app/%00", "/app/..\\app.py", "/explain/..%2f..%2fetc%2fpasswd", "/explain/%ff",
    ):  # fmt: skip
        assert is_refused(service.ask(path), 404, "NotFound"), path


def test_explanations_have_names_that_cannot_be_guessed(service: Service) -> None:
    made = service.ask("/api/explain?n_colors=2&lang=es", small())
    assert made.status == 201
    place = made.headers["Location"]
    assert len(place.removeprefix("/explain/")) == 32
    page = service.ask(place)
    assert page.status == 200
    assert b'lang="es"' in page.body
    assert "connect-src" not in page.headers["Content-Security-Policy"]
    for guess in (place[:-1], place + "a", place[:-1] + "~", "/explain/1"):
        assert is_refused(service.ask(guess), 404, "NotFound")


def test_no_file_of_the_server_is_read_for_a_palette(service: Service) -> None:
    for name in ("/etc/passwd", "examples/pictures/fruits.png", "../../x.gpl"):
        answer = service.ask(f"/api/compress?palette={name}", small())
        assert is_refused(answer, 422, "WrongChoice")


def test_others_are_not_served_without_keys_unless_told_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pimenton", "serve", "--port", "0", "--data", str(tmp_path)]
    refused = subprocess.run([*command, "--host", "0.0.0.0"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "--without-keys" in refused.stderr
    with serving("--data", str(tmp_path), "--host", "0.0.0.0", "--without-keys") as open_to_all:
        assert open_to_all.ask("/").status == 200


def test_where_there_is_a_key_it_is_needed(tmp_path: Path) -> None:
    records = Records(tmp_path)
    key = Keys(records).add("press")
    records.close()
    assert key.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    with serving("--data", str(tmp_path), "--host", "0.0.0.0") as service:
        for wrong in (
            {},
            _as("api", key + "x"),
            _as("api", ""),
            {"Authorization": "Bearer " + key},
        ):
            for path, body in (("/", None), ("/api/compress", small()), ("/metrics", None)):
                answer = service.ask(path, body, **wrong)
                assert is_refused(answer, 401, "Unauthorized")
                assert answer.headers["WWW-Authenticate"] == 'Basic realm="pimenton"'
        assert service.ask("/", **_as("api", key)).status == 200
        assert service.ask("/health").status == 200
        assert key not in service.log.read_text()


def test_a_quota_is_of_results_and_not_of_previews(tmp_path: Path) -> None:
    with closing(Records(tmp_path)) as records:
        key = _as("api", Keys(records).add("press", quota=2))
    with serving("--data", str(tmp_path)) as service:
        assert service.ask("/api/compress?n_colors=4", small(), **key).status == 200
        assert service.ask("/api/compress", b"no picture", **key).status == 415
        assert service.ask("/api/report?n_colors=4", small(), **key).status == 200
        for path in ("/api/compress", "/api/report", "/shrink"):
            assert is_refused(service.ask(path, small(), **key), 429, "TooManyRequests")
        assert service.ask("/api/compress?preview=true", small(), **key).status == 200


def _as(user: str, key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{key}".encode()).decode()}
