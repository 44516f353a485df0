"""The questions that API and pages ask. Every one is scoped: `project` None is the master's view of all.

Lists are paged by keyset: a cursor is the last row's sort value and id. A time filter takes what overlaps it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary import ids
from sessionary.store import schema, search

Row = sa.Row[Any]
SESSION_SORTS = (
    "last_at", "first_at", "cost", "calls", "turns", "errors", "input_tokens", "output_tokens", "active",
)
CALL_SORTS = ("created_at",)


class Filters(msgspec.Struct, frozen=True):
    """What a list is narrowed to; times are microseconds."""

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
    after: tuple[Any, str] | None = None
    """Sort value and id of the last row seen."""


def _scoped(project: int | None, column: sa.Column[int]) -> list[sa.ColumnElement[bool]]:
    return [] if project is None else [column == project]


def project_id(engine: sa.Engine, name: str) -> int | None:
    with engine.connect() as connection:
        return connection.scalar(sa.select(schema.projects.c.id).where(schema.projects.c.name == name))


def project_names(engine: sa.Engine) -> dict[int, str]:
    with engine.connect() as connection:
        return {row.id: row.name for row in connection.execute(sa.select(schema.projects.c.id, schema.projects.c.name))}


def sessions_query(dialect: str, project: int | None, filters: Filters, page: Page) -> sa.Select[Any] | None:
    """None where nothing can match."""
    s, f = schema.sessions.c, schema.facets.c
    where: list[sa.ColumnElement[bool]] = _scoped(project, s.project)
    if filters.session_id:
        where.append(sa.or_(s.session_id == filters.session_id, s.id == filters.session_id))
    for kind, value in (("model", filters.model), ("client", filters.client), ("key", filters.key), ("user", filters.user)):
        if value:
            same = f.value == value if "*" not in value else f.value.like(_like(value), escape="\\")
            where.append(
                sa.exists().where(f.project == s.project, f.kind == kind, same, f.session == s.id)
            )
    if filters.status:
        where.append(s.status == filters.status)
    if filters.source:
        where.append(s.source == filters.source)
    if filters.since is not None:
        where.append(s.last_at >= filters.since)
    if filters.until is not None:
        where.append(s.first_at <= filters.until)
    if filters.q:
        match = search.matching(dialect, filters.q)
        d = schema.search_docs.c
        in_title = s.title.like(_like(f"*{filters.q}*"), escape="\\")
        if match is None:
            where.append(in_title)
        else:
            found = sa.select(d.session).where(d.id.in_(match), *_scoped(project, d.project))
            where.append(sa.or_(in_title, s.id.in_(found)))
    return _paged(sa.select(schema.sessions).where(*where), s[page.sort], s.id, page)


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def _paged(select: sa.Select[Any], sort: sa.Column[Any], row_id: sa.Column[Any], page: Page) -> sa.Select[Any]:
    if sort.name == "cost":  # null sorts below zero on both engines
        value: Any = sa.func.coalesce(sort, -1)
    else:
        value = sort
    if page.after is not None:
        mine, last = sa.tuple_(value, row_id), sa.tuple_(sa.literal(page.after[0]), sa.literal(page.after[1]))
        select = select.where(mine < last if page.descending else mine > last)
    order = (value.desc(), row_id.desc()) if page.descending else (value.asc(), row_id.asc())
    return select.order_by(*order).limit(page.limit)


def list_sessions(engine: sa.Engine, project: int | None, filters: Filters, page: Page) -> Sequence[Row]:
    select = sessions_query(engine.dialect.name, project, filters, page)
    if select is None:
        return []
    with engine.connect() as connection:
        return connection.execute(select).all()


def session(engine: sa.Engine, project: int | None, name: str, own_project: int) -> Row | None:
    """By our id or by the client's. The master's own project comes first where several have it."""
    s = schema.sessions.c
    named = sa.or_(s.id == name, s.id == ids.session_id(own_project, name), s.session_id == name)
    select = sa.select(schema.sessions).where(named, *_scoped(project, s.project))
    with engine.connect() as connection:
        rows = connection.execute(select.limit(20)).all()
    return min(rows, key=lambda r: (r.id != name, r.project != own_project, -r.last_at), default=None)


def changed_sessions(engine: sa.Engine, since: int) -> Sequence[Row]:
    """Of all projects: sessions written at or after `since`."""
    s = schema.sessions.c
    with engine.connect() as connection:
        return connection.execute(
            sa.select(schema.sessions).where(s.updated_at >= since).order_by(s.updated_at).limit(1000)
        ).all()


def calls_query(project: int | None, filters: Filters, page: Page, dialect: str) -> sa.Select[Any]:
    c, s = schema.calls.c, schema.sessions.c
    where: list[sa.ColumnElement[bool]] = _scoped(project, c.project)
    if filters.session_id:
        named = sa.select(s.id).where(
            sa.or_(s.id == filters.session_id, s.session_id == filters.session_id), *_scoped(project, s.project)
        )
        where.append(c.session.in_(named))
    for column, value in ((c.model, filters.model), (c.client, filters.client), (c.user, filters.user)):
        if value:
            where.append(column == value if "*" not in value else column.like(_like(value), escape="\\"))
    if filters.key:
        k = schema.keys.c
        where.append(sa.or_(c.key_id == filters.key, c.key_id.in_(sa.select(k.id).where(k.name == filters.key))))
    if filters.status:
        where.append(c.status == filters.status)
    if filters.source:
        where.append(c.source == filters.source)
    if filters.since is not None:
        where.append(sa.func.coalesce(c.finished_at, c.created_at) >= filters.since)
    if filters.until is not None:
        where.append(c.created_at <= filters.until)
    if filters.q:
        match = search.matching(dialect, filters.q)
        if match is not None:
            d = schema.search_docs.c
            where.append(c.id.in_(sa.select(d.call_id).where(d.id.in_(match), *_scoped(project, d.project))))
    return _paged(sa.select(schema.calls).where(*where), c[page.sort], c.id, page)


def list_calls(engine: sa.Engine, project: int | None, filters: Filters, page: Page) -> Sequence[Row]:
    with engine.connect() as connection:
        return connection.execute(calls_query(project, filters, page, engine.dialect.name)).all()


def session_calls(connection: sa.Connection, project: int, session: str) -> Sequence[Row]:
    c = schema.calls.c
    return connection.execute(
        sa.select(schema.calls).where(c.project == project, c.session == session).order_by(c.created_at, c.id)
    ).all()


def call(engine: sa.Engine, project: int | None, call_id: str) -> Row | None:
    c = schema.calls.c
    with engine.connect() as connection:
        return connection.execute(
            sa.select(schema.calls).where(c.id == call_id, *_scoped(project, c.project))
        ).first()


def key_names(engine: sa.Engine) -> dict[str, str]:
    k = schema.keys.c
    with engine.connect() as connection:
        return {"master": "master"} | {r.id: r.name for r in connection.execute(sa.select(k.id, k.name))}
