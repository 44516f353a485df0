"""PostgreSQL's tables of four weeks: made ahead, found by id, and dropped whole when all in them has had its time."""

import json
import threading
import time
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from sessionary import ids
from sessionary.store import edits, lists, migrate, partitions, reads, schema, search, tree, verify
from sessionary.store.retention import Retention
from sessionary.store.scan import Bounds
from sessionary.store.sweep import Sweep
from sessionary.store.walk import Page
from tests.support.recorded import SECOND, Log, assistant, user

DAY = 86_400 * SECOND
LENGTH = partitions.LENGTH_MS * 1000
SMALL = Bounds(calls=2, messages=3, bodies=2, batch=3, scanned=4, partition=0)
on_postgres = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


def rows(log: Log, query: Any) -> list[sa.Row[Any]]:
    with log.engine.connect() as connection:
        return list(connection.execute(query))


def parts(engine: sa.Engine, of: str = "calls") -> list[str]:
    """The tables that one is made of."""
    asked = sa.text(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(:of) ORDER BY 1"
    ).bindparams(of=of)
    with engine.connect() as connection:
        return list(connection.scalars(asked))


def placed(log: Log, call: str) -> set[str]:
    """In which tables it is."""
    asked = "SELECT tableoid::regclass::text FROM calls WHERE id = :call UNION"
    asked += " SELECT tableoid::regclass::text FROM exchanges WHERE call_id = :call"
    return {row[0] for row in rows(log, sa.text(asked).bindparams(call=call))}


def name_at(at: int) -> str:
    return time.strftime("_p%Y%m%d", time.gmtime(at // LENGTH * LENGTH // SECOND))


def sent(log: Log, call_id: str) -> Any:
    with log.engine.connect() as connection:
        call = reads.call_within(connection, None, call_id)
        assert call is not None
        return json.loads(tree.request_body(connection, call))["messages"]


def shown(log: Log) -> set[str]:
    """Calls that anybody sees."""
    return {call.id for call in lists.calls(log.engine, None, (), Page("created_at", True, 1000)).rows}


def run(work: Sweep) -> None:
    while work.step():
        pass


def right(log: Log) -> None:
    assert verify.verify(log.engine, again=0).differences == []


@pytest.fixture
def log(log: Log) -> Log:
    """Its time is now."""
    log.at = time.time_ns() // 1000
    return log


@on_postgres
def test_tables_are_made_ahead_and_calls_land_in_them(log: Log) -> None:
    now = log.at
    ahead = [name_at(now + n * LENGTH) for n in range(partitions.AHEAD + 1)]
    for of in ("calls", "exchanges"):
        assert parts(log.engine, of) == sorted([f"{of}_default", *(f"{of}{name}" for name in ahead)])
    for n, name in enumerate(ahead):
        log.at = now // LENGTH * LENGTH + n * LENGTH + DAY
        assert placed(log, log.chat("s", [user(f"{n}")])) == {f"calls{name}", f"exchanges{name}"}
    log.at = now - 500 * DAY
    assert placed(log, log.chat("s", [user("an odd clock")])) == {"calls_default", "exchanges_default"}
    run(Sweep(log.engine, clock=lambda: now + 2 * LENGTH))
    assert set(parts(log.engine)) >= {f"calls{name_at(now + n * LENGTH)}" for n in range(4)}
    right(log)


@on_postgres
def test_what_is_in_the_default_moves_into_a_table_that_is_made(log: Log) -> None:
    later = log.at + 20 * LENGTH
    log.at = later
    early = log.chat("s", [user("before its time")])
    assert placed(log, early) == {"calls_default", "exchanges_default"}
    assert partitions.prepare(log.engine, later)
    assert placed(log, early) == {f"calls{name_at(later)}", f"exchanges{name_at(later)}"}
    assert sent(log, early) == [user("before its time")]
    right(log)


@on_postgres
def test_the_default_never_blocks(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too much of a table's time is in it, or somebody reads: that goes on in it, and what comes next has a table."""
    monkeypatch.setattr(partitions, "KEPT", 2)
    later = (log.at + 20 * LENGTH) // LENGTH * LENGTH
    log.at = later
    many = [log.chat("s", [user(f"{n}")]) for n in range(3)]
    assert not partitions.prepare(log.engine, later)
    made = parts(log.engine)
    assert f"calls{name_at(later)}" not in made
    assert f"calls{name_at(later + LENGTH)}" in made
    many.append(log.chat("s", [user("more")]))
    assert [sent(log, call) for call in many] == [[user(text)] for text in ("0", "1", "2", "more")]
    with log.engine.connect() as reader:
        reader.execute(sa.select(schema.calls.c.id)).all()
        assert not partitions.prepare(log.engine, later + 20 * LENGTH)
        log.chat("s", [user("meanwhile")])
    assert partitions.prepare(log.engine, later + 20 * LENGTH)


@on_postgres
def test_two_gateways_make_them_at_once(log: Log) -> None:
    later, made = log.at + 20 * LENGTH, []
    threads = [threading.Thread(target=lambda: made.append(partitions.prepare(log.engine, later))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [True] * 4
    assert len(parts(log.engine)) == len(parts(log.engine, "exchanges")) == 1 + 2 * (partitions.AHEAD + 1)


@on_postgres
def test_a_call_is_looked_for_in_one_table(log: Log) -> None:
    call = log.chat("s", [user("hi")])
    asked: list[tuple[str, Any]] = []
    sa.event.listen(log.engine, "before_cursor_execute", lambda c, cur, said, values, *_: asked.append((said, values)))
    with log.engine.connect() as connection:
        row = reads.call_within(connection, log.project(), call)
        assert row is not None
        tree.request_body(connection, row)
        reads.session_calls(connection, row.project, row.session)
        by_id, said, by_session = (
            [one for one in asked if f"FROM {t}" in one[0]][n]
            for t, n in (("calls", 0), ("exchanges", 0), ("calls", -1))
        )
        connection.exec_driver_sql("SET enable_seqscan = off")
        plans = [
            "\n".join(r[0] for r in connection.exec_driver_sql(f"EXPLAIN {s}", v)) for s, v in (by_id, said, by_session)
        ]
    here = name_at(log.at)
    assert f"calls{here}" in plans[0]
    assert f"exchanges{here}" in plans[1]
    for plan in plans[:2]:
        assert {name for name in ("calls", "exchanges") if f"{name}_default" in plan} == set()
        assert name_at(log.at + LENGTH) not in plan
    assert "Seq Scan on calls" not in plans[2]


def upgrade_to(engine: sa.Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "src/sessionary/store/migrations")
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def change(engine: sa.Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_an_old_database_reads_as_before(empty_engine: sa.Engine, empty_url: str) -> None:
    upgrade_to(empty_engine, "0004")
    on_postgresql = empty_engine.dialect.name == "postgresql"
    change(empty_engine, "ALTER TABLE cursors ADD COLUMN reached bigint NOT NULL DEFAULT 0")  # as ours are read
    if on_postgresql:  # what has been written since is written by its project, with numbers of a sequence
        change(empty_engine, "ALTER TABLE search_text ADD project integer")
        change(empty_engine, "CREATE SEQUENCE search_docs_next")
    log = Log(empty_engine)
    calls = [log.chat(f"s{n % 3}", [user(f"{n}")], f"answer {n}", body={"tools": [{"n": n}]}) for n in range(9)]
    now = time.time_ns() // 1000
    log.at = now + 300 * DAY
    calls.append(log.chat("s0", [user("an odd clock")]))
    calls.append(log.chat("theirs", [user("a canary")], project="other"))
    if on_postgresql:
        change(empty_engine, "ALTER TABLE search_text DROP project")
        change(empty_engine, "DROP SEQUENCE search_docs_next")
    before = {table.name: rows(log, sa.select(table)) for table in schema.metadata.sorted_tables}
    texts = [sent(log, call) for call in calls]
    change(empty_engine, "ALTER TABLE cursors DROP COLUMN reached")
    if not on_postgresql:  # it is noted whose words are of older rules
        last = max(row.id for row in before["search_docs"])
        before["versions"] = [*before["versions"], ("words", last)]
    migrate.upgrade(empty_url)
    assert {table.name: sorted(map(repr, rows(log, sa.select(table)))) for table in schema.metadata.sorted_tables} == {
        name: sorted(map(repr, found)) for name, found in before.items()
    }
    assert [sent(log, call) for call in calls] == texts
    assert shown(log) == set(calls)
    for project, word, found in (
        ("default", "canary", []),
        ("other", "canary", ["theirs"]),
        ("default", "odd", ["s0"]),
    ):
        assert [hit.session_id for hit in search.find(empty_engine, log.project(project), word, 9).hits] == found
    log.at = now
    new = log.chat("s1", [user("new")])
    assert sent(log, new) == [user("new")]
    if on_postgresql:
        change(empty_engine, "INSERT INTO search_text(id, words) VALUES (1000, 'as before')")
        change(empty_engine, "DELETE FROM search_text WHERE id = 1000")
        assert {"calls_before", "calls_default"} < set(parts(empty_engine))
        assert placed(log, calls[0]) == placed(log, new) == {"calls_before", "exchanges_before"}
        assert placed(log, calls[-2]) == {"calls_default", "exchanges_default"}
        assert "before_calls_session" in parts(empty_engine, "calls_session")  # it was taken over, not made anew
    right(log)


@pytest.fixture
def past(log: Log) -> Log:
    """Some weeks long ago have a table."""
    log.at = (log.at - 60 * DAY) // LENGTH * LENGTH + DAY
    assert partitions.prepare(log.engine, log.at)
    return log


@on_postgres
def test_retention_drops_what_has_had_its_time(past: Log) -> None:
    log, then = past, past.at
    for n in range(5):
        log.chat(f"old {n}", [user(f"canary {n}")], f"canary answer {n}")
    begun = log.chat("long", [user("begun then")], "long ago")
    log.at = then + LENGTH + 10 * DAY
    last = log.chat("long", [user("begun then"), assistant("long ago"), user("and now")])
    tables = {f"calls{name_at(then)}", f"exchanges{name_at(then)}"}
    assert placed(log, begun) == tables

    soon = then // LENGTH * LENGTH + LENGTH - DAY
    run(Sweep(log.engine, Retention(days=1.0), SMALL, clock=lambda: soon))  # hidden, and the weeks are not over
    assert shown(log) == {begun, last}
    assert search.find(log.engine, None, "canary", 10).hits == []
    assert len(rows(log, sa.select(schema.calls.c.id))) == 7
    right(log)

    work = Sweep(log.engine, Retention(days=20.0), SMALL, clock=lambda: then + LENGTH + 21 * DAY)
    while work.step():
        assert shown(log) == {begun, last}
        assert sent(log, begun) == [user("begun then")]
        right(log)
    assert not tables & {*parts(log.engine), *parts(log.engine, "exchanges")}
    there = sa.text("SELECT relname FROM pg_class WHERE relname LIKE :name").bindparams(name=f"%{name_at(then)}%")
    assert rows(log, there) == []
    assert placed(log, begun) == {"calls_default", "exchanges_default"}
    assert {hit.call_id for hit in search.find(log.engine, None, "begun", 10).hits} >= {begun}
    assert len(rows(log, sa.select(schema.calls.c.id))) == 2
    assert len(rows(log, sa.select(schema.messages.c.id))) == 4
    assert {row.call_id for row in rows(log, sa.select(schema.search_docs))} == {begun, last}

    run(Sweep(log.engine, Retention(days=20.0), SMALL, clock=lambda: time.time_ns() // 1000 + 60 * DAY))
    for table in (schema.calls, schema.exchanges, schema.messages, schema.bodies, schema.search_docs, schema.unneeded):
        assert rows(log, sa.select(table)) == []


@on_postgres
def test_what_comes_late_into_a_table_that_is_walked_is_not_left(past: Log) -> None:
    """Its session is hidden behind the walk: it goes call by call, and then the table."""
    log, then = past, past.at
    for n in range(5):
        log.chat(f"old {n}", [user(f"canary {n}")])
    clock = [then + LENGTH + 21 * DAY]
    work = Sweep(log.engine, Retention(days=20.0), SMALL, clock=lambda: clock[0])
    listed = sa.select(schema.unneeded.c.ref).where(schema.unneeded.c.kind == "partition")
    while not any(row.ref.endswith(b"~") for row in rows(log, listed)):
        assert work.step()
    log.at = then
    late = log.chat("late", [user("canary late")])
    assert placed(log, late) == {f"calls{name_at(then)}", f"exchanges{name_at(then)}"}
    clock[0] += 2 * 60 * SECOND
    run(work)
    clock[0] += 2 * 60 * SECOND
    run(work)
    assert f"calls{name_at(then)}" not in parts(log.engine)
    for table in (schema.calls, schema.exchanges, schema.messages, schema.search_docs):
        assert rows(log, sa.select(table)) == []
    right(log)


@on_postgres
def test_where_much_is_kept_calls_go_one_by_one(past: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "KEPT", 1)
    log, then = past, past.at
    gone = [log.chat(f"old {n}", [user(f"canary {n}")]) for n in range(3)]
    kept = [log.chat("long", [user(f"kept {n}")]) for n in range(3)]
    now = log.at = time.time_ns() // 1000
    kept.append(log.chat("long", [user("now")]))
    run(Sweep(log.engine, Retention(days=20.0), SMALL, clock=lambda: now))
    assert shown(log) == set(kept)
    assert {row.id for row in rows(log, sa.select(schema.calls.c.id))} == {*kept, *gone}
    run(Sweep(log.engine, Retention(days=40.0), SMALL, clock=lambda: now + LENGTH + 2 * DAY))
    assert {row.id for row in rows(log, sa.select(schema.calls.c.id))} == set(kept)
    assert f"calls{name_at(then)}" in parts(log.engine)
    assert rows(log, sa.select(schema.unneeded)) == []
    right(log)


@on_postgres
def test_a_person_who_deletes_does_not_wait_for_the_name_at(past: Log) -> None:
    past.chat("s", [user("canary")])
    edits.delete_session(past.engine, past.project(), ids.session_id(past.project(), "s"), at=past.at)
    run(Sweep(past.engine, bounds=SMALL))
    for table in (schema.calls, schema.exchanges, schema.messages, schema.bodies):
        assert rows(past, sa.select(table)) == []
