"""A request without what a provider cannot do, where the configuration wants it dropped and not refused. Pure.

Dropped are whole fields of the caller's request, single tools, and what tools of another provider's own did in the
history. What people and models said is never dropped: a part that cannot be said stays an error.
"""

from collections.abc import Callable
from typing import Any

from sessionary.wire.canonical import Format, Request, Unsupported
from sessionary.wire.formats import FORMATS

Body = dict[str, Any]
_INPUT: dict[Format, str] = {"chat": "messages", "responses": "input", "messages": "messages"}
_KEPT = frozenset({"model", "messages", "input", "instructions", "system", "max_tokens", "tools"})
_NEED_TOOLS = ("tool_choice", "parallel_tool_calls")
_OWN_ITEMS = ("_call", "_call_output", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response")
_SAID_ITEMS = frozenset({"function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"})


def written(
    asked: Body, caller: Format, read: Callable[[Body], Request], write: Callable[[Request], Body]
) -> tuple[Body, list[str]]:
    """What `write` makes of the request, and what it had to do without: `temperature`, `tools.web_search`, …

    Raises Unsupported where there is no doing without.
    """
    dropped: list[str] = []
    while True:
        try:
            return write(read(asked)), dropped
        except Unsupported as error:
            asked, names = _without(asked, error, caller, write)
            dropped += names


def _without(
    asked: Body, error: Unsupported, caller: Format, write: Callable[[Request], Body]
) -> tuple[Body, list[str]]:
    field, inner = _place(error, caller)
    value = asked.get(field)

    def refused(key: str, given: Any) -> bool:
        bare = {"model": "", "max_tokens": 1, _INPUT[caller]: [], key: [given]}
        try:
            write(FORMATS[caller].read_request({k: v for k, v in bare.items() if k in asked or k == key}))
        except Unsupported as found:
            return _place(found, caller)[0] == key
        return False

    if field in ("tools", "input") and isinstance(value, list):
        out = [given for given in value if (field == "tools" or _is_own(given)) and refused(field, given)]
        if out:
            left = [given for given in value if not any(given is each for each in out)]
            rest = {**asked, field: left}
            if not left and field == "tools":
                rest = {k: v for k, v in rest.items() if k != "tools" and k not in _NEED_TOOLS}
            return rest, [f"{field}.{_name(given)}" for given in out]
    if field in _KEPT or field not in asked:
        raise error
    if isinstance(value, dict) and inner in value:
        return {**asked, field: {k: v for k, v in value.items() if k != inner}}, [error.field]
    return {k: v for k, v in asked.items() if k != field}, [field]


def _place(error: Unsupported, caller: Format) -> tuple[str, str]:
    """The caller's field, and what inside of it; writers may say of a message where it would stand in their format."""
    field, _, inner = error.field.partition(".")
    return _INPUT[caller] if field in _INPUT.values() else field, inner


def _is_own(item: Any) -> bool:
    """Whether an item of the history tells of a tool that a provider runs itself."""
    kind = item.get("type") if isinstance(item, dict) else None
    return isinstance(kind, str) and kind not in _SAID_ITEMS and kind.endswith(_OWN_ITEMS)


def _name(given: Any) -> str:
    kind = given.get("type") if isinstance(given, dict) else None
    return kind if isinstance(kind, str) else "?"
