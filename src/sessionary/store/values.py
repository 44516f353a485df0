"""The values that there are of a field: for suggesting them, and for knowing what a `*` stands for."""

from collections.abc import Sequence

import sqlalchemy as sa

from sessionary.store import schema

MOST = 1000
"""Values of a field that are looked at one by one."""
_f, _c = schema.facets.c, schema.calls.c
_NEWEST = 2000
"""Calls that are looked at for values that no index has."""
_project, _kind = sa.bindparam("project", type_=sa.Integer), sa.bindparam("kind", type_=sa.Text)


def _walk() -> sa.Select[tuple[str]]:
    """Each value leads to the next in the index, so that it does not matter how many sessions have it."""
    mine = (_f.project == _project, _f.kind == _kind)
    first = sa.select(sa.func.min(_f.value)).where(*mine, _f.value >= sa.bindparam("start", type_=sa.Text))
    walk = sa.select(first.scalar_subquery().label("value")).cte("walk", recursive=True)
    after = sa.select(sa.func.min(_f.value)).where(*mine, _f.value > walk.c.value).correlate(walk).scalar_subquery()
    walk = walk.union_all(sa.select(after).where(walk.c.value.is_not(None)))
    return sa.select(walk.c.value).where(walk.c.value.is_not(None)).limit(sa.bindparam("most", type_=sa.Integer))


_WALK = _walk()


def of_sessions(connection: sa.Connection, project: int, kind: str, start: str = "", most: int = MOST) -> Sequence[str]:
    """Of a kind of facets, in order, from `start` on."""
    asked = {"project": project, "kind": kind, "start": start, "most": most}
    return [row.value for row in connection.execute(_WALK, asked)]


def beginning(connection: sa.Connection, project: int, kind: str, prefix: str, most: int) -> list[str]:
    """Values that begin with `prefix`, in any case where there are few enough to look at all."""
    known = of_sessions(connection, project, kind)
    found = [v for v in known if v.lower().startswith(prefix.lower())]
    if len(known) == MOST and len(found) < most:
        later = of_sessions(connection, project, kind, prefix, most)
        found += [v for v in later if v.startswith(prefix) and v not in found]
    return found[:most]


def of_calls(connection: sa.Connection, project: int | None, column: sa.ColumnElement[str]) -> Sequence[str]:
    """Of the newest calls, the commonest first."""
    newest = sa.select(column.label("value")).order_by(_c.created_at.desc(), _c.id.desc()).limit(_NEWEST)
    some = (newest if project is None else newest.where(_c.project == project)).subquery()
    counted = sa.select(some.c.value).where(some.c.value.is_not(None), some.c.value != "").group_by(some.c.value)
    return connection.execute(counted.order_by(sa.func.count().desc(), some.c.value)).scalars().all()
