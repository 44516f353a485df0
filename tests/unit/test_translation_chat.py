"""Chat to the canonical form and back: nothing is lost, in requests, answers and streams."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.wire import chat, loose, meaning
from sessionary.wire.assemble import assemble
from sessionary.wire.canonical import (
    Closed,
    Delta,
    Ended,
    Failed,
    Opened,
    Part,
    Reasoning,
    Started,
    Told,
    Turn,
    Unsupported,
)
from sessionary.wire.chat.answer import read_answer, write_answer
from sessionary.wire.chat.request import read_request, write_request
from sessionary.wire.chat.stream import Reader, Writer
from sessionary.wire.chat.turns import read_turn, write_turns
from sessionary.wire.message import Message, Piece, Usage
from sessionary.wire.sse import Event, Parser
from tests.support import chats, json_text

Wire = dict[str, Any]
MORE: Wire = {
    "max_tokens": 5,
    "stop": "end",
    "stream": False,
    "n": 1,
    "temperature": None,
    "top_p": 0.5,
    "top_k": 40,
    "logprobs": True,
    "top_logprobs": 3,
    "logit_bias": {"50256": -100},
    "metadata": {"a": "b", "n": 1},
    "user": "u",
    "seed": 7,
    "store": True,
    "reasoning_effort": "high",
    "verbosity": "low",
    "service_tier": "flex",
    "stream_options": {"include_usage": True},
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "strict": None}},
    "parallel_tool_calls": True,
    "prompt_cache_key": "k",
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
    "tools": [{"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}, {"type": "web"}, 1],
    "functions": [{"name": "old"}],
    "something": {"new": [None]},
}


def told_of(raw: bytes) -> list[Told]:
    parser, reader = Parser(), Reader()
    events = [*parser.feed(raw), *parser.close()]
    return [*(told for event in events for told in reader.feed(event)), *reader.close()]


def chunks(*choices: Wire, **more: Any) -> bytes:
    """A stream as a provider sends it: each choice a chunk, the last one with the usage."""
    head = {"id": "c", "object": "chat.completion.chunk", "created": 5, "model": "m"}
    lines = [{**head, "choices": [{"index": 0, **choice}]} for choice in choices]
    return b"".join(b"data: " + json.dumps(line | more).encode() + b"\n\n" for line in lines) + b"data: [DONE]\n\n"


# -- requests


@settings(max_examples=70)
@given(chats.requests(), st.lists(st.sampled_from(sorted(MORE)), unique=True))
def test_a_request_is_written_as_it_was_read(body: Wire, more: list[str]) -> None:
    body = body | {key: MORE[key] for key in more}
    assert write_request(read_request(body)) == body


@settings(max_examples=70)
@given(json_text.chats)
def test_odd_requests_too(raw: bytes) -> None:
    body = loose.decode(raw)
    messages = body["messages"]
    if not all(isinstance(message, dict) for message in messages):
        with pytest.raises(Unsupported, match="messages"):
            read_request(body)
        return
    assert write_request(read_request(body)) == body


@settings(max_examples=70)
@given(chats.conversations())
def test_turns_are_written_by_what_they_mean(messages: list[Wire]) -> None:
    """As those of a foreign format are: without what they were read from."""

    def foreign(turn: Turn) -> Turn:
        return msgspec.structs.replace(
            turn, parts=[msgspec.structs.replace(p, format="messages", origin=None) for p in turn.parts]
        )

    assert write_turns([foreign(read_turn(message)) for message in messages]) == messages


@settings(max_examples=70)
@given(json_text.messages)
def test_a_turn_means_what_its_message_means(text: str) -> None:
    value = loose.decode(text)
    turn = read_turn(value)
    shown, _ = chat.read(text.encode())
    told = Message(turn.role, [part.piece for part in turn.parts], turn.name)
    empty = Piece("text")
    assert [p for p in told.pieces if p != empty] == [p for p in shown.pieces if p != empty]
    assert write_turns([turn]) == [value]


def test_fields_are_understood() -> None:
    params = read_request({"model": "m", "messages": [], **MORE}).params
    assert (params.max_output, params.stop, params.logprobs, params.metadata) == (5, ["end"], 3, {"a": "b"})
    assert params.json_schema == {"name": "a", "schema": {}}
    assert params.reasoning == Reasoning(effort="high")
    assert [tool.kind for tool in params.tools] == ["custom", "web", "", "function"]
    assert params.tool_choice is None
    assert set(params.rest) == {
        "logit_bias",
        "prompt_cache_key",
        "something",
        "stream_options",
        "temperature",
        "tool_choice",
    }


def test_a_changed_field_is_not_written_as_it_was() -> None:
    request = read_request({"model": "m", "messages": [], "max_tokens": 5, "stop": "a", "stream": False})
    params = msgspec.structs.replace(request.params, max_output=6, stream=True, model="other")
    written = write_request(msgspec.structs.replace(request, params=params))
    assert written == {"model": "other", "messages": [], "max_completion_tokens": 6, "stop": "a", "stream": True}


@pytest.mark.parametrize("messages", [None, "hi", [1], {}])
def test_no_list_of_messages(messages: Any) -> None:
    with pytest.raises(Unsupported) as error:
        read_request({"model": "m", "messages": messages})
    assert error.value.field == "messages"


def part(piece: Piece, **more: Any) -> Part:
    return Part(piece, more.pop("format", "messages"), None, **more)


def test_results_with_images_are_a_tools_and_then_a_users() -> None:
    result = Piece("tool_result", id="t1", content=[Piece("text", text="see"), Piece("image", url=chats.PNG)])
    turn = Turn("user", [part(result), part(Piece("text", text="well?"))])
    assert write_turns([turn]) == [
        {"role": "tool", "tool_call_id": "t1", "content": "see"},
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": chats.PNG}}, {"type": "text", "text": "well?"}],
        },
    ]


def test_neighbouring_turns_of_the_assistant_are_one_message() -> None:
    turns = [
        Turn("assistant", [part(Piece("reasoning", text="hm"), signature="s")]),
        Turn("assistant", [part(Piece("text", text="a"))]),
        Turn("assistant", [part(Piece("tool_call", id="1", name="f", arguments={}))]),
        Turn("assistant", [part(Piece("tool_call", id="2", name="c", arguments="raw"), kind="custom")]),
    ]
    assert write_turns(turns) == [
        {
            "role": "assistant",
            "content": "a",
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "2", "type": "custom", "custom": {"name": "c", "input": "raw"}},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("turn", "why"),
    [
        (Turn("user", [part(Piece("image", id="file_1"))]), "image"),
        (Turn("user", [part(Piece("file", url="https://example.com/a.pdf"))]), "file"),
        (Turn("user", [part(Piece("other", value={"type": "search_result"}))]), "search_result"),
        (Turn("assistant", [part(Piece("tool_call", name="web_search"), kind="web_search_call")]), "tool_call"),
    ],
)
def test_what_chat_cannot_say(turn: Turn, why: str) -> None:
    with pytest.raises(Unsupported, match=why) as error:
        write_turns([turn])
    assert error.value.field == "messages"


# -- reasoning of other providers


@pytest.mark.parametrize(
    ("reasoning", "fields"),
    [
        (
            part(Piece("reasoning", text="hm"), signature="sig"),
            {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "sig"}]},
        ),
        (
            part(Piece("reasoning"), signature="data", redacted=True),
            {"thinking_blocks": [{"type": "redacted_thinking", "data": "data"}]},
        ),
        (
            Part(Piece("reasoning", text="hm"), "responses", {"type": "reasoning", "id": "rs_1"}, "enc"),
            {
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "hm", "id": "rs_1", "format": "openai-responses-v1"},
                    {"type": "reasoning.encrypted", "data": "enc", "id": "rs_1", "format": "openai-responses-v1"},
                ]
            },
        ),
    ],
)
def test_signed_reasoning_goes_through_a_chat_client(reasoning: Part, fields: Wire) -> None:
    answer = read_answer({"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]})
    answer = msgspec.structs.replace(answer, origin=None, turns=[Turn("assistant", [reasoning]), *answer.turns])
    message = write_answer(answer, {})["choices"][0]["message"]
    assert {k: message[k] for k in fields} == fields
    back = [p for p in read_turn(message).parts if p.piece.type == "reasoning"]
    assert [(p.piece, p.format, p.signature, p.redacted) for p in back] == [
        (reasoning.piece, reasoning.format, reasoning.signature, reasoning.redacted)
    ]
    assert chat.read(json.dumps(message).encode())[1] == meaning.of(Message("assistant", [Piece("text", text="ok")]))


# -- answers


@settings(max_examples=70)
@given(chats.answers())
def test_an_answer_is_written_as_it_was_read(body: Wire) -> None:
    answer = read_answer(body)
    assert write_answer(answer, {}) == body
    assert write_answer(msgspec.structs.replace(answer, origin=None), {}) == body


@settings(max_examples=50)
@given(json_text.answers)
def test_odd_answers_too(text: str) -> None:
    body = loose.decode(text)
    assert write_answer(read_answer(body), {}) == body


# -- streams


@settings(max_examples=50)
@given(chats.answers(), st.integers(1, 9), st.booleans())
def test_a_stream_amounts_to_the_answer(body: Wire, step: int, wants_usage: bool) -> None:
    answer = read_answer(body)
    told: list[Told] = [Started("up", "some-model", 1)]
    for index, said in enumerate(answer.turns[0].parts):
        text = said.piece.text
        if said.piece.type == "tool_call":
            text = loose.encode(said.piece.arguments).decode()
        told.append(Opened(index, Piece(said.piece.type, id=said.piece.id, name=said.piece.name)))
        told += [Delta(index, text[at : at + step]) for at in range(0, len(text), step)]
        told.append(Closed(index, said))
    told.append(Ended(answer.stop, answer.usage))
    asked = {"stream_options": {"include_usage": wants_usage}}
    writer = Writer(asked, body["id"], body["created"])
    raw = b"".join(writer.feed(one) for one in told) + writer.close()
    assert writer.body == body
    assembled = assemble(raw, "chat.completions")
    assert assembled.complete
    found = json.loads(assembled.body)
    found["choices"][0]["message"]["content"] = found["choices"][0]["message"]["content"] or None
    wanted = body if wants_usage else {k: v for k, v in body.items() if k != "usage"}
    wanted["choices"][0]["message"].pop("refusal")
    found["choices"][0]["message"].pop("refusal", None)
    assert found == wanted
    reread = told_of(raw)
    assert [t.part.piece for t in reread if isinstance(t, Closed)] == [p.piece for p in answer.turns[0].parts]
    assert reread[-1] == Ended(answer.stop, answer.usage if wants_usage else None)


def test_calls_that_arrive_mixed_are_told_one_after_another() -> None:
    def call(index: int, arguments: str, **more: Any) -> Wire:
        named = {"name": more.pop("name")} if "name" in more else {}
        return {"delta": {"tool_calls": [{"index": index, **more, "function": {"arguments": arguments, **named}}]}}

    raw = chunks(
        {"delta": {"role": "assistant", "content": "Look"}},
        call(0, "", id="a", name="f"),
        call(0, '{"x"'),
        call(1, "", id="b", name="g"),
        call(1, '{"y"'),
        call(0, ":1}"),
        call(1, ":2}"),
        {"delta": {}, "finish_reason": "tool_calls"},
    )
    told = told_of(raw)
    order = [(type(t).__name__, t.index) for t in told if isinstance(t, Opened | Closed)]
    assert order == [(kind, index) for index in range(3) for kind in ("Opened", "Closed")]
    closed = [t.part.piece for t in told if isinstance(t, Closed)]
    assert [(p.name, p.arguments) for p in closed[1:]] == [("f", {"x": 1}), ("g", {"y": 2})]
    deltas = ["".join(t.text for t in told if isinstance(t, Delta) and t.index == index) for index in range(3)]
    assert deltas == ["Look", '{"x":1}', '{"y":2}']


def test_calls_without_index_and_with_the_same() -> None:
    def call(**more: Any) -> Wire:
        return {"delta": {"tool_calls": [{"function": {"name": more.pop("name"), "arguments": "{}"}, **more}]}}

    for raw in (
        chunks(call(id="a", name="f"), call(id="b", name="g"), {"finish_reason": "stop"}),
        chunks(call(index=0, id="a", name="f"), call(index=0, id="b", name="g"), {"finish_reason": "stop"}),
    ):
        told = told_of(raw)
        assert [t.part.piece.id for t in told if isinstance(t, Closed)] == ["a", "b"]
        assert isinstance(told[-1], Ended)
        assert told[-1].stop == "tool_calls"


def test_reasoning_then_text_with_a_signature() -> None:
    raw = chunks(
        {"delta": {"reasoning_content": "hm"}},
        {"delta": {"reasoning_content": "m"}},
        {"delta": {"thinking_blocks": [{"type": "thinking", "thinking": "hmm", "signature": "sig"}]}},
        {"delta": {"content": "ok"}, "logprobs": {"content": [{"token": "ok"}], "refusal": None}},
        {"delta": {}, "finish_reason": "stop"},
        usage={"prompt_tokens": 1, "completion_tokens": 2},
    )
    told = told_of(raw)
    closed = [t.part for t in told if isinstance(t, Closed)]
    assert [(p.piece.type, p.piece.text, p.signature) for p in closed] == [
        ("reasoning", "hmm", "sig"),
        ("text", "ok", ""),
    ]
    assert [t.signature for t in told if isinstance(t, Delta) and t.signature] == ["sig"]
    assert next(t for t in told if isinstance(t, Delta) and t.logprobs).text == "ok"
    assert told[-1] == Ended("stop", Usage(1, 2))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "broke off"),
        (b"data: [DONE]\n\n", "empty"),
        (b'data: {"error": {"message": "too much", "type": "rate_limit", "code": 429}}\n\n', "too much"),
        (b'event: error\ndata: {"message": "gone"}\n\n', "gone"),
        (b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n', "broke off"),
    ],
)
def test_failures(raw: bytes, message: str) -> None:
    told = told_of(raw)
    assert isinstance(told[-1], Failed)
    assert message in told[-1].message
    assert sum(isinstance(t, Failed | Ended) for t in told) == 1


def test_a_broken_answer_keeps_what_was_said() -> None:
    writer = Writer({}, "id", 1)
    told = [
        Started("up", "m", 1),
        Opened(0, Piece("text")),
        Delta(0, "so far"),
        Failed("upstream_error", "gone", "x"),
    ]
    raw = b"".join(writer.feed(one) for one in told)
    assert b"[DONE]" not in raw
    assert assemble(raw, "chat.completions").error == {
        "message": "gone",
        "type": "upstream_error",
        "param": None,
        "code": "x",
    }
    assert writer.body is not None
    assert writer.body["choices"][0]["message"]["content"] == "so far"
    assert writer.body["error"]["message"] == "gone"


@settings(max_examples=70)
@given(st.lists(json_text.values.map(lambda v: f'{{"choices":[{{"delta":{v}}}]}}') | json_text.answers, max_size=3))
def test_any_stream_is_told(data: list[str]) -> None:
    reader = Reader()
    told = [t for text in data for t in reader.feed(Event("", text))] + reader.close()
    assert sum(isinstance(t, Failed | Ended) for t in told) == 1
    assert isinstance(told[-1], Failed | Ended)
    writer = Writer({}, "id", 1)
    for one in told:
        writer.feed(one).decode()
    assert writer.body is not None
