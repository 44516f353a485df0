"""A worker's HTTP server: uvicorn's, with an end of our own.

When it stops, connections without a request are closed, calls have `grace` seconds to end, and those that do not are
cancelled: they tell their clients and the log. `hurry` ends grace.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn

from sessionary.edge import Edge
from sessionary.handover import Handover
from sessionary.heads import Heads
from sessionary.serving.connection import Always, Protocol
from sessionary.serving.handshake import Handshaking
from sessionary.settings import Settings

log = logging.getLogger("sessionary.serving")
_LAST_WORDS = 2.0
"""Seconds that cancelled calls have to tell their clients, and connections to pass that on."""
_TICK = 0.05
_SECOND = 1.0
_PAST = 4
"""As many times the longest body are read past, of one that is too long: its sender gets to see why it is refused."""


class Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        handover: Handover,
        grace: float,
        busy: Callable[[], bool],
        ready: Callable[[], None],
    ) -> None:
        """`busy`: whether calls are being answered, also without a connection. `ready` is called when it serves."""
        super().__init__(config)
        self._handover = handover
        self._opening: set[asyncio.Task[Any]] = set()
        self._ready = ready
        self._grace = grace
        self._busy = busy
        self._hurried = False
        self._leaves = asyncio.Event()

    def leave(self) -> None:
        """It is to end, with grace."""
        self.should_exit = True
        self._leaves.set()

    def hurry(self) -> None:
        """Grace is over."""
        self._hurried = True
        self.leave()

    async def main_loop(self) -> None:
        """Tells the time to answers' heads once a second, where uvicorn looks ten times whether it is to end."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SECOND):
                    await self._leaves.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self._handover.fileno(), self._take)
        self._ready()

    def _take(self) -> None:
        taken = self._handover.take()
        if taken is None:
            return
        began, connection = taken

        def protocol() -> asyncio.Protocol:
            given: dict[str, Any] = {"server_state": self.server_state, "app_state": self.lifespan.state}
            return self.config.http_protocol_class(config=self.config, began=began, **given)  # type: ignore[call-arg]

        loop = asyncio.get_running_loop()
        opening = loop.create_task(loop.connect_accepted_socket(protocol, connection))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().remove_reader(self._handover.fileno())
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        await self._ended(self._grace)
        for task in list(self.server_state.tasks):
            task.cancel()
        if self.server_state.tasks:
            log.warning("%d calls did not end in time: interrupted", len(self.server_state.tasks))
            await asyncio.wait(self.server_state.tasks, timeout=_LAST_WORDS)
        await self.lifespan.shutdown()
        for connection in list(self.server_state.connections):  # what is left takes nothing
            if connection.transport is not None:
                connection.transport.abort()

    async def _ended(self, seconds: float) -> None:
        """Until nothing is answered any more, or grace is over."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end and not self._hurried:
            connections = [each for each in self.server_state.connections if isinstance(each, Protocol)]
            for connection in connections:  # one that is idle is closed, another one after its answer
                connection.shutdown()
            if not connections and not self.server_state.tasks and not self._busy():
                return
            await asyncio.sleep(_TICK)


def config(app: Edge, handover: Handover, settings: Settings) -> uvicorn.Config:
    protocol = partial(
        Protocol,
        edge=app,
        handover=handover,
        heads=Heads(),
        always=Always(),
        pause=settings.request_timeout,
        most_unread=_PAST * settings.max_body,
    )
    return uvicorn.Config(
        app,
        http=protocol,  # type: ignore[arg-type]
        loop="none",
        ws=Handshaking,
        ws_max_size=settings.max_body,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
    )
