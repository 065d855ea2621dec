"""The doors: who may call, under which name, and from which page."""

import binascii
from base64 import b64decode
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pimenton.web.answers import Refused, refusal
from pimenton.web.keys import ANYONE, Account, Keys
from pimenton.web.settings import Settings

_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self' blob:; worker-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
SECURITY = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# What anyone may ask for: whether the service is up, and what has a name that cannot be guessed.
OPEN_PATHS = ("/health",)
OPEN_PREFIXES = ("/output/", "/explain/", "/keys")


class Doors:
    """Let through what is allowed, and put the security headers on every answer.

    What is behind finds the caller's account in ``request.state.account``.

    Parameters
    ----------
    app : callable
        What is behind.
    settings : Settings
        What is allowed.
    keys : Keys
        Who may call.
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: Keys) -> None:
        self._app, self._settings, self._keys = app, settings, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        try:
            require_name(headers.get("host", ""), self._settings)
            require_same_origin(scope["method"], headers)
            account = self._account(scope["path"], headers)
        except Refused as refused:
            await refusal(refused)(scope, receive, send_safely)
            return
        scope.setdefault("state", {})["account"] = account
        await self._app(scope, receive, send_safely)

    def _account(self, path: str, headers: Headers) -> Account:
        """Find out who calls."""
        key = key_in(headers.get("authorization", ""))
        account = self._keys.account(key) if key else None
        if account is not None:
            return account
        is_open = path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)
        if is_open or not needs_key(self._settings, self._keys):
            return ANYONE
        raise Refused(
            401, "Unauthorized", "this needs a key: user api, password the key",
            WWW_Authenticate='Basic realm="pimenton"',
        )  # fmt: skip


def needs_key(settings: Settings, keys: Keys) -> bool:
    """Tell whether callers must have a key: there is one, or others can reach the service."""
    return not settings.without_keys and bool(not settings.is_local or keys.accounts())


def key_in(authorization: str) -> str:
    """Read the password of a header of basic authentication; empty if there is none.

    Examples
    --------
    >>> key_in("Basic YXBpOnNlY3JldA=="), key_in("Basic nonsense")
    ('secret', '')
    """
    scheme, _, code = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(code, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def require_name(host: str, settings: Settings) -> None:
    """Refuse a Host that is not ours: the name of another page that was made to lead here.

    An address instead of a name is nobody else's.
    """
    name = _without_port(host)
    if name in {"localhost", settings.host.lower(), *settings.host_names} or _is_address(name):
        return
    raise Refused(421, "WrongHost", "the service is not called so; --host-names says how it is")


def require_same_origin(method: str, headers: Headers) -> None:
    """Refuse a request that costs or changes something and that another page sends."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return
    origin = headers.get("origin")
    is_ours = origin is None or origin.partition("://")[2] == headers.get("host", "")
    if not is_ours or headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise Refused(403, "CrossSite", "only pages of this service may send this")


def _without_port(host: str) -> str:
    """Give a name in small letters, without port and brackets.

    Examples
    --------
    >>> _without_port("localhost:8000"), _without_port("[::1]:80"), _without_port("A.example")
    ('localhost', '::1', 'a.example')
    """
    name, _, port = host.rpartition(":")
    name = name if port.isdigit() and (name.endswith("]") or ":" not in name) else host
    return name.removeprefix("[").removesuffix("]").lower()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
