"""Reading from a copy of the database that follows it: PostgreSQL's streaming replica, for what people look at.

`engine` is an engine as any other, whose connections are the replica's while that is fit to be read, and the
database's own else. Fit is what answers, follows, and was at most `MOST_LAG` seconds behind when it was last looked at,
once a second. So a replica that goes away costs a page nothing, and one that comes back is read again.

What was changed shows: who changes something waits (`caught_up`) until the replica has it, for `PATIENCE` at most. A
replica that has it not by then was seen to be late by every process meanwhile, and nobody reads it: therefore the
patience is two looks longer than `MOST_LAG`. So it holds for whoever asks next, by any worker of any gateway, and needs
no mark that goes with a browser.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import sqlalchemy as sa

from sessionary.store.engine import link, open_engine

log = logging.getLogger("sessionary.store")
LOOK = 1.0
"""Seconds between two looks."""
MOST_LAG = 3.0
"""Seconds."""
PATIENCE = MOST_LAG + 2 * LOOK
_STALE = 3 * LOOK
"""Seconds after which a look tells nothing any more."""
_NOTES = 240
_TAKEN = ("40001", "40P01")
"""SQLSTATE of what a replica ends because it must go on with what the database has deleted."""
T = TypeVar("T")
State = Literal["unknown", "read", "late", "away", "none"]
"""Of the replica; `none`: what answers there follows nobody."""
_HERE = sa.text("SELECT CAST(pg_current_wal_flush_lsn() - '0/0' AS bigint)")
_THERE = sa.text("SELECT CASE WHEN pg_is_in_recovery() THEN CAST(pg_last_wal_replay_lsn() - '0/0' AS bigint) END")
"""Bytes of the log of all changes: what a replica may have, and what this one has. Null: it is no replica."""
_NOW = sa.text("SELECT CAST(pg_logical_emit_message(true, 'sessionary', '') - '0/0' AS bigint)")
"""The end of all that is committed by now."""
_WORDS: dict[State, str] = {
    "late": "the replica is too far behind: pages read the database itself",
    "away": "the replica cannot be read: pages read the database itself",
    "none": "database_replica is no replica: pages read the database itself",
}


class Replica:
    def __init__(self, url: str, primary: str, *, patience: float | None = None) -> None:
        """`primary`: the URL of the database that is followed. `patience`: as for `open_engine`."""
        self.engine = open_engine(url, patience=patience, connect=self._connect)
        self._primary = open_engine(primary, patience=PATIENCE)
        self._own = open_engine(url, patience=PATIENCE)
        self._lock = threading.Lock()
        self._notes: list[tuple[float, int]] = []
        """When the database had written how much, oldest first: what the replica has not got yet."""
        self._lag: float | None = None
        self._looked_at = float("-inf")
        self._state: State = "unknown"
        sa.event.listen(self.engine, "checkout", self._check)
        sa.event.listen(self.engine, "handle_error", self._heard)

    @property
    def state(self) -> State:
        return self._state

    @property
    def lag(self) -> float | None:
        """Seconds by which it was behind when it was last looked at; None where that is not known."""
        return self._lag

    @property
    def fit(self) -> bool:
        lag, age = self._lag, time.monotonic() - self._looked_at
        return lag is not None and lag <= MOST_LAG and age < _STALE

    def look(self) -> None:
        """To be called each `LOOK` seconds. Blocking."""
        with self._lock:
            began = time.monotonic()
            try:
                there = _scalar(self._own, _THERE)
            except sa.exc.SQLAlchemyError:
                return self._found("away", None)
            if there is None:
                return self._found("none", None)
            follows = self._lag is not None or any(written <= there for _, written in self._notes)
            self._notes = [note for note in self._notes if note[1] > there]
            self._note(began, there)
            follows = follows or not self._notes
            lag = began - self._notes[0][0] if self._notes else 0.0
            self._looked_at = began
            if follows or lag > MOST_LAG:
                self._found("read" if lag <= MOST_LAG else "late", lag)

    def _note(self, now: float, there: int) -> None:
        """While the database is away nothing is written that the replica could lack."""
        try:
            here = _scalar(self._primary, _HERE)
        except sa.exc.SQLAlchemyError:
            return
        if here is not None and here > there:
            self._notes.append((now, here))
        if len(self._notes) > _NOTES:
            self._notes = self._notes[::2]  # it is late in any case; since when, is what the oldest says

    def _found(self, state: State, lag: float | None) -> None:
        if lag is None:
            self._notes = []
        self._lag = lag
        if state != self._state:
            if state in _WORDS:
                log.warning(_WORDS[state])
            elif self._state != "unknown":
                log.info("the replica is read again")
            self._state = state

    def caught_up(self) -> None:
        """Returns when the replica has what is committed by now, or nobody reads it. Blocking."""
        if self._state == "late":
            self.look()  # others may have seen a moment ago that it is late no more, and read it
        if not self.fit:
            return
        try:
            here = self._now()
            until, pause = time.monotonic() + PATIENCE, 0.002
            while time.monotonic() < until:
                there = _scalar(self._own, _THERE)
                if there is None or there >= here:
                    return
                time.sleep(pause)
                pause = min(0.05, 2 * pause)
        except sa.exc.SQLAlchemyError:
            pass
        self._distrust()

    def _now(self) -> int:
        with (
            self._primary.begin() as connection
        ):  # also where commits are not waited for: a replica gets what is on disk
            connection.exec_driver_sql("SET LOCAL synchronous_commit = local")
            return int(connection.execute(_NOW).scalar_one())

    def close(self) -> None:
        for engine in (self.engine, self._primary, self._own):
            engine.dispose()

    def _distrust(self) -> None:
        """Until the next look."""
        self._looked_at = float("-inf")

    def _connect(self, dialect: sa.Dialect, record: Any, given: Any, named: Any) -> Any:
        if self.fit:
            try:
                connection = dialect.connect(*given, **named)
            except dialect.loaded_dbapi.OperationalError:
                self._distrust()
            else:
                record.info |= {"replica": True, "new": True}
                return connection
        record.info |= {"replica": False, "new": True}
        given, its = dialect.create_connect_args(self._primary.url)
        return dialect.connect(*given, **link(self._primary.url), **its)

    def _check(self, connection: Any, record: Any, proxy: Any) -> None:
        """Whose connection waits in the pool is not who is to be read now: another is made in its place."""
        if not record.info.pop("new", False) and record.info["replica"] is not self.fit:
            raise sa.exc.DisconnectionError

    def _heard(self, context: sa.engine.ExceptionContext) -> None:
        if is_lost(context.original_exception) or context.is_disconnect:
            self._distrust()


def is_lost(error: BaseException | None) -> bool:
    """Whether who reads may ask again: its connection ended, or the replica took from under it what it read."""
    if isinstance(error, sa.exc.DBAPIError):
        return error.connection_invalidated or is_lost(error.orig)
    return getattr(error, "sqlstate", None) in _TAKEN


def once_more(read: Callable[[], T]) -> T:
    """What only reads is asked again where `is_lost` says so."""
    try:
        return read()
    except sa.exc.DBAPIError as error:
        if not is_lost(error):
            raise
        return read()


def _scalar(engine: sa.Engine, asked: sa.TextClause) -> int | None:
    with engine.connect() as connection:
        found: int | None = connection.scalar(asked)
        return found
