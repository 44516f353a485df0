"""Spans of calls, as a collector gets them from a gateway as it is run."""

import contextlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary.drain.tracing import Ended, Tracing
from sessionary.store import schema
from sessionary.traces.span import Span, span_id, trace_id
from tests.support.collector import Collector
from tests.support.recorded import Log, user
from tests.support.server import Answer, Server, free_port, running_server, wait_for
from tests.support.talk import Talk
from tests.support.upstream import FakeUpstream, Reply, answer_to

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "50"}


@contextlib.contextmanager
def traced(tmp_path: Path, upstream: FakeUpstream, url: str | None, **env: str) -> Iterator[Server]:
    given = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": upstream.base_url, "SESSIONARY_TRACES": url}
    with running_server(tmp_path, env={**given, **SOON, **env}) as server:
        yield server


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as started:
        yield started


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream, collector: Collector
) -> Iterator[Server]:
    with traced(tmp_path_factory.mktemp("traced"), shared_upstream, collector.url) as started:
        yield started


def call_of(answer: Answer) -> str:
    return answer.headers["x-call-id"]


def chat(server: Server, text: str, session: str, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **fields}
    return server.post("/v1/chat/completions", body, {"x-session-id": session, **(headers or {})})


def test_a_chat(server: Server, collector: Collector) -> None:
    call_id = call_of(chat(server, "hello there", "traced-chat"))
    span = collector.of(call_id)
    call = server.call(call_id)
    assert (span.name, span.kind, span.failed, span.said, span.events) == ("chat gpt-4o", "CLIENT", False, "", 0)
    assert (span.trace, span.id, span.parent) == (f"{trace_id(call_id):032x}", f"{span_id(call_id):016x}", "")
    assert (span["gen_ai.conversation.id"], span["session.id"]) == ("traced-chat", "traced-chat")
    assert span["gen_ai.usage.input_tokens"] == call["input_tokens"] == 12
    assert span["gen_ai.usage.output_tokens"] == call["output_tokens"] > 0
    assert (span["gen_ai.usage.cache_read.input_tokens"], span["gen_ai.usage.reasoning.output_tokens"]) == (3, 1)
    assert (span["gen_ai.provider.name"], span["gen_ai.response.model"]) == ("openai", "gpt-4o")
    assert span["gen_ai.response.id"].startswith("chatcmpl-")
    assert span["gen_ai.response.finish_reasons"] == ["stop"]
    assert (span["sessionary.project"], span["sessionary.key.name"]) == ("default", "master")
    assert span["sessionary.cost"] == pytest.approx(call["cost"])
    assert 0 < span.end - span.start < 20e9
    assert abs(span.start / 1e9 - time.time()) < 60
    assert (span.resource["service.name"], "service.version" in span.resource) == ("sessionary", True)
    assert span.resource["service.instance.id"] == (server.data_dir / "gateway.id").read_text().strip()


def test_a_stream(server: Server, collector: Collector) -> None:
    span = collector.of(call_of(chat(server, "stream this", "traced-stream", stream=True)))
    assert span["gen_ai.request.stream"] is True
    assert 0 < span["gen_ai.response.time_to_first_chunk"] <= (span.end - span.start) / 1e9
    assert span["gen_ai.response.finish_reasons"] == ["stop"]
    assert span["gen_ai.response.model"] == "gpt-4o"


def test_a_call_that_fails(server: Server, collector: Collector, shared_upstream: FakeUpstream) -> None:
    refusal = {"error": {"message": "he said 'buy milk'", "type": "insufficient_quota", "code": None}}
    shared_upstream.script(Reply(json.dumps(refusal).encode(), status=402))
    answer = chat(server, "buy milk", "traced-failure")
    assert answer.status == 402
    span = collector.of(call_of(answer))
    assert (span.failed, span["error.type"], span["sessionary.http_status"]) == (True, "insufficient_quota", 402)
    assert span.said == ""
    assert not any(b"milk" in body for body in collector.bodies)


def test_a_call_that_no_provider_gets(server: Server, collector: Collector) -> None:
    answer = server.chat("hello", model="nothing-serves-this", metadata={"session_id": "traced-rejected"})
    assert answer.status == 404
    span = collector.of(call_of(answer))
    assert (span.failed, span["sessionary.status"]) == (True, "rejected")
    assert "gen_ai.provider.name" not in span.attributes


def test_other_operations(server: Server, collector: Collector) -> None:
    body = {"model": "text-embedding-3-small", "input": "hello"}
    span = collector.of(call_of(server.post("/v1/embeddings", body)))
    assert (span.name, span["gen_ai.usage.input_tokens"]) == ("embeddings text-embedding-3-small", 4)
    legacy = server.post("/v1/completions", {"model": "gpt-3.5-turbo-instruct", "prompt": "hello"})
    assert collector.of(call_of(legacy)).name == "text_completion gpt-3.5-turbo-instruct"


def test_what_a_call_goes_on_from_is_linked(server: Server, collector: Collector) -> None:
    """By the history that it sends back, within a session that the content has found."""
    messages = [{"role": "user", "content": "a chain that nobody names"}]
    first = server.post("/v1/chat/completions", {"model": "gpt-4o", "messages": messages})
    messages += [{"role": "assistant", "content": answer_to(messages[0]["content"])}]
    messages += [{"role": "user", "content": "and on"}]
    second = server.post("/v1/chat/completions", {"model": "gpt-4o", "messages": messages})
    one, two = collector.of(call_of(first)), collector.of(call_of(second))
    assert one.links == []
    assert two.links == [(one.trace, one.id, {"sessionary.relation": "continues"})]
    assert two["gen_ai.conversation.id"] == one["gen_ai.conversation.id"] == first.headers["x-session-id"]
    assert two.trace != one.trace


def test_the_span_of_a_request_within_a_trace(server: Server, collector: Collector) -> None:
    header = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    first = collector.of(call_of(chat(server, "within", "traced-within", header)))
    assert (first.trace, first.parent) == (TRACE, SPAN)
    history = [{"role": "user", "content": "within"}, {"role": "assistant", "content": answer_to("within")}]
    body = {"model": "gpt-4o", "messages": [*history, {"role": "user", "content": "later"}], "stream": True}
    later = collector.of(call_of(server.post("/v1/chat/completions", body, {"x-session-id": "traced-within"})))
    assert later.links == [(TRACE, first.id, {"sessionary.relation": "continues"})]


def test_a_stream_within_a_trace_that_lasts_for_rounds(
    server: Server, collector: Collector, shared_upstream: FakeUpstream
) -> None:
    """It ends in another round of the drain than the one that has stored its headers."""
    pieces = [b'data: {"choices": [{"index": 0, "delta": {"content": "%d"}}]}\n\n' % n for n in range(5)]
    reply = Reply(pieces=[*pieces, b"data: [DONE]\n\n"], pause=0.5, headers={"content-type": "text/event-stream"})
    shared_upstream.script(reply)
    header = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    span = collector.of(call_of(chat(server, "slowly", "traced-slowly", header, stream=True)))
    assert (span.trace, span.parent) == (TRACE, SPAN)
    assert span.end - span.start > 2e9


def test_what_is_not_sampled_has_no_span(server: Server, collector: Collector) -> None:
    unwanted = call_of(chat(server, "unseen", "traced-unseen", {"traceparent": f"00-{TRACE}-{SPAN}-00"}))
    wanted = call_of(chat(server, "seen", "traced-unseen"))
    collector.of(wanted)
    assert server.call(unwanted)["status"] == "ok"
    assert collector.all_of(unwanted) == []


def test_a_replay_has_spans_and_the_demo_none(server: Server, collector: Collector) -> None:
    original = call_of(chat(server, "again please", "traced-replayed"))
    collector.of(original)
    before = server.balance()["stored"]
    server.cli("demo", "--sessions", "3")
    assert server.balance()["stored"] > before
    session = server.session("traced-replayed", calls=1)["id"]
    assert server.post(f"/api/sessions/{session}/replay", {"model": "gpt-4o-mini"}).status == 200
    replayed = wait_for(lambda: [s for s in collector.spans if s["gen_ai.request.model"] == "gpt-4o-mini"])
    assert replayed[0].links == [
        (f"{trace_id(original):032x}", f"{span_id(original):016x}", {"sessionary.relation": "replay"})
    ]
    assert "demo" not in {span["sessionary.project"] for span in collector.spans}


def test_names_of_keys_and_projects(server: Server, collector: Collector) -> None:
    made = server.post("/api/keys", {"project": "traced-shop", "name": "checkout"}).json
    call_id = call_of(server.chat("hello", key=made["key"]))
    span = collector.of(call_id)
    assert (span["sessionary.project"], span["sessionary.key.name"]) == ("traced-shop", "checkout")
    assert span["sessionary.key.id"] == made["id"]


def test_the_counters_tell_of_it(server: Server, collector: Collector) -> None:
    collector.of(call_of(chat(server, "counted", "traced-counted")))

    def counted() -> str | None:
        found = re.search(r"^sessionary_spans_sent_total (.*)$", server.request("GET", "/metrics").body.decode(), re.M)
        return found[1] if found and float(found[1]) else None

    wait_for(counted, what="a counter of spans")
    assert b"sessionary_spans_dropped_total 0.0" in server.request("GET", "/metrics").body


def test_only_the_drain_has_what_sends_them(server: Server, collector: Collector) -> None:
    collector.of(call_of(chat(server, "loaded", "traced-loaded")))
    assert [_has_protobuf(pid) for pid in (server.pid, *server.processes())].count(True) == 1


def test_nobody_has_it_where_nobody_asks(shared_server: Server) -> None:
    shared_server.call(call_of(shared_server.chat("hello")))
    assert not any(_has_protobuf(pid) for pid in (shared_server.pid, *shared_server.processes()))


def _has_protobuf(pid: int) -> bool:
    return "google/_upb" in Path(f"/proc/{pid}/maps").read_text()


def test_on_both_stores(url: str, tmp_path: Path, upstream: FakeUpstream) -> None:
    """With the variables alone, for a base address, with the names and headers that they give."""
    with Collector() as collector:
        env = {
            "SESSIONARY_DATABASE": url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url.removesuffix("/v1/traces"),
            "OTEL_EXPORTER_OTLP_HEADERS": "x-team=blue,authorization=Basic%20c2VjcmV0",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_SERVICE_NAME": "gateway-of-ours",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        }
        given = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": upstream.base_url}
        with running_server(tmp_path, env={**given, **SOON, **env}) as server:
            first = chat(server, "one", "both", {"traceparent": f"00-{TRACE}-{SPAN}-01"})
            server.session("both", calls=1)
            history = [{"role": "user", "content": "one"}, {"role": "assistant", "content": answer_to("one")}]
            body = {"model": "gpt-4o", "messages": [*history, {"role": "user", "content": "two"}]}
            second = server.post("/v1/chat/completions", body, {"x-session-id": "both"})
            one, two = collector.of(call_of(first)), collector.of(call_of(second))
        assert (one.trace, one.parent) == (TRACE, SPAN)
        assert two.links == [(TRACE, one.id, {"sessionary.relation": "continues"})]
        assert (one.resource["service.name"], one.resource["deployment.environment.name"]) == (
            "gateway-of-ours",
            "test",
        )
        assert set(collector.paths) == {"/v1/traces"}
        assert {(h["x-team"], h["authorization"]) for h in collector.headers} == {("blue", "Basic c2VjcmV0")}
        assert "c2VjcmV0" not in server.log


class Broken:
    """Whoever sends spans, and cannot."""

    def __init__(self) -> None:
        self.lost = 0

    def send(self, span: Span) -> None:
        raise RuntimeError

    def dropped(self, spans: int) -> None:
        self.lost += spans

    def close(self) -> None: ...


def test_what_goes_wrong_costs_spans_alone(engine: sa.Engine, log: Log, caplog: pytest.LogCaptureFixture) -> None:
    """Each is counted, the trouble told of once, and the round hears nothing of it."""
    log.chat("mine", [user("hello")])
    with engine.connect() as connection:
        row = connection.execute(sa.select(schema.calls)).one()._asdict()
    export = Broken()
    tracing = Tracing(engine, export)
    tracing.stored([Ended(row, {"session_id": "mine"}, "")] * 2)
    tracing.stored([Ended(row, {}, "")])
    assert (export.lost, caplog.text.count("spans cannot be made")) == (3, 1)


def test_a_collector_that_is_not_there(tmp_path: Path, upstream: FakeUpstream) -> None:
    """Calls are stored, the log says it once; and once that it is over."""
    port = free_port()
    with traced(
        tmp_path, upstream, f"http://user:pw-secret@127.0.0.1:{port}", OTEL_EXPORTER_OTLP_TIMEOUT="1"
    ) as server:
        for n in range(5):
            chat(server, f"unheard {n}", "unheard")
        server.session("unheard", calls=5)
        server.balance()
        time.sleep(2)  # more batches fail meanwhile
        assert server.log.count("does not take spans (it does not answer)") == 1
        assert "secret" not in server.log
        dropped = rb"sessionary_spans_dropped_total [1-9]"
        wait_for(lambda: re.search(dropped, server.request("GET", "/metrics").body), what="a counter of what is lost")


def test_a_collector_that_refuses_and_quotes(tmp_path: Path, upstream: FakeUpstream) -> None:
    with Collector(status=401, quoting=True) as collector:
        env = {"OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=canary-of-headers"}
        with traced(tmp_path, upstream, collector.url, **env) as server:
            chat(server, "refused", "refused")
            wait_for(lambda: "it answers 401" in server.log, what="a warning")
            collector.status = 200
            again = chat(server, "taken", "refused")
            collector.of(call_of(again))
            wait_for(lambda: "takes spans again; 1 were dropped" in server.log, what="the end of the trouble")
            assert b"canary-of-headers" not in server.request("GET", "/api/health").body
        assert "canary-of-headers" not in server.log
        assert "canary-of-headers" in str(collector.headers)


def test_a_collector_that_answers_nothing(tmp_path: Path, upstream: FakeUpstream) -> None:
    """No call waits for it, nothing is stored later, what is too much is dropped, and the end comes in time."""
    with Collector() as collector:
        collector.hold()
        env = {"OTEL_BSP_MAX_QUEUE_SIZE": "20", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10"}
        with traced(tmp_path, upstream, collector.url, **env) as server:
            for n in range(60):
                chat(server, f"held {n}", f"held-{n % 6}")
            began = time.monotonic()
            for n in range(6):
                server.session(f"held-{n}", calls=10, seconds=5)
            assert time.monotonic() - began < 5
            dropped = rb"sessionary_spans_dropped_total 40\.0"
            wait_for(lambda: re.search(dropped, server.request("GET", "/metrics").body), what="a full queue")
            began = time.monotonic()
            server.stop()
            assert time.monotonic() - began < 10
            assert "20 spans were not sent" in server.log
            assert server.log.count("does not take spans") == 1


@pytest.mark.parametrize(("queue", "batch"), [("20", ""), ("100", "200"), ("many", "0")])
def test_a_queue_shorter_than_a_batch(
    tmp_path: Path, upstream: FakeUpstream, collector: Collector, queue: str, batch: str
) -> None:
    """What the environment says of it need not fit together."""
    env = {"OTEL_BSP_MAX_QUEUE_SIZE": queue, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": batch}
    with traced(tmp_path, upstream, collector.url, **env) as server:
        assert collector.of(call_of(chat(server, f"short {queue}", f"short-{queue}")))


def test_what_is_left_is_sent_at_the_end(tmp_path: Path, upstream: FakeUpstream) -> None:
    with Collector() as collector:
        with traced(tmp_path, upstream, collector.url, OTEL_BSP_SCHEDULE_DELAY="60000") as server:
            ids = {call_of(chat(server, f"last {n}", "last")) for n in range(10)}
        assert {span["sessionary.call.id"] for span in collector.wait(10, 1)} == ids


def test_a_call_that_the_gateway_died_over(tmp_path: Path, upstream: FakeUpstream) -> None:
    """And one of each of several workers' calls."""
    with Collector() as collector, traced(tmp_path, upstream, collector.url, SESSIONARY_WORKERS="2") as server:
        for call_id in [call_of(chat(server, f"one of many {n}", "many")) for n in range(20)]:
            collector.of(call_id)
        upstream.script(Reply(silent=True))
        with Talk(server.port) as talk:
            talk.ask("/v1/chat/completions", {"model": "gpt-4o", "messages": [{"role": "user", "content": "dying"}]})
            wait_for(lambda: len(upstream.requests) == 21, what="the provider to be asked")
            server.kill9()
        server.start()
        died = collector.wait(21)[-1]
        assert (died.failed, died["error.type"], died["sessionary.status"]) == (True, "interrupted", "interrupted")


def test_the_setting_without_the_extra(tmp_path: Path, upstream: FakeUpstream) -> None:
    """A module of that name in the way is as good as none."""
    hidden = tmp_path / "hidden" / "opentelemetry"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("")
    env = {"PYTHONPATH": str(hidden.parent), "SESSIONARY_TRACES": "http://127.0.0.1:1"}
    with (
        pytest.raises(AssertionError, match=r"pip install 'sessionary\[otel\]'"),
        running_server(tmp_path, env=env, cold=True),
    ):
        pass
    del env["SESSIONARY_TRACES"]
    with running_server(
        tmp_path, env={**env, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, cold=True
    ) as server:
        assert "pip install 'sessionary[otel]'" in server.log
        assert server.chat("hello").status == 200


def test_nothing_private_is_in_what_is_sent(tmp_path: Path, upstream: FakeUpstream) -> None:
    """Whatever was said, credentials, end users, headers, errors; of a key that records metadata only, and redacted."""
    words = {name: f"canary-{name}-{secrets.token_hex(8)}" for name in (
        "system", "user", "answer", "tool", "argument", "error", "end-user", "email", "baggage", "agent-header",
        "metadata", "key", "bearer", "provider-key", "session",
    )}  # fmt: skip
    config = "redact:\n  - {name: secret-session, pattern: 'canary-session-\\w+'}\n"
    env = {"OPENAI_API_KEY": words["provider-key"], "OPENAI_BASE_URL": upstream.base_url, **SOON}
    with Collector() as collector:
        with running_server(tmp_path, env={**env, "SESSIONARY_TRACES": collector.url}, config=config) as server:
            bare = server.post("/api/keys", {"project": "bare", "name": "bare", "capture": "metadata"}).json["key"]
            words["master"], words["made"] = server.key, bare
            tools = [{"type": "function", "function": {"name": words["tool"], "parameters": {"type": "object"}}}]
            history = [
                {"role": "system", "content": words["system"]},
                {"role": "user", "content": words["user"]},
                {"role": "assistant", "content": None, "tool_calls": [
                    {"id": "call_x", "type": "function", "function": {"name": "f", "arguments": words["argument"]}}]},
                {"role": "tool", "tool_call_id": "call_x", "content": words["answer"]},
            ]  # fmt: skip
            body = {"model": "gpt-4o", "messages": history, "tools": tools, "user": words["end-user"],
                    "metadata": {"email": words["email"], "note": words["metadata"]}}  # fmt: skip
            headers = {"baggage": f"x={words['baggage']}", "x-claude-code-note": words["agent-header"],
                       "x-session-id": words["session"], "x-other": words["bearer"]}  # fmt: skip
            error = {"error": {"message": words["error"], "type": words["error"] + " and more", "code": words["error"]}}
            asked = 0
            for key in (server.key, bare):
                for stream in ({}, {"stream": True}):
                    upstream.script(Reply(json.dumps(error).encode(), status=400))
                    for path, more in (("chat/completions", body), ("chat/completions", body),
                                       ("responses", {"model": "gpt-4o", "input": words["user"],
                                                      "instructions": words["system"]})):  # fmt: skip
                        server.post(f"/v1/{path}", {**more, **stream}, headers, key=key)
                        asked += 1
            spans = collector.wait(asked)
        sent = b"".join(collector.bodies) + json.dumps(collector.headers).encode()
        found = [name for name, word in words.items() if word.encode() in sent or word[-16:].encode() in sent]
        assert found == []
        assert any("[redacted secret-session]" in span["session.id"] for span in spans)
        assert {span["sessionary.key.name"] for span in spans} == {"master", "bare"}
        assert {span["error.type"] for span in spans if span.failed} == {"_OTHER", "upstream_error"}


def test_a_model_of_ours_is_asked_for_and_the_providers_answers(tmp_path: Path, upstream: FakeUpstream) -> None:
    config = f"models:\n  - {{name: fast, model: openai/gpt-4o-mini, base_url: '{upstream.base_url}', api_key: k}}\n"
    env = {**SOON, "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": upstream.base_url}
    with (
        Collector() as collector,
        running_server(tmp_path, env={**env, "SESSIONARY_TRACES": collector.url}, config=config) as server,
    ):
        for stream in (False, True):
            span = collector.of(call_of(chat(server, "hello", "aliased", model="fast", stream=stream)))
            assert (span.name, span["gen_ai.request.model"]) == ("chat fast", "fast")
            assert span["gen_ai.response.model"] == "gpt-4o-mini"
