"""Running: listening, telling where, and ending when told to."""

import os
import signal
import socket
import ssl
import webbrowser
from collections.abc import Callable
from functools import partial

import uvicorn

from pimenton.web.access import needs_key
from pimenton.web.app import application
from pimenton.web.keys import Keys
from pimenton.web.protocol import Patient
from pimenton.web.records import Records
from pimenton.web.settings import Settings
from pimenton.web.watching import write_lines

# Connections at a time; more are answered with 503 at once.
_N_CONNECTIONS = 1000


def serve(settings: Settings, *, opens: bool = False, tell: Callable[[str], None]) -> None:
    """Serve until told to end, and finish what is in hand.

    Parameters
    ----------
    settings : Settings
        How.
    opens : bool, optional
        Whether to open the page in a browser.
    tell : callable
        Told the address that is listened at.

    Raises
    ------
    OSError
        If the address cannot be listened at, or a file is missing.
    ValueError
        If others could reach the service and there is no key.
    """
    records = Records(settings.folder)
    require_key(settings, Keys(records))
    config = _config(settings, records)
    listening = _listen(settings)
    tell(address := _address(settings, listening))
    write_lines()
    if opens:
        webbrowser.open(address)
    for number in (signal.SIGINT, signal.SIGTERM):
        # The server ends in its own time, and raises the signal once more when it has.
        signal.signal(number, lambda number, frame: None)
    uvicorn.Server(config).run(sockets=[listening])
    records.close()


def require_key(settings: Settings, keys: Keys) -> None:
    """Refuse to serve others where nobody has a key, unless told so in words."""
    if needs_key(settings, keys) and not keys.accounts():
        raise ValueError(
            f"{settings.host} can be reached by others and there is no key; "
            "make one by `pimenton keys add NAME`, or say --without-keys"
        )


def _config(settings: Settings, records: Records) -> uvicorn.Config:
    config = uvicorn.Config(
        application(settings, records),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        http=partial(Patient, patience=settings.max_silence),  # type: ignore[arg-type]
        ws="none",
        limit_concurrency=_N_CONNECTIONS,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    try:
        config.load()
    except ssl.SSLError as error:
        files = ", ".join(_files(settings))
        raise ValueError(f"{files}: not a certificate with its key in PEM") from error
    except OSError as error:
        error.filename = next((name for name in _files(settings) if not os.path.exists(name)), None)
        raise
    return config


def _files(settings: Settings) -> list[str]:
    return [name for name in (settings.tls_cert, settings.tls_key) if name]


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        error.filename = f"{settings.host}:{settings.port}"
        raise


def _address(settings: Settings, listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
