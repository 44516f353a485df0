"""What pages, API, drain and retention ask the store for is found by an index, on either engine: each statement that
they come to is explained, on a store whose statistics are known. PostgreSQL's has a hundred thousand calls."""

import contextlib
import hashlib
import json
import re
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from sessionary import ids
from sessionary.drain.known import QUESTIONS
from sessionary.store import candidates, edits, keys, lists, partitions, retention, schema, search, values, walk, writes
from sessionary.store.engine import open_engine
from sessionary.store.retention import Retention
from sessionary.store.scan import Bounds
from sessionary.store.sweep import Sweep
from tests.support.postgres import Postgres
from tests.support.recorded import SYSTEM, Log, assistant, user
from tests.support.served import served

DAY = 86_400_000_000
SCALE = 20
"""A store that is as large to us as one of two million calls is: what is looked at for a page is that much less."""
FEW = Bounds(calls=25, sessions=10, messages=25, bodies=25, batch=250, minutes=25, forgotten=25)
LARGE = ("sessions", "calls", "exchanges", "messages", "bodies", "facets", "search_docs", "search_text", "traffic")
NAMES = [f"n{n}" for n in range(200)]
FILTERS = (
    "", "status:ok", "status:errors", "since:24h", "until:24h", "cost>1", "model:gpt-4o", "user:n7", "key:master",
    "client:curl*", "client:curl", 'client:"curl 8.1"', "tag:n3", "refund",
    '-refund', "n7 refund", "since:24h cost>1 user:n7",
)  # fmt: skip
SORTS = {
    "sessions": ("-last_at", "last_at", "-cost", "-calls", "turns", "-errors", "-active", "-input_tokens", "first_at"),
    "calls": ("-created_at", "created_at"),
}


ASKED: dict[str, Any] = {
    **{"project": 1, "call": "call_0", "session": "ses_0", "agent": "", "key": "master", "user": "", "scope": 1},
    **{"value": bytes(16), "prompt": None, "since": 0, "before": 1 << 60},
}
"""Of what was asked before a call is placed: any of its values."""


@pytest.fixture(autouse=True)
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = ((lists, "WALK"), (walk, "WINDOW"), (search, "LOOKED_AT"), (values, "_NEWEST"), (candidates, "RARE"),
              (candidates, "_RARE_CALLS"), (candidates, "WORDS"), (candidates, "_TITLES"),
              (retention, "MOST"), (retention, "_CALLS"))  # fmt: skip
    for module, name in bounds:
        monkeypatch.setattr(module, name, getattr(module, name) // SCALE)


@dataclass
class Full:
    """A store with some real calls, and very many rows like those of the first."""

    log: Log
    call: str
    large: Collection[str]
    """Tables."""

    @property
    def engine(self) -> sa.Engine:
        return self.log.engine

    @contextlib.contextmanager
    def heard(self) -> Iterator[list[tuple[str, Any]]]:
        """The statements that are asked meanwhile, with their parameters."""
        asked: list[tuple[str, Any]] = []

        def hear(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if statement.lstrip().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
                asked.append((statement, parameters))

        sa.event.listen(self.engine, "before_cursor_execute", hear)
        yield asked
        sa.event.remove(self.engine, "before_cursor_execute", hear)

    def wrong(self, asked: Sequence[tuple[str, Any]]) -> list[str]:
        """What is read from end to end, and by which of the statements."""
        once = {(statement, str(parameters)): (statement, parameters) for statement, parameters in asked}
        with self.engine.connect() as connection:
            plans = [(scanned(connection, *one, self.large), one[0]) for one in once.values()]
        return [f"{found}: {statement}" for found, statement in plans if found]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    """SQLite goes by rules, whatever there is. PostgreSQL goes by what tables hold."""
    if request.param == "sqlite":
        migrated: Path = request.getfixturevalue("migrated_sqlite")
        engine = open_engine(f"sqlite:///{shutil.copy(migrated, tmp_path_factory.mktemp('plans') / 'store.db')}")
        yield filled(engine, 2_000, 2)
        engine.dispose()
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.new_database(request.getfixturevalue("migrated_postgres"))
    engine = open_engine(url)
    yield filled(engine, 12_500, 8)
    engine.dispose()
    postgres.drop(url)


MADE = sa.Table(
    "made",
    sa.MetaData(),
    *(sa.Column(name, sa.Integer) for name in ("number", "nth")),
    sa.Column("at", sa.BigInteger),
    *(sa.Column(name, sa.Text) for name in ("name", "session", "value", "call", "text")),
    *(sa.Column(name, sa.LargeBinary) for name in ("asked", "told")),
)
"""What tells calls apart; `number`s are in the order of time."""


def filled(engine: sa.Engine, sessions: int, calls: int) -> Full:
    """`calls` of each session."""
    log = Log(engine, at=time.time_ns() // 1000)
    call = log.chat("first", [user("a refund")], user="n0")
    keys.ensure_project(engine, "other")
    for n in range(3):
        partitions.prepare(engine, log.at - n * partitions.LENGTH_MS * 1000)
    MADE.create(engine)
    with writes.transaction(engine) as connection:
        writes.insert(connection, MADE, list(made(log.at, sessions, calls)))
        m = MADE.c
        times = dict.fromkeys(("first_at", "last_at", "updated_at"), m.at)
        named = {"session_id": m.name, "title": m.name, "cost": m.number, "turns": m.number % 50}
        copied(connection, schema.sessions, 0, id=m.session, **times, **named)
        for kind, value in (("user", m.value), ("tag", m.value), ("model", sa.literal("gpt-4o"))):
            copied(connection, schema.facets, 0, kind=sa.literal(kind), value=value, session=m.session)
        copied(connection, schema.traffic, 0, step=sa.literal(3600), at=m.at - m.at % 3_600_000_000, key_id=m.value)
        ends = {"leaf": m.asked, "leaf_node": m.asked, "output": m.told, "output_node": m.told, "answer_key": m.told}
        copied(connection, schema.calls, id=m.call, session=m.session, created_at=m.at, finished_at=m.at + 1, **ends)
        copied(connection, schema.exchanges, call_id=m.call)
        copied(connection, schema.messages, id=m.asked, node=m.asked, parent=sa.null(), depth=sa.literal(1))
        copied(connection, schema.messages, id=m.told, node=m.told, parent=m.asked, depth=sa.literal(2))
        copied(connection, schema.bodies, hash=m.asked)
        copied(connection, schema.search_docs, call_id=m.call, answer=sa.false(), id=m.number)
        connection.execute(sa.text(_TEXTS[engine.dialect.name]))
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT setval('search_docs_next', max(id)) FROM search_docs"))
    MADE.drop(engine)
    if engine.dialect.name == "sqlite":
        return Full(log, call, LARGE)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
        sizes = sa.text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname !~ '^pg_' AND reltuples > 1000")
        return Full(log, call, frozenset(connection.scalars(sizes)))


_TEXTS = {
    "sqlite": "INSERT INTO search_text(rowid, text) SELECT number, text FROM made",
    "postgresql": "INSERT INTO search_text(project, id, words) SELECT 1, number, to_tsvector('simple', text) FROM made",
}


def made(now: int, sessions: int, calls: int) -> Iterator[dict[str, Any]]:
    apart = 60 * DAY // sessions
    for n in range(sessions):
        name, value = f"more-{n}", NAMES[n % 200]
        session = {"name": name, "session": ids.session_id(1, name), "value": value}
        session["text"] = f"{value} refund" if n % 100 == 0 else value
        for nth in range(calls):
            number, at = 10 + (sessions - n) * calls + nth, now - n * apart + nth
            hashes = (hashlib.sha256(f"{of} {number}".encode()).digest()[:16] for of in ("asked", "told"))
            told = dict(zip(("asked", "told"), hashes, strict=True))
            yield session | told | {"number": number, "nth": nth, "at": at, "call": ids.new_call_id(at // 1000)}


def copied(connection: sa.Connection, table: sa.Table, nth: int | None = None, **changed: Any) -> None:
    """A row that is there, for each of what was made; or for the `nth` call of each session alone."""
    one = sa.select(table).limit(1).subquery("one")
    columns = [sa.type_coerce(changed.get(c.name, one.c[c.name]), c.type).label(c.name) for c in table.c]
    rows = sa.select(*columns).select_from(MADE.join(one, sa.true()))
    rows = rows if nth is None else rows.where(MADE.c.nth == nth)
    connection.execute(sa.insert(table).from_select([c.name for c in table.c], rows))


def paths(call: str) -> list[str]:
    found = [
        f"/api/{of}?limit=20&sort={quote(sort)}&filter={quote(text)}"
        for of, sorts in SORTS.items()
        for text in FILTERS
        if of == "sessions" or "tag" not in text
        for sort in (sorts if text in ("", "since:24h") else sorts[:1])
    ]
    found += [f"/api/summary?of={of}&filter={quote(text)}" for of in SORTS for text in ("", "status:ok", "user:n7")]
    found += [f"/api/search?q={q}" for q in ("refund", "n7", "n1%20refund", "ref")]
    found += [f"/api/search?q=refund&session={quote('more-100')}", "/api/suggest?field=user&prefix=n1"]
    for name in ("first", "more-5"):
        found += [f"/api/sessions/{name}{part}" for part in ("", "/outline", "/tree")]
    found += [f"/api/sessions/first{part}" for part in ("/transcript", "/transcript?limit=5", "/export", "/outline")]
    found += [f"/api/calls/{call}{part}" for part in ("", "/evidence", "/headers", "/request", "/response")]
    return found


def scanned(connection: sa.Connection, statement: str, parameters: Any, large: Collection[str]) -> list[str]:
    """The large tables that this statement would be read through from end to end."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        steps = [str(row[-1]) for row in rows]
        sorts = any("TEMP B-TREE FOR ORDER BY" in step for step in steps)
        return [t for t in large if any(s == f"SCAN {t}" or (sorts and is_whole(t, s)) for s in steps)]
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    return sorted(set(whole(plan[0]["Plan"])) & set(large))


def is_whole(table: str, step: str) -> bool:
    """Whether it goes through all of a project, or of all of them."""
    return f"SCAN {table} " in step or (f"SEARCH {table} " in step and step.endswith("(project=?)"))


def whole(node: Any, *, ends: bool = False) -> list[str]:
    """Tables that are read from end to end: without a condition, and not only until a limit is reached. `ends`: nothing
    above needs more than the first rows."""
    kind = node["Node Type"]
    ends = kind == "Limit" or (ends and kind not in ("Sort", "Aggregate", "Hash", "Materialize", "Memoize"))
    found = []
    narrow = re.fullmatch(r"\(project = 1\)", node.get("Index Cond", "(project = 1)")) is None
    if kind == "Seq Scan" or (kind.startswith("Index") and not narrow and not ends):
        found.append(str(node["Relation Name"]))
    return found + [name for below in node.get("Plans", ()) for name in whole(below, ends=ends)]


@pytest.mark.parametrize("project", ["", "&project=default"])
def test_each_statement_of_the_pages_is_answered_by_an_index(full: Full, project: str) -> None:
    """Of all projects, which the master sees, and of one."""
    client = served(full.engine, raising=True)
    with full.heard() as asked:
        for path in paths(full.call):
            listed = path.startswith(("/api/sessions?", "/api/calls?", "/api/summary", "/api/search", "/api/suggest"))
            if listed or not project:
                answer = client.get(path + (project if listed else ""))
                assert answer.status_code == 200, path
    assert len(asked) > 100
    assert full.wrong(asked) == []


def test_what_the_drain_looks_up_is_found_by_an_index(full: Full) -> None:
    """Calls of a session, and calls that content decides on: their history, what they try again, what started them."""
    log = full.log
    named = {"source": "none", "rule": "none"}
    said = [user("hi"), assistant("Hello there."), user("and then?")]
    task = {"prompt": "Find every place where the colour is set.", "subagent_type": "Explore"}
    tool = {"id": "toolu_1", "type": "function", "function": {"name": "Task", "arguments": json.dumps(task)}}
    with full.heard() as asked:
        log.chat("named", said[:1], "Hello there.")
        log.chat("named", said)
        log.chat("a", said[:1], "Hello there.", **named)
        log.chat("b", said, **named)
        log.chat("c", [user("hi, edited"), *said[1:]], **named)
        log.chat("d", [user("go")], {"role": "assistant", "content": None, "tool_calls": [tool]}, **named)
        log.chat("e", [SYSTEM, user(task["prompt"])], **named)
        log.chat("f", [user("something else")], **named)
        log.stream("g", "streamed")
        with full.engine.connect() as connection:
            for question in QUESTIONS:
                question.ask(connection, [ASKED] * 100)
    assert len(asked) > (50 if full.engine.dialect.name == "postgresql" else 10)  # SQLite's driver is asked, too
    assert full.wrong(asked) == []


def test_each_step_of_retention_is_answered_by_an_index(full: Full) -> None:
    log = full.log
    edits.delete_session(full.engine, 1, ids.session_id(1, "more-7"))
    now = int(log.at)
    with full.heard() as asked:
        for keep in (Retention(days=59.0), Retention(contents=58.0), Retention(size=1 << 50)):
            sweep = Sweep(full.engine, keep, FEW, clock=lambda: now)
            for _ in range(60):
                sweep.step()
    assert len(asked) > 50
    assert full.wrong(asked) == []
