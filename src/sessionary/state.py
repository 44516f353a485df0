"""What a conversation has said so far, from the id of an answer: the state behind `previous_response_id`.

State is a walk: an answer's call, the call that one went on from, and so on to the first. Each step is looked for
where it is soonest: among the calls of this worker, finished or not; among what was found before; in the spool, for
other workers and for what a kill left; in the store. So an id works as soon as the client has it, and a stream that
was cut has said what it delivered.

Invariants: another project's id, a deleted one and an unknown one are alike. Nothing is found by the id of a call
that was made with `store: false`, but over the connection (`near`) that made it.
"""

import asyncio
from collections import OrderedDict
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary import links
from sessionary.links import End, Link, Near
from sessionary.record.exchange import Record, Status
from sessionary.record.recorder import Recording
from sessionary.spooled import Spooled
from sessionary.store import reads, tree, writes
from sessionary.wire import loose
from sessionary.wire.reading import Said
from sessionary.wire.responses import item_ids

_MOST_CALLS = 20_000
_MOST_BYTES = 64 << 20
"""Of this worker's own calls, and of what it has found elsewhere."""


class State:
    def __init__(self, engine: sa.Engine, spooled: Spooled) -> None:
        self._engine = engine
        self._spooled = spooled
        self._recent: OrderedDict[str, Recording] = OrderedDict()
        self._recent_bytes = 0
        self._found: OrderedDict[tuple[int, str], Link] = OrderedDict()
        self._found_bytes = 0

    def remember(self, recording: Recording) -> None:
        """A call of this worker, from the moment its id can be known."""
        self._recent[recording.call_id] = recording
        self._recent_bytes += len(recording.asked)
        while len(self._recent) > _MOST_CALLS or self._recent_bytes > _MOST_BYTES:
            self._drop(next(iter(self._recent)))

    def forget(self, project: int, call_id: str) -> None:
        self._drop(call_id)
        self._lose((project, call_id))

    async def find(self, project: int, call_id: str, near: Near | None = None) -> Link | None:
        """The call, if this project has it."""
        if near and call_id in near:
            return links.of_recording(near[call_id])
        if not call_id or await asyncio.to_thread(self._is_forgotten, project, call_id):
            return None
        chain = await self._steps(project, call_id)
        return chain[0] if chain else None

    async def history(self, project: int, link: Link, near: Near | None = None) -> list[Said]:
        """Everything said up to and including `link`, first things first."""
        said = [said for step in await self.chain(project, link, near) for said in step.said]
        return [one if _is_itself(one) else await self._itself(project, one) for one in said]

    async def chain(self, project: int, link: Link, near: Near | None = None) -> list[Link]:
        """The calls up to and including `link`, first things first."""
        chain = [link]
        while parent := chain[-1].parent:
            if near and parent in near:
                chain.append(links.of_recording(near[parent]))
            elif steps := await self._steps(project, parent):
                chain += steps
            else:
                break
        return [step for link in reversed(chain) for step in (*link.before, link)]

    async def item(self, project: int, item_id: str) -> bytes | None:
        """An item that this project was given, or gave, by its id."""
        link = await self.find(project, item_ids.call_of(item_id))
        return None if link is None else next((raw for id, raw in links.items(link) if id == item_id), None)

    async def latest(self, project: int, conversation: str) -> list[Link]:
        """The calls of a conversation that the store may not have yet, newest first."""
        calls = await asyncio.to_thread(self._spooled.of_conversation, project, conversation)
        return [steps[0] for call_id in sorted(calls, reverse=True) if (steps := await self._steps(project, call_id))]

    async def asked(self, project: int, call_id: str) -> dict[str, Any]:
        """The body of a call's request."""
        recording = self._recent.get(call_id)
        body = recording.asked if recording else await asyncio.to_thread(self._asked, project, call_id)
        value = loose.decode(body)
        return value if isinstance(value, dict) else {}

    async def answered(self, project: int, call_id: str) -> bytes | None:
        """The answer as JSON, of a stream as far as it has come; None while there is none."""
        recording = self._recent.get(call_id)
        if recording is not None:
            return links.body_of(recording.begin.endpoint, recording.answer(), stream=recording.begin.stream)
        return await asyncio.to_thread(self._answered, project, call_id)

    async def events(self, project: int, call_id: str) -> tuple[bytes, Status]:
        """A streamed answer's bytes, as far as they have come, and how it stands."""
        recording = self._recent.get(call_id)
        if recording is not None:
            return recording.answer(), recording.status
        return await asyncio.to_thread(self._events, project, call_id)

    # -- where calls are found

    async def _steps(self, project: int, call_id: str) -> list[Link]:
        """The call and, as far as they lie in one place, those it went on from, newest first; [] if it is unknown."""
        recording = self._recent.get(call_id)
        if recording is not None and recording.begin.project != project:
            return []
        key = (project, call_id)
        if (found := self._found.get(key)) is not None:
            self._found.move_to_end(key)
            return [found]
        if recording is not None:
            steps = [links.of_recording(recording)]
        else:
            steps = await asyncio.to_thread(self._elsewhere, project, call_id)
        for step in steps:
            if step.status != "live":  # until then there may be more
                self._keep((project, step.call_id), step)
        return steps

    def _elsewhere(self, project: int, call_id: str) -> list[Link]:
        """The spool first: what it does not hold any more is in the store by then."""
        steps: list[Link] = []
        while call_id and call_id not in self._recent and (project, call_id) not in self._found:
            records = self._spooled.of(call_id)
            begin = links.begin_of(records)
            if begin is None:
                steps += self._in_store(project, call_id, records)
                break
            if begin.project != project or not begin.resumable:
                break
            end = links.end_of(records) or self._unfinished(call_id)
            steps.append(links.of_call(begin, begin.body, links.answer_of(records), end))
            call_id = begin.context.parent
        return steps

    def _in_store(self, project: int, call_id: str, later: list[Record]) -> list[Link]:
        """`later`: what came of the call after what the drain has seen of it."""
        with self._engine.connect() as connection:
            turns = tree.turns(connection, project, call_id)
            if not turns:
                return []
            path = tree.path(connection, project, turns[-1].output or turns[-1].leaf)
            begun = turns[-1].status == "live"
            data = writes.partial_bytes(connection, project, call_id) if begun else b""
        found = []
        ends = [turn.above for turn in turns[1:]]
        for turn, end in zip(turns, [*ends, len(path)], strict=True):
            said = [Said(s.raw, s.format, s.answer) for s in path[turn.above : end]]
            named = (turn.id, "", turn.session, turn.session_text)
            found.append(Link(*named, said, turn.created_at, turn.edit or 0, turn.status, turn.error_message or ""))
        link, turn = found.pop(), turns[-1]
        if begun:
            answer = links.body_of(turn.endpoint, data + links.answer_of(later), stream=turn.stream)
            link.said += links.said_in(turn.endpoint, answer)
            link.status, link.error = links.end_of(later) or (link.status, link.error)
        link.before = found
        return [link]

    def _unfinished(self, call_id: str) -> End:
        return ("live", "") if self._spooled.alive(call_id) else ("interrupted", "The gateway was stopped.")

    def _is_forgotten(self, project: int, call_id: str) -> bool:
        """Without a store nothing can be known to be deleted, and state goes on."""
        try:
            return reads.is_forgotten(self._engine, project, call_id)
        except sa.exc.SQLAlchemyError:
            return False

    async def _itself(self, project: int, said: Said) -> Said:
        """The item, where a stored message only refers to it."""
        referred = item_ids.referred(loose.decode(said.raw))
        raw = await self.item(project, referred) if referred else None
        return said if raw is None else msgspec.structs.replace(said, raw=raw)

    # -- what is asked of one call

    def _asked(self, project: int, call_id: str) -> bytes:
        begin = links.begin_of(self._spooled.of(call_id))
        if begin is not None:
            return begin.body
        row = reads.call(self._engine, project, call_id)
        if row is None:
            return b"{}"
        with self._engine.connect() as connection:
            return tree.request_body(connection, row)

    def _answered(self, project: int, call_id: str) -> bytes | None:
        records = self._spooled.of(call_id)
        if (begin := links.begin_of(records)) is not None:
            return links.body_of(begin.endpoint, links.answer_of(records), stream=begin.stream)
        row = reads.call(self._engine, project, call_id)
        if row is None:
            return None
        with self._engine.connect() as connection:
            if (body := tree.response_body(connection, row)) is not None:
                return body
            data = writes.partial_bytes(connection, project, call_id)
        return links.body_of(row.endpoint, data + links.answer_of(records), stream=row.stream)

    def _events(self, project: int, call_id: str) -> tuple[bytes, Status]:
        records = self._spooled.of(call_id)
        end = links.end_of(records)
        if links.begin_of(records) is not None:
            return links.answer_of(records), (end or self._unfinished(call_id))[0]
        row = reads.call(self._engine, project, call_id)
        if row is None:
            return b"", "interrupted"
        with self._engine.connect() as connection:
            data = tree.raw_events(connection, row) or b""
        return data + links.answer_of(records), end[0] if end else row.status

    # -- what is kept in memory

    def _keep(self, key: tuple[int, str], link: Link) -> None:
        self._lose(key)
        self._found[key] = link
        self._found_bytes += link.size()
        while len(self._found) > _MOST_CALLS or self._found_bytes > _MOST_BYTES:
            self._lose(next(iter(self._found)))

    def _lose(self, key: tuple[int, str]) -> None:
        if (link := self._found.pop(key, None)) is not None:
            self._found_bytes -= link.size()

    def _drop(self, call_id: str) -> None:
        if (recording := self._recent.pop(call_id, None)) is not None:
            self._recent_bytes -= len(recording.asked)


def _is_itself(said: Said) -> bool:
    return said.answer or said.format != "responses" or b'"id"' not in said.raw[:200]
