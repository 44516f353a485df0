"""Who comes in: by a key or a one-time link, and out again. Without a principal every page leads here."""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote, unquote

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sessionary.errors import BadRequest, GatewayError, PayloadTooLarge
from sessionary.ui.contract import Pages
from sessionary.ui.screen import Screen, ask, see

COOKIE = "sessionary"
SECURE_COOKIE = f"__Host-{COOKIE}"
COOKIE_SECONDS = 30 * 86400
_MOST_FORM = 8192


class Entry:
    def __init__(self, pages: Pages, screen: Screen) -> None:
        self._pages = pages
        self._screen = screen

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/ui/login", self.login),
            Route("/ui/login", self.submit_login, methods=["POST"]),
            Route("/ui/logout", self.logout, methods=["POST"]),
        ]

    async def login(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        if not token:
            following = local(request.query_params.get("next", ""))
            return await self._screen.page(request, "login.html", problem="", following=following)
        cookie = await ask(self._pages.redeem, token)
        if cookie is None:
            problem = "This link has been used already, or is too old. `sessionary login` prints a new one."
            return await self._screen.page(request, "login.html", 403, problem=problem, following="/ui/")
        return _with_cookie(see("/ui/"), request, cookie)

    async def submit_login(self, request: Request) -> Response:
        given = await form(request)
        following = local(given.get("next", ""))
        cookie = await ask(self._pages.login, given.get("key", "").strip())
        if cookie is None:
            problem = "This key is not valid here: unknown, expired or revoked."
            return await self._screen.page(request, "login.html", 403, problem=problem, following=following)
        return _with_cookie(see(following), request, cookie)

    async def logout(self, request: Request) -> Response:
        response = see("/ui/login")
        for name in (SECURE_COOKIE, COOKIE):
            if name in request.cookies:
                await ask(self._pages.logout, request.cookies[name])
                secure = name == SECURE_COOKIE
                response.delete_cookie(name, path="/", httponly=True, samesite="strict", secure=secure)
        return response

    def known(self, page: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """`page` for those who are logged in; its refusals as a page."""

        async def guarded(request: Request) -> Response:
            if request.state.principal is None:
                here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return see(f"/ui/login?next={quote(here, safe='')}")
            try:
                return await page(request)
            except GatewayError as error:
                return await self._screen.trouble(request, "That did not work", error.message, error.status)

        return guarded


def local(path: str) -> str:
    """`path` where it leads to one of our pages, else the list."""
    plain = unquote(path)
    segments = plain.partition("?")[0].split("/")
    safe = path.startswith("/ui/") and plain.isprintable() and "\\" not in plain and ".." not in segments
    return path if safe and not path.startswith("/ui/login") else "/ui/"


def _with_cookie(response: Response, request: Request, cookie: str) -> Response:
    secure = is_secure(request.url.scheme, request.headers.get("host", ""), "sec-fetch-site" in request.headers)
    name = SECURE_COOKIE if secure else COOKIE
    response.set_cookie(name, cookie, max_age=COOKIE_SECONDS, path="/", httponly=True, samesite="strict", secure=secure)
    return response


def is_secure(scheme: str, host: str, fetched: bool) -> bool:
    """Whether the browser came over TLS, also where a proxy ends it. `fetched`: it said where the request comes from
    (`Sec-Fetch-Site`), which browsers tell this machine, and else only who they reach over TLS."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    here = name in ("localhost", "[::1]") or name.endswith(".localhost") or re.fullmatch(r"127(\.\d+){3}", name)
    return scheme == "https" or (fetched and not here)


async def form(request: Request) -> dict[str, str]:
    """A short urlencoded form."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_FORM:
            raise PayloadTooLarge("The form is too long.")
    try:
        return dict(QueryParams(body.decode()).items())
    except UnicodeDecodeError:
        raise BadRequest("The form is not UTF-8.") from None
