"""`sessionary verify`: what is right is told to be, and everything that is wrong is found."""

import contextlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from sessionary.cli import app
from sessionary.record.exchange import Context
from sessionary.store import conversations, corrections, edits, keys, reads, rehash, schema, verify
from sessionary.store.pack import pack
from sessionary.store.retention import Retention
from sessionary.store.sweep import Sweep
from sessionary.store.verify import Difference
from sessionary.store.writes import transaction
from sessionary.wire.responses import item_ids
from tests.support import corpus
from tests.support.recorded import SECOND, SYSTEM, Log, assistant, user

DAY = 86_400 * SECOND
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
LONG = "a text that is long enough to be stored apart from the frame of its messages"


def fill(log: Log) -> None:
    """A little of everything that a gateway stores."""
    with transaction(log.engine) as connection:
        rehash.note_version(connection)
    said = [SYSTEM, user(LONG)]
    for n in range(4):
        log.chat("main", said, f"answer {n} {LONG}", body={"tools": TOOLS})
        said += [assistant(f"answer {n} {LONG}"), user(f"more {n}")]
    log.chat("main", [*said[:3], user("a branch")], "yes", tags=["red", "blue"])
    log.chat("prefilled", [user("One word as JSON"), assistant('{"word":')], ' "tea"}')
    log.stream("streamed", "say it bit by bit")
    broken = log.begin("broken", b"no json")
    log.store(broken, log.finish(broken, b"<html>", "upstream_error"))
    log.store(log.begin("live", {"model": "m", "messages": [user("going on")]}))
    failed = log.begin("failed", {"model": "m", "messages": [user("hi")], "user": "nobody"}, user="nobody")
    log.store(failed, log.finish(failed, b'{"error": {"message": "no"}}', "upstream_error", error_type="server_error"))
    conversation = "conv_" + "0" * 26
    conversations.create(log.engine, log.project(), conversation, {}, [])
    parent = ""
    for n in range(3):
        context = Context(parent=parent, conversation=conversation)
        begin = log.begin("chain", {"model": "m", "input": f"turn {n}"}, endpoint="responses", context=context)
        item = {"type": "message", "id": item_ids.made("message", begin.call_id[5:], 0), "role": "assistant"}
        done = {"object": "response", "output": [{**item, "content": [{"type": "output_text", "text": f"told {n}"}]}]}
        log.store(begin, log.finish(begin, json.dumps(done).encode()))
        parent = begin.call_id
    log.chat("other", said, "elsewhere", project="other")
    moved = log.chat("moved", [user("to be moved")])
    corrections.move(log.engine, log.project(), moved, id_of(log, "streamed"))
    log.chat("merged", [user("to be merged")])
    corrections.merge(log.engine, log.project(), [id_of(log, "streamed"), id_of(log, "merged")])


def id_of(log: Log, name: str) -> str:
    row = reads.session(log.engine, log.project(), name, log.project())
    assert row is not None
    return str(row.id)


def found(log: Log) -> list[Difference]:
    report = verify.verify(log.engine, again=0)
    assert sum(report.counts.values()) == len(report.differences)
    return report.differences


def test_what_is_stored_as_it_should_be(log: Log) -> None:
    """Also while sessions are emptied, deleted and swept, step by step."""
    fill(log)
    told: list[int] = []
    report = verify.verify(log.engine, told.append, again=0)
    assert report.differences == []
    assert report.looked_at == verify.total(log.engine) == told[-1]
    edits.delete_session(log.engine, log.project(), id_of(log, "chain"), at=log.at)
    log.at += 3 * DAY
    log.chat("main", [SYSTEM, user(LONG), user("and now?")], "later")
    work = Sweep(log.engine, Retention(contents=2.0), clock=lambda: log.at + DAY)
    n = 0
    while work.step():
        n += 1
        if n % 12 == 1:
            assert found(log) == []
    assert found(log) == []
    with log.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).where(schema.sessions.c.emptied_at.is_not(None))) == 5


@pytest.mark.parametrize("name", ["claude-code", "codex", "langgraph"])
def test_what_real_clients_said(log: Log, name: str) -> None:
    with transaction(log.engine) as connection:
        rehash.note_version(connection)
    for n, call in enumerate(corpus.load(corpus.FOLDER / f"{name}.jsonl.zst")):
        asked = call.body.encode()
        begin = log.begin(f"s{n}", asked, endpoint=call.endpoint, stream=call.stream, source="none", rule="none")
        log.store(begin, log.finish(begin, call.answer.encode(), "ok" if call.http_status < 400 else "upstream_error"))
    assert found(log) == []


def test_what_vanishes_at_a_second_look_is_not_told(log: Log) -> None:
    """Half of it is stored when it is looked at first, as if a reader saw no snapshot."""
    fill(log)
    s = schema.sessions.c
    mine = sa.update(schema.sessions).where(s.id == id_of(log, "main"))
    with log.engine.begin() as connection:
        connection.execute(mine.values(calls=s.calls + 1))

    def mend() -> None:
        with log.engine.begin() as connection:
            connection.execute(mine.values(calls=s.calls - 1))

    timer = threading.Timer(0.5, mend)
    report = verify.verify(log.engine, lambda looked_at: None if timer.ident else timer.start(), again=2.0)
    timer.join()
    assert report.differences == []


C, M, B, S = schema.calls.c, schema.messages.c, schema.bodies.c, schema.sessions.c
Break = Callable[[Any, dict[str, Any]], Any]
"""From a call's row: the statement that does the damage."""


def update(table: sa.Table, key: str, of: str, **values: Any) -> Break:
    return lambda call, more: sa.update(table).where(table.c[key] == call[of]).values(**values)


def remove(table: sa.Table, key: str, of: str) -> Break:
    return lambda call, more: sa.delete(table).where(table.c[key] == call[of])


def insert(table: sa.Table, **values: Any) -> Break:
    return lambda call, more: sa.insert(table).values(project=call["project"], **values)


HASH = b"sixteen bytes ..."[:16]
TRAFFIC = lambda call, more: sa.update(schema.traffic).values(calls=0)  # noqa: E731
BROKEN: dict[str, tuple[Break, set[tuple[str, str]]]] = {
    "body": (
        lambda call, more: sa.update(schema.bodies).where(B.hash == more["text"]).values(data=pack(b"another")),
        {("body", "its hash is not that of its bytes"), ("message", "its id is not that of its bytes")},
    ),
    "body unreadable": (
        lambda call, more: sa.update(schema.bodies).where(B.hash == more["text"]).values(data=b"\x01no frame"),
        {("body", "its hash is not that of its bytes"), ("message", "its bytes are not there")},
    ),
    "body missing": (
        lambda call, more: sa.delete(schema.bodies).where(B.hash == more["text"]),
        {("message", "its bytes are not there")},
    ),
    "body unnamed": (insert(schema.bodies, hash=HASH, data=pack(b"x")), {("body", "nothing names it")}),
    "message's node": (
        update(schema.messages, "id", "leaf", node=HASH),
        {("message", "its node is not that of what it means"), ("call", "its leaf_node is not that of its leaf")},
    ),
    "message's depth": (
        update(schema.messages, "id", "leaf", depth=77),
        {("message", "its depth is not 77"), ("call", "its leaf is not at depth")},
    ),
    "message's parent": (
        lambda call, more: sa.delete(schema.messages).where(M.id == more["parent"]),
        {("message", "what it hangs on is not there")},
    ),
    "message missing": (
        remove(schema.messages, "id", "output"),
        {("call", "the message that is its output is not there")},
    ),
    "message unneeded": (
        lambda call, more: sa.insert(schema.messages).values(more["leaf"] | {"id": HASH}),
        {("message", "nothing needs it")},
    ),
    "call's node": (
        update(schema.calls, "id", "id", output_node=HASH),
        {("call", "its output_node is not that of its output")},
    ),
    "call's scope": (
        update(schema.calls, "id", "id", scope=5),
        {("call", "its scope is not that of its key and user")},
    ),
    "call's session": (
        update(schema.calls, "id", "id", session="ses_nowhere"),
        {("call", "its session is not there"), ("session", "calls is")},
    ),
    "exchange missing": (remove(schema.exchanges, "call_id", "id"), {("call", "what was said in it is not there")}),
    "exchange's call": (
        insert(schema.exchanges, call_id="call_none", request=pack(b""), request_headers={}),
        {("pointer", "exchanges names a call that is not there")},
    ),
    "recipe": (
        update(schema.exchanges, "call_id", "id", request=pack(b"\xc1")),
        {("call", "how its bodies are put together cannot be read")},
    ),
    "recipe's body": (
        lambda call, more: sa.delete(schema.bodies).where(B.hash == more["tools"]),
        {("call", "a body that it needs is not there")},
    ),
    "session's bodies": (
        remove(schema.session_bodies, "session", "session"),
        {("call", "its session is not noted for a body that it needs")},
    ),
    "session's needless bodies": (
        lambda call, more: sa.insert(schema.session_bodies).values(
            project=call["project"], session=call["session"], hash=HASH
        ),
        {("session", "it keeps bodies that its calls do not need")},
    ),
    "session's numbers": (update(schema.sessions, "id", "session", cost=1), {("session", "cost is 1")}),
    "session's models": (
        update(schema.sessions, "id", "session", models=["another"]),
        {("session", "models are not those of its calls")},
    ),
    "facets": (remove(schema.facets, "session", "session"), {("session", "it is not filtered by")}),
    "facet's session": (
        insert(schema.facets, kind="tag", value="x", session="ses_none"),
        {("pointer", "facets names a session that is not there")},
    ),
    "session without calls": (
        lambda call, more: sa.insert(schema.sessions).values(**more["session"] | {"id": "ses_empty"}),
        {("session", "it has no calls")},
    ),
    "search": (remove(schema.search_docs, "call_id", "id"), {("call", "search does not know its request")}),
    "search's call": (
        lambda call, more: sa.insert(schema.search_docs).values(
            id=100_000, project=call["project"], call_id="call_none", answer=True
        ),
        {("search", "it is found, and not there")},
    ),
    "search's words": (
        lambda call, more: sa.text(
            "DELETE FROM search_text" if more["pg"] else "INSERT INTO search_text(search_text) VALUES ('delete-all')"
        ),
        {("search", "its answer is not found by 'answer'")},
    ),
    "merged": (
        insert(schema.merged, id="ses_old", session="ses_none"),
        {("pointer", "merged names a session that is not there")},
    ),
    "conversation": (
        lambda call, more: sa.update(schema.conversations).values(base="call_none"),
        {("pointer", "conversations names a call that is not there")},
    ),
    "traffic": (TRAFFIC, {("traffic", "0 calls were counted")}),
}


@pytest.fixture
def filled(log: Log) -> tuple[Log, dict[str, Any], dict[str, Any]]:
    """With a call, and more about it."""
    fill(log)
    with log.engine.connect() as connection:
        mine = sa.select(schema.calls).where(C.session == id_of(log, "main")).order_by(C.created_at)
        call = dict(connection.execute(mine).mappings().all()[1])
        leaf = connection.execute(sa.select(schema.messages).where(M.id == call["leaf"])).one()
        output = connection.execute(sa.select(schema.messages).where(M.id == call["output"])).one()
        held = connection.scalar(
            sa.select(schema.session_bodies.c.hash).where(schema.session_bodies.c.session == call["session"])
        )
        row = dict(connection.execute(sa.select(schema.sessions).where(S.id == call["session"])).mappings().one())
    more = {"parent": leaf.parent, "text": output.text, "leaf": dict(leaf._mapping), "tools": held, "session": row}
    return log, call, more | {"pg": log.engine.dialect.name == "postgresql"}


def test_every_kind_of_damage_is_found(filled: tuple[Log, dict[str, Any], dict[str, Any]]) -> None:
    """Each in a transaction that is rolled back: what is verified is asked of the connection that has it open."""
    log, call, more = filled
    for name, (damage, expected) in BROKEN.items():
        with log.engine.connect() as connection:
            outer = connection.begin()
            connection.execute(damage(call, more))
            there = verify.verify(Within(connection), again=0).differences  # type: ignore[arg-type]
            outer.rollback()
        kinds = {(one.kind, what) for one in there for kind, what in expected if one.what.startswith(what)}
        assert expected <= kinds, (name, there)
    assert found(log) == []


class Within:
    """An engine that has one connection only, which is in a transaction: its snapshots are of that."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execution_options(self, **options: Any) -> "Within":
        return self

    @contextlib.contextmanager
    def connect(self) -> Any:
        yield self


def test_the_command(filled: tuple[Log, dict[str, Any], dict[str, Any]], url: str, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    log, call, _ = filled
    given = ["verify", "--data-dir", str(tmp_path)]
    runner = CliRunner(env={"SESSIONARY_DATABASE": url})
    whole = runner.invoke(app, given)
    assert whole.exit_code == 0, whole.output
    assert "rows looked at, 0 differences." in whole.output
    with transaction(log.engine) as connection:
        for table, values in ((schema.sessions, {"cost": 1, "calls": 99, "models": ["[x]"]}),):
            connection.execute(sa.update(table).where(S.id == call["session"]).values(**values))
    broken = runner.invoke(app, [*given, "--json", "--show", "1"])
    assert broken.exit_code == 1
    told = msgspec.json.decode(broken.stdout)
    assert told["counts"] == {"session": 3}
    assert [one["id"] for one in told["differences"]] == [call["session"]]
    mended = runner.invoke(app, [*given, "--repair"])
    assert (mended.exit_code, "1 sessions made anew" in mended.output) == (1, True)
    assert runner.invoke(app, given).exit_code == 0
    assert keys.ensure_project(log.engine, "default") == log.project()
