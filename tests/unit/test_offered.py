"""Tools that are not in the list of a request, or not yet."""

from typing import Any

from sessionary.wire.formats import FORMATS
from sessionary.wire.offered import plainly
from sessionary.wire.responses.tools import namespaced

Wire = dict[str, Any]


def function(name: str, **more: Any) -> Wire:
    return {"type": "function", "name": name, "parameters": {"type": "object"}, "strict": False, **more}


ADDED = {
    "type": "additional_tools",
    "role": "developer",
    "tools": [
        {"type": "namespace", "name": "clock", "tools": [function("sleep")]},
        function("run", description="newer"),
    ],
}


def test_tools_among_the_items_are_put_to_the_list() -> None:
    items = [ADDED, {"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]
    asked = {"model": "m", "tools": [function("run"), {"type": "web_search"}], "input": items}
    request = FORMATS["responses"].read_request(asked)
    assert FORMATS["responses"].write_request(request) == asked
    plain = plainly(request)
    assert [(tool.kind, tool.name) for tool in plain.params.tools] == [
        ("function", "run"),
        ("web_search", ""),
        ("function", "clock__sleep"),
    ]
    assert plain.params.tools[0].description == "newer"
    assert [turn.role for turn in [*plain.system, *plain.turns]] == ["system", "user"]
    assert namespaced(asked) == {"clock__sleep": ("clock", "sleep")}


def test_a_tool_is_deferred_until_a_result_refers_to_it() -> None:
    tools = [{"name": name, "input_schema": {"type": "object"}, "defer_loading": True} for name in ("fetch", "never")]
    first: list[Wire] = [{"role": "user", "content": "hi"}]
    asked: Wire = {"model": "m", "max_tokens": 9, "tools": [{"name": "find", "input_schema": {}}, *tools]}
    request = plainly(FORMATS["messages"].read_request({**asked, "messages": first}))
    assert [tool.name for tool in request.params.tools] == ["find"]
    found = [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "find", "input": {}}]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c",
                    "content": [{"type": "tool_reference", "tool_name": "fetch"}, {"type": "text", "text": "one"}],
                }
            ],
        },
    ]
    request = plainly(FORMATS["messages"].read_request({**asked, "messages": [*first, *found]}))
    body = FORMATS["chat"].write_request(request)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["find", "fetch"]
    assert body["messages"][2]["content"] == [{"type": "text", "text": "fetch"}, {"type": "text", "text": "one"}]


def test_a_request_whose_list_is_all_is_left_alone() -> None:
    request = FORMATS["responses"].read_request({"model": "m", "tools": [function("run")], "input": "hi"})
    assert plainly(request) is request
