"""TinyPNG's interface, as its official clients use it.

A picture that is posted is compressed and kept under a name that cannot be guessed; what is posted
to that name are commands, which start from the picture as it came. Older clients send them in the
body of a GET. Pictures are given to whoever knows their name, work is done for those with a key.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import chain, repeat
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pimenton.errors import ImageTooLarge, UnreadableImage, one_line
from pimenton.reading import format_in
from pimenton.web import shrinking
from pimenton.web.access import needs_key
from pimenton.web.answers import Refused, busy, json_answer
from pimenton.web.bodies import while_connected
from pimenton.web.commands import FORMATS, Commands, read_commands, read_json
from pimenton.web.counting import counted
from pimenton.web.fetching import NotFetched, ServerFailed, fetch
from pimenton.web.keys import ANYONE, TooManyAsk
from pimenton.web.records import Records
from pimenton.web.results import Full, Results, Small
from pimenton.web.settings import Settings
from pimenton.web.shelves import folder, store
from pimenton.web.storing import Store, put
from pimenton.web.watching import LOG

_SWEEPING_SECONDS = 60.0
_MAX_COMMANDS_BYTES = 1 << 16
# Pictures from elsewhere that are fetched or worked on at a time: no body was counted for them.
_MAX_FETCHES = 8


@asynccontextmanager
async def kept(app: Starlette) -> AsyncIterator[None]:
    """Keep results for as long as the application runs, and remove the old ones."""
    app.state.fetches = asyncio.Semaphore(_MAX_FETCHES)
    sweeping = asyncio.create_task(_sweep(app.state.results))
    try:
        yield
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping


def results_of(settings: Settings, records: Records) -> Results:
    """Give the results that the settings speak of.

    Raises
    ------
    OSError, ImportError, ValueError
        If there is no such place.
    """
    place = settings.results
    shelf = store(place, settings.s3_endpoint) if place else folder(records.folder / "results")
    return Results(records, shelf, settings.kept_seconds, settings.max_kept_bytes)


async def _sweep(results: Results) -> None:
    for sweep in chain([results.sweep_orphans], repeat(results.sweep)):
        # A place that cannot be reached is asked again the next time.
        try:
            await run_in_threadpool(sweep)
        except OSError as error:
            LOG.warning("sweep", extra={"told": {"reason": one_line(error)}})
        if sweep != results.sweep_orphans:
            await asyncio.sleep(_SWEEPING_SECONDS)


async def shrink(request: Request) -> Response:
    """Compress a picture, or what an address has, and say where the result is."""
    _require_caller(request)
    state = request.app.state
    async with AsyncExitStack() as held:
        data = await _picture(request, held)
        if format_in(data[:64]) not in FORMATS:
            raise Refused(
                415, "Unsupported media type", "the file is not a PNG, JPEG, WebP or AVIF"
            )
        async with counted(request, 1):
            made = await _made(request, shrinking.small, data)
            id = await _kept(state.results, data, made)
    location = f"/output/{id}"
    size = len(made.data)
    answer = {
        "input": {"size": len(data), "type": f"image/{format_in(data[:64])}"},
        "output": {
            "size": size,
            "type": f"image/{made.format}",
            "width": made.width,
            "height": made.height,
            "ratio": round(size / len(data), 4),
            "url": f"{request.url.scheme}://{request.headers.get('host', '')}{location}",
        },
    }
    return json_answer(answer, 201, {"Location": location, **_shape(made), **_counts(request)})


async def output(request: Request) -> Response:
    """Give a result, or what commands make of the picture that it came from."""
    body = await request.body()
    if not body and request.method != "POST":
        return _picture_answer(request, await _result(request))
    _require_caller(request)
    commands, store = _checked(lambda: read_commands(read_json(_commands_in(body))))
    if commands == Commands():
        made = await _result(request)
        return await _delivered(request, made, store)
    request.app.state.pool.require_place()
    source = await _looked_up(request, request.app.state.results.source)
    async with counted(request, commands.n_compressions):
        made = await _made(request, shrinking.changed, source, commands)
        return await _delivered(request, made, store)


async def key(request: Request) -> Response:
    """Tell whether a key is one."""
    state = request.app.state
    account = state.keys.account(request.path_params["key"], is_asking=True)
    if account is None and needs_key(state.settings, state.keys):
        raise Refused(404, "NotFound", "there is no such key")
    request.state.account = account or ANYONE
    return json_answer({}, headers=_counts(request))


async def new_key(request: Request) -> Response:
    """Take down who asks for a key: it is given, but worth nothing until the operator allows it."""
    state = request.app.state
    asked = _checked(read_json, await request.body())
    name = asked.get("email")
    if not isinstance(name, str) or "@" not in name:
        raise Refused(400, "BadRequest", "email must be an address")
    if not needs_key(state.settings, state.keys):
        # A first key would shut everyone else out.
        return json_answer({"key": secrets.token_urlsafe(24)}, 202)
    try:
        return json_answer({"key": _checked(state.keys.ask, name)}, 202)
    except TooManyAsk as error:
        raise Refused(429, "TooManyRequests", str(error)) from error


routes = [
    Route("/shrink", shrink, methods=["POST"]),
    Route("/output/{id}", output, methods=["GET", "POST"]),
    Route("/keys/{key}", key),
    Route("/keys", new_key, methods=["POST"]),
]


def _require_caller(request: Request) -> None:
    """Refuse work for whom nobody knows."""
    state = request.app.state
    if request.state.account == ANYONE and needs_key(state.settings, state.keys):
        raise Refused(
            401, "Unauthorized", "the key is missing or wrong: user api, password the key"
        )


async def _picture(request: Request, held: AsyncExitStack) -> bytes:
    """Read the picture, or fetch it. Only JSON says that it is a command, whatever else is said."""
    state = request.app.state
    state.pool.require_place()
    body = await request.body()
    if not body:
        raise Refused(400, "InputMissing", "the body is empty; it must be a picture")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        return body
    settings, url = state.settings, _source_url(body)
    await held.enter_async_context(state.fetches)
    fetching = fetch(
        url,
        named_hosts=settings.source_hosts,
        max_bytes=settings.max_body_bytes,
        max_seconds=settings.max_seconds,
    )
    try:
        data = await while_connected(request, fetching)
    except NotFetched as error:
        # Never 5xx, at which clients ask again at once: the fault is not here.
        raise Refused(400, "Source not found", str(error)) from error
    if not data:
        raise Refused(400, "InputMissing", "the address has an empty file")
    return data


def _source_url(body: bytes) -> str:
    source = _checked(read_json, _commands_in(body)).get("source")
    url = source.get("url") if isinstance(source, dict) else None
    if not isinstance(url, str):
        raise Refused(400, "BadRequest", 'the body must be {"source": {"url": an address}}')
    return url


def _commands_in(body: bytes) -> bytes:
    if len(body) > _MAX_COMMANDS_BYTES:
        raise Refused(413, "TooLarge", f"commands take at most {_MAX_COMMANDS_BYTES} bytes")
    return body


def _checked(read: Any, *arguments: Any) -> Any:
    """Refuse what cannot be read."""
    try:
        return read(*arguments)
    except ValueError as error:
        raise Refused(400, "BadRequest", one_line(error)) from error


async def _made(request: Request, work: Any, data: bytes, *arguments: Any) -> Small:
    """Have a picture worked on."""
    state = request.app.state
    try:
        made: Small = await while_connected(
            request, state.pool.run(work, data, *arguments, state.settings.max_pixels)
        )
    except ImageTooLarge:
        raise
    except UnreadableImage as error:
        raise Refused(400, "BadSignature", one_line(error)) from error
    return made


async def _kept(results: Results, data: bytes, made: Small) -> str:
    try:
        return await run_in_threadpool(results.keep, data, made)
    except (Full, OSError) as error:
        raise busy(one_line(error)) from error


async def _result(request: Request) -> Small:
    found: Small = await _looked_up(request, request.app.state.results.find)
    return found


async def _looked_up(request: Request, find: Any) -> Any:
    try:
        found = await run_in_threadpool(find, request.path_params["id"])
    except OSError as error:
        raise busy(one_line(error)) from error
    if found is None:
        raise Refused(404, "NotFound", "there is no such result, or no longer")
    return found


async def _delivered(request: Request, made: Small, store: Store | None) -> Response:
    """Answer with a picture, or put it into a store and say where it is."""
    if store is None:
        return _picture_answer(request, made)
    settings = request.app.state.settings
    endpoints = {"s3": settings.s3_endpoint, "gcs": settings.gcs_endpoint}
    media_type = f"image/{made.format}"
    try:
        address = await while_connected(
            request, put(store, made.data, media_type, endpoints=endpoints)
        )
    except ServerFailed as error:
        raise Refused(502, "StoreFailed", str(error)) from error
    except NotFetched as error:
        raise Refused(400, "StoreRefused", str(error)) from error
    return json_answer({}, headers={"Location": address, **_shape(made), **_counts(request)})


def _picture_answer(request: Request, made: Small) -> Response:
    headers = {**_shape(made), **_counts(request), "Cache-Control": "private, no-transform"}
    return Response(made.data, headers=headers, media_type=f"image/{made.format}")


def _shape(made: Small) -> dict[str, str]:
    return {"Image-Width": str(made.width), "Image-Height": str(made.height)}


def _counts(request: Request) -> dict[str, str]:
    """Tell what the caller used, and has left; nothing to whom nobody knows."""
    account, state = request.state.account, request.app.state
    if account == ANYONE and needs_key(state.settings, state.keys):
        return {}
    n_used = state.keys.used(account)
    headers = {"Compression-Count": str(n_used), "Paying-State": "paid"}
    if account.quota is not None:
        headers["Compression-Count-Remaining"] = str(max(0, account.quota - n_used))
        headers["Paying-State"] = "free"
    if "@" in account.name and account.name.isascii():
        headers["Email-Address"] = account.name
    return headers
