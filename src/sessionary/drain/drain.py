"""The way from one spool to one store, round by round. There is one drain a data folder."""

import contextlib
import gc
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import sqlalchemy as sa
from msgspec.structs import replace

from sessionary.drain import books, rows
from sessionary.drain.intake import MARGIN_US, Intake, Item, take, unreadable
from sessionary.drain.round import Round
from sessionary.drain.seen import Seen
from sessionary.drain.settling import Settling
from sessionary.drain.threads import WINDOW_US
from sessionary.drain.tracing import Tracing
from sessionary.drain.waiting import Waiting
from sessionary.metrics import Metrics
from sessionary.record.exchange import Begin
from sessionary.record.recorder import now_us
from sessionary.sessions import rules
from sessionary.spool.files import Files
from sessionary.spool.reader import Cursor, Reader
from sessionary.store import ledger, refusals, rehash, schema, search, writes
from sessionary.store.engine import is_shared
from sessionary.store.ledger import Counts
from sessionary.store.retention import Retention
from sessionary.store.states import Overtaken
from sessionary.store.sweep import Sweep
from sessionary.wire import meaning

log = logging.getLogger("sessionary.drain")
PAUSE = 0.05
"""Seconds at least between a look that finds nothing and the next."""
_GATHER = 0.15
"""Seconds at least from a round of so few to the next: what comes meanwhile has one together. Nobody misses it so soon,
unless other gateways wait for what one has: then it is `PAUSE`."""
TIDY_EVERY = 50
"""Calls."""
_LEFTOVERS_EVERY = 60.0
"""Seconds."""
_SWEEP_EVERY = 1.0
"""Seconds: so often it is looked for something to sweep, however busy the drain is."""
_NAMES_FOR = 1.0
"""Seconds that keys' names are taken to be as they were."""
_SWEEP_FOR, _SWEEP_IDLE = 0.02, 0.05
"""Seconds in a row; the latter where there is nothing else to do."""
_ALONE = 8
"""Rounds without other gateways', after one that they have overtaken."""
_FOR_EVER = Retention()


class _Early(Exception):
    """A call waits for what another gateway has not stored yet."""

    def __init__(self, at: int) -> None:
        """`at`: when it began."""
        self.at = at


class Drain:
    """Owns the way from one spool to one store."""

    def __init__(
        self,
        spool: Path,
        engine: sa.Engine,
        metrics: Metrics,
        keep: Retention = _FOR_EVER,
        window: int = WINDOW_US,
        gateway: str = "",
        settling: Settling | None = None,
        files: Files | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        """`keep`: what is kept for how long. `window`: microseconds for which threading remembers
        what was said. `gateway`: the data folder's id. `settling`: with the limits of keys, if there are any.
        `tracing`: spans of what is stored, if they are wanted."""
        self._reader = Reader(spool, files)
        self._engine = engine
        self._metrics = metrics
        self._gateway = gateway
        self._settling = settling
        self._tracing = tracing
        self._key_names: dict[str, str] = {"master": "master"}
        self._learned_at = 0.0
        self._cursors: dict[str, Cursor] | None = None
        self._counts: dict[str, Counts] = {}
        self._shared = is_shared(engine)
        self._waiting = Waiting(engine, gateway)
        self._until: int | None = None
        """When the call began that is waited for; what came later waits behind it."""
        self._window = window
        self._seen = Seen()
        self._alone = 0
        """Rounds that are made without others beside them."""
        self._untidy = 0
        self._looked_at = 0.0
        """When folders were looked for that a kill had left."""
        self._sweep = Sweep(engine, keep)
        self._swept_at = 0.0
        self._sweeping = False

    def round(self) -> int:
        """Stores what can be stored now; returns how many records that were. Raises what the database raises; then it
        is asked again what it has, for a commit may have been made that nobody was told of."""
        with _uncollected():
            self._waiting.begin()
            stored = self._round()
            self._waiting.made()
            return stored

    def _round(self) -> int:
        cursors = self._cursors
        try:
            if cursors is None:
                cursors = self._cursors = self._begin()
            now = now_us()
            self._be_known(cursors, now)
            until = None if self._until is None else self._waiting.until(self._until)
            intake = take(self._reader, cursors, now_us, until=until)
            if not intake.items and not intake.cursors and not intake.dead:
                self._tidy()
                if self._waiting.is_waited_for():
                    self._tell(now - MARGIN_US, cursors, now)
                self._free(idle=True)
                return 0
            for writer in intake.dead:
                self._end(writer, now)  # what goes on from them comes later
            early = self._store_until_early(intake.items, now, cursors)
            if early and self._waiting.catching_up:
                self._tell(early, cursors, now)
            with_items = {item.writer for item in intake.items}
            if past := {w: c for w, c in intake.cursors.items() if w not in with_items}:
                self._commit([], past, now)
                cursors |= past
        except Exception:
            self._cursors = None
            raise
        for writer in intake.cursors.keys() & cursors.keys():
            self._reader.discard(writer, cursors[writer].segment)
        if early:
            time.sleep(PAUSE)
        self._free(idle=False)
        return len(intake.items)

    def close(self) -> None:
        """Sends what spans there are left, for some seconds at most."""
        if self._tracing is not None:
            self._tracing.close()
        self._engine.dispose()
        if self._settling is not None:
            self._settling.close()

    @property
    def gather(self) -> float:
        """Seconds for which few records may wait for more."""
        return PAUSE if self._shared else _GATHER

    @property
    def is_freeing(self) -> bool:
        """Whether it goes on with that when there is nothing to store."""
        return self._sweeping

    def _begin(self) -> dict[str, Cursor]:
        """How far the store is."""
        with self._engine.connect() as connection:
            cursors = {w: Cursor(s, o) for w, (s, o) in writes.load_cursors(connection).items()}
            self._counts = ledger.by_writer(connection, self._gateway)
        self._check_version()
        self._bury(self._counts.keys() - set(self._reader.writers()))
        return cursors

    def _be_known(self, cursors: dict[str, Cursor], now: int) -> None:
        """Other gateways know of this one by its writers' cursors, from the moment that it has them."""
        if self._shared and (new := set(self._reader.writers()) - cursors.keys()):
            self._commit([], dict.fromkeys(new, Cursor()), now)
            cursors |= dict.fromkeys(new, Cursor())

    def _tell(self, reached: int, cursors: Mapping[str, Cursor], now: int) -> None:
        """Others hear how far this gateway is where it has stored nothing that says so."""
        if reached > self._waiting.reached:
            self._waiting.reached = reached
            self._commit([], {w: cursors[w] for w in self._reader.writers() if w in cursors}, now)

    def _store_until_early(self, items: Sequence[Item], now: int, cursors: dict[str, Cursor]) -> int | None:
        """Stores what came before a call that waits; when that began, if there is one."""
        self._until = None
        try:
            self._store(items, now, cursors)
        except _Early as early:
            rest = [i for i in items if i.at < early.at and _after(i.cursor, cursors.get(i.writer))]
            self._store_until_early(rest, now, cursors)
            self._until = self._until or early.at
        return self._until

    def _store(self, items: Sequence[Item], now: int, cursors: dict[str, Cursor]) -> None:
        """Where the database, or we, cannot do with a record, it is found by halves, and set aside. Moves `cursors`."""
        if not items:
            return
        to = {item.writer: item.cursor for item in items if item.cursor != Cursor()}
        refused = self._tried(items, to, now)
        if refused is None:
            cursors |= to
        elif len(items) > 1:
            self._store(items[: len(items) // 2], now, cursors)
            self._store(items[len(items) // 2 :], now, cursors)
        else:
            log.error("a record of %s is set aside: %s", items[0].writer, refused)
            self._set_aside(items[0], refused, to, now)
            cursors |= to

    def _set_aside(self, item: Item, reason: str, to: Mapping[str, Cursor], now: int) -> None:
        """Of an end, its call ends otherwise: with what it had said so far; where it is that, without."""
        lost = unreadable(item, reason)
        for record in (lost, replace(lost, with_parts=True)):
            if self._tried([replace(item, record=record)], to, now) is None:
                return
        self._commit([replace(item, record=replace(lost, kind=""))], to, now)

    def _tried(self, items: Sequence[Item], to: Mapping[str, Cursor], now: int) -> str | None:
        """Why the items were refused, for one's fault; None where they are stored. Raises what is nobody's fault."""
        try:
            self._commit(items, to, now)
        except _Early:
            raise
        except Exception as error:
            reason = refusals.reason(error)
            if reason is None:
                raise
            log.debug("a round of %d records is refused", len(items), exc_info=True)
            return reason
        return None

    def _commit(self, items: Sequence[Item], to: Mapping[str, Cursor], now: int) -> None:
        """A round in one transaction with its cursors and counts. Other gateways have theirs at the same time; one that
        they have overtaken is made again without them, as are those that follow: it will not have been the last."""
        if not self._alone:
            try:
                return self._committed(writes.beside_others, items, to, now)
            except Overtaken:
                self._metrics.overtaken.inc()
                self._alone = _ALONE
        self._committed(writes.transaction, items, to, now)
        self._alone -= 1

    def _committed(
        self,
        transaction: Callable[[sa.Engine], contextlib.AbstractContextManager[sa.Connection]],
        items: Sequence[Item],
        to: Mapping[str, Cursor],
        now: int,
    ) -> None:
        with transaction(self._engine) as connection:
            self._learn_key_names(connection, items)
            work = Round(connection, self._key_names, now, self._window, self._seen)
            since = self._waiting.since(connection) if items else None
            work.read(Intake(list(items)))
            if since is not None and (early := [at for at in work.lacking if at > since]):
                raise _Early(min(early))
            work.write()
            counts = books.count(self._counts, items, work.has)
            stood = {w: ((c.segment, c.offset), counts.get(w) or self._counts.get(w, Counts())) for w, c in to.items()}
            reached = max(self._waiting.reached, items[-1].at if items and to else 0)
            ledger.save(connection, self._gateway, stood, reached)
            if self._settling is not None:
                self._settling.settle(work.ends)
        work.committed()
        self._counts |= counts
        self._waiting.reached = reached
        if times := [item.at for item in items if item.at]:
            self._metrics.lag.set((now_us() - min(times)) / 1e6)
        self._untidy += work.stored
        self._metrics.stored.inc(work.stored)
        self._metrics.set_aside.inc(work.set_aside)
        self._count(work)
        if self._tracing is not None:
            self._tracing.stored(work.ended)

    def _end(self, writer: str, now: int) -> None:
        """A dead worker, all of whose records are stored: its calls are over, and it leaves the ledger its counts."""
        assert self._cursors is not None
        self._interrupt(writer, now, self._cursors)
        self._reader.retire(writer)
        self._cursors.pop(writer, None)
        self._bury([writer])
        self._reader.remove(writer)

    def _interrupt(self, writer: str, now: int, cursors: dict[str, Cursor]) -> int:
        """Its calls that have not ended have, so; how many those were."""
        with self._engine.connect() as connection:
            c = schema.calls.c
            live = connection.scalars(sa.select(c.id).where(c.writer == writer, c.status == "live")).all()
        why = "The gateway died while the call was in flight."
        self._store(
            [Item(now, writer, rows.interrupted(call_id, now, why), Cursor()) for call_id in live], now, cursors
        )
        return len(live)

    def give_up(self) -> int:
        """Instead of `round`, for a gateway whose data folder is lost, and with it what was not stored: ends the calls
        that the store has as live, and returns how many those were. Its counts stay."""
        with self._engine.connect() as connection:
            self._counts = ledger.by_writer(connection, self._gateway)
        gone, now = [*self._counts], now_us()
        ended = sum(self._interrupt(writer, now, {}) for writer in gone)
        self._bury(gone)
        return ended

    def _bury(self, gone: Collection[str]) -> None:
        """Writers whose folders nobody sees any more: their cursors go, their counts stay."""
        if gone:
            with writes.transaction(self._engine) as connection:
                ledger.fold(connection, self._gateway, gone)
            if self._settling is not None:
                self._settling.settle([], gone)
            for writer in gone:
                self._counts.pop(writer, None)

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
        """When there is nothing else to do: search, once for every few calls, and folders that a kill has left."""
        if time.monotonic() - self._looked_at > _LEFTOVERS_EVERY:
            self._looked_at = time.monotonic()
            for writer in self._reader.leftovers(time.time()):
                self._reader.remove(writer)
        if self._untidy >= TIDY_EVERY:
            with writes.transaction(self._engine) as connection:
                search.tidy(connection)
            self._untidy = 0

    def _free(self, *, idle: bool) -> None:
        """Sweeps what deleted sessions left: all the time when there is nothing else to do, else a moment a second."""
        start = time.monotonic()
        if start - self._swept_at < _SWEEP_EVERY and not (idle and self._sweeping):
            return
        self._swept_at = start
        self._sweeping = self._sweep.step()
        while self._sweeping and time.monotonic() - start < (_SWEEP_IDLE if idle else _SWEEP_FOR):
            self._sweeping = self._sweep.step()

    def _learn_key_names(self, connection: sa.Connection, items: Sequence[Item]) -> None:
        used = {i.record.key_id for i in items if isinstance(i.record, Begin)} - {""}
        old = time.monotonic() - self._learned_at > _NAMES_FOR
        if used - self._key_names.keys() or (used and old):
            self._learned_at = time.monotonic()
            rows = connection.execute(sa.select(schema.keys.c.id, schema.keys.c.name))
            there = {row.id: row.name for row in rows}
            self._key_names |= {id: id for id in used - self._key_names.keys()} | there


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """What a round makes lives to its end: looking for garbage among it again and again finds none."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _after(cursor: Cursor, stored: Cursor | None) -> bool:
    return stored is None or (cursor.segment, cursor.offset) > (stored.segment, stored.offset)
