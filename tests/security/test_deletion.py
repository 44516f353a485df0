"""What is deleted is gone (S10): from the database and its files, the spool, search, the API, and from state."""

import http.client
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary import ids
from sessionary.drain.drain import Drain
from sessionary.metrics import Metrics
from sessionary.record import exchange
from sessionary.record.exchange import Begin, Part
from sessionary.spool.writer import Writer
from sessionary.store import corrections, edits, live, reads, schema, tree
from sessionary.store.engine import open_engine
from sessionary.store.ledger import by_writer
from sessionary.store.retention import Retention
from sessionary.store.sweep import Sweep
from tests.support.recorded import SYSTEM, Log, assistant, user
from tests.support.served import MASTER, served
from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Reply

DAY = 86_400_000_000


def canary(seed: int) -> str:
    return "canary" + random.Random(seed).randbytes(16).hex()


def hits(folder: Path, needles: list[bytes]) -> list[str]:
    """Files that hold any of them, or are called so."""
    found = []
    for path in folder.rglob("*"):
        try:
            held = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue
        found += [str(path)] if any(n in held or n in str(path).encode() for n in needles) else []
    return found


def needles(engine: sa.Engine, words: list[str]) -> list[bytes]:
    """The words, and how every packed value begins that has one of them: so the file has it."""
    found = [word.encode() for word in words]
    with engine.connect() as connection:
        for table in (schema.bodies, schema.exchanges, schema.conversation_items):
            for row in connection.execute(sa.select(table)):
                for packed in (value for value in row if isinstance(value, bytes) and len(value) > 40):
                    if any(word.encode() in tree.unpack(packed) for word in words):
                        found.append(packed[4:36])
    return found


def texts(engine: sa.Engine) -> bytes:
    """Every value of every table, search's too."""
    found = []
    with engine.connect() as connection:
        for table in schema.metadata.sorted_tables:
            found += [repr(tuple(row)).encode() for row in connection.execute(sa.select(table))]
        packed = [*connection.scalars(sa.select(schema.bodies.c.data))]
        e = schema.exchanges.c
        packed += [v for row in connection.execute(sa.select(e.request, e.response, e.raw)) for v in row if v]
        if engine.dialect.name == "postgresql":
            found += [str(row).encode() for row in connection.execute(sa.text("SELECT words::text FROM search_text"))]
    return b"\n".join([*found, *map(tree.unpack, packed)])


def talk(log: Log, word: str) -> None:
    said: list[dict[str, Any]] = [{"role": "system", "content": f"system {word}"}]
    tools = [{"type": "function", "function": {"name": "look", "description": f"tool {word}", "parameters": {}}}]
    for n in range(6):
        said.append(user(f"{n} {word} " * (1 if n else 900)))
        log.chat("secret", said, f"answer {n} {word}", body={"tools": tools, "metadata": {"about": word}})
        said.append(assistant(f"answer {n} {word}"))
    log.stream("secret", f"streamed {word}")


@pytest.mark.parametrize("how", ["deleted", "contents", "time"])
def test_no_byte_of_it_is_left(log: Log, tmp_path: Path, how: str) -> None:
    """S10: in all tables; of SQLite in the files, with the write-ahead log and the search index's pieces."""
    word = canary(1)
    for n in range(10):
        log.chat(f"kept {n}", [SYSTEM, user(f"kept {n}")], "yes")
    talk(log, word)
    assert word.encode() in texts(log.engine)
    sqlite = log.engine.dialect.name == "sqlite"
    sought = needles(log.engine, [word])
    assert len(sought) > 20
    assert not sqlite or hits(tmp_path, sought)
    keep = {"contents": Retention(contents=1.0), "time": Retention(1.0)}.get(how, Retention())
    now = log.at + 2 * DAY
    if how == "deleted":
        edits.delete_session(log.engine, log.project(), ids.session_id(log.project(), "secret"), at=log.at)
    else:
        log.at = now
        log.chat("kept 0", [SYSTEM, user("kept 0"), assistant("yes"), user("more")], "yes")
    sweep = Sweep(log.engine, keep, clock=lambda: now)
    while sweep.step():
        pass
    assert word.encode() not in texts(log.engine)
    assert not sqlite or hits(tmp_path, sought) == []
    row = reads.session(log.engine, None, "secret", log.project())
    assert (row is not None) == (how == "contents")


def spooled(log: Log, spool: Path, records: list[Begin | Part | exchange.Finish]) -> Writer:
    writer = Writer(spool)
    for record in records:
        writer.append(exchange.encode(record))
    return writer


def test_what_is_in_the_spool_does_not_come_back(log: Log, tmp_path: Path) -> None:
    """S10: calls that began before are hidden when they are stored, also those that never ended yet, or that name the
    session by another's id; they count as stored (P5). A call that begins later is a session of its own."""
    word = canary(2)
    log.at = time.time_ns() // 1000 - 3600_000_000
    log.chat("secret", [user(f"first {word}")])
    log.chat("another", [user(f"merged {word}")])
    secret, another = (ids.session_id(log.project(), name) for name in ("secret", "another"))
    corrections.merge(log.engine, log.project(), [secret, another], secret)
    before = log.begin("secret", {"model": "m", "messages": [user(f"spooled {word}")]})
    merged = log.begin("another", {"model": "m", "messages": [user(f"spooled {word}")]})
    stream = log.begin("secret", {"model": "m", "messages": [user(f"open {word}")], "stream": True})
    done = json.dumps({"choices": [{"message": assistant(word)}]}).encode()
    edits.delete_session(log.engine, log.project(), secret)
    with log.engine.connect() as connection:
        assert live.ended(connection, log.project(), {stream.call_id: secret}) == {stream.call_id}  # of tails
    later = log.begin("secret", {"model": "m", "messages": [user("anew")]}, at=time.time_ns() // 1000 + 1_000_000)
    part = Part(stream.call_id, 0, word.encode())
    records = [before, log.finish(before, done), merged, log.finish(merged, done), stream, part, later]
    writer = spooled(log, tmp_path / "spool", [*records, log.finish(later, b"{}")])
    drain = Drain(tmp_path / "spool", log.engine, Metrics(), gateway="here")
    wait_for(lambda: not drain.round() and not drain._sweeping, 30, "quiet")
    writer.append(exchange.encode(log.finish(stream, word.encode())))
    wait_for(lambda: not drain.round() and not drain._sweeping, 30, "quiet")
    assert word.encode() not in texts(log.engine)
    with log.engine.connect() as connection:
        calls = connection.execute(sa.select(schema.calls.c.id, schema.calls.c.session)).all()
        assert [tuple(call) for call in calls] == [(later.call_id, secret)]
        counts = by_writer(connection, "here")[writer.name]
        assert (counts.begun, counts.stored) == (4, 4)
        for call in (before, merged, stream):
            assert reads.is_forgotten(log.engine, log.project(), call.call_id)
    writer.rotate()
    drain.round()
    assert hits(tmp_path / "spool", [word.encode()]) == []
    writer.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream) -> Iterator[Server]:
    env = {"OPENAI_BASE_URL": shared_upstream.base_url, "OPENAI_API_KEY": "sk-upstream"}
    with running_server(tmp_path_factory.mktemp("served"), env=env, args=["--workers", "2"]) as started:
        yield started


def test_a_gateway_forgets(server: Server, shared_upstream: FakeUpstream) -> None:
    """S10: a session with ended calls, a chain, and an answer that is being given and watched is deleted; after a while
    of quiet its words are in no file of the data folder, no answer of the API and no log, and no worker goes on from
    it, from the moment that the deletion is answered."""
    word, seed = canary(3), {"x-session-id": "secret"}
    events = [
        b'data: {"choices":[{"index":0,"delta":{"content":"' + f"{word} {n}".encode() + b'"}}]}\n\n' for n in range(9)
    ]
    server.post("/v1/chat/completions", {"model": "gpt-4o", "messages": [user(f"say {word}")]}, seed)
    first = server.post("/v1/responses", {"model": "gpt-4o", "input": f"respond {word}"}, seed).json["id"]
    last = server.post("/v1/responses", {"model": "gpt-4o", "input": word, "previous_response_id": first}, seed).json[
        "id"
    ]
    streamed = {"content-type": "text/event-stream"}
    shared_upstream.script(Reply(headers=streamed, pieces=[*events, b"data: [DONE]\n\n"], pause=0.3))
    streaming = Streaming(server, {"model": "gpt-4o", "messages": [user(f"stream {word}")], "stream": True}, seed)
    server.post("/v1/chat/completions", {"model": "gpt-4o", "messages": [user("stays")]}, {"x-session-id": "kept"})
    wait_for(lambda: (server.sessions("secret") or [{"calls": 0}])[0]["calls"] == 4, 30, "four calls")
    assert streaming.read_some()
    engine = open_engine(f"sqlite:///{server.data_dir / 'sessionary.db'}", read_only=True)
    sought = needles(engine, [word])
    assert hits(server.data_dir, sought)
    assert server.request("DELETE", "/api/sessions/secret").status == 200
    for _ in range(8):  # connections go to either worker
        for id in (first, last):
            again = server.post("/v1/responses", {"model": "gpt-4o", "input": "on", "previous_response_id": id})
            assert (again.status, again.json["error"]["code"]) == (404, "previous_response_not_found")
            assert server.request("GET", f"/v1/responses/{id}").status == 404
    assert word in streaming.rest()  # whoever asked is answered all the same
    wait_for(lambda: not hits(server.data_dir, sought), 40, f"no {word} in {server.data_dir}")
    assert word not in server.log
    for path in ("sessions", "calls", f"search?q={word}", f"search?q={word[:12]}"):
        assert word not in json.dumps(server.get(f"/api/{path}"))
    with engine.connect() as connection:
        sessions = set(connection.scalars(sa.select(schema.sessions.c.session_id)))
    engine.dispose()
    assert "kept" in sessions
    assert "secret" not in sessions


class Streaming:
    """A stream that is read bit by bit."""

    def __init__(self, server: Server, body: dict[str, Any], headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        sent = {"authorization": f"Bearer {server.key}", "content-type": "application/json", **headers}
        self._connection.request("POST", "/v1/chat/completions", json.dumps(body).encode(), sent)
        self._response = self._connection.getresponse()

    def read_some(self) -> bytes:
        return self._response.read1()

    def rest(self) -> str:
        text = self._response.read().decode()
        self._connection.close()
        return text


def test_an_export_for_people_obeys_nothing(log: Log) -> None:
    """S10: no export is read as cells by a spreadsheet. Markdown shows control characters, JSON escapes them."""
    log.chat(
        "s", [user("=cmd|' /C calc'!A0 \x1b]8;;https://evil.example/\x07link \u202egnp.exe \x00 \x9b31m")], "\x1b[2J"
    )
    client = served(log.engine)
    with client:
        shown = client.get("/api/sessions/s/export?format=markdown", headers={"authorization": f"Bearer {MASTER}"}).text
        lines = client.get("/api/sessions/s/export?format=jsonl", headers={"authorization": f"Bearer {MASTER}"}).text
    assert "\u241b]8;;https://evil.example/\u2407link \ufffdgnp.exe" in shown
    assert not any(c in shown for c in "\x1b\x07\x9b\u202e\0")
    assert not any(c in lines for c in "\x1b\x07\0")


def test_files_are_overwritten(tmp_path: Path) -> None:
    """As SQLite is told: what a table loses is not left in its file."""
    engine = open_engine(f"sqlite:///{tmp_path / 'some.db'}")
    with engine.connect() as connection:
        assert connection.execute(sa.text("PRAGMA secure_delete")).scalar() == 1
    engine.dispose()
