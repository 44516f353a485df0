"""The call whose answer still stands in a history that was trimmed or rewritten.

An answer alone is weak: it counts where the question before it is the same too, or nearly, where the session gave
several of the request's answers, or where it holds an id that was drawn by lot; and only where no other conversation
would do as well.
"""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from sessionary.drain.earlier import Earlier, question
from sessionary.drain.known import Known, Scope
from sessionary.drain.link import Found, Ref
from sessionary.drain.requests import Parsed
from sessionary.drain.rows import SUMMARY_WANTED
from sessionary.wire import meaning
from sessionary.wire.message import Message
from sessionary.wire.reading import FORMATS, read

_MOST = 6
"""Answers, deepest first, that are looked for on their own."""
_TELLING = 40
"""Characters of an answer, or of it and its question, that two conversations hardly share by chance."""
_SUMMARY = 100
_LONG = 200
_DRAWN = re.compile(r"(?=[^_:.-]*\d)(?=[^_:.-]*[A-Za-z])[^_:.-]{8,}$|[0-9a-f]{4}-[0-9a-f]{12}$")
"""The end of a tool call's id that was drawn by lot, and not counted."""
_SPACE = re.compile(r"\s+")


class Edited:
    def __init__(self, known: Known, earlier: Earlier) -> None:
        self._known = known
        self._earlier = earlier

    def find(self, parsed: Parsed, scope: Scope, runs: Iterable[tuple[int, int]], whole: Found | None) -> Found | None:
        """By the answers `runs`, deepest first. `whole` is what the history above them says; it is the result where
        they say nothing, and is not where they are all known, and of other conversations."""
        told = [Said.of(parsed, start, end) for start, end in islice(runs, _MOST)]
        found = [self._gave(said, scope) for said in told]
        sessions = [{ref.session for ref in refs} for refs in found]
        session = whole.refs[0].session if whole else ""
        for said, refs in zip(told, found, strict=True):
            sure = [ref for ref in refs if self._is_sure(said, ref, scope, session, sessions)]
            if sure and len({ref.session for ref in sure}) == 1:
                return Found(sure, said.depth, edited=True)
        elsewhere = any(sessions) and not any(session in named for named in sessions)
        return None if elsewhere else whole

    def _gave(self, said: "Said", scope: Scope) -> list[Ref]:
        key = meaning.answer_key(scope.project, said.meant)
        return self._known.find("answer_key", key, scope) if key is not None else []

    def _is_sure(self, said: "Said", ref: Ref, scope: Scope, session: str, sessions: list[set[str]]) -> bool:
        agreeing = sum(ref.session in named for named in sessions)
        likeness = said.likeness(self._earlier.question(scope.project, ref))
        if ref.summary_key not in (None, SUMMARY_WANTED) and len(said.text) >= _SUMMARY:
            return True  # the client keeps the summary that it asked for as an answer
        return said.telling(likeness, agreeing, known=ref.session == session)


class Likeness(enum.IntEnum):
    """Of two questions."""

    OTHER = 0
    NEAR = 1
    """One has the other in it; or both are results of the same tool call."""
    SAME = 2


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as a request sends it back, and the question before it."""

    depth: int
    meant: meaning.Meaning
    text: str
    drawn: bool
    """Whether it calls a tool by an id that was drawn by lot."""
    asked: tuple[Message, meaning.Meaning] | None

    @classmethod
    def of(cls, parsed: Parsed, start: int, end: int) -> "Said":
        read_all = [read(s.meant, FORMATS[parsed.begin.endpoint], answer=False) for s in parsed.steps[start:end]]
        pieces = [piece for message, _ in read_all for piece in message.pieces]
        return cls(
            parsed.steps[end - 1].depth,
            tuple(piece for _, meant in read_all for piece in meant),
            "".join(piece.text for piece in pieces if piece.type == "text"),
            any(piece.type == "tool_call" and _DRAWN.search(piece.id) for piece in pieces),
            question(parsed, start),
        )

    def likeness(self, asked: tuple[Message, meaning.Meaning] | None) -> Likeness:
        if asked is None or self.asked is None:
            return Likeness.OTHER
        (message, meant), (mine, my_meaning) = asked, self.asked
        text, my_text = _text(message), _text(mine)
        if meant == my_meaning or (text and text == my_text):  # a picture may be gone
            return Likeness.SAME
        near = bool(_results(message) & _results(mine)) or _contain(text, my_text)
        return Likeness.NEAR if near else Likeness.OTHER

    def telling(self, likeness: Likeness, agreeing: int, *, known: bool) -> bool:
        """Whether the answer speaks for a call that gave it. `agreeing`: answers that its session gave; `known`:
        whether the session is known by the history further up."""
        if self.drawn:
            return True
        if known:
            return likeness is not Likeness.OTHER or len(self.text) >= _TELLING
        if likeness is Likeness.OTHER:
            return False
        words = len(self.text) + (len(_text(self.asked[0])) if likeness is Likeness.SAME and self.asked else 0)
        return agreeing > 1 or words >= (_TELLING if likeness is Likeness.SAME else _LONG)


def _results(message: Message) -> set[str]:
    return {piece.id for piece in message.pieces if piece.type == "tool_result" and piece.id}


def _text(message: Message) -> str:
    parts = [p for piece in message.pieces for p in (piece.content if piece.type == "tool_result" else [piece])]
    return _SPACE.sub(" ", " ".join(meaning.spoken("user", p.text) for p in parts if p.text)).strip()


def _contain(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= 8 and short in long
