"""What a message of this format shows and means: the same as in chat."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.errors import GatewayError, NotFound, Overloaded, PayloadTooLarge, UpstreamError
from sessionary.wire.chat import reading as chat
from sessionary.wire.message import Message, Piece
from sessionary.wire.messages import count, errors
from sessionary.wire.messages.reading import read_answer, read_message
from tests.support import messages

Wire = dict[str, Any]
PNG = "data:image/png;base64,AAAA"
SOURCE = {"type": "base64", "media_type": "image/png", "data": "AAAA"}


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def shown(message: Wire) -> Message:
    return read_message(encoded(message))[0]


def meaning(message: Wire) -> bytes | None:
    return read_message(encoded(message))[1]


def chat_meaning(message: Wire) -> bytes | None:
    return chat.read_message(encoded(message))[1]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ({"role": "user", "content": "q"}, {"role": "user", "content": "q"}),
        ({"role": "user", "content": [{"type": "text", "text": "q"}]}, {"role": "user", "content": "q"}),
        ({"role": "user", "content": [{"type": "text", "text": ""}]}, {"role": "user", "content": ""}),
        (
            {"role": "user", "content": [{"type": "image", "source": SOURCE}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
        ),
        (
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "r"}]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ),
        (
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "E"},
                    {"type": "text", "text": "a"},
                    {"type": "tool_use", "id": "c", "name": "f", "input": {"x": 1.0, "n": None}},
                ],
            },
            {
                "role": "assistant",
                "content": "a",
                "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": '{"n": null, "x": 1}'}}],
            },
        ),
        (
            {
                "role": "user",
                "content": [
                    {
                        "type": "document",
                        "title": "a.pdf",
                        "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
                    }
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}}
                ],
            },
        ),
    ],
)
def test_it_means_what_it_means_in_chat(here: Wire, there: Wire) -> None:
    assert meaning(here) == chat_meaning(there)


def test_the_id_of_a_call_is_what_the_provider_called_it() -> None:
    here = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_b64_YS5iOjA", "name": "f", "input": {}}]}
    there = {"role": "assistant", "tool_calls": [{"id": "a.b:0", "function": {"name": "f", "arguments": ""}}]}
    assert meaning(here) == chat_meaning(there)


@given(messages.answers)
@settings(max_examples=50, deadline=None)
def test_an_answer_means_the_same_when_it_is_sent_back(body: Wire) -> None:
    """By a client that drops empty texts, reasoning, and null fields, and marks what may be cached."""
    kept = [b for b in body["content"] if b.get("text") != "" and b["type"] not in ("thinking", "redacted_thinking")]
    back = {"role": "assistant", "content": [b | {"cache_control": {"type": "ephemeral"}} for b in kept]}
    assert read_answer(encoded(body))[1] == meaning(back)


@given(messages.messages)
@settings(max_examples=50, deadline=None)
def test_what_is_said_otherwise_means_something_else(history: list[Wire]) -> None:
    for message in history:
        changed = message | {"content": [{"type": "text", "text": "quite another"}]}
        if message["role"] == "system":
            assert meaning(message) == ()
        else:
            assert meaning(message) != meaning(changed)


def test_what_the_providers_own_tools_did_is_shown() -> None:
    found = shown(
        {
            "role": "assistant",
            "content": [
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
                {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"url": "u"}]},
                {"type": "mcp_tool_use", "id": "m1", "name": "f", "server_name": "s", "input": {}},
                {"type": "mcp_tool_result", "tool_use_id": "m1", "content": [{"type": "text", "text": "r"}]},
            ],
        }
    )
    assert found.pieces == [
        Piece("tool_call", id="s1", name="web_search", arguments={"query": "q"}, kind="server_tool_use"),
        Piece("tool_result", id="s1", content=[Piece("other", value=[{"url": "u"}])]),
        Piece("tool_call", id="m1", name="f", arguments={}, kind="mcp_tool_use", detail="s"),
        Piece("tool_result", id="m1", content=[Piece("text", text="r")]),
    ]


def test_a_message_of_results_alone_is_a_tools() -> None:
    result = {"type": "tool_result", "tool_use_id": "c", "content": "r"}
    assert shown({"role": "user", "content": [result]}).role == "tool"
    assert shown({"role": "user", "content": [result, {"type": "text", "text": "q"}]}).role == "user"


@given(
    st.binary(max_size=40) | st.sampled_from([b'{"role": 1, "content": {"a": 1}}', b"[]", b'{"content": [1, null]}'])
)
@settings(max_examples=70)
def test_any_bytes_are_read(raw: bytes) -> None:
    assert isinstance(read_message(raw)[0], Message)
    assert isinstance(read_answer(raw)[0], Message)


# -- errors


@pytest.mark.parametrize(
    ("status", "type"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (405, "invalid_request_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_the_type_of_a_failure_is_by_its_status(status: int, type: str) -> None:
    assert errors.type_of(status) == type
    assert errors.write(status, "whatever", "m") == {"type": "error", "error": {"type": type, "message": "m"}}


@pytest.mark.parametrize(
    ("error", "type"),
    [
        (NotFound(), "not_found_error"),
        (PayloadTooLarge(), "request_too_large"),
        (Overloaded(), "overloaded_error"),
        (UpstreamError(), "api_error"),
    ],
)
def test_a_failure_of_the_gateway(error: GatewayError, type: str) -> None:
    assert json.loads(errors.body(error, "req_1")) == {
        "type": "error",
        "error": {"type": type, "message": error.message},
        "request_id": "req_1",
    }


# -- counting


def test_counting_is_near() -> None:
    words = {"model": "m", "messages": [{"role": "user", "content": "one two three four five six seven eight"}]}
    assert 8 <= count.estimate(words) <= 16
    tool = {"name": "f", "description": "does something", "input_schema": {"type": "object", "properties": {}}}
    assert count.estimate(words | {"tools": [tool]}) > count.estimate(words) + 10
    assert count.estimate(words | {"system": "be brief"}) > count.estimate(words)
    image = {"role": "user", "content": [{"type": "image", "source": SOURCE}]}
    assert count.estimate({"messages": [image]}) > 700


@given(messages.requests)
@settings(max_examples=50, deadline=None)
def test_any_request_is_counted(body: Wire) -> None:
    assert count.estimate(body) > 0


@pytest.mark.parametrize("body", [{}, {"messages": 1}, {"messages": [1, None, "x"], "tools": [1], "system": {"a": 1}}])
def test_what_is_no_request_is_counted_too(body: Wire) -> None:
    assert count.estimate(body) > 0


def test_what_a_text_cites_is_shown_and_means_nothing() -> None:
    cited = {"type": "char_location", "cited_text": "a", "document_index": 0, "document_title": "b"}
    message: Wire = {"role": "assistant", "content": [{"type": "text", "text": "hi", "citations": [cited]}]}
    assert shown(message).pieces == [Piece("text", text="hi", annotations=[cited])]
    assert meaning(message) == meaning({"role": "assistant", "content": "hi"})
    assert shown({"role": "user", "content": [{"type": "text", "text": "hi", "citations": None}]}).pieces == [
        Piece("text", text="hi")
    ]


def test_redacted_reasoning_says_so() -> None:
    message: Wire = {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "x"}]}
    assert shown(message).pieces == [Piece("reasoning", detail="redacted")]
