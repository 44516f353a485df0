"""What docs/reference/translation.md says of single fields, held to the code."""

import json
from typing import Any

import msgspec
import pytest

from sessionary.settings.tree import Format
from sessionary.wire.canonical import Answer, Part, Turn, Unsupported
from sessionary.wire.formats import FORMATS
from sessionary.wire.message import Piece
from tests.support import chats

Wire = dict[str, Any]
BODIES: dict[Format, Wire] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "responses": {"model": "m", "input": "hi"},
    "messages": {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]},
}


def translated(of: Format, to: Format, **more: Any) -> Wire:
    return FORMATS[to].write_request(FORMATS[of].read_request({**BODIES[of], **more}))


# -- what the target cannot say

REFUSED: list[tuple[Format, Format, Wire]] = [
    ("chat", "responses", {"stop": ["x"]}),
    ("chat", "responses", {"seed": 1}),
    ("chat", "responses", {"n": 2}),
    ("chat", "responses", {"logit_bias": {"1": 2}}),
    ("chat", "responses", {"modalities": ["text", "audio"]}),
    ("chat", "responses", {"web_search_options": {"search_context_size": "low"}}),
    ("chat", "responses", {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{}]}}}),
    ("chat", "messages", {"seed": 1}),
    ("chat", "messages", {"n": 2}),
    ("chat", "messages", {"logprobs": True}),
    ("chat", "messages", {"frequency_penalty": 1}),
    ("chat", "messages", {"presence_penalty": 0.5}),
    ("chat", "messages", {"response_format": {"type": "json_object"}}),
    ("chat", "messages", {"temperature": 1.5}),
    ("chat", "messages", {"verbosity": "low"}),
    ("chat", "messages", {"something": 1}),
    ("responses", "chat", {"prompt": {"id": "p"}}),
    ("responses", "chat", {"background": True}),
    ("responses", "messages", {"prompt": {"id": "p"}}),
    ("messages", "chat", {"container": "c"}),
    ("messages", "chat", {"mcp_servers": [{"url": "https://example.com"}]}),
    ("messages", "responses", {"top_k": 5}),
    ("messages", "responses", {"stop_sequences": ["x"]}),
]


@pytest.mark.parametrize(("of", "to", "more"), REFUSED)
def test_it_is_named(of: Format, to: Format, more: Wire) -> None:
    with pytest.raises(Unsupported) as error:
        translated(of, to, **more)
    assert error.value.field in (*more, "stop")
    assert len(error.value.why) > 10


TOOLS: dict[Format, Wire] = {
    "chat": {"type": "custom", "custom": {"name": "c"}},
    "responses": {"type": "file_search"},
    "messages": {"type": "code_execution_20250825", "name": "code_execution"},
}


@pytest.mark.parametrize(
    ("of", "to"),
    [
        ("responses", "chat"),
        ("responses", "messages"),
        ("messages", "chat"),
        ("messages", "responses"),
        ("chat", "messages"),
    ],
)
def test_tools_that_only_one_provider_has(of: Format, to: Format) -> None:
    with pytest.raises(Unsupported) as error:
        translated(of, to, tools=[TOOLS[of]])
    assert error.value.field.startswith("tools")


# -- hints, and what has no effect

SILENT: list[tuple[Format, Format, Wire]] = [
    (
        "chat",
        "responses",
        {"prediction": {"type": "content", "content": "x"}, "stream_options": {"include_usage": True}},
    ),
    ("chat", "messages", {"prompt_cache_key": "k", "safety_identifier": "s", "metadata": {"a": 1}, "session_id": "s"}),
    ("chat", "messages", {"seed": None, "logprobs": False, "n": 1, "response_format": {"type": "text"}, "tools": []}),
    ("chat", "messages", {"modalities": ["text"], "logit_bias": {}, "frequency_penalty": 0, "store": True}),
    ("responses", "chat", {"include": ["reasoning.encrypted_content"], "max_tool_calls": 3, "truncation": "auto"}),
    ("responses", "chat", {"client_metadata": {"a": "b"}, "background": False, "store": False, "metadata": {"a": "b"}}),
    ("responses", "messages", {"text": {"format": {"type": "text"}}, "prompt": None, "previous_response_id": None}),
    ("messages", "chat", {"context_management": {"edits": []}, "thinking": {"type": "disabled"}, "metadata": {}}),
    ("messages", "responses", {"metadata": {"user_id": '{"device_id":"d","session_id":"s"}'}, "extra_body": {"a": 1}}),
]


@pytest.mark.parametrize(("of", "to", "more"), SILENT)
def test_it_is_left_out(of: Format, to: Format, more: Wire) -> None:
    left = set(translated(of, to, **more)) - set(translated(of, to))
    assert left <= {"top_p", "temperature"}


# -- what has a name of its own in each


@pytest.mark.parametrize(
    ("of", "to", "more", "there"),
    [
        ("chat", "responses", {"max_tokens": 5}, {"max_output_tokens": 16}),
        ("chat", "responses", {"prompt_cache_key": "k"}, {"prompt_cache_key": "k"}),
        ("responses", "chat", {"prompt_cache_key": "k"}, {"prompt_cache_key": "k"}),
        ("chat", "responses", {"logprobs": True, "top_logprobs": 2}, {"top_logprobs": 2}),
        ("chat", "messages", {"stop": "x"}, {"stop_sequences": ["x"]}),
        ("chat", "messages", {"user": "u"}, {"metadata": {"user_id": "u"}}),
        ("messages", "chat", {"stop_sequences": ["x"], "top_k": 5}, {"stop": ["x"], "top_k": 5}),
        ("messages", "chat", {"thinking": {"type": "enabled", "budget_tokens": 8000}}, {"reasoning_effort": "medium"}),
        ("messages", "chat", {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ("responses", "chat", {"reasoning": {"effort": "low"}}, {"reasoning_effort": "low"}),
        ("responses", "chat", {"text": {"verbosity": "high"}}, {"verbosity": "high"}),
        (
            "responses",
            "chat",
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": chats.SCHEMA, "strict": True}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": chats.SCHEMA, "strict": True},
                }
            },
        ),
    ],
)
def test_it_has_another_name(of: Format, to: Format, more: Wire, there: Wire) -> None:
    written = translated(of, to, **more)
    assert {k: written.get(k) for k in there} == there


def test_tools_of_a_namespace() -> None:
    tools = [{"type": "namespace", "name": "issues", "tools": [{"type": "function", "name": "create"}]}]
    (tool,) = translated("responses", "chat", tools=tools)["tools"]
    assert tool["function"]["name"] == "issues__create"


# -- content


def test_results_with_images() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "seen"}, image]}
    messages = [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    to_chat = translated("messages", "chat", messages=messages)["messages"]
    assert to_chat[2:] == [
        {"role": "tool", "tool_call_id": "t1", "content": "seen"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": chats.PNG}}]},
    ]
    *_, output = translated("messages", "responses", messages=messages)["input"]
    assert [part["type"] for part in output["output"]] == ["input_text", "input_image"]


def test_several_results_of_one_message() -> None:
    results = [{"type": "tool_result", "tool_use_id": id, "content": id} for id in ("a", "b")]
    messages = [{"role": "user", "content": [*results, {"type": "text", "text": "and?"}]}]
    assert translated("messages", "chat", messages=messages)["messages"] == [
        {"role": "tool", "tool_call_id": "a", "content": "a"},
        {"role": "tool", "tool_call_id": "b", "content": "b"},
        {"role": "user", "content": "and?"},
    ]


@pytest.mark.parametrize(
    ("of", "to", "part"),
    [
        ("chat", "messages", {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}),
        ("chat", "messages", {"type": "file", "file": {"file_id": "file_1"}}),
        ("chat", "messages", {"type": "unknown"}),
        ("chat", "responses", {"type": "unknown"}),
        ("responses", "chat", {"type": "input_image", "file_id": "file_1"}),
        ("responses", "chat", {"type": "input_file", "file_url": "https://example.com/a.pdf"}),
        ("messages", "chat", {"type": "image", "source": {"type": "file", "file_id": "file_1"}}),
        ("messages", "chat", {"type": "document", "source": {"type": "file", "file_id": "file_1"}}),
        ("messages", "responses", {"type": "document", "source": {"type": "file", "file_id": "file_1"}}),
        ("chat", "responses", {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}),
        ("messages", "chat", {"type": "search_result", "source": "s", "title": "t", "content": []}),
        ("messages", "responses", {"type": "search_result", "source": "s", "title": "t", "content": []}),
    ],
)
def test_parts_that_the_target_has_not(of: Format, to: Format, part: Wire) -> None:
    message = {"role": "user", "content": [part]}
    with pytest.raises(Unsupported):
        translated(of, to, **{"input" if of == "responses" else "messages": [message]})


def test_cache_marks_of_chat_callers_reach_anthropic() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "long", **mark}]},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", **mark}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "ok", **mark},
        {"role": "assistant", "content": "so"},
        {"role": "user", "content": "c", **mark},
    ]
    written = translated("chat", "messages", messages=messages)
    assert written["system"] == [{"type": "text", "text": "long", **mark}]
    said = [block for message in written["messages"] for block in message["content"]]
    assert [b.get("text") or b.get("tool_use_id") for b in said if isinstance(b, dict) and "cache_control" in b] == [
        "b",
        "call_1",
        "c",
    ]


# -- reasoning: from its maker through a client of any format, and back

THINKING = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "ZGF0YQ=="}
ITEM = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Hm."}],
    "encrypted_content": "ZW5j",
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def answer_of(maker: Format, reasoning: Wire) -> Answer:
    if maker == "messages":
        call = {"type": "tool_use", "id": "call_1", "name": "f", "input": {}}
        body: Wire = {"content": [reasoning, call], "stop_reason": "tool_use"}
        return FORMATS["messages"].read_answer({"id": "msg_1", "type": "message", "model": "m", **body})
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
    output = [reasoning, {**item, "status": "completed"}]
    return FORMATS["responses"].read_answer({"id": "resp_1", "model": "m", "status": "completed", "output": output})


def sent_back(client: Format, body: Wire) -> Wire:
    """The next request of a client that got the answer `body`."""
    if client == "responses":
        result = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
        return {**BODIES[client], "input": [{"role": "user", "content": "hi"}, *body["output"], result]}
    (question,) = BODIES[client]["messages"]
    if client == "chat":
        result = {"role": "tool", "tool_call_id": "call_1", "content": "ok"}
        return {**BODIES[client], "messages": [question, body["choices"][0]["message"], result]}
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "ok"}
    said = [question, {"role": "assistant", "content": body["content"]}, {"role": "user", "content": [result]}]
    return {**BODIES[client], "messages": said}


def reasoning_in(body: Wire) -> list[Wire]:
    if "input" in body:
        return [item for item in body["input"] if item.get("type") == "reasoning"]
    blocks = [b for m in body["messages"] if isinstance(m["content"], list) for b in m["content"]]
    return [block for block in blocks if "thinking" in block["type"]]


def essence(reasoning: Wire) -> Wire:
    return {k: v for k, v in reasoning.items() if k not in ("id", "status", "content") and v is not None}


@pytest.mark.parametrize("client", list(FORMATS))
@pytest.mark.parametrize(("maker", "reasoning"), [("messages", THINKING), ("messages", REDACTED), ("responses", ITEM)])
def test_reasoning_reaches_its_maker_again(client: Format, maker: Format, reasoning: Wire) -> None:
    answer = msgspec.structs.replace(answer_of(maker, reasoning), id="resp_1", created=1)
    body = json.loads(json.dumps(FORMATS[client].write_answer(answer, BODIES[client])))
    request = FORMATS[client].read_request(sent_back(client, body))
    assert [essence(r) for r in reasoning_in(FORMATS[maker].write_request(request))] == [essence(reasoning)]
    other: Format = "responses" if maker == "messages" else "messages"
    assert reasoning_in(FORMATS[other].write_request(request)) == []
    chat_body = json.dumps(FORMATS["chat"].write_request(request)) if client != "chat" else ""
    assert "Hm." not in chat_body


@pytest.mark.parametrize("client", ["responses", "messages"])
def test_a_chat_providers_reasoning_goes_back_with_its_calls(client: Format) -> None:
    """As DeepSeek and Moonshot want it."""
    message = {"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": [CALL]}
    answer = FORMATS["chat"].read_answer({"choices": [{"message": message, "finish_reason": "tool_calls"}]})
    answer = msgspec.structs.replace(answer, id="resp_1", created=1)
    body = json.loads(json.dumps(FORMATS[client].write_answer(answer, BODIES[client])))
    request = FORMATS[client].read_request(sent_back(client, body))
    assert FORMATS["chat"].write_request(request)["messages"][1] == message
    assert reasoning_in(FORMATS["messages"].write_request(request)) == []
    assert reasoning_in(FORMATS["responses"].write_request(request)) == []


def test_a_text_in_pieces_is_one_in_chat() -> None:
    def part(type: Any, text: str) -> Part:
        return Part(Piece(type, text=text), "messages", None)

    turns = [Turn("assistant", [part("text", "a"), part("text", "b"), part("reasoning", "x"), part("text", "c")])]
    body = FORMATS["chat"].write_answer(Answer("id", "m", turns, "stop", format="messages"), {})
    assert body["choices"][0]["message"]["content"] == "ab\n\nc"


@pytest.mark.parametrize(
    ("stop", "reason"),
    [("refusal", "content_filter"), ("pause", "stop"), ("length", "length"), ("content_filter",) * 2],
)
def test_why_it_ended(stop: Any, reason: str) -> None:
    turns = [Turn("assistant", [Part(Piece("text", text="a"), "messages", None)])]
    body = FORMATS["chat"].write_answer(Answer("id", "m", turns, stop, format="messages"), {})
    assert body["choices"][0]["finish_reason"] == reason
