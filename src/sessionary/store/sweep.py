"""Freeing what deleted sessions leave behind: exactly what no other call needs, a bounded piece at a time.

`store.edits` hides a session at once and notes it in `unneeded`; what is left of it goes in steps, each a transaction
of its own, so that nobody waits long for the write lock. `store.retention` says which sessions have had their time.
All that must be known is in the table: a sweep that was killed is taken up by the next one, in any process.

    kind      ref
    session   the name that a deleted session's calls have been given, under which no session is
    contents  a session that loses what was said in it: see store.emptying
    message   the id of a message that maybe nobody needs: a call ended at it, or a message hung on it
    waiting, partition    see store.partitions
    body      the hash of a body that maybe nobody needs: a session or a message named it
    scanned, scanner   see store.scan
    words, merging     SQLite's search index has texts to forget; and is being merged, so that it does

A message is needed while a message hangs on it or a call ends at it. Both are looked up in the transaction that
deletes it: a call by the message's node, so whoever writes nodes, `drain.batch` and `store.rehash`, keeps those of
calls and messages the same in one transaction. A message that is still needed is just not listed any more, for
whatever needs it lists it again when it goes. Bodies are left to `store.scan`.

What is deleted is not left in the files: SQLite overwrites it (`secure_delete`), the search index is merged, and the
write-ahead log emptied, when there is nothing else to do.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store import edits, emptying, partitions, retention, scan, schema, search, traffic
from sessionary.store.engine import truncate_log
from sessionary.store.freeing import COLUMNS, contents
from sessionary.store.retention import Quota, Retention
from sessionary.store.scan import Bounds, Scan
from sessionary.store.writes import transaction

_MINUTE = 60_000_000
_DAY = 1440 * _MINUTE
_BOUNDS = Bounds()
_FOR_EVER = Retention()
_FIRST = 16
"""Calls that the first step looks at; the next ones at twice as many as fitted into the one before."""
_QUICK = 0.5
"""Seconds that merging the search index may take, and be done again at once; else it rests twenty times as long."""


def now_us() -> int:
    return time.time_ns() // 1000


def _unneeded_query() -> sa.Select[Any]:
    """Those of the messages `ids` that nothing needs: written once, for it is asked for each generation of a path.

    Of what hangs on a message the id alone is asked, which the index has: else SQLite would read the table.
    """
    m, c, after = schema.messages.c, schema.calls.c, schema.messages.alias()
    project: sa.BindParameter[int] = sa.bindparam("project")
    needed = (
        sa.exists(sa.select(after.c.id).where(after.c.project == project, after.c.parent == m.id)),
        sa.exists().where(c.project == project, c.leaf_node == m.node, c.leaf == m.id),
        sa.exists().where(c.project == project, c.output_node == m.node, c.output == m.id),
    )
    those = m.id.in_(sa.bindparam("ids", expanding=True))
    return sa.select(m.id, m.parent, m.frame, m.text).where(m.project == project, those, *(~one for one in needed))


UNNEEDED = _unneeded_query()
_DELETE = sa.delete(schema.messages).where(
    schema.messages.c.project == sa.bindparam("project"),
    schema.messages.c.id.in_(sa.bindparam("ids", expanding=True)),
)


class Sweep:
    """Used by one process; several may sweep one database."""

    def __init__(
        self,
        engine: sa.Engine,
        keep: Retention = _FOR_EVER,
        bounds: Bounds = _BOUNDS,
        clock: Callable[[], int] = now_us,
    ) -> None:
        """`clock` tells microseconds since 1970."""
        self._engine = engine
        self._keep = keep
        self._bounds = bounds
        self._clock = clock
        self._quota = Quota(engine, keep.size) if keep.size is not None else None
        self._next: dict[Callable[[int], bool], int] = {}
        """When to do again what is not done all the time."""
        self._looked_at: dict[int, str] = {}
        """By project: the last of the forgotten calls that was looked at."""
        self._pace = _FIRST
        """Calls that a step looks at."""
        self._mark = os.urandom(16)
        self._scan: Scan | None = None
        self._taken: set[int] = set()
        """Projects whose scans this process has taken over, if there was one."""
        self._merged_for = 0.0
        self._merge_at = 0.0
        self._stale = True
        """Whether the write-ahead log may have what is deleted."""

    def step(self) -> bool:
        """One piece of work; False where there was none."""
        if self._quota is not None and self._quota.going:
            return self._quota.step(self._clock())
        work = self._due(self._expire, _MINUTE) or self._due(self._empty, _MINUTE) or self._due(self._minutes, _MINUTE)
        work = work or self._due(self._set_aside, _MINUTE) or self._due(self._forgotten, _DAY)
        work = work or self._due(self._ahead, _MINUTE) or self._due(self._waiting, _MINUTE)
        if not work and (self._scan is not None or self._is_listed()):
            work = self._calls() or self._contents() or self._walk() or self._messages()
            work = work or self._bodies() or self._words()
        self._stale = self._stale or work
        return work or self._log() or self._due(self._size, _MINUTE)

    def _due(self, look: Callable[[int], bool], pause: int) -> bool:
        """Goes on until nothing is left, and looks again after `pause`, in microseconds."""
        now = self._clock()
        if now < self._next.get(look, 0):
            return False
        found = look(now)
        if not found:
            self._next[look] = now + pause
        return found

    # -- what has had its time

    def _expire(self, now: int) -> bool:
        keep = self._keep.days
        return keep is not None and retention.expire(self._engine, keep, now, self._bounds.partition) > 0

    def _empty(self, now: int) -> bool:
        return self._keep.contents is not None and retention.empty(self._engine, self._keep.contents, now) > 0

    def _size(self, now: int) -> bool:
        """Only when all is freed that was to be freed: else what is going already would be counted."""
        return self._quota is not None and self._quota.measure() and self._quota.step(now)

    def _minutes(self, now: int) -> bool:
        """Of traffic that is kept by the hour from now on."""
        with transaction(self._engine) as connection:
            return traffic.forget_minutes(connection, now, self._bounds.minutes) > 0

    def _set_aside(self, now: int) -> bool:
        days = min((d for d in (self._keep.days, self._keep.contents) if d is not None), default=None)
        return days is not None and retention.drop_set_aside(self._engine, days, now) > 0

    def _forgotten(self, now: int) -> bool:
        with self._engine.connect() as connection:
            there = connection.scalars(sa.select(schema.projects.c.id).order_by(schema.projects.c.id)).all()
        project = next((one for one in there if self._looked_at.get(one) != ""), None)
        if project is None:
            self._looked_at.clear()
            return False
        with transaction(self._engine) as connection:
            after = self._looked_at.get(project, "call_")
            self._looked_at[project] = edits.tidy(connection, project, after, now, self._bounds.forgotten)
        return True

    # -- tables of calls, see store.partitions

    def _ahead(self, now: int) -> bool:
        partitions.prepare(self._engine, now)
        return False

    def _waiting(self, now: int) -> bool:
        for project in self._projects("waiting"):
            with transaction(self._engine) as connection:
                if partitions.tire(connection, project, now, self._bounds.sessions):
                    return True
        return self._keep.days is not None and partitions.begin(self._engine, self._keep.days, now)

    def _walk(self) -> bool:
        if not self._projects("partition"):
            return False
        with transaction(self._engine) as connection:
            for project in partitions.walking(connection)[:1]:
                self._keep_pace(partitions.walk(connection, project, self._paced))
                return True
        return self._due(self._drop, _MINUTE)

    def _drop(self, _: int) -> bool:
        return partitions.drop(self._engine)

    # -- what nobody needs

    def _calls(self) -> bool:
        for project in self._projects("session"):
            with transaction(self._engine) as connection:
                self._keep_pace(_free_calls(connection, project, self._paced))
            return True
        return False

    def _contents(self) -> bool:
        for project in self._projects("contents"):
            with transaction(self._engine) as connection:
                self._keep_pace(emptying.step(connection, project, self._paced))
            return True
        return False

    @property
    def _paced(self) -> Bounds:
        return msgspec.structs.replace(self._bounds, calls=min(self._bounds.calls, self._pace))

    def _keep_pace(self, calls: int) -> None:
        """So many fitted into a step."""
        self._pace = 2 * max(1, calls)

    def _messages(self) -> bool:
        if self._projects("partition"):
            return False  # its calls, which are to go, still name theirs
        for project in self._projects("message"):
            with transaction(self._engine) as connection:
                _free_messages(connection, project, self._bounds.messages)
            return True
        return False

    def _bodies(self) -> bool:
        if self._scan is None:
            self._scan = self._new_scan()
        if self._scan is None:
            return False
        if not self._scan.step():
            self._scan = None
        return True

    def _new_scan(self) -> Scan | None:
        """Where another process scans already, it is left to it, but for the first time: it may be dead."""
        for project in self._projects("body", "scanned", "scanner"):
            if project not in self._taken or not self._is_scanned(project):
                self._taken.add(project)
                return Scan(self._engine, project, self._mark, self._bounds)
        return None

    def _is_scanned(self, project: int) -> bool:
        """By another process."""
        with self._engine.connect() as connection:
            others = scan.refs(connection, project, "scanner") - {self._mark}
            return bool(others and scan.refs(connection, project, "scanned", 1))

    # -- what is left in the files

    def _words(self) -> bool:
        """What is removed while it goes on may be missed by it, and is listed for the next time."""
        if time.monotonic() < self._merge_at:
            return False
        begun, new = self._projects("merging"), self._projects("words")
        if not begun and not new:
            return False
        start = time.monotonic()
        with transaction(self._engine) as connection:
            for project in [] if begun else new:
                scan.drop(connection, project, "words")
                scan.note(connection, project, "merging", [b""])
            more = search.merge(connection)
            for project in [] if more else begun or new:
                scan.drop(connection, project, "merging")
        self._merged_for += time.monotonic() - start
        if not more:
            self._merge_at = time.monotonic() + (20 * self._merged_for if self._merged_for > _QUICK else 0)
            self._merged_for = 0.0
        return True

    def _log(self) -> bool:
        """Tried again with the next step where somebody reads."""
        if self._stale and truncate_log(self._engine):
            self._stale = False
        return False

    def _is_listed(self) -> bool:
        """Whether there is anything: most often not, and that is asked each second."""
        with self._engine.connect() as connection:
            return bool(connection.scalar(sa.select(sa.exists(sa.select(schema.unneeded.c.project)))))

    def _projects(self, *kinds: str) -> Sequence[int]:
        """Those that have something listed."""
        u, p = schema.unneeded.c, schema.projects.c
        listed = sa.exists().where(u.project == p.id, u.kind.in_(kinds))
        with self._engine.connect() as connection:
            return connection.scalars(sa.select(p.id).where(listed).order_by(p.id)).all()


def _free_calls(connection: sa.Connection, project: int, bounds: Bounds) -> int:
    """Deletes some calls of the sessions that are listed, and what is theirs alone; returns how many."""
    c = schema.calls.c
    calls: list[Any] = []
    over: list[bytes] = []
    for name in sorted(scan.refs(connection, project, "session", bounds.sessions)):
        left = bounds.calls - len(calls)
        if left > 0:
            mine = sa.select(*COLUMNS).where(c.project == project, c.session == name.decode())
            found = connection.execute(mine.order_by(c.created_at, c.id).limit(left)).all()
            calls += found
            over += [name] if len(found) < left else []
    done = contents(connection, project, calls, bounds)
    connection.execute(sa.delete(schema.calls).where(c.project == project, c.id.in_([call.id for call in done])))
    there = {call.session.encode() for call in calls[len(done) :]}
    scan.drop(connection, project, "session", set(over) - there)
    return len(done)


def _free_messages(connection: sa.Connection, project: int, most: int) -> None:
    """Looks at `most` listed messages, and at those before the ones that it deletes."""
    listed = scan.refs(connection, project, "message", most)
    scan.drop(connection, project, "message", listed)
    bodies: set[bytes] = set()
    while listed and most > 0:
        looked_at = sorted(listed)[:most]
        most -= len(looked_at)
        free = connection.execute(UNNEEDED, {"project": project, "ids": looked_at}).all()
        if free:
            connection.execute(_DELETE, {"project": project, "ids": [row.id for row in free]})
        listed = listed.difference(looked_at) | {row.parent for row in free if row.parent is not None}
        bodies |= {hashed for row in free for hashed in (row.frame, row.text) if hashed is not None}
    scan.note(connection, project, "message", listed)
    scan.note(connection, project, "body", bodies)
