"""What people change: a session's title and tags, and deleting it.

Deleting hides a session at once, in one short transaction, however many calls it has: its row goes, and its calls
are given the name of a session that is not there. Calls of a session without a row are read by nobody, and no call
that comes later can get among them, not even one with the same session's id. `store.sweep` frees what they needed.

The spool may still have calls that name the session. It is noted in `deleted`, for a week: those that began before it
was deleted are as hidden when the drain comes to them, those that began later are a session of their own.
"""

import time
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from sessionary import ids
from sessionary.store import audit, conversations, schema
from sessionary.store.audit import COMMAND, Actor
from sessionary.store.questions import present
from sessionary.store.writes import clean, insert, insert_from, transaction, upsert

FORGOTTEN_MS = 2 * 86_400_000
"""For which a call that is not to be found any more is remembered as such. Memory is asked for half as long."""
HIDDEN = "gone_"
_DELETED_US = 7 * 86_400_000_000
"""For which calls of a deleted session may come out of the spool: as long as a gateway may be without the store."""


def patch_session(
    engine: sa.Engine, project: int, session: str, title: str | None, tags: list[str] | None, by: Actor = COMMAND
) -> None:
    s, f = schema.sessions.c, schema.facets.c
    values: dict[str, object] = {"updated_at": time.time_ns() // 1000}
    if title is not None:
        values |= {"title": title, "title_set": True}
    if tags is not None:
        values["tags"] = tags
    with transaction(engine) as connection:
        connection.execute(
            sa.update(schema.sessions).where(s.project == project, s.id == session).values(clean(values))
        )
        if tags is not None:
            mine = (f.project == project, f.session == session, f.kind == "tag")
            connection.execute(sa.delete(schema.facets).where(*mine))
            at = {"project": project, "kind": "tag", "session": session}
            insert(connection, schema.facets, [at | {"value": tag} for tag in tags])
        for action, given in (("session.rename", title), ("session.tag", tags)):
            if given is not None:
                audit.record(connection, by, action, session, project=project)


def forget_answer(engine: sa.Engine, project: int, call_id: str, by: Actor = COMMAND) -> None:
    """Clients cannot go on from this call any more; the log keeps it."""
    with transaction(engine) as connection:
        insert(connection, schema.forgotten, [{"project": project, "call_id": call_id}])
        audit.record(connection, by, "response.delete", call_id, project=project)


def delete_session(
    engine: sa.Engine, project: int, session: str, by: Actor = COMMAND, *, at: int | None = None
) -> None:
    """Calls of it that are in flight are answered, and leave nothing. `at`, in microseconds, is when it is deleted."""
    s, m = schema.sessions.c, schema.merged.c
    with transaction(engine) as connection:
        calls = connection.scalar(sa.select(s.calls).where(s.project == project, s.id == session))
        named = connection.scalars(sa.select(m.id).where(m.project == project, m.session == session)).all()
        note(connection, project, (session, *named), at)
        hide(connection, project, [session])
        if calls is not None:
            audit.record(connection, by, "session.delete", session, project=project, calls=calls)


def note(connection: sa.Connection, project: int, names: Iterable[str], at: int | None = None) -> None:
    """That sessions of these names are deleted, now or `at`: calls of them that began before, and are in the spool,
    leave nothing."""
    noted = {"project": project, "at": time.time_ns() // 1000 if at is None else at}
    upsert(connection, schema.deleted, [noted | {"session": name} for name in names])


def hide(connection: sa.Connection, project: int, sessions: Sequence[str], kind: str = "session") -> None:
    """The first part of deleting: as many statements for any number of sessions and calls. `kind`: under which the name
    that the calls are given is listed, see `store.sweep`."""
    c, b, f, s, m = (t.c for t in (schema.calls, schema.session_bodies, schema.facets, schema.sessions, schema.merged))
    here = (c.project == project, c.session.in_(sessions))
    nowhere = hidden()
    beside = sa.select(b.project, sa.literal("body"), b.hash).where(b.project == project, b.session.in_(sessions))
    insert_from(connection, schema.unneeded, ["project", "kind", "ref"], beside.distinct())
    forget(connection, project, sessions)
    conversations.restart(connection, project, sa.select(c.id).where(*here))
    # Not live any more, so that their ends find nothing to do.
    connection.execute(sa.update(schema.calls).where(*here).values(session=nowhere, status="interrupted"))
    connection.execute(sa.delete(schema.session_bodies).where(b.project == project, b.session.in_(sessions)))
    connection.execute(sa.delete(schema.facets).where(f.project == project, f.session.in_(sessions)))
    connection.execute(sa.delete(schema.merged).where(m.project == project, m.session.in_(sessions)))
    connection.execute(sa.delete(schema.sessions).where(s.project == project, s.id.in_(sessions)))
    insert(connection, schema.unneeded, [{"project": project, "kind": kind, "ref": nowhere.encode()}])


def hidden(now_ms: int | None = None) -> str:
    """A name under which no session is: calls that have it are swept as soon as it is listed in `unneeded`. These names
    sort by time."""
    return HIDDEN + ids.uuid7(now_ms).hex()


def forget(connection: sa.Connection, project: int, sessions: Sequence[str]) -> None:
    """Nothing goes on from the calls of these sessions: spool and memory may still hold what the store has no more.
    Older calls are looked for in the store alone (see state.walk)."""
    c = schema.calls.c
    young = c.id >= ids.first_call_id(time.time_ns() // 1_000_000 - FORGOTTEN_MS)
    mine = sa.select(c.project, c.id).where(c.project == project, c.session.in_(sessions), young)
    insert_from(connection, schema.forgotten, ["project", "call_id"], mine)


def tidy(connection: sa.Connection, project: int, after: str, now: int, most: int) -> str:
    """Takes what is not needed any more off `forgotten`, of `most` calls behind `after`, and off `deleted`. Returns the
    last call that was looked at; "" where there are no more. `now` is in microseconds."""
    f, d = schema.forgotten.c, schema.deleted.c
    connection.execute(sa.delete(schema.deleted).where(d.project == project, d.at < now - _DELETED_US))
    old = ids.first_call_id(now // 1000 - FORGOTTEN_MS)
    here = sa.select(f.call_id).where(f.project == project, f.call_id > after, f.call_id < old)
    looked_at = connection.scalars(here.order_by(f.call_id).limit(most)).all()
    there = {row.id for row in present(connection, schema.calls, "id", project, looked_at)}
    gone = [id for id in looked_at if id not in there]
    connection.execute(sa.delete(schema.forgotten).where(f.project == project, f.call_id.in_(gone)))
    return looked_at[-1] if len(looked_at) == most else ""
