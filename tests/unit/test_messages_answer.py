"""Answers of the Messages format, whole and as streams: read, written, put together."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessionary.wire import loose
from sessionary.wire.canonical import Answer, Closed, Delta, Ended, Failed, Opened, Part, Started, Told, Turn
from sessionary.wire.message import Piece, Usage
from sessionary.wire.messages.answer import read_answer, write_answer
from sessionary.wire.messages.assemble import assemble
from sessionary.wire.messages.stream import CUT, Reader, Writer
from sessionary.wire.sse import Event, Parser
from tests.support import messages

Wire = dict[str, Any]


def events(raw: bytes) -> list[Event]:
    parser = Parser()
    return [*parser.feed(raw), *parser.close()]


def told(found: Iterable[Event]) -> list[Told]:
    reader = Reader()
    return [told for event in found for told in reader.feed(event)] + reader.close()


def streamed(body: Wire, piece: int = 3) -> list[Told]:
    return told(events(messages.sse(messages.events(body, piece))))


def written(told: Iterable[Told]) -> tuple[list[Wire], Wire | None]:
    """The events as a client gets them, and the body."""
    writer = Writer({"model": "asked"}, "resp_1", 0)
    raw = b"".join(writer.feed(one) for one in told) + writer.close()
    found = [(event.event, json.loads(event.data)) for event in events(raw)]
    assert all(name == data["type"] for name, data in found)
    return [data for _, data in found], writer.body


def message(*content: Wire, **fields: Any) -> Wire:
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-4-8", "content": list(content)}
    body |= {"stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 2}}
    return body | fields


TEXT = {"type": "text", "text": "hello there"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1]}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "E1"}


# -- whole


@given(messages.answers)
@settings(max_examples=70, deadline=None)
def test_read_and_written_an_answer_is_the_same(body: Wire) -> None:
    assert write_answer(read_answer(body), {}) == body


def test_an_answer_in_the_canonical_form() -> None:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3, "output_tokens": 7}
    usage |= {"output_tokens_details": {"thinking_tokens": 2}, "service_tier": "standard"}
    answer = read_answer(message(THOUGHT, TEXT, CALL, stop_reason="tool_use", usage=usage))
    assert answer.usage == Usage(input=18, output=7, cached=5, cache_write=3, reasoning=2)
    assert (answer.stop, answer.service_tier) == ("tool_calls", "default")
    assert [part.piece.type for part in answer.turns[0].parts] == ["reasoning", "text", "tool_call"]
    assert answer.turns[0].parts[0].signature == "E1"


def test_an_answer_of_another_format() -> None:
    call = Part(Piece("tool_call", id="functions.f:0", name="f", arguments={"a": 1}), "chat", None)
    thought = Part(Piece("reasoning", text="hm"), "responses", {"type": "reasoning"}, "gAAA")
    searched = Part(Piece("other", value={"type": "web_search_call"}), "responses", None)
    turn = Turn("assistant", [thought, searched, Part(Piece("text", text="a"), "chat", None), call])
    usage = Usage(input=10, output=5, cached=4, reasoning=1)
    body = write_answer(Answer("resp_1", "gpt", [turn], "stop", usage=usage, service_tier="default"), {})
    assert body == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "gpt",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sessionary:responses:signed:gAAA"},
            {"type": "text", "text": "a"},
            {"type": "tool_use", "id": "toolu_b64_ZnVuY3Rpb25zLmY6MA", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 6,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 4,
            "output_tokens": 5,
            "output_tokens_details": {"thinking_tokens": 1},
            "service_tier": "standard",
        },
    }
    assert read_answer(body).turns[0].parts[0].format == "responses"


@pytest.mark.parametrize(
    ("stop", "sequence", "reason"),
    [
        ("stop", "", "end_turn"),
        ("stop", "END", "stop_sequence"),
        ("length", "", "max_tokens"),
        ("tool_calls", "", "tool_use"),
        ("refusal", "", "refusal"),
        ("content_filter", "", "refusal"),
        ("pause", "", "pause_turn"),
    ],
)
def test_why_it_ended(stop: Any, sequence: str, reason: str) -> None:
    turn = Turn("assistant", [Part(Piece("text", text="a"), "chat", None)])
    body = write_answer(Answer("chatcmpl-1", "m", [turn], stop, sequence), {})
    assert (body["stop_reason"], body["stop_sequence"]) == (reason, sequence or None)


def test_a_failure_in_place_of_an_answer() -> None:
    error = {"type": "overloaded_error", "message": "busy"}
    answer = read_answer({"type": "error", "error": error, "request_id": "r"})
    assert (answer.stop, answer.error) == ("error", error)
    assert write_answer(answer, {}) == {"type": "error", "error": error}


# -- streams


@given(messages.answers, st.integers(1, 4))
@settings(max_examples=70, deadline=None)
def test_a_stream_says_what_the_answer_says(body: Wire, piece: int) -> None:
    found = streamed(body, piece)
    whole = read_answer(body)
    closed = [one.part for one in found if isinstance(one, Closed)]
    parts = [part for turn in whole.turns for part in turn.parts]
    said = [(p.piece, p.signature, p.redacted, p.format) for p in parts if p.piece != Piece("text")]
    assert [(p.piece, p.signature, p.redacted, p.format) for p in closed if p.piece != Piece("text")] == said
    assert isinstance(found[0], Started)
    assert found[-1] == Ended(whole.stop, whole.usage, whole.stop_sequence)
    _in_order(found)


def _in_order(found: list[Told]) -> None:
    """Opened, its deltas, closed; the deltas of a text add up to it."""
    at, text = -1, ""
    for one in found:
        match one:
            case Opened(index=index):
                assert index == at + 1
                at, text = index, ""
            case Delta(index=index):
                assert index == at
                text += one.text
            case Closed(index=index, part=part):
                assert index == at
                if part.piece.type in ("text", "reasoning"):
                    assert text == part.piece.text
                elif part.piece.type == "tool_call":
                    assert (json.loads(text) if text else {}) == part.piece.arguments


@given(messages.answers, st.integers(1, 4))
@settings(max_examples=70, deadline=None)
def test_a_stream_is_put_together_to_the_answer(body: Wire, piece: int) -> None:
    raw = assemble(messages.sse(messages.events(body, piece)))
    assert raw is not None
    assert _plain(json.loads(raw)) == _plain(body)


def _plain(body: Wire) -> Wire:
    """Without what a stream adds or does not say: null counts."""
    return body | {"usage": {k: v for k, v in body["usage"].items() if v is not None}}


@given(messages.answers, st.integers(1, 4))
@settings(max_examples=70, deadline=None)
def test_a_stream_that_is_read_and_written_amounts_to_the_same(body: Wire, piece: int) -> None:
    found, finished = written(streamed(body, piece))
    again = assemble(messages.sse(found))
    assert again is not None
    assert finished is not None
    said = [block for block in body["content"] if block != {"type": "text", "text": ""}]
    for one in (json.loads(again), finished):
        assert [block for block in one["content"] if block.get("text") != ""] == said
        assert read_answer(one).usage == read_answer(body).usage
        assert (one["id"], one["model"], one["stop_sequence"]) == ("msg_1", body["model"], body["stop_sequence"])


@given(messages.answers, st.data())
@settings(max_examples=70, deadline=None)
def test_a_stream_that_is_cut_anywhere_amounts_to_what_was_delivered(body: Wire, data: st.DataObject) -> None:
    raw = messages.sse(messages.events(body))
    cut = raw[: data.draw(st.integers(0, len(raw)))]
    whole = assemble(cut)
    found = told(events(cut))
    assert isinstance(found[-1], Ended | Failed)
    assert sum(isinstance(one, Ended | Failed) for one in found) == 1
    _, finished = written(found)
    assert finished is not None
    if whole is not None:
        delivered = json.loads(whole)["content"]
        assert [b["type"] for b in delivered] == [b["type"] for b in body["content"]][: len(delivered)]
        texts = "".join(b.get("text", "") for b in delivered)
        assert "".join(b.get("text", "") for b in body["content"]).startswith(texts)
        assert "".join(b.get("text", "") for b in finished.get("content", [])) == texts


@given(st.lists(st.sampled_from([b"event: ", b"data: ", b"\n\n", b"{}", b'{"type":"content_block_', b'start"}', b"x"])))
@example([b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}\n\n'])
@example([b'data: {"type":"message_start","message":7}\n\ndata: {"type":"message_delta","usage":[]}\n\n'])
@settings(max_examples=50)
def test_any_bytes_are_read(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    assemble(raw)
    found = told(events(raw))
    assert isinstance(found[-1], Ended | Failed)
    written(found)


def test_every_event_of_a_stream() -> None:
    found, finished = written(streamed(message(THOUGHT, TEXT, CALL, stop_reason="tool_use"), 20))
    start, ping, *rest = found
    assert ping == {"type": "ping"}
    assert start["message"]["content"] == []
    assert start["message"]["stop_reason"] is None
    delta = "content_block_delta"
    assert rest == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": delta, "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
        {"type": delta, "index": 0, "delta": {"type": "signature_delta", "signature": "E1"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": delta, "index": 1, "delta": {"type": "text_delta", "text": "hello there"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": CALL | {"input": {}}},
        {"type": delta, "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a":[1]}'}},
        {"type": "content_block_stop", "index": 2},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {
                "input_tokens": 1,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 2,
            },
        },
        {"type": "message_stop"},
    ]
    assert finished is not None
    assert finished["content"] == [THOUGHT, TEXT, CALL]


def test_a_part_that_no_delta_told_is_told_as_it_closes() -> None:
    call = Part(Piece("tool_call", id="c", name="f", arguments={"a": 1}), "chat", None)
    text = Part(Piece("text", text="hi"), "chat", None)
    hidden = Part(Piece("reasoning"), "responses", {}, "gAAA", redacted=True)
    parts = [Opened(0, Piece("reasoning")), Closed(0, hidden), Opened(1, Piece("text")), Closed(1, text)]
    parts += [Opened(2, Piece("tool_call", id="c", name="f")), Closed(2, call)]
    found, finished = written([Started("x", "m", 0), *parts, Ended("tool_calls", None)])
    again = assemble(messages.sse(found))
    assert again is not None
    assert finished is not None
    assert json.loads(again)["content"] == finished["content"]
    assert [block["type"] for block in finished["content"]] == ["redacted_thinking", "text", "tool_use"]
    assert read_answer(finished).turns[0].parts[0].signature == "gAAA"


def test_what_another_providers_tools_did_is_not_shown() -> None:
    searched = Part(Piece("other", value={"type": "web_search_call"}), "responses", None)
    opened = Opened(0, Piece("other", value={}), "web_search_call")
    found, finished = written([Started("x", "m", 0), opened, Closed(0, searched), Ended("stop", None)])
    assert [event["type"] for event in found] == ["message_start", "ping", "message_delta", "message_stop"]
    assert finished is not None
    assert finished["content"] == []


def test_a_failure_ends_the_stream() -> None:
    raw = messages.sse(messages.events(message(TEXT))[:4])
    raw += messages.sse([{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}])
    found = told(events(raw))
    assert found[-1] == Failed("overloaded_error", "busy")
    said, finished = written(found)
    assert said[-1] == {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    assert finished is not None
    assert finished["error"] == {"type": "overloaded_error", "message": "busy"}
    whole = assemble(raw)
    assert whole is not None
    assert (json.loads(whole)["error"]["type"], json.loads(whole)["stop_reason"]) == ("overloaded_error", None)


def test_a_stream_that_breaks_off() -> None:
    raw = messages.sse(messages.events(message(TEXT))[:-2])
    assert told(events(raw))[-1] == CUT
    assert isinstance(told(events(messages.sse(messages.events(message(TEXT))[:-1])))[-1], Ended)
    assert told([]) == [CUT]
    assert written([CUT])[1] == {"type": "error", "error": {"type": "api_error", "message": CUT.message}}


def test_a_call_that_was_cut_keeps_its_words() -> None:
    raw = messages.sse(messages.events(message(CALL), 4)[:5])
    whole = assemble(raw)
    assert whole is not None
    assert json.loads(whole)["content"][0]["input"] == '{"a"'


def test_a_character_that_was_cut_in_two_is_one() -> None:
    halves = [
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}' % half
        for half in (rb"\ud83d", rb"\ude00")
    ]
    whole = assemble(b"".join(b"data: %s\n\n" % half for half in halves))
    assert whole is not None
    assert json.loads(whole)["content"] == [{"type": "text", "text": "\U0001f600"}]


def test_an_answer_that_was_no_stream() -> None:
    raw = loose.encode(message(TEXT))
    assert assemble(raw) == raw
    assert assemble(b"nonsense") is None
