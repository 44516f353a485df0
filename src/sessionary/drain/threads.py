"""Which session a call belongs to, and what it goes on from: the rules of threading, in their order.

What a call says of itself wins: its session's id, then the answer that it names. Without those its content decides,
among the calls of the same key and user in the last days: the history that it sends back, what started it or was
compacted for it, the failed call that it tries again. Where nothing is found it begins a session: two conversations
taken for one are worse than one taken for two. What a person moved or merged holds for what goes on from it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from sessionary.drain import compaction, side
from sessionary.drain.compaction import Compaction
from sessionary.drain.earlier import Earlier
from sessionary.drain.known import Known, Scope
from sessionary.drain.link import Origin, Placed, Ref
from sessionary.drain.requests import Parsed, Step
from sessionary.drain.resent import Resent, answered, ends
from sessionary.drain.spawns import Spawns
from sessionary.record.exchange import Begin
from sessionary.store import schema
from sessionary.store.questions import present
from sessionary.store.states import States
from sessionary.wire.message import Message

WINDOW_US = 7 * 86_400_000_000
_RETRY_US = 600_000_000
_AT_ONCE_US = 60_000_000
"""Within which a failed request that is sent again is a retry, whether its client says so or not."""
_RETRIES = "x-stainless-retry-count"


class Threads:
    """Of one round. What is begun and answered in it is known to what comes later in it."""

    def __init__(self, connection: sa.Connection, states: States, window: int = WINDOW_US) -> None:
        """`states`: in which sessions are read. `window`: microseconds for which content is remembered."""
        self._db = connection
        self._window = window
        self._merged: dict[tuple[int, str], str] = {}
        self.known = Known(connection, states)
        self._earlier = Earlier(connection)
        self._resent = Resent(self.known, self._earlier)
        self.spawns = Spawns(connection, self.known, self._earlier)
        self._compaction = Compaction(self.known, self._earlier)
        self.summaries: set[str] = set()
        """Calls of this round that ask for a summary."""
        self.lacking: list[int] = []
        """When calls of this round began whose histories end with an answer that is not known."""

    def homes(self, project: int, several: Sequence[Parsed]) -> set[str]:
        """Of calls that are about to be placed: the sessions that they name, or begin if content finds none."""
        named = {p.begin.session_id for p in several if p.begin.source not in ("none", "response")}
        for row in present(self._db, schema.merged, "id", project, named, "session"):
            self._merged[project, row.id] = row.session
        return {self._home(p.begin) if p.begin.source != "none" else p.begin.session_id for p in several}

    def expect(self, project: int, several: Sequence[Parsed]) -> set[str]:
        """Looks up for all of such calls what nearly each needs. Returns the other sessions in which they may come to
        be."""
        going_on: list[tuple[bytes, Scope]] = []
        beginning: list[Parsed] = []
        for parsed in several:
            if parsed.begin.source == "none" and not parsed.begin.threading:
                continue
            if last := next(ends(parsed), None):
                going_on.append((last.node, self._scope(parsed.begin)))
            else:
                beginning.append(parsed)
        self.known.expect("output_node", going_on)
        asked = [(p.steps[-1].node, self._scope(p.begin)) for p in beginning if p.steps]
        self.known.expect("leaf_node", asked)
        self.spawns.expect(beginning)
        return self.known.sessions(project)

    def place(self, parsed: Parsed, before: Ref | None) -> Placed:
        """`before`: the call whose answer the request names. Nodes are set on `parsed.steps`."""
        begin = parsed.begin
        if begin.replays and (replay := self._replay(parsed)) is not None:
            placed = replay
        elif before is not None and parsed.base is not None:
            session = before.session if begin.source == "response" else self._home(begin, before)
            placed = Placed(session, begin.source, begin.rule, before, parsed.base.depth)
            placed.again = self._again(parsed, placed)
        elif begin.source != "none":
            placed = self._named(parsed)
        else:
            placed = self._by_content(parsed) if begin.threading else _new(begin)
        if placed.parent is None and placed.origin is None:
            placed.side = side.is_side(parsed, named=begin.source != "none")
            placed.again = None if placed.side else placed.again
        self._earlier.asked(parsed)
        if not begin.replays and compaction.asked_for(parsed, placed):
            self.summaries.add(begin.call_id)
        if placed.gone_on is not None:
            self.known.goes_on(begin.project, placed.gone_on)
        last = next(ends(parsed), None) if parsed.base is None else None
        if last is not None and last.depth > placed.base_depth:
            self.lacking.append(begin.at)
        return placed

    def answered(self, project: int, call: Mapping[str, Any], answer: list[Message]) -> None:
        """`call` is the row of a call that has ended."""
        ref = Ref.of(call)
        by = ("leaf_node", "output_node", "answer_key", "summary_key")
        self.known.add(project, ref, **{name: call[name] for name in by})
        self._earlier.told(ref.id, answer)
        if ref.source != "replay":  # agents that its answer would start are never started
            self.spawns.told(project, ref, answer)

    # -- calls that say which session they belong to

    def _home(self, begin: Begin, parent: Ref | None = None) -> str:
        """Where such a call is put; where a person has moved what it goes on from, there."""
        if parent is not None and parent.home == begin.session_id:
            return parent.session
        return self._merged.get((begin.project, begin.session_id), begin.session_id)

    def _named(self, parsed: Parsed) -> Placed:
        begin = parsed.begin
        session = self._home(begin)
        scope = self._session(begin, session)
        found, origin = None, None
        if answered(parsed.steps):
            found = self._resent.history(parsed, scope)
            origin = self._compaction.of(parsed, scope) if found is None else None
        else:
            origin = self._origin(parsed, scope, session) or self._started(begin, session)
        if found is None and origin is None:
            asked = self._resent.asked(parsed, scope)
            found = None if asked is not None and side.is_side(parsed, named=True) else asked
        placed = Placed(self._home(begin, found.refs[0] if found else None), begin.source, begin.rule, origin=origin)
        if found is not None:
            placed.parent, placed.base_depth = found.refs[0], found.depth
        if placed.origin is None:
            placed.again = self._again(parsed, placed)
        return placed

    def _replay(self, parsed: Parsed) -> Placed | None:
        """None where what it replays is not there any more."""
        begin = parsed.begin
        asked = self.known.call(begin.project, begin.replays)
        if asked is None:
            return None
        placed = Placed(self._home(begin), begin.source, begin.rule, base_depth=asked.base_depth)
        placed.origin = Origin("replay", asked)
        if before := asked.parent or asked.origin:
            replay = self.known.replay(begin.project, placed.session, before)
            placed.parent = replay or self.known.newest(begin.project, placed.session, "", begin.at)
        placed.again = self._again(parsed, placed)
        return placed

    def _started(self, begin: Begin, session: str) -> Origin | None:
        """Of an agent that the harness names, and whose words no tool call was given: what its parent did last."""
        if not begin.agent or self.known.newest(begin.project, session, begin.agent, begin.at) is not None:
            return None
        ref = self.known.newest(begin.project, session, begin.agent_parent, begin.at)
        return Origin("spawn", ref) if ref is not None else None

    def continues(self, parsed: Parsed, placed: Placed) -> Ref | None:
        """For the first call of a named session: the call of another one that it goes on from all the same, or that it
        replays."""
        if placed.origin is not None and placed.origin.kind == "replay":
            return placed.origin.call
        scope = self._content(parsed.begin)
        if found := self._resent.whole(parsed, scope) if answered(parsed.steps) else None:
            return found.refs[0]
        summary = self._compaction.of(parsed, scope)
        return summary.call if summary else None

    # -- calls that do not

    def _content(self, begin: Begin) -> Scope:
        return Scope(begin.project, begin.key_id, begin.user, begin.at - self._window)

    def _scope(self, begin: Begin) -> Scope:
        """In which such a call is looked for first."""
        return self._session(begin, self._home(begin)) if begin.source != "none" else self._content(begin)

    def _session(self, begin: Begin, session: str) -> Scope:
        return Scope(begin.project, begin.key_id, begin.user, 0, session, begin.session_id)

    def _by_content(self, parsed: Parsed) -> Placed:
        begin = parsed.begin
        scope = self._content(begin)
        if answered(parsed.steps) and (found := self._resent.history(parsed, scope)) is not None:
            ref = found.refs[0]
            rule = "content.edited" if found.edited else "content"
            placed = Placed(ref.session, "content", rule, ref, found.depth)
            placed.ambiguous = found.ambiguous
            placed.candidates = found.refs if len(found.refs) > 1 or found.edited else []
            placed.again = self._again(parsed, placed)
            return placed
        origin = self._compaction.of(parsed, scope) if answered(parsed.steps) else self._origin(parsed, scope)
        if origin is not None:
            placed = Placed(origin.call.session, "content", f"content.{origin.kind}", origin=origin)
            placed.again = origin.call if origin.kind == "retry" else None
            placed.candidates = [origin.call]
            return placed
        placed = _new(begin)
        placed.missed = answered(parsed.steps)
        return placed

    def _origin(self, parsed: Parsed, scope: Scope, session: str = "") -> Origin | None:
        """Of a request without any answer in it."""
        retried = self._failed(parsed, scope) if not session else None
        return retried or self.spawns.of(parsed, session) or self._compaction.of(parsed, scope)

    def _failed(self, parsed: Parsed, scope: Scope) -> Origin | None:
        """The failed call that this one tries again, byte for byte. Where several failed the same, the oldest, if the
        client says that it tries again; else none."""
        leaf = parsed.steps[-1] if parsed.steps else None
        if leaf is None:
            return None
        found = [ref for ref in self.known.find("leaf_node", leaf.node, scope) if self._is_retried(parsed, leaf, ref)]
        sure = bool(parsed.begin.headers.get(_RETRIES)) or len({ref.session for ref in found}) == 1
        return Origin("retry", found[-1]) if found and sure else None

    def _is_retried(self, parsed: Parsed, leaf: Step, ref: Ref) -> bool:
        begin = parsed.begin
        age = begin.at - ref.created_at
        same = ref.leaf == leaf.id and (ref.client, ref.model) == (begin.client, begin.model)
        if not same or ref.status == "ok" or ref.continued or age > _RETRY_US:
            return False
        tried = begin.headers.get(_RETRIES)  # the official libraries say how often; "0" is a first attempt
        retried = tried != "0" if tried else ref.status != "live" and age <= _AT_ONCE_US
        return retried and self._earlier.recipe(begin.project, ref) == parsed.recipe

    def _again(self, parsed: Parsed, placed: Placed) -> Ref | None:
        """An earlier call of the session with the same parent that was asked the same."""
        leaf = parsed.steps[-1] if parsed.steps else None
        if leaf is None or (placed.parent is not None and not placed.parent.continued):
            return None
        scope = self._session(parsed.begin, placed.session)
        parent = placed.parent.id if placed.parent else None
        refs = self.known.find("leaf_node", leaf.node, scope)
        agents = ("", parsed.begin.agent)
        here = (r for r in refs if r.parent == parent and r.session == placed.session and r.agent in agents)
        return next((r for r in here if r.turn), None)  # a call for a title, which has no turn, is told the same words


def _new(begin: Begin) -> Placed:
    return Placed(begin.session_id, "none", "none")
