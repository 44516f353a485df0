"""How often each rule of threading held: what health asks of the table `rates`. `project` None is all of them.

Clients are named by their requests, so there may be any number of them: what is answered is bounded by `most`.
"""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from sessionary.store import schema

Row = sa.Row[Any]
_r = schema.rates.c
_calls: sa.ColumnElement[int] = sa.func.sum(_r.calls)
_missed: sa.ColumnElement[int] = sa.func.sum(sa.case((_r.rule == "missed", _r.calls), else_=0))
_sums = (_calls.label("calls"), sa.func.sum(_r.ambiguous).label("ambiguous"))


def _within(project: int | None, since: int) -> list[sa.ColumnElement[bool]]:
    return [_r.day >= since] + ([] if project is None else [_r.project == project])


def by_day(connection: sa.Connection, project: int | None, since: int) -> Sequence[Row]:
    """(day, rule, calls, ambiguous) of every day from `since` on, in days since 1970."""
    asked = sa.select(_r.day, _r.rule, *_sums).where(*_within(project, since)).group_by(_r.day, _r.rule)
    return connection.execute(asked.order_by(_r.day, _r.rule)).all()


def count_clients(connection: sa.Connection, project: int | None, since: int) -> int:
    return connection.scalar(sa.select(sa.func.count(sa.distinct(_r.client))).where(*_within(project, since))) or 0


def clients(connection: sa.Connection, project: int | None, since: int, most: int) -> list[str]:
    """The busiest, and those with the most misses: `most` of either. The busiest first."""
    mine = sa.select(_r.client).where(*_within(project, since)).group_by(_r.client)
    busiest = connection.scalars(mine.order_by(_calls.desc(), _r.client).limit(most)).all()
    missing = connection.scalars(mine.having(_missed > 0).order_by(_missed.desc(), _r.client).limit(most)).all()
    return list(dict.fromkeys((*busiest, *missing)))


def by_client(connection: sa.Connection, project: int | None, since: int, names: Collection[str]) -> Sequence[Row]:
    """(client, day, rule, calls, ambiguous) of these clients."""
    asked = sa.select(_r.client, _r.day, _r.rule, *_sums).where(*_within(project, since), _r.client.in_(names))
    return connection.execute(asked.group_by(_r.client, _r.day, _r.rule).order_by(_r.day)).all()


def first_days(connection: sa.Connection, project: int | None, names: Collection[str]) -> dict[str, int]:
    """When each of these clients was first seen, ever."""
    asked = sa.select(_r.client, sa.func.min(_r.day).label("day")).where(*_within(project, 0), _r.client.in_(names))
    return {row.client: row.day for row in connection.execute(asked.group_by(_r.client))}


def set_aside_reasons(connection: sa.Connection) -> dict[str, int]:
    """How many records could not be understood, by reason: the ten most frequent."""
    reason, count = schema.set_aside.c.reason, sa.func.count()
    asked = sa.select(reason, count).group_by(reason).order_by(count.desc(), reason).limit(10)
    return {row[0]: row[1] for row in connection.execute(asked)}


def database_bytes(connection: sa.Connection) -> int | None:
    """On disk; of PostgreSQL only this database."""
    if connection.dialect.name == "postgresql":
        return connection.scalar(sa.select(sa.func.pg_database_size(sa.func.current_database())))
    pages, size = (connection.exec_driver_sql(f"PRAGMA {n}").scalar() or 0 for n in ("page_count", "page_size"))
    return int(pages * size)


def count_set_aside(connection: sa.Connection) -> int:
    """Records that could not be understood, of all projects."""
    return connection.scalar(sa.select(sa.func.count()).select_from(schema.set_aside)) or 0
