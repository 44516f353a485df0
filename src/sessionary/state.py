"""What a conversation has said so far, from the id of an answer: the state behind `previous_response_id`.

State is a walk: an answer's call, the call that one went on from, and so on to the first. Each step is looked for
where it is soonest: among the calls of this worker, finished or not; in the spool, for other workers and for what a
kill left; in the store. So an id works as soon as the client has it, and a stream that was cut has said what it
delivered.

Invariants: another project's id, a deleted one and an unknown one are alike. Nothing is found by the id of a call
that was made with `store: false`, but over the connection (`near`) that made it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.record.exchange import Begin, Finish, Part, Record, Status
from sessionary.record.recorder import Recording
from sessionary.spooled import Spooled
from sessionary.store import reads, tree, writes
from sessionary.wire import assemble, loose
from sessionary.wire.reading import FORMATS, Said
from sessionary.wire.responses import item_ids
from sessionary.wire.split import split, split_response

_MOST_CALLS = 20_000
_MOST_BYTES = 128 << 20
End = tuple[Status, str]
Near = Mapping[str, Recording]
"""Calls that one connection alone can go on from."""


@dataclass(slots=True)
class Link:
    """One call of a conversation: what it added, and what it went on from."""

    call_id: str
    parent: str
    """The call before it; "" for the first, or where `said` is all there is."""
    session_id: str
    session_text: str
    said: list[Said]
    body: bytes | None
    """The answer, as JSON."""
    at: int
    """When it began, in microseconds."""
    edit: int = 0
    """Of the conversation that it was made in."""
    status: Status = "ok"
    error: str = ""
    """What went wrong, in words."""
    before: Sequence["Link"] = ()
    """The calls before it, first things first, where they are known; `parent` is "" then."""


class State:
    def __init__(self, engine: sa.Engine, spooled: Spooled) -> None:
        self._engine = engine
        self._spooled = spooled
        self._recent: OrderedDict[str, Recording] = OrderedDict()
        self._links: OrderedDict[str, Link] = OrderedDict()
        self._bytes = 0

    def remember(self, recording: Recording) -> None:
        """From the moment its id can be known."""
        self._recent[recording.call_id] = recording
        self._bytes += len(recording.begin.body)
        while len(self._recent) > _MOST_CALLS or self._bytes > _MOST_BYTES:
            _, old = self._recent.popitem(last=False)
            self._bytes -= len(old.begin.body)

    def forget(self, call_id: str) -> None:
        self._links.pop(call_id, None)
        if (old := self._recent.pop(call_id, None)) is not None:
            self._bytes -= len(old.begin.body)

    async def find(self, project: int, call_id: str, near: Near | None = None) -> Link | None:
        """The call, if this project has it."""
        if near and call_id in near:
            return link_of(near[call_id])
        if not call_id or await asyncio.to_thread(self._is_forgotten, project, call_id):
            return None
        return await self._step(project, call_id)

    async def history(self, project: int, link: Link, near: Near | None = None) -> list[Said]:
        """Everything said up to and including `link`, first things first."""
        chain = await self.chain(project, link, near)
        return [await self._itself(project, said) for step in chain for said in step.said]

    async def chain(self, project: int, link: Link, near: Near | None = None) -> list[Link]:
        """The calls up to and including `link`, first things first."""
        chain = [link]
        while parent := chain[-1].parent:
            before = link_of(near[parent]) if near and parent in near else await self._step(project, parent)
            if before is None:
                break
            chain.append(before)
        return [step for link in reversed(chain) for step in (*link.before, link)]

    async def asked(self, project: int, call_id: str) -> dict[str, Any]:
        """The body of a call's request."""
        recording = self._recent.get(call_id)
        body = recording.asked if recording else await asyncio.to_thread(self._body, project, call_id)
        value = loose.decode(body)
        return value if isinstance(value, dict) else {}

    async def events(self, project: int, call_id: str) -> tuple[bytes, Status]:
        """A streamed answer's bytes, as far as they have come, and how it stands."""
        recording = self._recent.get(call_id)
        if recording is not None:
            return recording.answer(), recording.status
        return await asyncio.to_thread(self._events, project, call_id)

    async def item(self, project: int, item_id: str) -> bytes | None:
        """An item that this project was given, or gave, by its id."""
        link = await self.find(project, item_ids.call_of(item_id))
        return None if link is None else next((raw for id, raw in items(link) if id == item_id), None)

    async def latest(self, project: int, conversation: str) -> list[Link]:
        """The calls of a conversation that the store may not have yet, newest first."""
        calls = await asyncio.to_thread(self._spooled.of_conversation, project, conversation)
        found = [await self._step(project, call_id) for call_id in sorted(calls, reverse=True)]
        return [link for link in found if link is not None]

    async def _step(self, project: int, call_id: str) -> Link | None:
        recording = self._recent.get(call_id)
        if recording is not None:
            return self._of_recording(recording) if recording.begin.project == project else None
        return await asyncio.to_thread(self._elsewhere, project, call_id)

    async def _itself(self, project: int, said: Said) -> Said:
        """The item, where a stored message only refers to it."""
        if said.answer or said.format != "responses" or b'"id"' not in said.raw[:200]:
            return said
        referred = item_ids.referred(loose.decode(said.raw))
        raw = await self.item(project, referred) if referred else None
        return said if raw is None else msgspec.structs.replace(said, raw=raw)

    def _is_forgotten(self, project: int, call_id: str) -> bool:
        """Without a store nothing can be known to be deleted, and state goes on."""
        try:
            return reads.is_forgotten(self._engine, project, call_id)
        except sa.exc.SQLAlchemyError:
            return False

    def _of_recording(self, recording: Recording) -> Link:
        found = self._links.get(recording.call_id)
        if found is None:
            found = link_of(recording)
            if recording.finished:  # until then there may be more
                self._links[recording.call_id] = found
                if len(self._links) > _MOST_CALLS:
                    self._links.popitem(last=False)
        return found

    def _elsewhere(self, project: int, call_id: str) -> Link | None:
        """The spool first: what it does not hold any more is in the store by then."""
        records = self._spooled.of(call_id)
        begin = next((record for record in records if isinstance(record, Begin)), None)
        if begin is None:
            return self._in_store(project, call_id, records)
        if begin.project != project or not begin.resumable:
            return None
        return _link(begin, begin.body, _answer(records), _end(records) or self._unfinished(call_id))

    def _body(self, project: int, call_id: str) -> bytes:
        begin = next((r for r in self._spooled.of(call_id) if isinstance(r, Begin)), None)
        row = reads.call(self._engine, project, call_id) if begin is None else None
        if row is None:
            return begin.body if begin is not None else b"{}"
        with self._engine.connect() as connection:
            return tree.request_body(connection, row)

    def _events(self, project: int, call_id: str) -> tuple[bytes, Status]:
        records = self._spooled.of(call_id)
        end = _end(records)
        if any(isinstance(record, Begin) for record in records):
            return _answer(records), (end or self._unfinished(call_id))[0]
        row = reads.call(self._engine, project, call_id)
        if row is None:
            return b"", "interrupted"
        with self._engine.connect() as connection:
            return (tree.raw_events(connection, row) or b"") + _answer(records), end[0] if end else row.status

    def _unfinished(self, call_id: str) -> End:
        return ("live", "") if self._spooled.alive(call_id) else ("interrupted", "The gateway was stopped.")

    def _in_store(self, project: int, call_id: str, later: list[Record]) -> Link | None:
        """`later`: what came of the call after what the drain has seen of it."""
        row = reads.call(self._engine, project, call_id)
        if row is None:
            return None
        with self._engine.connect() as connection:
            turns = tree.turns(connection, project, row)
            path = tree.path(connection, project, row.output or row.leaf)
            body = tree.response_body(connection, row)
            data = b"" if body is not None else writes.partial_bytes(connection, project, call_id)
        links = []
        ends = [turn.above for turn in turns[1:]]
        for turn, end in zip(turns, [*ends, len(path)], strict=True):
            said = [Said(s.raw, s.format, s.answer) for s in path[turn.above : end]]
            named = (turn.session, turn.session_text)
            links.append(Link(turn.id, "", *named, said, None, turn.created_at, turn.edit or 0))
        link = links.pop()
        if body is None and (data or later):
            body, answered = _answered(row.endpoint, data + _answer(later), stream=row.stream)
            link.said += answered
        link.body = body
        link.before = links
        link.status, link.error = _end(later) or (row.status, row.error_message or "")
        return link


def items(link: Link, *, answers: bool = True) -> list[tuple[str, bytes]]:
    """The items of a call by their ids: what was asked, then what was answered."""
    found = []
    nameless = 0
    for said in link.said:
        if said.format != "responses" or (said.answer and not answers):
            continue
        value = loose.decode(said.raw)
        own = value.get("id") if isinstance(value, dict) else None
        if isinstance(own, str) and (said.answer or item_ids.call_of(own)):
            found.append((own, said.raw))
        elif not said.answer:
            found.append((item_ids.asked(link.call_id, nameless), said.raw))
            nameless += 1
    return found


def link_of(recording: Recording) -> Link:
    return _link(recording.begin, recording.asked, recording.answer(), (recording.status, recording.error))


def _link(begin: Begin, body: bytes, answer: bytes, end: End) -> Link:
    """`answer` is what was delivered: JSON, or a stream's events."""
    format = FORMATS[begin.endpoint]
    known = begin.context.references
    asked = [*begin.context.added, *(item_ids.resolved(raw, known) for raw in split(body, begin.endpoint).messages)]
    said = [Said(raw, format, answer=False) for raw in asked]
    answered, more = _answered(begin.endpoint, answer, stream=begin.stream)
    return Link(
        begin.call_id,
        begin.context.parent,
        begin.session_id,
        begin.session_text,
        said + more,
        answered,
        begin.at,
        begin.context.edit,
        *end,
    )


def _answered(endpoint: str, answer: bytes, *, stream: bool) -> tuple[bytes | None, list[Said]]:
    """The answer as JSON, and what was said in it."""
    body = assemble.assemble(answer, endpoint).body if stream and answer else answer
    parts = split_response(body, endpoint).messages if body else []
    return body or None, [Said(raw, FORMATS[endpoint], answer=True) for raw in parts]


def _end(records: Iterable[Record]) -> End | None:
    return next(((r.status, r.error_message) for r in records if isinstance(r, Finish)), None)


def _answer(records: Iterable[Record]) -> bytes:
    return b"".join(
        record.data if isinstance(record, Part) else record.body for record in records if not isinstance(record, Begin)
    )
