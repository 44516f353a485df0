"""Replaying a session: what it would cost, and doing it, with an event for each answer."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sessionary.api import params, replay_types, types
from sessionary.api.answers import HEADERS, principal, told, wanted
from sessionary.api.names import before
from sessionary.api.session_routes import Handler
from sessionary.api.views import Views
from sessionary.auth import Principal, allow_model
from sessionary.errors import BadRequest, NotFound
from sessionary.providers.routing import Router
from sessionary.replays.plan import Plan, plan
from sessionary.replays.run import Event, Replays
from sessionary.store import audit


class ReplayRoutes:
    def __init__(self, views: Views, session: Handler, router: Router | None, replays: Replays | None) -> None:
        """`session` answers where an address that ends like this one is a session's own id."""
        self._views = views
        self._session = session
        self._router = router
        self._replays = replays

    async def replay_plan(self, request: Request) -> Response:
        name = before(request, "/replay")
        if name is None:
            return await self._session(request)
        return await told(self._told, principal(request), name, request.query_params)

    async def replay(self, request: Request) -> Response:
        name = before(request, "/replay")
        if name is None or self._replays is None:
            raise NotFound("There is nothing here.")
        asked, who = await wanted(request, replay_types.NewReplay), principal(request)
        found = await asyncio.to_thread(self._begun, who, name, asked)
        events = _events(self._replays.run(who, found))
        return StreamingResponse(events, headers=HEADERS | {"x-accel-buffering": "no"}, media_type="text/event-stream")

    def _told(self, who: Principal, name: str, query: Any) -> replay_types.ReplayPlan:
        params.only(query, "model", "branch")
        found = self._plan(who, name, query.get("model", ""), query.get("branch", ""))
        costs = [call.cost for call in found.calls if call.cost is not None]
        return replay_types.ReplayPlan(
            session=found.session.id,
            model=found.model,
            until=found.last,
            calls=[call.id for call in found.calls],
            left_out=[replay_types.LeftOut(call, why) for call, why in found.left_out.items()],
            input_tokens=sum(call.input_tokens or 0 for call in found.calls),
            output_tokens=sum(call.output_tokens or 0 for call in found.calls),
            cost=types.usd(sum(costs)) if costs else None,
            estimate=types.usd(found.cost),
            uncounted=sum(call.input_tokens is None for call in found.calls),
        )

    def _begun(self, who: Principal, name: str, asked: replay_types.NewReplay) -> Plan:
        found = self._plan(who, name, asked.model, asked.branch, asked.until)
        if not found.calls:
            raise BadRequest("None of its calls can be asked again.", code="nothing_to_replay")
        detail = {"model": found.model, "calls": len(found.calls)}
        session = found.session
        audit.tell(self._views.engine, who.actor, "session.replay", session.id, project=session.project, **detail)
        return found

    def _plan(self, who: Principal, name: str, model: str, branch: str, until: str = "") -> Plan:
        if self._router is None:
            raise NotFound("There is nothing here.")
        session = self._views.session_row(who, name)
        if who.capture == "metadata":
            raise BadRequest("Of this key's calls only metadata is kept: nothing could be compared.", code="unkept")
        if not model:
            raise BadRequest("model, the one that is to answer, is missing", param="model")
        allow_model(who, model)
        target = self._router.resolve(model)[0]
        with self._views.engine.connect() as connection:
            return plan(connection, session, model, target, branch, until)


async def _events(replay: AsyncGenerator[Event]) -> AsyncIterator[bytes]:
    async with contextlib.aclosing(replay):
        async for event in replay:
            yield b"data: %b\n\n" % msgspec.json.encode(event)
