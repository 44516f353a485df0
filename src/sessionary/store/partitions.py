"""PostgreSQL's tables of calls and of what was said in them, four weeks a table: so that what has had its time is
dropped in one piece, and not deleted row by row. SQLite has one table of each.

A call's id begins with its time, and `calls` and `exchanges` are partitioned by it, with the same bounds. Tables are
made ahead. What is of a time that has none, by an odd clock or from a spool that was away for long, is in the default.

Retention hides sessions when they have had their time, as ever; their calls then wait for their table, which goes when
nothing is in it that is to be kept:

    walk   what the calls have in other tables goes, a batch at a time; messages are listed, and left for later
    drop   the table goes; the calls of sessions that go on, if they are few, are put into the default

Invariants:

- While a table is walked no message is looked at (`store.sweep`): its calls still name them.
- What was hidden after a walk had begun may be behind it. Names of hidden calls sort by time, so this shows, and such
  calls are deleted one by one before the table is dropped.
- Nobody waits for the locks that this needs longer than a moment: it is tried again.

How far a walk is stands in `unneeded`, of each project:

    kind       ref
    waiting    a name that calls were given which wait for their table
    partition  the first id behind the table, the time at which the walk began as hidden names have it, the last call;
               blanks between
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from sessionary import ids
from sessionary.store import edits, freeing, scan, schema
from sessionary.store.scan import Bounds
from sessionary.store.writes import transaction

LENGTH_MS = 28 * 86_400_000
"""What looks for calls of a session, or lists them, asks each table: there are thirteen a year. Longer ones would let
more of what is hidden wait."""
AHEAD = 1
"""Tables for the time to come."""
KEPT = 500
"""Calls in a table that are put elsewhere when it goes, or is made."""
_PATIENCE_MS = 200
_UNAVAILABLE = "55P03"
"""SQLSTATE of a lock that was not to be had in time."""
_MS_DIGITS = 12
"""Of a hidden name, that tell its time."""
_END = "~"
"""Behind all ids."""
_DAY_US = 86_400_000_000
_TABLES = (schema.calls, schema.exchanges)
_c, _s, _u = schema.calls.c, schema.sessions.c, schema.unneeded.c
_BOUND = re.compile(r"FROM \((?:MINVALUE|'(.*)')\) TO \('(.*)'\)")
_ATTACHED = sa.text(
    "SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound, pg_total_relation_size(c.oid) AS size"
    " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(:parent)"
)


class Partition(NamedTuple):
    name: str
    """Of the table, behind that of the one that it is part of."""
    since: str
    until: str
    """The ids of calls from which, and before which, they are in it."""
    size: int
    """Bytes, of both tables."""

    def has(self, call_id: str) -> bool:
        return self.since <= call_id < self.until

    @property
    def calls(self) -> sa.ColumnElement[bool]:
        return sa.and_(_c.id >= self.since, _c.id < self.until)


class _Walk(NamedTuple):
    until: str
    begun: str
    last: str = "-"

    @classmethod
    def of(cls, ref: bytes) -> "_Walk":
        return cls(*ref.decode().split())

    @property
    def ref(self) -> bytes:
        return " ".join(self).encode()


def _key(table: sa.Table) -> str:
    """The column that has the call's id."""
    return list(table.primary_key)[-1].name


def _milliseconds(call_id: str) -> int:
    """The time that begins an id."""
    return int(call_id[5:15], 32) >> 2


def attached(connection: sa.Connection) -> list[Partition]:
    """The oldest first, without the default. None on SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    sizes = {row.bound: row.size for row in connection.execute(_ATTACHED, {"parent": "exchanges"})}
    found = []
    for row in connection.execute(_ATTACHED, {"parent": "calls"}):
        if bound := _BOUND.search(row.bound):
            since, until = bound[1] or "", bound[2]
            found.append(Partition(row.name.removeprefix("calls"), since, until, row.size + sizes.get(row.bound, 0)))
    return sorted(found, key=lambda partition: partition.until)


# Made ahead


def prepare(engine: sa.Engine, now: int) -> bool:
    """Makes the tables that are missing of now, in microseconds, and of the time to come. False where some could not be
    made: too much is in the default already that would belong there, or somebody reads."""
    if engine.dialect.name != "postgresql":
        return True
    first = now // 1000 // LENGTH_MS * LENGTH_MS
    starts = [first + n * LENGTH_MS for n in range(AHEAD + 1)]
    with engine.connect() as connection:
        there = attached(connection)
    missing = [at for at in starts if not any(one.has(ids.first_call_id(at)) for one in there)]
    made = [_make(engine, at) for at in missing]
    return all(made)


def _make(engine: sa.Engine, at: int) -> bool:
    name = f"_p{datetime.fromtimestamp(at / 1000, UTC):%Y%m%d}"
    since, until = ids.first_call_id(at), ids.first_call_id(at + LENGTH_MS)
    with _patient(engine) as connection:
        if any(one.has(since) for one in attached(connection)):
            return True  # another process was quicker
        for table in _TABLES:
            connection.execute(sa.text(f"LOCK TABLE {table.name}_default IN ACCESS EXCLUSIVE MODE"))
        if _there(connection, since, until) > KEPT:
            return False
        for table in _TABLES:
            made, default, key = f"{table.name}{name}", f"{table.name}_default", _key(table)
            connection.execute(sa.text(f"CREATE TABLE {made} (LIKE {table.name} INCLUDING DEFAULTS)"))
            here = f"{key} >= '{since}' AND {key} < '{until}'"
            moved = f"WITH moved AS (DELETE FROM {default} WHERE {here} RETURNING *)"  # noqa: S608
            connection.execute(sa.text(f"{moved} INSERT INTO {made} SELECT * FROM moved"))  # noqa: S608
            bounds = f"FOR VALUES FROM ('{since}') TO ('{until}')"
            connection.execute(sa.text(f"ALTER TABLE {table.name} ATTACH PARTITION {made} {bounds}"))
        return True
    return False


def _there(connection: sa.Connection, since: str, until: str) -> int:
    """Calls of the default that belong to a table, as far as that matters."""
    some = sa.select(_c.id).where(_c.id >= since, _c.id < until).limit(KEPT + 1).subquery()
    return connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0


@contextlib.contextmanager
def _patient(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that gives up, without an error, where a lock is not to be had in a moment."""
    try:
        with transaction(engine) as connection:
            connection.execute(sa.text(f"SET LOCAL lock_timeout = {_PATIENCE_MS}"))
            yield connection
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", "") != _UNAVAILABLE:
            raise


# Retention


def waited_for(connection: sa.Connection, worth: int) -> list[Partition]:
    """Those of `worth` bytes or more: calls in others are deleted sooner than their table could be dropped."""
    return [one for one in attached(connection) if one.size >= worth]


def hide(connection: sa.Connection, project: int, sessions: Sequence[Any], worth: int) -> None:
    """As `edits.hide`, of sessions that have had their time: their calls wait for their table, where it is large."""
    large = waited_for(connection, worth)
    waiting = [one.id for one in sessions if any(p.has(ids.first_call_id(one.last_at // 1000)) for p in large)]
    others = [one.id for one in sessions if one.id not in set(waiting)]
    for names, kind in ((waiting, "waiting"), (others, "session")):
        if names:
            edits.hide(connection, project, names, kind)


def tire(connection: sa.Connection, project: int, now: int, most: int) -> bool:
    """What has waited for longer than its table can take is deleted call by call: much is kept in that table. Whether
    there was any."""
    before = edits.hidden((now - LENGTH_MS * 1000 - _DAY_US) // 1000).encode()
    return _relist(connection, project, [_u.ref < before], most)


def _relist(connection: sa.Connection, project: int, those: Sequence[sa.ColumnElement[bool]], most: int) -> bool:
    mine = (_u.project == project, _u.kind == "waiting")
    found = connection.scalars(sa.select(_u.ref).where(*mine, *those).order_by(_u.ref).limit(most)).all()
    scan.drop(connection, project, "waiting", found)
    scan.note(connection, project, "session", found)
    return bool(found)


def begin(engine: sa.Engine, days: float, now: int) -> bool:
    """Begins to walk the oldest table all of whose calls have had their time, but for a few that are kept."""
    past = ids.first_call_id(max(0, now - int(days * _DAY_US)) // 1000)
    with engine.connect() as connection:
        oldest = next((one for one in attached(connection) if one.until <= past), None)
    if oldest is None:
        return False
    with transaction(engine) as connection:
        projects = connection.scalars(sa.select(schema.projects.c.id)).all()
        if _walks(connection) or _kept(connection, projects, oldest) is None:
            return False
        walk = _Walk(oldest.until, edits.hidden()[: len(edits.HIDDEN) + _MS_DIGITS])
        for project in projects:
            scan.note(connection, project, "partition", [walk.ref])
    return True


def walk(connection: sa.Connection, project: int, bounds: Bounds) -> int:
    """Takes what some calls have beside their rows; returns of how many. 0: the project's are done."""
    walk = _Walk.of(min(scan.refs(connection, project, "partition")))
    named = sa.exists().where(_s.project == _c.project, _s.id == _c.session)
    mine = (_c.project == project, _c.id > walk.last, _c.id < walk.until, ~named)
    calls = connection.execute(sa.select(*freeing.COLUMNS).where(*mine).order_by(_c.id).limit(bounds.calls)).all()
    done = freeing.unindexed(connection, project, calls, bounds.seconds)
    for table in (schema.partials, schema.spawns):
        some = table.c.call_id.in_([call.id for call in done])
        connection.execute(sa.delete(table).where(table.c.project == project, some))
    freeing.list_ends(connection, project, done)
    scan.drop(connection, project, "partition", [walk.ref])
    scan.note(connection, project, "partition", [walk._replace(last=done[-1].id if done else _END).ref])
    return len(done)


def walking(connection: sa.Connection) -> list[int]:
    """The projects that are not done."""
    return [project for project, walk in _walks(connection) if walk.last != _END]


def drop(engine: sa.Engine) -> bool:
    """Ends a walk: drops the table. False where there is no walk that is done, or it cannot be dropped now."""
    with _patient(engine) as connection:
        walks = _walks(connection)
        if not walks or any(walk.last != _END for _, walk in walks):
            return False
        walk = walks[0][1]
        projects = connection.scalars(sa.select(schema.projects.c.id)).all()
        connection.execute(sa.text("LOCK TABLE calls, exchanges IN ACCESS EXCLUSIVE MODE"))
        for gone in (one for one in attached(connection) if one.until == walk.until):
            late = [project for project in projects if _is_late(connection, project, gone, walk.begun)]
            for project in late:
                _relist(connection, project, [_u.ref > walk.begun.encode()], KEPT)
            if late:
                return False
            if (kept := _kept(connection, projects, gone)) is not None:  # else what waits is deleted in time
                _drop(connection, gone, kept)
        connection.execute(sa.delete(schema.unneeded).where(_u.kind == "partition"))
        return True
    return False


def _walks(connection: sa.Connection) -> list[tuple[int, _Walk]]:
    listed = sa.select(_u.project, _u.ref).join(schema.projects, schema.projects.c.id == _u.project)
    return [(row.project, _Walk.of(row.ref)) for row in connection.execute(listed.where(_u.kind == "partition"))]


def _is_late(connection: sa.Connection, project: int, partition: Partition, begun: str) -> bool:
    """Whether calls in it were hidden since a walk began."""
    hidden = (_c.project == project, _c.session > begun, _c.session < edits.HIDDEN + _END, partition.calls)
    return connection.execute(sa.select(_c.id).where(*hidden).limit(1)).first() is not None


def _kept(connection: sa.Connection, projects: Sequence[int], partition: Partition) -> list[tuple[int, str]] | None:
    """The calls in it of sessions that are there, by project and id; None where those are too many. Such a session
    began before the table ended; clocks that are odd by a day are borne with."""
    kept: list[tuple[int, str]] = []
    until = _milliseconds(partition.until) * 1000 + _DAY_US
    for project in projects:
        mine = sa.and_(_c.project == _s.project, _c.session == _s.id, partition.calls)
        early = sa.select(_s.project, _c.id).join(schema.calls, mine).where(_s.project == project, _s.first_at < until)
        kept += [tuple(row) for row in connection.execute(early.limit(KEPT + 1 - len(kept)))]
        if len(kept) > KEPT:
            return None
    return kept


def _drop(connection: sa.Connection, partition: Partition, kept: Sequence[tuple[int, str]]) -> None:
    for table in _TABLES:
        gone = sa.table(f"{table.name}{partition.name}", *(sa.column(c.name, c.type) for c in table.columns))
        connection.execute(sa.text(f"ALTER TABLE {table.name} DETACH PARTITION {gone.name}"))
        key = sa.tuple_(gone.c.project, gone.c[_key(table)])
        if kept:
            some = sa.select(*(gone.c[c.name] for c in table.columns)).where(key.in_(kept))
            connection.execute(sa.insert(table).from_select(table.columns.keys(), some))
        connection.execute(sa.text(f"DROP TABLE {gone.name}"))
