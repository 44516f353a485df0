"""A response's events: in the specified order and shape for clients, and read from whatever an upstream sends."""

import json
import time
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from sessionary.wire import loose
from sessionary.wire.canonical import Answer, Closed, Delta, Ended, Failed, Opened, Part, Started, Told, Turn
from sessionary.wire.chat import answer as chat
from sessionary.wire.message import Piece, Usage
from sessionary.wire.responses.answer import read_answer, write_answer
from sessionary.wire.responses.stream import Reader, Writer, assemble
from sessionary.wire.sse import Parser
from tests.support import chats, items

Wire = dict[str, Any]
ASKED = {"model": "some-model", "input": "x", "stream": True}
SHAPES: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def telling(answer: Answer, step: int) -> list[Told]:
    """The answer as it is told in pieces of `step` characters."""
    told: list[Told] = [Started("up", answer.model, 1)]
    for index, part in enumerate(part for turn in answer.turns for part in turn.parts):
        piece = part.piece
        text = loose.encode(piece.arguments).decode() if piece.type == "tool_call" else piece.text
        told.append(Opened(index, Piece(piece.type, id=piece.id, name=piece.name), part.kind))
        told += [Delta(index, text[at : at + step]) for at in range(0, len(text), step)]
        told.append(Closed(index, part))
    return [*told, Ended(answer.stop, answer.usage)]


def written(told: list[Told], asked: Wire = ASKED) -> tuple[bytes, Wire]:
    writer = Writer(asked, "resp_1a", 1_767_225_600)
    raw = b"".join(writer.feed(one) for one in told) + writer.close()
    assert writer.body is not None
    return raw, json.loads(loose.encode(writer.body))


def events(raw: bytes) -> list[Wire]:
    """Checks what holds for every stream."""
    found = Parser().feed(raw)
    assert found[-1].data == "[DONE]"
    parsed = [json.loads(event.data) for event in found[:-1]]
    assert [event["type"] for event in parsed] == [event.event for event in found[:-1]]
    assert [event["sequence_number"] for event in parsed] == list(range(len(parsed)))
    for event in parsed:
        SHAPES.validate_python(event)
    return parsed


def reread(raw: bytes) -> list[Told]:
    reader = Reader()
    return [*(told for event in Parser().feed(raw) for told in reader.feed(event)), *reader.close()]


def kinds(raw: bytes) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events(raw)]


# -- writing


@settings(max_examples=70)
@given(chats.answers(), st.integers(1, 9), items.requests)
def test_a_stream_ends_with_the_answer_that_it_amounts_to(body: Wire, step: int, asked: Wire) -> None:
    answer = msgspec.structs.replace(chat.read_answer(body), id="resp_1a", created=1_767_225_600, service_tier="")
    raw, whole = written(telling(answer, step), asked)
    said = events(raw)
    assert said[-1]["response"] == whole
    assert whole == json.loads(loose.encode(write_answer(answer, asked)))
    Response.model_validate(whole)
    assert assemble(raw) is not None
    assert json.loads(assemble(raw) or b"") == whole
    done = [event["item"] for event in said if event["type"] == "response.output_item.done"]
    assert done == whole["output"]


@settings(max_examples=50)
@given(chats.answers(), st.integers(1, 9))
def test_items_and_parts_are_opened_before_they_are_told_and_closed_after(body: Wire, step: int) -> None:
    raw, _ = written(telling(chat.read_answer(body), step))
    open_items: dict[int, str] = {}
    for event in events(raw):
        match event["type"].removeprefix("response."):
            case "output_item.added":
                assert not open_items
                open_items[event["output_index"]] = event["item"]["id"]
            case "output_item.done":
                assert open_items.pop(event["output_index"]) == event["item"]["id"]
            case "created" | "in_progress" | "completed" | "incomplete" | "failed":
                assert not open_items
            case _:
                assert open_items[event["output_index"]] == event["item_id"]
    assert not open_items


def test_the_order_of_events() -> None:
    parts = [
        Part(Piece("reasoning", text="hm"), "chat", {}),
        Part(Piece("text", text="ab"), "chat", {}),
        Part(Piece("refusal", text="no"), "chat", {}),
        Part(Piece("tool_call", id="c", name="f", arguments={}), "chat", {}),
        Part(Piece("tool_call", id="d", name="g", arguments="x"), "chat", {}, kind="custom"),
    ]
    raw, _ = written(telling(Answer("", "m", [Turn("assistant", parts)], "tool_calls"), 9))
    assert kinds(raw) == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
        "completed",
    ]


def test_an_answer_cut_by_its_limit_is_incomplete() -> None:
    part = Part(Piece("text", text="ab"), "chat", {})
    raw, whole = written(telling(Answer("", "m", [Turn("assistant", [part])], "length", usage=Usage(1, 2)), 9))
    assert kinds(raw)[-1] == "incomplete"
    assert (whole["status"], whole["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert whole["output"][0]["status"] == "incomplete"


@settings(max_examples=50)
@given(chats.answers(), st.integers(0, 30), st.booleans())
def test_a_stream_that_breaks_keeps_what_was_delivered(body: Wire, length: int, told_so: bool) -> None:
    told = telling(chat.read_answer(body), 2)[:-1][:length]
    raw, whole = written([*told, *([Failed("server_error", "It broke.")] if told_so else [])])
    said = events(raw)
    assert (said[-1]["type"], said[-1]["response"]) == ("response.failed", whole)
    assert whole["error"]["code"] == "server_error"
    delivered = "".join(one.text for one in told if isinstance(one, Delta))
    kept = [
        *(part["text"] for item in whole["output"] for part in item.get("summary", [])),
        *(part["text"] for item in whole["output"] for part in item.get("content", [])),
        *(item["arguments"] for item in whole["output"] if "arguments" in item),
    ]
    assert "".join(kept) == delivered


def test_a_surrogate_pair_that_two_deltas_share() -> None:
    part = Part(Piece("text", text="a😀"), "chat", {})
    told = [Opened(0, Piece("text")), Delta(0, "a\ud83d"), Delta(0, "\ude00"), Closed(0, part), Ended("stop", None)]
    raw, whole = written([Started("", "m", 1), *told])
    assert [event["delta"] for event in events(raw) if "delta" in event] == ["a", "😀"]
    assert whole["output"][0]["content"][0]["text"] == "a😀"


def test_nothing_comes_after_the_end() -> None:
    writer = Writer(ASKED, "resp_1", 1)
    assert writer.feed(Ended("stop", None)).endswith(b"data: [DONE]\n\n")
    assert writer.feed(Delta(0, "x")) + writer.feed(Ended("stop", None)) + writer.close() == b""


# -- reading


def sse(*said: Wire) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in said)


def pieces(told: list[Told]) -> list[Piece]:
    return [one.part.piece for one in told if isinstance(one, Closed)]


def in_order(told: list[Told]) -> None:
    """One part after another, numbered from 0."""
    opened: int | None = None
    count = 0
    assert isinstance(told[0], Started)
    assert isinstance(told[-1], Ended | Failed)
    for one in told[1:-1]:
        match one:
            case Opened(index=index):
                assert opened is None
                assert index == count
                opened, count = index, count + 1
            case Delta(index=index):
                assert index == opened
            case Closed(index=index):
                assert index == opened
                opened = None
            case _:
                raise AssertionError(one)
    assert opened is None or isinstance(told[-1], Failed)


@settings(max_examples=70)
@given(items.answers(), st.integers(1, 9), st.booleans())
def test_a_providers_stream_is_read_as_its_answer(body: Wire, step: int, deltas: bool) -> None:
    answer = read_answer(body)
    told = reread(sse(*items.events(body, step, deltas=deltas)))
    in_order(told)
    assert pieces(told) == [part.piece for turn in answer.turns for part in turn.parts]
    assert told[-1] == Ended(answer.stop, answer.usage)


@settings(max_examples=50)
@given(items.answers(), st.integers(1, 9), st.data())
def test_any_event_but_the_last_may_be_missing(body: Wire, step: int, data: st.DataObject) -> None:
    said = items.events(body, step)
    gone = data.draw(st.sets(st.integers(0, len(said) - 2)))
    told = reread(sse(*(one for n, one in enumerate(said) if n not in gone)))
    in_order(told)
    assert isinstance(told[-1], Ended)


def test_a_stream_of_the_last_event_alone() -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
    body = {"id": "r", "model": "m", "created_at": 1, "status": "completed", "output": [item]}
    told = reread(sse({"type": "response.completed", "response": body}))
    in_order(told)
    assert pieces(told) == [Piece("text", text="hi")]
    assert told[0] == Started("r", "m", 1)


def test_signs_of_life_tell_nothing() -> None:
    reader = Reader()
    told = [
        one for event in Parser().feed(sse({"type": "keepalive", "sequence_number": 0})) for one in reader.feed(event)
    ]
    assert told == []


def test_long_streams_are_read_in_linear_time() -> None:
    """A megabyte in small pieces; with a sum copied for each it would take minutes."""
    at = {"output_index": 0, "item_id": "msg_1", "content_index": 0}
    pieces_of_text = [{"type": "response.output_text.delta", **at, "delta": "x" * 20}] * 50_000
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed"}}
    raw = sse(*pieces_of_text, end)
    began = time.process_time()
    writer, reader = Writer(ASKED, "resp_1", 1), Reader()
    for event in Parser().feed(raw):
        for one in reader.feed(event):
            writer.feed(one)
    assert writer.body is not None
    assert len(writer.body["output"][0]["content"][0]["text"]) == 1_000_000
    assert len(assemble(raw) or b"") > 1_000_000
    assert time.process_time() - began < 20


def test_items_that_come_at_once_are_told_one_after_another() -> None:
    def call(position: int) -> Wire:
        return {"type": "function_call", "call_id": f"c{position}", "name": "f", "arguments": ""}

    said = [{"type": "response.output_item.added", "output_index": n, "item": call(n)} for n in (0, 1)]
    said += [
        {"type": "response.function_call_arguments.delta", "output_index": n, "delta": text}
        for n, text in ((1, "[1"), (0, "[0"), (1, "]"), (0, "]"))
    ]
    said += [
        {"type": "response.output_item.done", "output_index": n, "item": {**call(n), "arguments": f"[{n}]"}}
        for n in (1, 0)
    ]
    told = reread(sse(*said, {"type": "response.completed", "response": {"status": "completed"}}))
    in_order(told)
    assert [piece.arguments for piece in pieces(told)] == [[0], [1]]
    assert told[-1] == Ended("tool_calls", None)


def test_raw_reasoning_in_both_spellings() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    for name in ("reasoning_text", "reasoning"):
        at = {"output_index": 0, "item_id": "rs_1", "content_index": 0}
        told = reread(
            sse(
                {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}},
                {"type": f"response.{name}.delta", **at, "delta": "h"},
                {"type": f"response.{name}.delta", **at, "delta": "m"},
                {"type": "response.output_item.done", "output_index": 0, "item": item},
                {"type": "response.completed", "response": {"status": "completed"}},
            )
        )
        assert [one.text for one in told if isinstance(one, Delta)] == ["h", "m"]
        assert pieces(told) == [Piece("reasoning", text="hm")]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "rate_limit_exceeded", "message": "Slow down", "param": None},
        {
            "type": "error",
            "error": {"type": "rate_limit_exceeded", "code": "rate_limit_exceeded", "message": "Slow down"},
        },
        {
            "type": "response.failed",
            "response": {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "Slow down"}},
        },
    ],
)
def test_errors_flat_nested_and_in_the_response(event: Wire) -> None:
    told = reread(sse({"type": "response.created", "response": {}}, event, {"type": "response.failed", "response": {}}))
    assert told[1:] == [Failed("rate_limit_exceeded", "Slow down", "rate_limit_exceeded")]


@given(st.binary(max_size=60))
@settings(max_examples=50)
def test_any_bytes_are_read(raw: bytes) -> None:
    reader = Reader()
    for event in Parser().feed(b"data: " + raw + b"\n\n"):
        reader.feed(event)
    reader.close()
    assemble(raw)


# -- what a recorded stream amounts to


@settings(max_examples=50)
@given(items.answers(), st.integers(1, 9), st.data())
def test_a_cut_stream_amounts_to_what_was_delivered(body: Wire, step: int, data: st.DataObject) -> None:
    said = items.events(body, step)
    cut = data.draw(st.integers(1, len(said) - 1))
    found = json.loads(assemble(sse(*said[:cut])) or b"")
    assert found["id"] == body["id"]
    assert found["status"] == "in_progress"
    done = [one["item"] for one in said[:cut] if one["type"] == "response.output_item.done"]
    assert found["output"][: len(done)] == done
    begun = {one["output_index"] for one in said[:cut] if "output_index" in one}
    assert len(found["output"]) == len(begun)
    last = found["output"][len(done) :]
    texts = [one["delta"] for one in said[:cut] if "delta" in one and one["output_index"] == len(done)]
    kept = [
        *(part["text"] for item in last for part in item.get("summary", [])),
        *(part.get("text", part.get("refusal")) for item in last for part in item.get("content") or []),
        *(item.get("arguments", "") for item in last if item["type"] == "function_call"),
        *(item.get("input", "") for item in last if item["type"] == "custom_tool_call"),
    ]
    assert "".join(kept) == "".join(texts)


@settings(max_examples=50)
@given(items.answers(), st.integers(1, 9))
def test_a_whole_stream_amounts_to_its_last_event(body: Wire, step: int) -> None:
    assert json.loads(assemble(sse(*items.events(body, step))) or b"") == body


def test_no_stream_at_all() -> None:
    assert assemble(b"") is None
    assert assemble(b"<html>") is None


def test_a_stream_that_failed_early() -> None:
    raw = sse({"type": "error", "code": "server_error", "message": "no"})
    assert json.loads(assemble(raw) or b"") == {
        "object": "response",
        "status": "failed",
        "error": {"code": "server_error", "message": "no"},
        "output": [],
    }


# -- the official client


@settings(max_examples=50)
@given(chats.answers(), st.integers(1, 9))
def test_the_official_client_adds_the_events_up_to_the_same_answer(body: Wire, step: int) -> None:
    raw, whole = written(telling(chat.read_answer(body), step))

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=raw)

    sent = httpx.Client(transport=httpx.MockTransport(answer))
    with (
        OpenAI(api_key="k", base_url="http://gateway", http_client=sent) as client,
        client.responses.stream(model="some-model", input="x") as stream,
    ):
        heard = list(stream)
    final = heard[-1].response  # type: ignore[union-attr]
    last = [event.snapshot for event in heard if event.type == "response.output_text.delta"]
    texts = [part["text"] for item in whole["output"] for part in item.get("content", [])]
    assert final.id == whole["id"]
    assert final.output_text == "".join(texts)
    assert not last or last[-1] == texts[-1]
