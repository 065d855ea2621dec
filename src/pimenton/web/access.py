"""The doors: who may call, under which name, and from which page."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pimenton.web.answers import Refused, refusal
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
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Doors:
    """Let through what is allowed, and put the security headers on every answer.

    Parameters
    ----------
    app : callable
        What is behind.
    settings : Settings
        What is allowed.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

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

        try:
            require_name(Headers(scope=scope), self._settings)
            require_same_origin(scope)
        except Refused as refused:
            await refusal(refused)(scope, receive, send_safely)
            return
        await self._app(scope, receive, send_safely)


def require_name(headers: Headers, settings: Settings) -> None:
    """Refuse a Host that is not ours: the name of another page that was made to lead here."""
    name = _name_of(headers.get("host", ""))
    own = {*_LOCAL_NAMES, _bracketed(settings.host), *settings.host_names}
    if name not in own:
        raise Refused(421, "WrongHost", f"there is no {name or 'host without a name'} here")


def require_same_origin(scope: Scope) -> None:
    """Refuse a request that changes or costs something and that another page sends."""
    headers = Headers(scope=scope)
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return
    origin = headers.get("origin")
    if origin is not None and origin != f"{scope['scheme']}://{headers.get('host', '')}":
        raise Refused(403, "CrossSite", "only pages of this service may send this")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused(403, "CrossSite", "only pages of this service may send this")


def _name_of(host: str) -> str:
    """Take the port off.

    Examples
    --------
    >>> _name_of("localhost:8000"), _name_of("[::1]:80"), _name_of("a.example")
    ('localhost', '[::1]', 'a.example')
    """
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() and not host.endswith("]") else host).lower()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()
