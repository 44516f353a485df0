"""What people correct: which session a call belongs to. Each correction is one transaction, and changes nothing when
it is made again.

- A call moves with everything that goes on from it: calls of its session whose parent or origin moves, and so on.
- `calls.home` keeps the session that a call's own id names, while a person has it elsewhere: later calls with that id
  look for their parents there, too. A call that was placed by what it goes on from has no id; later ones follow it.
- Merged sessions' ids stay names of the session that they were merged into (`merged`). A session without a call is
  no more.
- Afterwards rows, facets and what else is kept by session are what the calls add up to (`store.rollups`), and turns
  are numbered 1, 2, … in order of time: what was one turn of one session stays one. Side calls stay 0. A call counts
  as `continued` where one of its own session goes on from it.

Nothing leaves its project. What is not there, or is being deleted, raises NotFound.
"""

import time
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from sessionary import ids
from sessionary.errors import NotFound
from sessionary.store import audit, rollups, schema, tree
from sessionary.store.audit import COMMAND, Actor
from sessionary.store.writes import insert, transaction, update_calls, upsert
from sessionary.wire import text

_SLICE = 500
_NAMED = ("id", "harness", "conversation", "replay")
"""Sources of calls that name their session themselves."""
_c, _s, _m = schema.calls.c, schema.sessions.c, schema.merged.c
_COLUMNS: tuple[sa.Column[Any], ...] = (
    *(_c.id, _c.session, _c.source, _c.parent, _c.origin, _c.turn, _c.created_at),
    *(_c.leaf_node, _c.agent),
)


class Corrected(NamedTuple):
    session: str
    """Which has the calls now."""
    moved: list[str]
    """Calls that were in another session before, in order of time."""
    gone: list[str]
    """Sessions that have no call any more."""


def move(engine: sa.Engine, project: int, call_id: str, session: str, by: Actor = COMMAND) -> Corrected:
    """Puts a call, and what goes on from it, into a session that is there."""
    with transaction(engine) as connection:
        call = _call(connection, project, call_id)
        _session(connection, project, session)
        if call.session == session:
            return Corrected(session, [], [])
        calls = _calls(connection, project, [call.session])
        done = _put(connection, project, _following(calls, call_id), [call.session], session)
        told = {"source": call.session, "into": session, "calls": len(done.moved)}
        audit.record(connection, by, "call.move", call_id, project=project, **told)
        return done


def split(engine: sa.Engine, project: int, session: str, call_id: str, by: Actor = COMMAND) -> Corrected:
    """Makes a call of a session, and what goes on from it, a session of their own."""
    with transaction(engine) as connection:
        call = _call(connection, project, call_id)
        calls = _calls(connection, project, [call.session])
        moving = _following(calls, call_id)
        if len(moving) == len(calls):
            return Corrected(call.session, [], [])
        if call.session != session:
            raise NotFound("There is no such call in this session.")
        row = dict(_session(connection, project, session)._mapping)
        new = _free_id(connection, project, call_id)
        title = _title(connection, project, call) or (f"{row['title']} (split)" if row["title"] else "")
        row |= {"id": new, "session_id": new, "source": call.source, "title": title, "title_set": False}
        came = call.origin if call.source == "replay" else call.parent or call.origin
        insert(connection, schema.sessions, [row | {"continues": came}])
        done = _put(connection, project, moving, [session], new)
        told = {"call": call_id, "into": new, "calls": len(done.moved)}
        audit.record(connection, by, "session.split", session, project=project, **told)
        return done


def merge(
    engine: sa.Engine, project: int, sessions: Sequence[str], into: str | None = None, by: Actor = COMMAND
) -> Corrected:
    """Makes sessions one: `into`, or else the oldest of them. Ids of sessions that are there."""
    with transaction(engine) as connection:
        rows = [_session(connection, project, name) for name in dict.fromkeys(sessions)]
        kept = _session(connection, project, into) if into else min(rows, key=lambda row: (row.first_at, row.id))
        others = [row.id for row in rows if row.id != kept.id]
        if not others:
            return Corrected(kept.id, [], [])
        tags = list(dict.fromkeys(tag for row in (kept, *rows) for tag in row.tags))
        here = (_s.project == project, _s.id == kept.id)
        emptied = max((row.emptied_at for row in (kept, *rows) if row.emptied_at is not None), default=None)
        connection.execute(sa.update(schema.sessions).where(*here).values(tags=tags, emptied_at=emptied))
        moving = {call.id for call in _calls(connection, project, others)}
        done = _put(connection, project, moving, others, kept.id)
        for part in _parts(others):
            pointing = sa.update(schema.merged).where(_m.project == project, _m.session.in_(part))
            connection.execute(pointing.values(session=kept.id))
        upsert(connection, schema.merged, [{"project": project, "id": id, "session": kept.id} for id in others])
        audit.record(connection, by, "session.merge", kept.id, project=project, sessions=others)
        return done


def _put(
    connection: sa.Connection, project: int, moving: Collection[str], sources: Sequence[str], target: str
) -> Corrected:
    """Puts the calls `moving`, which are in the sessions `sources`, into the session `target`."""
    calls = _calls(connection, project, [*sources, target])
    left: Any = sa.func.coalesce(_c.home, _c.session)
    home = sa.case((_c.source.in_(_NAMED), sa.func.nullif(left, target)), else_=sa.null())
    for part in _parts(moving):
        here = (_c.project == project, _c.id.in_(part))
        connection.execute(sa.update(schema.calls).where(*here).values(session=target, home=home))
    now = time.time_ns() // 1000
    where = {c.id: target if c.id in moving else c.session for c in calls}
    parents = {c.parent for c in calls if c.id in moving} & where.keys()
    followed = {c.parent for c in calls if where.get(c.parent) == where[c.id]}
    update_calls(connection, [{"project": project, "id": id, "continued": id in followed} for id in sorted(parents)])
    gone = []
    for session in (*sources, target):
        _number(connection, project, [c for c in calls if where[c.id] == session])
        if not rollups.recompute(connection, project, session, now):
            gone.append(session)
    return Corrected(target, [c.id for c in calls if c.id in moving], gone)


def _number(connection: sa.Connection, project: int, calls: Sequence[Any]) -> None:
    """Numbers the turns of one session. Rows tell the session and turn that were before, by time."""
    turns: dict[tuple[str, int], int] = {}
    asked: dict[tuple[Any, ...], int] = {}
    """The turns in which a request was made: attempts at it are of the same, wherever they were before."""
    most = 0
    changed = []
    for call in calls:
        turn = 0
        if call.turn:
            request = (call.parent, call.leaf_node or call.id, call.agent)
            turn = turns.get((call.session, call.turn)) or asked.get(request) or most + 1
            turns[call.session, call.turn] = turn
            asked.setdefault(request, turn)
            most = max(most, turn)
        if turn != call.turn:
            changed.append({"project": project, "id": call.id, "turn": turn})
    update_calls(connection, changed)


def _following(calls: Sequence[Any], first: str) -> set[str]:
    """`first`, and everything among `calls` that comes from it."""
    after: dict[str, list[str]] = {}
    for call in calls:
        for came in {call.parent, call.origin}:
            after.setdefault(came, []).append(call.id)
    found, waiting = {first}, [first]
    while waiting:
        more = [id for id in after.get(waiting.pop(), ()) if id not in found]
        found.update(more)
        waiting += more
    return found


def _call(connection: sa.Connection, project: int, call_id: str) -> sa.Row[Any]:
    there = sa.and_(_s.project == _c.project, _s.id == _c.session)
    mine = sa.select(schema.calls).join(schema.sessions, there).where(_c.project == project, _c.id == call_id)
    row = connection.execute(mine).first()
    if row is None:
        raise NotFound("There is no such call.")
    return row


def _session(connection: sa.Connection, project: int, session: str) -> sa.Row[Any]:
    row = connection.execute(sa.select(schema.sessions).where(_s.project == project, _s.id == session)).first()
    if row is None:
        raise NotFound("There is no such session.")
    return row


def _calls(connection: sa.Connection, project: int, sessions: Sequence[str]) -> Sequence[sa.Row[Any]]:
    """By (created_at, id)."""
    found: list[sa.Row[Any]] = []
    for part in _parts(sessions):
        mine = sa.select(*_COLUMNS).where(_c.project == project, _c.session.in_(part))
        found += connection.execute(mine).all()
    return sorted(found, key=lambda row: (row.created_at, row.id))


def _free_id(connection: sa.Connection, project: int, call_id: str) -> str:
    """An id that no session has or had, the same whenever it is asked for."""
    nth = 1
    while True:
        id = ids.session_id(project, call_id if nth == 1 else f"{call_id} {nth}")
        named = (
            sa.select(_s.id).where(_s.project == project, _s.id == id),
            sa.select(_m.id).where(_m.project == project, _m.id == id),
            sa.select(_c.id).where(_c.project == project, _c.session == id),
        )
        if not any(connection.execute(query.limit(1)).first() for query in named):
            return id
        nth += 1


def _title(connection: sa.Connection, project: int, call: sa.Row[Any]) -> str:
    """The first words that a person said in the call."""
    added = (stored.message() for stored in tree.path(connection, project, call.leaf, call.base_depth))
    return next((found for message in added if message.role == "user" and (found := text.title(message))), "")


def _parts(values: Collection[str]) -> list[list[str]]:
    ordered = sorted(values)
    return [ordered[start : start + _SLICE] for start in range(0, len(ordered), _SLICE)]
