"""The read API's routes: each entry of the table, guarded by what it needs, answered by `Api`."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import msgspec
import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sessionary import errors, ids
from sessionary.api import openapi, params, thread_types, types
from sessionary.api.admin import Admin
from sessionary.api.answers import HEADERS as _HEADERS
from sessionary.api.answers import body as _body
from sessionary.api.answers import json as _json
from sessionary.api.answers import principal as _principal
from sessionary.api.answers import told as _told
from sessionary.api.answers import wanted as _wanted
from sessionary.api.audit_views import AuditViews
from sessionary.api.gauges import Gauge
from sessionary.api.growing import Growing
from sessionary.api.key_views import KeyViews
from sessionary.api.ledger import Books
from sessionary.api.list_views import ListViews
from sessionary.api.lists import Lists
from sessionary.api.live import Live
from sessionary.api.model_views import ModelViews
from sessionary.api.names import SESSIONS, before, place
from sessionary.api.permissions import Needs, allow
from sessionary.api.replay_routes import ReplayRoutes
from sessionary.api.session_routes import SessionRoutes
from sessionary.api.session_views import SessionViews
from sessionary.api.sheets import Sheets
from sessionary.api.table import TABLE
from sessionary.api.views import Views
from sessionary.auth import Principal
from sessionary.errors import BadRequest, GatewayError, NotFound
from sessionary.limits.standing import Standing
from sessionary.passed import PassedOn
from sessionary.providers.routing import Router
from sessionary.repeated import Repeated
from sessionary.replays.run import Replays
from sessionary.sessions.labels import MOST_NAME, MOST_TAG, MOST_TAGS
from sessionary.settings import Settings
from sessionary.store import edits
from sessionary.store.engine import took_too_long
from sessionary.store.replica import is_lost

log = logging.getLogger("sessionary.api")
_MOST_MERGED = 100
Handler = Callable[[Request], Awaitable[Response]]


class Api:
    def __init__(self, views: Views, changing: Views, live: Live, passed_on: PassedOn | None = None) -> None:
        """`changing`: what changes something, and tells what came of it."""
        self._views = views
        self._changing = changing
        self._live = live
        self._passed_on = passed_on

    async def sessions(self, request: Request) -> Response:
        return await _told(self._views.sessions, _principal(request), request.query_params)

    async def session(self, request: Request) -> Response:
        return await _told(self._views.session, _principal(request), unquote(place(request)))

    async def tree(self, request: Request) -> Response:
        name = before(request, "/tree")
        if name is None:
            return await self.session(request)
        return await _told(self._views.tree, _principal(request), name)

    async def split(self, request: Request) -> Response:
        name = before(request, "/split")
        if name is None:
            raise NotFound("There is nothing here.")
        wanted = await _wanted(request, thread_types.Split)
        return await _told(self._changing.split, _principal(request), name, wanted)

    async def merge(self, request: Request) -> Response:
        wanted = await _wanted(request, thread_types.Merge)
        if not 2 <= len(wanted.sessions) <= _MOST_MERGED:
            raise BadRequest(f"sessions must be 2 to {_MOST_MERGED} ids", param="sessions")
        return await _told(self._changing.merge, _principal(request), wanted)

    async def move(self, request: Request) -> Response:
        wanted = await _wanted(request, thread_types.Move)
        call_id = request.path_params["id"]
        return await _told(self._changing.move, _principal(request), call_id, wanted)

    async def patch_session(self, request: Request) -> Response:
        try:
            patch = msgspec.json.decode(await _body(request), type=types.SessionPatch)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"the body must be {{title?, tags?}}: {error}") from None
        row = await asyncio.to_thread(self._changing.session_row, _principal(request), unquote(place(request)))
        title = patch.title.strip() if patch.title is not None else None
        if title is not None and not 0 < len(title) <= MOST_NAME:
            raise BadRequest(f"title must have 1 to {MOST_NAME} characters", param="title")
        tags = list(dict.fromkeys(t.strip() for t in patch.tags)) if patch.tags is not None else None
        if tags is not None and (len(tags) > MOST_TAGS or any(not 0 < len(t) <= MOST_TAG for t in tags)):
            raise BadRequest(f"tags must be at most {MOST_TAGS}, each of 1 to {MOST_TAG} characters", param="tags")
        by = _principal(request).actor
        await asyncio.to_thread(edits.patch_session, self._changing.engine, row.project, row.id, title, tags, by)
        return await _told(self._changing.session, _principal(request), row.id)

    async def delete_session(self, request: Request) -> Response:
        row = await asyncio.to_thread(self._changing.session_row, _principal(request), unquote(place(request)))
        by = _principal(request).actor
        await asyncio.to_thread(edits.delete_session, self._changing.engine, row.project, row.id, by)
        return _json(types.Deleted(row.id))

    async def calls(self, request: Request) -> Response:
        return await _told(self._views.calls, _principal(request), request.query_params)

    async def call(self, request: Request) -> Response:
        return await _told(self._views.call, _principal(request), request.path_params["id"])

    async def evidence(self, request: Request) -> Response:
        return await _told(self._views.evidence, _principal(request), request.path_params["id"])

    async def call_request(self, request: Request) -> Response:
        body = await asyncio.to_thread(self._views.request, _principal(request), request.path_params["id"])
        return Response(body, headers=_HEADERS, media_type="application/json")

    async def provider_request(self, request: Request) -> Response:
        params.only(request.query_params, "attempt")
        if self._passed_on is None:
            raise NotFound("There is nothing here.")
        attempt = params.attempt(request.query_params)
        row = await asyncio.to_thread(self._views.call_row, _principal(request), request.path_params["id"])
        return _json(await self._passed_on.of(row, attempt))

    async def call_response(self, request: Request) -> Response:
        raw = request.query_params.get("raw", "") not in ("", "0")
        call_id = request.path_params["id"]
        body, events = await asyncio.to_thread(self._views.response, _principal(request), call_id, raw=raw)
        kind = "text/plain; charset=utf-8" if events else "application/json"
        return Response(body, headers=_HEADERS, media_type=kind)

    async def search(self, request: Request) -> Response:
        return await _told(self._views.search, _principal(request), request.query_params)

    async def health(self, request: Request) -> Response:
        return await _told(self._views.health, _principal(request), request.query_params)

    async def events(self, request: Request) -> Response:
        params.only(request.query_params, "session_id")
        session, last = request.query_params.get("session_id", ""), request.headers.get("last-event-id", "")
        if session:
            session = await asyncio.to_thread(self._views.followed, _principal(request), session)
        stream = self._live.events(_principal(request), session, last)
        return StreamingResponse(stream, headers=_HEADERS | {"x-accel-buffering": "no"}, media_type="text/event-stream")

    async def document(self, request: Request) -> Response:
        return _json(openapi.document())


def routes(
    engine: sa.Engine,
    *,
    books: Books | None = None,
    gauge: Gauge | None = None,
    router: Router | None = None,
    settings: Settings | None = None,
    growing: Growing | None = None,
    leaving: asyncio.Event | None = None,
    valid: Callable[[Principal], bool] = lambda principal: True,
    standing: Standing | None = None,
    reading: sa.Engine | None = None,
    replays: Replays | None = None,
    passed_on: PassedOn | None = None,
) -> list[Route]:
    """Expects `request.state.principal`: a Principal, or None where nobody is known.

    What the gateway does not give is not told: its books and gauge, its models, answers while they are said;
    nor done: replays, what providers were sent.
    `reading`: the engine that is asked for what only people look at (store.replica); changes are `engine`'s.
    """
    reading = engine if reading is None else reading
    views = Views(reading, books, gauge)
    admin = Admin(KeyViews(engine, standing), ModelViews(reading, router, settings or Settings()), AuditViews(engine))
    changing = Views(engine)
    main = Api(views, changing, Live(views, growing, leaving=leaving, valid=valid), passed_on)
    sessions = SessionRoutes(SessionViews(views, engine), main.session)
    replaying = ReplayRoutes(changing, main.session, router, replays)
    lists = Lists(ListViews(reading), ListViews(engine))
    handlers: tuple[object, ...] = (main, sessions, replaying, admin, lists, Sheets(views))
    return [
        Route(
            e.path.replace(SESSIONS + "{id}", SESSIONS + "{id:path}"),
            _guarded(_handler(handlers, e.name), e.needs),
            methods=[e.method],
        )
        for e in TABLE
    ]


def _handler(handlers: tuple[object, ...], name: str) -> Handler:
    """The method of the one that has it."""
    (found,) = (getattr(h, name) for h in handlers if hasattr(h, name))
    handler: Handler = found
    return handler


def _guarded(answer: Handler, needs: Needs) -> Handler:
    async def guarded(request: Request) -> Response:
        allow(request.state.principal, needs)
        try:
            return await answer(request)
        except sa.exc.DBAPIError as error:
            if request.method != "GET" or not is_lost(error):
                raise
            return await answer(request)

    return guarded


def _refusal(error: GatewayError, status: int | None = None) -> Response:
    request_id = ids.new_request_id()
    headers = _HEADERS | {"x-request-id": request_id}
    return Response(errors.body(error, request_id), status or error.status, headers, "application/json")


async def _gateway_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    return _refusal(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _refusal(NotFound("There is nothing here."))
    return _refusal(BadRequest(error.detail), error.status_code)


async def _store_error(trouble: Repeated, request: Request, error: Exception) -> Response:
    trouble.tell(f"the store could not be read: {error.__class__.__name__}")
    if isinstance(error, sa.exc.SQLAlchemyError) and took_too_long(error):
        return _refusal(
            errors.Overloaded("This takes too long to answer. Ask for less: a filter, a time.", code="too_slow")
        )
    return _refusal(errors.Overloaded("The store cannot be read now; calls are relayed and recorded all the same."))


async def _bug(request: Request, error: Exception) -> Response:
    """The server's log has the trace, the caller a word."""
    return _refusal(GatewayError())


def exception_handlers() -> dict[Any, Callable[[Request, Exception], Awaitable[Response]]]:
    return {
        GatewayError: _gateway_error,
        HTTPException: _http_error,
        sa.exc.SQLAlchemyError: functools.partial(_store_error, Repeated(log)),
        Exception: _bug,
    }
