"""Calls in flight, as far as the drain has stored that they began."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from sessionary import ids
from sessionary.store import schema
from sessionary.store.questions import present
from sessionary.store.writes import insert, transaction

_MARK = -1
"""Instead of a checkpoint's number: an empty one, by which another host asks that the call be ended. It goes as all
checkpoints do when the call ends."""


def calls(connection: sa.Connection, sessions: Iterable[tuple[int, str]]) -> Sequence[Any]:
    """Rows: of sessions, by project and id: `project`, `session`, `id`, `endpoint`, `writer`."""
    c = schema.calls.c
    mine = sa.tuple_(c.project, c.session).in_(list(sessions))
    told = (c.project, c.session, c.id, c.endpoint, c.writer)
    return connection.execute(sa.select(*told).where(c.status == "live", mine)).all()


def writer(connection: sa.Connection, project: int, call_id: str) -> str:
    """Who makes a call; "" where it is not there."""
    c = schema.calls.c
    return connection.scalar(sa.select(c.writer).where(c.project == project, c.id == call_id)) or ""


def ask_to_end(engine: sa.Engine, project: int, call_id: str) -> None:
    """Of a call of another host."""
    mark = {"project": project, "call_id": call_id, "seq": _MARK, "data": b""}
    with transaction(engine) as connection:
        insert(connection, schema.partials, [mark])


def asked_to_end(engine: sa.Engine, calls: Iterable[tuple[int, str]]) -> Sequence[str]:
    """Those of the calls, by project and id, that another host asks to be ended."""
    p = schema.partials.c
    mine = sa.tuple_(p.project, p.call_id).in_(list(calls))
    with engine.connect() as connection:
        return connection.scalars(sa.select(p.call_id).where(mine, p.seq == _MARK)).all()


def parts(connection: sa.Connection, project: int, call_id: str, since: int) -> Sequence[Any]:
    """Checkpoints from the number `since` on: `seq`, `data`."""
    p = schema.partials.c
    mine = (p.project == project, p.call_id == call_id, p.seq >= since)
    return connection.execute(sa.select(p.seq, p.data).where(*mine).order_by(p.seq)).all()


def in_conversation(connection: sa.Connection, project: int, conversation: str) -> Sequence[str]:
    """The calls' ids."""
    c = schema.calls.c
    is_live = c.status == sa.literal_column("'live'")  # as the index says it
    return connection.scalars(
        sa.select(c.id).where(is_live, c.project == project, c.conversation == conversation)
    ).all()


def ended(connection: sa.Connection, project: int, calls: Mapping[str, str]) -> set[str]:
    """Those whose end is stored, or whose session was deleted since they began. `calls`: by id the session that it
    names."""
    rows = present(connection, schema.calls, "id", project, calls, "status")
    gone = present(connection, schema.deleted, "session", project, calls.values(), "at")
    before = {row.session: ids.first_call_id(row.at // 1000) for row in gone}
    late = {id for id, session in calls.items() if session in before and id < before[session]}
    return late | {row.id for row in rows if row.status != "live"}
