"""Two turns through any client, and what must be true afterwards on both sides of the gateway."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.server import Server
from tests.support.upstream import FakeUpstream, answer_to, usage_of

MODEL = "gpt-4o"
TURNS = ("My name is Ada.", "What is my name?")
ANSWERS = tuple(answer_to(text) for text in TURNS)
GATEWAY_ONLY = ("litellm_session_id", "session_id", "litellm_trace_id")
Messages = list[dict[str, Any]]
Ask = Callable[[Messages], str]
"""Sends the messages with a client library and returns the answer's text."""


def talk(ask: Ask) -> None:
    """The first turn, then the second with the history resent, as chat clients do."""
    history: Messages = [{"role": "user", "content": TURNS[0]}]
    assert ask(history) == ANSWERS[0]
    history += [{"role": "assistant", "content": ANSWERS[0]}, {"role": "user", "content": TURNS[1]}]
    assert ask(history) == ANSWERS[1]


def check(server: Server, upstream: FakeUpstream, session_id: str, *, stream: bool) -> None:
    """`upstream` has seen this conversation and nothing else."""
    check_upstream(server, upstream, session_id, stream=stream)
    check_record(server, upstream, session_id, stream=stream)


def check_upstream(server: Server, upstream: FakeUpstream, session_id: str, *, stream: bool) -> None:
    assert [r.path for r in upstream.requests] == ["/v1/chat/completions"] * 2
    for request in upstream.requests:
        body = request.json
        assert session_id.encode() not in request.body
        assert not any(name in body for name in GATEWAY_ONLY)
        assert "metadata" not in body  # OpenAI refuses it unless the answer is stored
        assert body["model"] == MODEL
        assert bool(body.get("stream")) is stream
        headers = json.dumps(request.headers)
        assert session_id not in headers
        assert server.key not in headers
        assert request.headers["authorization"] == "Bearer sk-upstream"
    assert [m["role"] for m in upstream.bodies[1]["messages"]] == ["user", "assistant", "user"]


def check_record(server: Server, upstream: FakeUpstream, session_id: str, *, stream: bool) -> None:
    usage = [usage_of(body) for body in upstream.bodies]
    session = server.session(session_id, calls=2)
    assert session["session_id"] == session_id
    assert session["source"] == "id"
    assert (session["calls"], session["turns"], session["errors"]) == (2, 2, 0)
    assert session["status"] == "ok"
    assert session["input_tokens"] == sum(u["prompt_tokens"] for u in usage)
    assert session["output_tokens"] == sum(u["completion_tokens"] for u in usage)
    assert session["cached_tokens"] == sum(u["prompt_tokens_details"]["cached_tokens"] for u in usage)
    assert session["reasoning_tokens"] == 2
    assert session["cost"] == pytest.approx(sum(cost_of(u) for u in usage), rel=1e-6)
    assert session["models"] == [MODEL]
    assert session["title"] == TURNS[0]

    transcript = server.transcript(session_id)
    assert transcript["session"]["id"] == session["id"]
    assert [c["call"]["stream"] for c in transcript["calls"]] == [stream, stream]
    assert [c["call"]["finish_reason"] for c in transcript["calls"]] == ["stop", "stop"]
    assert [texts(c["messages"]) for c in transcript["calls"]] == [[TURNS[0]], [TURNS[1]]]
    assert [texts([c["output"]]) for c in transcript["calls"]] == [[ANSWERS[0]], [ANSWERS[1]]]

    first, second = (c["call"] for c in transcript["calls"])
    assert second["parent_id"] == first["id"]
    assert server.get(f"/api/sessions/{session['id']}")["calls"][1]["id"] == second["id"]
    assert texts_sent(server.get(f"/api/calls/{second['id']}/request")) == [TURNS[0], ANSWERS[0], TURNS[1]]


def cost_of(usage: dict[str, Any]) -> float:
    """USD at gpt-4o's list price: 2.50 a million in, 1.25 cached, 10.00 out."""
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    fresh = usage["prompt_tokens"] - cached
    return float(fresh * 2.5 + cached * 1.25 + usage["completion_tokens"] * 10.0) / 1e6


def texts(messages: list[dict[str, Any]]) -> list[str]:
    """The text of each message as the transcript shows it."""
    return ["".join(p.get("text", "") for p in m["pieces"]) for m in messages]


def texts_sent(body: dict[str, Any]) -> list[str]:
    """The text of each message of a request body, whichever of the two forms the client used."""
    return [
        m["content"] if isinstance(m["content"], str) else "".join(p["text"] for p in m["content"])
        for m in body["messages"]
    ]
