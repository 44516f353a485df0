"""Response objects: every field is there, in the published shape, and nothing of an answer is lost."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response

from sessionary.wire.canonical import Answer, Part, Stop, Turn
from sessionary.wire.chat import answer as chat
from sessionary.wire.message import Piece, Usage
from sessionary.wire.responses.answer import read_answer, write_answer
from tests.support import chats, items

Wire = dict[str, Any]
FIELDS = frozenset(
    {"id", "object", "created_at", "completed_at", "status", "incomplete_details", "model", "previous_response_id"}
    | {"instructions", "output", "error", "tools", "tool_choice", "truncation", "parallel_tool_calls", "text", "top_p"}
    | {"presence_penalty", "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage", "store"}
    | {"max_output_tokens", "max_tool_calls", "background", "service_tier", "metadata", "safety_identifier"}
    | {"prompt_cache_key"}
)
NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "top_logprobs")
ASKED = {"model": "some-model", "input": "x"}


@settings(max_examples=70)
@given(items.answers())
def test_reading_and_writing_gives_the_same_back(body: Wire) -> None:
    answer = read_answer(json.loads(json.dumps(body)))
    assert write_answer(answer, ASKED) == body
    ours = msgspec.structs.replace(answer, id="resp_ours")
    assert write_answer(ours, ASKED) == {**body, "id": "resp_ours"}


@settings(max_examples=50)
@given(items.answers())
def test_the_items_stay_what_they_are_in_an_envelope_of_ours(body: Wire) -> None:
    answer = msgspec.structs.replace(read_answer(body), origin=None)
    written = write_answer(answer, ASKED)
    if answer.stop in ("length", "content_filter") and written["output"]:
        assert written["output"][:-1] == body["output"][:-1]
    else:
        assert written["output"] == body["output"]
    again = msgspec.structs.replace(read_answer(written), origin=None)
    assert (again.stop, again.usage) == (answer.stop, answer.usage)


@settings(max_examples=50)
@given(chats.answers(), items.requests)
def test_an_answer_of_another_format_has_every_field_in_the_published_shape(body: Wire, asked: Wire) -> None:
    answer = msgspec.structs.replace(chat.read_answer(body), id="resp_1a")
    written = json.loads(json.dumps(write_answer(answer, asked)))
    assert set(written) >= FIELDS
    assert all(isinstance(written[number], int | float) for number in NUMBERS)
    Response.model_validate(written)
    ids = [item["id"] for item in written["output"]]
    assert len(set(ids)) == len(ids)


def test_the_callers_settings_are_repeated() -> None:
    asked = {
        **ASKED,
        "temperature": 0.2,
        "top_p": None,
        "max_output_tokens": 50,
        "metadata": {"a": "b"},
        "instructions": "be kind",
        "previous_response_id": "resp_0",
        "conversation": "conv_1",
        "store": False,
        "reasoning": {"effort": "low"},
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}},
    }
    body = write_answer(Answer("resp_1", "m", [], "stop"), asked)
    for field in ("temperature", "max_output_tokens", "metadata", "instructions", "previous_response_id", "store"):
        assert body[field] == asked[field]
    assert body["top_p"] == 1
    assert body["conversation"] == {"id": "conv_1"}
    assert body["reasoning"] == {"effort": "low", "summary": None}
    assert body["tools"] == [
        {"type": "function", "name": "f", "description": None, "parameters": {"type": "object"}, "strict": False}
    ]
    assert body["text"]["format"]["name"] == "a"


@pytest.mark.parametrize(
    ("stop", "status", "why"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("pause", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        ("refusal", "incomplete", "content_filter"),
        ("error", "failed", None),
    ],
)
def test_how_it_ended(stop: Stop, status: str, why: str | None) -> None:
    turn = Turn("assistant", [Part(Piece("text", text="so far"), "chat", {})])
    body = write_answer(Answer("resp_1", "m", [turn], stop, usage=Usage(1, 2), error={"message": "no"}), ASKED)
    assert body["status"] == status
    assert body["incomplete_details"] == (None if why is None else {"reason": why})
    assert (body["completed_at"] is not None) == (status == "completed")
    assert (body["error"] is not None) == (status == "failed")
    Response.model_validate(body)


def test_a_refusal_in_words_is_an_answer() -> None:
    turn = Turn("assistant", [Part(Piece("refusal", text="I will not."), "chat", {})])
    body = write_answer(Answer("resp_1", "m", [turn], "refusal"), ASKED)
    assert body["status"] == "completed"
    assert body["output"][0]["content"] == [{"type": "refusal", "refusal": "I will not."}]
    assert read_answer(body).stop == "refusal"


def test_calls_find_their_namespace_again() -> None:
    tools = [{"type": "namespace", "name": "crm", "description": "", "tools": [{"type": "function", "name": "run"}]}]
    turn = Turn("assistant", [Part(Piece("tool_call", id="c", name="crm__run", arguments={}), "chat", {})])
    body = write_answer(Answer("resp_1", "m", [turn], "tool_calls"), {**ASKED, "tools": tools})
    assert (body["output"][0]["namespace"], body["output"][0]["name"]) == ("crm", "run")


@given(st.lists(items.tokens, min_size=1, max_size=3))
@settings(max_examples=30)
def test_logprobs_are_told_once(tokens: list[Wire]) -> None:
    turn = Turn("assistant", [Part(Piece("text", text="a"), "chat", {}), Part(Piece("text", text="b"), "chat", {})])
    body = write_answer(Answer("resp_1", "m", [turn], "stop", logprobs=tokens), ASKED)
    assert read_answer(body).logprobs == tokens


def test_an_error_keeps_a_code_that_clients_know() -> None:
    error = {"message": "Slow down", "type": "rate_limit_error", "code": None}
    body = write_answer(Answer("resp_1", "m", [], "error", error=error), ASKED)
    assert body["error"] == {"code": "rate_limit_exceeded", "message": "Slow down"}
