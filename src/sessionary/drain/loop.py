"""The drain's process: rounds, one after another, until told to stop. There is one drain a data folder."""

import fcntl
import logging
import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from sessionary.drain.intake import Intake, Item, take
from sessionary.drain.round import Round
from sessionary.drain.seen import Seen
from sessionary.drain.threads import WINDOW_US
from sessionary.metrics import Metrics
from sessionary.record.exchange import Finish
from sessionary.record.recorder import now_us
from sessionary.sessions import rules
from sessionary.spool.reader import Cursor, Reader
from sessionary.store import rehash, schema, search, writes
from sessionary.store.sweep import Sweep
from sessionary.wire import meaning

log = logging.getLogger("sessionary.drain")
PAUSE = 0.05
_TIDY_EVERY = 50
_SWEEP_EVERY = 1.0
"""Seconds: so often it is looked for something to sweep, however busy the drain is."""
_SWEEP_FOR = 0.02
"""Seconds in a row, where there is nothing else to do."""


class Drain:
    """Owns the way from one spool to one store."""

    def __init__(
        self,
        spool: Path,
        engine: sa.Engine,
        metrics: Metrics,
        retention: float | None = None,
        window: int = WINDOW_US,
    ) -> None:
        """`retention`: days that sessions are kept, None for ever. `window`: microseconds for which threading remembers
        what was said."""
        self._reader = Reader(spool)
        self._engine = engine
        self._metrics = metrics
        self._key_names: dict[str, str] = {"master": "master"}
        self._cursors: dict[str, Cursor] | None = None
        self._window = window
        self._seen = Seen()
        self._untidy = 0
        self._sweep = Sweep(engine, retention)
        self._swept_at = 0.0
        self._sweeping = False

    def round(self) -> int:
        """Stores what can be stored now; returns how many records that were. Raises what the database raises."""
        if self._cursors is None:
            with self._engine.connect() as connection:
                cursors = {w: Cursor(s, o) for w, (s, o) in writes.load_cursors(connection).items()}
            self._check_version()
            self._cursors = cursors
        now = now_us()
        intake = take(self._reader, self._cursors, now)
        if not intake.items and not intake.cursors and not intake.dead:
            self._tidy()
            self._free(idle=True)
            return 0
        with writes.transaction(self._engine) as connection:
            ends = [end for writer in intake.dead for end in self._interrupted(connection, writer, now)]
            intake.items[:0] = ends  # what goes on from them comes later
            self._learn_key_names(connection, intake)
            work = Round(connection, self._key_names, now, self._window, self._seen)
            work.run(intake)
            writes.save_cursors(connection, {w: (c.segment, c.offset) for w, c in intake.cursors.items()})
            for writer in intake.dead:
                writes.delete_cursor(connection, writer)
        work.committed()
        self._cursors |= intake.cursors
        self._untidy += work.stored
        self._metrics.stored.inc(work.stored)
        self._metrics.set_aside.inc(work.set_aside)
        self._count(work)
        for writer, cursor in intake.cursors.items():
            self._reader.discard(writer, cursor.segment)
        for writer in intake.dead:
            self._reader.remove(writer)
            self._cursors.pop(writer, None)
        self._free(idle=False)
        return len(intake.items)

    def _check_version(self) -> None:
        with writes.transaction(self._engine) as connection:
            known = rehash.version(connection)
            if known is None:
                rehash.note_version(connection)
            elif known < meaning.VERSION:
                log.warning("what is stored was hashed by older rules: `sessionary rehash` lets it be gone on from")

    def _count(self, work: Round) -> None:
        for (*_, rule), (calls, ambiguous) in work.rates.items():
            label = rules.label(rule)
            self._metrics.threaded.labels(label, "false").inc(calls - ambiguous)
            self._metrics.threaded.labels(label, "true").inc(ambiguous)

    def _tidy(self) -> None:
        """When there is nothing else to do, once for every few calls."""
        if self._untidy >= _TIDY_EVERY:
            with writes.transaction(self._engine) as connection:
                search.tidy(connection)
            self._untidy = 0

    def _free(self, *, idle: bool) -> None:
        """Sweeps what deleted sessions left: quickly when there is nothing else to do, else a step a second."""
        start = time.monotonic()
        if start - self._swept_at < _SWEEP_EVERY and not (idle and self._sweeping):
            return
        self._swept_at = start
        self._sweeping = self._sweep.step()
        while idle and self._sweeping and time.monotonic() - start < _SWEEP_FOR:
            self._sweeping = self._sweep.step()

    def _interrupted(self, connection: sa.Connection, writer: str, now: int) -> Iterator[Item]:
        """Ends for the calls that a dead worker began and could not finish: their partial text is kept."""
        c = schema.calls.c
        rows = connection.execute(sa.select(c.id).where(c.writer == writer, c.status == "live"))
        for row in rows:
            finish = Finish(
                call_id=row.id,
                at=now,
                status="interrupted",
                http_status=0,
                provider="",
                deployment="",
                upstream_model="",
                ttft=None,
                error_type="interrupted",
                error_message="The gateway died while the call was in flight.",
                attempts=[],
                headers={},
                body=b"",
            )
            yield Item(now, writer, finish, Cursor())

    def _learn_key_names(self, connection: sa.Connection, intake: Intake) -> None:
        used = {getattr(i.record, "key_id", "") for i in intake.items} - {""}
        if used - self._key_names.keys():
            rows = connection.execute(sa.select(schema.keys.c.id, schema.keys.c.name))
            self._key_names |= {row.id: row.name for row in rows}


def run(drain: Drain, spool: Path, lifeline: int) -> None:
    """Until `lifeline`, a pipe's read end, says that the parent is gone; then once more all there is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lock = os.open(spool / "drain.lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    trouble = 0
    stopping = False
    while True:
        try:
            busy = drain.round()
            if trouble:
                log.info("store is back")
            trouble = 0
        except sa.exc.SQLAlchemyError as error:
            trouble += 1
            busy = 0
            if trouble in (1, 10) or trouble % 100 == 0:
                log.error("store refused a round (%d in a row): %s", trouble, error.__class__.__name__)
        if stopping and not busy:
            return
        if not busy:
            pause = PAUSE if not trouble else min(5.0, 0.1 * 2 ** min(trouble, 6))
            ready, _, _ = select.select([lifeline], [], [], pause)
            stopping = stopping or bool(ready)
