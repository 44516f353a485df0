"""The call whose answer a request sends back, found by the history: as it was, or, where clients rewrite or cut what
was said long ago, by the newest answer that still stands.

A history that is the same up to an answer proves itself: its node is that of the call. An answer alone is weaker: it
counts where the question before it is the same too, or nearly, and where nobody else was told the same.
"""

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sessionary.drain.earlier import Beside, Earlier, question
from sessionary.drain.known import Known, Scope
from sessionary.drain.link import Ref
from sessionary.drain.requests import Parsed, Step
from sessionary.wire import meaning
from sessionary.wire.message import Message
from sessionary.wire.reading import FORMATS, read

_AT_ONCE = 2
"""Answers that are asked for one by one: nearly always it is the last."""
_MOST_EDITED = 6
"""Answers, deepest first, that are looked for on their own."""
_TELLING = 40
"""Characters of an answer, or of it and its question, that two conversations hardly share by chance."""
_LONG = 200
_LONG_ID = 12
"""Characters of a tool call's id that was drawn by lot."""
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates at one depth of the request's path, the best first."""

    refs: list[Ref]
    depth: int
    ambiguous: bool = False
    edited: bool = False
    """By an answer that still stands in a history that does not."""


def answers(steps: list[Step]) -> Iterator[tuple[int, int]]:
    """What the model said on a path: [start, end) of each run of its messages, deepest first."""
    end = len(steps)
    while end:
        if steps[end - 1].role == "assistant":
            start = end - 1
            while start and steps[start - 1].role == "assistant":
                start -= 1
            yield start, end
            end = start
        else:
            end -= 1


def answered(steps: list[Step]) -> bool:
    return any(step.role == "assistant" for step in steps)


class Resent:
    def __init__(self, known: Known, earlier: Earlier) -> None:
        self._known = known
        self._earlier = earlier

    def whole(self, parsed: Parsed, scope: Scope) -> Found | None:
        """By the longest part of the history that is as it was."""
        for step in self._ends(parsed, scope):
            if refs := self._known.find("output_node", step.node, scope):
                return self._best(parsed, scope, refs, step.depth)
        return None

    def _ends(self, parsed: Parsed, scope: Scope) -> Iterator[Step]:
        """The steps at which a call's answer may end, deepest first."""
        ends = [parsed.steps[end - 1] for _, end in islice(answers(parsed.steps), _AT_ONCE)]
        yield from ends
        rest = [s for s in reversed(parsed.steps) if s.role == "assistant" and s not in ends]
        if rest:
            there = self._known.among("output_node", [s.node for s in rest], scope.project)
            yield from (step for step in rest if step.node in there)

    def _best(self, parsed: Parsed, scope: Scope, refs: list[Ref], depth: int) -> Found:
        """Of conversations that were the same so far: which has the same prompt, tools, client and model, and has not
        gone on yet. Where that leaves several, the newest."""
        if len({ref.session for ref in refs}) == 1:
            return Found(refs, depth)
        beside, mine, begin = self._earlier.beside(scope.project, refs), Beside.of(parsed.recipe), parsed.begin

        def likeness(ref: Ref) -> tuple[bool, ...]:
            its = beside.get(ref.id)
            same = (its is not None and its.system == mine.system, its is not None and its.tools == mine.tools)
            return (*same, ref.client == begin.client, ref.model == begin.model, not ref.continued)

        ordered = sorted(refs, key=likeness, reverse=True)  # stable: the newest of equals stays first
        others = [ref for ref in ordered if ref.session != ordered[0].session]
        return Found(ordered, depth, ambiguous=likeness(others[0]) == likeness(ordered[0]))

    def edited(self, parsed: Parsed, scope: Scope, session: str, above: int) -> Found | None:
        """By an answer deeper than `above` alone. `session`: the one that the history up to `above` is of, or ""."""
        deeper = (run for run in answers(parsed.steps) if parsed.steps[run[1] - 1].depth > above)
        runs = list(islice(deeper, _MOST_EDITED))
        told = [_Said.of(parsed, start, end) for start, end in runs]
        found = [
            self._known.find("answer_key", key, scope) if (key := said.key(scope.project)) else [] for said in told
        ]
        sessions = [{ref.session for ref in refs} for refs in found]
        for said, refs in zip(told, found, strict=True):
            sure = []
            for ref in refs:
                agreeing = sum(ref.session in named for named in sessions)
                likeness = said.likeness(self._earlier.question(scope.project, ref))
                if said.telling(likeness, agreeing, known=ref.session == session):
                    sure.append(ref)
            if sure and len({ref.session for ref in sure}) == 1:
                return Found(sure, said.depth, edited=True)
        return None


class _Likeness(enum.IntEnum):
    """Of two questions."""

    OTHER = 0
    NEAR = 1
    """One has the other in it; or both are results of the same tool call."""
    SAME = 2


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer as a request sends it back, and the question before it."""

    depth: int
    meant: meaning.Meaning
    text: str
    drawn: bool
    """Whether it calls a tool by an id that was drawn by lot."""
    asked: tuple[Message, meaning.Meaning] | None

    @classmethod
    def of(cls, parsed: Parsed, start: int, end: int) -> "_Said":
        read_all = [read(s.meant, FORMATS[parsed.begin.endpoint], answer=False) for s in parsed.steps[start:end]]
        pieces = [piece for message, _ in read_all for piece in message.pieces]
        return cls(
            parsed.steps[end - 1].depth,
            tuple(piece for _, meant in read_all for piece in meant),
            " ".join(piece.text for piece in pieces if piece.type == "text"),
            any(piece.type == "tool_call" and len(piece.id) >= _LONG_ID for piece in pieces),
            question(parsed, start),
        )

    def key(self, project: int) -> bytes | None:
        return meaning.answer_key(project, self.meant)

    def likeness(self, asked: tuple[Message, meaning.Meaning] | None) -> _Likeness:
        if asked is None or self.asked is None:
            return _Likeness.OTHER
        (message, meant), (mine, my_meaning) = asked, self.asked
        if meant == my_meaning:
            return _Likeness.SAME
        near = _results(message) & _results(mine) or _contain(_text(message), _text(mine))
        return _Likeness.NEAR if near else _Likeness.OTHER

    def telling(self, likeness: _Likeness, agreeing: int, *, known: bool) -> bool:
        """Whether the answer speaks for a call that gave it. `agreeing`: answers that its session gave; `known`:
        whether the session is known by the history further up."""
        if self.drawn:
            return True
        if known:
            return likeness is not _Likeness.OTHER or len(self.text) >= _TELLING
        if likeness is _Likeness.OTHER:
            return False
        words = len(self.text) + (len(_text(self.asked[0])) if likeness is _Likeness.SAME and self.asked else 0)
        return agreeing > 1 or words >= (_TELLING if likeness is _Likeness.SAME else _LONG)


def _results(message: Message) -> set[str]:
    return {piece.id for piece in message.pieces if piece.type == "tool_result" and piece.id}


def _text(message: Message) -> str:
    parts = [p for piece in message.pieces for p in (piece.content if piece.type == "tool_result" else [piece])]
    return _SPACE.sub(" ", " ".join(meaning.spoken("user", p.text) for p in parts if p.text)).strip()


def _contain(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= 8 and short in long
