"""The pages' routes. What they show comes from `Pages`; who may see it, from `request.state.principal`.

Without a principal every page leads to the login page. Every answer carries the headers of `security`.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

import jinja2
import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sessionary import __version__
from sessionary.errors import BadRequest, GatewayError, NotFound, PayloadTooLarge
from sessionary.sessions import rules
from sessionary.ui import charts, format, shown
from sessionary.ui.security import HEADERS, secure

COOKIE = "sessionary"
COOKIE_SECONDS = 30 * 86400
_MOST_FORM = 8192
_HERE = Path(__file__).parent


class Viewer(Protocol):
    """Whoever looks. `project` None sees every project."""

    @property
    def project(self) -> int | None: ...
    @property
    def project_name(self) -> str: ...


class Pages(Protocol):
    """What the pages need. Each may be a plain method, which is called in a thread, or `async`.

    What is returned may be dicts or structs. Refusals are GatewayErrors; the page shows their message.
    """

    def list_sessions(self, principal: Any, params: QueryParams) -> Any:
        """`{data: [Session], next_cursor}`, as GET /api/sessions."""

    def transcript(self, principal: Any, name: str) -> Any:
        """`{session, calls}`, as GET /api/sessions/{id}/transcript. None or NotFound where there is none."""

    def health(self, principal: Any, params: QueryParams) -> Any:
        """As GET /api/health."""

    def login(self, key: str) -> Awaitable[str | None] | str | None:
        """A cookie for a valid key."""

    def redeem(self, token: str) -> Awaitable[str | None] | str | None:
        """A cookie for the token of a one-time link."""

    def logout(self, cookie: str) -> Any:
        """The cookie is void from now on."""

    def send_demo(self, principal: Any) -> str | Awaitable[str]:
        """Makes a session; its id."""

    def info(self) -> Mapping[str, Any]:
        """`demo`: whether the demo provider answers; `base_url`: where clients reach this server. Called inline."""


async def _ask(method: Callable[..., Any], *args: Any) -> Any:
    if inspect.iscoroutinefunction(method):
        return await method(*args)
    return await asyncio.to_thread(method, *args)


class _Ui:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters.update(format.FILTERS)
        self._jinja.filters.update(pretty=shown.pretty, cut=shown.cut)
        self._jinja.filters.update(bar=charts.bar, percent=charts.percent)
        self._jinja.globals.update(format.GLOBALS)
        self._jinja.globals["version"] = __version__

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        html = self._jinja.get_template(template).render(
            principal=request.state.principal, info=self._pages.info(), **values
        )
        return Response(html, status, HEADERS, "text/html")

    def _trouble(self, request: Request, title: str, text: str, status: int) -> Response:
        return self._page(request, "trouble.html", status, title=title, text=text)

    async def sessions(self, request: Request) -> Response:
        problem = ""
        found: Any = {"data": [], "next_cursor": None}
        try:
            found = await _ask(self._pages.list_sessions, request.state.principal, request.query_params)
        except GatewayError as error:
            problem = error.message
        page = msgspec.to_builtins(found)
        return self._page(request, "sessions.html", page=page, query=request.query_params, problem=problem)

    async def session(self, request: Request) -> Response:
        try:
            found = await _ask(self._pages.transcript, request.state.principal, request.path_params["id"])
        except NotFound:
            found = None
        if found is None:
            text = "It may have been deleted, or it belongs to a project that this key does not see."
            return self._trouble(request, "There is no such session", text, 404)
        return self._page(request, "session.html", **shown.first_screen(msgspec.to_builtins(found)))

    async def demo(self, request: Request) -> Response:
        name = await _ask(self._pages.send_demo, request.state.principal)
        return _see(f"/ui/sessions/{quote(name, safe='')}")

    async def health(self, request: Request) -> Response:
        query = request.query_params
        found = msgspec.to_builtins(await _ask(self._pages.health, request.state.principal, query))
        return self._page(request, "health.html", query=query, groups=rules.GROUPS, **charts.drawn(found))

    async def login(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        if not token:
            following = local(request.query_params.get("next", ""))
            return self._page(request, "login.html", problem="", following=following)
        cookie = await _ask(self._pages.redeem, token)
        if cookie is None:
            problem = "This link has been used already, or is too old. `sessionary login` prints a new one."
            return self._page(request, "login.html", 403, problem=problem, following="/ui/")
        return _with_cookie(_see("/ui/"), request, cookie)

    async def submit_login(self, request: Request) -> Response:
        form = await _form(request)
        following = local(form.get("next", ""))
        cookie = await _ask(self._pages.login, form.get("key", "").strip())
        if cookie is None:
            problem = "This key is not valid here: unknown, expired or revoked."
            return self._page(request, "login.html", 403, problem=problem, following=following)
        return _with_cookie(_see(following), request, cookie)

    async def logout(self, request: Request) -> Response:
        await _ask(self._pages.logout, request.cookies.get(COOKIE, ""))
        response = _see("/ui/login")
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    def known(self, page: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """`page` for those who are logged in; its refusals as a page."""

        async def guarded(request: Request) -> Response:
            if request.state.principal is None:
                here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return _see(f"/ui/login?next={quote(here, safe='')}")
            try:
                return await page(request)
            except GatewayError as error:
                return self._trouble(request, "That did not work", error.message, error.status)

        return guarded


def routes(pages: Pages) -> list[BaseRoute]:
    ui = _Ui(pages)
    return [
        Route("/ui", lambda request: _see("/ui/")),
        Route("/ui/", ui.known(ui.sessions)),
        Route("/ui/sessions/{id:path}", ui.known(ui.session)),
        Route("/ui/health", ui.known(ui.health)),
        Route("/ui/demo", ui.known(ui.demo), methods=["POST"]),
        Route("/ui/login", ui.login),
        Route("/ui/login", ui.submit_login, methods=["POST"]),
        Route("/ui/logout", ui.logout, methods=["POST"]),
        Mount("/ui/static", _Static(directory=_HERE / "static")),
    ]


class _Static(StaticFiles):
    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"  # kept, and asked for anew: an update shows at once
        secure(response.headers)
        return response


def local(path: str) -> str:
    """`path` where it leads to one of our pages, else the list."""
    plain = unquote(path)
    segments = plain.replace("\\", "/").partition("?")[0].split("/")
    safe = path.startswith("/ui/") and plain.isprintable() and "\\" not in plain and ".." not in segments
    return path if safe and not path.startswith("/ui/login") else "/ui/"


def _see(url: str) -> Response:
    return RedirectResponse(url, 303, HEADERS)


def _with_cookie(response: Response, request: Request, cookie: str) -> Response:
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=COOKIE_SECONDS,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


async def _form(request: Request) -> dict[str, str]:
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
