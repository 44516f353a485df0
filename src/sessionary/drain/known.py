"""The earlier calls that a call may go on from: those of this round, and those in the store. Newest first.

Every question is answered by one index and reads a bounded number of rows, whatever the number of calls that are
stored: of a thousand that were told the same, the newest are looked at. Calls of sessions that were deleted are not
there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from sessionary.drain.link import COLUMNS, MOST_SHOWN, Ref
from sessionary.ids import scope
from sessionary.store import schema

By = str
"""A column of the calls: `output_node`, `leaf_node`, `answer_key` or `summary_key`."""
_BY = ("output_node", "leaf_node", "answer_key", "summary_key")
_MOST_READ = 2000
"""Of calls that were told the same, and of a session's calls."""
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Scope:
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
        return (ref.key_id, ref.user) == (self.key, self.user) and ref.created_at >= self.since

    def values(self, value: bytes) -> dict[str, Any]:
        named = {"project": self.project, "value": value, "key": self.key, "user": self.user}
        named["scope"] = scope(self.key, self.user)
        return named | {"since": self.since, "session": self.session, "home": self.home}


def _p(name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(name)


_c, _s = schema.calls.c, schema.sessions.c
_THERE = sa.and_(_s.project == _c.project, _s.id == _c.session)
_CALLS = sa.select(*(_c[name] for name in COLUMNS)).join(schema.sessions, _THERE).where(_c.project == _p("project"))
_MINE = sa.and_(_c.scope == _p("scope"), _c.key_id == _p("key"), _c.user == _p("user"), _c.created_at >= _p("since"))
_NEWEST_FIRST = _c.created_at.desc()
_BY_ID = _CALLS.where(_c.id == _p("call"))
_LAST = _CALLS.where(_c.session == _p("session"), _c.agent == _p("agent"), _c.created_at < _p("before"))
_LAST = _LAST.order_by(_NEWEST_FIRST).limit(1)
_OF_KEY = {by: _CALLS.where(_c[by] == _p("value"), _MINE).order_by(_NEWEST_FIRST).limit(MOST_SHOWN) for by in _BY}


def _within(inner: sa.Select[Any], where: str, value: str) -> sa.Select[Any]:
    """Of the newest that `inner` reads, those with `value` in the column `where`."""
    read = inner.order_by(_NEWEST_FIRST).limit(_MOST_READ).subquery()
    columns = [read.c[name] for name in COLUMNS]
    same = read.c[where].is_not_distinct_from(_p(value))
    return sa.select(*columns).where(same).order_by(read.c.created_at.desc()).limit(MOST_SHOWN)


_PROMPTED = {by: _within(_CALLS.where(_c[by] == _p("value"), _MINE), "prompt_key", "prompt") for by in _BY}
_SESSIONS = _c.session.in_([_p("session"), _p("home")])
_IN_SESSION = {by: _within(_CALLS.add_columns(_c[by]).where(_SESSIONS), by, "value") for by in _BY}


def _any_of(by: By) -> sa.CompoundSelect[Any]:
    one = [
        sa.select(_c[by]).where(_c.project == _p("project"), _c[by] == _p(f"v{n}")).limit(1).subquery()
        for n in range(_AT_ONCE)
    ]
    return sa.union_all(*(sa.select(found) for found in one))


_ANY = {by: _any_of(by) for by in _BY}

QUESTIONS: tuple[sa.Executable, ...] = (
    *(statement for asked in (_OF_KEY, _PROMPTED, _IN_SESSION, _ANY) for statement in asked.values()),
    _BY_ID,
    _LAST,
)
"""All that the store is asked."""


class Known:
    """Grows as the round goes on."""

    def __init__(self, connection: sa.Connection) -> None:
        self._db = connection
        self._new: dict[tuple[By, int, bytes], dict[str, Ref]] = {}
        self._round: dict[tuple[int, str], Ref] = {}
        self._continued: set[tuple[int, str]] = set()

    def add(self, project: int, ref: Ref, **values: bytes | None) -> None:
        """`values`: the columns by which it can be found. What was added before stays, as it was or as it is now."""
        self._round[project, ref.id] = ref
        for by, value in values.items():
            if value is not None:
                self._new.setdefault((by, project, value), {})[ref.id] = ref

    def goes_on(self, project: int, ref: Ref) -> None:
        """Another call goes on from it."""
        self._continued.add((project, ref.id))

    def find(self, by: By, value: bytes, scope: Scope, prompt: bytes | None = None) -> list[Ref]:
        """Where there are many, those with the system prompt `prompt` are among them."""
        new = self._new.get((by, scope.project, value), {})
        values = scope.values(value)
        of_key = self._refs(_OF_KEY[by], values)
        found = [ref for ref in of_key if scope.has(ref)]
        if scope.session:
            found = found or self._refs(_IN_SESSION[by], values)
        elif len(of_key) == MOST_SHOWN:
            found += self._refs(_PROMPTED[by], values | {"prompt": prompt})
        merged = {ref.id: ref for ref in found} | {i: ref for i, ref in new.items() if scope.has(ref)}
        ordered = sorted(merged.values(), key=lambda ref: (ref.created_at, ref.id), reverse=True)
        return [replace(r, continued=True) if (scope.project, r.id) in self._continued else r for r in ordered]

    def among(self, by: By, values: Iterable[bytes], project: int) -> set[bytes]:
        """Those of `values` by which any call is found."""
        wanted = sorted(set(values))
        found = {value for value in wanted if (by, project, value) in self._new}
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            padded = [*part, *[None] * (_AT_ONCE - len(part))]
            named = {f"v{n}": value for n, value in enumerate(padded)}
            found.update(self._db.scalars(_ANY[by], named | {"project": project}))
        return found

    def call(self, project: int, call_id: str) -> Ref | None:
        """In the session that it is in now."""
        if (project, call_id) in self._round:
            return self._round[project, call_id]
        row = self._db.execute(_BY_ID, {"project": project, "call": call_id}).first()
        return None if row is None else Ref(*row)

    def newest(self, project: int, session: str, agent: str, before: int) -> Ref | None:
        """An agent's newest call of a session; `agent` "" is the main one."""
        new = [r for (p, _), r in self._round.items() if p == project and (r.session, r.agent) == (session, agent)]
        values = {"project": project, "session": session, "agent": agent, "before": before}
        refs = [r for r in (*new, *self._refs(_LAST, values)) if r.created_at < before]
        return max(refs, key=lambda ref: ref.created_at, default=None)

    def _refs(self, statement: sa.Select[Any], values: dict[str, Any]) -> list[Ref]:
        return [Ref(*row) for row in self._db.execute(statement, values)]
