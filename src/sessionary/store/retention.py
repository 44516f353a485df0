"""Which sessions have had their time: those that lose what was said in them, and those that go as a whole.

Three clocks, all told by a session's last activity: `retention` and `retention_contents` in days, and `retention_size`
in bytes, for which the oldest sessions are taken one after another. Each takes a bounded number of sessions in one
transaction. A session with a call in flight is let alone, but for one whose calls must be dead after a day.

What is over the size is made room for in this order: the oldest sessions lose what was said in them, until the newer
half of the time that the log goes back is all that has contents; then the oldest go as fast as others are emptied.
"""

import bisect
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store import edits, emptying, partitions, schema
from sessionary.store.used import used
from sessionary.store.writes import transaction

_DAY = 86_400_000_000
MOST = 200
"""Sessions in one transaction."""
_CALLS = 500
"""Calls of theirs; one session may have more."""
Session = sa.Row[Any]
"""`project`, `id`, `last_at`, `calls`."""
_s = schema.sessions.c
_HAS_CONTENTS = _s.contents == sa.true()
_COLUMNS = (_s.project, _s.id, _s.last_at, _s.calls)


class Retention(msgspec.Struct, frozen=True):
    """What is null is kept for ever, and as large as it gets."""

    days: float | None = None
    contents: float | None = None
    """Days."""
    size: int | None = None
    """Bytes."""


def full(before: int | None = None) -> sa.Select[Any]:
    """The sessions that have something to lose, oldest first; before a time, in microseconds."""
    query = sa.select(*_COLUMNS).where(_HAS_CONTENTS, _s.live == 0).order_by(_s.last_at, _s.id).limit(MOST)
    return query if before is None else query.where(_s.last_at < before)


def old(alive: int, before: int | None = None) -> sa.Select[Any]:
    """The sessions, oldest first; before a time. Without activity since `alive` none has a call in flight."""
    idle = sa.or_(_s.live == 0, _s.last_at < alive)
    query = sa.select(*_COLUMNS).where(idle).order_by(_s.last_at, _s.id).limit(MOST)
    return query if before is None else query.where(_s.last_at < before)


def expire(engine: sa.Engine, days: float, now: int, worth: int) -> int:
    """Deletes some sessions without activity for so long; returns how many. `worth`: bytes of a table of calls that is
    rather dropped."""
    return _each(
        engine,
        old(now - _DAY, _before(days, now)),
        lambda connection, project, rows: partitions.hide(connection, project, rows, worth),
    )


def empty(engine: sa.Engine, days: float, now: int) -> int:
    """Begins to take what was said in some sessions without activity for so long; returns how many."""
    return _each(
        engine,
        full(_before(days, now)),
        lambda connection, project, rows: emptying.begin(connection, project, rows, now),
    )


def drop_set_aside(engine: sa.Engine, days: float, now: int) -> int:
    """Deletes some records that could not be stored, and may be anything; returns how many."""
    r = schema.set_aside.c
    old = sa.select(r.id).where(r.at < _before(days, now)).limit(MOST)
    with transaction(engine) as connection:
        found = connection.scalars(old).all()
        connection.execute(sa.delete(schema.set_aside).where(r.id.in_(found)))
    return len(found)


class Quota:
    """Makes room where the database is too large. It is measured, then so many sessions are taken as have about the
    share of all calls that is too much; when what they had is freed, it is measured again."""

    def __init__(self, engine: sa.Engine, size: int) -> None:
        """`size`: bytes that the database may have."""
        self._engine = engine
        self._size = size
        self._calls = 0
        """That are still to be taken."""

    @property
    def going(self) -> bool:
        return self._calls > 0

    def measure(self) -> bool:
        """Whether there is too much."""
        with self._engine.connect() as connection:
            there = used(connection)
            if there <= self._size:
                return False
            calls = connection.scalar(sa.select(sa.func.sum(_s.calls))) or 0
        self._calls = max(1, int(calls) * (there - self._size) // there)
        return True

    def step(self, now: int) -> bool:
        """Takes some sessions. False where there are none."""
        with transaction(self._engine) as connection:
            newest = connection.scalar(sa.select(sa.func.max(_s.last_at))) or 0
            whole, told = list(connection.execute(old(now - _DAY)).all()), list(connection.execute(full()).all())
            emptied, hidden, taken, most = [], [], 0, min(self._calls, _CALLS)
            while whole and taken < most:
                if told and 2 * (told[0].last_at - whole[0].last_at) <= newest - whole[0].last_at:
                    emptied.append(told.pop(0))
                    taken += max(1, emptied[-1].calls)
                else:
                    hidden.append(whole.pop(0))
                    told = [one for one in told if one.id != hidden[-1].id]
                    taken += max(1, hidden[-1].calls)
            for project, rows in _by_project(emptied):
                emptying.begin(connection, project, rows, now)
            for project, rows in _by_project(hidden):
                _hide(connection, project, rows)
        self._calls = self._calls - taken if taken else 0
        return taken > 0


def _hide(connection: sa.Connection, project: int, sessions: Sequence[Session]) -> None:
    edits.hide(connection, project, [session.id for session in sessions])


def _before(days: float, now: int) -> int:
    return int(max(0.0, now - days * _DAY))


def _each(engine: sa.Engine, query: sa.Select[Any], do: Callable[[sa.Connection, int, Sequence[Session]], None]) -> int:
    with engine.connect() as connection:
        if connection.execute(query.limit(1)).first() is None:
            return 0
    with transaction(engine) as connection:
        found = connection.execute(query).all()
        calls = list(itertools.accumulate(row.calls for row in found))
        some = found[: max(1, bisect.bisect_right(calls, _CALLS))]
        for project, rows in _by_project(some):
            do(connection, project, rows)
    return len(some)


def _by_project(sessions: Iterable[Session]) -> Iterator[tuple[int, list[Session]]]:
    found: dict[int, list[Session]] = {}
    for session in sessions:
        found.setdefault(session.project, []).append(session)
    return iter(found.items())
