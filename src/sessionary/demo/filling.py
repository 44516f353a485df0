"""The demo's sessions into the spool, and away with them again.

They are written in a spool folder of their own, which the drain reads like a worker's. Records of days ago would keep
those of now waiting, for the drain takes what all folders hold in the order of time: so it is given little at a time,
and never has less than all of it to take.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from sessionary import listening, locks
from sessionary.demo import live, schedule
from sessionary.demo.stage import KEYS, TAG, Stage
from sessionary.metrics import Metrics
from sessionary.record.exchange import Begin, Finish, encode
from sessionary.record.recorder import now_us
from sessionary.spool.reader import Cursor, Reader
from sessionary.spool.writer import Writer
from sessionary.store import audit, edits, marks, schema
from sessionary.store.audit import COMMAND, Actor
from sessionary.store.writes import transaction

_AT_ONCE = 512 << 10
"""Bytes that the drain is given before it is waited for."""
_POLL = 0.02
_PATIENCE = 30.0
"""Seconds without any progress after which the drain is not waited for: the store may be away."""
_DELETED_AT_ONCE = 20
_DAY_US = 86_400_000_000
_STOP = "demo.stop"
"""A file by which one process ends the filling that another is at."""
Told = Callable[[int, int], None]


class Shown(msgspec.Struct, frozen=True):
    """A session that is worth a look, and why."""

    session: str
    what: str


class Filled(msgspec.Struct, frozen=True):
    sessions: int
    calls: int
    stored: bool
    """Whether the drain has taken all of it."""
    shown: list[Shown]


class Busy(Exception):
    """Another process is at it."""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One filling a data folder. Raises Busy."""
    with locks.alone(folder / "demo.lock") as ours:
        if not ours:
            raise Busy
        yield


def fill(
    engine: sa.Engine,
    folder: Path,
    project: int,
    count: int,
    metrics: Metrics | None = None,
    told: Told | None = None,
    stop: threading.Event | None = None,
    by: Actor = COMMAND,
) -> Filled:
    """`folder`: the data's. `told` hears of calls that are written, and how many there will be; `stop` ends it before.
    Earlier demo sessions of the project go first. Blocking. Raises Busy, and what the spool raises."""
    stop = stop or threading.Event()
    with alone(folder):
        (folder / _STOP).unlink(missing_ok=True)
        clear(engine, project)
        audit.tell(engine, by, "demo.fill", "", project=project, sessions=count)
        stages = list(schedule.sessions(project, now_us(), count))
        total, begun = sum(stage.calls for stage in stages), 0
        writer = Writer(folder / "spool")
        drain = _Drain(engine, Reader(folder / "spool"), writer.name, stop)
        paced, size, ended = listening.is_served(folder), 0, False
        try:
            for _, record in schedule.in_order(stages):
                ended = stop.is_set() or (not size and (folder / _STOP).exists())
                if ended:
                    break
                if isinstance(record, Begin):
                    begun += 1
                    data = encode(msgspec.structs.replace(record, number=begun))
                else:
                    data = encode(record)
                writer.append(data)
                if metrics is not None:
                    _count(metrics, record)
                size += len(data)
                if size >= _AT_ONCE:
                    size = 0
                    if told is not None:
                        told(begun, total)
                    if paced:
                        paced = drain.has_all()
            if paced:
                paced = drain.has_all()
        finally:
            writer.close()
    if told is not None:
        told(begun, total)
    return Filled(len(stages), total, paced and not ended, _shown(stages))


def _count(metrics: Metrics, record: object) -> None:
    """What the drain will count as stored was begun and finished somewhere: here."""
    if isinstance(record, Begin):
        metrics.begun.inc()
    elif isinstance(record, Finish):
        metrics.finished.labels(status=record.status).inc()


def _shown(stages: list[Stage]) -> list[Shown]:
    found = []
    for scene, stage in zip(schedule.SCENES, stages, strict=False):
        first = stage.records[0][1]
        if scene.play in schedule.WORTH and isinstance(first, Begin):
            found.append(Shown(first.session_id, schedule.WORTH[scene.play]))
    return found


class _Drain:
    """How far the drain is with one writer's folder."""

    def __init__(self, engine: sa.Engine, reader: Reader, writer: str, stop: threading.Event) -> None:
        self._engine, self._reader, self._writer, self._stop = engine, reader, writer, stop

    def has_all(self) -> bool:
        """Waits for it; false where nothing happens any more."""
        last, since = self._left(), time.monotonic()
        while last:
            if self._stop.wait(_POLL):
                return False
            left = self._left()
            if left != last:
                last, since = left, time.monotonic()
            elif time.monotonic() - since > _PATIENCE:
                return False
        return True

    def _left(self) -> int:
        c = schema.cursors.c
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(c.segment, c.offset).where(c.writer == self._writer)).first()
        return self._reader.pending_bytes(self._writer, Cursor(*row) if row else Cursor())


def clear(engine: sa.Engine, project: int | None = None) -> int:
    """Deletes the demo's sessions, of one project or of all, and no others: those that still bear its tag, and whose
    calls are all of its keys. What was counted of them goes too: nobody has spent it. Returns how many those were.
    Blocking."""
    found = _theirs(engine, project)
    for of, every in groupby(found, key=attrgetter("project")):
        sessions = list(every)
        for start in range(0, len(sessions), _DELETED_AT_ONCE):
            some = sessions[start : start + _DELETED_AT_ONCE]
            names = [one.id for one in some]
            with transaction(engine) as connection:
                edits.note(connection, of, [one.id for one in some if one.live])
                _uncount(connection, of, names)
                edits.hide(connection, of, names)
        _forget_use(engine, of)
    return len(found)


def _uncount(connection: sa.Connection, project: int, sessions: Sequence[str]) -> None:
    """Takes back how their calls found their sessions."""
    c, r = schema.calls.c, schema.rates.c
    key = (c.created_at // _DAY_US, c.client, c.rule)
    counted = sa.select(*key, sa.func.count(), sa.func.sum(sa.cast(c.ambiguous, sa.Integer)))
    counted = counted.where(c.project == project, c.session.in_(sessions)).group_by(*key)
    found = connection.execute(counted).all()
    marks.add_rates(connection, {(project, *named): (-calls, -unclear) for *named, calls, unclear in found})
    connection.execute(sa.delete(schema.rates).where(r.project == project, r.calls <= 0))


def _forget_use(engine: sa.Engine, project: int) -> None:
    """What the demo's keys have used, unless somebody keeps a session of theirs."""
    f, t = schema.facets.c, schema.traffic.c
    kept = sa.exists().where(f.project == project, f.kind == "key", f.value.in_(KEYS))
    with transaction(engine) as connection:
        connection.execute(sa.delete(schema.traffic).where(t.project == project, t.key_id.in_(KEYS), ~kept))


class _Theirs(NamedTuple):
    project: int
    id: str
    live: bool
    """Whether it was played: calls of it may be on their way. The others' are all there, and of days ago."""


def _theirs(engine: sa.Engine, project: int | None) -> list[_Theirs]:
    s, f, c = schema.sessions.c, schema.facets.c, schema.calls.c
    here = sa.and_(f.project == s.project, f.session == s.id, f.kind == "key", f.value.in_(KEYS))
    others = sa.exists().where(c.project == s.project, c.session == s.id, c.key_id.not_in(KEYS))
    played = sa.exists().where(here, f.value == live.KEY).label("live")
    query = sa.select(s.project, s.id, s.tags, played).where(sa.exists().where(here), ~others)
    query = query.order_by(s.project, s.id)
    if project is not None:
        query = query.where(s.project == project)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return [_Theirs(row.project, row.id, bool(row.live)) for row in rows if TAG in row.tags]


def clear_all(engine: sa.Engine, folder: Path, project: int | None = None, by: Actor = COMMAND) -> int:
    """As `clear`; who is making some is made to stop first. Blocking. Raises what the database raises."""
    until = time.monotonic() + _PATIENCE
    stop = folder / _STOP
    stop.touch()
    while True:
        late = time.monotonic() > until
        try:
            with contextlib.nullcontext() if late else alone(folder):
                stop.unlink(missing_ok=True)
                cleared = clear(engine, project)
                audit.tell(engine, by, "demo.clear", "", project=project, sessions=cleared)
                return cleared
        except Busy:
            time.sleep(_POLL)
        except sa.exc.OperationalError as error:
            if late or "locked" not in str(error.orig):  # else the drain is at it, and has not let us in
                raise
