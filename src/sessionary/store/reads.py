"""The questions that API and pages ask. Every one is scoped: `project` None is the master's view of all.

Lists are paged by keyset: a cursor is the last row's sort value and id. A time filter takes what overlaps it.
Texts to compare with what clients sent must have gone through `writes.clean`, as the stored ones have.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary import ids
from sessionary.store import schema, search

Row = sa.Row[Any]
SESSION_SORTS = (
    "last_at",
    "first_at",
    "cost",
    "calls",
    "turns",
    "errors",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "active",
)
CALL_SORTS = ("created_at", "cost", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
_SLICE = 500
_LONGEST_CALL = 86_400_000_000
"""Microseconds that no call lasts: a call that overlaps a time began at most this long before it."""


class Filters(msgspec.Struct, frozen=True):
    """What a list is narrowed to; times are microseconds. "" and None narrow nothing."""

    session_id: str = ""
    q: str = ""
    model: str = ""
    status: str = ""
    key: str = ""
    user: str = ""
    client: str = ""
    source: str = ""
    since: int | None = None
    until: int | None = None


class Page(msgspec.Struct, frozen=True):
    sort: str
    descending: bool
    limit: int
    after: tuple[int, str] | None = None
    """Sort value and id of the last row seen."""


def _scoped(project: int | None, column: sa.Column[int]) -> list[sa.ColumnElement[bool]]:
    return [] if project is None else [column == project]


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


def sessions_query(
    dialect: str, project: int | None, filters: Filters, page: Page, named: Sequence[str] | None = None
) -> sa.Select[Any]:
    """`named`: the sessions that `filters.session_id` names, None where it names none."""
    s, f = schema.sessions.c, schema.facets.c
    where: list[sa.ColumnElement[bool]] = _scoped(project, s.project)
    if named is not None:
        where += [_looked_up(project, s.project), _among(s.id, named)]
    for kind in ("model", "client", "key", "user"):
        if value := getattr(filters, kind):
            same = _same(f.value, value)
            where.append(sa.exists().where(f.project == s.project, f.kind == kind, same, f.session == s.id))
    if filters.status:
        where.append(s.status == filters.status)
    if filters.source:
        where.append(s.source == filters.source)
    if filters.since is not None:
        where.append(s.last_at >= filters.since)
    if filters.until is not None:
        where.append(s.first_at <= filters.until)
    if filters.q:
        where.append(_says(dialect, project, filters.q))
    return _paged(sa.select(schema.sessions).where(*where), s[page.sort], s.id, page)


def _named(connection: sa.Connection, project: int | None, name: str) -> Sequence[str] | None:
    """The ids of the sessions that `name` names, ours or the client's: asked first, so that the list's query has
    plain values, for which either engine takes the right index."""
    if not name:
        return None
    s = schema.sessions.c
    mine = _looked_up(project, s.project)
    union = sa.union(sa.select(s.id).where(mine, s.id == name), sa.select(s.id).where(mine, s.session_id == name))
    return [*connection.scalars(union), *(row.session for row in _merged(connection, project, name))]


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


def _among(column: sa.Column[str], values: Sequence[str]) -> sa.ColumnElement[bool]:
    return column == values[0] if len(values) == 1 else column.in_(values)


def _same(column: sa.Column[str], value: str) -> sa.ColumnElement[bool]:
    """Equal; or, where the value has a `*`, which stands for anything, alike in any case."""
    if "*" not in value:
        return column == value
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.ilike(escaped.replace("*", "%"), escape="\\")


def _says(dialect: str, project: int | None, q: str) -> sa.ColumnElement[bool]:
    """All of the query's words in one message, or in the title."""
    s, c, d = schema.sessions.c, schema.calls.c, schema.search_docs.c
    titled = sa.and_(sa.true(), *(s.title.icontains(said, autoescape=True) for said in search.phrases(q)))
    match = search.matching(dialect, q)
    if match is None:
        return titled
    calls = sa.and_(c.project == d.project, c.id == d.call_id)
    found = sa.select(c.project, c.session).select_from(schema.search_docs).join(schema.calls, calls)
    found = found.where(d.id.in_(match), *_scoped(project, d.project))
    return sa.or_(titled, sa.tuple_(s.project, s.id).in_(found))


def _paged(select: sa.Select[Any], sort: sa.Column[Any], row_id: sa.Column[Any], page: Page) -> sa.Select[Any]:
    """What is not known sorts below zero, on both engines."""
    value: Any = sa.func.coalesce(sort, -1) if sort.nullable else sort
    if page.after is not None:
        mine, last = sa.tuple_(value, row_id), sa.tuple_(sa.literal(page.after[0]), sa.literal(page.after[1]))
        select = select.where(mine < last if page.descending else mine > last)
    order = (value.desc(), row_id.desc()) if page.descending else (value.asc(), row_id.asc())
    return select.order_by(*order).limit(page.limit)


def list_sessions(engine: sa.Engine, project: int | None, filters: Filters, page: Page) -> Sequence[Row]:
    with engine.connect() as connection:
        named = _named(connection, project, filters.session_id)
        return connection.execute(sessions_query(engine.dialect.name, project, filters, page, named)).all()


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


def calls_query(
    dialect: str, project: int | None, filters: Filters, page: Page, named: Sequence[str] | None = None
) -> sa.Select[Any]:
    """`named`: the sessions that `filters.session_id` names, None where it names none."""
    c, d, k = schema.calls.c, schema.search_docs.c, schema.keys.c
    where: list[sa.ColumnElement[bool]] = _scoped(project, c.project)
    if named is not None:
        where += [_looked_up(project, c.project), _among(c.session, named)]
    for name in ("model", "client", "user"):
        if value := getattr(filters, name):
            where.append(_same(c[name], value))
    if filters.key:
        where.append(sa.or_(c.key_id == filters.key, c.key_id.in_(sa.select(k.id).where(_same(k.name, filters.key)))))
    if filters.status:
        where.append(c.status == filters.status)
    if filters.source:
        where.append(c.source == filters.source)
    if filters.since is not None:
        where += [
            sa.or_(c.finished_at >= filters.since, c.finished_at.is_(None)),
            c.created_at >= filters.since - _LONGEST_CALL,
        ]
    if filters.until is not None:
        where.append(c.created_at <= filters.until)
    if filters.q:
        match = search.matching(dialect, filters.q)
        found = sa.select(d.project, d.call_id).where(*_scoped(project, d.project))
        where.append(sa.false() if match is None else sa.tuple_(c.project, c.id).in_(found.where(d.id.in_(match))))
    return _paged(_calls().where(*where), c[page.sort], c.id, page)


def list_calls(engine: sa.Engine, project: int | None, filters: Filters, page: Page) -> Sequence[Row]:
    with engine.connect() as connection:
        named = _named(connection, project, filters.session_id)
        return connection.execute(calls_query(engine.dialect.name, project, filters, page, named)).all()


def session_calls(connection: sa.Connection, project: int, session: str) -> Sequence[Row]:
    c = schema.calls.c
    mine = _calls().where(c.project == project, c.session == session)
    return connection.execute(mine.order_by(c.created_at, c.id)).all()


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
