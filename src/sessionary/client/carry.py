"""Makes the HTTP client under the OpenAI, Anthropic and LiteLLM libraries carry the active session.

`Client.send` and `AsyncClient.send` of httpx (and of its successor httpx2) are wrapped once, when the first session
is entered. The wrapper adds headers while a session is active, to requests that go to a gateway and name no
session themselves; it changes nothing else, and without a session it only looks at one context variable.
"""

import functools
import importlib
import importlib.util
from typing import Any

from sessionary.client.active import current
from sessionary.client.gateways import Gateways
from sessionary.client.naming import add_headers, names_session

_LIBRARIES = ("httpx", "httpx2")
_MARK = "__sessionary__"


@functools.cache
def install() -> None:
    gateways = Gateways()
    for library in _LIBRARIES:
        if importlib.util.find_spec(library) is not None:
            module = importlib.import_module(library)
            _wrap(module.Client, gateways)
            _wrap_async(module.AsyncClient, gateways)


def _wrap(client: Any, gateways: Gateways) -> None:
    send = client.send
    if hasattr(send, _MARK):
        return

    @functools.wraps(send)
    def carrying(self: Any, request: Any, **options: Any) -> Any:
        _mark(request, gateways)
        response = send(self, request, **options)
        gateways.answered(str(request.url), response.headers)
        return response

    setattr(carrying, _MARK, send)
    client.send = carrying


def _wrap_async(client: Any, gateways: Gateways) -> None:
    send = client.send
    if hasattr(send, _MARK):
        return

    @functools.wraps(send)
    async def carrying(self: Any, request: Any, **options: Any) -> Any:
        _mark(request, gateways)
        response = await send(self, request, **options)
        gateways.answered(str(request.url), response.headers)
        return response

    setattr(carrying, _MARK, send)
    client.send = carrying


def _mark(request: Any, gateways: Gateways) -> None:
    active = current()
    if active is not None and not names_session(request.headers) and gateways.own(str(request.url), active.base_url):
        add_headers(request.headers, active.headers())
