"""The earlier calls that a call may go on from: those of this round, and those in the store. Newest first.

Every question is answered by one index, whatever the number of calls that are stored, and never with more than a
handful of calls: of a thousand that were told the same, the newest are looked at. Calls of sessions that were deleted
are not there.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from sessionary.drain.link import COLUMNS, MOST_SHOWN, Ref
from sessionary.store import schema

Within = Callable[[Ref], bool]
By = str
"""A column of the calls: `output_node`, `leaf_node`, `answer_key` or `summary_key`."""


def _look_up(by: By, *where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    c, s = schema.calls.c, schema.sessions.c
    return (
        sa.select(*(c[name] for name in COLUMNS))
        .join(schema.sessions, sa.and_(s.project == c.project, s.id == c.session))
        .where(c.project == sa.bindparam("project"), c[by] == sa.bindparam("value"), *where)
        .where(c.created_at >= sa.bindparam("since"))
        .order_by(c.created_at.desc())
        .limit(MOST_SHOWN)
    )


class Scope:
    """Among which calls is looked for one: those of a session, or those of a key and a user since a time."""

    def __init__(self, project: int, **where: Any) -> None:
        """`where`: `session` and `home`; or `key`, `user` and `since`, in microseconds."""
        self.project = project
        self.where = {"since": 0, **where}
        self.named = "session" in where

    def has(self, ref: Ref) -> bool:
        if self.named:
            return bool(ref.session in (self.where["session"], self.where["home"]) or ref.home == self.where["home"])
        mine = ref.key_id == self.where["key"] and ref.user == self.where["user"]
        return mine and ref.created_at >= int(self.where["since"])

    def statement(self, by: By) -> sa.Select[Any]:
        return (_IN_SESSION if self.named else _OF_KEY)[by]


def _statements(*where: sa.ColumnElement[bool]) -> dict[By, sa.Select[Any]]:
    return {by: _look_up(by, *where) for by in ("output_node", "leaf_node", "answer_key", "summary_key")}


_THERE = sa.and_(schema.sessions.c.project == schema.calls.c.project, schema.sessions.c.id == schema.calls.c.session)
"""Calls of sessions that were deleted are not."""
_BY_ID = (
    sa.select(*(schema.calls.c[name] for name in COLUMNS))
    .join(schema.sessions, _THERE)
    .where(schema.calls.c.project == sa.bindparam("project"), schema.calls.c.id == sa.bindparam("call"))
)
_NEWEST = (
    sa.select(*(schema.calls.c[name] for name in COLUMNS))
    .where(schema.calls.c.project == sa.bindparam("project"), schema.calls.c.session == sa.bindparam("session"))
    .where(schema.calls.c.agent == sa.bindparam("agent"), schema.calls.c.created_at < sa.bindparam("before"))
    .order_by(schema.calls.c.created_at.desc())
    .limit(1)
)
_ANY = _statements()
_IN_SESSION = _statements(
    sa.or_(
        schema.calls.c.session.in_([sa.bindparam("session"), sa.bindparam("home")]),
        schema.calls.c.home == sa.bindparam("home"),
    )
)
_OF_KEY = _statements(schema.calls.c.key_id == sa.bindparam("key"), schema.calls.c.user == sa.bindparam("user"))
_PROMPTED = _statements(
    schema.calls.c.key_id == sa.bindparam("key"),
    schema.calls.c.user == sa.bindparam("user"),
    schema.calls.c.prompt_key.is_not_distinct_from(sa.bindparam("prompt")),
)


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
        """Where there are many, of a key's those with the system prompt `prompt` are among them."""
        new = self._new.get((by, scope.project, value), {})
        named = {"project": scope.project, "value": value}
        stored = self._refs(_ANY[by], named | {"since": scope.where["since"]})
        found = [ref for ref in stored if scope.has(ref)]
        if len(stored) == MOST_SHOWN:  # more of them may be in scope
            found = self._refs(scope.statement(by), named | scope.where)
            if len(found) == MOST_SHOWN and not scope.named:
                found += self._refs(_PROMPTED[by], named | scope.where | {"prompt": prompt})
        merged = {ref.id: ref for ref in found} | {i: ref for i, ref in new.items() if scope.has(ref)}
        ordered = sorted(merged.values(), key=lambda ref: (ref.created_at, ref.id), reverse=True)
        return [replace(r, continued=True) if (scope.project, r.id) in self._continued else r for r in ordered]

    def among(self, by: By, values: Iterable[bytes], project: int) -> set[bytes]:
        """Those of `values` by which any call is found."""
        wanted = sorted(set(values))
        c = schema.calls.c
        found = {value for value in wanted if (by, project, value) in self._new}
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            found.update(self._db.scalars(sa.select(c[by]).where(c.project == project, c[by].in_(part)).distinct()))
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
        refs = [r for r in (*new, *self._refs(_NEWEST, values)) if r.created_at < before]
        return max(refs, key=lambda ref: ref.created_at, default=None)

    def _refs(self, statement: sa.Select[Any], values: dict[str, Any]) -> list[Ref]:
        return [Ref(*row) for row in self._db.execute(statement, values)]
