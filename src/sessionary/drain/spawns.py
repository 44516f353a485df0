"""Agents that a tool call starts: the first thing that such an agent is told is what the call was given.

A tool call that looks like an agent's start is kept by the first line of the text that it is given; a conversation's
first message that has this line, and with it the whole text, comes from the call, while that is pending: the caller's
conversation has not gone on yet, or only just. Harnesses start several agents at once, and put words of their own
around the text.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from sessionary.drain import requests
from sessionary.drain.earlier import Earlier
from sessionary.drain.known import Known
from sessionary.drain.link import Origin, Ref
from sessionary.drain.requests import Parsed
from sessionary.ids import digest
from sessionary.store import schema
from sessionary.store.questions import Question
from sessionary.store.schema import LONGEST
from sessionary.wire import meaning
from sessionary.wire.message import Message, Piece

_STARTS = re.compile(r"task|agent|spawn|delegat|hand_?off|dispatch|co_?worker|sub_?process", re.I)
"""In the name of a tool."""
_GIVEN = ("prompt", "message", "task", "instructions", "input", "request", "query", "content", "description")
"""Arguments that tell an agent what to do, the likeliest first."""
_WEAK = ("task", "input")
"""Those that an agent has which is a tool by a name of its own. Others are a search's, or a picture's."""
_KINDS = ("subagent_type", "agent_type")
_NAMED = (*_KINDS, "agent_name", "agent", "name")
_SHORTEST = 12
_MOST_LINES = 64
_PENDING_US = 86_400_000_000
_GRACE_US = 60_000_000
"""Microseconds after the caller went on, within which an agent in the background may begin."""
Row = dict[str, Any]
_s = schema.spawns.c
_HERE = (
    _s.project == sa.bindparam("project", type_=_s.project.type),
    _s.prompt == sa.bindparam("prompt", type_=_s.prompt.type),
)
_THERE = Question(sa.select(_s.call_id).where(*_HERE).limit(1))


class Spawns:
    def __init__(self, connection: sa.Connection, known: Known, earlier: Earlier) -> None:
        self._db = connection
        self._known = known
        self._earlier = earlier
        self._new: dict[tuple[int, bytes], list[Row]] = {}
        self._told: dict[str, tuple[str, list[bytes]]] = {}
        self._stored: dict[tuple[int, bytes], bool] = {}
        """Project, line: whether a tool call is in the store by it."""
        self.taken: dict[tuple[int, str, str], str] = {}
        """Project, call, tool call -> the first call of the agent that it started; of this round."""

    @property
    def rows(self) -> list[Row]:
        """Of this round's answers."""
        return [row for rows in self._new.values() for row in rows]

    def told(self, project: int, ref: Ref, answer: list[Message]) -> None:
        """An answer: the agents that it starts may begin."""
        for piece in (p for message in answer for p in message.pieces if p.type == "tool_call" and p.id):
            if prompt := _prompt(piece):
                key = _key(project, ref.key_id, _lines(prompt)[0])
                row = {"project": project, "prompt": key, "call_id": ref.id, "tool_call": piece.id[:LONGEST]}
                row |= {"name": _name(piece)[:200], "at": ref.created_at, "taken": None}
                self._new.setdefault((project, key), []).append(row)

    def expect(self, several: Iterable[Parsed]) -> None:
        """What `of` is going to be asked."""
        keys = {(parsed.begin.project, key) for parsed in several for key in self._heard(parsed)[1]}
        wanted = [key for key in keys if key not in self._stored]
        there = _THERE.any(self._db, [{"project": project, "prompt": key} for project, key in wanted])
        self._stored.update(zip(wanted, there, strict=True))

    def of(self, parsed: Parsed, session: str = "") -> Origin | None:
        """What started the agent whose first call this is. `session`: only calls of this one."""
        begin = parsed.begin
        project, (said, lines) = begin.project, self._heard(parsed)
        if not all((project, key) in self._stored for key in lines):
            self.expect([parsed])
        keys = {key for key in lines if self._stored[project, key] or (project, key) in self._new}
        for row in self._pending(project, keys, begin.at) if keys else ():
            ref = self._known.call(project, row["call_id"])
            if ref is None or self._went_on(project, ref, begin.at):
                continue
            if session not in (ref.session, ref.home) if session else ref.user != begin.user:
                continue
            pieces = [p for message in self._earlier.answer(project, ref) for p in message.pieces]
            call = next((p for p in pieces if p.type == "tool_call" and p.id[:LONGEST] == row["tool_call"]), None)
            if call is None or not (_starts(call) or parsed.prompt_key != ref.prompt_key):
                continue  # any tool may be given a user's words, but other instructions are another agent's
            if _even(_prompt(call)) in _even(said):
                self.taken[project, ref.id, row["tool_call"]] = begin.call_id
                return Origin("spawn", ref, call.id, row["name"])
        return None

    def _heard(self, parsed: Parsed) -> tuple[str, list[bytes]]:
        """What the call's agent is told first, and its lines as tool calls are kept by them."""
        begin = parsed.begin
        if begin.call_id not in self._told:
            said = _said(parsed)
            self._told[begin.call_id] = said, [_key(begin.project, begin.key_id, line) for line in _lines(said)]
        return self._told[begin.call_id]

    def _pending(self, project: int, keys: set[bytes], now: int) -> list[Row]:
        """The newest call's first; of one call's in its order, as far as that is known."""
        mine = (_s.project == project, _s.prompt.in_(sorted(keys)), _s.taken.is_(None), _s.at >= now - _PENDING_US)
        query = sa.select(_s.call_id, _s.tool_call, _s.name, _s.at).where(*mine)
        query = query.order_by(_s.at.desc()).limit(_MOST_LINES)
        stored = [dict(row) for row in self._db.execute(query).mappings()]
        new = [row for key in keys for row in self._new.get((project, key), ())]
        rows = sorted([*new, *stored], key=lambda row: row["at"], reverse=True)
        return [row for row in rows if (project, row["call_id"], row["tool_call"]) not in self.taken]

    def _went_on(self, project: int, ref: Ref, now: int) -> bool:
        if not ref.continued:
            return False
        c = schema.calls.c
        children = sa.select(sa.func.min(c.created_at)).where(
            c.project == project, c.session == ref.session, c.parent == ref.id
        )
        first = self._db.scalar(children)
        return first is not None and first < now - _GRACE_US


def _prompt(call: Piece) -> str:
    """What the call gives an agent to do; "" where it gives no text."""
    given = call.arguments if isinstance(call.arguments, dict) else {}
    names = _GIVEN if _starts(call) else _WEAK
    text = next((given[name] for name in names if isinstance(given.get(name), str)), "")
    return text if len(_even(text)) >= _SHORTEST and _lines(text) else ""


def _starts(call: Piece) -> bool:
    """Whether it says that it starts an agent."""
    given = call.arguments if isinstance(call.arguments, dict) else {}
    return _STARTS.search(call.name) is not None or any(name in given for name in _KINDS)


def _name(call: Piece) -> str:
    given = call.arguments if isinstance(call.arguments, dict) else {}
    return next((given[name] for name in _NAMED if isinstance(given.get(name), str) and given[name]), call.name)


def _said(parsed: Parsed) -> str:
    """The first thing that somebody says, without the notes around it."""
    for step in parsed.steps:
        message = requests.message(step, parsed.begin.endpoint)
        if message.role == "user":
            said = [meaning.spoken("user", p.text) for p in message.pieces if p.type == "text"]
            if text := "\n".join(filter(None, said)):
                return text
    return ""


def _lines(text: str) -> list[str]:
    lines = (_even(line) for line in text[:50_000].splitlines())
    return [line for line in lines if len(line) >= _SHORTEST][:_MOST_LINES]


def _even(text: str) -> str:
    return " ".join(text.split())


def _key(project: int, key_id: str, line: str) -> bytes:
    return digest(_of_caller(project, key_id), line.encode())


@lru_cache(maxsize=1024)
def _of_caller(project: int, key_id: str) -> bytes:
    return b"sessionary-spawn" + project.to_bytes(8, "big") + digest(key_id.encode())
