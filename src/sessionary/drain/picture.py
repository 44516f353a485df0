"""What a round knows of calls and sessions: their rows as they are stored, and as they become while it goes on.

What a round's records are about is read for all of them at once; what turns out to be needed later is read then.
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from sessionary.store import schema
from sessionary.store.questions import Listed, Question, present
from sessionary.store.states import States

Row = dict[str, Any]
Key = tuple[int, str]
"""Project, and the id of a session or call."""
_SLICE = 500
_SESSION = [c.name for c in schema.sessions.c]
_ENDED = ("finished_at", "created_at", "id", "status")
"""By which it is told which of several calls has ended last: as `rollups.Sums` does."""


def _begun() -> Listed:
    c, m, s = schema.calls.c, schema.messages.c, schema.sessions.c
    every = sa.select(schema.projects.c.id)  # named, so that the primary key serves the look-up
    query = sa.select(schema.calls, m.role.label("leaf_role"), s.updated_at.label("state"))
    query = query.outerjoin(schema.messages, sa.and_(m.project == c.project, m.id == c.leaf))
    query = query.join(schema.sessions, sa.and_(s.project == c.project, s.id == c.session))
    return Listed(query.where(c.project.in_(every)), c.id)


def _parts() -> Question:
    p = schema.partials.c
    mine = (p.project == sa.bindparam("project", type_=sa.Integer), p.call_id == sa.bindparam("call", type_=sa.Text))
    return Question(sa.select(p.seq, p.data).where(*mine))


_BEGUN, _PARTS = _begun(), _parts()


class Picture:
    def __init__(self, connection: sa.Connection) -> None:
        self.db = connection
        self.states = States()
        self.calls: dict[str, Row] = {}
        """Columns of their rows; `new` of those that begin in this round, `leaf_role` of the others."""
        self.sessions: dict[Key, Row] = {}
        self.changed: set[Key] = set()
        """Sessions that are to be written."""
        self.there: set[str] = set()
        """Calls that begin once more: they are stored already."""
        self.aside: set[str] = set()
        """Calls whose begin is set aside: what else is known of them is kept beside it."""
        self.with_parts: set[str] = set()
        """Calls of whose answer there is something in the store."""
        self._looked: set[Key] = set()
        """Sessions that were looked for in the store."""
        self._agents: set[tuple[int, str, str]] = set()
        """Project, session, agent: those that have been counted."""

    def load_sessions(self, project: int, ids: Iterable[str]) -> None:
        wanted = {id for id in ids if (project, id) not in self._looked}
        found = {row.id: row for row in present(self.db, schema.sessions, "id", project, wanted, *_SESSION)}
        for id in wanted:
            self.states.see(project, id, found[id].updated_at if id in found else None)
        self.sessions |= {(project, id): row._asdict() for id, row in found.items()}
        self._looked |= {(project, id) for id in wanted}

    def session(self, project: int, id: str) -> Row | None:
        key = (project, id)
        if key not in self.sessions and key not in self._looked:
            self.load_sessions(project, [id])
        return self.sessions.get(key)

    def load_calls(self, ids: Iterable[str]) -> None:
        """Calls that were begun in an earlier round and go on in this one; none whose session is deleted."""
        wanted = sorted(ids)
        found: list[Row] = [row._asdict() for row in _BEGUN.ask(self.db, wanted)]
        for row in found:
            self.states.see(row["project"], row["session"], row.pop("state"))
        self.calls |= {row["id"]: row for row in found}
        for project in {row["project"] for row in found}:
            mine = [row for row in found if row["project"] == project]
            self.load_sessions(project, {row["session"] for row in mine})
            streams = [row["id"] for row in mine if row["stream"] and row["status"] == "live"]
            self.with_parts |= {row.call_id for row in present(self.db, schema.partials, "call_id", project, streams)}
        self._load_aside([id for id in wanted if id not in self.calls])

    def ended_last(self, project: int, session: str) -> str:
        """The status of the session's call that has ended last, of this round or an earlier one."""
        c = schema.calls.c
        mine = sa.select(*(c[name] for name in _ENDED)).where(c.project == project, c.session == session)
        last = mine.where(c.status != "live").order_by(*(c[name].desc() for name in _ENDED)).limit(1)
        stored = [tuple(row) for row in self.db.execute(last)]
        here = (row for row in self.calls.values() if (row["project"], row["session"]) == (project, session))
        new = (tuple(row[name] for name in _ENDED) for row in here if row["status"] != "live")
        return str(max([*stored, *new])[-1])

    def parts(self, project: int, call_id: str) -> dict[int, bytes]:
        """What the store has of an answer that goes on, by `seq`. One at a time: they may be large."""
        (parts,) = _PARTS.ask(self.db, [{"project": project, "call": call_id}])
        return {seq: data for seq, data in parts}  # noqa: C416 — rows are sequences, for mypy

    def _load_aside(self, wanted: list[str]) -> None:
        c = schema.set_aside.c
        for start in range(0, len(wanted), _SLICE):
            some = c.call_id.in_(wanted[start : start + _SLICE])
            self.aside |= set(self.db.scalars(sa.select(c.call_id).where(some)))

    def is_new_agent(self, project: int, session: str, agent: str) -> bool:
        """Whether it has not called in this session before; it has, from now on."""
        key = (project, session, agent)
        if key in self._agents:
            return False
        self._agents.add(key)
        f = schema.facets.c
        mine = sa.and_(f.project == project, f.kind == "agent", f.value == agent, f.session == session)
        return self.db.scalar(sa.select(f.session).where(mine)) is None
