"""Tools that take text, through providers whose tools take JSON."""

import json
from typing import Any

import pytest

from sessionary.wire import freeform
from sessionary.wire.canonical import Closed, Delta, Ended, Opened, Part, Started, Told
from sessionary.wire.formats import FORMATS
from sessionary.wire.message import Piece

Wire = dict[str, Any]
TOOL = {
    "type": "custom",
    "name": "patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: HUNK"},
}
PLAIN = {"type": "function", "name": "run", "parameters": {"type": "object", "properties": {}}, "strict": False}
ASKED: Wire = {
    "model": "m",
    "tools": [TOOL, PLAIN],
    "tool_choice": {"type": "custom", "name": "patch"},
    "input": [
        {"role": "user", "content": "fix it"},
        {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": '+one "line"\n'},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
    ],
}


def test_a_request_to_messages() -> None:
    request, names = freeform.as_functions(FORMATS["responses"].read_request(ASKED))
    assert names == {"patch"}
    body = FORMATS["messages"].write_request(request)
    patch, run = body["tools"]
    assert patch["name"] == "patch"
    assert patch["description"].startswith("Edits files.\n\n")
    assert "lark grammar:\nstart: HUNK" in patch["description"]
    assert patch["input_schema"]["required"] == ["input"]
    assert run["name"] == "run"
    assert body["tool_choice"]["name"] == "patch"
    _, call, result = body["messages"]
    assert call["content"][0]["input"] == {"input": '+one "line"\n'}
    assert result["content"][0] == {"type": "tool_result", "tool_use_id": "c1", "content": "done"}


def test_a_request_to_chat() -> None:
    request, _ = freeform.as_functions(FORMATS["responses"].read_request(ASKED))
    body = FORMATS["chat"].write_request(request)
    assert [tool["type"] for tool in body["tools"]] == ["function", "function"]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "patch"}}
    (call,) = body["messages"][1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"input": '+one "line"\n'}
    assert body["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": "done"}


def test_a_history_of_chat_is_changed_too() -> None:
    call = {"id": "c1", "type": "custom", "custom": {"name": "patch", "input": "x"}}
    history = [{"role": "user", "content": "q"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    request, _ = freeform.as_functions(FORMATS["chat"].read_request({"model": "m", "messages": history}))
    (changed,) = FORMATS["chat"].write_request(request)["messages"][1]["tool_calls"]
    assert json.loads(changed["function"]["arguments"]) == {"input": "x"}


def test_a_request_without_such_tools_is_left_alone() -> None:
    request = FORMATS["responses"].read_request({"model": "m", "tools": [PLAIN], "input": "q"})
    assert freeform.as_functions(request) == (request, frozenset())
    assert freeform.as_functions(request)[0] is request


@pytest.mark.parametrize(
    ("arguments", "text"), [('{"input": "a\\nb"}', "a\nb"), ("a b", "a b"), ('{"x": 1}', '{"x":1}')]
)
def test_an_answer_gets_its_text_back(arguments: str, text: str) -> None:
    call = {"id": "c2", "type": "function", "function": {"name": "patch", "arguments": arguments}}
    other = {"id": "c3", "type": "function", "function": {"name": "run", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call, other]}
    answer = FORMATS["chat"].read_answer({"id": "1", "model": "m", "choices": [{"message": message}]})
    items = FORMATS["responses"].write_answer(freeform.restored(answer, frozenset({"patch"})), ASKED)["output"]
    assert [item["type"] for item in items] == ["custom_tool_call", "function_call"]
    assert (items[0]["input"], items[0]["call_id"]) == (text, "c2")


def test_a_stream_gets_its_text_back() -> None:
    def call(index: int, name: str, arguments: Any) -> list[Told]:
        piece = Piece("tool_call", id=f"c{index}", name=name)
        part = Part(Piece("tool_call", id=f"c{index}", name=name, arguments=arguments), "chat", {})
        half = json.dumps(arguments)
        deltas: list[Told] = [Delta(index, half[:5]), Delta(index, half[5:])]
        return [Opened(index, piece), *deltas, Closed(index, part)]

    restoring = freeform.Restoring(frozenset({"patch"}))
    writer = FORMATS["responses"].Writer(ASKED, "resp_1", 0)
    told = [Started("1", "m", 0), *call(0, "patch", {"input": "a\nb"}), *call(1, "run", {"x": 1})]
    sent = b"".join(writer.feed(t) for each in [*told, Ended("tool_calls", None)] for t in restoring.feed(each))
    events = [json.loads(line[6:]) for line in sent.decode().split("\n") if line.startswith("data: {")]
    deltas = [(e["type"].split(".")[1], e["delta"]) for e in events if e["type"].endswith(".delta")]
    assert deltas[0] == ("custom_tool_call_input", "a\nb")
    assert "".join(text for kind, text in deltas if kind == "function_call_arguments") == '{"x": 1}'
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["custom_tool_call", "function_call"]
