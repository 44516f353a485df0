"""Freeing what deleted sessions leave behind: exactly what no other call needs, a bounded piece at a time.

`store.edits` hides a session at once and notes it in `unneeded`; what is left of it goes in steps, each a transaction
of its own, so that nobody waits long for the write lock. All that must be known is in the table: a sweep that was
killed is taken up by the next one, in any process.

    kind      ref
    session   the name that a deleted session's calls have been given, under which no session is
    message   the id of a message that maybe nobody needs: a call ended at it, or a message hung on it
    body      the hash of a body that maybe nobody needs: a session or a message named it
    scanned, scanner   see store.scan

A message is needed while a message hangs on it or a call ends at it. Both are looked up in the transaction that
deletes it: a call by the message's node, so whoever writes nodes, `drain.batch` and `store.rehash`, keeps those of
calls and messages the same in one transaction. A message that is still needed is just not listed any more, for
whatever needs it lists it again when it goes. Bodies are left to `store.scan`.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from sessionary.store import edits, scan, schema, search
from sessionary.store.scan import Bounds, Scan
from sessionary.store.writes import transaction

_DAY = 86_400_000_000
_MINUTE = 60_000_000
_EXPIRED = 20
"""Sessions that retention hides in one transaction."""
_BOUNDS = Bounds()


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
        retention: float | None = None,
        bounds: Bounds = _BOUNDS,
        clock: Callable[[], int] = now_us,
    ) -> None:
        """`retention`: days that a session is kept after its last activity. `clock` tells microseconds since 1970."""
        self._engine = engine
        self._retention = retention
        self._bounds = bounds
        self._clock = clock
        self._look_at = 0
        self._mark = os.urandom(16)
        self._scan: Scan | None = None
        self._taken: set[int] = set()
        """Projects whose scans this process has taken over, if there was one."""

    def step(self) -> bool:
        """One piece of work; False where there was none."""
        return self._expire() or self._calls() or self._messages() or self._bodies()

    def _expire(self) -> bool:
        """Looks once a minute, and goes on until nothing is left."""
        now = self._clock()
        if self._retention is None or now < self._look_at:
            return False
        before = int(max(0.0, now - self._retention * _DAY))
        hidden = edits.expire(self._engine, before, now - _DAY, _EXPIRED)
        if hidden < _EXPIRED:
            self._look_at = now + _MINUTE
        return hidden > 0

    def _calls(self) -> bool:
        for project in self._projects("session"):
            with transaction(self._engine) as connection:
                for name in scan.refs(connection, project, "session", 1):
                    if _free_calls(connection, project, name.decode(), self._bounds.calls) < self._bounds.calls:
                        scan.drop(connection, project, "session", [name])
            return True
        return False

    def _messages(self) -> bool:
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

    def _projects(self, *kinds: str) -> Sequence[int]:
        u, p = schema.unneeded.c, schema.projects.c
        listed = sa.exists().where(u.project == p.id, u.kind.in_(kinds))
        with self._engine.connect() as connection:
            return connection.scalars(sa.select(p.id).where(listed).order_by(p.id)).all()


def _free_calls(connection: sa.Connection, project: int, session: str, most: int) -> int:
    """Deletes up to `most` calls of a session and what is theirs alone; returns how many there were."""
    c = schema.calls.c
    query = sa.select(schema.calls).where(c.project == project, c.session == session)
    calls = connection.execute(query.order_by(c.created_at, c.id).limit(most)).mappings().all()
    ids = [call["id"] for call in calls]
    search.remove(connection, project, calls)
    for table in (schema.exchanges, schema.partials, schema.spawns):
        connection.execute(sa.delete(table).where(table.c.project == project, table.c.call_id.in_(ids)))
    connection.execute(sa.delete(schema.calls).where(c.project == project, c.id.in_(ids)))
    ends = {end for call in calls for end in (call["leaf"], call["output"]) if end is not None}
    scan.note(connection, project, "message", ends)
    return len(calls)


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
