"""Who may pass to API and pages: sets `request.state.principal` for every request that reaches Starlette.

A key in a header opens the API; a browser's cookie opens API and pages, but changes something only where the
browser itself says that the request comes from our own page. Keys are never taken from cookies, nor cookies
on the LLM routes, which do not come this way.
"""

import asyncio
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

import sqlalchemy as sa

from sessionary.asgi import App, Receive, Scope, Send, refuse
from sessionary.auth import Auth, Principal
from sessionary.errors import Forbidden, GatewayError, Unauthenticated
from sessionary.store import keys

COOKIE = "sessionary"
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
        if path.startswith(("/api/", "/ui")) and not path.startswith("/ui/static/"):
            try:
                state["principal"] = await self._principal(scope, path)
            except GatewayError as error:
                return await refuse(send, error)
        return await self._app(scope, receive, send)

    async def _principal(self, scope: Scope, path: str) -> Principal | None:
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        if path.startswith("/api/") and ("authorization" in headers or "x-api-key" in headers):
            return await self._auth.authenticate(headers)
        principal = await self._from_cookie(headers.get("cookie", ""))
        if principal is None and path.startswith("/api/") and path != "/api/openapi.json":
            raise Unauthenticated
        if scope["method"] not in _SAFE and not _from_our_pages(headers, path):
            raise Forbidden("This request does not come from a page of this gateway.")
        return principal

    async def _from_cookie(self, header: str) -> Principal | None:
        try:
            morsel = SimpleCookie(header).get(COOKIE)
        except CookieError:
            return None
        if morsel is None or not morsel.value:
            return None
        key_id = await asyncio.to_thread(keys.cookie_key, self._engine, morsel.value)
        return self._auth.by_id(key_id) if key_id else None


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
