"""Conversations that begin with a summary of an earlier one: what a client that ran out of room was given when it
asked for it.

The answer to a request for a summary, in a conversation that has a history, is kept by its longest line. A request
without history that says it carries a summary, and has this line and most of the others, goes on from there. A
compaction that the gateway made itself names its call.
"""

import re

from sessionary.drain import requests
from sessionary.drain.earlier import Earlier
from sessionary.drain.known import Known, Scope
from sessionary.drain.link import Origin, Placed
from sessionary.drain.requests import Parsed
from sessionary.ids import digest
from sessionary.wire import loose
from sessionary.wire.message import Message
from sessionary.wire.responses import item_ids

_ASKS = re.compile(
    r"\b(summari[sz]\w*|summary|compact\w*|condens\w*|recap|hand-?off|continuing (?:our|the) conversation)\b", re.I
)
_CARRIES = re.compile(
    r"continued? from|(?:previous|earlier|prior|ongoing) (?:conversation|session|discussion)"
    r"|conversation (?:so far|to date|history|summary)|summar(?:y|ised|ized) (?:of|for) (?:the|our|this|a) conversation"
    r"|hand-?off|context (?:checkpoint|window)|compact(?:ed|ion)|another language model|spoke to you previously"
    r"|r[au]n out of (?:context|room)",
    re.I,
)
_WORDS = (
    *("continue", "conversation", "session", "discussion", "handoff", "hand-off", "context", "compact"),
    *("another language model", "spoke to you previously", "out of room"),
)
"""One of them is in whatever carries a summary."""
_LINE = 40
"""Characters of a line that two texts hardly share by chance."""
_LEAST = 100
_MOST = 2000
"""Characters of a summary that are compared, and how many must be there."""
_MOST_LINES = 400
_TAIL = 4000
_SHARE = 0.6


class Compaction:
    def __init__(self, known: Known, earlier: Earlier) -> None:
        self._known = known
        self._earlier = earlier

    def of(self, parsed: Parsed, scope: Scope) -> Origin | None:
        """What the request carries a summary of."""
        if parsed.begin.endpoint == "responses" and (origin := self._named(parsed, scope)) is not None:
            return origin
        for said in _texts(parsed):
            if not _carries(said):
                continue
            keys = dict.fromkeys(summary_key(scope.project, line) for line in _lines(said))
            there = self._known.among("summary_key", keys, scope.project)
            for key in (k for k in keys if k in there):
                for ref in self._known.find("summary_key", key, scope):
                    if _carried(_summary(self._earlier.answer(scope.project, ref)), said):
                        return Origin("compaction", ref)
        return None

    def _named(self, parsed: Parsed, scope: Scope) -> Origin | None:
        for step in parsed.steps:
            if b'"compaction' not in step.raw:
                continue
            item = loose.read_object(step.raw) or {}
            if str(item.get("type")).startswith("compaction") and isinstance(item.get("id"), str):
                ref = self._known.call(scope.project, item_ids.call_of(item["id"]))
                if ref is not None and scope.has(ref):
                    return Origin("compaction", ref)
        return None


def _carries(said: str) -> bool:
    return any(map(said.casefold().__contains__, _WORDS)) and _CARRIES.search(said) is not None


def asked_for(parsed: Parsed, placed: Placed) -> bool:
    """Whether it asks for a summary of what was said."""
    return placed.parent is not None and _ASKS.search(_last(parsed)) is not None


def key_of(project: int, answer: list[Message]) -> bytes | None:
    lines = _lines(_summary(answer))
    longest = max(lines, key=len, default="")
    return summary_key(project, longest) if sum(map(len, lines)) >= _LEAST else None


def summary_key(project: int, line: str) -> bytes:
    return digest(b"sessionary-summary", project.to_bytes(8, "big"), line.encode())


def _summary(answer: list[Message]) -> str:
    """Without the thoughts that some write in front of it."""
    text = "\n".join(p.text for message in answer for p in message.pieces if p.type == "text")
    return text.rpartition("<summary>")[2]


def _carried(summary: str, said: str) -> bool:
    lines, said_lines = _lines(summary[:_MOST]), set(_lines(said))
    there = sum(len(line) for line in lines if line in said_lines)
    return bool(lines) and there >= _LEAST and there >= _SHARE * sum(map(len, lines))


def _lines(text: str) -> list[str]:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if len(line) >= _LINE][:_MOST_LINES]


def _texts(parsed: Parsed) -> list[str]:
    """What is said before any answer; there the summaries are."""
    found = []
    for step in parsed.steps:
        if step.role == "assistant":
            break
        message = requests.message(step, parsed.begin.endpoint)
        found += ["\n".join(p.text for p in message.pieces if p.type == "text")]
    return [text for text in found if len(text) >= _LEAST]


def _last(parsed: Parsed) -> str:
    if not parsed.steps:
        return ""
    step = parsed.steps[-1]
    message = requests.message(step, parsed.begin.endpoint)
    return "\n".join(p.text for p in message.pieces if p.type == "text")[-_TAIL:] if message.role == "user" else ""
