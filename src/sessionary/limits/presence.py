"""Gateways that share the store, and which of them are not heard of: their workers say that they live, each quarter of
`LEASE` (`admission`).

A gateway that was killed leaves calls in the store as if they went on, and on its disk what it had not stored: both
until it starts again on its data folder. One that was stopped leaves neither, nor anything here. The clocks of hosts
may differ by half of `LEASE`. To SQLite nobody else writes, and nothing is asked.
"""

import logging
import time
from collections.abc import Callable, Collection

import msgspec
import sqlalchemy as sa

from sessionary.limits.counters import BEAT, LEASE
from sessionary.limits.schema import writers
from sessionary.store import schema
from sessionary.store.engine import is_shared

log = logging.getLogger("sessionary.limits")
_cursors, _calls = schema.cursors, schema.calls.c
_c, _w = _cursors.c, writers.c
_seen = sa.func.max(_w.seen_at)
_LOOK = 0.5
"""Seconds."""
_BEATS = 1.5 * BEAT
"""Seconds within which one that lives says so."""
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


def is_elsewhere(engine: sa.Engine, gateway: str, here: Collection[str], now: int, stopped: Callable[[], bool]) -> bool:
    """Whether a gateway of this id serves another data folder, of which this one is a copy, or which is a copy of this.
    `here`: the writers that this one has. Those of a gateway that died are in its folder, or are silent: where one is
    not, and was heard of lately, it takes some seconds to know, or until it is `stopped`. Blocking."""
    before = _heard(engine, gateway, here) if is_shared(engine) else 0
    if before <= now - LEASE:
        return False
    log.warning("a gateway of this data folder's id was heard of, and not of this folder: waiting to see if it lives")
    until = time.monotonic() + _BEATS
    while time.monotonic() < until and not stopped():
        if _heard(engine, gateway, here) > before:
            return True
        time.sleep(_LOOK)
    return False


def _heard(engine: sa.Engine, gateway: str, here: Collection[str]) -> int:
    """When one of its writers that are not `here` was heard of last; 0: never."""
    others = sa.select(_seen).join(_cursors, _c.writer == _w.writer)
    with engine.connect() as connection:
        return connection.scalar(others.where(_c.gateway == gateway, _c.writer.not_in(here))) or 0


def _silent(now: int) -> sa.Select[tuple[str, int]]:
    """Gateways of which no worker has said for too long that it lives. One that never did is not known to be gone."""
    asked = sa.select(_c.gateway, _seen.label("seen_at")).join(writers, _w.writer == _c.writer)
    return asked.group_by(_c.gateway).having(_seen < now - LEASE)


def _live(connection: sa.Connection, gateway: str) -> int:
    its = sa.select(_c.writer).where(_c.gateway == gateway)
    counted = sa.select(sa.func.count()).select_from(schema.calls).where(_LIVE, _calls.writer.in_(its))
    return connection.scalar(counted) or 0
