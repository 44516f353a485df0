"""What the gateway counted of its calls since it started, and what is still on the way to the store."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import sqlalchemy as sa

from sessionary.metrics import Metrics
from sessionary.spool.reader import Cursor, Reader
from sessionary.store import health, writes


class Ledger(msgspec.Struct):
    begun: int
    """Calls, as the four below: since the gateway started, of all projects."""
    finished: int
    stored: int
    """Also those that a gateway before this one began."""
    refused: int
    """Requests that were answered with an error before a call began."""
    lost: int
    """Records that the spool could not take."""
    set_aside: int
    """Records in the store that could not be understood; they are kept."""
    waiting_bytes: int
    """In the spool, not yet in the store."""


Books = Callable[[], Ledger]


def books(engine: sa.Engine, metrics: Metrics, spool: Path) -> Books:
    """Blocking: called in a thread."""
    reader = Reader(spool)

    def read() -> Ledger:
        counted = metrics.totals()
        with engine.connect() as connection:
            set_aside = health.count_set_aside(connection)
            cursors = writes.load_cursors(connection)
        waiting = sum(reader.pending_bytes(w, Cursor(*cursors.get(w, (0, 0)))) for w in reader.writers())
        return Ledger(
            begun=counted.get("sessionary_calls_begun", 0),
            finished=counted.get("sessionary_calls_finished", 0),
            stored=counted.get("sessionary_calls_stored", 0),
            refused=counted.get("sessionary_requests_refused", 0),
            lost=counted.get("sessionary_records_dropped", 0),
            set_aside=set_aside,
            waiting_bytes=waiting,
        )

    return read
