"""The call whose answer still stands in a history that was trimmed or rewritten.

An answer alone is weak: it counts where the question before it is the same too, or nearly, where the session gave
several of the request's answers, or where it holds an id that was drawn by lot; and only where no other conversation
would do as well.
"""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

from sessionary.drain import requests
from sessionary.drain.earlier import Asked, Earlier, tail
from sessionary.drain.known import Known, Scope
from sessionary.drain.link import Found, Ref
from sessionary.drain.requests import Parsed
from sessionary.drain.rows import SUMMARY_WANTED
from sessionary.wire import loose, meaning
from sessionary.wire.message import Message
from sessionary.wire.reading import FORMATS
from sessionary.wire.responses import item_ids

_TELLING = 40
"""Characters of an answer, or of it and its question, that two conversations hardly share by chance."""
_SHORT = 12
_LONG = 80
"""The same where the question is only nearly the same: of the answer at least, and of both."""
_SUMMARY = 100
"""Characters of a summary that is sent back as an answer."""
_UNIQUE = 400
"""Characters of an answer that is enough of a proof, whatever the question is said to have been."""
_DRAWN = re.compile(
    r"(?=[^_:.-]*\d)(?=[^_:.-]*[A-Za-z])[^_:.-]{8,}$"
    r"|(?=[^_:.-]*[a-z][^_:.-]*[A-Z])[^_:.-]{16,}$"
    r"|[0-9a-f]{4}-[0-9a-f]{12}$"
)
"""The end of a tool call's id that was drawn by lot, and not counted."""
_MOST_ID = 64
"""Characters of an id's end that are looked at."""
_SPACE = re.compile(r"\s+")


class Edited:
    def __init__(self, known: Known, earlier: Earlier) -> None:
        self._known = known
        self._earlier = earlier

    def find(self, parsed: Parsed, scope: Scope, runs: Iterable[tuple[int, int]], whole: Found | None) -> Found | None:
        """By the answers `runs`, deepest first. `whole` is what the history above them says: the result where they say
        nothing, and no result where they were given in other conversations alone."""
        told = [Said.of(parsed, start, end) for start, end in runs]
        keys = filter(None, (meaning.answer_key(scope.project, said.meant) for said in told))
        self._known.expect("answer_key", [(key, scope) for key in keys])
        gave = [self._gave(said, scope, parsed.prompt_key) for said in told]
        sessions = [{ref.session for ref in refs} for refs in gave]
        session = whole.refs[0].session if whole else ""
        alike: set[str] = set()
        for said, refs in zip(told, gave, strict=True):
            sure: dict[int, list[Ref]] = {}
            for ref in refs:
                asked = self._earlier.tail(scope.project, ref)
                if (likeness := said.likeness(asked)) is not Likeness.OTHER:
                    alike.add(ref.session)
                agreeing = sum(ref.session in some for some in sessions)
                if said.speaks_for(ref, likeness, agreeing, known=ref.session == session):
                    sure.setdefault(said.overlap(asked), []).append(ref)
            overlap = max(sure, default=0)
            if sure and len({ref.session for ref in sure[overlap]}) == 1:
                found = Found(sure[overlap], said.depth, edited=True)
                return found if not session or overlap > 1 or found.refs[0].session == session else None
        return None if alike and session not in alike else whole

    def _gave(self, said: "Said", scope: Scope, prompt: bytes | None) -> list[Ref]:
        key = meaning.answer_key(scope.project, said.meant)
        refs = self._known.find("answer_key", key, scope, prompt) if key is not None else []
        makers = (self._known.call(scope.project, call) for call in said.named)
        return [*(ref for ref in makers if ref is not None and scope.has(ref)), *refs]


class Likeness(enum.IntEnum):
    """Of two questions."""

    OTHER = 0
    NEAR = 1
    """One has the other in it; or both are results of the same tool call."""
    SAME = 2


@dataclass(frozen=True)
class Said:
    """An answer as a request sends it back, and what was said before it."""

    depth: int
    meant: meaning.Meaning
    text: str
    drawn: bool
    """Whether it calls a tool by an id that was drawn by lot."""
    named: frozenset[str]
    """Calls that its items name."""
    parsed: Parsed
    start: int
    """Of its messages, among the request's."""

    @cached_property
    def tail(self) -> list[Asked]:
        """The last messages before it, the last first."""
        return tail(self.parsed, self.start)

    @classmethod
    def of(cls, parsed: Parsed, start: int, end: int) -> "Said":
        read_all = [requests.said(step, parsed.begin.endpoint) for step in parsed.steps[start:end]]
        pieces = [piece for message, _ in read_all for piece in message.pieces]
        return cls(
            parsed.steps[end - 1].depth,
            tuple(piece for _, meant in read_all for piece in meant),
            "".join(piece.text for piece in pieces if piece.type == "text"),
            any(piece.type == "tool_call" and _DRAWN.search(piece.id[-_MOST_ID:]) for piece in pieces),
            named(parsed, start, end),
            parsed,
            start,
        )

    def likeness(self, asked: list[Asked]) -> Likeness:
        """Of the question before it and that of a call."""
        if not asked or not self.tail:
            return Likeness.OTHER
        (message, meant), (mine, my_meaning) = asked[0], self.tail[0]
        text, my_text = _text(message), _text(mine)
        if meant == my_meaning or (text and text == my_text):  # a picture may be gone
            return Likeness.SAME
        near = bool(_results(message) & _results(mine)) or _contain(text, my_text)
        return Likeness.NEAR if near else Likeness.OTHER

    def overlap(self, asked: list[Asked]) -> int:
        """How many messages before it are also the last that a call was asked."""
        same = (one[1] == other[1] for one, other in zip(self.tail, asked, strict=False))
        return sum(1 for _ in takewhile(bool, same))

    def speaks_for(self, ref: Ref, likeness: Likeness, agreeing: int, *, known: bool) -> bool:
        """Whether it is enough to say that the call `ref`, which gave it, is gone on from. `agreeing`: answers that
        its session gave; `known`: whether the session is known by the history further up."""
        if self.drawn or ref.id in self.named:
            return True
        if ref.summary_key not in (None, SUMMARY_WANTED) and len(self.text) >= _SUMMARY:
            return True  # the client keeps the summary that it asked for as an answer
        if known:
            return likeness is not Likeness.OTHER or len(self.text) >= _TELLING
        asked = len(_text(self.tail[0][0])) if self.tail else 0
        match likeness:
            case Likeness.SAME:
                return agreeing > 1 or len(self.text) + asked >= _TELLING
            case Likeness.NEAR:
                return agreeing > 1 or (len(self.text) >= _SHORT and len(self.text) + asked >= _LONG)
        return len(self.text) >= _UNIQUE


def named(parsed: Parsed, start: int, end: int) -> frozenset[str]:
    """The calls that the gateway's own items are named after."""
    if FORMATS[parsed.begin.endpoint] != "responses":
        return frozenset()
    items = (loose.read_object(step.raw) or {} for step in parsed.steps[start:end])
    ids = (item.get("id") for item in items)
    return frozenset(filter(None, (item_ids.call_of(i) for i in ids if isinstance(i, str))))


def _results(message: Message) -> set[str]:
    return {piece.id for piece in message.pieces if piece.type == "tool_result" and piece.id}


def _text(message: Message) -> str:
    parts = [p for piece in message.pieces for p in (piece.content if piece.type == "tool_result" else [piece])]
    return _SPACE.sub(" ", " ".join(meaning.spoken("user", p.text) for p in parts if p.text)).strip()


def _contain(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= 8 and short in long
