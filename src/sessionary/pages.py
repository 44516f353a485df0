"""What the pages show and do, from the store and the gateway's own parts: `ui.Pages`, for real."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from starlette.datastructures import QueryParams

from sessionary.api.admin_types import KeyList, ModelList, ProjectList
from sessionary.api.audit_views import AuditPage, AuditViews
from sessionary.api.gauges import Gauge
from sessionary.api.health import Health
from sessionary.api.key_views import KeyViews
from sessionary.api.ledger import Books
from sessionary.api.model_views import ModelViews
from sessionary.api.session_views import SessionViews
from sessionary.api.thread_types import Tree
from sessionary.api.types import Call, CallPage, SessionPage, Transcript
from sessionary.api.views import Views
from sessionary.auth import Auth, Principal
from sessionary.demo.button import PROJECT, Demo
from sessionary.demo.schedule import SESSIONS
from sessionary.demo.stage import KEYS
from sessionary.errors import StoreUnavailable, Unauthenticated
from sessionary.limits.standing import Standing
from sessionary.providers.routing import Router
from sessionary.settings import Settings
from sessionary.store import keys
from sessionary.store.audit import FailedLogins
from sessionary.store.replica import once_more
from sessionary.ui import shown


@contextmanager
def _store_away() -> Iterator[None]:
    """A list says that it cannot be read, in place of its rows."""
    try:
        yield
    except sa.exc.SQLAlchemyError:
        text = "It cannot be read now. Calls are relayed and recorded all the same, and will be here when it is back."
        raise StoreUnavailable(text) from None


class StorePages:
    def __init__(
        self,
        engine: sa.Engine,
        reading: sa.Engine,
        auth: Auth,
        router: Router,
        settings: Settings,
        demo: Demo,
        books: Books,
        gauge: Gauge,
        standing: Standing,
    ) -> None:
        """`reading`: the engine that is asked for what only people look at (store.replica)."""
        self._engine = engine
        self._views = Views(reading, books, gauge)
        self._sessions = SessionViews(self._views, engine)
        self._keys = KeyViews(engine, standing)
        self._models = ModelViews(reading, router, settings)
        self._audit = AuditViews(engine)
        self._auth = auth
        self._router = router
        self._settings = settings
        self._demo = demo
        self._failed = FailedLogins(engine)

    def list_sessions(self, principal: Principal, params: QueryParams) -> SessionPage:
        with _store_away():
            return once_more(lambda: self._views.sessions(principal, params))

    def list_calls(self, principal: Principal, params: QueryParams) -> CallPage:
        with _store_away():
            return once_more(lambda: self._views.calls(principal, params))

    def call(self, principal: Principal, name: str) -> Call:
        return once_more(lambda: self._views.call(principal, name))

    def transcript(self, principal: Principal, name: str) -> Transcript:
        """Its first calls: as many as are shown, and the one after them, where the last one's tool results are."""
        return once_more(lambda: self._sessions.page(principal, name, shown.CALLS + 1))

    def tree(self, principal: Principal, name: str) -> Tree:
        return once_more(lambda: self._views.tree(principal, name))

    def some(self, principal: Principal, name: str, calls: Sequence[str]) -> Transcript:
        asked = QueryParams(calls=",".join(calls))
        return once_more(lambda: self._sessions.transcript(principal, name, asked))

    def health(self, principal: Principal, params: QueryParams) -> Health:
        return self._views.health(principal, params)

    def projects(self, principal: Principal) -> list[str]:
        return self._keys.names(principal)

    def keys(self, principal: Principal) -> tuple[ProjectList, KeyList]:
        return self._keys.overview(principal)

    def models(self, principal: Principal, params: QueryParams) -> ModelList:
        return self._models.models(principal, params)

    def audit(self, principal: Principal, params: QueryParams) -> AuditPage:
        return self._audit.page(principal, params)

    async def login(self, key: str) -> str | None:
        try:
            principal = await self._auth.principal_of(key)
        except Unauthenticated:
            await asyncio.to_thread(self._failed.add, "key")
            return None
        return await asyncio.to_thread(keys.new_cookie, self._engine, principal.key_id, principal.actor)

    def redeem(self, token: str) -> str | None:
        cookie = keys.redeem_link(self._engine, token)
        if cookie is None:
            self._failed.add("link")
        return cookie

    def logout(self, cookie: str) -> None:
        keys.drop_cookie(self._engine, cookie)

    async def fill_demo(self, principal: Principal, form: Mapping[str, str]) -> None:
        wanted = form.get("sessions", "")
        count = int(wanted) if wanted.isdecimal() and len(wanted) < 7 else SESSIONS
        await self._demo.fill(principal, count, only_live=form.get("only") == "live")

    async def clear_demo(self, principal: Principal) -> int:
        return await self._demo.clear(principal)

    def info(self) -> Mapping[str, Any]:
        host, port = self._settings.host, self._settings.port
        base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        return {"demo": self._router.is_demo, "base_url": base_url, "demo_keys": KEYS, "demo_project": PROJECT}
