"""The live tail: a browser's open connection is told of every session that was written.

One task a worker asks the store four times a second while anyone listens, and hands each what it may see. A
listener that does not keep up loses the oldest news, never the others' time.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

import msgspec
import sqlalchemy as sa

from sessionary.api import types
from sessionary.auth import Principal
from sessionary.store import reads

log = logging.getLogger("sessionary.live")
INTERVAL = 0.25
PING = 15.0
_OVERLAP_US = 2_000_000
"""Rows become visible a little after the time they bear: look back this far, and tell each change once."""
_QUEUE = 200


class Live:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._listeners: set[tuple[int | None, asyncio.Queue[bytes]]] = set()
        self._polling: asyncio.Task[None] | None = None

    async def events(self, principal: Principal, session: str = "") -> AsyncIterator[bytes]:
        """Server-sent events: `session` with a session's row, `ping` when nothing happens."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)
        listener = (principal.project, queue)
        self._listeners.add(listener)
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        try:
            yield b"event: ping\ndata: {}\n\n"
            while True:
                try:
                    async with asyncio.timeout(PING):
                        data = await queue.get()
                except TimeoutError:
                    yield b"event: ping\ndata: {}\n\n"
                    continue
                if not session or session.encode() in data:
                    yield b"event: session\ndata: " + data + b"\n\n"
        finally:
            self._listeners.discard(listener)

    async def _poll(self) -> None:
        told: dict[tuple[int, str], int] = {}
        since = time.time_ns() // 1000 - 100_000
        while self._listeners:
            await asyncio.sleep(INTERVAL)
            try:
                rows = await asyncio.to_thread(reads.changed_sessions, self._engine, since - _OVERLAP_US)
                names = await asyncio.to_thread(reads.project_names, self._engine) if rows else {}
            except sa.exc.SQLAlchemyError as error:
                log.warning("the live tail could not read: %s", error.__class__.__name__)
                continue
            for row in rows:
                key = (row.project, row.id)
                if row.updated_at <= since - _OVERLAP_US or told.get(key) == row.updated_at:
                    continue
                told[key] = row.updated_at
                self._tell(row.project, msgspec.json.encode(types.session(row, names)))
            since = max([since, *(row.updated_at for row in rows)])
            told = {k: at for k, at in told.items() if at > since - 2 * _OVERLAP_US}

    def _tell(self, project: int, data: bytes) -> None:
        for wanted, queue in self._listeners:
            if wanted is None or wanted == project:
                if queue.full():
                    with contextlib.suppress(asyncio.QueueEmpty):
                        queue.get_nowait()
                queue.put_nowait(data)
