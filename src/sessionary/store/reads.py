"""The questions that API and pages ask, beside lists. Every one is scoped: `project` None is the master's view of all.

Texts to compare with what clients sent must have gone through `writes.clean`, as the stored ones have.
"""

from collections import namedtuple
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from sessionary import ids
from sessionary.store import schema

Row = sa.Row[Any]
_SLICE = 500


def _looked_up(project: int | None, column: sa.Column[int]) -> sa.ColumnElement[bool]:
    """As `_scoped`, for finding one row: every project is named, so that the primary key serves."""
    return column == project if project is not None else column.in_(sa.select(schema.projects.c.id))


def project_id(engine: sa.Engine, name: str) -> int | None:
    with engine.connect() as connection:
        found: int | None = connection.scalar(sa.select(schema.projects.c.id).where(schema.projects.c.name == name))
        return found


def project_names(engine: sa.Engine) -> dict[int, str]:
    with engine.connect() as connection:
        return {row.id: row.name for row in connection.execute(sa.select(schema.projects.c.id, schema.projects.c.name))}


def key_names(engine: sa.Engine) -> dict[str, str]:
    k = schema.keys.c
    with engine.connect() as connection:
        return {"master": "master"} | {r.id: r.name for r in connection.execute(sa.select(k.id, k.name))}


# Sessions


def _merged(connection: sa.Connection, project: int | None, name: str) -> Sequence[Row]:
    """Rows of `merged`: what `name` names was merged into their `session`. The client's text is not in the table; our
    id is made from it, in each project another, so each is asked for by its primary key."""
    m = schema.merged.c
    projects = [project] if project is not None else connection.scalars(sa.select(schema.projects.c.id)).all()
    found: list[Row] = []
    for one in projects:
        named = sa.select(schema.merged).where(m.project == one, m.id.in_({name, ids.session_id(one, name)}))
        found += connection.execute(named).all()
    return found


def session(engine: sa.Engine, project: int | None, name: str, own_project: int) -> Row | None:
    """By our id or by the client's, also of a session that was merged into another.

    Where several projects have it, `own_project` comes first, then the newest.
    """
    s = schema.sessions.c
    mine = _looked_up(project, s.project)
    by_id = sa.select(schema.sessions).where(mine, s.id.in_([name, ids.session_id(own_project, name)]))
    by_text = sa.select(schema.sessions).where(mine, s.session_id == name)
    with engine.connect() as connection:
        rows = [*connection.execute(by_id), *connection.execute(by_text)]
        for row in [] if rows else _merged(connection, project, name):
            here = (s.project == row.project, s.id == row.session)
            rows += connection.execute(sa.select(schema.sessions).where(*here)).all()
    return min(rows, key=lambda r: (r.id != name, r.project != own_project, -r.last_at), default=None)


def changed_sessions(engine: sa.Engine, since: int, most: int = 10_000) -> Sequence[Row]:
    """Of all projects: the sessions written at or after `since`, oldest change first."""
    s = schema.sessions.c
    with engine.connect() as connection:
        return connection.execute(
            sa.select(schema.sessions).where(s.updated_at >= since).order_by(s.updated_at).limit(most)
        ).all()


# Calls: every row has `session_text` besides, the session's id as the client sent it. Those whose session has no row
# are deleted already (see store.edits).


def _calls() -> sa.Select[Any]:
    c, s = schema.calls.c, schema.sessions.c
    named = sa.and_(s.project == c.project, s.id == c.session)
    return sa.select(schema.calls, s.session_id.label("session_text")).join(schema.sessions, named)


_Call = namedtuple("_Call", [*schema.calls.c.keys(), "session_text"])  # type: ignore[misc]
"""A row of `_calls`, whose fields are read several times faster: a session may have thousands."""


def session_calls(
    connection: sa.Connection, project: int, session: str, ids: Sequence[str] | None = None
) -> Sequence[Any]:
    """In order; `ids`: only those of them."""
    c = schema.calls.c
    mine = _calls().where(c.project == project, c.session == session)
    if ids is not None:
        mine = mine.where(c.id.in_(ids))
    return [_Call._make(row) for row in connection.execute(mine.order_by(c.created_at, c.id))]


def session_page(
    connection: sa.Connection, project: int, session: str, limit: int, after: tuple[int, str] | None
) -> Sequence[Any]:
    """As `session_calls`, at most `limit` of them: those that follow a call with that time and id."""
    c = schema.calls.c
    mine = _calls().where(c.project == project, c.session == session)
    if after is not None:
        mine = mine.where(sa.tuple_(c.created_at, c.id) > sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
    return [_Call._make(row) for row in connection.execute(mine.order_by(c.created_at, c.id).limit(limit))]


def session_since(connection: sa.Connection, project: int, session: str, since: int) -> Sequence[Any]:
    """As `session_calls`, those that began or ended then or later, and those that go on."""
    c = schema.calls.c
    new = sa.or_(c.created_at >= since, c.finished_at >= since, c.finished_at.is_(None))
    mine = _calls().where(c.project == project, c.session == session, new)
    return [_Call._make(row) for row in connection.execute(mine.order_by(c.created_at, c.id))]


def alike(connection: sa.Connection, session: Row, calls: Sequence[Any]) -> Sequence[Any]:
    """These calls of a session, and those before them that asked the same, of the same key and user; in order. Rows
    have `id`, `created_at`, `leaf`, `leaf_node`, `scope`, `side`."""
    c = schema.calls.c
    asked = [call for call in calls if call.leaf_node is not None]
    if not asked:
        return []
    # All of this is for the index, which knows nothing of sessions: the words of a greeting are common.
    same = (c.leaf_node.in_({call.leaf_node for call in asked}), c.scope.in_({call.scope for call in asked}))
    when = c.created_at.between(session.first_at, max(call.created_at for call in asked))
    found = sa.select(c.id, c.created_at, c.leaf, c.leaf_node, c.scope, c.side, c.session)
    rows = connection.execute(found.where(c.project == session.project, *same, when))
    return sorted((row for row in rows if row.session == session.id), key=lambda row: (row.created_at, row.id))


def call_before(connection: sa.Connection, session: Row, call: Any, endpoints: Sequence[str]) -> Any:
    """The newest of the session that is older than `call`, has messages, and is of one of these endpoints: `id`,
    `endpoint`, `leaf`. None where there is none."""
    c = schema.calls.c
    mine = sa.select(c.id, c.endpoint, c.leaf).where(c.project == session.project, c.session == session.id)
    older = sa.tuple_(c.created_at, c.id) < sa.tuple_(sa.literal(call.created_at), sa.literal(call.id))
    mine = mine.where(older, c.endpoint.in_(endpoints), c.leaf.is_not(None))
    return connection.execute(mine.order_by(c.created_at.desc(), c.id.desc()).limit(1)).first()


def related(connection: sa.Connection, calls: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Row]:
    """Calls by project and id, those of them that are there."""
    c = schema.calls.c
    found: dict[tuple[int, str], Row] = {}
    wanted: dict[int, set[str]] = {}
    for project, id in calls:
        wanted.setdefault(project, set()).add(id)
    for project, named in wanted.items():
        for start in range(0, len(named), _SLICE):
            part = sorted(named)[start : start + _SLICE]
            rows = connection.execute(_calls().where(c.project == project, c.id.in_(part)))
            found |= {(project, row.id): row for row in rows}
    return found


def call(engine: sa.Engine, project: int | None, call_id: str) -> Row | None:
    with engine.connect() as connection:
        return call_within(connection, project, call_id)


def call_within(connection: sa.Connection, project: int | None, call_id: str) -> Row | None:
    c = schema.calls.c
    return connection.execute(_calls().where(_looked_up(project, c.project), c.id == call_id)).first()


def is_forgotten(engine: sa.Engine, project: int, call_id: str) -> bool:
    f = schema.forgotten.c
    with engine.connect() as connection:
        found = connection.scalar(sa.select(f.call_id).where(f.project == project, f.call_id == call_id))
        return found is not None
