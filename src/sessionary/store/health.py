"""How often each rule of threading held: what health asks of the table `rates`. `project` None is all of them.

Clients are named by their requests, so there may be any number of them: what is answered is bounded by `most`. They are
counted by program (`store.programs`); one version is asked for where its histories are not found.
"""

from collections.abc import Collection, Sequence
from typing import Any, Literal

import sqlalchemy as sa

from sessionary.store import schema
from sessionary.store.programs import program_of

Row = sa.Row[Any]
_r = schema.rates.c
Each = Literal["program", "client"]
"""By program, or by version."""


def _counted(project: int | None, since: int, each: Each = "client") -> Any:
    """The columns of the rates, with the program for the client if it is wanted."""
    client = program_of(_r.client) if each == "program" else _r.client
    asked = sa.select(_r.day, _r.rule, _r.calls, _r.ambiguous, client.label("client")).where(_r.day >= since)
    return (asked if project is None else asked.where(_r.project == project)).subquery().c


def _sums(c: Any) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    return sa.func.sum(c.calls).label("calls"), sa.func.sum(c.ambiguous).label("ambiguous")


def by_day(connection: sa.Connection, project: int | None, since: int) -> Sequence[Row]:
    """(day, rule, calls, ambiguous) of every day from `since` on, in days since 1970."""
    c = _counted(project, since)
    return connection.execute(sa.select(c.day, c.rule, *_sums(c)).group_by(c.day, c.rule).order_by(c.day, c.rule)).all()


def count_programs(connection: sa.Connection, project: int | None, since: int) -> int:
    c = _counted(project, since, "program")
    return connection.scalar(sa.select(sa.func.count(sa.distinct(c.client)))) or 0


def busiest(connection: sa.Connection, project: int | None, since: int, most: int) -> list[str]:
    """Programs, the busiest first."""
    c = _counted(project, since, "program")
    asked = sa.select(c.client).group_by(c.client).order_by(sa.func.sum(c.calls).desc(), c.client).limit(most)
    return list(connection.scalars(asked))


def missing(connection: sa.Connection, project: int | None, since: int, most: int, each: Each) -> list[str]:
    """Those with the most histories that were not found."""
    c = _counted(project, since, each)
    missed = sa.func.sum(sa.case((c.rule == "missed", c.calls), else_=0))
    asked = sa.select(c.client).group_by(c.client).having(missed > 0).order_by(missed.desc(), c.client).limit(most)
    return list(connection.scalars(asked))


def of(connection: sa.Connection, project: int | None, since: int, names: Collection[str], each: Each) -> Sequence[Row]:
    """(client, day, rule, calls, ambiguous) of these."""
    c = _counted(project, since, each)
    asked = sa.select(c.client, c.day, c.rule, *_sums(c)).where(c.client.in_(names))
    return connection.execute(asked.group_by(c.client, c.day, c.rule).order_by(c.day)).all()


def first_days(connection: sa.Connection, project: int | None, names: Collection[str], each: Each) -> dict[str, int]:
    """When each of these was first seen, ever."""
    c = _counted(project, 0, each)
    asked = sa.select(c.client, sa.func.min(c.day).label("day")).where(c.client.in_(names)).group_by(c.client)
    return {row.client: row.day for row in connection.execute(asked)}


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
