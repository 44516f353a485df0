"""Tools that take text, and searches for tools, through providers that have functions alone."""

import json
from typing import Any

import pytest

from sessionary.settings.tree import Format
from sessionary.wire import client_tools, offered
from sessionary.wire.canonical import Closed, Delta, Ended, Opened, Part, Started, Told, Unsupported
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
    request, names = client_tools.as_functions(FORMATS["responses"].read_request(ASKED))
    assert names == {"patch": "custom"}
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
    request, _ = client_tools.as_functions(FORMATS["responses"].read_request(ASKED))
    body = FORMATS["chat"].write_request(request)
    assert [tool["type"] for tool in body["tools"]] == ["function", "function"]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "patch"}}
    (call,) = body["messages"][1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"input": '+one "line"\n'}
    assert body["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": "done"}


def test_a_history_of_chat_is_changed_too() -> None:
    call = {"id": "c1", "type": "custom", "custom": {"name": "patch", "input": "x"}}
    history = [{"role": "user", "content": "q"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    request, _ = client_tools.as_functions(FORMATS["chat"].read_request({"model": "m", "messages": history}))
    (changed,) = FORMATS["chat"].write_request(request)["messages"][1]["tool_calls"]
    assert json.loads(changed["function"]["arguments"]) == {"input": "x"}


def test_a_request_without_such_tools_is_left_alone() -> None:
    request = FORMATS["responses"].read_request({"model": "m", "tools": [PLAIN], "input": "q"})
    assert client_tools.as_functions(request) == (request, {})
    assert client_tools.as_functions(request)[0] is request


@pytest.mark.parametrize(
    ("arguments", "text"), [('{"input": "a\\nb"}', "a\nb"), ("a b", "a b"), ('{"x": 1}', '{"x":1}')]
)
def test_an_answer_gets_its_text_back(arguments: str, text: str) -> None:
    call = {"id": "c2", "type": "function", "function": {"name": "patch", "arguments": arguments}}
    other = {"id": "c3", "type": "function", "function": {"name": "run", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call, other]}
    answer = FORMATS["chat"].read_answer({"id": "1", "model": "m", "choices": [{"message": message}]})
    items = FORMATS["responses"].write_answer(client_tools.restored(answer, {"patch": "custom"}), ASKED)["output"]
    assert [item["type"] for item in items] == ["custom_tool_call", "function_call"]
    assert (items[0]["input"], items[0]["call_id"]) == (text, "c2")


def test_a_stream_gets_its_text_back() -> None:
    def call(index: int, name: str, arguments: Any) -> list[Told]:
        piece = Piece("tool_call", id=f"c{index}", name=name)
        part = Part(Piece("tool_call", id=f"c{index}", name=name, arguments=arguments), "chat", {})
        half = json.dumps(arguments)
        deltas: list[Told] = [Delta(index, half[:5]), Delta(index, half[5:])]
        return [Opened(index, piece), *deltas, Closed(index, part)]

    restoring = client_tools.Restoring({"patch": "custom"})
    writer = FORMATS["responses"].Writer(ASKED, "resp_1", 0)
    told = [Started("1", "m", 0), *call(0, "patch", {"input": "a\nb"}), *call(1, "run", {"x": 1})]
    sent = b"".join(writer.feed(t) for each in [*told, Ended("tool_calls", None)] for t in restoring.feed(each))
    events = [json.loads(line[6:]) for line in sent.decode().split("\n") if line.startswith("data: {")]
    deltas = [(e["type"].split(".")[1], e["delta"]) for e in events if e["type"].endswith(".delta")]
    assert deltas[0] == ("custom_tool_call_input", "a\nb")
    assert "".join(text for kind, text in deltas if kind == "function_call_arguments") == '{"x": 1}'
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["custom_tool_call", "function_call"]


SEARCH = {
    "type": "tool_search",
    "execution": "client",
    "description": "Looks for tools.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
}
FOUND = {
    "type": "tool_search_output",
    "call_id": "c1",
    "execution": "client",
    "tools": [
        {"type": "namespace", "name": "clock", "tools": [{"type": "function", "name": "sleep", "parameters": {}}]}
    ],
}
SEARCHED: Wire = {
    "model": "m",
    "tools": [SEARCH],
    "input": [
        {"role": "user", "content": "wait"},
        {"type": "tool_search_call", "call_id": "c1", "execution": "client", "arguments": {"query": "time"}},
        FOUND,
    ],
}


@pytest.mark.parametrize("target", ["chat", "messages"])
def test_a_search_for_tools_is_a_function(target: Format) -> None:
    request, changed = client_tools.as_functions(offered.plainly(FORMATS["responses"].read_request(SEARCHED)))
    assert changed == {"tool_search": "tool_search"}
    body = FORMATS[target].write_request(request)
    tools = [tool["function"] for tool in body["tools"]] if target == "chat" else body["tools"]
    assert [tool["name"] for tool in tools] == ["tool_search", "clock__sleep"]
    assert tools[0]["parameters" if target == "chat" else "input_schema"] == SEARCH["parameters"]
    _, call, result = body["messages"]
    assert "query" in json.dumps(call)
    assert "Found: clock__sleep" in json.dumps(result)
    assert result["role"] == ("tool" if target == "chat" else "user")


def test_a_search_comes_back_as_one() -> None:
    call = {"id": "c2", "type": "function", "function": {"name": "tool_search", "arguments": '{"query": "x"}'}}
    other = {"id": "c3", "type": "function", "function": {"name": "clock__sleep", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call, other]}
    answer = FORMATS["chat"].read_answer({"id": "1", "model": "m", "choices": [{"message": message}]})
    answer = client_tools.restored(answer, {"tool_search": "tool_search"})
    search, sleep = FORMATS["responses"].write_answer(answer, SEARCHED)["output"]
    assert {k: v for k, v in search.items() if k != "id"} == {
        "type": "tool_search_call",
        "status": "completed",
        "call_id": "c2",
        "execution": "client",
        "arguments": {"query": "x"},
    }
    assert (sleep["namespace"], sleep["name"]) == ("clock", "sleep")


def test_a_search_that_the_provider_runs_is_its_own() -> None:
    asked = {"model": "m", "input": "q", "tools": [{**SEARCH, "execution": "server"}]}
    request, changed = client_tools.as_functions(FORMATS["responses"].read_request(asked))
    assert changed == {}
    with pytest.raises(Unsupported):
        FORMATS["chat"].write_request(request)
