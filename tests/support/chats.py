"""Hypothesis strategies for chat requests and answers as values: what every format can say, in chat's plainest form."""

import json
from typing import Any

from hypothesis import strategies as st

Wire = dict[str, Any]
WORDS = st.text(st.sampled_from('abz é日😀\n"\\{}'), min_size=1, max_size=12).filter(str.strip)
NAMES = st.sampled_from(["get_weather", "search", "run"])
PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0xLjQ="
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from([0.5, -2.25]), WORDS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(st.sampled_from(["city", "days", "n"]), JSON, max_size=3)

text_parts = WORDS.map(lambda text: {"type": "text", "text": text})
images = st.sampled_from(
    [
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
    ]
)
files = st.just({"type": "file", "file": {"filename": "paper.pdf", "file_data": PDF}})


def plain(parts: list[Wire]) -> str | list[Wire]:
    """Content as chat's writer spells it: one text is a string."""
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts


systems = WORDS.map(lambda text: {"role": "system", "content": text})
users = st.lists(text_parts | images | files, min_size=1, max_size=3).map(
    lambda parts: {"role": "user", "content": plain(parts)}
)


@st.composite
def assistants(draw: st.DrawFn) -> list[Wire]:
    """What the assistant said, and the results of the tools that it called."""
    message: Wire = {"role": "assistant", "content": draw(st.none() | WORDS)}
    drawn = st.tuples(st.integers(0, 10**6), NAMES, ARGUMENTS)
    calls = draw(st.lists(drawn, max_size=2, unique_by=lambda call: call[0]))
    if not calls:
        return [{**message, "content": draw(WORDS)}]
    message["tool_calls"] = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))},
        }
        for number, name, arguments in calls
    ]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": draw(WORDS)} for call in message["tool_calls"]]
    return [message, *results]


@st.composite
def conversations(draw: st.DrawFn) -> list[Wire]:
    messages = draw(st.lists(systems, max_size=1))
    messages += [draw(users)]
    for _ in range(draw(st.integers(0, 2))):
        messages += draw(assistants())
        messages += [draw(users)]
    return messages


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
tools = st.lists(NAMES, min_size=1, max_size=2, unique=True).map(
    lambda names: [
        {"type": "function", "function": {"name": name, "description": f"To {name}", "parameters": SCHEMA}}
        for name in names
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> Wire:
    """Only what all three formats can say."""
    body: Wire = {"model": "some-model", "messages": draw(conversations())}
    body["max_completion_tokens"] = draw(st.sampled_from([100, 4000]))
    if draw(st.booleans()):
        body["temperature"] = draw(st.sampled_from([0.0, 0.5, 1]))
    if draw(st.booleans()):
        body["stream"] = True
    if draw(st.booleans()):
        body["tools"] = draw(tools)
        first = body["tools"][0]["function"]["name"]
        choice = draw(st.sampled_from([None, "auto", "none", "required", first]))
        if choice == first:
            body["tool_choice"] = {"type": "function", "function": {"name": first}}
        elif choice:
            body["tool_choice"] = choice
    return body


@st.composite
def answers(draw: st.DrawFn) -> Wire:
    message, *_ = draw(assistants())
    message = {"role": "assistant", "content": message["content"], "refusal": None, **message}
    reason = "tool_calls" if "tool_calls" in message else draw(st.sampled_from(["stop", "length"]))
    asked, cached, answered = draw(st.integers(10, 99)), draw(st.integers(0, 9)), draw(st.integers(5, 99))
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_767_225_600,
        "model": "some-model",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
            "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": draw(st.integers(0, 5))},
        },
    }
