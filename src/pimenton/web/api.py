"""The service's own interface: a picture in, a picture or its figures out."""

import hashlib
import secrets
import time
from collections import OrderedDict
from contextlib import nullcontext

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pimenton.explain import MAX_COLORS
from pimenton.page import check_language
from pimenton.swatches import PALETTE_FORMATS
from pimenton.web import work
from pimenton.web.answers import Refused, json_answer
from pimenton.web.bodies import while_connected
from pimenton.web.choices import Wish, described, wish_of
from pimenton.web.counting import counted

# Explanations wait so long, and so many, for someone to look at them.
_EXPLAINED_SECONDS = 600.0
_N_EXPLAINED = 32
_N_EXPLAINED_COLORS = 8
# Such a page holds its scripts and pictures itself, and asks for nothing.
_ONE_FILE = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def compress(request: Request) -> Response:
    """Answer with a small picture, its figures in headers."""
    made = await _compressed(request, wish_of(_query(request)))
    return Response(made.data, headers=_figures(made), media_type=f"image/{made.format}")


async def report(request: Request) -> Response:
    """Answer with the figures alone."""
    made = await _compressed(request, wish_of(_query(request)))
    return json_answer(made.report.to_dict())


async def palette(request: Request) -> Response:
    """Answer with a palette file."""
    query = _query(request)
    format = query.pop("format", "json")
    if format not in PALETTE_FORMATS:
        known = ", ".join(PALETTE_FORMATS)
        raise ValueError(f"format must be one of {known}; got {format!r}")
    options = wish_of(query).options
    data = await _picture(request)
    state = request.app.state
    file = await while_connected(
        request,
        state.pool.run(work.palette_file, data, format, options, state.settings.max_pixels),
    )
    return Response(file, media_type=palette_type(format))


async def explain(request: Request) -> Response:
    """Make a page that tells K-means on the picture, and say where it is for a while."""
    query = _query(request)
    lang = query.pop("lang", "en")
    check_language(lang)
    options = wish_of(query).options
    n_colors = options.n_colors or _N_EXPLAINED_COLORS
    if n_colors > MAX_COLORS:
        raise ValueError(f"explain takes 1 to {MAX_COLORS} colors; got {n_colors}")
    data = await _picture(request)
    state = request.app.state
    page = await while_connected(
        request,
        state.pool.run(
            work.explanation, data, n_colors, options.seed, lang, state.settings.max_pixels
        ),
    )
    location = f"/explain/{state.explained.keep(page)}"
    return json_answer({"location": location}, 201, {"Location": location})


async def explained(request: Request) -> Response:
    """Show a page that was made a while ago."""
    page = request.app.state.explained.get(request.path_params["id"])
    if page is None:
        raise Refused(404, "NotFound", "there is no such page, or no longer")
    return Response(page, headers={"Content-Security-Policy": _ONE_FILE}, media_type="text/html")


async def options(request: Request) -> Response:
    """Answer with all that can be chosen."""
    return json_answer(described())


async def health(request: Request) -> Response:
    """Tell that the service is up, and how busy it is."""
    pool = request.app.state.pool
    return json_answer({"status": "ok", "running": pool.n_running, "waiting": pool.n_waiting})


routes = [
    Route("/api/compress", compress, methods=["POST"]),
    Route("/api/report", report, methods=["POST"]),
    Route("/api/palette", palette, methods=["POST"]),
    Route("/api/explain", explain, methods=["POST"]),
    Route("/api/options", options),
    Route("/explain/{id}", explained),
    Route("/health", health),
]


def palette_type(format: str) -> str:
    """Give the media type of a palette file."""
    known = {"css": "text/css", "json": "application/json"}
    return known.get(
        format, "application/octet-stream" if format in ("act", "ase") else "text/plain"
    )


class Explained:
    """Pages kept for a short time under names that nobody can guess."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def keep(self, page: bytes) -> str:
        """Keep a page; give its name."""
        name = secrets.token_urlsafe(24)
        self._pages[name] = (time.monotonic() + _EXPLAINED_SECONDS, page)
        while len(self._pages) > _N_EXPLAINED:
            self._pages.popitem(last=False)
        return name

    def get(self, name: str) -> bytes | None:
        """Give a page, unless there is none or its time is over."""
        ends, page = self._pages.get(name, (0.0, None))
        return page if ends > time.monotonic() else None


def _query(request: Request) -> dict[str, str]:
    """Read the query; a name that is given twice is refused."""
    pairs = request.query_params.multi_items()
    if len(dict(pairs)) < len(pairs):
        raise ValueError("an option is given twice")
    return dict(pairs)


async def _picture(request: Request) -> bytes:
    """Read a picture, unless it would have to wait where there is no place left."""
    pool = request.app.state.pool
    pool.require_place()
    data = await request.body()
    if not data:
        raise Refused(400, "InputMissing", "the body is empty; it must be a picture")
    return data


async def _compressed(request: Request, wish: Wish) -> work.Made:
    data = await _picture(request)
    # Only previews gain from a process that has the picture decoded.
    name = hashlib.blake2b(data, digest_size=16).hexdigest() if wish.is_preview else ""
    state = request.app.state
    # What a slider shows on its way is no compression of its own.
    counts = nullcontext() if wish.is_preview else counted(request, 1)
    async with counts:
        asked: work.Made = await while_connected(
            request,
            state.pool.run(
                work.compressed, data, name, wish, state.settings.max_pixels,
                urgent=wish.is_preview, near=name,
            ),
        )  # fmt: skip
    return asked


def _figures(made: work.Made) -> dict[str, str]:
    report = made.report
    figures = {
        "Input-Bytes": report.input_bytes,
        "Output-Bytes": len(made.data),
        "Width": report.width,
        "Height": report.height,
        "Colors": report.n_colors,
        "Quality": None if report.quality is None else f"{report.quality:.2f}",
        "Quality-Reached": _truth(report.quality_reached),
        "Kept": _truth(made.is_kept),
        "Seconds": f"{report.elapsed_seconds:.3f}",
    }
    return {f"Pimenton-{name}": str(value) for name, value in figures.items() if value is not None}


def _truth(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()
