"""The ledger: every call that was begun is stored, in the spool, set aside, or known to be lost.

    begun = stored + spooled + set_aside + dropped by reason        (missing: what this leaves over, 0)

The drain counts in the store, within the transactions that store; the spool is looked into; what it could not take is
in the workers' counters. `begun` comes from the numbers that writers give their calls, and from nothing of the others.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import sqlalchemy as sa

from sessionary.metrics import Metrics
from sessionary.record.backlog import Backlog
from sessionary.spool.reader import Cursor, Reader
from sessionary.store import ledger, writes
from sessionary.store.ledger import Counts

DAMAGED = "damaged"
"""A reason: it was in the spool, and could not be read back."""
_LOOKS = 3
"""The drain does not wait while it is looked at: what seems to be missing is looked at again."""


class Ledger(msgspec.Struct):
    begun: int
    """Calls, as the next five: all that this gateway, its data folder, ever had."""
    stored: int
    """Also those that were deleted later."""
    spooled: int
    """On the way to the store."""
    set_aside: int
    """They could not be stored as calls: what there is of them is in the table `set_aside`."""
    dropped: dict[str, int]
    """They were answered and are not recorded, by reason: the error that the spool met, or `damaged`."""
    missing: int
    """What is left: nobody knows what became of them."""
    dropped_records: dict[str, int]
    """Pieces and ends of calls that the spool could not take, by reason: these calls lack some of their answer, or are
    shown as interrupted."""
    waiting_bytes: int
    """In the spool, not yet in the store."""
    waiting_records: int
    exact: bool
    """False: there is more in the spool than was counted so far; look again."""
    finished: int
    """Calls that ended since the gateway started."""
    refused: int
    """Requests that were answered with an error before a call began, since the gateway started."""


class Stood(msgspec.Struct, frozen=True):
    """What the store says."""

    cursors: dict[str, Cursor]
    writers: dict[str, Counts]
    gone: Counts


Books = Callable[[], Ledger]


class Accounts:
    """Blocks: called in threads."""

    def __init__(self, engine: sa.Engine, metrics: Metrics, spool: Path, gateway: str) -> None:
        """`gateway`: the data folder's id."""
        self._engine = engine
        self._metrics = metrics
        self.gateway = gateway
        self.reader = Reader(spool)
        self.backlog = Backlog(self.reader)
        self._last: Stood | None = None

    def __call__(self) -> Ledger:
        """Raises what the database raises."""
        found = self.balance(self.stood())
        for _ in range(_LOOKS - 1):
            if not found.missing:
                break
            found = self.balance(self.stood())
        return found

    def stood(self) -> Stood:
        """Raises what the database raises."""
        with self._engine.connect() as connection:
            cursors = {w: Cursor(*at) for w, at in writes.load_cursors(connection).items()}
            writers = ledger.by_writer(connection, self.gateway)
            self._last = Stood(cursors, writers, ledger.of_the_gone(connection, self.gateway))
        return self._last

    @property
    def last(self) -> Stood | None:
        """What the store said when it was last asked: all there is while it is away."""
        return self._last

    def oldest(self) -> int | None:
        """When the first record was made that the store has not got, as it said last: microseconds since 1970."""
        cursors = self._last.cursors if self._last is not None else {}
        found = (self.backlog.oldest(name, cursors.get(name, Cursor())) for name in self.reader.writers())
        return min((at for at in found if at is not None), default=None)

    def balance(self, stood: Stood) -> Ledger:
        """As of what the store said."""
        names = self.reader.writers()
        self.backlog.keep(names)
        counts, begun, spooled, records, size, exact = stood.gone, stood.gone.begun, 0, 0, 0, True
        for name in {*names, *stood.writers}:
            mine, cursor = stood.writers.get(name, Counts()), stood.cursors.get(name, Cursor())
            depth = self.backlog.depth(name, cursor)
            counts += mine
            begun += max(mine.begun, depth.last or mine.begun + depth.calls)
            spooled, records, exact = spooled + depth.calls, records + depth.records, exact and depth.exact
            size += self.reader.pending_bytes(name, cursor)
        dropped = self._metrics.dropped_calls()
        begun += sum(dropped.values())
        if counts.damaged:
            dropped[DAMAGED] = counts.damaged
        counted = self._metrics.totals()
        return Ledger(
            begun=begun,
            stored=counts.stored,
            spooled=spooled,
            set_aside=counts.set_aside,
            dropped=dropped,
            missing=begun - counts.stored - spooled - counts.set_aside - sum(dropped.values()),
            dropped_records=self._metrics.dropped_records(),
            waiting_bytes=size,
            waiting_records=records,
            exact=exact,
            finished=counted.get("sessionary_calls_finished", 0),
            refused=counted.get("sessionary_requests_refused", 0),
        )
