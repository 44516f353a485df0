"""The stream of an answer is assembled to that answer, whatever its pieces; what breaks off, to what came."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.wire.assemble import Assembled, assemble
from sessionary.wire.message import Usage

Wire = dict[str, Any]
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "prompt_tokens_details": {"cached_tokens": 4}}


def stream(*chunks: Wire | str, done: bool = True) -> bytes:
    events = [c if isinstance(c, str) else json.dumps(c) for c in chunks]
    return "".join(f"data: {event}\n\n" for event in [*events, *["[DONE]"] * done]).encode()


def chunk(delta: Wire, finish: str | None = None, index: int = 0, **more: Any) -> Wire:
    return {**HEAD, "choices": [{"index": index, "delta": delta, "finish_reason": finish, **more}]}


def chat(raw: bytes) -> tuple[Assembled, Any]:
    assembled = assemble(raw, "chat.completions")
    return assembled, json.loads(assembled.body) if assembled.body else None


def message(*deltas: Wire) -> Any:
    return chat(stream(*(chunk(d) for d in deltas), chunk({}, "stop")))[1]["choices"][0]["message"]


# -- generated: an answer, its stream, and the way back

words = st.text(st.sampled_from('ab é日😀\n"\\{}'), max_size=12)
tool_calls = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["c1", "c2", "c3"]),
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": st.sampled_from(["f", "get_weather"]), "arguments": words}),
        }
    ),
    min_size=1,
    max_size=3,
)
tokens = st.lists(
    st.fixed_dictionaries({"token": words, "logprob": st.just(-0.5), "top_logprobs": st.just([{"token": "a"}])}),
    max_size=4,
)
spoken = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none() | words},
    optional={
        "refusal": words,
        "reasoning_content": words,
        "x_unknown": words,
        "x_list": st.lists(words.map(lambda w: {"w": w}), min_size=1, max_size=2),
        "tool_calls": tool_calls,
        "function_call": st.fixed_dictionaries({"name": st.just("f"), "arguments": words}),
    },
)
choices = st.lists(
    st.fixed_dictionaries(
        {"message": spoken, "finish_reason": st.sampled_from(["stop", "length", "tool_calls", "content_filter"])},
        optional={"logprobs": st.fixed_dictionaries({"content": tokens, "refusal": st.none()})},
    ),
    min_size=1,
    max_size=3,
).map(lambda found: [{"index": n, **choice} for n, choice in enumerate(found)])


def cut(text: str, data: st.DataObject) -> list[str]:
    """At least one piece: an empty text is sent as one."""
    at = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]


def deltas(message: Wire, data: st.DataObject) -> list[list[Wire]]:
    """Lanes of deltas: the order within a lane is kept, lanes mix."""
    lanes = []
    for key in ("content", "refusal", "reasoning_content", "x_unknown"):
        if isinstance(message.get(key), str):
            lanes.append([{key: piece} for piece in cut(message[key], data)])
    lanes.append([{"x_list": [item]} for item in message.get("x_list", [])])
    calls = []
    for index, call in enumerate(message.get("tool_calls", [])):
        function = call["function"]
        opened = {"index": index, **call, "function": {"name": function["name"], "arguments": ""}}
        more = [{"index": index, "function": {"arguments": piece}} for piece in cut(function["arguments"], data)]
        calls.append([{"tool_calls": [part]} for part in [opened, *more]])
    lanes += calls
    if "function_call" in message:
        call = message["function_call"]
        pieces = cut(call["arguments"], data)
        lanes.append(
            [{"function_call": {"name": call["name"], "arguments": ""}}]
            + [{"function_call": {"arguments": piece}} for piece in pieces]
        )
    return [lane for lane in lanes if lane]


def mixed(lanes: list[list[Any]], data: st.DataObject) -> list[Any]:
    lanes = [list(lane) for lane in lanes if lane]
    out = []
    while lanes:
        lane = lanes[data.draw(st.integers(0, len(lanes) - 1))]
        out.append(lane.pop(0))
        lanes = [lane for lane in lanes if lane]
    return out


def streamed(choice: Wire, data: st.DataObject) -> list[Wire]:
    index, message = choice["index"], choice["message"]
    opened: Wire = {"role": "assistant", "content": None if message["content"] is None else ""}
    out = [chunk(delta, index=index) for delta in [opened, *mixed(deltas(message, data), data)]]
    if "logprobs" in choice:
        content = choice["logprobs"]["content"]
        half = len(content) // 2
        for some in (content[:half], content[half:]):
            out.append(chunk({}, index=index, logprobs={"content": some, "refusal": None}))
    return [*out, chunk({}, choice["finish_reason"], index=index)]


def answer_and_stream(choices: list[Wire], usage: bool, data: st.DataObject) -> tuple[Wire, bytes]:
    completion = {**HEAD, "object": "chat.completion", "choices": choices} | ({"usage": USAGE} if usage else {})
    chunks = mixed([streamed(choice, data) for choice in choices], data)
    if usage:
        chunks = [c | {"usage": None} for c in chunks] + [{**HEAD, "choices": [], "usage": USAGE}]
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    return completion, stream(*chunks).decode().replace("\n", end).encode()


@settings(max_examples=80)
@given(choices, st.booleans(), st.data())
def test_the_stream_of_an_answer_is_assembled_to_it(choices: list[Wire], usage: bool, data: st.DataObject) -> None:
    completion, raw = answer_and_stream(choices, usage, data)
    assembled, body = chat(raw)
    assert body == completion
    assert assembled.complete
    assert assembled.error is None
    assert assembled.finish_reason == choices[0]["finish_reason"]
    assert assembled.usage == (Usage(9, 5, cached=4) if usage else None)


def is_beginning(part: Any, whole: Any) -> bool:
    if isinstance(whole, str) and isinstance(part, str):
        return whole.startswith(part)
    if isinstance(whole, list) and isinstance(part, list):
        return len(part) <= len(whole) and all(map(is_beginning, part, whole))
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(is_beginning(value, whole.get(key)) for key, value in part.items())
    return part is None or part == whole


@settings(max_examples=70)
@given(choices.filter(lambda c: len(c) == 1), st.booleans(), st.data())
def test_a_stream_that_breaks_off_is_assembled_to_what_came(
    choices: list[Wire], usage: bool, data: st.DataObject
) -> None:
    completion, raw = answer_and_stream(choices, usage, data)
    part = raw[: data.draw(st.integers(0, len(raw)))]
    assembled, body = chat(part)
    if body is None:
        assert not assembled.complete
        return
    for got, whole in zip(body["choices"], completion["choices"], strict=False):
        assert is_beginning(got["message"] | {"tool_calls": None}, whole["message"])
        for call in got["message"].get("tool_calls", []):  # a later one may have come first
            assert any(is_beginning(call, other) for other in whole["message"]["tool_calls"])
    reasons = [c.get("finish_reason") for c in body["choices"]]
    assert assembled.complete == (b"[DONE]" in part or (bool(reasons) and all(reasons)))
    assert assembled.usage is None or (usage and assembled.usage == Usage(9, 5, cached=4))


# -- by example


def test_parallel_tool_calls_mixed_by_index() -> None:
    def call(index: int, **more: Any) -> Wire:
        return {"tool_calls": [{"index": index, **more}]}

    assembled = message(
        {"role": "assistant", "content": None},
        call(1, id="b", type="function", function={"name": "g", "arguments": ""}),
        call(0, id="a", type="function", function={"name": "f", "arguments": '{"x"'}),
        {
            "tool_calls": [
                {"index": 1, "function": {"arguments": "{}"}},
                {"index": 0, "function": {"arguments": ": 1}"}},
            ]
        },
    )
    assert assembled["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


@pytest.mark.parametrize("index", [{}, {"index": 0}], ids=["no index", "all 0"])
def test_whole_tool_calls_that_share_an_index_stay_apart(index: Wire) -> None:
    """Gemini's compatible endpoint has sent both."""
    calls = [{"id": i, "type": "function", "function": {"name": "f", "arguments": i}} for i in ("a", "b")]
    assert message(*({"tool_calls": [index | call]} for call in calls))["tool_calls"] == calls


def test_an_id_and_a_name_in_every_chunk_are_one_call() -> None:
    call = {"index": 0, "id": "a", "type": "function"}
    found = message(
        {"tool_calls": [{**call, "function": {"name": "f", "arguments": "{"}}]},
        {"tool_calls": [{**call, "function": {"name": "f", "arguments": "}"}}]},
        {"tool_calls": [{"index": 0, "id": "other", "function": {"arguments": " "}}]},
    )["tool_calls"]
    assert found == [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{} "}}]


def test_fragments_without_an_index_go_on_with_the_last_call() -> None:
    found = message(
        {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{"}}]},
        {"tool_calls": [{"function": {"arguments": "}"}}]},
    )["tool_calls"]
    assert found == [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]


def test_reasoning_details_are_merged_by_index() -> None:
    detail = {"type": "reasoning.text", "format": "v1", "index": 0}
    found = message(
        {"reasoning_details": [{**detail, "text": "I "}]},
        {"reasoning_details": [{**detail, "text": "think"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "index": 1, "data": "x"}]},
    )["reasoning_details"]
    assert found == [{**detail, "text": "I think"}, {"type": "reasoning.encrypted", "index": 1, "data": "x"}]


def test_content_that_goes_from_parts_to_text_loses_nothing() -> None:
    thought = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]
    assert message({"content": thought}, {"content": "Yes"})["content"] == [*thought, {"type": "text", "text": "Yes"}]
    assert message({"content": "Yes"}, {"content": thought})["content"] == [{"type": "text", "text": "Yes"}, *thought]


def test_an_emoji_split_between_two_deltas() -> None:
    raw = stream(
        r'{"choices":[{"index":0,"delta":{"content":"a \ud83d"}}]}',
        r'{"choices":[{"index":0,"delta":{"content":"\ude00 b"},"finish_reason":"stop"}]}',
    )
    assert chat(raw)[1]["choices"][0]["message"]["content"] == "a 😀 b"


def test_what_goes_into_the_log_can_be_encoded() -> None:
    half = r'{"error":{"message":"half \ud83d"},"choices":[{"index":0,"delta":{},"finish_reason":"\ud83d"}]}'
    assembled = assemble(stream(half), "chat.completions")
    assert assembled.error == {"message": "half �"}
    assert assembled.finish_reason == "�"


def test_numbers_that_are_no_json() -> None:
    raw = stream('{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"logprob":-Infinity}]}}]}')
    assert chat(raw)[1]["choices"][0]["logprobs"] == {"content": [{"logprob": None}]}


def test_azures_first_chunk_and_padding() -> None:
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{"x": 1}]}
    last = chunk({}, "stop") | {"id": "", "model": "", "obfuscation": "abc"}
    _, body = chat(stream(first, chunk({"content": "Hi"}), last))
    assert body == {
        **HEAD,
        "object": "chat.completion",
        "prompt_filter_results": [{"x": 1}],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    }


def test_legacy_completions() -> None:
    def part(text: str, finish: str | None = None, index: int = 0) -> Wire:
        logprobs = {"tokens": [text], "token_logprobs": [-1.0]}
        choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}
        return {"id": "cmpl-1", "object": "text_completion", "choices": [choice]}

    raw = stream(part("Once "), part("X", "stop", 1), part("upon", "length"))
    assembled = assemble(raw, "completions")
    assert assembled.finish_reason == "length"
    assert json.loads(assembled.body)["choices"] == [
        {
            "index": 0,
            "text": "Once upon",
            "logprobs": {"tokens": ["Once ", "upon"], "token_logprobs": [-1.0, -1.0]},
            "finish_reason": "length",
        },
        {"index": 1, "text": "X", "logprobs": {"tokens": ["X"], "token_logprobs": [-1.0]}, "finish_reason": "stop"},
    ]


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ('data: {"error": {"message": "busy", "type": "server_error"}}', {"message": "busy", "type": "server_error"}),
        ('data: {"error": "out of memory"}', {"message": "out of memory"}),
        ('event: error\ndata: {"message": "gone", "code": 502}', {"message": "gone", "code": 502}),
        ("event: error\ndata: upstream gone", {"message": "upstream gone"}),
        (
            'data: {"error": {"code": 1}, "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}',
            {"code": 1},
        ),
    ],
)  # fmt: skip
def test_an_error_within_the_stream(event: str, error: Wire) -> None:
    raw = stream(chunk({"content": "Half an"}), done=False) + f"{event}\n\n".encode()
    assembled, body = chat(raw)
    assert assembled.error == error
    assert body["choices"][0]["message"]["content"] == "Half an"
    assert body["error"] == error
    alone = assemble(f"{event}\n\n".encode(), "chat.completions")
    assert alone.error == error
    assert json.loads(alone.body)["error"] == error


def test_an_answer_that_was_no_stream() -> None:
    raw = b'{"error": {"message": "no such model"}}'
    assembled = assemble(raw, "chat.completions")
    assert (assembled.body, assembled.error, assembled.complete) == (raw, {"message": "no such model"}, False)


@pytest.mark.parametrize(
    "raw", [b"", b"data: [DONE]\n\n", b": ping\n\n", b"data: nonsense\n\n", b"data: [1]\n\n", b"\xff"]
)
def test_nothing_to_assemble(raw: bytes) -> None:
    assembled = assemble(raw, "chat.completions")
    assert (assembled.body, assembled.usage, assembled.finish_reason, assembled.error) == (b"", None, None, None)


@pytest.mark.parametrize(
    "last",
    [
        {"usage": {"prompt_tokens": 3, "completion_tokens": 4}},
        {"x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}},
        {"choices": [{"index": 0, "delta": {}, "usage": {"prompt_tokens": 3, "completion_tokens": 4}}]},
    ],
)
def test_usage_wherever_it_stands(last: Wire) -> None:
    assert assemble(stream(chunk({"content": "a"}, "stop"), last), "chat.completions").usage == Usage(3, 4)


def test_a_long_stream_takes_linear_time() -> None:
    more = {"logprobs": {"content": [{"token": "x", "logprob": -1.0}]}}
    raw = stream(*[chunk({"content": "word "}, **more)] * 20_000, chunk({}, "stop"))
    started = time.process_time()
    assembled = assemble(raw, "chat.completions")
    assert time.process_time() - started < 5
    assert len(json.loads(assembled.body)["choices"][0]["message"]["content"]) == 100_000
