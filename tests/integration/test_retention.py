"""Retention (F21): what was said goes when its time is over, or when the database is full; what was spent stays."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary.errors import Emptied
from sessionary.record.exchange import Attempt, Context, Part
from sessionary.record.recorder import Recording
from sessionary.spool.reader import Reader
from sessionary.state.spooled import Spooled
from sessionary.state.walk import State
from sessionary.store import conversations, corrections, edits, reads, rehash, retention, schema, search, tree
from sessionary.store.retention import Retention
from sessionary.store.scan import Bounds
from sessionary.store.sweep import Sweep
from sessionary.store.used import used
from tests.support.recorded import SECOND, SYSTEM, Log, assistant, user
from tests.support.served import served

DAY = 86_400 * SECOND
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
SMALL = Bounds(calls=2, messages=3, bodies=2, batch=3, scanned=4)
CONTENTS = Retention(contents=1.0)


def run(work: Sweep) -> None:
    while work.step():
        pass


def emptied(log: Log, keep: Retention = CONTENTS, later: float = 2 * DAY, bounds: Bounds = SMALL) -> None:
    """What `keep` says happens, a time after the last call."""
    run(Sweep(log.engine, keep, bounds, clock=lambda: int(log.at + later)))


def rows(log: Log, query: sa.Select[Any]) -> list[sa.Row[Any]]:
    with log.engine.connect() as connection:
        return list(connection.execute(query))


def session(log: Log, name: str) -> sa.Row[Any]:
    row = reads.session(log.engine, None, name, log.project())
    assert row is not None
    return row


def spent(log: Log) -> list[tuple[Any, ...]]:
    """All that a call is beside what was said."""
    c = schema.calls.c
    said = {"leaf", "output", "answer_key", "summary_key", "prompt_key", "error_message", "attempts"}
    return [tuple(row) for row in rows(log, sa.select(*(col for col in c if col.name not in said)).order_by(c.id))]


def texts(log: Log) -> bytes:
    """Every value of every table."""
    found = []
    for table in schema.metadata.sorted_tables:
        for row in rows(log, sa.select(table)):
            for value in row:
                packed = isinstance(value, bytes) and value[:1] in (b"\0", b"\1", b"\2")
                try:
                    found.append(tree.unpack(value) if packed else repr(value).encode())
                except Exception:  # a hash that begins like a packed value
                    found.append(repr(value).encode())
    return b"\n".join(found)


def conversation(log: Log, name: str, word: str) -> list[str]:
    first = [SYSTEM, user(f"{word} one")]
    one = log.chat(name, first, f"{word} answer", body={"tools": [*TOOLS, {"name": word}]})
    return [one, log.chat(name, [*first, assistant(f"{word} answer"), user(f"{word} two")], f"{word} end")]


def test_what_was_said_goes_and_what_was_spent_stays(log: Log) -> None:
    """F21: no word of it is in any table; every number, time and model is as it was."""
    old = conversation(log, "old", "canary")
    failed = log.begin("old", {"model": "m", "messages": [user("canary three")]})
    wrong = {"error_type": "server_error", "error_message": "canary said"}
    attempts = [Attempt("openai", "openai/m", "m", failed.at, SECOND, 500, "canary attempt")]
    said = b'{"error": {"message": "canary error"}}'
    log.store(failed, log.finish(failed, said, "upstream_error", attempts=attempts, **wrong))
    log.stream("old", "canary stream")
    before, row = spent(log), session(log, "old")
    log.at += 3 * DAY
    new = conversation(log, "new", "other")
    emptied(log, later=DAY / 2)
    after = session(log, "old")
    assert b"canary" not in texts(log)
    assert spent(log)[: len(before)] == before
    changed = {"emptied_at", "contents", "title", "updated_at"}
    assert {n: v for n, v in after._mapping.items() if n not in changed} == {
        n: v for n, v in row._mapping.items() if n not in changed
    }
    assert (row.title, after.title) == ("canary one", "")
    assert after.emptied_at == log.at + DAY // 2
    assert rows(log, sa.select(schema.unneeded)) == []
    assert search.find(log.engine, None, "canary", 10).hits == []
    with log.engine.connect() as connection:
        for call in old:
            found = reads.call_within(connection, None, call)
            assert found is not None
            for read in (tree.request_body, tree.response_body, tree.raw_events, tree.headers):
                with pytest.raises(Emptied, match="was deleted on 20"):
                    read(connection, found)
        kept = reads.call_within(connection, None, new[1])
        assert kept is not None
        assert b"other answer" in tree.request_body(connection, kept)
    assert rehash.rehash(log.engine, lambda *_: None).changed == 0


def test_every_view_of_an_emptied_session(log: Log) -> None:
    ids = conversation(log, "s", "canary")
    response = log.begin("s", {"model": "m", "input": "canary"}, endpoint="responses")
    done = {"object": "response", "output": [{"type": "message", "content": "canary"}]}
    log.store(response, log.finish(response, json.dumps(done).encode()))
    client = served(log.engine)
    numbers = client.get("/api/sessions/s").json()
    turns = client.get("/api/sessions/s/tree").json()
    emptied(log)
    outline = client.get("/api/sessions/s/outline").json()
    assert outline["session"]["emptied_at"].startswith("2026-09-2")
    assert len(outline["calls"]) == 3
    shown = client.get("/api/sessions/s/transcript").json()
    assert [(a["emptied"], a["messages"], a["output"], a["system"]) for a in shown["calls"]] == [
        (True, [], None, [])
    ] * 3
    told = client.get("/api/sessions/s").json()
    assert {n for n in told if told[n] != numbers[n]} == {"title", "emptied_at"}
    assert client.get("/api/sessions/s/tree").json()["nodes"] == turns["nodes"]
    for ending in ("request", "response", "response?raw=true", "headers"):
        answer = client.get(f"/api/calls/{ids[0]}/{ending}")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "contents_deleted"
        assert "was deleted on 2026-09-2" in answer.json()["error"]["message"]
    assert client.get(f"/api/calls/{ids[0]}/evidence").status_code == 200
    assert client.get("/api/search?q=canary").json()["data"] == []
    assert client.get("/api/search?q=canary&session=s").json()["data"] == []
    for form in ("json", "jsonl", "markdown"):
        text = client.get(f"/api/sessions/s/export?format={form}").text
        assert "canary" not in text
    assert text.count("*What was said here was deleted.*") == 3
    assert client.get("/api/sessions/s/export?format=openai").json()["error"]["code"] == "contents_deleted"
    with log.engine.connect() as connection:
        assert tree.turns(connection, log.project(), response.call_id) == []  # nothing goes on from it


def test_a_session_that_goes_on_keeps_what_is_new(log: Log) -> None:
    conversation(log, "s", "canary")
    said = [SYSTEM, user("canary one"), assistant("canary answer"), user("canary two"), assistant("canary end")]
    emptied(log)
    log.at += 3 * DAY
    new = log.chat("s", [*said, user("again")], "new answer")
    newer = log.chat("s", [*said, user("again"), assistant("new answer"), user("and again")], "newer")
    emptied(log, later=DAY / 2)
    row = session(log, "s")
    assert (row.calls, row.branches) == (4, 0)  # it goes on from what is not there any more
    assert row.emptied_at is not None
    client = served(log.engine)
    shown = client.get("/api/sessions/s/transcript").json()["calls"]
    assert [a["emptied"] for a in shown] == [True, True, False, False]
    assert [a["call"]["id"] for a in shown[2:]] == [new, newer]
    assert [a["resent"] for a in shown[2:]] == [4, 6]
    assert client.get(f"/api/sessions/s/transcript?calls={newer}").json()["calls"][0]["broke"] is None
    assert json.loads(client.get(f"/api/calls/{newer}/request").text)["messages"][1]["content"] == "canary one"
    assert [m["content"] for m in client.get("/api/sessions/s/export?format=openai").json()][-2:] == [
        "and again",
        "newer",
    ]
    emptied(log)
    assert session(log, "s").emptied_at > row.emptied_at
    assert all(a["emptied"] for a in client.get("/api/sessions/s/transcript").json()["calls"])
    assert b"canary" not in texts(log)


def test_what_a_kept_call_needs_stays(log: Log) -> None:
    conversation(log, "old", "canary")
    log.at += 3 * DAY
    said = [SYSTEM, user("canary one"), assistant("canary answer"), user("another way")]
    kept = log.chat("new", said, "yes", body={"tools": [*TOOLS, {"name": "canary"}]})
    emptied(log, later=DAY / 2)
    with log.engine.connect() as connection:
        row = reads.call_within(connection, None, kept)
        assert row is not None
        assert json.loads(tree.request_body(connection, row))["messages"] == said
    assert b"canary two" not in texts(log)


def test_calls_that_come_while_a_session_is_emptied_are_not(log: Log) -> None:
    """The first piece is done, then the session goes on, or is deleted, or merged into another."""
    for name in ("goes on", "deleted", "merged"):
        for n in range(6):
            log.chat(name, [user(f"{name} {n}")], f"{n}")
    now = log.at + 2 * DAY
    work = Sweep(log.engine, CONTENTS, SMALL, clock=lambda: now)
    e = schema.exchanges.c
    while len(rows(log, sa.select(e.call_id))) == 18:
        assert work.step()
    log.at = now
    new = log.chat("goes on", [user("new")], "yes")
    edits.delete_session(log.engine, log.project(), session(log, "deleted").id, at=now)
    begun = log.chat("deleted", [user("begun anew")], "yes")
    into = log.chat("into", [user("into")], "yes")
    corrections.merge(log.engine, log.project(), [session(log, "into").id, session(log, "merged").id])
    run(work)
    left = {row.call_id for row in rows(log, sa.select(e.call_id))}
    assert {new, begun, into} <= left
    assert b"goes on" not in texts(log).replace(b"'goes on'", b"")
    emptied(log)
    assert rows(log, sa.select(e.call_id)) == []
    assert rows(log, sa.select(schema.unneeded)) == []
    assert session(log, "merged").emptied_at == log.at + 2 * DAY


def test_live_sessions_and_conversations(log: Log) -> None:
    """A call in flight keeps what was said; a conversation whose calls are emptied starts anew."""
    live = log.begin("live", {"model": "m", "messages": [user("going on")], "stream": True})
    log.store(live, Part(live.call_id, 0, b"data: {}\n\n"))
    name = "conv_" + "0" * 26
    conversations.create(log.engine, log.project(), name, {}, [])
    begin = log.begin("c", {"model": "m", "input": "hi"}, endpoint="responses", context=Context(conversation=name))
    done = {"object": "response", "output": [{"type": "message", "role": "assistant", "content": "yes"}]}
    log.store(begin, log.finish(begin, json.dumps(done).encode()))
    found = conversations.get(log.engine, log.project(), name)
    assert found is not None
    assert found.head == begin.call_id
    emptied(log)
    assert {row.call_id for row in rows(log, sa.select(schema.exchanges.c.call_id))} == {live.call_id}
    found = conversations.get(log.engine, log.project(), name)
    assert found is not None
    assert (found.head, found.base, found.edit) == ("", "", 1)


async def test_nothing_goes_on_from_an_emptied_call(log: Log, tmp_path: Path) -> None:
    """Also where a worker has it in memory: young calls are known as forgotten, older ones are asked of the store."""
    state = State(log.engine, Spooled(Reader(tmp_path)))
    now = time.time_ns() // 1000
    done = b'{"object": "response", "output": [{"type": "message", "role": "assistant", "content": "yes"}]}'
    calls = []
    for days in (3.0, 0.5):
        log.at = int(now - days * DAY)
        begin = log.begin(f"s{days}", {"model": "m", "input": "hi"}, endpoint="responses")
        log.store(begin, log.finish(begin, done))
        recording = Recording(begin, lambda record: True, lambda begun, status: None)
        recording.keep(begin.body)
        state.remember(recording)
        calls.append(begin.call_id)
    for call in calls:
        assert await state.find(log.project(), call) is not None
    run(Sweep(log.engine, Retention(contents=0.1), SMALL, clock=lambda: now))
    for call in calls:
        assert await state.find(log.project(), call) is None


def test_size_takes_what_was_said_from_the_oldest_and_then_the_oldest(log: Log) -> None:
    """F21: until it fits, and no further."""
    log.store(log.begin("s99", {"model": "m", "messages": [user("going on")]}))
    for n in range(40):
        log.chat(f"s{n:02}", [user(f"{n} {random.Random(n).randbytes(4000).hex()}")], f"answer {n}")
    with log.engine.connect() as connection:
        full = used(connection)
    now = log.at + 60 * SECOND

    def left(size: int) -> tuple[list[str], list[str]]:
        """Sessions, and those of them that have contents."""
        run(Sweep(log.engine, Retention(size=size), SMALL, clock=lambda: now))
        s = schema.sessions.c
        there = rows(log, sa.select(s.session_id, s.contents).order_by(s.session_id))
        return [r.session_id for r in there], [r.session_id for r in there if r.contents]

    every = [f"s{n:02}" for n in range(40)]
    assert left(full + 1) == ([*every, "s99"], [*every, "s99"])
    sessions, told = left(int(full * 0.93))
    assert sessions == [*every, "s99"]
    assert 20 <= len(told) < 41
    assert told == [*every[41 - len(told) :], "s99"]
    with log.engine.connect() as connection:
        assert used(connection) <= int(full * 0.93)
    sessions, told = left(int(full * 0.7))
    assert "s99" in sessions
    assert told[0] > sessions[0]
    assert sessions == [*every[41 - len(sessions) :], "s99"]
    sessions, _ = left(1)
    assert sessions == ["s99"]


def test_what_is_in_use_is_measured(log: Log) -> None:
    with log.engine.connect() as connection:
        before = used(connection)
    big = json.dumps({"model": "m", "messages": [user(random.Random(1).randbytes(400_000).hex())]})
    begin = log.begin("s", big.encode())
    log.store(begin, log.finish(begin, b"{}"))
    with log.engine.connect() as connection:
        there = used(connection)
    assert there > before + 100_000
    emptied(log)
    with log.engine.connect() as connection:
        assert used(connection) < there - 100_000


def test_what_was_set_aside_goes_too(log: Log) -> None:
    row = {"id": "w/1/2", "at": log.at, "reason": "why", "payload": b"canary"}
    with log.engine.begin() as connection:
        connection.execute(sa.insert(schema.set_aside).values(row))
    emptied(log, later=DAY / 2)
    assert len(rows(log, sa.select(schema.set_aside))) == 1
    emptied(log)
    assert rows(log, sa.select(schema.set_aside)) == []


def test_calls_that_were_deleted_are_not_remembered_for_ever(log: Log) -> None:
    """Two days, for spool and memory may have them; then nobody has."""
    now = time.time_ns() // 1000
    log.at = now - DAY
    young = log.chat("young", [user("hi")])
    log.at = now - 3 * DAY
    old = log.chat("old", [user("hi")])
    for name in ("young", "old"):
        edits.delete_session(log.engine, log.project(), session(log, name).id)
    assert [row.call_id for row in rows(log, sa.select(schema.forgotten))] == [young]
    log.at = now
    mine = log.chat("mine", [user("hi")])
    edits.forget_answer(log.engine, log.project(), mine)
    run(Sweep(log.engine, bounds=Bounds(forgotten=1)))
    assert len(rows(log, sa.select(schema.forgotten))) == 2
    run(Sweep(log.engine, bounds=Bounds(forgotten=1), clock=lambda: now + 8 * DAY))
    assert [row.call_id for row in rows(log, sa.select(schema.forgotten))] == [mine]
    assert rows(log, sa.select(schema.deleted)) == []
    assert old != young


@pytest.mark.parametrize("query", [retention.full, lambda before: retention.old(before, before)])
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_sessions_whose_time_is_over_are_found_by_index(log: Log, query: Callable[[int], sa.Select[Any]]) -> None:
    asked: list[tuple[str, Any]] = []
    sa.event.listen(log.engine, "before_cursor_execute", lambda c, cur, said, values, *_: asked.append((said, values)))
    with log.engine.connect() as connection:
        connection.execute(query(5)).all()
        statement, values = asked[-1]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    steps = [str(row[-1]) for row in plan]
    name = "sessions_contents" if query is retention.full else "sessions_newest"
    assert steps == [f"SEARCH sessions USING INDEX {name} (last_at<?)"]


def test_no_step_takes_more_than_its_bounds_say(log: Log) -> None:
    """F21, in small: sessions by the hundred, each step a transaction of few rows."""
    records = []
    for n in range(150):
        begin = log.begin(f"s{n % 50}", {"model": "m", "messages": [SYSTEM, user(f"hi {n}")], "tools": TOOLS})
        records += [begin, log.finish(begin, json.dumps({"choices": [{"message": assistant(f"a {n}")}]}).encode())]
    log.store(*records)
    changed: list[int] = []

    def executed(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            changed[-1] += max(cursor.rowcount, 0)

    sa.event.listen(log.engine, "begin", lambda connection: changed.append(0))
    sa.event.listen(log.engine, "after_cursor_execute", executed)
    bounds = Bounds(calls=5, messages=9, bodies=11, batch=13, scanned=50)
    emptied(log, CONTENTS, bounds=bounds)
    begun = retention.MOST * (4 + 3 * 2)  # of a session: its row, a note, bodies; of its calls: that they are forgotten
    assert max(changed) <= max(begun, 10 * bounds.calls, 5 * bounds.messages, 3 * bounds.bodies)
    assert len(changed) > 150 / bounds.calls
    emptied(log, Retention(days=1.0), bounds=bounds)
    assert rows(log, sa.select(schema.calls.c.id)) == []
    assert max(changed) <= retention.MOST * 20
