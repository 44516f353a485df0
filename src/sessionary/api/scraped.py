"""What `/metrics` says beside the counters: how much waits for the store, and the ledger. Read when it is asked for.

While the store is away it is what the store said last, and what is in the spool since.
"""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from sessionary.api.ledger import Accounts, Ledger, Stood
from sessionary.store.ledger import Counts

if TYPE_CHECKING:
    from prometheus_client import Metric

Scraped = Callable[[], "list[Metric]"]


def scraped(accounts: Accounts, spool: Path) -> Scraped:
    """Blocking: called in a thread. One at a time asks the store; who comes meanwhile hears what it said last."""
    asking = threading.Lock()

    def read() -> "list[Metric]":
        found: Ledger | None = None
        if asking.acquire(blocking=False):
            try:
                with contextlib.suppress(sa.exc.SQLAlchemyError):
                    found = accounts()
            finally:
                asking.release()
        known = found or accounts.last
        found = found or accounts.balance(accounts.last or Stood({}, {}, Counts()))
        metrics = [*_spool(found, accounts.oldest(), shutil.disk_usage(spool).free)]
        return [*metrics, _ledger(found)] if known is not None else metrics

    return read


def _spool(ledger: Ledger, oldest: int | None, free: int) -> "Iterator[Metric]":
    """Where the store was never asked, what is in the files, stored or not."""
    age = max(0.0, time.time() - oldest / 1e6) if oldest is not None else 0.0
    yield _gauge("sessionary_disk_free_bytes", "Room where the spool is.", free)
    yield _gauge("sessionary_spool_bytes", "Recorded, and not yet in the store.", ledger.waiting_bytes)
    yield _gauge("sessionary_spool_records", "Records that are not yet in the store.", ledger.waiting_records)
    yield _gauge("sessionary_spool_oldest_seconds", "Age of the oldest of them; 0 where none waits.", age)


def _ledger(ledger: Ledger) -> "Metric":
    from prometheus_client import Metric

    calls = Metric("sessionary_ledger_calls", "Calls ever begun, and where they are; missing must be 0.", "gauge")
    for entry in ("begun", "stored", "spooled", "set_aside", "missing"):
        calls.add_sample(calls.name, {"entry": entry}, getattr(ledger, entry))
    calls.add_sample(calls.name, {"entry": "dropped"}, sum(ledger.dropped.values()))
    return calls


def _gauge(name: str, text: str, value: float) -> "Metric":
    from prometheus_client import Metric

    metric = Metric(name, text, "gauge")
    metric.add_sample(name, {}, value)
    return metric
