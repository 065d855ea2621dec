"""Everything that an operator of the service chooses, said once.

As with ``Options``, a field's metadata holds its help, its flags and how its text is read.
"""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pimenton.pixels import thread_count
from pimenton.web.records import default_folder


def _setting(
    default: Any,
    help: str,
    *flags: str,
    read: Callable[[str], Any],
    limits: tuple[float, float] | None = None,
) -> Any:
    metadata = {"help": help, "flags": flags, "read": read, "limits": limits}
    return dataclasses.field(default=default, metadata=metadata)


def names_in(text: str) -> tuple[str, ...]:
    """Part a list of names.

    Examples
    --------
    >>> names_in("pictures.example, localhost")
    ('pictures.example', 'localhost')
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the service runs, and what it allows.

    Attributes
    ----------
    host : str
        Address to listen at.
    port : int
        Port to listen at; 0 takes a free one.
    without_keys : bool
        Whether others than this machine are served without keys.
    host_names : tuple of str
        Names by which browsers and clients may call the service, besides the address it listens at.
    n_workers : int or None
        Pictures at a time; None is one a core.
    n_waiting : int
        Pictures that may wait for their turn; one more is answered with 503.
    max_body_bytes : int
        Largest body of a request.
    max_held_bytes : int
        Of the bodies of all requests that are not answered yet; one more is answered with 503.
    max_pixels : int
        Most pixels of a picture, all frames of an animation together.
    max_seconds : float
        Longest that a picture may take once its turn has come.
    max_silence : float
        Seconds after which a client is not waited for that sends or takes nothing, or less than
        16 KiB a second over all.
    data : str or None
        Folder for what is remembered: keys, counts, results; None is `records.default_folder`.
    results : str or None
        Where the files of results are kept, ``s3://bucket/folder``; None is in the folder.
    kept_seconds : float
        How long a result is kept.
    max_kept_bytes : int
        Of all results and the pictures they were made of; one more is answered with 503.
    source_hosts : tuple of str
        Hosts that are asked for pictures though they are not public.
    s3_endpoint, gcs_endpoint : str or None
        Addresses of stores in place of Amazon's and Google's, which need not be public.
    tls_cert, tls_key : str or None
        Paths of a certificate and its key, in PEM.

    Raises
    ------
    ValueError
        If a setting is out of its range, or one of two that go together is missing.
    """

    host: str = _setting("127.0.0.1", "Address to listen at.", "--host", read=str)
    port: int = _setting(8000, "Port; 0 takes a free one.", "--port", read=int, limits=(0, 65535))
    without_keys: bool = _setting(
        False, "Serve other machines without keys.", "--without-keys", read=bool
    )
    host_names: tuple[str, ...] = _setting(
        (), "Names it may be called by, NAME,...", "--host-names", read=names_in
    )
    n_workers: int | None = _setting(
        None, "Pictures at a time.", "--jobs", read=int, limits=(1, 1024)
    )
    n_waiting: int = _setting(
        64, "Pictures that may wait.", "--max-waiting", read=int, limits=(0, 10**6)
    )
    max_body_bytes: int = _setting(
        64 << 20, "Largest body of a request.", "--max-body-bytes", read=int, limits=(1, 2**40)
    )
    max_held_bytes: int = _setting(
        1 << 30, "Of all bodies in memory.", "--max-held-bytes", read=int, limits=(1, 2**50)
    )
    max_pixels: int = _setting(
        25_000_000, "Most pixels of a picture.", "--max-pixels", read=int, limits=(1, 2**40)
    )
    max_seconds: float = _setting(
        300.0, "Longest that a picture may take.", "--max-seconds", read=float, limits=(0.1, 86400)
    )
    max_silence: float = _setting(
        10.0,
        "Seconds to wait for a silent client.",
        "--max-silence",
        read=float,
        limits=(0.1, 3600),
    )
    data: str | None = _setting(None, "Folder for keys and results.", "--data", read=str)
    results: str | None = _setting(None, "Store for results, s3://...", "--results", read=str)
    kept_seconds: float = _setting(
        86400.0, "Seconds that a result is kept.", "--keep-seconds", read=float, limits=(1, 10**9)
    )
    max_kept_bytes: int = _setting(
        10 << 30, "Of all results on disk.", "--max-kept-bytes", read=int, limits=(0, 2**60)
    )
    source_hosts: tuple[str, ...] = _setting(
        (), "Hosts to fetch from, public or not, NAME,...", "--source-hosts", read=names_in
    )
    s3_endpoint: str | None = _setting(None, "Store in place of Amazon's.", "--s3", read=str)
    gcs_endpoint: str | None = _setting(None, "Store in place of Google's.", "--gcs", read=str)
    tls_cert: str | None = _setting(None, "Certificate in PEM.", "--tls-cert", read=str)
    tls_key: str | None = _setting(None, "Key of the certificate.", "--tls-key", read=str)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            limits, value = field.metadata["limits"], getattr(self, field.name)
            if limits is not None and value is not None and not limits[0] <= value <= limits[1]:
                low, high = limits
                raise ValueError(f"{field.name} must be between {low} and {high}; got {value}")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together; one of them is missing")
        for name in ("s3_endpoint", "gcs_endpoint"):
            address = getattr(self, name)
            if address is not None and not re.fullmatch(r"https?://[\w.:\[\]-]+/?", address):
                raise ValueError(f"{name} must be an address, http or https; got {address!r}")

    @property
    def folder(self) -> Path:
        """Where what is remembered is kept."""
        return Path(self.data) if self.data else default_folder()

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address.

        Examples
        --------
        >>> Settings(host="::1").is_local, Settings(host="0.0.0.0").is_local
        (True, False)
        """
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def n_processes(self) -> int:
        """Pictures that are worked on at a time."""
        return self.n_workers or thread_count(None)
