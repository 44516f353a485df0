"""How the gateway itself is doing: what waits in the spool, how far behind the store is, room on the disk.

For the master key only: it is of all projects.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import sqlalchemy as sa

from sessionary import __version__
from sessionary.api import types
from sessionary.api.checks import Check, checks
from sessionary.api.ledger import Accounts
from sessionary.limits import presence
from sessionary.metrics import Metrics
from sessionary.store import health
from sessionary.store.replica import Replica


class Away(msgspec.Struct):
    """Another gateway on this database, of which nothing is heard (see `limits.presence`)."""

    gateway: str
    """What the file `gateway.id` in its data folder says."""
    seen_at: str
    """When it was heard of last."""
    live: int
    """Calls that it had in flight."""


class Gauges(msgspec.Struct):
    version: str
    started_at: str | None
    uptime_ms: float | None
    workers: int
    """Processes that relay, as configured."""
    writing: int
    """Those that hold a folder of the spool now."""
    spool_bytes: int
    """Not yet in the store."""
    spool_records: int
    spool_exact: bool
    """False: there are more records than were counted so far."""
    oldest_ms: float | None
    """Age of the oldest record that is not in the store; null: none waits."""
    lag_ms: float | None
    """How long the oldest record of the drain's last round had waited when it was stored; null before the first."""
    disk_free_bytes: int
    """Where the spool is."""
    disk_total_bytes: int
    database: str
    """`sqlite` or `postgresql`."""
    database_bytes: int | None
    losses: dict[str, int]
    """Calls that were answered and are not recorded, by reason: as `dropped` in the ledger."""
    lost_records: dict[str, int]
    """Pieces and ends of calls that the spool could not take, by reason."""
    missing: int
    """Calls of which nobody knows what became; as in the ledger."""
    set_aside: dict[str, int]
    """Records in the store that could not be understood, by reason; at most ten."""
    checks: list[Check]
    """The same, judged: the worst first."""
    spool_full: bool = False
    """Whether calls cannot be recorded now."""
    replica: str | None = None
    """Of `database_replica`: `read`, `late`, `away`, `none` (it is no replica) or `unknown`; null where none is set."""
    replica_lag_ms: float | None = None
    """By how much it was behind when it was last looked at; null where that is not known."""
    away: list[Away] = []
    """The one that is away longest first."""


Gauge = Callable[[], Gauges]


def gauge(
    engine: sa.Engine,
    metrics: Metrics,
    accounts: Accounts,
    spool: Path,
    workers: int,
    replica: Replica | None = None,
) -> Gauge:
    """Blocking: called in a thread."""

    def read() -> Gauges:
        now = time.time_ns() // 1000
        ledger = accounts()
        with engine.connect() as connection:
            size, aside = health.database_bytes(connection), health.set_aside_reasons(connection)
        oldest = accounts.oldest()
        disk = shutil.disk_usage(spool)
        started, lag = metrics.started(), metrics.last("sessionary_store_lag_seconds")
        found = Gauges(
            version=__version__,
            started_at=types.iso(int(started * 1e6)) if started is not None else None,
            uptime_ms=now / 1000 - started * 1000 if started is not None else None,
            workers=workers,
            writing=sum(accounts.reader.alive(w) for w in accounts.reader.writers()),
            spool_bytes=ledger.waiting_bytes,
            spool_records=ledger.waiting_records,
            spool_exact=ledger.exact,
            oldest_ms=max(0, now - oldest) / 1000 if oldest is not None else None,
            lag_ms=lag * 1000 if lag is not None else None,
            disk_free_bytes=disk.free,
            disk_total_bytes=disk.total,
            database=engine.dialect.name,
            database_bytes=size,
            losses=ledger.dropped,
            lost_records=ledger.dropped_records,
            missing=ledger.missing,
            set_aside=aside,
            checks=[],
            spool_full=bool(metrics.last("sessionary_spool_full")),
            replica=replica.state if replica is not None else None,
            replica_lag_ms=replica.lag * 1000 if replica is not None and replica.lag is not None else None,
            away=[
                Away(gone.gateway, types.iso(gone.seen_at), gone.live)
                for gone in presence.away(engine, accounts.gateway, now)
            ],
        )
        return msgspec.structs.replace(found, checks=checks(found))

    return read
