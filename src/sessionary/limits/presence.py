"""Gateways that share the store, and which of them are not heard of: their workers say that they live, each quarter of
`LEASE` (`admission`).

A gateway that was killed leaves calls in the store as if they went on, and on its disk what it had not stored: both
until it starts again on its data folder. One that was stopped leaves neither, nor anything here. The clocks of hosts
may differ by half of `LEASE`. To SQLite nobody else writes, and nothing is asked.
"""

import msgspec
import sqlalchemy as sa

from sessionary.limits.counters import LEASE
from sessionary.limits.schema import writers
from sessionary.store import schema
from sessionary.store.engine import is_shared

_c, _w, _calls = schema.cursors.c, writers.c, schema.calls.c
_seen = sa.func.max(_w.seen_at)
_LIVE = _calls.status == sa.literal_column("'live'")  # as the index says it


class Away(msgspec.Struct, frozen=True):
    gateway: str
    """The id of its data folder, which is there in the file `gateway.id`."""
    seen_at: int
    """When it was heard of last, in microseconds."""
    live: int
    """Calls that it had in flight, as far as the store knows."""


def away(engine: sa.Engine, own: str, now: int) -> list[Away]:
    """Those that are not heard of but for `own`; the one that is away longest first."""
    if not is_shared(engine):
        return []
    silent = _silent(now).where(_c.gateway.not_in(("", own))).order_by(_seen)
    with engine.connect() as connection:
        found = connection.execute(silent).all()
        return [Away(row.gateway, row.seen_at, _live(connection, row.gateway)) for row in found]


def is_away(engine: sa.Engine, writer: str, now: int) -> bool:
    """Whether the gateway of this writer is not heard of."""
    if not is_shared(engine):
        return False
    its = sa.select(_c.gateway).where(_c.writer == writer, _c.gateway != "").scalar_subquery()
    with engine.connect() as connection:
        return connection.execute(_silent(now).where(_c.gateway == its)).first() is not None


def _silent(now: int) -> sa.Select[tuple[str, int]]:
    """Gateways of which no worker has said for too long that it lives. One that never did is not known to be gone."""
    asked = sa.select(_c.gateway, _seen.label("seen_at")).join(writers, _w.writer == _c.writer)
    return asked.group_by(_c.gateway).having(_seen < now - LEASE)


def _live(connection: sa.Connection, gateway: str) -> int:
    its = sa.select(_c.writer).where(_c.gateway == gateway)
    counted = sa.select(sa.func.count()).select_from(schema.calls).where(_LIVE, _calls.writer.in_(its))
    return connection.scalar(counted) or 0
