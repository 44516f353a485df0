"""How a page is made: from a template, with the headers of `security`."""

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sessionary import __version__
from sessionary.errors import GatewayError
from sessionary.ui import admin, charts, clients, format, limits, shown, tops
from sessionary.ui.contract import Pages
from sessionary.ui.security import HEADERS

Made = Callable[[], Mapping[str, Any]]


async def ask(method: Callable[..., Any], *args: Any) -> Any:
    """What it gives, in plain values. A plain method's comes from a thread."""
    if inspect.iscoroutinefunction(method):
        return msgspec.to_builtins(await method(*args))
    return await asyncio.to_thread(lambda: msgspec.to_builtins(method(*args)))


def see(url: str) -> Response:
    return RedirectResponse(url, 303, HEADERS)


class Screen:
    """Templates, rendered with what every page has."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters.update(format.FILTERS)
        self._jinja.filters.update(pretty=shown.pretty, cut=shown.cut)
        self._jinja.filters.update(bar=charts.bar, percent=charts.percent)
        self._jinja.filters.update(sparkline=charts.sparkline, price=format.price, ask=admin.ask)
        self._jinja.filters.update(limits=limits.shown)
        self._jinja.filters.update(client_shape=clients.shape, client_letters=clients.letters)
        self._jinja.globals.update(format.GLOBALS)
        self._jinja.globals["version"] = __version__

    async def page(
        self, request: Request, template: str, status: int = 200, made: Made = dict, **values: Any
    ) -> Response:
        """`made`: further values. They and the page are made in a thread, for calls are relayed beside it."""

        who = request.state.principal
        top = await self._top(request) if who else None

        def html() -> str:
            about = {"principal": who, "info": self._pages.info(), "top": top}
            return self._jinja.get_template(template).render({**about, **made(), **values})

        return Response(await asyncio.to_thread(html), status, HEADERS, "text/html")

    async def _top(self, request: Request) -> Mapping[str, Any]:
        """What stands on top: the pages, and for the master, who may look at one project, which there are."""
        names: list[str] = []
        if request.state.principal.project is None:
            with contextlib.suppress(GatewayError):  # the page itself says what is wrong
                names = await ask(self._pages.projects, request.state.principal)
        return tops.top(request.url.path, request.query_params, names)

    async def trouble(self, request: Request, title: str, text: str, status: int) -> Response:
        return await self.page(request, "trouble.html", status, title=title, text=text)
