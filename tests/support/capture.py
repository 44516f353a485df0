"""A FakeUpstream that looks like the gateway to a client: three wire formats, each answer with a call id.

with gateway_like() as gateway:
    ...
    assert gateway.requests[0].headers["x-session-id"] == "mine"
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.upstream import FakeUpstream, Received, Reply, default_reply

JSON = "application/json"
EVENTS = "text/event-stream"
USAGE = {"input_tokens": 3, "output_tokens": 2}


def call_id(number: int) -> str:
    """The id that the answer to the request with this number (from 0) has."""
    return f"call_{number:026d}"


def response_id(number: int) -> str:
    return f"resp_{number:026d}"


@contextmanager
def gateway_like() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:

        def reply(request: Received) -> Reply:
            number = len(server.requests) - 1
            answer = _answer(request, number)
            return Reply(
                answer.body,
                answer.status,
                {**answer.headers, "x-call-id": call_id(number)},
                pieces=answer.pieces,
            )

        server.default = reply
        yield server


def root(server: FakeUpstream) -> str:
    """The address as people set it: without `/v1`."""
    return server.base_url.removesuffix("/v1")


def session_headers(request: Received) -> dict[str, str]:
    names = ("session", "previous-response", "baggage")
    return {k: v for k, v in request.headers.items() if any(name in k for name in names)}


def _answer(request: Received, number: int) -> Reply:
    path = request.path.partition("?")[0]
    if path.endswith("/messages"):
        return _messages(request.json)
    if path.endswith("/responses"):
        return _responses(request.json, number)
    return default_reply(request)


def _events(events: list[dict[str, Any]], *, done: bool) -> Reply:
    pieces = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events]
    return Reply(pieces=[*pieces, *([b"data: [DONE]\n\n"] if done else [])], headers={"content-type": EVENTS})


def _messages(body: dict[str, Any]) -> Reply:
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    }
    if not body.get("stream"):
        return Reply(json.dumps(whole).encode())
    return _events(
        [
            {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": USAGE},
            {"type": "message_stop"},
        ],
        done=False,
    )


def _responses(body: dict[str, Any], number: int) -> Reply:
    message = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "hi", "annotations": []}],
    }
    whole = {
        "id": response_id(number),
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": body["model"],
        "output": [message],
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            **USAGE,
            "total_tokens": 5,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }
    if not body.get("stream"):
        return Reply(json.dumps(whole).encode())
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}},
        {"type": "response.output_text.delta", **at, "delta": "hi", "logprobs": []},
        {"type": "response.completed", "response": whole},
    ]
    return _events([{**e, "sequence_number": n} for n, e in enumerate(events)], done=True)
