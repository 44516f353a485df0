"""What a conversation has said so far, from the id of an answer: the state behind `previous_response_id`.

State is a walk: an answer's call, the call that one went on from, and so on to the first. Each step is looked for
where it is soonest: among the calls of this worker, finished or not; among what was found before; in the spool, for
other workers and for what a kill left; in the store. So an id works as soon as the client has it, and a stream that
was cut has said what it delivered.

Of a gateway on another host there is only what its drain has stored, a moment later than its clients have it. So an id
of the last seconds that is not found is looked for again before it counts as unknown, and a call that is in flight
there is given the time to end before it is gone on from. Both are bounded, and of one host's store there is no wait.
What a gateway had in flight that is not heard of any more has ended with what is stored of it, until it is back.

Invariants: another project's id, a deleted one and an unknown one are alike. Nothing is found by the id of a call
that was made with `store: false`, but over the connection (`near`) that made it.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary import ids
from sessionary.limits import presence
from sessionary.record.exchange import Record, Status
from sessionary.record.recorder import Recording
from sessionary.state import links
from sessionary.state.bounded import Bounded
from sessionary.state.links import End, Link, Near
from sessionary.state.spooled import Spooled
from sessionary.store import live, reads, tree, writes
from sessionary.store.engine import is_shared, snapshot
from sessionary.store.others import PATIENCE
from sessionary.wire import loose
from sessionary.wire.reading import Said
from sessionary.wire.responses import item_ids

_MOST_CALLS = 20_000
_MOST_BYTES = 64 << 20
"""Of this worker's own calls, and of what it has found elsewhere."""
_REMEMBERED_MS = 86_400_000
"""Calls that are older are looked for where they are stored: they may have been deleted since, and not be known as
forgotten any more (see store.edits)."""
_LOOK = 0.1
"""Seconds between two looks."""
_LIVE: End = ("live", "")
_INTERRUPTED: End = ("interrupted", "The gateway was stopped.")


class State:
    def __init__(self, engine: sa.Engine, spooled: Spooled) -> None:
        self._engine = engine
        self._spooled = spooled
        self._shared = is_shared(engine)
        self._recent: Bounded[str, Recording] = Bounded(_MOST_CALLS, _MOST_BYTES)
        self._found: Bounded[tuple[int, str], Link] = Bounded(_MOST_CALLS, _MOST_BYTES)

    def remember(self, recording: Recording) -> None:
        """A call of this worker, from the moment its id can be known; again when it has ended, and has its size."""
        if not recording.finished or recording.call_id in self._recent:
            self._recent.put(recording.call_id, recording, recording.size())

    def forget(self, project: int, call_id: str) -> None:
        self._recent.drop(call_id)
        self._found.drop((project, call_id))

    async def find(self, project: int, call_id: str, near: Near | None = None, *, ended: bool = False) -> Link | None:
        """The call, if this project has it. `ended`: see `known`."""
        if near is not None and (recording := near.get(call_id)) is not None:
            return links.of_recording(recording)
        if call_id < ids.first_call_id(time.time_ns() // 1_000_000 - _REMEMBERED_MS):
            self.forget(project, call_id)
        if not call_id or await asyncio.to_thread(self._is_forgotten, project, call_id):
            return None
        return await self.known(project, call_id, ended=ended)

    async def known(self, project: int, call_id: str, *, ended: bool = False) -> Link | None:
        """As `find`, also where its response is deleted: for a conversation, which keeps what was said in it.

        `ended`: of a call that is in flight on another host its end is waited for, which may be there already.
        """
        began = time.monotonic()
        while True:
            steps = await self._steps(project, call_id) if call_id else []
            link = steps[0] if steps else None
            if link is None:
                again = self._may_come(call_id)
            else:
                again = ended and link.elsewhere and link.status == "live"
            if not again or time.monotonic() - began >= PATIENCE:
                return link
            await asyncio.sleep(_LOOK)

    async def history(self, project: int, link: Link, near: Near | None = None) -> list[Said]:
        """Everything said up to and including `link`, first things first."""
        said = [said for step in await self.chain(project, link, near) for said in step.said]
        return await self.resolved(project, said, near)

    async def resolved(self, project: int, said: Iterable[Said], near: Near | None = None) -> list[Said]:
        """With the items themselves, where stored messages only refer to them."""
        return [one if _is_itself(one) else await self._itself(project, one, near) for one in said]

    async def chain(self, project: int, link: Link, near: Near | None = None) -> list[Link]:
        """The calls up to and including `link`, first things first."""
        chain = [link]
        while parent := chain[-1].parent:
            if near is not None and (recording := near.get(parent)) is not None:
                chain.append(links.of_recording(recording))
            elif steps := await self._steps(project, parent):
                chain += steps
            else:
                break
        return [step for link in reversed(chain) for step in (*link.before, link)]

    async def items(self, project: int, ids: Iterable[str], near: Near | None = None) -> dict[str, bytes]:
        """Items that this project was given, or gave, by their ids; those that are unknown are left out."""
        wanted = set(ids)
        found: dict[str, bytes] = {}
        for call_id in sorted({item_ids.call_of(id) for id in wanted}):
            if (link := await self.find(project, call_id, near, ended=True)) is not None:
                held = dict(links.items(link))
                found |= {id: held[id] for id in wanted & held.keys()}
        return found

    async def latest(self, project: int, conversation: str) -> list[Link]:
        """The calls of a conversation that the store may not have yet; of the newest id first."""
        calls = await asyncio.to_thread(self._made_in, project, conversation)
        found = [await self.known(project, call_id, ended=True) for call_id in sorted(calls, reverse=True)]
        return [link for link in found if link is not None]

    async def seen_by_all(self, project: int, call_id: str) -> None:
        """Waits until gateways of other hosts can know that a call of this one has begun; not for long."""
        began = time.monotonic()
        while self._shared and time.monotonic() - began < PATIENCE:
            if await asyncio.to_thread(self._is_stored, project, call_id):
                return
            await asyncio.sleep(_LOOK / 5)

    async def asked(self, project: int, call_id: str) -> dict[str, Any]:
        """The body of a call's request; empty where it was no JSON object."""
        recording = self._recent.get(call_id)
        body = recording.asked if recording else await asyncio.to_thread(self._asked, project, call_id)
        return loose.read_object(body) or {}

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

    def _may_come(self, call_id: str) -> bool:
        """Whether a call that is not found may have begun on another host a moment ago, by the time in its id."""
        now, late = time.time_ns() // 1_000_000, int(PATIENCE * 1000)
        return self._shared and ids.first_call_id(now - late) <= call_id < ids.first_call_id(now + late)

    def _made_in(self, project: int, conversation: str) -> set[str]:
        """In the spool, then in the store, where a call may be that has begun there, and whose end is in the spool."""
        spooled = self._spooled.of_conversation(project, conversation)
        with self._engine.connect() as connection:
            return {*spooled, *live.in_conversation(connection, project, conversation)}

    def _is_stored(self, project: int, call_id: str) -> bool:
        with self._engine.connect() as connection:
            return live.writer(connection, project, call_id) != ""

    async def _steps(self, project: int, call_id: str) -> list[Link]:
        """The call and, as far as they lie in one place, those it went on from, newest first; [] if it is unknown."""
        recording = self._recent.get(call_id)
        if recording is not None and recording.begin.project != project:
            recording = None  # and it takes as long as what is unknown
        key = (project, call_id)
        if (found := self._found.get(key)) is not None:
            return [found]
        if recording is not None:
            steps = [links.of_recording(recording)]
        else:
            steps = await asyncio.to_thread(self._elsewhere, project, call_id)
        for step in steps:
            if step.status != "live" and not step.elsewhere:  # until then there may be more
                self._found.put((project, step.call_id), step, step.size())
        return steps

    def _elsewhere(self, project: int, call_id: str) -> list[Link]:
        """The spool first: what it does not hold any more is in the store by then. Up to what is in memory, except for
        the call itself, which may have come there since it was asked for."""
        steps: list[Link] = []
        while call_id:
            records = self._spooled.of(call_id)
            begin = links.begin_of(records)
            if begin is None:
                steps += self._in_store(project, call_id, records)
                break
            if begin.project != project:
                self._in_store(project, call_id, [])  # so that it takes as long as what is unknown
                break
            if not begin.resumable:
                break
            end = links.end_of(records)
            if end is None and not self._spooled.alive(call_id):
                records = self._spooled.of(call_id) or records  # it may have ended before its process did
                end = links.end_of(records) or _INTERRUPTED
            steps.append(links.of_call(begin, begin.body, links.answer_of(records), end or _LIVE))
            call_id = begin.context.parent
            if call_id in self._recent or (project, call_id) in self._found:
                break
        return steps

    def _in_store(self, project: int, call_id: str, later: list[Record]) -> list[Link]:
        """`later`: what came of the call after what the drain has seen of it."""
        with snapshot(self._engine) as connection:
            turns = tree.turns(connection, project, call_id)
            if not turns:
                return []
            path = tree.path(connection, project, turns[-1].output or turns[-1].leaf)
            begun = turns[-1].status == "live"
            parts = writes.partials(connection, project, call_id) if begun else {}
            writer = live.writer(connection, project, call_id) if begun else ""
        found = []
        starts = [0, *(turn.above for turn in turns[1:])]  # 0: an earlier call may be deleted, its messages are not
        for turn, start, end in zip(turns, starts, [*starts[1:], len(path)], strict=True):
            said = [Said(s.raw, s.format, s.answer) for s in path[start:end]]
            named = (turn.id, "", turn.session, turn.session_text)
            found.append(Link(*named, said, turn.created_at, turn.edit or 0, turn.status, turn.error_message or ""))
        link, turn = found.pop(), turns[-1]
        if begun:
            answer = links.body_of(turn.endpoint, links.streamed(parts, later), stream=turn.stream)
            link.said += links.said_in(turn.endpoint, answer)
            link.status, link.error = links.end_of(later) or (link.status, link.error)
            link.elsewhere = link.status == "live" and not self._spooled.has(writer)
            if link.elsewhere and presence.is_away(self._engine, writer, time.time_ns() // 1000):
                link.status, link.error = _INTERRUPTED  # for now: there may be more when that gateway is back
        link.before = found
        return [link]

    def _is_forgotten(self, project: int, call_id: str) -> bool:
        """Without a store nothing can be known to be deleted, and state goes on."""
        try:
            return reads.is_forgotten(self._engine, project, call_id)
        except sa.exc.SQLAlchemyError:
            return False

    async def _itself(self, project: int, said: Said, near: Near | None) -> Said:
        """The item, where a stored message only refers to it."""
        referred = item_ids.referred(loose.read_object(said.raw))
        found = await self.items(project, [referred], near) if referred else {}
        return msgspec.structs.replace(said, raw=found[referred]) if found else said

    # -- what is asked of one call

    def _asked(self, project: int, call_id: str) -> bytes:
        begin = links.begin_of(self._spooled.of(call_id))
        if begin is not None:
            return begin.body
        with snapshot(self._engine) as connection:
            row = reads.call_within(connection, project, call_id)
            return b"{}" if row is None else tree.request_body(connection, row)

    def _answered(self, project: int, call_id: str) -> bytes | None:
        records = self._spooled.of(call_id)
        if (begin := links.begin_of(records)) is not None:
            return links.body_of(begin.endpoint, links.answer_of(records), stream=begin.stream)
        with snapshot(self._engine) as connection:
            row = reads.call_within(connection, project, call_id)
            if row is None:
                return None
            if row.status != "live":
                return tree.response_body(connection, row)
            parts = writes.partials(connection, project, call_id)
        return links.body_of(row.endpoint, links.streamed(parts, records), stream=row.stream)

    def _events(self, project: int, call_id: str) -> tuple[bytes, Status]:
        records = self._spooled.of(call_id)
        end = links.end_of(records)
        if links.begin_of(records) is not None:
            end = end or (_LIVE if self._spooled.alive(call_id) else _INTERRUPTED)
            return links.answer_of(records), end[0]
        with snapshot(self._engine) as connection:
            row = reads.call_within(connection, project, call_id)
            if row is None:
                return b"", "interrupted"
            if row.status != "live":
                return tree.raw_events(connection, row) or b"", row.status
            parts = writes.partials(connection, project, call_id)
        return links.streamed(parts, records), (end or _LIVE)[0]


def _is_itself(said: Said) -> bool:
    return said.answer or said.format != "responses" or b'"id"' not in said.raw[:200]
