"""What the pages show and do, from the store and the gateway's own parts: `ui.Pages`, for real."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.datastructures import QueryParams

from sessionary import ids
from sessionary.api.health import Health
from sessionary.api.ledger import Books
from sessionary.api.types import SessionPage, Transcript
from sessionary.api.views import Views
from sessionary.auth import Auth, Principal
from sessionary.errors import Unauthenticated
from sessionary.providers.routing import Router
from sessionary.settings import Settings
from sessionary.store import keys

Caller = Callable[[Principal, bytes], Awaitable[None]]
_DEMO_TOOL = {
    "type": "function",
    "function": {
        "name": "look_up_weather",
        "description": "The weather at a place.",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["place"],
        },
    },
}
_WEATHER = '{"place": "Lisbon", "days": [{"sky": "clear", "high": 21}, {"sky": "rain", "high": 17}]}'


class StorePages:
    def __init__(
        self, engine: sa.Engine, auth: Auth, router: Router, settings: Settings, call: Caller, books: Books
    ) -> None:
        self._engine = engine
        self._views = Views(engine, books)
        self._auth = auth
        self._router = router
        self._settings = settings
        self._call = call

    def list_sessions(self, principal: Principal, params: QueryParams) -> SessionPage:
        return self._views.sessions(principal, params)

    def transcript(self, principal: Principal, name: str) -> Transcript:
        return self._views.transcript(principal, name)

    def health(self, principal: Principal, params: QueryParams) -> Health:
        return self._views.health(principal, params)

    async def login(self, key: str) -> str | None:
        try:
            principal = await self._auth.principal_of(key)
        except Unauthenticated:
            return None
        return keys.new_cookie(self._engine, principal.key_id)

    def redeem(self, token: str) -> str | None:
        return keys.redeem_link(self._engine, token)

    def logout(self, cookie: str) -> None:
        keys.drop_cookie(self._engine, cookie)

    async def send_demo(self, principal: Principal) -> str:
        """A question, a tool call with its result, and a follow-up, through the gateway as any client's."""
        name = f"demo-{ids.new_call_id()[-6:]}"
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": "You are a helpful travel planner. Answer briefly."},
            {"role": "user", "content": "What will the weather be like this weekend in Lisbon?"},
        ]
        await self._ask(principal, name, messages)
        shown = self._views.transcript(principal, name) if await self._arrives(principal, name, 1) else None
        call = next((p for a in (shown.calls if shown else []) if a.output for p in a.output.pieces), None)
        if call is not None and call.type == "tool_call":
            arguments = msgspec.json.encode(call.arguments).decode()
            function = {"name": call.name, "arguments": arguments}
            called = {"id": call.id, "type": "function", "function": function}
            messages += [
                {"role": "assistant", "content": None, "tool_calls": [called]},
                {"role": "tool", "tool_call_id": call.id, "content": _WEATHER},
            ]
            await self._ask(principal, name, messages)
            await self._arrives(principal, name, 2)
        return ids.session_id(principal.call_project, name)

    def info(self) -> Mapping[str, Any]:
        host, port = self._settings.host, self._settings.port
        return {"demo": self._router.is_demo, "base_url": f"http://{f'[{host}]' if ':' in host else host}:{port}"}

    async def _ask(self, principal: Principal, name: str, messages: list[dict[str, Any]]) -> None:
        body = {
            "model": next(iter(self._router.models()), "gpt-4o-mini"),
            "messages": messages,
            "tools": [_DEMO_TOOL],
            "stream": True,
            "metadata": {"litellm_session_id": name},
        }
        await self._call(principal, msgspec.json.encode(body))

    async def _arrives(self, principal: Principal, name: str, calls: int) -> bool:
        """Waits until the drain has stored that many finished calls, for two seconds at most."""
        for _ in range(40):
            found = await asyncio.to_thread(self._views.sessions, principal, QueryParams(session_id=name))
            if found.data and found.data[0].calls >= calls and not found.data[0].live:
                return True
            await asyncio.sleep(0.05)
        return False
