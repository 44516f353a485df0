"""What the pure writers make of any answer: bodies and streams as published, and the same said both ways."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.settings.tree import Format
from sessionary.wire import assemble, loose
from sessionary.wire.canonical import Answer, Failed, Told, Turn
from sessionary.wire.formats import FORMATS
from sessionary.wire.message import Piece, Usage
from tests.support import canonical, order
from tests.support.published import wrong, wrong_answer, wrong_event, wrong_in_stream

Wire = dict[str, Any]
CREATED = 1_767_225_600
IDS: dict[Format, str] = {"chat": "chatcmpl-1", "responses": "resp_1", "messages": "msg_1"}
ENDPOINTS: dict[Format, str] = {"chat": "chat.completions", "responses": "responses", "messages": "messages"}
SCHEMA = {"type": "object", "properties": {}}
FUNCTION = {"type": "function", "name": "run", "parameters": SCHEMA}
CHAT_ASKED = {"model": "some-model", "stream_options": {"include_usage": True}}
asked_responses = st.fixed_dictionaries(
    {"model": st.just("some-model"), "input": st.just("Well?")},
    optional={
        "instructions": st.sampled_from([None, "", "Be brief."]),
        "previous_response_id": st.sampled_from([None, "resp_0"]),
        "conversation": st.sampled_from([None, "conv_1", {"id": "conv_1"}]),
        "tools": st.sampled_from([None, [], [FUNCTION], [{**FUNCTION, "description": "Runs.", "strict": True}]]),
        "tool_choice": st.sampled_from([None, "auto", "none", "required", {"type": "function", "name": "run"}]),
        "text": st.sampled_from(
            [
                None,
                {},
                {"verbosity": "low"},
                {"format": {"type": "json_object"}},
                {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}},
                {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA, "strict": None, "description": None}},
            ]
        ),
        "reasoning": st.sampled_from([None, {}, {"effort": "low"}, {"effort": "high", "summary": "auto"}]),
        "temperature": st.sampled_from([None, 0, 0.5]),
        "top_p": st.sampled_from([None, 0.5]),
        "top_logprobs": st.sampled_from([None, 3]),
        "max_output_tokens": st.sampled_from([None, 100]),
        "max_tool_calls": st.sampled_from([None, 3]),
        "parallel_tool_calls": st.sampled_from([None, False]),
        "metadata": st.sampled_from([None, {"topic": "weather"}]),
        "service_tier": st.sampled_from([None, "auto", "flex"]),
        "truncation": st.sampled_from([None, "auto"]),
        "store": st.sampled_from([None, False]),
        "background": st.sampled_from([None, True]),
        "user": st.sampled_from([None, "ann"]),
        "safety_identifier": st.sampled_from([None, "ann"]),
        "prompt_cache_key": st.sampled_from([None, "k"]),
    },
)


def asked(format: Format) -> st.SearchStrategy[Wire]:
    return asked_responses if format == "responses" else st.just(CHAT_ASKED)


def written(told: list[Told], format: Format, request: Wire) -> bytes:
    writer = FORMATS[format].Writer(request, IDS[format], CREATED)
    return b"".join(writer.feed(one) for one in told) + writer.close()


def in_order(format: Format, found: list[order.Named], *, usage: bool = True) -> None:
    match format:
        case "chat":
            order.chat(found, usage=usage)
        case "responses":
            order.responses(found)
        case "messages":
            order.messages(found)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=60)
@given(st.data())
def test_any_answer_is_a_valid_body(format: Format, data: st.DataObject) -> None:
    request = data.draw(asked(format))
    answer = data.draw(canonical.answers(rare=format != "responses"))
    body = FORMATS[format].write_answer(answer, request)
    assert wrong_answer(format, json.loads(loose.encode(body))) == []


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=40)
@given(st.data(), st.integers(1, 9))
def test_any_answer_is_a_valid_stream(format: Format, data: st.DataObject, step: int) -> None:
    request, answer = data.draw(asked(format)), data.draw(canonical.answers(rare=format == "messages"))
    found, done = order.events_of(written(canonical.telling(answer, step), format, request))
    assert done == (format != "messages")
    assert [line for _, event in found for line in wrong_in_stream(format, event)] == []
    in_order(format, found, usage=answer.usage is not None)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=40)
@given(st.data(), st.integers(1, 9), st.integers(0, 30))
def test_a_stream_that_fails_is_valid_to_its_end(format: Format, data: st.DataObject, step: int, length: int) -> None:
    request, answer = data.draw(asked(format)), data.draw(canonical.answers(rare=format == "messages"))
    told = canonical.telling(answer, step)[:-1][:length]
    found, done = order.events_of(written([*told, Failed("upstream_error", "It broke.")], format, request))
    assert done == (format == "responses")
    assert [line for _, event in found for line in wrong_in_stream(format, event)] == []
    if format == "responses":
        assert order.responses(found)["error"]["message"] == "It broke."
    elif format == "messages":
        order.messages(found)


@settings(max_examples=40)
@given(asked_responses, canonical.answers(rare=True), st.integers(1, 9))
def test_what_openai_alone_has(request_body: Wire, answer: Answer, step: int) -> None:
    body = FORMATS["responses"].write_answer(answer, request_body)
    assert wrong("openai", "Response", json.loads(loose.encode(body))) == []
    found, _ = order.events_of(written(canonical.telling(answer, step), "responses", request_body))
    assert [line for _, event in found for line in wrong_event("openai", event)] == []
    order.responses(found)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=50)
@given(st.data(), st.integers(1, 9))
def test_a_stream_adds_up_to_the_body(format: Format, data: st.DataObject, step: int) -> None:
    """But for what no event tells: the tier, and in Messages arguments that are no object."""
    request = data.draw(asked(format))
    drawn = data.draw(canonical.answers(rare=True, objects=format == "messages"))
    answer = msgspec.structs.replace(drawn, id=IDS[format], service_tier="")
    raw = written(canonical.telling(answer, step), format, request)
    summed = json.loads(assemble.assemble(raw, ENDPOINTS[format]).body)
    whole = json.loads(loose.encode(FORMATS[format].write_answer(answer, request)))
    if format == "chat":
        message = summed["choices"][0]["message"]
        message["content"] = message["content"] or None
        whole.setdefault("usage", None)
    assert summed == whole


@settings(max_examples=60)
@given(asked_responses, canonical.answers(), st.integers(1, 9), st.data())
def test_a_response_that_was_cut_can_be_told_again(asked: Wire, answer: Answer, step: int, data: st.DataObject) -> None:
    events = written(canonical.telling(answer, step), "responses", asked).split(b"\n\n")
    cut = data.draw(st.integers(1, len(events) - 3))
    body = json.loads(assemble.assemble(b"\n\n".join(events[:cut]) + b"\n\n", "responses").body)
    assert wrong_answer("responses", body) == []


# -- the checks themselves: what is wrong is found


SPOKEN = Answer(
    id="up_1",
    model="some-model",
    turns=[
        Turn(
            "assistant",
            [
                canonical.foreign(Piece("reasoning", text="Hm, well."), signature="Eabc"),
                canonical.foreign(Piece("text", text="Let me look.")),
                canonical.foreign(Piece("tool_call", id="call_1", name="run", arguments={"city": "Turin"})),
            ],
        )
    ],
    stop="tool_calls",
    usage=Usage(40, 20),
)


def numbered(found: list[order.Named]) -> list[order.Named]:
    return [
        (name, {**event, "sequence_number": n} if "sequence_number" in event else event)
        for n, (name, event) in enumerate(found)
    ]


def test_an_event_that_is_missing_is_missed() -> None:
    """In Responses any; even where the numbers were made good."""
    found, _ = order.events_of(written(canonical.telling(SPOKEN, 5), "responses", CHAT_ASKED))
    in_order("responses", found)
    for n in range(len(found)):
        with pytest.raises((AssertionError, StopIteration, IndexError, KeyError, ValueError)):
            in_order("responses", numbered([*found[:n], *found[n + 1 :]]))


@pytest.mark.parametrize(("format", "kinds"), [("messages", "content_block_delta ping"), ("chat", "")])
def test_what_holds_a_stream_together_is_missed(format: Format, kinds: str) -> None:
    found, _ = order.events_of(written(canonical.telling(SPOKEN, 5), format, CHAT_ASKED))
    in_order(format, found)
    holding = [n for n, (name, _) in enumerate(found) if name not in kinds.split()]
    if format == "chat":  # its first chunk, and the two at its end
        holding = [0, len(found) - 2, len(found) - 1]
    for n in holding:
        with pytest.raises((AssertionError, KeyError)):
            in_order(format, [*found[:n], *found[n + 1 :]])


@pytest.mark.parametrize("format", FORMATS)
def test_a_field_too_few_or_too_many_is_found(format: Format) -> None:
    body = json.loads(loose.encode(FORMATS[format].write_answer(SPOKEN, CHAT_ASKED)))
    optional = {"usage", "service_tier", "stop_sequence", "stop_reason"} if format != "responses" else {"user"}
    for field in body.keys() - optional:
        assert wrong_answer(format, {k: v for k, v in body.items() if k != field}), field
    assert wrong_answer(format, {**body, "unheard_of": 1})
    assert wrong_answer(format, {**body, "model": None})
