"""The demo provider: the shapes of a real one, and the same answer each time."""

import base64
import json
import struct
import time
from typing import Any

import pytest

from sessionary.providers import demo
from sessionary.settings.tree import Format
from sessionary.wire.assemble import assemble
from sessionary.wire.canonical import Answer, Closed, Ended
from sessionary.wire.formats import FORMATS
from sessionary.wire.sse import Parser

Wire = dict[str, Any]
HELLO = [{"role": "user", "content": "What is the weather in Paris?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
            "required": ["city", "days"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time"}}


async def ask(endpoint: str = "chat/completions", **body: Any) -> tuple[int, dict[str, str], bytes]:
    status, headers, chunks = await demo.answer(endpoint, json.dumps({"model": "m", **body}).encode())
    return status, headers, b"".join([chunk async for chunk in chunks])


async def chat(messages: list[Wire], **body: Any) -> Wire:
    status, _, raw = await ask(messages=messages, **body)
    assert status == 200
    found: Wire = json.loads(raw)
    return found


async def test_the_same_question_has_the_same_answer() -> None:
    assert await chat(HELLO) == await chat(HELLO)
    other = await chat([{"role": "user", "content": "Something else"}])
    assert other["choices"] != (await chat(HELLO))["choices"]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"tools": [WEATHER]},
        {"tools": [{"type": "custom", "custom": {"name": "script"}}]},
        {"response_format": {"type": "json_object"}},
    ],
)
async def test_a_stream_is_the_plain_answer_in_pieces(more: Wire) -> None:
    plain = await chat(HELLO, **more)
    started = time.monotonic()
    options = {"stream": True, "stream_options": {"include_usage": True}}
    status, headers, raw = await ask(messages=HELLO, **options, **more)
    assert time.monotonic() - started < 5
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert raw.endswith(b"data: [DONE]\n\n")
    assembled = assemble(raw, "chat.completions")
    body = json.loads(assembled.body)
    for whole in (plain["choices"][0]["message"], body["choices"][0]["message"]):
        whole.pop("refusal", None)
        whole.pop("annotations", None)
    assert body["choices"] == plain["choices"]
    assert body["usage"] == plain["usage"]
    assert raw.count(b"data: ") > 5


async def test_usage_is_streamed_only_where_it_was_asked_for() -> None:
    assert b'"usage"' not in (await ask(messages=HELLO, stream=True))[2]


async def test_a_tool_is_called_then_its_result_is_used() -> None:
    first = (
        await chat(HELLO, tools=[CLOCK, WEATHER], tool_choice={"type": "function", "function": {"name": "get_weather"}})
    )["choices"][0]
    assert first["finish_reason"] == "tool_calls"
    call = first["message"]["tool_calls"][0]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris", "days": 2}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "18 degrees"}
    second = (await chat([*HELLO, first["message"], result], tools=[CLOCK, WEATHER]))["choices"][0]
    assert second["finish_reason"] == "stop"
    assert "18 degrees" in second["message"]["content"]


SCRIPT = {"type": "custom", "custom": {"name": "script"}}
STEPS = """Please:
call get_time
call script print("a b")
call nobody {"x": 1}
call script "one\\ntwo"
call get_weather {"city": "Rome", "days": 3}
call find all of it"""
FIND = {"type": "function", "function": {"name": "find", "parameters": {"properties": {"what": {"type": "string"}}}}}


async def test_a_prompt_may_say_which_tools_are_called_one_after_another() -> None:
    messages: list[Wire] = [{"role": "user", "content": STEPS}, {"role": "system", "content": "be brief"}]
    calls = []
    for _ in range(5):
        message = (await chat(messages, tools=[WEATHER, CLOCK, SCRIPT, FIND]))["choices"][0]["message"]
        (call,) = message["tool_calls"]
        calls.append(call[call["type"]])
        messages += [message, {"role": "tool", "tool_call_id": call["id"], "content": "done"}]
        messages += [{"role": "user", "content": "a reminder that the client adds"}]
    assert calls[0]["name"] == "get_time"
    assert [call["input"] for call in calls[1:3]] == ['print("a b")', "one\ntwo"]
    assert [json.loads(call["arguments"]) for call in calls[3:]] == [{"city": "Rome", "days": 3}, {"what": "all of it"}]
    last = (await chat(messages, tools=[WEATHER, CLOCK, SCRIPT]))["choices"][0]["message"]
    assert last["content"].startswith("The tool answered: done")
    messages += [last, {"role": "user", "content": "and now?"}]
    (again,) = (await chat(messages, tools=[WEATHER]))["choices"][0]["message"]["tool_calls"]
    assert again["function"]["name"] == "get_weather"


async def test_a_choice_goes_before_the_prompt() -> None:
    choice = {"type": "function", "function": {"name": "get_weather"}}
    asked = [{"role": "user", "content": 'call get_time\ncall get_weather {"city": "Oslo"}'}]
    (call,) = (await chat(asked, tools=[CLOCK, WEATHER], tool_choice=choice))["choices"][0]["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "Oslo"}


async def test_tools_are_left_alone_where_they_are_not_wanted() -> None:
    assert "tool_calls" not in (await chat(HELLO, tools=[WEATHER], tool_choice="none"))["choices"][0]["message"]


async def test_json_is_answered_where_it_is_asked_for() -> None:
    schema = {"$ref": "#/$defs/Answer", "$defs": {"Answer": WEATHER["function"]["parameters"]}}
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    content = (await chat(HELLO, response_format=form))["choices"][0]["message"]["content"]
    assert json.loads(content) == {"city": "Paris", "days": 2}


async def test_a_history_that_was_answered_counts_as_cached() -> None:
    long = {"role": "user", "content": "word " * 200}
    first = await chat([long])
    assert first["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    again = await chat([long, first["choices"][0]["message"], *HELLO])
    cached = again["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert 200 < cached < again["usage"]["prompt_tokens"]
    assert cached % 64 == 0


async def test_embeddings_as_numbers_and_as_base64() -> None:
    _, _, raw = await ask("embeddings", input=["a", "b", "a"], dimensions=8)
    vectors = [item["embedding"] for item in json.loads(raw)["data"]]
    assert vectors[0] == vectors[2] != vectors[1]
    assert all(len(vector) == 8 and abs(sum(x * x for x in vector) - 1) < 1e-6 for vector in vectors)
    _, _, raw = await ask("embeddings", input="a", dimensions=8, encoding_format="base64")
    packed = base64.b64decode(json.loads(raw)["data"][0]["embedding"])
    assert struct.unpack("<8f", packed) == pytest.approx(vectors[0])


@pytest.mark.parametrize("prompt", ["Once", ["Once", "upon"], [1, 2, 3], None])
async def test_completions(prompt: Any) -> None:
    plain = json.loads((await ask("completions", prompt=prompt))[2])
    raw = (await ask("completions", prompt=prompt, stream=True, stream_options={"include_usage": True}))[2]
    streamed = json.loads(assemble(raw, "completions").body)
    assert streamed["choices"] == plain["choices"]
    assert streamed["usage"] == plain["usage"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"messages":[]}', b'{"messages":[1]}', b"\xff"])
async def test_nothing_to_answer(body: bytes) -> None:
    status, _, chunks = await demo.answer("chat/completions", body)
    assert status == 400
    assert json.loads(b"".join([c async for c in chunks]))["error"]["param"] == "messages"


@pytest.mark.parametrize(
    "content", [None, "", [], [{"type": "image_url"}], 17, "\ud83d", [{"type": "text", "text": None}]]
)
async def test_odd_messages_are_answered(content: Any) -> None:
    assert (await chat([{"role": "user", "content": content}], tools=[CLOCK]))["choices"]


# -- the other formats

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
ASKED: dict[Format, Wire] = {
    "responses": {
        "instructions": "Be brief.",
        "input": "Paris",
        "tools": [{"type": "web_search"}, {"type": "function", "name": "get_weather", "parameters": CITY}],
        "reasoning": {"effort": "high", "summary": "auto"},
        "prompt": {"id": "kept elsewhere"},
    },
    "messages": {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": "Paris"}],
        "max_tokens": 100,
        "tools": [
            {"type": "web_search_20250305", "name": "web_search"},
            {"name": "get_weather", "input_schema": CITY},
        ],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "container": "kept elsewhere",
    },
}
formats = pytest.mark.parametrize("format", list(ASKED))


async def answered(format: Format, **more: Any) -> Answer:
    status, headers, raw = await ask(format, **{**ASKED[format], **more})
    assert (status, headers["content-type"]) == (200, "application/json")
    return FORMATS[format].read_answer(json.loads(raw))


@formats
async def test_a_tool_is_called_in_every_format(format: Format) -> None:
    answer = await answered(format)
    (call,) = [part.piece for turn in answer.turns for part in turn.parts]
    assert (call.type, call.name, call.arguments, answer.stop) == (
        "tool_call",
        "get_weather",
        {"city": "Paris"},
        "tool_calls",
    )
    assert answer.usage is not None
    assert answer.usage.input > 0


@formats
@pytest.mark.parametrize("without_tools", [False, True])
async def test_a_stream_is_the_plain_answer_in_every_format(format: Format, without_tools: bool) -> None:
    more: Wire = {"tools": []} if without_tools else {}
    plain = await answered(format, **more)
    status, headers, raw = await ask(format, **{**ASKED[format], **more, "stream": True})
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    parser, reader = Parser(), FORMATS[format].Reader()
    events = [*parser.feed(raw), *parser.close()]
    told = [*(one for event in events for one in reader.feed(event)), *reader.close()]
    closed = [one.part.piece for one in told if isinstance(one, Closed)]
    assert closed == [part.piece for turn in plain.turns for part in turn.parts]
    assert isinstance(told[-1], Ended)
    assert (told[-1].stop, told[-1].usage) == (plain.stop, plain.usage)


@formats
async def test_what_cannot_be_answered_in_every_format(format: Format) -> None:
    field = "input" if format == "responses" else "messages"
    for nothing in ([], [1]):
        status, _, raw = await ask(format, **{**ASKED[format], "system": None, "instructions": None, field: nothing})
        assert status == 400
        assert field in json.loads(raw)["error"]["message"] or nothing == []
