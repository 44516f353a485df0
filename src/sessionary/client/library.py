"""The OpenAI library: imported when it is first needed, and the clients of it that calls share.

One client for each gateway and key, so that connections are kept. Asynchronous clients belong to an event loop and
are closed with it.
"""

import asyncio
import functools
import importlib
import os
import threading
from collections.abc import AsyncGenerator
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import openai

_ERRORS = {"Timeout": "APITimeoutError", "ServiceUnavailableError": "InternalServerError"}
"""Where the LiteLLM SDK has another name for one of the OpenAI library's exceptions."""


def library() -> ModuleType:
    try:
        return importlib.import_module("openai")
    except ImportError as error:
        if error.name != "openai":
            raise
        raise ImportError(
            "sessionary.completion() and sessionary.responses() call through the OpenAI library: "
            "pip install sessionary[client]",
            name="openai",
        ) from error


def error_class(name: str) -> type[Exception] | None:
    """The exception that a call raises, by its name in the OpenAI library or the LiteLLM SDK."""
    try:
        found = getattr(library(), _ERRORS.get(name, name), None)
    except ImportError:
        return None
    return found if isinstance(found, type) and issubclass(found, Exception) else None


class Where(NamedTuple):
    base_url: str
    api_key: str


class Clients:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sync: dict[tuple[int, Where], openai.OpenAI] = {}
        self._async: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Where, _Kept]] = WeakKeyDictionary()

    def sync(self, where: Where) -> "openai.OpenAI":
        key = (os.getpid(), where)  # a child that was forked must not share its parent's connections
        with self._lock:
            if key not in self._sync:
                self._sync[key] = library().OpenAI(base_url=where.base_url, api_key=where.api_key)
            return self._sync[key]

    async def asynchronous(self, where: Where) -> "openai.AsyncOpenAI":
        loop = asyncio.get_running_loop()
        kept = self._async.setdefault(loop, {})
        if where not in kept:
            client = library().AsyncOpenAI(base_url=where.base_url, api_key=where.api_key)
            keeper = self._close_with_loop(loop, client)
            kept[where] = _Kept(client, keeper)
            await anext(keeper)
        return kept[where].client

    async def _close_with_loop(
        self, loop: asyncio.AbstractEventLoop, client: "openai.AsyncOpenAI"
    ) -> AsyncGenerator[None, None]:
        """An event loop that is shut down closes the asynchronous generators that it has begun."""
        try:
            yield
        finally:
            self._async.pop(loop, None)
            await client.close()


class _Kept(NamedTuple):
    client: "openai.AsyncOpenAI"
    keeper: AsyncGenerator[None, None]


@functools.cache
def clients() -> Clients:
    return Clients()
