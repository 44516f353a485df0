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
from sessionary.client.gateways import carries
from sessionary.client.naming import add_headers, names_session

_LIBRARIES = ("httpx", "httpx2")


@functools.cache
def install() -> None:
    for library in _LIBRARIES:
        if importlib.util.find_spec(library) is not None:
            module = importlib.import_module(library)
            for client in (module.Client, module.AsyncClient):
                client.send = _carrying(client.send)


def _carrying(send: Any) -> Any:
    """Of both kinds: what an asynchronous `send` returns is awaited by its caller."""

    @functools.wraps(send)
    def carrying(self: Any, request: Any, **options: Any) -> Any:
        _mark(request)
        return send(self, request, **options)

    return carrying


def _mark(request: Any) -> None:
    active = current()
    if active is None or names_session(request.headers):
        return
    if carries(str(request.url), request.headers, active.base_url):
        add_headers(request.headers, active.headers())
