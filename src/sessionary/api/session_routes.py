"""The routes that a session's page asks."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sessionary.api.answers import HEADERS, principal, told
from sessionary.api.export import KINDS
from sessionary.api.names import before
from sessionary.api.session_views import SessionViews

Handler = Callable[[Request], Awaitable[Response]]


class SessionRoutes:
    def __init__(self, views: SessionViews, session: Handler) -> None:
        """`session` answers where an address that ends like one of these is a session's own id."""
        self._views = views
        self._session = session

    async def outline(self, request: Request) -> Response:
        return await self._answer(request, "/outline", self._views.outline)

    async def transcript(self, request: Request) -> Response:
        return await self._answer(request, "/transcript", self._views.transcript)

    async def export(self, request: Request) -> Response:
        name = before(request, "/export")
        if name is None:
            return await self._session(request)
        who, query = principal(request), request.query_params
        export, form = await asyncio.to_thread(self._views.export, who, name, query)
        parts = export.parts(form)
        first = await asyncio.to_thread(next, parts)
        named = {"content-disposition": export.disposition(form)}
        return StreamingResponse(chain([first], parts), headers=HEADERS | named, media_type=KINDS[form][1])

    async def headers(self, request: Request) -> Response:
        return await told(self._views.headers, principal(request), request.path_params["id"])

    async def _answer(self, request: Request, ending: str, view: Callable[..., Any]) -> Response:
        name = before(request, ending)
        if name is None:
            return await self._session(request)
        return await told(view, principal(request), name, request.query_params)
