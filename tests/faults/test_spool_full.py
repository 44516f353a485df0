"""A spool that takes nothing: calls are answered and the loss is counted, or they are rejected; either is over when
there is room again (F4, F5, P4, P5).

The disk of a running worker is filled by a limit on the size of its files: what it appends beyond the kernel refuses.
"""

import asyncio
import errno
import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sessionary import ids
from sessionary.metrics import Metrics
from sessionary.record import exchange, spooling
from sessionary.record.exchange import Begin, Finish, Part
from sessionary.record.spooling import Spooling
from sessionary.spool.quota import Quota
from sessionary.spool.reader import Reader
from sessionary.spool.writer import Writer
from tests.faults.test_spool_sweeps import everything
from tests.support.faulty import Faulty
from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply, answer_to, chat_events, last_text

ROOM = resource.RLIM_INFINITY


@contextmanager
def full(server: Server, on: Callable[[int], None] | None = None) -> Iterator[None]:
    """No byte can be appended to any file by the worker."""
    pid = server.get("/health/ready")["pid"]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, ROOM))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (ROOM, ROOM))


def told(server: Server) -> tuple[int, str]:
    answer = server.request("GET", "/health/ready", key=None)
    return answer.status, answer.json["status"]


def balanced(server: Server) -> dict[str, Any]:
    """The ledger at a quiet point: what was begun is stored or dropped."""

    def quiet() -> dict[str, Any] | None:
        found: dict[str, Any] = server.get("/api/health")["ledger"]
        rest = (
            found["spooled"] or found["missing"] or found["begun"] != found["stored"] + sum(found["dropped"].values())
        )
        return None if rest else found

    return wait_for(quiet, 10, "a ledger that balances") or {}


def texts(server: Server) -> dict[str, dict[str, Any]]:
    """Calls in the store, by what was asked."""
    calls = server.get("/api/calls?limit=100")["data"]
    return {server.get(f"/api/calls/{c['id']}/request")["messages"][0]["content"]: c for c in calls}


def test_while_the_disk_is_full_traffic_flows_and_the_loss_is_counted(tmp_path: Path, upstream: FakeUpstream) -> None:
    """F4, P4, P5. A call that began before is whole in the end; those that began meanwhile are dropped, as wholes."""
    events, waits = chat_events({"model": "m", "messages": [{"content": "before"}]}), 0.12

    def slow(request: Received) -> Reply:
        return Reply(pieces=chat_events(request.json), headers={"content-type": "text/event-stream"}, pause=waits)

    env = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": upstream.base_url}
    with running_server(tmp_path, env=env) as server:
        assert server.chat("first").status == 200
        upstream.script(slow)
        reading = streaming(server, "before")
        with full(server):
            for n in range(3):
                assert server.chat(f"meanwhile {n}").json["choices"][0]["message"]["content"]
            assert told(server) == (200, "degraded")
            gauges = server.get("/api/health")["gauges"]
            assert gauges["spool_full"]
            assert [c["level"] for c in gauges["checks"] if c["name"] == "spool"] == ["act"]
            assert streamed(server, "meanwhile, streamed").endswith(b"data: [DONE]\n\n")
            assert reading().endswith(events[-1])
        wait_for(lambda: told(server) == (200, "degraded") and not trouble(server), 5, "room")
        assert server.chat("after").status == 200
        assert not server.get("/api/health")["gauges"]["spool_full"]
        found = balanced(server)
        assert (found["begun"], found["stored"], found["dropped"]) == (7, 3, {"EFBIG": 4})
        assert found["dropped_records"] == {}
        wait_for(lambda: texts(server).get("before", {}).get("status") == "ok", 10, "the end of the call that was open")
        calls = texts(server)
        assert sorted(calls) == ["after", "before", "first"]
        answer = server.get(f"/api/calls/{calls['before']['id']}/response")["choices"][0]["message"]["content"]
        assert answer == answer_to("before")
        assert [last_text(b) for b in upstream.bodies] == [
            "first", "before", "meanwhile 0", "meanwhile 1", "meanwhile 2", "meanwhile, streamed", "after",
        ]  # fmt: skip


def trouble(server: Server) -> bool:
    return any("is full" in text for text in server.get("/health/ready")["trouble"])


def streaming(server: Server, text: str) -> Callable[[], bytes]:
    """A streamed call that has begun; what it returns waits for its end."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], "stream": True}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"authorization": f"Bearer {server.key}"})
    response = connection.getresponse()
    response.read(10)

    def rest() -> bytes:
        data = response.read()
        connection.close()
        return data

    return rest


def streamed(server: Server, text: str) -> bytes:
    return streaming(server, text)()


def test_calls_that_cannot_be_recorded_are_rejected_where_that_is_wanted(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    """F4, P4. In every format, before the provider sees a byte; and a quota that is full opens by itself."""
    env = {
        "OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": upstream.base_url,
        "SESSIONARY_ON_SPOOL_FULL": "reject", "SESSIONARY_SPOOL_SIZE": str(200_000),
    }  # fmt: skip
    ask = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "input": "hi"}
    with running_server(tmp_path, env=env) as server:
        with full(server):
            for path in ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/messages"):
                answer = server.post(path, {**ask, "prompt": "hi"})
                assert (answer.status, answer.headers["retry-after"]) == (503, "5"), answer.body
                assert answer.json["error"]["type"] == "overloaded_error"
                assert (answer.json.get("type") == "error") == path.endswith("/messages")
            assert told(server) == (503, "unavailable")
        assert upstream.requests == []
        wait_for(lambda: told(server) == (200, "ready"), 5, "room")
        # The quota: more than it at once is refused, and nothing of it is asked or stored.
        assert server.chat("x" * 150_000).status == 200
        wait_for(lambda: server.chat("y" * 150_000).status == 200, 10, "what was stored to make room")
        assert server.chat("z" * 250_000).status == 503
        assert {last_text(b)[0] for b in upstream.bodies} == {"x", "y"}
        found = balanced(server)
        assert (found["begun"], found["stored"], found["dropped"]) == (2, 2, {})


def record(call_id: str, body: bytes = b"{}") -> Begin:
    return Begin(call_id, 1, 1, "k", "ses", "ses", "id", "r", "responses", "m", True, "", "", {}, body)


def end(call_id: str, body: bytes = b"") -> Finish:
    return Finish(call_id, 2, "ok", 200, "p", "d", "m", None, "", "", [], {}, body)


@pytest.fixture
def files() -> Faulty:
    return Faulty()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / ids.uuid7().hex()


def records(root: Path) -> list[exchange.Record]:
    reader = Reader(root)
    return [exchange.decode(data) for writer in reader.writers() for data in everything(reader, writer)[0]]


def test_ends_wait_until_they_can_be_written(root: Path, files: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    """F4. In a bounded memory: beyond it without the answer, and then not at all."""
    monkeypatch.setattr(spooling, "MOST_WAITING", 3000)
    writer = Writer(root, files=files)
    spool = Spooling(writer, Metrics(), Quota(Reader(root), None))
    assert [spool.begin(record(f"call_{n}")) for n in range(60)] == [""] * 60
    files.fails = lambda name: errno.ENOSPC if name in ("write", "create") else 0
    assert spool.begin(record("call_dropped")) == "ENOSPC"
    assert not spool.write(Part("call_0", 0, b"stays with its recording"))
    for n in range(60):
        assert spool.write(end(f"call_{n}", b"x" * 900))
    spool.retry()
    assert spool.trouble == "ENOSPC"
    files.fails = lambda name: 0
    spool.retry()
    assert spool.trouble == ""
    found = [r for r in records(root) if isinstance(r, Finish)]
    whole = [f for f in found if f.body]
    without = [f for f in found if not f.body]
    assert [f.call_id for f in found] == [f"call_{n}" for n in range(len(found))]
    assert len(whole) == 3
    assert 10 < len(without) < 40
    assert {(f.status, f.error_type) for f in without} == {("interrupted", "spool_full")}
    assert not [r for r in records(root) if r.call_id == "call_dropped"]
    assert [r.number for r in records(root) if isinstance(r, Begin)] == list(range(1, 61))
    writer.close()


def test_nothing_is_written_of_a_call_whose_begin_was_not(root: Path, files: Faulty) -> None:
    """F4, P5. Also when there is room before it ends."""
    from sessionary.record.recorder import Recorder

    metrics = Metrics()
    writer = Writer(root, files=files)
    recorder = Recorder(Spooling(writer, metrics, Quota(Reader(root), None)), metrics)
    files.fails = lambda name: errno.ENOSPC if name == "write" else 0
    dropped = recorder.begin(record("call_dropped"))
    files.fails = lambda name: 0
    kept = recorder.begin(record("call_kept"))
    for recording in (dropped, kept):
        recording.chunk(b"answer")
    asyncio.run(recorder.checkpoint())
    for recording in (dropped, kept):
        recording.finish("ok", http_status=200)
    assert {r.call_id for r in records(root)} == {"call_kept"}
    assert metrics.dropped.labels(reason="ENOSPC")._value.get() == 1
    writer.close()


def test_the_quota_counts_what_all_writers_have_there(root: Path) -> None:
    """F4, F18. And opens when segments are removed."""
    one, two = Writer(root, max_segment=1000), Writer(root, max_segment=1000)
    reader = Reader(root)
    quota = Quota(reader, 10_000)
    for writer in (one, two):
        for _ in range(4):
            writer.append(b"x" * 1000)
    quota.look()
    assert quota.has_room(1500)
    assert not quota.has_room(2500)
    assert quota.is_low
    quota.add(1900)
    assert not quota.has_room(500)
    for writer in (one, two):
        reader.discard(writer.name, 4)
    quota.look()
    assert quota.has_room(7000)
    assert not quota.is_low
    assert Quota(reader, None).has_room(1 << 60)
    one.close()
    two.close()
