"""Running: listening, telling where, and ending when told to."""

import signal
import socket
import sys
import webbrowser

import uvicorn

from pimenton.errors import one_line
from pimenton.web.app import application
from pimenton.web.settings import Settings


def serve(settings: Settings, *, opens: bool = False) -> int:
    """Serve until told to end; give the exit status.

    Parameters
    ----------
    settings : Settings
        How.
    opens : bool, optional
        Whether to open the page in a browser.
    """
    try:
        listening = _listen(settings)
    except OSError as error:
        print(f"pimenton: {settings.host}:{settings.port}: {one_line(error)}", file=sys.stderr)
        return 1
    config = uvicorn.Config(
        application(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        http="h11",
        ws="none",
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    address = _address(settings, listening)
    print(f"pimenton: listening at {address}", file=sys.stderr, flush=True)
    if opens:
        webbrowser.open(address)
    for number in (signal.SIGINT, signal.SIGTERM):
        # The server ends in its own time, and raises the signal once more when it has.
        signal.signal(number, lambda number, frame: None)
    uvicorn.Server(config).run(sockets=[listening])
    return 0


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=2048)


def _address(settings: Settings, listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
