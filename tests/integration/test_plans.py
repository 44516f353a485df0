"""What pages and API ask the store for is found by an index, on either engine: each statement that they come to is
explained, on a store of thousands of calls whose statistics are known."""

import re
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from sessionary import ids
from sessionary.store import keys, schema, search, writes
from tests.support.recorded import Log, user
from tests.support.served import served

SESSIONS, CALLS = 2_000, 2
"""Of each session."""
LARGE = ("sessions", "calls", "exchanges", "messages", "bodies", "facets", "search_docs", "search_text", "traffic")
NAMES = [f"n{n}" for n in range(200)]
FILTERS = (
    "", "status:ok", "status:errors", "since:24h", "until:24h", "cost>1", "model:gpt-4o", "user:n7", "key:master",
    "client:curl*", "tag:n3", "refund", '-refund', "n7 refund", "since:24h cost>1 user:n7",
)  # fmt: skip
SORTS = {
    "sessions": ("-last_at", "last_at", "-cost", "-calls", "turns", "-errors", "-active", "-input_tokens", "first_at"),
    "calls": ("-created_at", "created_at"),
}


@pytest.fixture
def full(log: Log) -> Log:
    """One real call, and thousands of rows like its own."""
    call = log.chat("first", [user("a refund")], user="n0")
    with log.engine.connect() as connection:
        session = dict(connection.execute(sa.select(schema.sessions)).one()._mapping)
        row = dict(connection.execute(sa.select(schema.calls).where(schema.calls.c.id == call)).one()._mapping)
        exchange = dict(connection.execute(sa.select(schema.exchanges)).one()._mapping)
        message = dict(connection.execute(sa.select(schema.messages).limit(1)).one()._mapping)
    sessions, calls, exchanges, messages, bodies, facets, docs = ([] for _ in range(7))  # type: ignore[var-annotated]
    for n in range(SESSIONS):
        name, at = ids.session_id(1, f"more-{n}"), session["first_at"] - n * 60_000_000
        times = {"first_at": at, "last_at": at, "updated_at": at}
        sessions.append(session | times | {"id": name, "session_id": f"more-{n}", "cost": n, "turns": n % 50})
        facets += [{"project": 1, "kind": k, "value": NAMES[n % 200], "session": name} for k in ("user", "tag")]
        for c in range(CALLS):
            id, hashed = f"call_{n:08x}{c:024x}", (n * CALLS + c).to_bytes(16, "big")
            calls.append(row | {"id": id, "session": name, "created_at": at + c, "finished_at": at + c + 1})
            exchanges.append(exchange | {"call_id": id})
            messages.append(message | {"id": hashed, "node": hashed, "parent": None})
            bodies.append({"project": 1, "hash": hashed, "data": b"x" * 100})
            docs.append(search.Doc(1, id, False, f"{NAMES[n % 200]} refund" if n % 100 == 0 else NAMES[n % 200]))
    with writes.transaction(log.engine) as connection:
        for table, rows in (
            (schema.sessions, sessions), (schema.calls, calls), (schema.exchanges, exchanges),
            (schema.messages, messages), (schema.bodies, bodies), (schema.facets, facets),
        ):  # fmt: skip
            writes.insert(connection, table, rows)
        search.add(connection, docs)
    with log.engine.connect() as connection:
        connection.execute(sa.text("ANALYZE"))
        connection.commit()
    return log


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


def scanned(log: Log, statement: str, parameters: Any) -> list[str]:
    """The large tables that this statement would be read through from end to end."""
    with log.engine.connect() as connection:
        if log.engine.dialect.name == "sqlite":
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            steps = [str(row[-1]) for row in rows]
            sorts = any("TEMP B-TREE FOR ORDER BY" in step for step in steps)
            return [t for t in LARGE if any(s == f"SCAN {t}" or (sorts and is_whole(t, s)) for s in steps)]
        for way in ("seqscan", "hashjoin", "mergejoin"):  # so few rows are sooner read than looked up
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    return sorted(set(whole(plan[0]["Plan"])) & set(LARGE))


def is_whole(table: str, step: str) -> bool:
    """Whether it goes through all of a project, or of all of them."""
    return f"SCAN {table} " in step or (f"SEARCH {table} " in step and step.endswith("(project=?)"))


def whole(node: Any, *, ends: bool = False) -> list[str]:
    """Tables that are read from end to end: without a condition, and not only until a limit is reached. `ends`: nothing
    above needs more than the first rows."""
    kind = node["Node Type"]
    ends = kind == "Limit" or (ends and kind not in ("Sort", "Aggregate", "Hash", "Materialize", "Memoize"))
    found = []
    narrow = re.fullmatch(r"\(project = \S+\)", node.get("Index Cond", "(project = 1)")) is None
    if kind == "Seq Scan" or (kind.startswith("Index") and not narrow and not ends):
        found.append(str(node["Relation Name"]))
    return found + [name for below in node.get("Plans", ()) for name in whole(below, ends=ends)]


@pytest.mark.parametrize("project", ["", "&project=default"])
def test_each_statement_is_answered_by_an_index(full: Log, project: str) -> None:
    """Of all projects, which the master sees, and of one."""
    with full.engine.connect() as connection:
        call = connection.scalar(sa.select(schema.calls.c.id).order_by(schema.calls.c.id.desc()).limit(1))
    asked: list[tuple[str, str, Any]] = []
    here = [""]

    def hear(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            asked.append((here[0], statement, parameters))

    client = served(full.engine, raising=True)
    keys.ensure_project(full.engine, "default")
    sa.event.listen(full.engine, "before_cursor_execute", hear)
    for path in paths(str(call)):
        listed = path.startswith(("/api/sessions?", "/api/calls?", "/api/summary", "/api/search", "/api/suggest"))
        if project and not listed:
            continue
        here[0] = path + (project if listed else "")
        assert client.get(here[0]).status_code == 200, here[0]
    sa.event.remove(full.engine, "before_cursor_execute", hear)
    assert len(asked) > 100
    wrong = {}
    for path, statement, parameters in {(p, s, str(v)): (p, s, v) for p, s, v in asked}.values():
        if found := scanned(full, statement, parameters):
            wrong[f"{found} {statement}"] = path
    assert wrong == {}
