"""What people change: a session's title and tags, and deleting it.

Deleting hides a session at once, in one short transaction, however many calls it has: its row goes, and its calls
are given the name of a session that is not there. Calls of a session without a row are read by nobody, and no call
that comes later can get among them, not even one with the same session's id. `store.sweep` frees what they needed.
"""

import time

import sqlalchemy as sa

from sessionary import ids
from sessionary.store import conversations, schema
from sessionary.store.writes import clean, insert, insert_from, transaction


def patch_session(engine: sa.Engine, project: int, session: str, title: str | None, tags: list[str] | None) -> None:
    s = schema.sessions.c
    values: dict[str, object] = {"updated_at": time.time_ns() // 1000}
    if title is not None:
        values |= {"title": title, "title_set": True}
    if tags is not None:
        values["tags"] = tags
    with transaction(engine) as connection:
        connection.execute(
            sa.update(schema.sessions).where(s.project == project, s.id == session).values(clean(values))
        )


def forget_answer(engine: sa.Engine, project: int, call_id: str) -> None:
    """Clients cannot go on from this call any more; the log keeps it."""
    with transaction(engine) as connection:
        insert(connection, schema.forgotten, [{"project": project, "call_id": call_id}])


def delete_session(engine: sa.Engine, project: int, session: str) -> None:
    """Calls of it that are in flight are answered, and leave nothing."""
    with transaction(engine) as connection:
        _hide(connection, project, session)


def expire(engine: sa.Engine, before: int, alive: int, most: int) -> int:
    """Deletes sessions whose last activity was before `before`; returns how many, up to `most`.

    Calls in flight keep a session, if it had any activity since `alive`: without, their process must be dead.
    """
    s = schema.sessions.c
    old = sa.select(s.project, s.id).where(s.last_at < before, sa.or_(s.live == 0, s.last_at < alive))
    old = old.order_by(s.last_at, s.id).limit(most)
    with engine.connect() as connection:
        if connection.execute(old).first() is None:
            return 0
    with transaction(engine) as connection:
        found = connection.execute(old).all()
        for row in found:
            _hide(connection, row.project, row.id)
    return len(found)


def _hide(connection: sa.Connection, project: int, session: str) -> None:
    """As many statements for any number of calls."""
    c, b, f, s, m = (t.c for t in (schema.calls, schema.session_bodies, schema.facets, schema.sessions, schema.merged))
    here = (c.project == project, c.session == session)
    calls = sa.select(c.id).where(*here)
    nowhere = "gone_" + ids.uuid7().hex()
    beside = sa.select(b.project, sa.literal("body"), b.hash).where(b.project == project, b.session == session)
    insert_from(connection, schema.unneeded, ["project", "kind", "ref"], beside)
    # Spool and memory may still hold what the store has no more: nothing goes on from it.
    insert_from(connection, schema.forgotten, ["project", "call_id"], sa.select(c.project, c.id).where(*here))
    conversations.restart(connection, project, calls)
    # Not live any more, so that their ends find nothing to do.
    connection.execute(sa.update(schema.calls).where(*here).values(session=nowhere, status="interrupted"))
    connection.execute(sa.delete(schema.session_bodies).where(b.project == project, b.session == session))
    connection.execute(sa.delete(schema.facets).where(f.project == project, f.session == session))
    connection.execute(sa.delete(schema.merged).where(m.project == project, m.session == session))
    connection.execute(sa.delete(schema.sessions).where(s.project == project, s.id == session))
    insert(connection, schema.unneeded, [{"project": project, "kind": "session", "ref": nowhere.encode()}])
