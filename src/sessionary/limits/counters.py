"""The counters in their database: reserve, release, settle, look. Blocking; each a short transaction.

SQLite: a file of its own, `limits.db` beside the store, where a writer waits for another writer. PostgreSQL: tables
beside the store's, so that several gateways share them; a transaction holds a lock of the key and one of the session.
What a key or session used before it had limits is asked of the store, once (`Before`). Times are microseconds.
"""

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sessionary import locks
from sessionary.limits import arithmetic, schema
from sessionary.limits.arithmetic import MOST, UNIT, Bucket, Refused, Sums, Used
from sessionary.limits.histories import History
from sessionary.settings import Limits
from sessionary.store.engine import is_shared, let_go

LEASE = 60_000_000
"""So long after it was seen last a worker of another host counts as living."""
BEAT = LEASE / 1e6 / 4
"""Seconds between two times that a worker is seen."""
_KEPT = 30 * 86_400_000_000
"""So long after its last call a session's counters are kept; the store has its sums."""
_HISTORIES_KEPT = 7 * 86_400_000_000
_SLICE = 500
_PREPARING = 7_315_551_044  # any number that is ours: PostgreSQL's advisory lock


class Before(Protocol):
    """What was used before it was counted here. `held`: the connection that asks."""

    def spent(self, held: sa.Connection, project: int, key_id: str, since: int) -> int:
        """Nano-dollars."""

    def session(self, held: sa.Connection, project: int, session: str) -> Sums: ...


class Call(msgspec.Struct, frozen=True):
    """Who asks."""

    call_id: str
    key_id: str
    project: int
    session: str
    writer: str


class End(msgspec.Struct, frozen=True):
    """What a call really used; None: nobody knows, so what was reserved. `session`: where it came to belong."""

    call_id: str
    session: str | None = None
    used: Sums | None = None


def prepare(engine: sa.Engine) -> None:
    """Makes the tables where they are not there."""
    with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PREPARING)))
        schema.metadata.create_all(connection)


class Counters:
    def __init__(self, engine: sa.Engine, before: Before, alive: Callable[[str], bool | None]) -> None:
        """`alive`: whether a worker lives; None for one that is not of this host."""
        self._engine = engine
        self._before = before
        self._alive = alive

    def close(self) -> None:
        self._engine.dispose()

    @property
    def shared(self) -> bool:
        """Whether workers of other hosts count here as well."""
        return is_shared(self._engine)

    def reserve(
        self, call: Call, limits: Limits, ask: Sums, now: int, history: History | None = None
    ) -> tuple[Used, Refused | None]:
        """What counts against the key and session now, with this call where it may begin. `history`: of a call that
        names no session."""
        if history is not None:
            call = msgspec.structs.replace(call, session=self._session_of(call, history))
        with self._holding([_key_lock(call.key_id), _session_lock(call.project, call.session)]) as connection:
            used = self._used(connection, call, limits, now)
            if limits.concurrent is not None and used.concurrent >= limits.concurrent:
                open_now = self._free(connection, call.key_id, now)
                used = msgspec.structs.replace(used, concurrent=open_now)
            found = arithmetic.reserve(limits, used, ask, now)
            if isinstance(found, Refused):
                return used, found
            if found.calls or found.tokens:
                connection.execute(_keys_upsert(connection), _row(call.key_id, found))
            row = {"at": now, "tokens": ask.tokens, "cost": ask.cost, "open": limits.concurrent is not None}
            connection.execute(sa.insert(schema.reserved), msgspec.structs.asdict(call) | row)
            if history is not None:
                connection.execute(*_remember(connection, call, history, now))
            return found, None

    def release(self, call_id: str) -> None:
        """Its answer ends now: another call may begin."""
        with self._holding([]) as connection:
            here = schema.reserved.c.call_id == call_id
            connection.execute(sa.update(schema.reserved).where(here).values(open=False))

    def settle(self, ends: Collection[End]) -> None:
        """By what was used, in place of what was reserved. A call that is not reserved, or not any more, is nothing to
        do: so each counts once, however often its end is read."""
        wanted = {end.call_id: end for end in ends}
        for rows in self._reserved(schema.reserved.c.call_id, wanted):
            self._settle(rows, wanted)

    def settle_writers(self, writers: Collection[str]) -> None:
        """What is left of workers that are gone, of which all that they recorded is settled: as it was reserved."""
        for rows in self._reserved(schema.reserved.c.writer, writers):
            self._settle(rows, {row.call_id: End(row.call_id) for row in rows})

    def look(self, asked: Iterable[tuple[int, str, Limits]], now: int) -> list[Used]:
        """What counts against keys now: of their projects, ids and limits."""
        with self._engine.connect() as connection:
            return [
                self._used(connection, Call("", key_id, project, "", ""), _of_key(limits), now, keep=False)
                for project, key_id, limits in asked
            ]

    def forget(self, now: int) -> None:
        """What nobody has asked for lately. A call whose worker nobody has buried counts as it was reserved."""
        with self._engine.connect() as connection:
            left = connection.scalars(
                sa.select(schema.reserved.c.call_id).where(schema.reserved.c.at < now - _KEPT)
            ).all()
        self.settle([End(call_id) for call_id in left])
        s, p, h, w = schema.sessions.c, schema.spent.c, schema.histories.c, schema.writers.c
        with self._holding([]) as connection:
            for table, column, kept in (
                (schema.sessions, s.at, _KEPT),
                (schema.spent, p.ends, _KEPT),
                (schema.writers, w.seen_at, _KEPT),
                (schema.histories, h.at, _HISTORIES_KEPT),
            ):
                connection.execute(sa.delete(table).where(column < now - kept))

    def seen(self, writer: str, now: int) -> None:
        """The worker lives, for all who cannot see its lock."""
        with self._holding([]) as connection:
            statement = _dialect(connection).insert(schema.writers).values(writer=writer, seen_at=now)
            connection.execute(statement.on_conflict_do_update(index_elements=["writer"], set_={"seen_at": now}))

    @contextlib.contextmanager
    def _holding(self, names: Iterable[int]) -> Iterator[sa.Connection]:
        """A transaction that alone touches these keys and sessions, or with SQLite anything. All take their locks in
        the same order, so that none waits for another that waits for it."""
        connecting = self._engine.connect().execution_options(sqlite_begin="IMMEDIATE")
        with connecting as connection, self._turn(), connection.begin():
            if connection.dialect.name == "postgresql":
                for name in sorted(set(names)):
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(name), let_go()))
            yield connection

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """SQLite lets a writer that waits sleep and look again, for up to a tenth of a second: who holds this file's
        lock never has to."""
        if self._engine.dialect.name != "sqlite":
            yield
            return
        with locks.turn(Path(f"{self._engine.url.database}.lock")):
            yield

    def _used(self, connection: sa.Connection, call: Call, limits: Limits, now: int, *, keep: bool = True) -> Used:
        """Reads only what these limits need."""
        calls = tokens = None
        if limits.calls_per_minute is not None or limits.tokens_per_minute is not None:
            calls, tokens = _buckets(connection, call.key_id)
        concurrent = _open(connection, call.key_id) if limits.concurrent is not None else 0
        spent = reserved = 0
        if limits.budget is not None:
            begins, ends = arithmetic.period(limits, now)
            spent = self._spent(connection, call, begins, ends, keep=keep)
            r = schema.reserved.c
            mine = sa.and_(r.key_id == call.key_id, r.at >= begins, r.at < ends)
            reserved = int(connection.scalar(sa.select(_sum(r.cost)).where(mine)) or 0)
        session = session_reserved = Sums()
        if limits_sessions(limits):
            session = self._session(connection, call, now)
            r = schema.reserved.c
            mine = sa.and_(r.project == call.project, r.session == call.session)
            sums = sa.select(sa.func.count(), _sum(r.tokens), _sum(r.cost)).where(mine)
            session_reserved = Sums(*(int(n or 0) for n in connection.execute(sums).one()))
        return Used(calls, tokens, concurrent, spent, reserved, session, session_reserved)

    def _session_of(self, call: Call, history: History) -> str:
        """That of the call that it goes on from, else its own."""
        h = schema.histories.c
        with self._engine.connect() as connection:
            mine = sa.and_(h.key_id == call.key_id, h.history == history.before)
            found = connection.scalar(sa.select(h.session).where(mine)) if history.before is not None else None
        return found or call.session

    def _spent(self, connection: sa.Connection, call: Call, begins: int, ends: int, *, keep: bool) -> int:
        p = schema.spent.c
        mine = sa.and_(p.key_id == call.key_id, p.begins == begins, p.ends == ends)
        found = connection.scalar(sa.select(p.cost).where(mine))
        if found is None:
            found = self._before.spent(connection, call.project, call.key_id, begins)
            if keep:
                row = {"key_id": call.key_id, "begins": begins, "ends": ends, "cost": found}
                connection.execute(sa.insert(schema.spent), row)
        return int(found)

    def _session(self, connection: sa.Connection, call: Call, now: int) -> Sums:
        s = schema.sessions.c
        mine = sa.and_(s.project == call.project, s.session == call.session)
        found = connection.execute(sa.select(s.calls, s.tokens, s.cost).where(mine)).first()
        if found is not None:
            connection.execute(sa.update(schema.sessions).where(mine).values(at=now))
            return Sums(*found)
        sums = self._before.session(connection, call.project, call.session)
        row = {"project": call.project, "session": call.session, "at": now} | msgspec.structs.asdict(sums)
        connection.execute(sa.insert(schema.sessions), row)
        return sums

    def _free(self, connection: sa.Connection, key_id: str, now: int) -> int:
        """Calls of the key that are being answered, without those whose worker is gone."""
        r, w = schema.reserved.c, schema.writers.c
        mine = sa.and_(r.key_id == key_id, r.open)
        gone = []
        for writer in connection.scalars(sa.select(r.writer).where(mine).distinct()).all():
            alive = self._alive(writer)
            if alive is None:
                seen = connection.scalar(sa.select(w.seen_at).where(w.writer == writer))
                alive = seen is not None and seen > now - LEASE
            if not alive:
                gone.append(writer)
        if gone:
            connection.execute(sa.update(schema.reserved).where(mine, r.writer.in_(gone)).values(open=False))
        return _open(connection, key_id)

    def _reserved(self, column: sa.Column[str], values: Collection[str]) -> Iterator[list[sa.Row[Any]]]:
        """Reserved calls, by slices; nothing more than a look where there are none."""
        wanted = sorted(values)
        with self._engine.connect() as connection:
            if not wanted or connection.execute(sa.select(schema.reserved.c.call_id).limit(1)).first() is None:
                return
        for start in range(0, len(wanted), _SLICE):
            with self._engine.connect() as connection:
                query = sa.select(schema.reserved).where(column.in_(wanted[start : start + _SLICE]))
                rows = list(connection.execute(query).all())
            if rows:
                yield rows

    def _settle(self, rows: list[sa.Row[Any]], ends: dict[str, End]) -> None:
        locks = [_key_lock(row.key_id) for row in rows]
        locks += [_session_lock(row.project, s) for row in rows for s in {row.session, ends[row.call_id].session} if s]
        with self._holding(locks) as connection:
            r = schema.reserved.c
            mine = r.call_id.in_([row.call_id for row in rows])
            still = set(connection.scalars(sa.select(r.call_id).where(mine)).all())
            connection.execute(sa.delete(schema.reserved).where(mine))
            counted = [_counted(row, ends[row.call_id]) for row in rows if row.call_id in still]
            for statement, concerns in _SETTLED:
                if params := [each for each in counted if concerns(each)]:
                    connection.execute(statement, params)


def _counted(row: sa.Row[Any], end: End) -> dict[str, Any]:
    used = end.used if end.used is not None else Sums(1, row.tokens, row.cost)
    tokens = min(used.tokens, MOST)
    return {
        "b_call_id": row.call_id,
        "b_key_id": row.key_id,
        "b_project": row.project,
        "b_session": end.session or row.session,
        "b_moved": end.session not in (None, row.session),
        "b_at": row.at,
        "b_back": (row.tokens - tokens) * UNIT,
        "b_calls": used.calls,
        "b_tokens": tokens,
        "b_cost": used.cost,
    }


def _settled() -> list[tuple[sa.Update, Callable[[dict[str, Any]], bool]]]:
    """What settling changes, for what of `_counted`."""
    k, p, s, h, given = schema.keys.c, schema.spent.c, schema.sessions.c, schema.histories.c, sa.bindparam
    key = sa.update(schema.keys).where(k.key_id == given("b_key_id"), k.tokens.is_not(None))
    period = sa.and_(p.key_id == given("b_key_id"), p.begins <= given("b_at"), p.ends > given("b_at"))
    history = sa.update(schema.histories).where(schema.histories.c.call_id == given("b_call_id"))
    session = sa.update(schema.sessions).where(s.project == given("b_project"), s.session == given("b_session"))
    sums = {s[name]: s[name] + given(f"b_{name}") for name in ("calls", "tokens", "cost")}
    return [
        (key.values({k.tokens: k.tokens + given("b_back")}), lambda c: bool(c["b_back"])),
        (sa.update(schema.spent).where(period).values({p.cost: p.cost + given("b_cost")}), lambda c: bool(c["b_cost"])),
        (history.values({h.session: given("b_session")}), lambda c: bool(c["b_moved"])),
        (session.values(sums), lambda c: True),
    ]


_SETTLED = _settled()


def limits_sessions(limits: Limits) -> bool:
    return not (limits.session_calls is None and limits.session_tokens is None and limits.session_cost is None)


def _of_key(limits: Limits) -> Limits:
    return msgspec.structs.replace(limits, session_calls=None, session_tokens=None, session_cost=None)


def _buckets(connection: sa.Connection, key_id: str) -> tuple[Bucket | None, Bucket | None]:
    k = schema.keys.c
    found = connection.execute(sa.select(schema.keys).where(k.key_id == key_id)).first()
    if found is None:
        return None, None
    calls = None if found.calls is None else Bucket(found.calls, found.calls_at)
    return calls, None if found.tokens is None else Bucket(found.tokens, found.tokens_at)


def _row(key_id: str, used: Used) -> dict[str, Any]:
    row: dict[str, Any] = {"key_id": key_id}
    for name, bucket in (("calls", used.calls), ("tokens", used.tokens)):
        row |= {name: bucket and bucket.level, f"{name}_at": bucket and bucket.at}
    return row


def _open(connection: sa.Connection, key_id: str) -> int:
    r = schema.reserved.c
    return connection.scalar(sa.select(sa.func.count()).where(r.key_id == key_id, r.open)) or 0


def _sum(column: sa.Column[int]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.sum(column), sa.BigInteger)


def _dialect(connection: sa.Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite


def _keys_upsert(connection: sa.Connection) -> Any:
    statement = _dialect(connection).insert(schema.keys)
    changed = {c.name: statement.excluded[c.name] for c in schema.keys.c if not c.primary_key}
    return statement.on_conflict_do_update(index_elements=["key_id"], set_=changed)


def _remember(connection: sa.Connection, call: Call, history: History, now: int) -> tuple[Any, dict[str, Any]]:
    statement = _dialect(connection).insert(schema.histories)
    changed = {name: statement.excluded[name] for name in ("session", "call_id", "at")}
    row = {"key_id": call.key_id, "history": history.whole, "session": call.session, "call_id": call.call_id, "at": now}
    return statement.on_conflict_do_update(index_elements=["key_id", "history"], set_=changed), row


def _key_lock(key_id: str) -> int:
    return _lock(b"key", key_id.encode())


def _session_lock(project: int, session: str) -> int:
    return _lock(b"session", project.to_bytes(8, "big"), session.encode())


def _lock(*parts: bytes) -> int:
    """A number of 63 bits: others may have the same, and then wait for each other."""
    return int.from_bytes(hashlib.sha256(b"\0".join(parts)).digest()[:8], "big") >> 1
