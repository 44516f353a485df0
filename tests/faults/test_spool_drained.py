"""From the spool to the store exactly once, wherever the drain is killed (F2, P3, P5), and with clocks set back (F18).

The drain is killed at each operation on the spool's files and at each statement's commit in turn: between commit and
discard, between the renaming of a folder and the end of its cursor, and everywhere else. Then another one goes on.
"""

import contextlib
import errno
import itertools
import json
import os
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from sessionary.drain.drain import Drain
from sessionary.drain.intake import MARGIN_US, take
from sessionary.metrics import Metrics
from sessionary.record import exchange
from sessionary.record.exchange import Begin, Finish, Part, Record
from sessionary.spool.reader import Cursor, Reader
from sessionary.spool.writer import Writer
from sessionary.store import ledger, schema, tree
from sessionary.store.engine import open_engine
from sessionary.store.migrate import upgrade
from tests.support.faulty import Faulty, Killed
from tests.support.recorded import Log, user
from tests.support.upstream import chat_events, chat_json

GATEWAY = "gw_test"
HOUR = 3_600_000_000


@dataclass
class Told:
    """What a store should have: by call, what was asked, its status and its answer's text."""

    calls: dict[str, tuple[str, str, str]]


def spooled(log: Log, root: Path) -> Told:
    """Two dead workers: calls that ended, one of several segments, one that never ended; and one that did nothing."""
    calls: dict[str, tuple[str, str, str]] = {}
    for n in range(2):
        writer = Writer(root, max_segment=900, fsync_interval=1e6)
        for m in range(2):
            body = {"model": "m", "messages": [user(f"call {n} {m}")], "stream": m == 1}
            begin = msgspec.structs.replace(log.begin(f"session {m}", body), number=m + 1)
            records: list[Record] = [begin]
            answer, status = f"You said: call {n} {m}", "ok"
            if m == 0:
                records.append(log.finish(begin, chat_json(body)))
            else:
                events = chat_events(body)
                records.append(Part(begin.call_id, 0, b"".join(events[:3])))
                if n == 0:
                    records.append(log.finish(begin, b"".join(events[3:])))
                else:
                    answer, status = "You said:", "interrupted"
            for record in records:
                writer.append(exchange.encode(record))
            calls[begin.call_id] = (f"call {n} {m}", status, answer)
        writer.close()
    Writer(root, fsync_interval=1e6).close()
    return Told(calls)


def check(engine: sa.Engine, root: Path, told: Told) -> None:
    """Everything is there exactly once, the ledger says so, and nothing is left over."""
    c = schema.calls.c
    with engine.connect() as connection:
        found = {}
        for row in connection.execute(sa.select(schema.calls).order_by(c.id)):
            asked = json.loads(tree.request_body(connection, row))["messages"][0]["content"]
            answer = json.loads(tree.response_body(connection, row) or b"{}")["choices"][0]["message"]["content"]
            found[row.id] = (asked, row.status, answer)
        assert found == told.calls
        count = len(told.calls)
        assert connection.scalar(sa.select(sa.func.sum(schema.sessions.c.calls))) == count
        days = sa.select(sa.func.sum(schema.traffic.c.calls)).where(schema.traffic.c.step == 86400)
        assert connection.scalar(days) == count, "what passed was counted twice, or not at all"
        for table in (schema.partials, schema.cursors, schema.set_aside):
            assert not connection.execute(sa.select(table)).all(), table.name
        counts = ledger.of_the_gone(connection, GATEWAY)
        assert (counts.begun, counts.stored, counts.set_aside, counts.damaged) == (count, count, 0, 0)
    assert Reader(root).writers() == []


class Place:
    """A spool and a store that can be had anew, as they were at first."""

    def __init__(self, folder: Path) -> None:
        self._first, self._now = folder / "first", folder / "now"
        self._first.mkdir()
        url = f"sqlite:///{self._first / 'store.db'}"
        upgrade(url)
        engine = open_engine(url)
        self.told = spooled(Log(engine), self._first / "spool")
        engine.dispose()
        self.engine = open_engine(f"sqlite:///{self._now / 'store.db'}")  # one for all: what it has compiled stays

    @property
    def spool(self) -> Path:
        return self._now / "spool"

    def anew(self) -> None:
        self.engine.dispose()
        shutil.rmtree(self._now, ignore_errors=True)
        shutil.copytree(self._first, self._now)

    def drain(self, files: Faulty | None = None) -> Drain:
        return Drain(self.spool, self.engine, Metrics(), gateway=GATEWAY, files=files)

    def drained(self, files: Faulty | None = None) -> None:
        """All of it; the round in which nothing is read ends dead workers."""
        drain = self.drain(files)
        while drain.round() or Reader(self.spool).writers():
            pass

    def killed(self, files: Faulty) -> None:
        files.die()
        self.engine.dispose()

    def check(self) -> None:
        check(self.engine, self.spool, self.told)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("place"))
    yield made
    made.engine.dispose()


def test_killed_at_each_operation_on_the_files(place: Place) -> None:
    """F2, P3. Before every one that changes something, and before some that only look."""
    place.anew()
    whole = Faulty()
    place.drained(whole)
    first = random.Random(seed := random.randrange(1 << 30)).randrange(6)
    print("seed", seed)
    changing = [n for n, name in enumerate(whole.done, 1) if name in ("rename", "remove", "remove_folder")]
    tried = sorted({*changing, *range(first + 1, whole.calls + 1, 6)})
    for n in tried:
        place.anew()
        files = Faulty(n)
        try:
            place.drained(files)
        except Killed:
            place.killed(files)
            place.drained()
        place.check()
    print(f"{len(tried)} of {whole.calls} operations, {len(tried) * len(place.told.calls)} calls compared")
    assert len(changing) > 10


@pytest.mark.parametrize("when", ["begin", "commit"])
def test_killed_around_each_transaction(place: Place, when: str) -> None:
    """F2, P3. Before each commit, and before each beginning, which is after the commit before it."""
    for n in itertools.count(1):
        place.anew()
        seen, files = 0, Faulty()

        def kill(connection: sa.Connection, n: int = n) -> None:
            nonlocal seen
            seen += 1
            if seen == n:
                raise Killed

        sa.event.listen(place.engine, when, kill)
        try:
            place.drained(files)
        except Killed:
            place.killed(files)
        finally:
            sa.event.remove(place.engine, when, kill)
        place.drained()
        place.check()
        if seen < n:
            break
    print(f"{n - 1} times")
    assert n > 4


def test_any_file_operation_may_fail_once(place: Place) -> None:
    """F5, P3. The same drain goes on, as `run` lets it."""
    rng = random.Random(seed := random.randrange(1 << 30))
    print("seed", seed)
    for n in rng.sample(range(1, 60), 6):
        place.anew()
        drain = place.drain(Faulty(n, errno.EIO))
        while Reader(place.spool).writers():
            with contextlib.suppress(OSError):
                drain.round()
        place.drained()
        place.check()


def test_a_damaged_spool_is_drained_to_its_end(place: Place) -> None:
    """F3, P5. Whatever is damaged: what is stored is true, each call once, the ledger balances, and no folder stays."""
    rng = random.Random(seed := random.randrange(1 << 30))
    print("seed", seed)
    for _ in range(4):
        place.anew()
        for path in place.spool.glob("*/*.seg"):
            data = bytearray(path.read_bytes())
            match rng.randrange(5):
                case 0:
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
                case 1:
                    data = data[: rng.randrange(len(data))]
                case 2:
                    data = bytearray()
            path.write_bytes(data)
        rng.choice(list(place.spool.glob("*/*.seg"))).unlink()
        place.drained()
        c = schema.calls.c
        with place.engine.connect() as connection:
            found = {row.id: row.status for row in connection.execute(sa.select(c.id, c.status))}
            counts = ledger.of_the_gone(connection, GATEWAY)
        assert found.keys() <= place.told.calls.keys()
        assert all(status in (place.told.calls[id][1], "interrupted") for id, status in found.items())
        assert counts.stored == len(found)
        assert counts.begun == counts.stored + counts.set_aside + counts.damaged


@pytest.mark.parametrize("lost", [None, 0, 1, 2])
def test_an_answer_with_a_gap_does_not_pass_for_whole(place: Place, lost: int | None) -> None:
    """F3, P1. A checkpoint that was damaged leaves a text that was never said; the call says so."""
    place.anew()
    log, writer = Log(place.engine), Writer(place.spool, fsync_interval=1e6)
    body = {"model": "m", "messages": [user("hi")], "stream": True}
    first, events = log.begin("s", body), chat_events(body)
    for record in (
        msgspec.structs.replace(first, number=1),
        *(Part(first.call_id, n, events[n]) for n in range(3) if n != lost),
        log.finish(first, b"".join(events[3:]), parts=3),
    ):
        writer.append(exchange.encode(record))
    writer.close()
    place.drained()
    with place.engine.connect() as connection:
        row = connection.execute(sa.select(schema.calls).where(schema.calls.c.id == first.call_id)).one()
    assert (row.status, row.error_type) == (("ok", None) if lost is None else ("interrupted", "damaged"))


# F18: two workers, and a clock that is set back


def begin(call_id: str, at: int) -> Begin:
    return Begin(call_id, at, 1, "k", "ses", "ses", "id", "r", "responses", "m", False, "", "", {}, b"{}")


def finish(call_id: str, at: int) -> Finish:
    return Finish(call_id, at, "ok", 200, "p", "d", "m", None, "", "", [], {}, b"")


def test_a_clock_that_is_set_back_makes_nothing_wait(tmp_path: Path) -> None:
    """F18. Two workers write on while the clock goes back an hour, and forth: no record waits for its time to come,
    each writer's order is kept, and none is lost."""
    rng = random.Random(seed := random.randrange(1 << 30))
    print("seed", seed)
    writers = [Writer(tmp_path, fsync_interval=1e6) for _ in range(2)]
    reader, cursors, clock = Reader(tmp_path), dict[str, Cursor](), 10 * HOUR
    wrote: dict[str, list[str]] = {w.name: [] for w in writers}
    took: dict[str, list[str]] = {w.name: [] for w in writers}
    behind = 0
    for n in range(600):
        clock += rng.randrange(2000)
        if n in (150, 400):
            clock -= HOUR
        if n == 300:
            clock += HOUR
        writer = rng.choice(writers)
        record = rng.choice((begin, finish))(f"call_{n}", clock)
        writer.append(exchange.encode(record))
        wrote[writer.name].append(record.call_id)
        if n % 5 == 4:
            later = itertools.repeat(clock + 2 * MARGIN_US)  # a moment in which nothing is written
            for _ in range(2):
                intake = take(reader, cursors, later.__next__)
                cursors |= intake.cursors
                for item in intake.items:
                    took[item.writer].append(item.record.call_id)  # type: ignore[union-attr]
            behind = max(behind, sum(map(len, wrote.values())) - sum(map(len, took.values())))
    assert took == wrote
    assert behind == 0, f"{behind} records waited"
    for writer in writers:
        writer.close()


def test_times_that_go_backwards_are_stored(place: Place) -> None:
    """F18. A call that ended an hour before it began lasted no time, and is there like any other."""
    place.anew()
    log, writer = Log(place.engine), Writer(place.spool, fsync_interval=1e6)
    body = {"model": "m", "messages": [user("hi")]}
    wrong = []
    for n in range(3):
        first = log.begin("s", body)
        wrong.append(first.call_id)
        end = log.finish(first, chat_json(body), at=first.at - HOUR, ttft=-HOUR)
        for record in (msgspec.structs.replace(first, number=n + 1), end):
            writer.append(exchange.encode(record))
    writer.close()
    place.drained()
    with place.engine.connect() as connection:
        query = sa.select(schema.calls).where(schema.calls.c.id.in_(wrong))
        rows = connection.execute(query).mappings().all()
    assert [r["status"] for r in rows] == ["ok"] * 3
    assert all(r["finished_at"] == r["created_at"] and r["ttft"] == 0 for r in rows)


def test_a_stale_lock_and_two_workers(tmp_path: Path) -> None:
    """F18. A lock that a dead process left is free, whatever its file says; a living worker's records stay apart."""
    one, two = Writer(tmp_path, fsync_interval=1e6), Writer(tmp_path, fsync_interval=1e6)
    stale = tmp_path / "00000000000000000000000000000000"
    stale.mkdir()
    (stale / "lock").write_text("4242")
    reader = Reader(tmp_path)
    assert [reader.alive(w) for w in (stale.name, one.name, two.name)] == [False, True, True]
    now = 10 * HOUR
    one.append(exchange.encode(begin("a", now)))
    two.append(exchange.encode(begin("b", now + 1)))
    intake: Any = take(reader, {}, lambda: now + 2 * MARGIN_US)
    assert [i.record.call_id for i in intake.items] == ["a", "b"]
    assert intake.dead == [stale.name]
    one.close()
    two.close()


def test_folders_that_were_never_finished_are_removed_when_nobody_makes_them(tmp_path: Path) -> None:
    """F2. Of one that is being made, nothing is touched; a minute after its maker's death it goes."""
    now = time.time()
    for n in range(1, 7):
        with pytest.raises(Killed):
            Writer(tmp_path, fsync_interval=1e6, files=(files := Faulty(n)))  # type: ignore[arg-type]
        if n < 6:
            files.die()
    reader = Reader(tmp_path)
    left = [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert len(left) == 5  # the first was killed before there was a folder
    assert reader.writers() == []
    assert reader.leftovers(now) == []
    for path in left:
        os.utime(path, (now - 3600, now - 3600))
    gone = reader.leftovers(now)
    assert len(gone) == 4, "one is still locked"
    for name in gone:
        reader.remove(name)
    assert len(list(tmp_path.iterdir())) == 1
    files.die()
    assert len(reader.leftovers(now)) == 1
