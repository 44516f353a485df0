"""What a conversation has said so far, from the id of an answer: the state behind `previous_response_id`.

State is a walk: an answer's call, the call that one went on from, and so on to the first. Each step is looked for
where it is soonest: among the calls of this worker, finished or not; in the spool, for other workers and for what a
kill left; in the store. So an id works as soon as the client has it, and a stream that was cut has said what it
delivered.

Invariants: another project's id, a deleted one and an unknown one are alike. Nothing is found by the id of a call
that was made with `store: false`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from sessionary.record import exchange
from sessionary.record.exchange import Begin, Finish, Part
from sessionary.record.recorder import Recording
from sessionary.spool.frame import Frame
from sessionary.spool.reader import Cursor, Reader
from sessionary.store import reads, tree
from sessionary.wire import assemble
from sessionary.wire.reading import FORMATS, Said
from sessionary.wire.split import split, split_response

_MOST_CALLS = 20_000
_MOST_BYTES = 128 << 20


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


class State:
    def __init__(self, engine: sa.Engine, spool: Reader, own_writer: str) -> None:
        self._engine = engine
        self._spool = spool
        self._own = own_writer
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

    async def find(self, project: int, call_id: str) -> Link | None:
        """The call, if this project has it."""
        if await asyncio.to_thread(self._is_forgotten, project, call_id):
            return None
        return await self._step(project, call_id)

    async def _step(self, project: int, call_id: str) -> Link | None:
        recording = self._recent.get(call_id)
        if recording is not None:
            return self._of_recording(recording) if recording.begin.project == project else None
        return await asyncio.to_thread(self._elsewhere, project, call_id)

    async def history(self, project: int, link: Link) -> list[Said]:
        """Everything said up to and including `link`, first things first."""
        chain = [link]
        while chain[-1].parent:
            before = await self._step(project, chain[-1].parent)
            if before is None:
                break
            chain.append(before)
        return [said for step in reversed(chain) for said in step.said]

    def _is_forgotten(self, project: int, call_id: str) -> bool:
        """Without a store nothing can be known to be deleted, and state goes on."""
        try:
            return reads.is_forgotten(self._engine, project, call_id)
        except sa.exc.SQLAlchemyError:
            return False

    def _of_recording(self, recording: Recording) -> Link:
        found = self._links.get(recording.call_id)
        if found is None:
            found = _link(recording.begin, recording.answer())
            if recording.finished:  # until then there may be more
                self._links[recording.call_id] = found
                if len(self._links) > _MOST_CALLS:
                    self._links.popitem(last=False)
        return found

    def _elsewhere(self, project: int, call_id: str) -> Link | None:
        """The spool first: what it does not hold any more is in the store by then."""
        return self._in_spool(project, call_id) or self._in_store(project, call_id)

    def _in_spool(self, project: int, call_id: str) -> Link | None:
        begin: Begin | None = None
        data: list[bytes] = []
        for record in self._records():
            if record.call_id != call_id:
                continue
            match record:
                case Begin():
                    begin = record
                case Part():
                    data.append(record.data)
                case Finish():
                    data.append(record.body)
        if begin is None or begin.project != project or begin.private:
            return None
        return _link(begin, b"".join(data))

    def _records(self) -> Iterator[exchange.Record]:
        """All that other writers have written and the drain has not yet removed."""
        for writer in self._spool.writers():
            if writer == self._own:
                continue
            cursor = Cursor()
            while (chunk := self._spool.read(writer, cursor, alive=True)).cursor != cursor:
                cursor = chunk.cursor
                for _, piece in chunk.items:
                    if isinstance(piece, Frame):
                        try:
                            yield exchange.decode(piece.payload)
                        except msgspec.DecodeError:
                            continue

    def _in_store(self, project: int, call_id: str) -> Link | None:
        row = reads.call(self._engine, project, call_id)
        if row is None:
            return None
        with self._engine.connect() as connection:
            path = tree.path(connection, project, row.output or row.leaf)
            body = tree.response_body(connection, row)
        said = [Said(s.raw, s.format, s.answer) for s in path]
        return Link(call_id, "", row.session, row.session_text, said, body)


def _link(begin: Begin, answer: bytes) -> Link:
    """`answer` is what was delivered: JSON, or a stream's events."""
    format = FORMATS[begin.endpoint]
    asked = split(begin.body, begin.endpoint)
    body = answer
    if begin.stream and answer:
        body = assemble.assemble(answer, begin.endpoint).body
    answered = split_response(body, begin.endpoint) if body else None
    said = [Said(raw, format, answer=False) for raw in asked.messages]
    said += [Said(raw, format, answer=True) for raw in (answered.messages if answered else [])]
    return Link(begin.call_id, begin.parent, begin.session_id, begin.session_text, said, body or None)
