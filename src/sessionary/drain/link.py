"""What a call goes on from, within its session: its parent, its turn, and which of its messages are new. Pure.

The parent is the newest call whose answer lies on this request's path, deepest first. A call with the same
input as an earlier one is a further try of the same turn. A call begins a new turn when a person speaks in it.
"""

from dataclasses import dataclass, field

from sessionary.drain.requests import Parsed, Step
from sessionary.wire import text


@dataclass(frozen=True, slots=True)
class Ref:
    """An earlier call, as far as linking needs it."""

    id: str
    session: str
    at: int
    turn: int
    parent: str | None
    base_depth: int


@dataclass(frozen=True, slots=True)
class Link:
    parent: str | None
    turn: int
    base_depth: int
    """Messages up to this depth were there before."""


@dataclass(slots=True)
class Known:
    """Earlier calls by what they answered and by what they were asked; grows as the round goes on."""

    outputs: dict[bytes, list[Ref]] = field(default_factory=dict)
    leaves: dict[bytes, list[Ref]] = field(default_factory=dict)

    def add(self, ref: Ref, leaf: bytes | None, output: bytes | None) -> None:
        if leaf is not None:
            self.leaves.setdefault(leaf, []).append(ref)
        if output is not None:
            self.outputs.setdefault(output, []).append(ref)


def link(parsed: Parsed, session: str, turns: int, known: Known) -> Link:
    """`turns` is how many the session has so far. Nodes are set on `parsed.steps`."""
    steps = parsed.steps
    if steps and (again := _newest(known.leaves.get(steps[-1].node), session, parsed.begin.call_id)):
        return Link(again.parent, again.turn, again.base_depth)
    for step in reversed(steps):
        if step.role == "assistant" and (found := _newest(known.outputs.get(step.node), session, "")):
            turn = turns + 1 if _spoken(steps[step.depth :]) else found.turn
            return Link(found.id, turn, step.depth)
    return Link(None, turns + 1, 0)


def follow(parsed: Parsed, before: Ref, turns: int) -> Link:
    """The same for a call that says which one it goes on from."""
    assert parsed.base is not None
    return Link(before.id, turns + 1 if _spoken(parsed.steps) else before.turn, parsed.base.depth)


def _spoken(steps: list[Step]) -> bool:
    return any(step.role == "user" and (step.message is None or text.spoken(step.message)) for step in steps)


def _newest(refs: list[Ref] | None, session: str, but: str) -> Ref | None:
    mine = [r for r in refs or () if r.session == session and r.id != but]
    return max(mine, key=lambda r: r.at, default=None)
