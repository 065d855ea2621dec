"""The page's own files, read once, with tags by which browsers know that they have them."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pimenton.page import served_page
from pimenton.web.answers import Refused

PAGE = "index.html"
# What it has in common with the pages that are one file.
SHARED = (
    "base.css", "stage.css", "words.js", "stage.js", "difference.js", "viewer.js", "swatches.js",
)  # fmt: skip

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
    return _answer(request, PAGE)


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
    folder = resources.files("pimenton").joinpath("web")
    shared = {name: folder.joinpath(name).read_bytes() for name in SHARED}
    content = shared | dict(_found(folder.joinpath("app"), "")) | {PAGE: served_page().encode()}
    return {name: _asset(name, data) for name, data in content.items()}


def _asset(name: str, data: bytes) -> Asset:
    media_type = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    return Asset(data, media_type, f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"')


def _found(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _found(entry, f"{prefix}{entry.name}/")
        else:
            found.append((f"{prefix}{entry.name}", entry.read_bytes()))
    return found
