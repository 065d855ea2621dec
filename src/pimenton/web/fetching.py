"""Requests to other servers, on behalf of callers who may mean harm: to public addresses alone.

An address is checked where the connection is made, and the connection goes to the address that was
checked: what a name leads to a moment later, or how an address is spelt, makes no difference. Each
redirect is a connection of its own. Proxies of the environment are not asked.
"""

import asyncio
import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore

from pimenton.errors import printable

_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}
_LONGEST = 2048
# What IANA's registries of special-purpose addresses do not call globally reachable, and what leads
# to other addresses (translated, tunnelled) or to many (multicast).
_NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/3",
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip
_GLOBAL_UNICAST = ip_network("2000::/3")


class NotFetched(Exception):
    """An address that is not asked, or that does not answer with what is wanted."""


class ServerFailed(NotFetched):
    """The other server cannot be reached or has a fault."""


@dataclass(frozen=True)
class Answer:
    """What another server said.

    Attributes
    ----------
    status : int
        Its status.
    headers : mapping
        Its headers, names in small letters.
    body : bytes
        Its body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_public(address: str) -> bool:
    """Tell whether an address may be asked by anyone.

    Examples
    --------
    >>> is_public("93.184.215.14"), is_public("10.0.0.1"), is_public("::ffff:93.184.215.14")
    (True, False, False)
    """
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found not in _GLOBAL_UNICAST:
        return False
    return not any(found in network for network in _NOT_PUBLIC)


class PublicNetwork(httpcore.AsyncNetworkBackend):
    """Connections to public addresses at the usual ports, and to named hosts at any.

    Parameters
    ----------
    named_hosts : collection of str
        Names, or addresses as they are written, that are not checked.
    """

    def __init__(self, named_hosts: Collection[str] = ()) -> None:
        self._named = frozenset(name.lower() for name in named_hosts)
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        """Look a name up, check what it leads to, and connect to just that."""
        if host.lower() in self._named:
            return await self._network.connect_tcp(host, port, timeout)
        if port not in _PORTS.values():
            raise NotFetched(f"port {port} is not asked; only 80 and 443 are")
        addresses = await _looked_up(host, port)
        if not all(is_public(address) for address in addresses):
            raise NotFetched(f"{printable(host)} is not a public address")
        return await self._network.connect_tcp(addresses[0], port, timeout)

    async def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> Any:
        """Refuse: there is no such address."""
        raise NotFetched("only http and https addresses are asked")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)


async def fetch(
    url: str, *, named_hosts: Collection[str] = (), max_bytes: int, max_seconds: float
) -> bytes:
    """Get what an address has, following redirects.

    Parameters
    ----------
    url : str
        The address, http or https.
    named_hosts : collection of str, optional
        Hosts that are not checked for being public.
    max_bytes : int
        Largest body.
    max_seconds : float
        Longest that it may take in all.

    Raises
    ------
    NotFetched
        If the address is not public, or has nothing, or too much, or too slowly.
    """
    network = PublicNetwork(named_hosts)
    try:
        async with asyncio.timeout(max_seconds):
            for _ in range(_MAX_REDIRECTS + 1):
                answer = await ask("GET", url, network=network, max_bytes=max_bytes)
                if answer.status not in _REDIRECTS:
                    break
                url = urljoin(url, answer.headers.get("location", ""))
            else:
                raise NotFetched(f"more than {_MAX_REDIRECTS} redirects")
    except TimeoutError as error:
        raise NotFetched(f"it took more than {max_seconds:g} seconds") from error
    if answer.status != 200:
        raise NotFetched(f"the server answered with {answer.status}")
    return answer.body


async def ask(
    method: str,
    url: str,
    *,
    network: PublicNetwork,
    max_bytes: int,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Send one request, and read the answer within a limit.

    Raises
    ------
    NotFetched
        If the address is no such address, is not asked, or answers with too much; `ServerFailed`
        if there is no answer.
    """
    host = host_of(url)
    sent: dict[bytes | str, bytes | str] = {
        "Host": host,
        "User-Agent": "pimenton",
        "Accept": "image/*,*/*;q=0.5",
        "Accept-Encoding": "identity",
    }
    sent.update(headers or {})
    try:
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=_certificates(), network_backend=network
            ) as pool,
            pool.stream(method, url, headers=sent, content=body) as response,
        ):
            received = bytearray()
            async for part in response.aiter_stream():
                received += part
                if len(received) > max_bytes:
                    raise NotFetched(f"there is more than {max_bytes} bytes")
    except (
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.TimeoutException,
        httpcore.UnsupportedProtocol,
        OSError,
    ) as error:
        raise ServerFailed(f"{printable(host)} cannot be reached") from error
    found = {name.decode("latin-1").lower(): value.decode("latin-1")
             for name, value in response.headers}  # fmt: skip
    return Answer(response.status, found, bytes(received))


def host_of(url: str) -> str:
    """Check an address and give its host and port, as a header names them.

    Raises
    ------
    NotFetched
        If it is none that is asked: of another scheme, with a name and a password, too long.

    Examples
    --------
    >>> host_of("https://pictures.example:443/a.png")
    'pictures.example:443'
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotFetched(f"not an address: {printable(url[:_LONGEST])}") from error
    if parts.scheme not in _PORTS:
        raise NotFetched("only http and https addresses are asked")
    host = parts.hostname or ""
    is_plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if not is_plain or not host or "@" in parts.netloc or len(url) > _LONGEST:
        raise NotFetched("not a plain address of a host and a path")
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"


@cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _looked_up(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotFetched(f"{printable(host)} is not known") from error
    return [str(entry[4][0]) for entry in found]
