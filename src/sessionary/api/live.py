"""The live tail: a browser's open connection is told of every session that was written.

One task a worker asks the store four times a second while anyone listens, and hands each what it may see. A
listener that does not keep up loses the oldest news, never the others' time; one that comes (back) is first told
what was written in the last seconds, so that nothing falls between a page and its tail.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

import msgspec
import sqlalchemy as sa

from sessionary.api import types
from sessionary.api.growing import Growing
from sessionary.api.views import Views
from sessionary.auth import Principal

log = logging.getLogger("sessionary.live")
INTERVAL = 0.25
PING = 15.0
_OVERLAP_US = 2_000_000
"""Rows become visible a little after the time they bear: look back this far, and tell each change once."""
_CATCH_UP_US = 300_000_000
"""The longest absence that a listener which names its last event is told of."""
_QUEUE = 500
_GROWING = b"event: growing"
_PING = b"event: ping\ndata: {}\n\n"
_END = b""
"""Nothing comes after it."""


class _Listener:
    def __init__(self, principal: Principal, session: str) -> None:
        self.principal = principal
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)
        self.behind = False
        self._project = principal.project
        self._session = session

    def grow(self, event: bytes) -> None:
        """More of an answer; what is lost of it is told again later."""
        if self.queue.full():
            self.behind = True
        elif not self.behind:
            self.queue.put_nowait(event)

    def end(self) -> None:
        while self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait(_END)

    def cut(self) -> None:
        """What is waiting is not told any more."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(_END)

    def has_room(self) -> bool:
        return self.queue.qsize() < _QUEUE // 2

    def tell(self, project: int, row: types.Session, event: bytes) -> None:
        if self._project not in (None, project) or self._session not in ("", row.id, row.session_id):
            return
        if self.queue.full():
            with contextlib.suppress(asyncio.QueueEmpty):
                self.behind = self.queue.get_nowait().startswith(_GROWING) or self.behind
        self.queue.put_nowait(event)


class Live:
    def __init__(
        self,
        views: Views,
        growing: Growing | None = None,
        *,
        ping: float = PING,
        leaving: asyncio.Event | None = None,
        valid: Callable[[Principal], bool] = lambda principal: True,
    ) -> None:
        """`leaving` is set when the server ends: then every stream does, so that nobody has to wait for them. `valid`
        says whether a key still is: its streams end with it."""
        self._views = views
        self._growing = growing
        self._ping = ping
        self._leaving = leaving or asyncio.Event()
        self._valid = valid
        self._listeners: set[_Listener] = set()
        self._polling: asyncio.Task[None] | None = None

    async def events(self, principal: Principal, session: str = "", last_event: str = "") -> AsyncIterator[bytes]:
        """Server-sent events: `session` with a session's fields, `ping` when nothing happens; of one session also
        `growing`, of what is being answered.

        `session` narrows them to one, by our id or the client's; `last_event` is the id of the last one seen.
        """
        listener = _Listener(principal, session)
        self._listeners.add(listener)
        key: tuple[int, str] | None = None
        try:
            if session and self._growing is not None:
                key = await asyncio.to_thread(self._views.watched, principal, session)
                self._growing.join(key, listener)
            if self._polling is None or self._polling.done():
                self._polling = asyncio.create_task(self._poll())
            yield _PING
            await self._catch_up(listener, last_event)
            while True:
                try:
                    async with asyncio.timeout(self._ping):
                        event = await listener.queue.get()
                except TimeoutError:
                    event = _PING
                if event == _END:
                    break
                yield event
        finally:
            self._listeners.discard(listener)
            if key is not None and self._growing is not None:
                self._growing.leave(key, listener)

    async def _catch_up(self, listener: _Listener, last_event: str) -> None:
        now = time.time_ns() // 1000
        since = now - _OVERLAP_US
        if last_event.isdecimal() and len(last_event) < 19:
            since = max(now - _CATCH_UP_US, min(since, int(last_event) - _OVERLAP_US))
        for project, at, row in await self._changed(since):
            listener.tell(project, row, _event(at, row))

    async def _poll(self) -> None:
        told: dict[tuple[int, str], int] = {}
        newest = time.time_ns() // 1000
        while self._listeners:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._leaving.wait()
                for listener in self._listeners:
                    listener.end()
                return
            for listener in self._listeners:
                if not self._valid(listener.principal):
                    listener.cut()
            now = time.time_ns() // 1000
            for project, at, row in await self._changed(newest - _OVERLAP_US):
                newest = max(newest, min(at, now))  # another's clock may be ahead
                if told.get((project, row.id)) == at:
                    continue
                told[project, row.id] = at
                event = _event(at, row)
                for listener in self._listeners:
                    listener.tell(project, row, event)
            told = {k: at for k, at in told.items() if at >= newest - 2 * _OVERLAP_US}

    async def _changed(self, since: int) -> list[tuple[int, int, types.Session]]:
        try:
            return await asyncio.to_thread(self._views.changed, since)
        except sa.exc.SQLAlchemyError as error:
            log.warning("the live tail could not be read: %s", error.__class__.__name__)
            return []


def _event(at: int, row: types.Session) -> bytes:
    return b"event: session\nid: %d\ndata: " % at + msgspec.json.encode(row) + b"\n\n"
