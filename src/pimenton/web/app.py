"""The application: routes of all parts, behind the doors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pimenton.web import api, files, openapi, shrink, watching
from pimenton.web.access import Doors
from pimenton.web.answers import STATUSES, Refused, refusal, refused_for
from pimenton.web.bodies import Bounds
from pimenton.web.keys import Keys
from pimenton.web.pool import Pool
from pimenton.web.records import Records
from pimenton.web.settings import Settings

# Nobody reads it: the client has gone.
_CLIENT_GONE = 499


def application(settings: Settings, records: Records) -> Starlette:
    """Make the application.

    Its ``state`` has what requests share: ``settings``, ``records``, ``keys``, ``pool``,
    ``figures``, ``explained`` and ``results``.

    Parameters
    ----------
    settings : Settings
        How it runs.
    records : Records
        What it remembers.
    """
    keys = Keys(records)
    pool = Pool(settings.n_processes, settings.n_waiting, settings.max_seconds)
    figures = watching.Figures(pool)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await pool.start()
        async with shrink.kept(app):
            yield
            await pool.stop()

    app = Starlette(
        routes=[*files.routes, *api.routes, *shrink.routes, *openapi.routes, *watching.routes],
        middleware=[
            Middleware(watching.Watch, figures=figures),
            Middleware(Doors, settings=settings, keys=keys),
            Middleware(Bounds, settings=settings),
        ],
        exception_handlers={
            HTTPException: _http_error,
            ClientDisconnect: _gone,
            Exception: _fault,
            **dict.fromkeys([Refused, *STATUSES], _refused),
        },
        lifespan=lifespan,
    )
    app.state.settings, app.state.records, app.state.keys = settings, records, keys
    app.state.results = shrink.results_of(settings, records)
    app.state.pool, app.state.figures, app.state.explained = pool, figures, api.Explained()
    return app


def _refused(request: Request, error: Exception) -> Response:
    refused = refused_for(error)
    assert refused is not None  # this is called for what is in the table
    return refusal(refused)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = {404: "NotFound", 405: "MethodNotAllowed"}.get(error.status_code, "WrongRequest")
    refused = Refused(error.status_code, kind, error.detail.lower())
    refused.headers.update(error.headers or {})
    return refusal(refused)


def _fault(request: Request, error: Exception) -> Response:
    """Answer a fault of ours, which is logged."""
    return refusal(Refused(500, "Fault", "the service has a fault; its log says more"))


def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=_CLIENT_GONE)
