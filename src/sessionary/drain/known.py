"""The earlier calls that a call may go on from: those of this round, and those in the store. Newest first.

Every question is answered by one index and reads a bounded number of rows, whatever the number of calls that are
stored: of a thousand that were told the same, the newest are looked at. Calls of sessions that were deleted are not
there.

What is going to be asked may be said before (`expect`): then it is looked up for all calls of a round at once. Most
often nothing is there by a value, and that answers whatever is asked about it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.drain.link import COLUMNS, MOST_SHOWN, Ref
from sessionary.ids import scope
from sessionary.store import schema
from sessionary.store.questions import Question
from sessionary.store.states import States

By = str
"""A column of the calls: `output_node`, `leaf_node`, `answer_key` or `summary_key`."""
_BY = ("output_node", "leaf_node", "answer_key", "summary_key")
_MOST_READ = 2000
"""Of calls that were told the same, and of a session's calls."""


class Scope(msgspec.Struct, frozen=True):
    """Among which calls is looked for one: those of a key and a user since a time, or those of a session."""

    project: int
    key: str
    user: str
    since: int
    """Microseconds."""
    session: str = ""
    home: str = ""
    """The session that the call's own id names; it is `session` unless that was merged into another."""

    def has(self, ref: Ref) -> bool:
        if self.session:
            return ref.session in (self.session, self.home) or ref.home == self.home
        if ref.source == "replay":
            return False  # what a person tries out, no client goes on from
        return (ref.key_id, ref.user) == (self.key, self.user) and ref.created_at >= self.since

    def values(self, value: bytes) -> dict[str, Any]:
        named = {"project": self.project, "value": value, "key": self.key, "user": self.user}
        named["scope"] = scope(self.key, self.user)
        return named | {"since": self.since, "session": self.session}


_c, _s = schema.calls.c, schema.sessions.c
_PARAMETERS: dict[str, sa.Column[Any]] = {
    **{"project": _c.project, "call": _c.id, "session": _c.session, "agent": _c.agent},
    **{"value": _c.leaf_node, "prompt": _c.prompt_key, "scope": _c.scope, "key": _c.key_id, "user": _c.user},
    **{"since": _c.created_at, "before": _c.created_at},
}


def _p(name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=_PARAMETERS[name].type)


_THERE = sa.and_(_s.project == _c.project, _s.id == _c.session)
_STATE = _s.updated_at.label("state")
_CALLS = sa.select(*(_c[name] for name in COLUMNS), _STATE).join(schema.sessions, _THERE)
_CALLS = _CALLS.where(_c.project == _p("project"))
_MINE = sa.and_(_c.scope == _p("scope"), _c.key_id == _p("key"), _c.user == _p("user"))
_NEWEST_FIRST = _c.created_at.desc()


def _time(by: By) -> sa.ColumnElement[Any]:
    """Few calls are asked for a summary, and their index has no times: SQLite would rather walk the whole project's."""
    return _c.created_at + 0 if by == "summary_key" else _c.created_at


_BY_ID = Question(_CALLS.where(_c.id == _p("call")))
_LAST = Question(
    _CALLS.where(_c.session == _p("session"), _c.agent == _p("agent"), _c.created_at < _p("before"))
    .order_by(_NEWEST_FIRST)
    .limit(1)
)
_ANY = {by: Question(sa.select(_c.id).where(_c.project == _p("project"), _c[by] == _p("value")).limit(1)) for by in _BY}
_OF_KEY = {
    by: Question(_CALLS.where(_c[by] == _p("value"), _MINE).order_by(_time(by).desc()).limit(MOST_SHOWN)) for by in _BY
}


def _within(inner: sa.Select[Any], order: sa.ColumnElement[Any], where: str, value: str) -> Question:
    """Of the newest that `inner` reads, those with `value` in the column `where`."""
    read = inner.order_by(order).limit(_MOST_READ).subquery()
    columns = [read.c[name] for name in (*COLUMNS, "state")]
    same = read.c[where].is_not_distinct_from(_p(value))
    return Question(sa.select(*columns).where(same).order_by(read.c.created_at.desc()).limit(MOST_SHOWN))


_PROMPTED = {
    by: _within(
        _CALLS.where(_c[by] == _p("value"), _MINE, _time(by) >= _p("since")), _time(by).desc(), "prompt_key", "prompt"
    )
    for by in _BY
}
_IN_SESSION = {
    by: _within(_CALLS.add_columns(_c[by]).where(_c.session == _p("session")), _NEWEST_FIRST, by, "value") for by in _BY
}
"""Of one session: for two at once, SQLite would walk the whole project's calls, newest first."""

_REPLAY = _within(_CALLS.where(_c.session == _p("session")), _NEWEST_FIRST, "origin", "call")

QUESTIONS: tuple[Question, ...] = (
    *(question for asked in (_ANY, _OF_KEY, _PROMPTED, _IN_SESSION) for question in asked.values()),
    _BY_ID,
    _LAST,
    _REPLAY,
)
"""All that the store is asked."""
_Value = tuple[By, int, bytes]
"""Column, project, value."""


class Known:
    """Grows as the round goes on."""

    def __init__(self, connection: sa.Connection, states: States) -> None:
        self._db = connection
        self._states = states
        self._new: dict[_Value, dict[str, Ref]] = {}
        self._round: dict[tuple[int, str], Ref] = {}
        self._of_agent: dict[tuple[int, str, str], dict[str, Ref]] = defaultdict(dict)
        """Project, session, agent: those of `_round`."""
        self._continued: set[tuple[int, str]] = set()
        self._stored: dict[_Value, bool] = {}
        """Whether any call is in the store by the value."""
        self._of_key: dict[tuple[_Value, str, str], list[Ref]] = {}
        """By value, key and user: the newest in the store, at most `MOST_SHOWN`, however old."""

    def add(self, project: int, ref: Ref, **values: bytes | None) -> None:
        """`values`: the columns by which it can be found. What was added before stays, as it was or as it is now."""
        self._round[project, ref.id] = ref
        self._of_agent[project, ref.session, ref.agent][ref.id] = ref
        for by, value in values.items():
            if value is not None:
                self._new.setdefault((by, project, value), {})[ref.id] = ref

    def goes_on(self, project: int, ref: Ref) -> None:
        """Another call goes on from it."""
        self._continued.add((project, ref.id))

    def expect(self, by: By, wanted: Iterable[tuple[bytes, Scope]]) -> None:
        """What `find` is going to be asked."""
        scopes = {((by, scope.project, value), scope.key, scope.user): scope for value, scope in wanted}
        self._look_up(value for value, *_ in scopes)
        asked = [key for key in scopes if self._stored[key[0]] and key not in self._of_key]
        found = self._ask(_OF_KEY[by], [scopes[key].values(key[0][2]) for key in asked])
        self._of_key.update(zip(asked, found, strict=True))

    def sessions(self, project: int) -> set[str]:
        """Of stored calls that were looked up by what was expected."""
        return {ref.session for ((_, of, _), *_), refs in self._of_key.items() if of == project for ref in refs}

    def find(self, by: By, value: bytes, scope: Scope, prompt: bytes | None = None) -> list[Ref]:
        """Where there are many, those with the system prompt `prompt` are among them."""
        merged = {ref.id: ref for ref in self._find_stored(by, value, scope, prompt)}
        if new := self._new.get((by, scope.project, value)):
            merged |= {i: ref for i, ref in new.items() if scope.has(ref)}
        if not merged:
            return []
        ordered = sorted(merged.values(), key=lambda ref: (ref.created_at, ref.id), reverse=True)
        return [self._now(scope.project, ref) for ref in ordered]

    def _find_stored(self, by: By, value: bytes, scope: Scope, prompt: bytes | None) -> list[Ref]:
        if self._stored.get((by, scope.project, value)) is not False:
            self.expect(by, [(value, scope)])
        if not self._stored[by, scope.project, value]:
            return []
        newest = self._of_key[(by, scope.project, value), scope.key, scope.user]
        of_key = [ref for ref in newest if ref.created_at >= scope.since]
        found = [ref for ref in of_key if scope.has(ref)]
        if scope.session:
            each = [scope.values(value) | {"session": name} for name in dict.fromkeys((scope.session, scope.home))]
            return found or [ref for refs in self._ask(_IN_SESSION[by], each) for ref in refs]
        if len(of_key) == MOST_SHOWN:
            found += self._ask(_PROMPTED[by], [scope.values(value) | {"prompt": prompt}])[0]
        return found

    def among(self, by: By, values: Iterable[bytes], project: int) -> set[bytes]:
        """Those of `values` by which any call is found."""
        wanted = {(by, project, value) for value in values}
        self._look_up(wanted)
        return {value[2] for value in wanted if self._stored[value] or value in self._new}

    def call(self, project: int, call_id: str) -> Ref | None:
        """In the session that it is in now."""
        if (project, call_id) in self._round:
            return self._round[project, call_id]
        return next(iter(self._ask(_BY_ID, [{"project": project, "call": call_id}])[0]), None)

    def newest(self, project: int, session: str, agent: str, before: int) -> Ref | None:
        """An agent's newest call of a session; `agent` "" is the main one."""
        new = self._of_agent.get((project, session, agent), {}).values()
        values = {"project": project, "session": session, "agent": agent, "before": before}
        refs = [r for r in (*new, *self._ask(_LAST, [values])[0]) if r.created_at < before]
        return max(refs, key=lambda ref: ref.created_at, default=None)

    def replay(self, project: int, session: str, call_id: str) -> Ref | None:
        """The newest call of a session that replays another one. No agent makes it."""
        new = (ref for ref in self._of_agent.get((project, session, ""), {}).values() if ref.origin == call_id)
        stored = self._ask(_REPLAY, [{"project": project, "session": session, "call": call_id}])[0]
        found = [ref for ref in (*new, *stored) if ref.source == "replay"]
        newest = max(found, key=lambda ref: ref.created_at, default=None)
        return None if newest is None else self._now(project, newest)

    def _now(self, project: int, ref: Ref) -> Ref:
        """As it is after what has come in this round."""
        return msgspec.structs.replace(ref, continued=True) if (project, ref.id) in self._continued else ref

    def _look_up(self, values: Iterable[_Value]) -> None:
        """Whether anything is in the store by them."""
        wanted = [value for value in dict.fromkeys(values) if value not in self._stored]
        for by in dict.fromkeys(by for by, *_ in wanted):
            some = [value for value in wanted if value[0] == by]
            there = _ANY[by].any(self._db, [{"project": project, "value": value} for _, project, value in some])
            self._stored.update(zip(some, there, strict=True))

    def _ask(self, question: Question, each: Sequence[dict[str, Any]]) -> list[list[Ref]]:
        found: list[list[Ref]] = []
        for values, rows in zip(each, question.ask(self._db, each), strict=True):
            refs = [Ref(*row[:-1]) for row in rows]
            for ref, row in zip(refs, rows, strict=True):
                self._states.see(values["project"], ref.session, row[-1])
            found.append(refs)
        return found
