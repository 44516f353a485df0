"""The read API's routes: a table of path, method, what it needs, and what it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sessionary import errors, ids
from sessionary.api import openapi, types
from sessionary.api.live import Live
from sessionary.api.views import Views
from sessionary.auth import Principal
from sessionary.errors import BadRequest, GatewayError, NotFound
from sessionary.store import edits

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_MOST_PATCH = 64 * 1024
Handler = Callable[[Request], Awaitable[Response]]


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, _HEADERS, "application/json")


def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


class Api:
    def __init__(self, views: Views, live: Live) -> None:
        self._views = views
        self._live = live

    async def sessions(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(self._views.sessions, _principal(request), request.query_params))

    async def session(self, request: Request) -> Response:
        """The last segment of a path may be a view of the session or part of the client's id: ids come first."""
        name: str = request.path_params["id"]
        principal = _principal(request)
        if name.endswith("/transcript"):
            return _json(await asyncio.to_thread(self._views.transcript, principal, name.removesuffix("/transcript")))
        return _json(await asyncio.to_thread(self._views.session, principal, name))

    async def patch_session(self, request: Request) -> Response:
        try:
            patch = msgspec.json.decode(await _body(request), type=types.SessionPatch)
        except msgspec.DecodeError as error:
            raise BadRequest(f"the body must be {{title?, tags?}}: {error}") from None
        row = await asyncio.to_thread(self._views.session_row, _principal(request), request.path_params["id"])
        if patch.title is not None and not 0 < len(patch.title.strip()) <= 500:
            raise BadRequest("title must have 1 to 500 characters", param="title")
        if patch.tags is not None and (len(patch.tags) > 50 or any(not 0 < len(t) <= 100 for t in patch.tags)):
            raise BadRequest("tags must be at most 50, each of 1 to 100 characters", param="tags")
        title = patch.title.strip() if patch.title is not None else None
        await asyncio.to_thread(edits.patch_session, self._views.engine, row.project, row.id, title, patch.tags)
        return _json(await asyncio.to_thread(self._views.session, _principal(request), row.id))

    async def delete_session(self, request: Request) -> Response:
        row = await asyncio.to_thread(self._views.session_row, _principal(request), request.path_params["id"])
        await asyncio.to_thread(edits.delete_session, self._views.engine, row.project, row.id)
        return _json({"id": row.id, "deleted": True})

    async def calls(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(self._views.calls, _principal(request), request.query_params))

    async def call(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(self._views.call, _principal(request), request.path_params["id"]))

    async def call_request(self, request: Request) -> Response:
        body = await asyncio.to_thread(self._views.request, _principal(request), request.path_params["id"])
        return Response(body, headers=_HEADERS, media_type="application/json")

    async def call_response(self, request: Request) -> Response:
        raw = request.query_params.get("raw") == "1"
        found = await asyncio.to_thread(
            self._views.response, _principal(request), request.path_params["id"], raw=raw
        )
        kind = "text/plain; charset=utf-8" if found[1] else "application/json"
        return Response(found[0], headers=_HEADERS, media_type=kind)

    async def search(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(self._views.search, _principal(request), request.query_params))

    async def events(self, request: Request) -> Response:
        stream = self._live.events(_principal(request), request.query_params.get("session_id", ""))
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


def routes(engine: sa.Engine) -> list[Route]:
    api = Api(Views(engine), Live(engine))
    return [
        Route("/api/openapi.json", api.document),
        Route("/api/sessions", api.sessions),
        Route("/api/sessions/{id:path}", api.session),
        Route("/api/sessions/{id:path}", api.patch_session, methods=["PATCH"]),
        Route("/api/sessions/{id:path}", api.delete_session, methods=["DELETE"]),
        Route("/api/calls", api.calls),
        Route("/api/calls/{id}", api.call),
        Route("/api/calls/{id}/request", api.call_request),
        Route("/api/calls/{id}/response", api.call_response),
        Route("/api/search", api.search),
        Route("/api/events", api.events),
    ]


def _refusal(error: GatewayError) -> Response:
    request_id = ids.new_request_id()
    return Response(
        errors.body(error, request_id), error.status, _HEADERS | {"x-request-id": request_id}, "application/json"
    )


async def _gateway_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    return _refusal(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = NotFound("There is nothing here.") if error.status_code == 404 else BadRequest(error.detail)
    refusal.status = error.status_code
    return _refusal(refusal)


async def _store_error(request: Request, error: Exception) -> Response:
    return _refusal(errors.Overloaded("The store cannot be read now; calls are relayed and recorded all the same."))


def exception_handlers() -> dict[Any, Callable[[Request, Exception], Awaitable[Response]]]:
    return {GatewayError: _gateway_error, HTTPException: _http_error, sa.exc.SQLAlchemyError: _store_error}
