"""What threading says of a call, and of the earlier calls that it compares it with. Pure.

A call goes on from its *parent*: the newest call whose answer lies on the request's path, deepest first. It may come
from another call in a further way, its *origin*: a tool call started it, it carries a summary that was asked for
there, or it tries again what failed. With the same path as an earlier call that has the same parent, it is another
attempt at the same request. A turn is what a person sets off by speaking: an agent's calls, and calls for a title,
begin none.

A *replay* has as its origin the call that it replays, and stands to the other calls of its session as that one does to
those of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Literal

import msgspec

from sessionary.drain.requests import Parsed, Step
from sessionary.record.exchange import Begin, Source
from sessionary.wire import text

OriginKind = Literal["spawn", "compaction", "retry", "replay"]
MOST_SHOWN = 20
"""Candidates that are looked at, and kept as evidence."""


class Ref(msgspec.Struct, frozen=True):
    """An earlier call, as far as threading needs it: columns of its row."""

    id: str
    session: str
    source: Source
    home: str | None
    created_at: int
    turn: int
    parent: str | None
    origin: str | None
    base_depth: int
    input_depth: int
    key_id: str
    user: str
    client: str
    model: str
    status: str
    leaf: bytes | None
    output: bytes | None
    prompt_key: bytes | None
    summary_key: bytes | None
    agent: str
    agent_name: str
    agent_parent: str
    continued: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Ref":
        return cls(*_values_of(row))


COLUMNS = Ref.__struct_fields__
_values_of = itemgetter(*COLUMNS)


class Found(msgspec.Struct, frozen=True):
    """Calls at one depth of a request's path, the likeliest first."""

    refs: list[Ref]
    depth: int
    ambiguous: bool = False
    edited: bool = False
    """By an answer that still stands in a history that does not."""


class Origin(msgspec.Struct, frozen=True):
    kind: OriginKind
    call: Ref
    tool_call: str = ""
    name: str = ""
    """Of the agent that was started."""


@dataclass(slots=True)
class Placed:
    """Where a call belongs, and why."""

    session: str
    source: Source
    rule: str
    parent: Ref | None = None
    base_depth: int = 0
    """Messages up to this depth were there before."""
    again: Ref | None = None
    """An earlier attempt at the same request."""
    origin: Origin | None = None
    side: bool = False
    candidates: list[Ref] = field(default_factory=list)
    """What content found, the one that was taken first; empty where nothing had to be chosen."""
    ambiguous: bool = False
    """Nothing but its time spoke for the one that was taken."""
    missed: bool = False
    """It has a history, of which no answer is known."""

    @property
    def gone_on(self) -> Ref | None:
        """The call that has a follower in its session now."""
        retried = self.origin.call if self.origin is not None and self.origin.kind == "retry" else None
        return self._here(self.parent or retried)

    @property
    def branches(self) -> bool:
        """Whether its parent was gone on from before, in another way."""
        parent = self._here(self.parent)
        return parent is not None and parent.continued and self.again is None

    @property
    def begins(self) -> bool:
        """Whether it comes from nothing in its session: one that names another session than the call that it goes on
        from is the first there, or begins a branch."""
        origin = self.origin.call if self.origin is not None else None
        return self._here(self.parent) is None and self._here(origin) is None and self.again is None and not self.side

    def _here(self, ref: Ref | None) -> Ref | None:
        return ref if ref is not None and ref.session == self.session else None

    def agent(self, begin: Begin) -> tuple[str, str, str]:
        """The agent that calls, its name, and the agent that started it."""
        if self.origin is not None and self.origin.kind == "spawn":
            name, parent = begin.agent_name or self.origin.name, begin.agent_parent or self.origin.call.agent
            return begin.agent or self.origin.tool_call, name, parent
        before = self.parent or self.again or self.came_from
        if before is not None and begin.agent in ("", before.agent):
            return before.agent, begin.agent_name or before.agent_name, begin.agent_parent or before.agent_parent
        return begin.agent, begin.agent_name, begin.agent_parent

    @property
    def came_from(self) -> Ref | None:
        """Where it is not its parent. A replay is compared with its origin, and comes from nothing there."""
        return self.origin.call if self.origin is not None and self.origin.kind != "replay" else None

    def evidence(self) -> dict[str, Any] | None:
        """For the calls row: kept only where there is more to say than the row's other columns do."""
        if not self.candidates:
            return None
        return {"candidates": [[ref.id, ref.session, ref.input_depth + 1] for ref in self.candidates[:MOST_SHOWN]]}


def turn(placed: Placed, parsed: Parsed, turns: int) -> int:
    """`turns` is how many its session has so far."""
    if placed.side:
        return 0
    if placed.again is not None:
        return placed.again.turn
    before = placed.parent or placed.came_from
    if before is None or not before.turn:
        return turns + 1
    spawned = placed.origin is not None and placed.origin.kind == "spawn"
    if spawned or (before.agent and not parsed.begin.agent):  # who speaks to a tool's agent is no person
        return before.turn
    return turns + 1 if _spoken(parsed.deeper(placed.base_depth)) else before.turn


def _spoken(steps: Iterable[Step]) -> bool:
    return any(step.role == "user" and (step.read is None or text.spoken(step.read[0])) for step in steps)
