"""Answers while they are said, for the browsers that look at their sessions.

One task a worker serves all of them: it marks what is watched, so that whichever worker makes a call lets its bytes be
seen (`record.tails`), reads what there is more of, once however many look, and tells each. Who comes later, or does not
keep up, is told all of it again from the beginning. When the last one leaves, nothing is left.

The calls of a gateway elsewhere, which shares the store and not the disk, are told from the checkpoints that its drain
stores, a second apart.
"""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa

from sessionary.record.tails import Tail, Tails
from sessionary.store import live
from sessionary.wire.unfolding import Grown, Unfolding

log = logging.getLogger("sessionary.growing")
INTERVAL = 0.1
_ASK_STORE = 0.3
_MARK = 1.0
_CHUNK = 1 << 20
Key = tuple[int, str]
"""Project, and our id of the session."""
Spooled = Callable[[int, str], Awaitable[tuple[bytes, object]]]
"""Project and call -> a stream's bytes as far as the log has them, and more."""


class Listener(Protocol):
    behind: bool
    """Whether it has to be told all from the beginning."""

    def grow(self, event: bytes) -> None:
        """Sets `behind` where there is no room for it."""

    def has_room(self) -> bool: ...


class _Event(msgspec.Struct):
    call_id: str
    pieces: list[Grown]


class _File:
    """The bytes of a call of this host."""

    def __init__(self, fd: int) -> None:
        self.over = False
        self._fd = fd

    def more(self) -> Iterator[bytes]:
        removed = os.fstat(self._fd).st_nlink == 0  # asked first: what was written before is read below
        while data := os.read(self._fd, _CHUNK):
            yield data
        self.over = removed

    def close(self) -> None:
        os.close(self._fd)


class _Checkpoints:
    """The bytes of a call of another host, as far as they are stored."""

    def __init__(self, engine: sa.Engine, project: int, call_id: str) -> None:
        self.over = False
        self._engine = engine
        self._call = (project, call_id)
        self._next = 0

    def more(self) -> Iterator[bytes]:
        with self._engine.connect() as connection:
            parts = live.parts(connection, *self._call, self._next)
        for part in parts:
            self._next = part.seq + 1
            yield part.data

    def close(self) -> None:
        self.over = True


class _Call:
    """An answer that is read."""

    def __init__(self, tail: Tail, source: _File | _Checkpoints) -> None:
        self.tail = tail
        self.source = source
        self.ready = tail.offset == 0
        """Whether what came before the file is read."""
        self._unfolding = Unfolding(tail.endpoint)

    def begin(self, data: bytes) -> bytes | None:
        """`data`: what came before the file. The event of it."""
        self.ready = True
        return self._event(self._unfolding.feed(data))

    def more(self) -> bytes | None:
        """The event of what came since; None where nothing did. Blocks."""
        grown: dict[int, Grown] = {}
        for data in self.source.more():
            for one in self._unfolding.feed(data):
                before = grown.get(one.index)
                grown[one.index] = (
                    one if before is None else msgspec.structs.replace(before, text=before.text + one.text)
                )
        return self._event(grown.values())

    def whole(self) -> bytes | None:
        return self._event(self._unfolding.whole())

    def _event(self, grown: Iterable[Grown]) -> bytes | None:
        pieces = list(grown)
        if not pieces:
            return None
        return b"event: growing\ndata: " + msgspec.json.encode(_Event(self.tail.call_id, pieces)) + b"\n\n"


class Growing:
    def __init__(self, engine: sa.Engine, tails: Tails, spooled: Spooled, is_here: Callable[[str], bool]) -> None:
        """`is_here`: whether a writer, by its name, is one of this host."""
        self._engine = engine
        self._is_here = is_here
        self._tails = tails
        self._spooled = spooled
        self._listeners: dict[Key, set[Listener]] = {}
        self._calls: dict[Key, dict[str, _Call]] = {}
        self._sessions: dict[str, Key] = {}
        """The session of a call in flight, by the store: content may have decided it."""
        self._task: asyncio.Task[None] | None = None

    def join(self, key: Key, listener: Listener) -> None:
        listener.behind = True
        self._listeners.setdefault(key, set()).add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def leave(self, key: Key, listener: Listener) -> None:
        listeners = self._listeners.get(key, set())
        listeners.discard(listener)
        if not listeners:
            self._listeners.pop(key, None)

    async def _run(self) -> None:
        marked = asked = -_MARK
        try:
            while self._listeners:
                now = time.monotonic()
                keys, mark, ask = list(self._listeners), now - marked >= _MARK, now - asked >= _ASK_STORE
                marked, asked = now if mark else marked, now if ask else asked
                try:
                    told = await asyncio.to_thread(self._look, keys, mark=mark, ask=ask)
                    await self._catch_up(told)
                    self._tell(told)
                except (OSError, sa.exc.SQLAlchemyError) as error:
                    log.warning("answers could not be watched: %s", error.__class__.__name__)
                await asyncio.sleep(INTERVAL)
        finally:
            self._drop({})

    # -- in a thread

    def _look(self, keys: list[Key], *, mark: bool, ask: bool) -> dict[Key, list[bytes]]:
        """Events, in order, by session."""
        if ask:
            with self._engine.connect() as connection:
                flying = live.calls(connection, keys)
            found = {row.id: (row.project, row.session) for row in flying}
            self._follow([row for row in flying if not self._is_here(row.writer)])
            mark = mark or found.keys() - self._sessions.keys() != set()
            self._sessions = found
        if mark:
            self._tails.mark([*(session for _, session in keys), *self._sessions])
        self._open(set(keys), ask=ask)
        told: dict[Key, list[bytes]] = {}
        for key, calls in self._calls.items():
            readable = (call for call in calls.values() if call.ready and (ask or isinstance(call.source, _File)))
            events = (call.more() for call in readable)
            told[key] = [event for event in events if event is not None]
        return told

    def _follow(self, elsewhere: Sequence[Any]) -> None:
        """Calls in flight of other hosts."""
        there = {row.id for row in elsewhere}
        for calls in self._calls.values():
            for id, call in calls.items():
                if isinstance(call.source, _Checkpoints) and id not in there:
                    call.source.close()
        for row in elsewhere:
            calls = self._calls.setdefault((row.project, row.session), {})
            if row.id not in calls:
                tail = Tail(row.id, row.project, row.session, row.endpoint, 0)
                calls[row.id] = _Call(tail, _Checkpoints(self._engine, row.project, row.id))

    def _open(self, keys: set[Key], *, ask: bool) -> None:
        """Reads the files that are new to it. Of calls whose end is stored there is nothing more to come: a worker that
        was killed has left the file."""
        wanted: dict[str, tuple[Key, Tail]] = {}
        for tail in self._tails.found():
            key = self._sessions.get(tail.call_id, (tail.project, tail.session))
            if key in keys and key[0] == tail.project:
                wanted[tail.call_id] = (key, tail)
        known = {id: call for calls in self._calls.values() for id, call in calls.items()}
        new = wanted.keys() - known.keys()
        over = self._ended([tail for _, tail in wanted.values()] if ask else [wanted[id][1] for id in new])
        for tail in over:
            self._tails.remove(tail)
        gone = {tail.call_id for tail in over}
        for id in new - gone:
            key, tail = wanted[id]
            if (fd := self._tails.open(tail)) is not None:
                self._calls.setdefault(key, {})[id] = _Call(tail, _File(fd))

    def _ended(self, tails: list[Tail]) -> list[Tail]:
        if not tails:
            return []
        with self._engine.connect() as connection:
            projects = {tail.project for tail in tails}
            calls = {p: {t.call_id: t.session for t in tails if t.project == p} for p in projects}
            over = {p: live.ended(connection, p, calls[p]) for p in projects}
        return [tail for tail in tails if tail.call_id in over[tail.project]]

    # -- in the loop

    async def _catch_up(self, told: dict[Key, list[bytes]]) -> None:
        """What came before a file was begun is in the log, or will be in a moment."""
        for key, call in [(key, call) for key, calls in self._calls.items() for call in calls.values()]:
            if not call.ready:
                data, _ = await self._spooled(call.tail.project, call.tail.call_id)
                if len(data) >= call.tail.offset:
                    event = await asyncio.to_thread(call.begin, data[: call.tail.offset])
                    told.setdefault(key, []).extend([event] if event is not None else [])

    def _tell(self, news: dict[Key, list[bytes]]) -> None:
        for key, listeners in self._listeners.items():
            calls = self._calls.get(key, {}).values()
            whole: list[bytes] | None = None
            for listener in listeners:
                if not listener.behind:
                    for event in news.get(key, ()):
                        listener.grow(event)
                elif listener.has_room():
                    if whole is None:
                        whole = [told for call in calls if call.ready and (told := call.whole()) is not None]
                    listener.behind = False
                    for event in whole:
                        listener.grow(event)
        self._drop({key: calls for key, calls in self._calls.items() if key in self._listeners})

    def _drop(self, keep: dict[Key, dict[str, _Call]]) -> None:
        """Closes the calls of sessions that nobody looks at, and those that are over."""
        for key, calls in list(self._calls.items()):
            for id, call in list(calls.items()):
                if call.source.over or key not in keep:
                    call.source.close()
                    del calls[id]
            if not calls:
                del self._calls[key]
