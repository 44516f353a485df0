"""The pages' routes. What they show comes from `Pages`; who may see it, from `request.state.principal`.

Every answer carries the headers of `security`.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sessionary.errors import GatewayError, NotFound
from sessionary.sessions import rules
from sessionary.ui import admin, charts, compared, lists, shown
from sessionary.ui.contract import Pages
from sessionary.ui.entry import Entry, form
from sessionary.ui.screen import Screen, ask, see
from sessionary.ui.security import secure


class _Ui:
    def __init__(self, pages: Pages, screen: Screen) -> None:
        self._pages = pages
        self._screen = screen

    async def sessions(self, request: Request) -> Response:
        return await self._list(request, lists.SESSIONS, self._pages.list_sessions)

    async def calls(self, request: Request) -> Response:
        return await self._list(request, lists.CALLS, self._pages.list_calls)

    async def _list(self, request: Request, listing: lists.Listing, found: Callable[..., Any]) -> Response:
        query = request.query_params
        if (same := lists.modern(listing, query)) is not None:
            return see(lists.address(listing, same))
        page: Any = {"data": [], "next_cursor": None}
        problem, status = None, 200
        try:
            page = await ask(found, request.state.principal, lists.api_query(query))
        except GatewayError as error:
            problem, status = lists.problem(error), error.status
        columns = lists.columns(listing, query, request.cookies)
        return await self._screen.page(
            request,
            f"{listing.of}.html",
            status,
            listing=listing,
            page=page,
            query=query,
            problem=problem,
            columns=columns,
            usual=lists.usual(listing),
            headers=lists.headers(listing, query, columns),
            filtered=any(query.get(name) for name in ("filter", "cursor", "project")),
            csv_href=lists.sheet(listing, query),
            next_href=lists.address(listing, query, cursor=page["next_cursor"] or ""),
            base_url=f"{request.url.scheme}://{request.url.netloc}",
        )

    async def call(self, request: Request) -> Response:
        """A call's own address leads to where it is read."""
        found = await ask(self._pages.call, request.state.principal, request.path_params["id"])
        return see(f"/ui/sessions/{quote(found['session'], safe='')}#{quote(found['id'], safe='')}")

    async def session(self, request: Request) -> Response:
        try:
            found = await ask(self._pages.transcript, request.state.principal, request.path_params["id"])
        except NotFound:
            found = None
        if found is None:
            text = "It may have been deleted, or it belongs to a project that this key does not see."
            return await self._screen.trouble(request, "There is no such session", text, 404)
        return await self._screen.page(request, "session.html", made=partial(shown.first_screen, found))

    async def missing(self, request: Request) -> Response:
        return await self._screen.trouble(request, "There is no such page", "Its address may be mistyped.", 404)

    async def compare(self, request: Request) -> Response:
        names = [request.query_params.get(letter, "").strip() for letter in "ab"]
        sides = [await self._side(request, name) if name else None for name in names]
        if other := compared.itself(sides):
            query = {**request.query_params, "b": f"{names[1]}~{other}"}
            return see(f"/ui/compare?{urlencode(query, quote_via=quote)}")
        recent: Any = {"data": []}
        if not all(sides):
            recent = await ask(self._pages.list_sessions, request.state.principal, _recent(request.query_params))
        heads = [side and side["head"] for side in sides]
        given: dict[str, Any] = {"names": names, "sides": heads, "recent": recent["data"]}
        return await self._screen.page(request, "compare.html", made=partial(compared.screen, sides), **given)

    async def _side(self, request: Request, name: str) -> dict[str, Any] | None:
        """A session, a branch of one (`ses_…~` and the id of a call on it) or a call; None where there is none."""
        who = request.state.principal
        try:
            if name.startswith("call_"):
                call = await ask(self._pages.call, who, name)
                found = await ask(self._pages.some, who, call["session"], [call["id"]])
                return await asyncio.to_thread(compared.call_side, found, call)
            session, branch = compared.parted(name)
            begun = await ask(self._pages.transcript, who, session)
            if begun is None:
                return None
            if not branch and not begun["session"]["branches"]:
                return await asyncio.to_thread(compared.plain_side, begun)
            tree = await ask(self._pages.tree, who, session)
            if branch and not compared.named(tree, branch):
                return None
            calls = compared.wanted(tree, branch)
            found = await ask(self._pages.some, who, tree["session"]["id"], calls) if calls else {"calls": []}
            return await asyncio.to_thread(compared.session_side, tree, branch, found["calls"])
        except NotFound:
            return None

    async def demo(self, request: Request) -> Response:
        await ask(self._pages.fill_demo, request.state.principal, await form(request))
        return see("/ui/")

    async def clear_demo(self, request: Request) -> Response:
        given = await form(request)
        await ask(self._pages.clear_demo, request.state.principal)
        return see(_list(given))

    async def health(self, request: Request) -> Response:
        query = request.query_params
        found = await ask(self._pages.health, request.state.principal, admin.of_project(query))
        given: dict[str, Any] = {
            "query": query,
            "groups": rules.GROUPS,
            "gauges": admin.gauges(found["gauges"]),
        }
        return await self._screen.page(request, "health.html", made=partial(charts.drawn, found), **given)

    async def keys(self, request: Request) -> Response:
        query = request.query_params
        projects, found = await ask(self._pages.keys, request.state.principal)
        made = partial(admin.keys, projects["data"], found, query, self._pages.info().get("demo_project", ""))
        return await self._screen.page(request, "keys.html", made=made, query=query)

    async def models(self, request: Request) -> Response:
        query = request.query_params
        found = await ask(self._pages.models, request.state.principal, admin.of_project(query))
        made = partial(admin.models, found)
        return await self._screen.page(request, "models.html", made=made, query=query)

    async def audit(self, request: Request) -> Response:
        query = request.query_params
        found = await ask(self._pages.audit, request.state.principal, admin.audit_query(query))
        made = partial(admin.audit, found, query)
        return await self._screen.page(request, "audit.html", made=made, query=query)


def _list(given: Mapping[str, str]) -> str:
    """The list that a form was sent from."""
    project = given.get("project")
    return f"/ui/?{urlencode({'project': project})}" if project else "/ui/"


def _recent(query: QueryParams) -> QueryParams:
    """The sessions to choose from where none are named."""
    return QueryParams({"limit": "12"} | ({"project": query["project"]} if query.get("project") else {}))


def routes(pages: Pages) -> list[BaseRoute]:
    screen = Screen(pages)
    entry = Entry(pages, screen)
    ui = _Ui(pages, screen)
    return [
        Route("/ui", lambda request: see("/ui/")),
        Route("/ui/", entry.known(ui.sessions)),
        Route("/ui/sessions/{id:path}", entry.known(ui.session)),
        Route("/ui/calls", entry.known(ui.calls)),
        Route("/ui/calls/{id}", entry.known(ui.call)),
        Route("/ui/compare", entry.known(ui.compare)),
        Route("/ui/keys", entry.known(ui.keys)),
        Route("/ui/models", entry.known(ui.models)),
        Route("/ui/health", entry.known(ui.health)),
        Route("/ui/audit", entry.known(ui.audit)),
        Route("/ui/demo", entry.known(ui.demo), methods=["POST"]),
        Route("/ui/demo/clear", entry.known(ui.clear_demo), methods=["POST"]),
        *entry.routes(),
        Mount("/ui/static", _Static(directory=Path(__file__).parent / "static")),
        Route("/ui/{page:path}", entry.known(ui.missing)),
    ]


class _Static(StaticFiles):
    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"  # kept, and asked for anew: an update shows at once
        secure(response.headers)
        return response
