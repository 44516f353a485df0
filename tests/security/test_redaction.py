"""S10: what a rule finds is nowhere in what is kept, and the contents of a key that records metadata only neither.

One server with two projects. Every canary is sent in every place that a client or a provider can put it; then all that
the gateway has is searched: each file of its data folder, what it unpacks of its database, API, exports and its log.
"""

import http.client
import json
import random
import shutil
import sqlite3
import string
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import zstandard

from sessionary.record.tails import Tails
from sessionary.redaction import compiled
from sessionary.settings import Settings
from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply, default_reply

CONFIG = """
unsupported: drop
models:
  - name: chat
    model: openai/gpt-4o
    price: {input: 1, output: 2}
  - name: claude
    model: anthropic/claude
  - name: native
    model: gpt-4o
    provider: openai
    formats: [responses]
redact_secrets: true
redact:
  - name: canary
    pattern: (kanari|parrot)-[0-9]+
    projects: [default, bank]
  - name: pin
    field: metadata.pin
    projects: [default, bank]
"""
CANARY = b"kanari"
PIN = "pin-of-ann"
TOKEN = "ghp_" + "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=36))
_numbers = iter(range(1000, 100_000))


def canary() -> str:
    """Each a different one, so that a hit tells where it came from."""
    return f"kanari-{next(_numbers)}"


def split(text: str) -> list[str]:
    return [text[start : start + 3] for start in range(0, len(text), 3)]


def answered(request: Received) -> Reply:
    """Says a canary of its own in every place, in each format; streamed in pieces of three letters."""
    if request.method != "POST":
        return default_reply(request)
    body, said, path = request.json, f"the answer is {canary()} !", request.path
    if "fail" in json.dumps(body):
        return Reply(json.dumps({"error": {"type": "bad", "message": f"not {canary()}"}}).encode(), status=400)
    streamed = {"content-type": "text/event-stream", "x-request-id": canary()}
    usage = {"input_tokens": 11, "output_tokens": 7, "prompt_tokens": 11, "completion_tokens": 7}
    if path.endswith("/responses"):
        text = {"type": "output_text", "text": said, "annotations": []}
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
        whole = {"id": "resp_1", "object": "response", "status": "completed", "output": [item], "usage": usage}
        whole |= {"model": "gpt-4o", "created_at": 1}
        if not body.get("stream"):
            return Reply(json.dumps(whole).encode())
        deltas = [
            {
                "type": "response.output_text.delta",
                "item_id": "msg_1",
                "output_index": 0,
                "content_index": 0,
                "delta": d,
            }
            for d in split(said)
        ]
        events = [{"type": "response.created", "response": {**whole, "output": [], "status": "in_progress"}}, *deltas]
        return Reply(headers=streamed, pieces=_events([*events, {"type": "response.completed", "response": whole}]))
    if path.endswith("/messages"):
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn"}
        message |= {"usage": usage, "content": [{"type": "text", "text": said}]}
        if not body.get("stream"):
            return Reply(json.dumps(message).encode())
        events = [{"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}]
        events += [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}]
        events += [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": d}} for d in split(said)
        ]
        events += [{"type": "content_block_stop", "index": 0}]
        events += [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}]
        return Reply(headers=streamed, pieces=_events([*events, {"type": "message_stop"}]))
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": canary()})}}
    whole = {"id": "x", "object": "chat.completion", "model": "gpt-4o", "usage": usage}
    choice = {"index": 0, "finish_reason": "stop"}
    if not body.get("stream"):
        message = {"role": "assistant", "content": said, "tool_calls": [call]}
        return Reply(json.dumps({**whole, "choices": [{**choice, "message": message}]}).encode())
    deltas = [{"content": d} for d in split(said)]
    deltas += [{"tool_calls": [{**call, "index": 0, "function": {"name": "f", "arguments": ""}}]}]
    deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": d}}]} for d in split(json.dumps({"a": canary()}))]
    chunks = [{**whole, "usage": None, "choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
    chunks += [{**whole, "usage": None, "choices": [{**choice, "delta": {}}]}, {**whole, "choices": []}]
    return Reply(headers=streamed, pieces=[*_events(chunks), b"data: [DONE]\n\n"])


def _events(values: list[Any]) -> list[bytes]:
    return [f"event: {v.get('type', 'x')}\ndata: {json.dumps(v)}\n\n".encode() for v in values]


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as started:
        started.default = answered
        yield started


@pytest.fixture(scope="module")
def server(
    upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Server]:
    env = {"OPENAI_BASE_URL": upstream.base_url, "OPENAI_API_KEY": "sk-up"}
    env |= {"ANTHROPIC_BASE_URL": upstream.base_url.removesuffix("/v1"), "ANTHROPIC_API_KEY": "sk-up"}
    folder = tmp_path_factory.mktemp("redaction")
    assert request.config.cache is not None
    made = Path(request.config.cache.mkdir("detectors"))  # of an earlier run, or now
    compiled(Settings(redact_secrets=True, data_dir=made))
    shutil.copytree(made / "detectors", folder / "data" / "detectors")
    with running_server(folder, env=env, config=CONFIG) as started:
        yield started


def headers() -> dict[str, str]:
    return {
        "x-session-id": f"mine {canary()}",
        "x-session-name": f"name {canary()}".replace("-", "%2D"),
        "x-session-tags": f"tag,{canary()}",
        "x-session-agent": f"main/{canary()}",
        "x-client-request-id": canary(),
        "user-agent": f"agent/{canary()}",
        "baggage": f"a={canary()}",
    }


def request(path: str, *, stream: bool, model: str = "chat", wish: str = "") -> dict[str, Any]:
    """A request with canaries in its texts, a tool's arguments, names, metadata, and fields that nobody knows."""
    metadata = {"note": canary(), "token": f"my {TOKEN}", "pin": PIN, canary(): "x"}
    common = {"model": model, "stream": stream, "metadata": metadata, "user": f"ann {canary()}", "x": {"y": [canary()]}}
    if path == "/v1/responses":
        tool = {"type": "function", "name": "f", "parameters": {"description": canary()}}
        given = [{"role": "user", "content": [{"type": "input_text", "text": f"{canary()} {wish}"}]}]
        return {**common, "input": given, "instructions": canary(), "tools": [tool]}
    if path == "/v1/messages":
        given = [{"role": "user", "content": [{"type": "text", "text": f"{canary()} {wish}"}]}]
        return {**common, "max_tokens": 9, "system": canary(), "messages": given}
    escaped = {"name": "f", "arguments": json.dumps({"a": canary()}).replace("kanari", "k\\u0061nari")}
    call = {"id": "c0", "type": "function", "function": escaped}
    given = [
        {"role": "system", "content": canary()},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c0", "content": canary()},
        {"role": "user", "content": f"{canary()} {wish}"},
    ]
    return {**common, "messages": given, **({"stream_options": {"include_usage": True}} if stream else {})}


def hits(server: Server, *needles: bytes) -> list[str]:
    """Where one of them is, in all that the gateway keeps and tells."""
    found = []
    for path in sorted(p for p in server.data_dir.rglob("*") if p.is_file()):
        found += [f"{path.name}: {n!r}" for n in needles if n in path.read_bytes()]
    with sqlite3.connect(f"file:{server.data_dir / 'sessionary.db'}?mode=ro", uri=True) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'search_text'"
            )
        ]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                found += [f"{table}: {n!r} in {row!r:.200}" for n in needles for value in row if n in _plain(value)]
    paths = ["/api/sessions?limit=200", "/api/calls?limit=200", f"/api/search?q={quote(needles[0])}", "/metrics"]
    paths += [f"/api/calls?filter={quote(needles[0])}"]
    told = [(path, server.request("GET", path).body) for path in paths]
    for session in server.get("/api/sessions?limit=200")["data"]:
        at = f"/api/sessions/{quote(session['id'])}"
        told += [(path, server.request("GET", path).body) for path in (at, f"{at}/transcript")]
        told += [
            (path, server.request("GET", path).body)
            for path in (f"{at}/export?format=json", f"/ui/sessions/{session['id']}")
        ]
    found += [f"{path}: {n!r}" for path, body in told for n in needles if n in body]
    return found + [f"log: {n!r}" for n in needles if n.decode() in server.log]


def _plain(value: Any) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    try:
        return zstandard.ZstdDecompressor().decompress(value, max_output_size=1 << 24)
    except zstandard.ZstdError:
        return value


def stored(server: Server, calls: int) -> None:
    def all_there() -> bool:
        rows = server.get("/api/calls?limit=200")["data"]
        return len(rows) >= calls and all(row["status"] != "live" for row in rows)

    wait_for(all_there, 20, f"{calls} calls")


CALLS = [
    (path, model, stream)
    for path, model in (
        ("/v1/chat/completions", "chat"),
        ("/v1/chat/completions", "claude"),
        ("/v1/messages", "claude"),
        ("/v1/messages", "chat"),
        ("/v1/responses", "native"),
        ("/v1/responses", "chat"),
    )
    for stream in (False, True)
]


def test_no_rule_finds_anything_in_what_is_kept(server: Server, upstream: FakeUpstream) -> None:
    """S10: in requests, headers, labels, answers whole, streamed and translated, errors of providers, broken bodies."""
    for path, model, stream in CALLS:
        asked, before = request(path, stream=stream, model=model), len(upstream.requests)
        answer = server.post(path, asked, headers())
        assert answer.status == 200, answer.body
        assert CANARY in answer.body or stream, "the client gets the answer as it was"
        assert CANARY in upstream.requests[before].body, "the provider gets the request as it was"
    for path, model, _ in CALLS[::2]:
        assert server.post(path, request(path, stream=False, model=model, wish="fail"), headers()).status == 400
    broken = [f'{{"model": "chat", "x": {canary()}'.encode(), canary().encode(), f'"{canary()}"'.encode()]
    for body in broken:
        assert server.request("POST", "/v1/chat/completions", body, headers()).status == 400
    assert server.post("/v1/chat/completions", {"model": canary(), "messages": []}).status == 404
    assert server.post("/v1/responses", {"model": "chat", "input": "x", "previous_response_id": canary()}).status == 404
    items = [{"role": "user", "content": canary()}]
    made = server.post("/v1/conversations", {"items": items, "metadata": {"a": canary()}}).json
    asked = request("/v1/responses", stream=True) | {"conversation": made["id"]}
    assert server.post("/v1/responses", asked, headers()).status == 200
    asked = request("/v1/responses", stream=True) | {"background": True}
    assert server.post("/v1/responses", asked, headers()).status == 200
    stored(server, len(CALLS) + len(CALLS) // 2 + len(broken) + 4)
    wrong = hits(server, CANARY, PIN.encode(), TOKEN.encode())
    assert not wrong, "\n".join(wrong[:20])
    shown = json.dumps(server.get("/api/calls?limit=200"))
    assert "[redacted canary]" in shown
    request_of = server.get(f"/api/calls/{answer.headers['x-call-id']}/request")
    assert request_of["metadata"]["token"] == "my [redacted secret]"
    assert request_of["metadata"]["pin"] == "[redacted pin]"


def test_an_answer_that_the_client_left(server: Server, upstream: FakeUpstream) -> None:
    """Nothing of it is in a file while it comes, though somebody watches; what was delivered is redacted at its end."""
    said, whole = "kestrel ", f"kestrel {canary()} "
    chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in split(whole)]
    upstream.script(Reply(headers={"content-type": "text/event-stream"}, pieces=_events(chunks), hang=True))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    body = json.dumps({"model": "chat", "stream": True, "messages": [], "metadata": {"session_id": "left"}})
    connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {server.key}"})
    answer = connection.getresponse()
    id, given = answer.headers["x-call-id"], b""
    while (given.count(b"data:")) < len(chunks):
        given += answer.read1(65536)
    Tails(server.data_dir / "watched").mark([id])
    time.sleep(1.2)  # a checkpoint, and many looks at marks
    assert not [
        path for path in (server.data_dir / "spool").rglob("*") if path.is_file() and b"kes" in path.read_bytes()
    ]
    assert not Tails(server.data_dir / "watched").found()
    connection.sock.shutdown(2)
    connection.close()
    answer.close()
    call = server.call(id)
    assert call["status"] == "client_closed"
    kept = server.get(f"/api/calls/{id}/response")
    assert kept["choices"][0]["message"]["content"] == f"{said}[redacted canary] "
    assert not hits(server, CANARY)


def test_other_projects_are_left_alone(server: Server, upstream: FakeUpstream) -> None:
    upstream.script(default_reply)
    key = json.loads(server.request("POST", "/api/keys", json.dumps({"project": "shop", "name": "s"}).encode()).body)
    said = "parrot-77 says hello"
    asked = {"model": "chat", "messages": [{"role": "user", "content": said}], "metadata": {"session_id": "shop-1"}}
    assert server.post("/v1/chat/completions", asked, key=key["key"]).status == 200
    assert server.session("shop-1", calls=1)["title"] == said


def test_a_history_that_is_sent_again_finds_its_session(server: Server, upstream: FakeUpstream) -> None:
    """What was redacted is redacted again to the same bytes: threading by content goes on, as does state."""
    secret, user = canary(), {"user": "threads"}
    first = [{"role": "user", "content": f"keep {secret} in mind, please"}]
    said = server.post("/v1/chat/completions", {"model": "chat", "messages": first, **user})
    again = [*first, said.json["choices"][0]["message"], {"role": "tool", "tool_call_id": "c1", "content": "fine"}]
    more = server.post("/v1/chat/completions", {"model": "chat", "messages": again, **user})
    one, other = (server.call(answer.headers["x-call-id"]) for answer in (said, more))
    assert other["session"] == one["session"]
    assert other["parent_id"] == one["id"]

    kept = server.post("/v1/responses", {"model": "native", "input": f"and {secret}"}).json
    going = {"model": "native", "input": "go on", "previous_response_id": kept["id"]}
    assert server.post("/v1/responses", going).status == 200
    assert "and [redacted canary]" in upstream.requests[-1].body.decode(), "what is kept is what can be gone on from"


def test_a_key_that_records_metadata_only(server: Server) -> None:
    """S10: nothing that was said, by anyone, in any format; but what it cost, and in which session."""
    given = {"project": "quiet", "name": "q", "capture": "metadata"}
    key = json.loads(server.request("POST", "/api/keys", json.dumps(given).encode()).body)["key"]
    word = "murmuration"
    calls = []
    for path, model, stream in CALLS:
        asked = json.loads(json.dumps(request(path, stream=stream, model=model)).replace("kanari-", f"{word}-"))
        asked |= {"user": "ann"}
        named = {"x-session-id": "quiet-1", "baggage": f"a={word}"}
        calls.append(server.post(path, asked, named, key=key))
        assert calls[-1].status == 200, calls[-1].body
    failed = server.post(
        "/v1/chat/completions", {"model": "chat", "messages": [], "fail": word}, {"x-session-id": "quiet-1"}, key=key
    )
    assert failed.status == 400
    session = server.session("quiet-1", calls=len(CALLS) + 1)
    assert (session["input_tokens"], session["output_tokens"]) == (11 * len(CALLS), 7 * len(CALLS))
    assert (session["title"], session["users"]) == ("", ["ann"])
    for answer in calls:
        call = server.call(answer.headers["x-call-id"])
        assert (call["unkept"], call["status"], call["input_tokens"], call["output_tokens"]) == ("key", "ok", 11, 7)
        assert call["cost"] == pytest.approx(25e-6) or call["model"] != "chat"
    wrong = hits(server, word.encode(), CANARY)
    assert not wrong, "\n".join(wrong[:20])
    last = calls[-2].json["id"]
    going = {"model": "chat", "input": "go on", "previous_response_id": last}
    assert server.post("/v1/responses", going, key=key).status == 404
    assert server.request("GET", f"/v1/responses/{last}", key=key).status == 404
    put = {"items": [{"role": "user", "content": word}]}
    assert server.post("/v1/conversations", put, key=key).status == 400


def test_what_cannot_be_redacted_with_stops_the_start(tmp_path: Path) -> None:
    config = "redact:\n  - name: a\n    pattern: '(?=x)'\n"
    with pytest.raises(AssertionError, match=r"config\.yaml:2: the pattern of 'a' is not one of RE2's"):  # noqa: SIM117
        with running_server(tmp_path, config=config):
            pass
