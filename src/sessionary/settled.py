"""ASGI middleware: who changes something is answered when the replica has it, so that what they see next shows it."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from sessionary.asgi import App, Receive, Scope, Send
from sessionary.store.replica import Replica

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Settled:
    def __init__(self, app: App, replica: Replica) -> None:
        self._app = app
        self._replica = replica

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE:
            return await self._app(scope, receive, send)

        async def settled(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                await asyncio.to_thread(self._replica.caught_up)
            await send(message)

        return await self._app(scope, receive, settled)
