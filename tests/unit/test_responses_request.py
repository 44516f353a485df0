"""Requests to /responses: read and written back nothing is lost; what others cannot say is refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from sessionary.wire.canonical import Unsupported
from sessionary.wire.chat import request as chat
from sessionary.wire.messages import answer as messages_answer
from sessionary.wire.messages import request as messages
from sessionary.wire.responses.answer import write_answer
from sessionary.wire.responses.request import read_request, write_request
from sessionary.wire.responses.tools import flat, namespaced
from tests.support import items

Wire = dict[str, Any]
FUNCTION = {"type": "function", "name": "run", "parameters": {"type": "object"}, "strict": True}


@settings(max_examples=70)
@given(items.requests)
def test_reading_and_writing_gives_the_same_back(body: Wire) -> None:
    assert write_request(read_request(json.loads(json.dumps(body)))) == body


def to_chat(body: Wire) -> Wire:
    return chat.write_request(read_request({"model": "m", "input": "x", **body}))


def from_chat(body: Wire) -> Wire:
    return write_request(chat.read_request({"model": "m", "messages": [{"role": "user", "content": "x"}], **body}))


def test_instructions_come_before_the_input() -> None:
    body = {
        "instructions": "be kind",
        "input": [{"role": "developer", "content": "a"}, {"role": "user", "content": "b"}],
    }
    assert [m["content"] for m in to_chat(body)["messages"]] == ["be kind", "a", "b"]
    assert from_chat({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}) == {
        "model": "m",
        "instructions": "s",
        "input": [{"type": "message", "role": "user", "content": "u"}],
        "store": False,
    }


def test_tools_of_a_namespace_are_flattened() -> None:
    body = {
        "tools": [{"type": "namespace", "name": "crm", "description": "", "tools": [FUNCTION]}],
        "input": [{"type": "function_call", "call_id": "c", "namespace": "crm", "name": "run", "arguments": "{}"}],
        "tool_choice": {"type": "function", "name": "run", "namespace": "crm"},
    }
    sent = to_chat(body)
    assert sent["tools"][0]["function"]["name"] == "crm__run"
    assert sent["messages"][0]["tool_calls"][0]["function"]["name"] == "crm__run"
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "crm__run"}}
    assert namespaced(body) == {"crm__run": ("crm", "run")}


def test_flat_names_fit_and_differ() -> None:
    long = [flat("n" * 40, "t" * 40 + end) for end in ("a", "b")]
    assert all(len(name) <= 64 for name in long)
    assert long[0] != long[1]


@pytest.mark.parametrize(
    "tool", [{"type": "web_search"}, {"type": "mcp", "server_label": "a"}, {"type": "image_generation"}]
)
def test_a_providers_own_tool_is_for_that_provider(tool: Wire) -> None:
    with pytest.raises(Unsupported, match="tools"):
        to_chat({"tools": [tool]})


@pytest.mark.parametrize(
    "item",
    [
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "item_reference", "id": "msg_1"},
    ],
)
def test_what_only_its_provider_understands_is_refused_elsewhere(item: Wire) -> None:
    with pytest.raises(Unsupported):
        to_chat({"input": [{"role": "user", "content": "x"}, item]})


@pytest.mark.parametrize("item", [{"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"}])
def test_an_item_that_is_named_and_not_known_is_said_where_it_is(item: Wire) -> None:
    asked = read_request({"model": "m", "input": [{"role": "user", "content": "x"}, item]})
    for write in (chat.write_request, messages.write_request):
        with pytest.raises(Unsupported, match="'msg_1' is not known here") as refused:
            write(asked)
        assert refused.value.field == "input"


@pytest.mark.parametrize(
    ("field", "value"),
    [("prompt", {"id": "pmpt_1"}), ("tool_choice", {"type": "web_search"}), ("temperature", "hot"), ("whatever", 1)],
)
def test_a_field_that_matters_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(Unsupported) as refused:
        to_chat({field: value})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "value"), [("stop", ["\n"]), ("seed", 7), ("n", 2), ("top_k", 5), ("logit_bias", {"1": 2})]
)
def test_what_the_format_cannot_say_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(Unsupported) as refused:
        from_chat({field: value})
    assert refused.value.field == field


@pytest.mark.parametrize("field", ["prompt_cache_key", "safety_identifier"])
def test_fields_of_the_same_name_are_carried(field: str) -> None:
    assert from_chat({field: "k"})[field] == "k"
    assert to_chat({field: "k"})[field] == "k"


def test_settings_without_effect_are_no_obstacle() -> None:
    body = {
        "include": ["reasoning.encrypted_content"],
        "text": {"format": {"type": "text"}, "verbosity": None},
        "reasoning": {"effort": None, "summary": None},
        "truncation": "disabled",
        "background": False,
        "top_logprobs": 0,
        "client_metadata": {"session_id": "s"},
        "prompt": None,
    }
    assert set(to_chat(body)) == {"model", "messages"}


def test_logprobs() -> None:
    wanted = {"include": ["message.output_text.logprobs"], "top_logprobs": 3}
    assert to_chat(wanted)["top_logprobs"] == 3
    sent = from_chat({"logprobs": True, "top_logprobs": 3})
    assert {k: sent[k] for k in wanted} == wanted


def test_a_chat_tool_is_as_loose_here_as_it_was_there() -> None:
    sent = from_chat({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]})
    assert sent["tools"] == [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}]


def test_grammars_of_custom_tools_go_both_ways() -> None:
    tool = {"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "lark", "definition": "s: A"}}
    sent = to_chat({"tools": [tool]})["tools"]
    assert sent[0]["custom"]["format"] == {"type": "grammar", "grammar": {"syntax": "lark", "definition": "s: A"}}
    assert from_chat({"tools": sent})["tools"] == [tool]


def test_results_follow_the_kind_of_their_call() -> None:
    call = {"id": "c", "type": "custom", "custom": {"name": "p", "input": "x"}}
    turns = [{"role": "assistant", "content": None, "tool_calls": [call]}]
    sent = from_chat({"messages": [*turns, {"role": "tool", "tool_call_id": "c", "content": "ok"}]})
    assert [item["type"] for item in sent["input"]] == ["custom_tool_call", "custom_tool_call_output"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": "x"}, "model"),
        ({"model": "m", "input": 7}, "input"),
        ({"model": "m", "input": ["x"]}, "input"),
        ({"model": "m", "input": "x", "instructions": ["a"]}, "instructions"),
    ],
)
def test_what_is_no_request(body: Wire, field: str) -> None:
    with pytest.raises(Unsupported) as refused:
        read_request(body)
    assert refused.value.field == field


def test_history_before_a_string() -> None:
    """Turns put before an input that was a string make it an item."""
    now = read_request({"model": "m", "input": "and now?"})
    before = read_request({"model": "m", "input": [{"role": "user", "content": "a"}]})
    now.turns[:0] = before.turns
    assert write_request(now)["input"] == [
        {"role": "user", "content": "a"},
        {"type": "message", "role": "user", "content": "and now?"},
    ]


def test_another_providers_reasoning_is_not_sent() -> None:
    item = {"type": "reasoning", "summary": [], "encrypted_content": "sessionary:messages:signed:abc"}
    body = {"model": "m", "input": [{"role": "user", "content": "x"}, item]}
    assert write_request(read_request(body))["input"] == [{"role": "user", "content": "x"}]


def test_what_is_refused_is_named_as_the_caller_calls_it() -> None:
    nothing = {"type": "file", "file": {}}
    with pytest.raises(Unsupported) as refused:
        from_chat({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, nothing]}]})
    assert refused.value.field == "messages"
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "stop_sequences": ["a"]}
    with pytest.raises(Unsupported) as refused:
        write_request(messages.read_request(asked))
    assert refused.value.field == "stop_sequences"


def test_a_prompt_cached_by_mark_for_claude() -> None:
    part = {"type": "input_text", "text": "long", "cache_control": {"type": "ephemeral"}}
    sent = messages.write_request(read_request({"model": "m", "input": [{"role": "user", "content": [part]}]}))
    assert sent["messages"][0]["content"] == [{"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}]


def test_the_thinking_of_claude_goes_through_a_client_of_responses() -> None:
    thought = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "cmVk"},
        {"type": "thinking", "thinking": "", "signature": "b21pdHRlZA"},
    ]
    said = {"id": "msg_1", "content": [*thought, {"type": "text", "text": "yes"}], "stop_reason": "end_turn"}
    answer = messages_answer.read_answer({"type": "message", "role": "assistant", "model": "m", **said})
    asked = {"model": "m", "input": "x", "reasoning": {"effort": "low"}}
    items = write_answer(answer, asked)["output"]
    assert [item["type"] for item in items] == ["reasoning"] * 3 + ["message"]
    history = [{"role": "user", "content": "x"}, *items, {"role": "user", "content": "and?"}]
    sent = messages.write_request(read_request({**asked, "input": history}))
    assert sent["messages"][1]["content"] == said["content"]
