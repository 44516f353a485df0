"""The HTTP surface in front of a scripted provider: what passes, what does not, and how failures look."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Answer, Server, free_port, running_server, wait_for
from tests.support.upstream import FakeUpstream, Reply, chat_events, chat_json

HELLO = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
SSE = {"content-type": "text/event-stream"}


@pytest.fixture
def upstream(shared_upstream: FakeUpstream) -> FakeUpstream:
    shared_upstream.reset()
    return shared_upstream


@pytest.fixture
def gateway(shared_server: Server, upstream: FakeUpstream) -> Server:
    return shared_server


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream) -> Iterator[Server]:
    """A gateway that waits half a second for its provider, and knows one that is not there."""
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    config = f"""
timeout: 0.5
idle_timeout: 0.5
models:
  - name: slow
    deployments:
      - {{provider: openai-compatible, model: slow, base_url: "{shared_upstream.base_url}", api_key: x}}
  - name: gone
    deployments:
      - {{provider: openai-compatible, model: gone, base_url: "{nowhere}", api_key: x}}
"""
    with running_server(tmp_path_factory.mktemp("impatient"), config=config) as started:
        yield started


def error_of(answer: Answer) -> dict[str, Any]:
    """The error, in the shape that OpenAI's clients parse; every one of them names its request."""
    assert answer.headers["content-type"].startswith("application/json")
    error: dict[str, Any] = answer.json["error"]
    assert isinstance(error["message"], str)
    assert isinstance(error["type"], str)
    assert {"param", "code"} <= error.keys()
    assert error["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.body.decode()
    return error


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/v1/responses/resp_nothing", "/v1/embeddings"])
def test_no_answer_is_taken_for_a_page(gateway: Server, path: str) -> None:
    """Whatever a model says, and whatever a browser is made to ask for."""
    for method, body in (("GET", b""), ("POST", json.dumps(HELLO).encode()), ("POST", b"{")):
        headers = gateway.request(method, path, body).headers
        assert headers["x-content-type-options"] == "nosniff", (method, path)
    assert gateway.request("POST", path, b"{}", key="sk-wrong").headers["x-content-type-options"] == "nosniff"


def test_a_client_that_looks_whether_anybody_is_there(gateway: Server, upstream: FakeUpstream) -> None:
    """As Claude Code does before its first call, without a key: nothing is recorded of it."""
    before = gateway.balance()
    answer = gateway.request("HEAD", "/", key=None)
    assert (answer.status, answer.body) == (200, b"")
    assert (gateway.balance(), upstream.requests) == (before, [])


@pytest.mark.parametrize(
    "extra", [{"metadata": {"litellm_session_id": "in-extra"}}, {"litellm_session_id": "in-extra", "top_k": 3}]
)
def test_an_id_in_what_was_meant_to_be_more_of_the_body(
    gateway: Server, upstream: FakeUpstream, extra: dict[str, Any]
) -> None:
    """As some clients of LiteLLM send it; an id that is where it belongs counts more."""
    answer = gateway.post("/v1/chat/completions", {**HELLO, "extra_body": extra})
    assert (answer.headers["x-session-id"], answer.headers["x-session-source"]) == ("in-extra", "id")
    assert b"in-extra" not in upstream.requests[-1].body
    answer = gateway.post("/v1/chat/completions", {**HELLO, "extra_body": extra, "metadata": {"user_id": "ann"}})
    assert answer.headers["x-session-id"] == "in-extra"
    answer = gateway.post("/v1/chat/completions", {**HELLO, "extra_body": extra, "metadata": {"session_id": "own"}})
    assert answer.headers["x-session-id"] == "own"


# Errors of our own


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions", "/v1/completions", "/embeddings"])
def test_an_unknown_model_is_404(gateway: Server, upstream: FakeUpstream, path: str) -> None:
    answer = gateway.post(path, {"model": "nobody-has-this", "messages": [], "prompt": "", "input": ""})
    assert answer.status == 404
    assert error_of(answer)["code"] == "model_not_found"
    assert upstream.requests == []
    assert gateway.call(answer.headers["x-call-id"])["status"] == "rejected"


@pytest.mark.parametrize("key", [None, "sk-wrong", "Ünicode"])
def test_a_bad_key_is_401(gateway: Server, upstream: FakeUpstream, key: str | None) -> None:
    answer = gateway.post("/v1/chat/completions", HELLO, key=key and key.encode().decode("latin-1"))
    assert answer.status == 401
    assert error_of(answer)["code"] == "invalid_api_key"
    assert upstream.requests == []


def test_a_bad_key_is_401_in_the_api_and_in_models(gateway: Server) -> None:
    for path in ("/v1/models", "/models", "/api/sessions", "/api/calls", "/api/search?q=x"):
        assert gateway.request("GET", path, key="sk-wrong").status == 401, path


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 20_000])
def test_bad_json_is_400(gateway: Server, upstream: FakeUpstream, body: bytes) -> None:
    answer = gateway.request("POST", "/v1/chat/completions", body)
    assert answer.status == 400
    assert error_of(answer)["type"] == "invalid_request_error"
    assert upstream.requests == []


def test_a_missing_model_is_400(gateway: Server) -> None:
    answer = gateway.post("/v1/chat/completions", {"messages": []})
    assert answer.status == 400
    assert error_of(answer)["param"] == "model"


def test_a_body_over_the_limit_is_413(gateway: Server, upstream: FakeUpstream) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as s:
        s.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + gateway.key.encode()
            + b"\r\ncontent-length: 10485761\r\n\r\n"
        )  # fmt: skip
        head = s.recv(65536)  # before a byte of the body was sent
    assert head.startswith(b"HTTP/1.1 413")
    padding = "x" * (10 * 1024 * 1024 - 200)
    answer = gateway.chat(padding)
    assert answer.status == 200  # just below
    assert upstream.requests[-1].json["messages"][0]["content"] == padding


# Errors of the upstream


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstreams_error_passes_as_it_is(gateway: Server, upstream: FakeUpstream, stream: bool) -> None:
    body = b'{"error": {"message": "Rate limit reached", "type": "tokens", "code": "rate_limit", "x": 1}}'
    upstream.script(Reply(body, 429, {"content-type": "application/json", "retry-after": "7", "set-cookie": "a=b"}))
    answer = gateway.post("/v1/chat/completions", {**HELLO, "stream": stream})
    assert answer.status == 429
    assert answer.body == body
    assert answer.headers["retry-after"] == "7"
    assert "set-cookie" not in answer.headers
    call = gateway.call(answer.headers["x-call-id"])
    assert (call["status"], call["http_status"]) == ("upstream_error", 429)


def test_a_silent_upstream_is_504(impatient: Server, shared_upstream: FakeUpstream) -> None:
    shared_upstream.script(Reply(silent=True))
    answer = impatient.post("/v1/chat/completions", {**HELLO, "model": "slow"})
    assert answer.status == 504
    assert error_of(answer)["code"] == "upstream_timeout"
    assert impatient.call(answer.headers["x-call-id"])["status"] == "timeout"
    wait_for(lambda: shared_upstream.aborted, what="the upstream's connection being let go")


def test_a_refused_connection_is_502(impatient: Server) -> None:
    answer = impatient.post("/v1/chat/completions", {**HELLO, "model": "gone"})
    assert answer.status == 502
    error = error_of(answer)
    assert error["code"] == "upstream_unreachable"
    assert "127.0.0.1" not in error["message"]
    assert impatient.call(answer.headers["x-call-id"])["status"] == "upstream_error"


def test_an_upstream_that_breaks_off_mid_stream(gateway: Server, upstream: FakeUpstream) -> None:
    events = chat_events(HELLO)[:3]
    upstream.script(Reply(pieces=events, headers=SSE, reset=True))
    answer = gateway.post("/v1/chat/completions", {**HELLO, "stream": True, "stream_options": {"include_usage": True}})
    assert answer.status == 200
    assert answer.body.startswith(b"".join(events))
    assert b'"error"' in answer.body
    assert b"[DONE]" not in answer.body
    assert gateway.call(answer.headers["x-call-id"])["status"] == "upstream_error"


def test_a_stream_that_falls_silent(impatient: Server, shared_upstream: FakeUpstream) -> None:
    shared_upstream.script(Reply(pieces=chat_events(HELLO)[:3], headers=SSE, hang=True))
    answer = impatient.post("/v1/chat/completions", {**HELLO, "model": "slow", "stream": True})
    assert b"upstream_timeout" in answer.body
    assert impatient.call(answer.headers["x-call-id"])["status"] == "timeout"


def test_a_socket_left_open_after_done_keeps_nobody_waiting(gateway: Server, upstream: FakeUpstream) -> None:
    upstream.script(Reply(pieces=chat_events(HELLO), headers=SSE, hang=True))
    began = time.monotonic()
    answer = gateway.post("/v1/chat/completions", {**HELLO, "stream": True})
    assert time.monotonic() - began < 2
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert gateway.call(answer.headers["x-call-id"])["status"] == "ok"


def test_a_client_that_leaves_cancels_the_upstream(gateway: Server, upstream: FakeUpstream) -> None:
    left = upstream.aborted
    upstream.script(Reply(pieces=chat_events(HELLO)[:3], headers=SSE, hang=True))
    body = json.dumps({**HELLO, "stream": True, "session_id": "leaver"}).encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as s:
        s.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        assert s.recv(65536).startswith(b"HTTP/1.1 200")
    wait_for(lambda: upstream.aborted > left, seconds=1.5, what="the upstream being cancelled")
    call = wait_for(lambda: [c for c in gateway.get("/api/calls?session_id=leaver")["data"] if c["status"] != "live"])[
        0
    ]
    assert call["status"] == "client_closed"


# What passes


def test_unknown_fields_pass_both_ways(gateway: Server, upstream: FakeUpstream) -> None:
    fields = {
        "reasoning_effort": "low",
        "x_new_field": {"deep": [1, 2.50, None, "ü"]},
        "seed": 18446744073709551615,
    }
    upstream.script(lambda r: Reply(chat_json(r.json, extra={"x_answer": {"n": [1, {}]}, "service_tier": "flex"})))
    sent = json.dumps({**HELLO, **fields}, ensure_ascii=False).encode()
    answer = gateway.request("POST", "/v1/chat/completions", sent)
    assert upstream.requests[0].body == sent  # nothing had to change: the very bytes
    assert answer.json["x_answer"] == {"n": [1, {}]}
    assert answer.body == chat_json(upstream.bodies[0], extra={"x_answer": {"n": [1, {}]}, "service_tier": "flex"})
    call_id = answer.headers["x-call-id"]
    gateway.call(call_id)
    assert gateway.get(f"/api/calls/{call_id}/request") == json.loads(sent)
    assert list(gateway.get(f"/api/calls/{call_id}/request")) == list(json.loads(sent))
    assert gateway.get(f"/api/calls/{call_id}/response") == answer.json


def test_metadata_passes_where_the_provider_takes_it(gateway: Server, upstream: FakeUpstream) -> None:
    metadata = {"litellm_session_id": "kept-here", "purpose": "test"}
    gateway.post("/v1/chat/completions", {**HELLO, "metadata": metadata, "store": True})
    gateway.post("/v1/chat/completions", {**HELLO, "metadata": metadata})
    assert upstream.bodies[0]["metadata"] == {"purpose": "test"}
    assert "metadata" not in upstream.bodies[1]


def test_a_stream_passes_byte_for_byte_when_usage_was_asked(gateway: Server, upstream: FakeUpstream) -> None:
    asked = {**HELLO, "stream": True, "stream_options": {"include_usage": True}}
    odd = [b": comment\r\n\r\n", *chat_events(asked)]
    whole = b"".join(odd)
    pieces = [whole[n : n + 7] for n in range(0, len(whole), 7)]
    upstream.script(Reply(pieces=pieces, headers=SSE))
    answer = gateway.post("/v1/chat/completions", asked)
    assert answer.body == whole
    assert answer.headers["content-type"] == "text/event-stream"
    call_id = answer.headers["x-call-id"]
    gateway.call(call_id)
    assert gateway.request("GET", f"/api/calls/{call_id}/response?raw=1").body == whole
    assembled = gateway.get(f"/api/calls/{call_id}/response")
    assert assembled["choices"][0]["message"]["content"] == "You said: hi"


def test_usage_that_was_not_asked_for_is_taken_out_and_counted(gateway: Server, upstream: FakeUpstream) -> None:
    answer = gateway.post("/v1/chat/completions", {**HELLO, "stream": True})
    assert upstream.bodies[0]["stream_options"] == {"include_usage": True}
    assert b"usage" not in answer.body
    assert answer.body.count(b"data: ") == len(chat_events({**HELLO, "stream": True}))
    call = gateway.call(answer.headers["x-call-id"])
    assert (call["input_tokens"], call["cached_tokens"], call["estimated"]) == (11, 3, False)


def test_a_stream_without_usage_gets_counted_tokens(gateway: Server, upstream: FakeUpstream) -> None:
    upstream.script(Reply(pieces=chat_events(HELLO), headers=SSE))
    answer = gateway.post("/v1/chat/completions", {**HELLO, "stream": True})
    call = gateway.call(answer.headers["x-call-id"])
    assert call["estimated"] is True
    assert call["output_tokens"] > 0 < call["input_tokens"]


@pytest.mark.parametrize("stream", [False, True])
def test_every_answer_names_call_and_session(gateway: Server, upstream: FakeUpstream, stream: bool) -> None:
    named = gateway.post("/chat/completions", {**HELLO, "stream": stream}, {"x-session-id": "named-here"})
    assert named.headers["x-session-id"] == "named-here"
    assert named.headers["x-session-source"] == "id"
    asked = [{"role": "user", "content": f"alone, {stream}"}]  # no other call's retry
    alone = gateway.post("/chat/completions", {**HELLO, "messages": asked, "stream": stream})
    assert alone.headers["x-session-id"].startswith("ses_")
    assert alone.headers["x-session-source"] == "none"
    assert alone.headers["x-call-id"].startswith("call_")
    assert gateway.call(alone.headers["x-call-id"])["session_id"] == alone.headers["x-session-id"]
    refused = gateway.post("/chat/completions", {"model": "nobody-has-this"}, {"x-session-id": "named-too"})
    assert refused.headers["x-session-id"] == "named-too"


def test_a_call_in_flight_is_seen(gateway: Server, upstream: FakeUpstream) -> None:
    upstream.script(Reply(pieces=chat_events(HELLO), headers=SSE, pause=0.5))
    body = json.dumps({**HELLO, "stream": True, "session_id": "in-flight"}).encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as s:
        s.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\n"
            f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        wait_for(lambda: gateway.sessions("in-flight"), what="the live session")
        assert gateway.sessions("in-flight")[0]["status"] == "live"
        while s.recv(65536):
            pass
        wait_for(lambda: gateway.sessions("in-flight")[0]["status"] == "ok", what="the finished session")


# Around it


def test_models_health_and_metrics(gateway: Server) -> None:
    for path in ("/models", "/v1/models"):
        listed = gateway.get(path)
        assert listed["object"] == "list"
    assert gateway.get("/v1/models/gpt-4o")["id"] == "gpt-4o"
    assert gateway.request("GET", "/v1/models/nobody-has-this").status == 404
    for path in ("/health/live", "/health/ready"):
        assert gateway.request("GET", path, key=None).status == 200
    metrics = gateway.request("GET", "/metrics")
    assert metrics.status == 200
    assert b"sessionary_" in metrics.body


def test_configured_models_are_listed(impatient: Server) -> None:
    assert {m["id"] for m in impatient.get("/v1/models")["data"]} >= {"slow", "gone"}


def test_what_people_ask_first_is_answered(gateway: Server) -> None:
    assert gateway.request("HEAD", "/", key=None).status == 200
    root = gateway.request("GET", "/", key=None)
    assert root.headers.get("location", "").startswith("/ui/")
    document = gateway.request("GET", "/api/openapi.json").json
    assert document["openapi"].startswith("3.")
    assert "/api/sessions" in document["paths"]


# Keys and projects


def test_keys_are_made_listed_and_revoked_while_the_server_runs(gateway: Server) -> None:
    made = json.loads(gateway.cli("keys", "create", "--project", "alpha", "--name", "ci", "--json"))
    key = made["key"]
    wait_for(lambda: gateway.chat("hi", key=key).status == 200, what="the new key being accepted")
    listing = gateway.cli("keys", "list", "--json")
    assert key not in listing
    assert any(row["id"] == made["id"] and row["project"] == "alpha" for row in json.loads(listing))
    gateway.cli("keys", "revoke", made["id"])
    wait_for(lambda: gateway.chat("hi", key=key).status == 401, seconds=2, what="the revoked key being refused")


def test_a_key_may_be_limited_to_models(gateway: Server) -> None:
    made = json.loads(gateway.cli("keys", "create", "--project", "beta", "--models", "gpt-4o-*", "--json"))
    key = made["key"]
    wait_for(lambda: gateway.chat("hi", "gpt-4o-mini", key=key).status == 200, what="the new key being accepted")
    refused = gateway.chat("hi", "gpt-4o", key=key)
    assert refused.status in {403, 404}
    error_of(refused)


def test_another_projects_ids_are_unknown(gateway: Server) -> None:
    ours, theirs = (
        json.loads(gateway.cli("keys", "create", "--project", name, "--json"))["key"] for name in ("ours", "theirs")
    )
    wait_for(lambda: gateway.request("GET", "/v1/models", key=theirs).status == 200, what="the keys being accepted")
    wait_for(lambda: gateway.request("GET", "/v1/models", key=ours).status == 200, what="the keys being accepted")
    answer = gateway.chat("a secret of ours", key=ours, session_id="shared-name")
    call_id = answer.headers["x-call-id"]
    gateway.call(call_id)
    session = gateway.sessions("shared-name", key=ours)[0]
    assert gateway.sessions("shared-name", key=theirs) == []
    for path, unknown in (
        (f"/api/calls/{call_id}", "/api/calls/call_00000000000000000000000000"),
        (f"/api/calls/{call_id}/request", "/api/calls/call_00000000000000000000000000/request"),
        (f"/api/calls/{call_id}/response", "/api/calls/call_00000000000000000000000000/response"),
        (f"/api/sessions/{session['id']}", "/api/sessions/ses_00000000000000000000000000"),
        (
            f"/api/sessions/{session['id']}/transcript",
            "/api/sessions/ses_00000000000000000000000000/transcript",
        ),
    ):
        assert gateway.request("GET", path, key=ours).status == 200, path
        theirs_sees, nothing = (gateway.request("GET", p, key=theirs) for p in (path, unknown))
        assert theirs_sees.status == nothing.status == 404, path
        assert without_ids(theirs_sees) == without_ids(nothing), path
    assert gateway.get("/api/search?q=secret", key=theirs)["data"] == []
    assert session["project"] == "ours"
    # The same name is another session there, not the same one.
    gateway.chat("mine", key=theirs, session_id="shared-name")
    mine = wait_for(lambda: gateway.sessions("shared-name", key=theirs))[0]
    assert mine["id"] != session["id"]
    assert mine["calls"] == 1


def without_ids(answer: Answer) -> Any:
    error = answer.json["error"]
    return {k: v for k, v in error.items() if k != "request_id"}


def test_no_key_reaches_log_or_disk(tmp_path: Path) -> None:
    with FakeUpstream() as fake:
        env = {"OPENAI_API_KEY": "sk-canary-upstream", "OPENAI_BASE_URL": fake.base_url}
        with running_server(tmp_path, env=env) as server:
            server.chat("hi")
            made = json.loads(server.cli("keys", "create", "--project", "p", "--json"))["key"]
            fake.script(Reply(b'{"error": {"message": "no"}}', 401))
            server.chat("hi again")
            server.stop()
        stored = b"".join(p.read_bytes() for p in server.data_dir.rglob("*") if p.is_file())
        for secret in (b"sk-canary-upstream", server.key.encode(), made.encode()):
            assert secret not in stored
            assert secret not in server.log.encode()
