"""What a key or session used before its limits were counted, from the store. Blocking.

Who asks holds a connection already, and the key's lock with it. Where the counters are beside the store it is asked on
that one: for a second one, of a pooler that has no more, it would wait for those that wait for its lock.
"""

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from sessionary.limits.arithmetic import Sums
from sessionary.store import schema

_DAY = 86400


class Stored:
    """`counters.Before`, of what the store has by now."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def spent(self, held: sa.Connection, project: int, key_id: str, since: int) -> int:
        """Nano-dollars, of calls whose price is known."""
        t = schema.traffic.c
        mine = sa.and_(t.project == project, t.step == _DAY, t.at >= since, t.key_id == key_id)
        with self._connected(held) as connection:
            return int(connection.scalar(sa.select(sa.func.sum(t.cost)).where(mine)) or 0)

    def session(self, held: sa.Connection, project: int, session: str) -> Sums:
        """Of calls that are over: those that have just begun, and may be stored by now, are about to be reserved."""
        s, c = schema.sessions.c, schema.calls.c
        here = sa.and_(c.project == project, c.session == session, c.status == "rejected")
        rejected = sa.select(sa.func.count()).select_from(schema.calls).where(here).scalar_subquery()
        wanted = sa.select(s.calls - s.live - rejected, s.input_tokens + s.output_tokens, s.cost)
        with self._connected(held) as connection:
            row = connection.execute(wanted.where(s.project == project, s.id == session)).first()
        return Sums(row[0], row[1], row[2] or 0) if row is not None else Sums()

    @contextlib.contextmanager
    def _connected(self, held: sa.Connection) -> Iterator[sa.Connection]:
        if held.engine.url == self._engine.url:
            yield held
        else:
            with self._engine.connect() as connection:
                yield connection
