"""The service at work: under load, left by its clients, told to end."""

import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from pimenton.cli import main
from serving import FRUITS, Service, serving, small

SLOW = "/api/compress?effort=best"


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for what comes true by itself."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            pytest.fail("it never came true")
        time.sleep(0.01)


def busy(service: Service) -> tuple[int, int]:
    """Tell how many pictures are in hand and how many wait."""
    told = json.loads(service.ask("/health").body)
    return told["running"], told["waiting"]


def asking(service: Service, body: bytes) -> HTTPConnection:
    """Send a picture that takes long, and do not wait for the answer."""
    connection = HTTPConnection(*service.place, timeout=60)
    connection.request("POST", SLOW, body)
    return connection


def test_many_clients_get_the_same_result_or_are_asked_to_come_again() -> None:
    data = small()
    ends = time.monotonic() + 4
    with serving("--jobs", "2", "--max-waiting", "4") as service:
        expected = service.ask("/api/compress", data).body
        statuses: Counter[int] = Counter()

        def send() -> None:
            while time.monotonic() < ends:
                answer = service.ask("/api/compress", data)
                statuses[answer.status] += 1
                if answer.status == 503:
                    assert int(answer.headers["Retry-After"]) > 0
                    time.sleep(0.1)
                else:
                    assert answer.body == expected
                assert service.ask("/").status == 200

        with ThreadPoolExecutor(16) as clients:
            for task in [clients.submit(send) for _ in range(16)]:
                task.result()
        assert set(statuses) == {200, 503}
        assert busy(service) == (0, 0)


def test_work_of_clients_that_go_away_is_broken_off() -> None:
    with serving("--jobs", "1") as service:
        first, second = asking(service, FRUITS), asking(service, FRUITS)
        until(lambda: busy(service) == (1, 1))
        second.close()
        until(lambda: busy(service) == (1, 0))
        first.close()
        until(lambda: busy(service) == (0, 0), seconds=5)
        assert service.ask("/api/compress?preview=true", small()).status == 200


def test_told_to_end_it_finishes_what_is_in_hand_and_takes_no_more() -> None:
    with serving("--jobs", "1") as service:
        connections = [asking(service, small()) for _ in range(3)]
        until(lambda: busy(service) == (1, 2))
        service.process.terminate()
        for connection in connections:
            response = connection.getresponse()
            assert response.status == 200
            assert response.read().startswith(b"\x89PNG")
            connection.close()
        service.process.wait(10)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(service.place)
    assert service.process.returncode == 0


def test_a_port_that_is_taken_is_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["serve", "--port", str(port), "--data", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"pimenton: 127.0.0.1:{port}: ")
    assert said.count("\n") == 1


def test_settings_out_of_range_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "70000"]) == 2
    assert "port must be between 0 and 65535; got 70000" in capsys.readouterr().err


def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "pimenton.web.running", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve"]) == 1
    assert capsys.readouterr().err == (
        "pimenton: serve needs uvicorn: pip install 'pimenton[web]'\n"
    )


def test_pictures_in_memory_are_bounded_in_sum() -> None:
    with serving("--max-held-bytes", "300000", "--max-body-bytes", "200000") as service:
        head = b"POST /api/compress HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n"
        with socket.create_connection(service.place) as one:
            one.sendall(head + bytes(190_000))
            until(lambda: service.ask("/api/compress", bytes(150_000)).status == 503)
        until(lambda: service.ask("/api/compress", bytes(150_000)).status == 415)


def test_what_is_told_holds_figures_and_no_pictures() -> None:
    with serving("--jobs", "1") as service:
        data = small()
        service.ask("/api/compress?preview=true&lock=%23ff0000", data)
        page = service.ask("/api/explain?n_colors=2", data).headers["Location"]
        service.ask(page)
        figures = service.ask("/metrics").body.decode()
        assert 'pimenton_requests_total{route="compress",status="200"} 1.0' in figures
        assert f"pimenton_received_bytes_total {2 * len(data):.1f}" in figures
        until(lambda: service.log.read_text().count("\n") >= 5)
        _, *lines = service.log.read_text().splitlines()
        told = [json.loads(line) for line in lines]
        assert [one["route"] for one in told] == ["compress", "explain", "explained", "metrics"]
        assert told[0]["received"] == len(data)
        assert page not in service.log.read_text()
        assert "ff0000" not in service.log.read_text()
