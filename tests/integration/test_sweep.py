"""What deleting leaves is freed bit by bit: exactly what no call needs, whatever comes in between."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary import ids
from sessionary.drain.drain import Drain
from sessionary.metrics import Metrics
from sessionary.record import exchange
from sessionary.record.exchange import Begin, Context, Finish, Part, Record
from sessionary.spool.writer import Writer
from sessionary.store import conversations, edits, lists, reads, rehash, scan, schema, search, sweep, tree
from sessionary.store.retention import Retention
from sessionary.store.scan import Bounds
from sessionary.store.sweep import Sweep
from sessionary.store.walk import Page
from sessionary.wire.responses import item_ids
from tests.support.recorded import SECOND, SYSTEM, Log, assistant, user
from tests.support.upstream import chat_events

DAY = 86_400 * SECOND
KEPT = {"projects", "alembic_version", "versions", "rates", "traffic", "forgotten", "deleted", "audit"}
"""What outlives sessions; a forgotten call is known by its id alone."""
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
LONG = "a text that is long enough to be stored apart from the frame of its messages"
TEXTS = ["a", "b", "long " * 20, "another " * 150]
"""The last is enough for the drain to know a history again that it is in."""
ODD = {"content": "who said this?"}
"""Means one thing as an answer, another in a history."""
ANSWERS: list[Any] = ["x", "long " * 20, ODD, {"role": "assistant", "content": [{"type": "text", "text": "x"}]}]
SMALL = Bounds(calls=2, messages=3, bodies=2, batch=3, scanned=4)
Key = tuple[int, str]


def rows(log: Log, query: sa.Select[Any]) -> list[sa.Row[Any]]:
    with log.engine.connect() as connection:
        return list(connection.execute(query))


def counts(log: Log) -> dict[str, int]:
    """Rows of each table that has any."""
    tables = [t for t in schema.metadata.sorted_tables if t.name not in KEPT]
    found = {t.name: rows(log, sa.select(sa.func.count()).select_from(t))[0][0] for t in tables}
    return {name: count for name, count in found.items() if count}


def delete(log: Log, name: str, project: str = "default") -> None:
    number = log.project(project)
    edits.delete_session(log.engine, number, ids.session_id(number, name), at=log.at)


def run(work: Sweep) -> None:
    """Until nothing is left to do."""
    while work.step():
        pass


@dataclass
class World:
    """Makes calls and deletes sessions by chance, and knows what must be there."""

    log: Log
    rng: random.Random
    calls: dict[Key, Key] = field(default_factory=dict)
    """Each call that must be there, with its project and session."""
    read: dict[Key, tuple[bytes, bytes | None]] = field(default_factory=dict)
    """Request and answer of every call that ever was."""
    messages: dict[tuple[int, bytes], tuple[bytes | None, bytes, bytes | None]] = field(default_factory=dict)
    """Every message that ever was: parent, frame, text."""
    docs: set[tuple[int, str, bool]] = field(default_factory=set)
    open: list[Begin] = field(default_factory=list)
    chained: dict[str, str] = field(default_factory=dict)
    """Calls that can be gone on from, with their sessions."""
    histories: list[list[dict[str, Any]]] = field(default_factory=lambda: [[]])

    def call(self) -> list[Record]:
        """The records of a call that goes on from what was said, or of the end of one that was open."""
        rng = self.rng
        if self.open and rng.random() < 0.2:
            begin = self.open.pop(rng.randrange(len(self.open)))
            return [self.log.finish(begin, b"".join(events(begin)[1:]) if begin.stream else answer("x"))]
        project, session = rng.choice(["default", "default", "other"]), f"s{rng.randrange(5)}"
        if rng.random() < 0.25:
            return self.chain(project, session)
        history = [*rng.choice(self.histories), rng.choice([*map(user, TEXTS), ODD])]
        if rng.random() < 0.4:
            history.insert(rng.choice([0, 0, rng.randrange(len(history) + 1)]), SYSTEM)
        body: dict[str, Any] = {"model": "m", "messages": history, "stream": rng.random() < 0.2}
        body |= {"tools": TOOLS} if rng.random() < 0.4 else {}
        begin = self.log.begin(session, body, project)
        said = rng.choice(ANSWERS)
        self.histories.append([*history, assistant(said) if isinstance(said, str) else said])
        self.calls[begin.project, begin.call_id] = (begin.project, begin.session_id)
        if rng.random() < 0.2:
            self.open.append(begin)
            return [begin, Part(begin.call_id, 0, events(begin)[0])] if begin.stream else [begin]
        if rng.random() < 0.2:
            return [begin, self.log.finish(begin, b'{"error": {"message": "no"}}', "upstream_error")]
        return [begin, self.log.finish(begin, b"".join(events(begin)) if begin.stream else answer(said))]

    def chain(self, project: str, session: str) -> list[Record]:
        """A call that goes on from an earlier answer without sending again what was said."""
        parent = self.rng.choice([*list(self.chained)[-4:], ""])
        body = {"model": "m", "input": self.rng.choice(TEXTS)}
        more: dict[str, Any] = {"context": Context(parent=parent)} if project == "default" else {}
        if parent and more and self.rng.random() < 0.5:  # it is in the session of the one that it goes on from
            more |= {"source": "response", "session_id": self.chained[parent]}
        begin = self.log.begin(session, body, project, endpoint="responses", **more)
        if more:
            self.chained[begin.call_id] = begin.session_id
        self.calls[begin.project, begin.call_id] = (begin.project, begin.session_id)
        content = [{"type": "output_text", "text": self.rng.choice(TEXTS), "annotations": []}]
        message = {"type": "message", "id": item_ids.made("message", begin.call_id[5:], 0), "role": "assistant"}
        done = {"object": "response", "status": "completed", "output": [{**message, "content": content}]}
        return [begin, self.log.finish(begin, json.dumps(done).encode())]

    def store(self) -> None:
        """A round with a few calls."""
        records = [record for _ in range(self.rng.choice([1, 1, 2, 4])) for record in self.call()]
        if self.rng.random() < 0.2:
            self.log.store(*records, fails=True)
        self.log.store(*records)
        m, d = schema.messages.c, schema.search_docs.c
        for row in rows(self.log, sa.select(m.project, m.id, m.parent, m.frame, m.text)):
            self.messages[row.project, row.id] = (row.parent, row.frame, row.text)
        self.docs |= {tuple(row) for row in rows(self.log, sa.select(d.project, d.call_id, d.answer))}
        now = self.everything()
        for record in records:
            if isinstance(record, Begin):
                assert json.loads(now[record.project, record.call_id][0]) == json.loads(record.body)
        ended = {record.call_id for record in records if isinstance(record, Finish)}
        self.read |= {key: both for key, both in now.items() if key[1] in ended or key not in self.read}

    def delete(self) -> None:
        if not self.calls:
            return
        project, session = self.rng.choice(sorted(self.calls.values()))
        edits.delete_session(self.log.engine, project, session, at=self.log.at)
        self.calls = {key: where for key, where in self.calls.items() if where != (project, session)}

    def everything(self) -> dict[Key, tuple[bytes, bytes | None]]:
        found = {}
        with self.log.engine.connect() as connection:
            for row in lists.calls(self.log.engine, None, (), Page("created_at", False, 10_000)).rows:
                both = (tree.request_body(connection, row), tree.response_body(connection, row))
                found[row.project, row.id] = both
        return found

    def look(self) -> None:
        """Those that must be there read as ever; of the others nobody reads anything."""
        assert self.everything() == {key: self.read[key] for key in self.calls}
        with self.log.engine.connect() as connection:
            for project, call_id in self.read.keys() - self.calls.keys():
                assert tree.turns(connection, project, call_id) == []
        for word in ("a", "long", "x"):
            found = {(hit.project, hit.call_id) for hit in search.find(self.log.engine, None, word, 10_000).hits}
            assert found <= self.calls.keys()

    def compare(self) -> None:
        """When there is nothing left to sweep: what the calls need is there, and nothing else."""
        c, m, b, e = schema.calls.c, schema.messages.c, schema.bodies.c, schema.exchanges.c
        calls = rows(self.log, sa.select(c.project, c.id, c.session, c.leaf, c.output, c.leaf_node, c.output_node))
        assert {(row.project, row.id) for row in calls} == self.calls.keys()
        exchanges = rows(self.log, sa.select(e.project, e.call_id, e.request, e.response))
        assert {(row.project, row.call_id) for row in exchanges} == self.calls.keys()
        bodies, beside = set(), set()
        for row in exchanges:
            for packed in filter(None, (row.request, row.response)):
                recipe = tree.recipe(packed)
                named = {(row.project, hashed) for hashed in (*recipe.lifted.values(), *recipe.preamble)}
                bodies |= named
                beside |= {(*name, self.calls[row.project, row.call_id][1]) for name in named}
        waiting = [(row.project, end) for row in calls for end in (row.leaf, row.output) if end is not None]
        needed: set[tuple[int, bytes]] = set()
        while waiting:
            key = waiting.pop()
            if key not in needed:
                needed.add(key)
                parent, frame, text = self.messages[key]
                waiting += [(key[0], parent)] if parent is not None else []
                bodies |= {(key[0], hashed) for hashed in (frame, text) if hashed is not None}
        stored = rows(self.log, sa.select(m.project, m.id, m.node))
        assert {(row.project, row.id) for row in stored} == needed
        assert {tuple(row) for row in rows(self.log, sa.select(b.project, b.hash))} == bodies
        s = schema.session_bodies.c
        assert {tuple(row) for row in rows(self.log, sa.select(s.project, s.hash, s.session))} == beside
        d = schema.search_docs.c
        docs = {tuple(row) for row in rows(self.log, sa.select(d.project, d.call_id, d.answer))}
        assert docs == {doc for doc in self.docs if doc[:2] in self.calls}
        nodes = {(row.project, row.id): row.node for row in stored}
        for row in calls:
            assert row.leaf is None or row.leaf_node == nodes[row.project, row.leaf]
            assert row.output is None or row.output_node == nodes[row.project, row.output]
        assert rows(self.log, sa.select(schema.unneeded)) == []


def answer(said: Any) -> bytes:
    message = assistant(said) if isinstance(said, str) else said
    return json.dumps({"choices": [{"index": 0, "message": message}]}).encode()


def events(begin: Begin) -> list[bytes]:
    return chat_events(json.loads(begin.body))


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_in_between_exactly_what_is_needed_stays(log: Log, seed: int) -> None:
    """Calls, deletions and pieces of sweeping by chance; two processes sweep, and die at any time."""
    rng = random.Random(seed)
    world = World(log, rng)
    sweeps = [Sweep(log.engine, bounds=SMALL) for _ in range(2)]
    for _ in range(45):
        match rng.choice(["store", "store", "delete", "sweep", "sweep", "kill", "all"]):
            case "store":
                world.store()
            case "delete":
                world.delete()
                world.look()
            case "sweep":
                work = rng.choice(sweeps)
                for _ in range(rng.randrange(12)):
                    work.step()
            case "kill":
                sweeps[rng.randrange(2)] = Sweep(log.engine, bounds=SMALL)
            case "all":
                run(Sweep(log.engine, bounds=SMALL))
                world.look()
                world.compare()
    while world.calls:
        world.delete()
        for _ in range(rng.randrange(8)):
            rng.choice(sweeps).step()
        world.look()
    for begin in world.open:
        log.store(log.finish(begin, answer("late")))
    run(Sweep(log.engine, bounds=SMALL))
    assert counts(log) == {}


def test_an_answer_that_comes_after_its_session_was_deleted_is_not_stored(log: Log) -> None:
    conversation = "conv_" + "0" * 26
    conversations.create(log.engine, log.project(), conversation, {}, [])
    context = Context(conversation=conversation)
    begin = log.begin("s", {"model": "m", "input": "hi"}, endpoint="responses", context=context)
    log.store(begin, Part(begin.call_id, 0, b"so far"))
    delete(log, "s")
    before = counts(log)
    content = [{"type": "output_text", "text": LONG, "annotations": []}]
    said = {"object": "response", "output": [{"type": "message", "role": "assistant", "content": content}]}
    log.store(log.finish(begin, json.dumps(said).encode()))
    assert counts(log) == before
    found = conversations.get(log.engine, log.project(), conversation)
    assert found is not None
    assert found.head == ""
    run(Sweep(log.engine))
    assert counts(log) == {"conversations": 1}


def test_nothing_joins_a_deleted_session(log: Log) -> None:
    """What goes on from its calls, or was started by them, is a session of its own, and stays."""
    task = {"prompt": "Look for the place where sessions are deleted", "subagent_type": "finder"}
    called = {"id": "tool_1", "type": "function", "function": {"name": "Task", "arguments": json.dumps(task)}}
    log.chat("s", [user("hi")], {"role": "assistant", "content": None, "tool_calls": [called]})
    first = log.begin("s", {"model": "m", "input": "one"}, endpoint="responses")
    log.store(first, log.finish(first, b'{"object": "response", "output": [{"type": "message", "content": "1"}]}'))
    delete(log, "s")
    content: dict[str, Any] = {"source": "none", "rule": ""}
    agent = log.chat("agent", [user(task["prompt"])], **content)
    follow = {"source": "response", "session_id": first.session_id, "context": Context(parent=first.call_id)}
    second = log.begin("s", {"model": "m", "input": "two"}, endpoint="responses", **follow)
    log.store(second)
    for work in (None, Sweep(log.engine)):
        if work is not None:
            run(work)
        calls = lists.calls(log.engine, None, (), Page("created_at", False, 10)).rows
        assert [call.id for call in calls] == [agent, second.call_id]
        assert [call.session_text for call in calls] == ["agent", "s"]
        assert sent(log, agent)["messages"] == [user(task["prompt"])]
    assert sent(log, second.call_id)["input"] == "two"


def test_a_body_that_a_session_takes_over_while_it_is_scanned_for(log: Log) -> None:
    log.chat("s", [SYSTEM, user("hi")])
    log.chat("kept", [user("hi")])
    delete(log, "s")
    work = Sweep(log.engine)
    hashed = ids.digest(json.dumps(SYSTEM).encode())
    while hashed not in listed(log, "scanned"):
        assert work.step()
    row = {"project": log.project(), "hash": hashed, "session": ids.session_id(log.project(), "kept")}
    with log.engine.begin() as connection:
        connection.execute(sa.insert(schema.session_bodies).values(row))
    run(work)
    assert hashed in {row.hash for row in rows(log, sa.select(schema.bodies.c.hash))}


def test_a_session_begins_anew_under_its_old_name(log: Log) -> None:
    """Before, while and after what was deleted under that name is swept."""
    history = [SYSTEM, user("hi")]
    for n in range(6):
        log.chat("s", history, f"answer {n}", body={"tools": TOOLS})
        history += [assistant(f"answer {n}"), user(f"more {n}")]
    delete(log, "s")
    work = Sweep(log.engine, bounds=SMALL)
    kept = []
    for n in range(4):
        kept.append(log.chat("s", [SYSTEM, user("hi")], f"answer {n}", body={"tools": TOOLS}))
        row = reads.session(log.engine, None, "s", log.project())
        assert row is not None
        assert row.calls == len(kept)
        with log.engine.connect() as connection:
            assert [call.id for call in reads.session_calls(connection, row.project, row.id)] == kept
        work.step()
    run(work)
    assert all(sent(log, call_id)["messages"] == [SYSTEM, user("hi")] for call_id in kept)
    assert counts(log)["calls"] == 4
    assert counts(log)["messages"] == 5
    delete(log, "s")
    run(work)
    assert counts(log) == {}


def test_what_comes_back_behind_a_scan_stays(log: Log) -> None:
    """A text is let go of, stored again at a place that the scan has read, and let go of elsewhere: it is needed."""
    text, hashed = LONG, ids.digest(json.dumps(LONG).encode())
    for n in range(9):
        log.chat(f"other {n}", [user(f"{n}")], f"{n}")
    log.chat("first", [user("first"), user(text)])
    delete(log, "first")
    work = Sweep(log.engine, bounds=Bounds(batch=1))
    while hashed not in listed(log, "scanned"):
        assert work.step()
    stored = sorted(row.id for row in rows(log, sa.select(schema.messages.c.id)))
    for _ in stored[:-1]:
        assert work.step()
    before = next(first for first in map(user, map(str, range(99))) if place_after(log, first, user(text)) < stored[-2])
    kept = log.chat("kept", [before, user(text)])
    log.chat("gone", [user("gone"), user(text)])
    assert hashed not in listed(log, "scanned")
    delete(log, "gone")
    other = Sweep(log.engine)
    while not listed(log, "body"):
        assert other.step()
    assert hashed in listed(log, "body")
    run(work)
    assert sent(log, kept)["messages"] == [before, user(text)]
    assert listed(log, "body") == set()


def place_after(log: Log, *messages: dict[str, Any]) -> bytes:
    """The id of the last of the messages."""
    at = ids.root_node(log.project())
    for message in messages:
        at = ids.digest(at, ids.digest(json.dumps(message).encode()))
    return at


def listed(log: Log, kind: str) -> set[bytes]:
    with log.engine.connect() as connection:
        return scan.refs(connection, log.project(), kind)


def sent(log: Log, call_id: str) -> Any:
    with log.engine.connect() as connection:
        call = reads.call_within(connection, None, call_id)
        assert call is not None
        return json.loads(tree.request_body(connection, call))


def test_a_scan_that_another_process_took_over_deletes_nothing(log: Log) -> None:
    text, hashed = LONG, ids.digest(json.dumps(LONG).encode())
    log.chat("other", [user("hi")])
    log.chat("first", [user(text)])
    delete(log, "first")
    slow = Sweep(log.engine)
    while hashed not in listed(log, "scanned"):
        assert slow.step()
    slow.step()  # all is read, nothing is deleted yet
    kept = log.chat("kept", [user(text)])
    log.chat("gone", [user("gone"), user(text)])
    delete(log, "gone")
    quick = Sweep(log.engine)
    while hashed not in listed(log, "scanned"):
        assert quick.step()
    assert slow.step()
    assert sent(log, kept)["messages"] == [user(text)]
    assert hashed in listed(log, "scanned")
    run(slow)  # it leaves the scan to the other from now on
    assert hashed in listed(log, "scanned")
    run(quick)
    assert sent(log, kept)["messages"] == [user(text)]
    assert rows(log, sa.select(schema.unneeded)) == []


@pytest.mark.parametrize("first", ["answer", "history"])
@pytest.mark.parametrize("rounds", [1, 2])
def test_a_message_has_one_node_however_it_is_read(log: Log, first: str, rounds: int) -> None:
    """The same bytes as an answer and in a history, where they mean different things."""
    answered = log.begin("answered", {"model": "m", "messages": [user("hi")]})
    resent = log.begin("resent", {"model": "m", "messages": [user("hi"), ODD]})
    records: list[list[Record]] = [
        [answered, log.finish(answered, answer(ODD))],
        [resent, log.finish(resent, answer("x"))],
    ]
    if first == "history":
        records.reverse()
    for part in records if rounds == 2 else [[*records[0], *records[1]]]:
        log.store(*part)
    c, m = schema.calls.c, schema.messages.c
    nodes = {row.id: row.node for row in rows(log, sa.select(m.id, m.node))}
    calls = rows(log, sa.select(c.leaf, c.output, c.leaf_node, c.output_node))
    assert len(calls) == 2
    for call in calls:
        assert (call.leaf_node, call.output_node) == (nodes[call.leaf], nodes[call.output])
    for name in ("resent", "answered"):
        delete(log, name)
        run(Sweep(log.engine))
        if name == "resent":
            assert counts(log)["messages"] == 2
    assert counts(log) == {}


def test_nothing_is_lost_while_stored_messages_are_hashed_anew(log: Log) -> None:
    """In the middle of it sessions are deleted and swept."""
    world = World(log, random.Random(1))
    for _ in range(12):
        world.store()
    with log.engine.begin() as connection:  # as if other rules had hashed them
        for table, column in (("messages", "node"), ("calls", "leaf_node"), ("calls", "output_node")):
            named = schema.metadata.tables[table].c[column]
            for (node,) in connection.execute(sa.select(named).where(named.is_not(None)).distinct()).all():
                older = sa.update(named.table).where(named == node).values({column: ids.digest(b"older", node)})
                connection.execute(older)
    deleted = 0

    def meanwhile(_: int) -> None:
        nonlocal deleted
        deleted += 1
        if deleted < 4:
            world.delete()
        run(Sweep(log.engine))
        world.look()
        world.compare()

    counted = rehash.rehash(log.engine, lambda *_: None, meanwhile)
    assert counted.changed > 20
    assert deleted > 4
    world.compare()


def long_session(log: Log, calls: int) -> None:
    """In few rounds: each call sends again what the one before it asked."""
    records: list[Record] = []
    for n in range(calls):
        begin = log.begin("s", {"model": "m", "messages": [SYSTEM, user(f"{n // 5}"), user(f"{n}")], "tools": TOOLS})
        records += [begin, log.finish(begin, answer(f"answer {n}"))]
    for start in range(0, len(records), 2_000):
        log.store(*records[start : start + 2_000])


@pytest.fixture
def statements(log: Log) -> Iterator[list[tuple[str, int]]]:
    """Each statement that was executed, with the rows that it changed; BEGIN where a transaction begins."""
    seen: list[tuple[str, int]] = []

    def executed(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        writes = statement.lstrip().startswith(("INSERT", "UPDATE", "DELETE"))
        seen.append((statement, max(cursor.rowcount, 0) if writes else 0))

    def begun(connection: Any) -> None:
        seen.append(("BEGIN", 0))

    sa.event.listen(log.engine, "after_cursor_execute", executed)
    sa.event.listen(log.engine, "begin", begun)
    yield seen
    sa.event.remove(log.engine, "after_cursor_execute", executed)
    sa.event.remove(log.engine, "begin", begun)


def test_hiding_a_session_takes_as_many_statements_for_any_number_of_calls(
    log: Log, statements: list[tuple[str, int]]
) -> None:
    log.chat("short", [SYSTEM, user("hi")], body={"tools": TOOLS})
    long_session(log, 1_000)
    log.project()  # what only the first look-up asks
    statements.clear()
    delete(log, "short")
    few = len(statements)
    statements.clear()
    delete(log, "s")
    assert len(statements) == few < 20
    assert sum(1 for statement, _ in statements if statement == "BEGIN") <= 2
    assert lists.calls(log.engine, None, (), Page("created_at", True, 10)).rows == []
    assert search.find(log.engine, None, "answer", 10).hits == []


def test_no_step_changes_more_rows_than_its_bounds_say(log: Log, statements: list[tuple[str, int]]) -> None:
    long_session(log, 300)
    delete(log, "s")
    bounds = Bounds(calls=7, messages=9, bodies=11, batch=13, scanned=50, minutes=17)
    work = Sweep(log.engine, bounds=bounds)
    changed: list[int] = [0]
    statements.clear()
    run(work)
    for statement, count in statements:
        if statement == "BEGIN":
            changed.append(0)
        changed[-1] += count
    # Of a call: itself, exchange, two documents with their index entries, two candidates. Of a message: itself, and
    # that it and its parent are listed, and its two bodies. Of a body: itself, and that it was listed, twice.
    assert max(changed) <= max(9 * bounds.calls, 5 * bounds.messages, 3 * bounds.bodies) + 1
    assert sum(changed) > 2_000
    assert len(changed) > 300 / bounds.calls + 600 / bounds.messages
    assert counts(log) == {}


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_needed_messages_are_found_by_index(log: Log) -> None:
    asked: list[tuple[str, Any]] = []
    sa.event.listen(log.engine, "before_cursor_execute", lambda c, cur, said, values, *_: asked.append((said, values)))
    with log.engine.connect() as connection:
        connection.execute(sweep.UNNEEDED, {"project": 1, "ids": [b"x" * 16, b"y" * 16]})
        statement, values = asked[-1]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    steps = [str(row[-1]) for row in plan]
    assert not any(step.startswith("SCAN") for step in steps), steps
    for index in ("messages_parent (project=? AND parent=?)", "calls_leaf (project=? AND leaf_node=?)"):
        assert any(index in step for step in steps), steps
    assert any("calls_output (project=? AND output_node=?)" in step for step in steps), steps


def test_retention_deletes_what_nobody_went_on_with(log: Log) -> None:
    def sessions() -> list[str]:
        return sorted(row.session_id for row in rows(log, sa.select(schema.sessions.c.session_id)))

    for n in range(50):
        log.chat(f"old {n}", [user(f"{n}")])
    log.store(log.begin("dead", {"model": "m", "messages": [user("its process was killed")]}))
    log.chat("again", [user("hi")])
    now = log.at + 2 * DAY
    log.at = now - DAY // 2
    log.store(log.begin("live", {"model": "m", "messages": [user("takes long")]}))
    log.at = now - DAY // 3
    log.chat("again", [user("hi"), assistant("Yes."), user("more")])
    run(Sweep(log.engine, Retention(None), clock=lambda: now))
    assert len(sessions()) == 53
    run(Sweep(log.engine, Retention(3.0), clock=lambda: now))
    assert len(sessions()) == 53
    run(Sweep(log.engine, Retention(0.4), clock=lambda: now))
    assert sessions() == ["again", "live"]
    assert counts(log)["messages"] == 5
    run(Sweep(log.engine, Retention(0.4), clock=lambda: now + DAY))
    assert counts(log) == {}


def test_retention_looks_once_a_minute(log: Log) -> None:
    clock = [log.at + DAY]
    work = Sweep(log.engine, Retention(0.5), clock=lambda: clock[0])
    run(work)
    log.chat("s", [user("hi")])
    clock[0] += 59 * SECOND
    run(work)
    assert counts(log)["sessions"] == 1
    clock[0] += 2 * SECOND
    run(work)
    assert counts(log) == {}


def test_the_drain_sweeps_when_it_has_nothing_else_to_do(log: Log, tmp_path: Path) -> None:
    long_session(log, 120)
    delete(log, "s")
    drain = Drain(tmp_path / "spool", log.engine, Metrics())
    rounds = 0
    until = time.monotonic() + 60
    while counts(log):
        assert time.monotonic() < until
        assert drain.round() == 0
        rounds += 1
    assert rounds > 1  # it looks for calls in between


def test_a_busy_drain_sweeps_too(log: Log, tmp_path: Path) -> None:
    """Every round has something to store, and what was deleted goes all the same."""
    writer = Writer(tmp_path / "spool")
    drain = Drain(tmp_path / "spool", log.engine, Metrics())
    for n in range(2):
        log.chat(f"s{n}", [user(f"{n}")])
        delete(log, f"s{n}")
    until = time.monotonic() + 60
    while log.project() and rows(log, sa.select(schema.unneeded).where(schema.unneeded.c.kind == "session")):
        assert time.monotonic() < until
        begin = log.begin("busy", {"model": "m", "messages": [user("more")]}, at=log.at)
        writer.append(exchange.encode(begin))
        assert drain.round() == 1
    writer.close()


def test_a_drain_deletes_what_is_past_its_time(log: Log, tmp_path: Path) -> None:
    log.at = 1_600_000_000 * SECOND
    log.chat("old", [user("hi")])
    keeps, forgets = (
        Drain(tmp_path / name, log.engine, Metrics(), Retention(days)) for name, days in (("a", None), ("b", 1.0))
    )
    assert keeps.round() == 0
    assert counts(log)["sessions"] == 1
    assert forgets.round() == 0
    assert "sessions" not in counts(log)
