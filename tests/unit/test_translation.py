"""Between any two formats: what both can say goes there and comes back."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.settings.tree import Format
from sessionary.wire import chat, loose
from sessionary.wire.canonical import Answer, Closed, Delta, Ended, Failed, Opened, Started, Told
from sessionary.wire.formats import FORMATS
from sessionary.wire.message import Piece
from sessionary.wire.messages import reading as messages_reading
from sessionary.wire.responses import reading as responses_reading
from sessionary.wire.sse import Event, Parser
from tests.support import chats

Wire = dict[str, Any]
READINGS: dict[str, Callable[[bytes], Any]] = {
    "responses": responses_reading.read_message,
    "messages": messages_reading.read_message,
}
PAIRS = [(a, b) for a in FORMATS for b in FORMATS if a != b]


def translated(body: Wire, of: Format, to: Format) -> Wire:
    return FORMATS[to].write_request(FORMATS[of].read_request(body))


def in_format(body: Wire, format: Format) -> Wire:
    """A request of that format, as one of its own clients would send it."""
    return body if format == "chat" else translated(body, "chat", format)


@pytest.mark.parametrize(("of", "to"), PAIRS)
@settings(max_examples=50)
@given(chats.requests())
def test_a_request_goes_there_and_back(of: Format, to: Format, body: Wire) -> None:
    own = in_format(body, of)
    back = translated(translated(own, of, to), to, of)
    back.pop("stream_options", None)
    assert back == own


@pytest.mark.parametrize("to", ["responses", "messages"])
@settings(max_examples=50)
@given(chats.conversations())
def test_the_same_means_the_same(to: Format, messages: list[Wire]) -> None:
    """In the formats' own pieces: Responses has a call in an item of its own, Messages joins the results."""
    for message in messages:
        if message["role"] == "system" or (to == "responses" and message.get("tool_calls")):
            continue
        asked = {"model": "m", "messages": [message]}
        body = translated(asked, "chat", to)
        said = body["input"] if to == "responses" else body["messages"]
        said = [{"role": "user", "content": said}] if isinstance(said, str) else said
        meanings = [READINGS[to](json.dumps(one).encode())[1] for one in said if one.get("content") != "."]
        assert meanings == [chat.read(json.dumps(message).encode())[1]]


# -- answers


def said(answer: Answer) -> list[Any]:
    return [part.piece for turn in answer.turns for part in turn.parts]


def without_times(body: Wire) -> Wire:
    """Nor a tier, which Responses always says."""
    return {k: v for k, v in body.items() if k not in ("id", "created", "service_tier")}


@pytest.mark.parametrize("to", [format for format in FORMATS if format != "chat"])
@settings(max_examples=50)
@given(chats.answers())
def test_an_answer_goes_there_and_back(to: Format, body: Wire) -> None:
    answer = FORMATS["chat"].read_answer(body)
    there = FORMATS[to].write_answer(answer, {"model": "some-model"})
    again = FORMATS[to].read_answer(json.loads(json.dumps(there)))
    assert said(again) == said(answer)
    back = FORMATS["chat"].write_answer(again, {})
    if to == "messages":  # which does not count reasoning apart
        for one in (back, body):
            one["usage"]["completion_tokens_details"] = {}
    assert without_times(back) == without_times(body)


def test_logprobs() -> None:
    tokens = [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]
    choice = {"index": 0, "message": {"role": "assistant", "content": "a", "refusal": None}, "finish_reason": "stop"}
    body = {"id": "c", "model": "m", "choices": [{**choice, "logprobs": {"content": tokens, "refusal": None}}]}
    asked = {"model": "m", "include": ["message.output_text.logprobs"]}
    there = FORMATS["responses"].write_answer(FORMATS["chat"].read_answer(body), asked)
    assert there["output"][0]["content"][0]["logprobs"] == tokens
    assert FORMATS["responses"].read_answer(there).logprobs == tokens


# -- streams


def stream(answer: Answer, step: int) -> list[Told]:
    """The answer as it is told in pieces of `step` characters."""
    told: list[Told] = [Started("up", answer.model, 1)]
    for index, part in enumerate(part for turn in answer.turns for part in turn.parts):
        piece = part.piece
        text = loose.encode(piece.arguments).decode() if piece.type == "tool_call" else piece.text
        told.append(Opened(index, Piece(piece.type, id=piece.id, name=piece.name), part.kind))
        told += [Delta(index, text[at : at + step]) for at in range(0, len(text), step)]
        told.append(Closed(index, part))
    return [*told, Ended(answer.stop, answer.usage)]


def reread(raw: bytes, format: Format) -> list[Told]:
    parser, reader = Parser(), FORMATS[format].Reader()
    events = [*parser.feed(raw), *parser.close()]
    return [*(told for event in events for told in reader.feed(event)), *reader.close()]


def written(told: list[Told], format: Format, asked: Wire) -> tuple[bytes, Wire]:
    ids: dict[Format, str] = {"chat": "chatcmpl-1", "responses": "resp_1", "messages": "msg_1"}
    writer = FORMATS[format].Writer(asked, ids[format], 1_767_225_600)
    raw = b"".join(writer.feed(one) for one in told) + writer.close()
    assert writer.body is not None
    return raw, json.loads(loose.encode(writer.body))


@pytest.mark.parametrize("to", list(FORMATS))
@settings(max_examples=50)
@given(chats.answers(), st.integers(1, 9))
def test_a_stream_amounts_to_the_same_answer(to: Format, body: Wire, step: int) -> None:
    answer = FORMATS["chat"].read_answer(body)
    asked = {"model": "some-model", "stream": True, "stream_options": {"include_usage": True}}
    raw, whole = written(stream(answer, step), to, asked)
    found = FORMATS[to].read_answer(whole)
    assert (said(found), found.stop) == (said(answer), answer.stop)
    told = reread(raw, to)
    parts = [one.part.piece for one in told if isinstance(one, Closed)]
    assert parts == said(answer)
    deltas = ["".join(t.text for t in told if isinstance(t, Delta) and t.index == index) for index in range(len(parts))]
    assert deltas == [
        "".join(t.text for t in stream(answer, step) if isinstance(t, Delta) and t.index == index)
        for index in range(len(parts))
    ]
    _, back = written(told, "chat", asked)
    for one in (back, body):
        if to == "messages":
            one["usage"]["completion_tokens_details"] = {}
    assert without_times(back) == without_times(body)


@pytest.mark.parametrize("to", list(FORMATS))
@settings(max_examples=50)
@given(chats.answers(), st.integers(0, 30))
def test_a_stream_that_breaks_ends_in_every_format(to: Format, body: Wire, length: int) -> None:
    answer = FORMATS["chat"].read_answer(body)
    told = [*stream(answer, 3)[:-1][:length], Failed("upstream_error", "It broke.")]
    raw, whole = written(told, to, {"model": "some-model", "stream": True})
    failures = [one for one in reread(raw, to) if isinstance(one, Failed)]
    assert [one.message for one in failures] == ["It broke."]
    assert FORMATS[to].read_answer(whole).stop == "error"


TYPES = st.sampled_from(
    [
        "response.created",
        "response.output_item.added",
        "response.output_text.delta",
        "response.output_item.done",
        "response.function_call_arguments.delta",
        "response.reasoning_summary_text.delta",
        "response.completed",
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
        "x",
    ]
)
FIELDS = st.sampled_from(
    [
        "item",
        "delta",
        "response",
        "message",
        "content_block",
        "index",
        "output_index",
        "item_id",
        "choices",
        "usage",
        "output",
        "content",
        "error",
        "part",
        "text",
        "arguments",
        "input",
        "id",
        "name",
        "stop_reason",
    ]
)
ITEMS = st.sampled_from(
    [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{"},
        {"type": "reasoning", "summary": [], "encrypted_content": "e"},
        {"type": "web_search_call", "id": "ws", "action": {}},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        {"type": "text", "text": "a"},
        {"type": "thinking", "thinking": "a", "signature": "s"},
        {"type": "text_delta", "text": "a"},
        {"type": "input_json_delta", "partial_json": "{"},
        {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {}},
    ]
)
EVENTS = st.tuples(TYPES, st.dictionaries(FIELDS, ITEMS | chats.JSON, max_size=4)).map(
    lambda drawn: Event(drawn[0], json.dumps({"type": drawn[0], **drawn[1]}))
)


@pytest.mark.parametrize("of", list(FORMATS))
@settings(max_examples=70)
@given(st.lists(EVENTS, max_size=8))
def test_any_stream_has_one_end_in_every_format(of: Format, events: list[Event]) -> None:
    reader = FORMATS[of].Reader()
    told = [one for event in events for one in reader.feed(event)] + reader.close()
    assert sum(isinstance(one, Ended | Failed) for one in told) == 1
    assert isinstance(told[-1], Ended | Failed)
    for to in FORMATS:
        raw, _ = written(told, to, {"model": "m", "stream": True})
        again = reread(raw, to)
        assert isinstance(again[-1], Failed if isinstance(told[-1], Failed) else Ended | Failed)


@pytest.mark.parametrize("format", list(FORMATS))
def test_errors(format: Format) -> None:
    body = FORMATS[format].write_error(429, "rate_limit_error", "Slow down.")
    assert body["error"]["message"] == "Slow down."
    assert body["error"]["type"] == "rate_limit_error"
