"""The page's own files, read once, with tags by which browsers know that they have them."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pimenton.web.answers import Refused

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webp": "image/webp",
    "ico": "image/x-icon",
    "wasm": "application/wasm",
    "webmanifest": "application/manifest+json",
    "txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class Asset:
    """A file of the page, with its media type and its tag."""

    data: bytes
    media_type: str
    tag: str


async def page(request: Request) -> Response:
    """Answer with the page."""
    return _answer(request, "index.html")


async def file(request: Request) -> Response:
    """Answer with one of the page's files."""
    return _answer(request, request.path_params["path"])


routes = [Route("/", page), Route("/app/{path:path}", file)]


def _answer(request: Request, name: str) -> Response:
    asset = assets().get(name)
    if asset is None:
        raise Refused(404, "NotFound", "there is no such file")
    headers = {"ETag": asset.tag, "Cache-Control": "no-cache"}
    if asset.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.data, headers=headers, media_type=asset.media_type)


@cache
def assets() -> dict[str, Asset]:
    """Read all files of the page: only what is in this table can be asked for."""
    return dict(_found(resources.files("pimenton").joinpath("web", "app"), ""))


def _found(folder: Traversable, prefix: str) -> list[tuple[str, Asset]]:
    found: list[tuple[str, Asset]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _found(entry, f"{prefix}{entry.name}/")
            continue
        data = entry.read_bytes()
        media_type = _TYPES.get(entry.name.rpartition(".")[2], "application/octet-stream")
        tag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
        found.append((f"{prefix}{entry.name}", Asset(data, media_type, tag)))
    return found
