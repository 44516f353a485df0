"""Who may pass to API and pages: sets `request.state.principal` for every request that reaches Starlette.

A key in a header opens the API; a browser's cookie opens API and pages, but changes something only where the
browser itself says that the request comes from our own page. Keys are never taken from cookies, nor cookies
on the LLM routes, which do not come this way. The gateway's figures are for whoever has a key.

Every answer that passes here, whoever made it, tells browsers to run, frame, keep and pass on nothing of it that
it does not itself allow.
"""

import asyncio
import logging
from collections.abc import Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

import sqlalchemy as sa

from sessionary.asgi import App, AsgiOut, Receive, Scope, Send, read_headers, refuse
from sessionary.auth import Auth, Principal
from sessionary.errors import Forbidden, GatewayError, StoreUnavailable, Unauthenticated
from sessionary.store import keys

log = logging.getLogger("sessionary.gate")
COOKIE = "sessionary"
SECURE_COOKIE = "__Host-sessionary"
"""Over TLS: another host of the same domain cannot set it."""
_KEYS = ("authorization", "x-api-key", "api-key")
_FIGURES = "/metrics"
_GUARDED = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of an answer that has none of its own."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """ASGI middleware."""

    def __init__(self, app: App, auth: Auth, engine: sa.Engine) -> None:
        self._app = app
        self._auth = auth
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        path: str = scope["path"]
        state = scope.setdefault("state", {})
        state["principal"] = None
        send = _guarding(send)
        if path.startswith(("/api/", "/ui", _FIGURES)) and not path.startswith("/ui/static/"):
            try:
                state["principal"] = await self._principal(scope, path)
            except GatewayError as error:
                return await refuse(AsgiOut(send), error)
            except sa.exc.SQLAlchemyError as error:
                log.warning("a cookie could not be looked up: %s", error.__class__.__name__)
                return await refuse(AsgiOut(send), StoreUnavailable("Who signed in cannot be looked up now."))
        return await self._app(scope, receive, send)

    async def _principal(self, scope: Scope, path: str) -> Principal | None:
        headers = read_headers(scope)
        is_page = path.startswith("/ui")
        if not is_page and any(name in headers for name in _KEYS):
            return await self._auth.authenticate(headers)
        principal = await self._from_cookie(headers.get("cookie", ""))
        if principal is None and not is_page and path != "/api/openapi.json":
            raise Unauthenticated
        if scope["method"] not in _SAFE and not _from_our_pages(headers, path):
            raise Forbidden("This request does not come from a page of this gateway.")
        return principal

    async def _from_cookie(self, header: str) -> Principal | None:
        try:
            cookies = SimpleCookie(header)
        except CookieError:
            return None
        morsel = cookies.get(SECURE_COOKIE) or cookies.get(COOKIE)
        if morsel is None or not morsel.value:
            return None
        key_id = await asyncio.to_thread(keys.cookie_key, self._engine, morsel.value)
        return await self._auth.holder(key_id) if key_id else None


def _guarding(send: Send) -> Send:
    async def guarded(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            more = [(n.encode(), v.encode()) for n, v in _GUARDED.items() if n.encode() not in there]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return guarded


def _from_our_pages(headers: Mapping[str, str], path: str) -> bool:
    """What the browser says of where a change comes from. The cookie is SameSite=Strict in any case.

    Over plain http to another host browsers send no `Sec-Fetch-Site`; `Origin` speaks then, but for forms,
    whose origin our referrer policy hides.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin", "null")
    if origin == "null":
        return path.startswith("/ui/")
    return origin.partition("://")[2] == headers.get("host")
