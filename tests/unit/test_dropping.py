"""What is left of a request where a provider cannot do all of it."""

from typing import Any

import pytest

from sessionary.settings.tree import Format
from sessionary.wire import dropping
from sessionary.wire.canonical import Unsupported
from sessionary.wire.formats import FORMATS

Wire = dict[str, Any]
RUN = {"type": "function", "name": "run", "parameters": {"type": "object", "properties": {}}, "strict": False}


def written(caller: Format, target: Format, asked: Wire) -> tuple[Wire, list[str]]:
    return dropping.written(asked, caller, FORMATS[caller].read_request, FORMATS[target].write_request)


def test_what_can_be_done_is_asked_as_it_is() -> None:
    asked = {"model": "m", "input": "hi", "tools": [RUN], "temperature": 0.5}
    whole = FORMATS["chat"].write_request(FORMATS["responses"].read_request(asked))
    assert written("responses", "chat", asked) == (whole, [])


def test_tools_are_dropped_one_by_one() -> None:
    tools = [{"type": "web_search"}, RUN, {"type": "mcp", "server_label": "x"}]
    body, dropped = written("responses", "chat", {"model": "m", "input": "hi", "tools": tools})
    assert [tool["function"]["name"] for tool in body["tools"]] == ["run"]
    assert dropped == ["tools.web_search", "tools.mcp"]


def test_a_choice_goes_with_the_last_tool() -> None:
    asked = {"model": "m", "input": "hi", "tools": [{"type": "web_search"}], "tool_choice": "auto"}
    body, dropped = written("responses", "chat", asked | {"parallel_tool_calls": True})
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()
    assert dropped == ["tools.web_search"]


def test_fields_are_dropped_with_what_is_inside_of_them_apart() -> None:
    schema = {"type": "json_schema", "name": "s", "schema": {"type": "object"}}
    asked = {"model": "m", "input": "hi", "top_logprobs": 3, "text": {"verbosity": "low", "format": schema}}
    body, dropped = written("responses", "messages", asked)
    assert sorted(dropped) == ["text.verbosity", "top_logprobs"]
    assert body["output_config"]["format"]["schema"] == {"type": "object"}
    chat = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": 2, "seed": 1, "logit_bias": {"1": 2}}
    assert sorted(written("chat", "messages", chat)[1]) == ["logit_bias", "n", "seed"]


def test_traces_of_another_providers_tools_are_dropped_from_the_items() -> None:
    search = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
    call = {"type": "function_call", "call_id": "c", "name": "run", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "42"}
    asked = {"model": "m", "input": [{"role": "user", "content": "hi"}, search, call, result], "tools": [RUN]}
    body, dropped = written("responses", "chat", asked)
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool"]
    assert dropped == ["input.web_search_call"]


@pytest.mark.parametrize(
    ("caller", "target", "asked"),
    [
        ("responses", "chat", {"input": [{"type": "input_image", "file_id": "file-1"}]}),
        ("chat", "messages", {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}),
        (
            "responses",
            "chat",
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "http://e"}]}]},
        ),
    ],
)
def test_what_was_said_is_never_dropped(caller: Format, target: Format, asked: Wire) -> None:
    with pytest.raises(Unsupported):
        written(caller, target, {"model": "m", **asked})
