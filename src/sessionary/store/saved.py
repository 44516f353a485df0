"""Saved views: a list's parameters under a name, kept for a project."""

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from sessionary import ids
from sessionary.store import audit, schema
from sessionary.store.audit import COMMAND, Actor
from sessionary.store.writes import clean, insert, transaction

Row = sa.Row[Any]
MOST = 200
"""Views of a project."""


def views(engine: sa.Engine, project: int) -> Sequence[Row]:
    """In the order in which they were saved."""
    v = schema.views.c
    with engine.connect() as connection:
        mine = sa.select(schema.views).where(v.project == project)
        return connection.execute(mine.order_by(v.created_at, v.id)).all()


def save(engine: sa.Engine, project: int, name: str, page: str, query: str, by: Actor = COMMAND) -> Row | None:
    """None where the project has as many as it may have."""
    v = schema.views.c
    row = clean({"project": project, "id": ids.new_view_id(), "name": name, "page": page, "query": query})
    with transaction(engine) as connection:
        mine = sa.select(sa.func.count()).select_from(schema.views).where(v.project == project)
        if (connection.scalar(mine) or 0) >= MOST:
            return None
        insert(connection, schema.views, [row | {"created_at": time.time_ns() // 1000}])
        audit.record(connection, by, "view.save", row["id"], project=project, name=name, page=page)
        made = sa.select(schema.views).where(v.project == project, v.id == row["id"])
        return connection.execute(made).one()


def delete(engine: sa.Engine, project: int, view: str, by: Actor = COMMAND) -> bool:
    """Whether it was there."""
    v = schema.views.c
    with transaction(engine) as connection:
        gone = sa.delete(schema.views).where(v.project == project, v.id == view)
        if there := connection.execute(gone).rowcount > 0:
            audit.record(connection, by, "view.delete", view, project=project)
        return there
