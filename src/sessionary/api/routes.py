"""The read API's routes: each entry of the table, guarded by what it needs, answered by `Api`."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sessionary import errors, ids
from sessionary.api import openapi, params, thread_types, types
from sessionary.api.ledger import Books
from sessionary.api.live import Live
from sessionary.api.table import TABLE, Needs
from sessionary.api.views import Views
from sessionary.auth import Principal
from sessionary.errors import BadRequest, GatewayError, NotFound, Unauthenticated
from sessionary.store import edits

log = logging.getLogger("sessionary.api")
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_MOST_PATCH = 64 * 1024
_SESSIONS = "/api/sessions/"
_MOST_MERGED = 100
_FIELD = re.compile(r"`\$\.(\w+)|field `(\w+)`")
"""How the decoder names the field that is wrong."""
T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, _HEADERS, "application/json")


def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


def _place(request: Request) -> str:
    """What follows `/api/sessions/`, still encoded: a client's id may contain anything, "/transcript" included."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.partition(b"?")[0].decode("ascii", "replace").partition(_SESSIONS)[2]


def _before(request: Request, ending: str) -> str | None:
    """The session's id in front of `ending`; None where that is an end of the id itself (%2Ftranscript)."""
    place = _place(request)
    return unquote(place.removesuffix(ending)) if place.endswith(ending) else None


async def _wanted(request: Request, kind: type[T]) -> T:
    """Raises BadRequest, which names the field that is wrong."""
    try:
        return msgspec.json.decode(await _body(request), type=kind)
    except (ValueError, RecursionError) as error:
        found = _FIELD.search(str(error))
        raise BadRequest(f"the body is not valid: {error}", param=found[1] or found[2] if found else None) from None


class Api:
    def __init__(self, views: Views, live: Live) -> None:
        self._views = views
        self._live = live

    async def sessions(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(self._views.sessions, _principal(request), request.query_params))

    async def session(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(self._views.session, _principal(request), unquote(_place(request))))

    async def transcript(self, request: Request) -> Response:
        name = _before(request, "/transcript")
        if name is None:
            return await self.session(request)
        return _json(await asyncio.to_thread(self._views.transcript, _principal(request), name))

    async def tree(self, request: Request) -> Response:
        name = _before(request, "/tree")
        if name is None:
            return await self.session(request)
        return _json(await asyncio.to_thread(self._views.tree, _principal(request), name))

    async def split(self, request: Request) -> Response:
        name = _before(request, "/split")
        if name is None:
            raise NotFound("There is nothing here.")
        wanted = await _wanted(request, thread_types.Split)
        return _json(await asyncio.to_thread(self._views.split, _principal(request), name, wanted))

    async def merge(self, request: Request) -> Response:
        wanted = await _wanted(request, thread_types.Merge)
        if not 2 <= len(wanted.sessions) <= _MOST_MERGED:
            raise BadRequest(f"sessions must be 2 to {_MOST_MERGED} ids", param="sessions")
        return _json(await asyncio.to_thread(self._views.merge, _principal(request), wanted))

    async def move(self, request: Request) -> Response:
        wanted = await _wanted(request, thread_types.Move)
        call_id = request.path_params["id"]
        return _json(await asyncio.to_thread(self._views.move, _principal(request), call_id, wanted))

    async def patch_session(self, request: Request) -> Response:
        try:
            patch = msgspec.json.decode(await _body(request), type=types.SessionPatch)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"the body must be {{title?, tags?}}: {error}") from None
        row = await asyncio.to_thread(self._views.session_row, _principal(request), unquote(_place(request)))
        title = patch.title.strip() if patch.title is not None else None
        if title is not None and not 0 < len(title) <= 500:
            raise BadRequest("title must have 1 to 500 characters", param="title")
        tags = list(dict.fromkeys(t.strip() for t in patch.tags)) if patch.tags is not None else None
        if tags is not None and (len(tags) > 50 or any(not 0 < len(t) <= 100 for t in tags)):
            raise BadRequest("tags must be at most 50, each of 1 to 100 characters", param="tags")
        await asyncio.to_thread(edits.patch_session, self._views.engine, row.project, row.id, title, tags)
        return _json(await asyncio.to_thread(self._views.session, _principal(request), row.id))

    async def delete_session(self, request: Request) -> Response:
        row = await asyncio.to_thread(self._views.session_row, _principal(request), unquote(_place(request)))
        await asyncio.to_thread(edits.delete_session, self._views.engine, row.project, row.id)
        return _json(types.Deleted(row.id))

    async def calls(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(self._views.calls, _principal(request), request.query_params))

    async def call(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(self._views.call, _principal(request), request.path_params["id"]))

    async def evidence(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(self._views.evidence, _principal(request), request.path_params["id"]))

    async def call_request(self, request: Request) -> Response:
        body = await asyncio.to_thread(self._views.request, _principal(request), request.path_params["id"])
        return Response(body, headers=_HEADERS, media_type="application/json")

    async def call_response(self, request: Request) -> Response:
        raw = request.query_params.get("raw", "") not in ("", "0")
        call_id = request.path_params["id"]
        body, events = await asyncio.to_thread(self._views.response, _principal(request), call_id, raw=raw)
        kind = "text/plain; charset=utf-8" if events else "application/json"
        return Response(body, headers=_HEADERS, media_type=kind)

    async def search(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(self._views.search, _principal(request), request.query_params))

    async def health(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(self._views.health, _principal(request), request.query_params))

    async def events(self, request: Request) -> Response:
        params.only(request.query_params, "session_id")
        session, last = request.query_params.get("session_id", ""), request.headers.get("last-event-id", "")
        if session:
            session = await asyncio.to_thread(self._views.followed, _principal(request), session)
        stream = self._live.events(_principal(request), session, last)
        return StreamingResponse(stream, headers=_HEADERS | {"x-accel-buffering": "no"}, media_type="text/event-stream")

    async def document(self, request: Request) -> Response:
        return _json(openapi.document())


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_PATCH:
            raise errors.PayloadTooLarge
    return body


def routes(engine: sa.Engine, books: Books | None = None) -> list[Route]:
    """Expects `request.state.principal`: a Principal, or None where nobody is known."""
    views = Views(engine, books)
    api = Api(views, Live(views))
    return [
        Route(
            e.path.replace(_SESSIONS + "{id}", _SESSIONS + "{id:path}"),
            _guarded(getattr(api, e.name), e.needs),
            methods=[e.method],
        )
        for e in TABLE
    ]


def _guarded(answer: Handler, needs: Needs) -> Handler:
    async def guarded(request: Request) -> Response:
        if needs != "nothing" and request.state.principal is None:
            raise Unauthenticated
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


async def _store_error(request: Request, error: Exception) -> Response:
    log.warning("the store could not be read: %s", error.__class__.__name__)
    return _refusal(errors.Overloaded("The store cannot be read now; calls are relayed and recorded all the same."))


async def _bug(request: Request, error: Exception) -> Response:
    """The server's log has the trace, the caller a word."""
    return _refusal(GatewayError())


def exception_handlers() -> dict[Any, Callable[[Request, Exception], Awaitable[Response]]]:
    return {
        GatewayError: _gateway_error,
        HTTPException: _http_error,
        sa.exc.SQLAlchemyError: _store_error,
        Exception: _bug,
    }
