"""Which tool the demo provider calls, and with what. Pure, deterministic.

With tools on offer it calls one a turn, the first or the one that `tool_choice` names, with arguments that fit the
tool's schema. A prompt may ask for others: each of its lines that begins with `call` and the name of a tool on offer
is a call, made one after another as the results come in.

    call get_weather {"city": "Paris"}
    call run_script print(1)

What follows the name is JSON. A tool that takes text, and a function whose one argument is a text, get the rest of
the line as it is, or the text of a JSON string, which may have line breaks. Without anything that fits, the arguments
are made up.
"""

import random
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from sessionary.providers.fitting import fit
from sessionary.wire import loose

Wire = dict[str, Any]
_LINE = re.compile(r"^[ \t]*call[ \t]+(\S+)[ \t]*(.*?)[ \t\r]*$", re.MULTILINE)


def call(request: Wire, messages: list[Wire], rng: random.Random) -> Wire | None:
    """The call that is next, as chat has it; None where it is time to speak."""
    tools = dict(_offered(request))
    choice = request.get("tool_choice")
    turn = _open_turn(messages)
    said = [_content(m) for m in turn if m.get("role") == "user"]
    if not tools or choice == "none" or not said:
        return None
    asked = [(name, given) for name, given in _LINE.findall("\n".join(said)) if name in tools]
    chosen = _chosen(choice)
    if chosen in tools:
        asked = [(chosen, next((given for name, given in asked if name == chosen), ""))]
    made = sum(len(_list(m.get("tool_calls"))) for m in turn)
    wanted = asked or [(next(iter(tools)), "")]
    if made >= len(wanted):
        return None
    name, given = wanted[made]
    return {"id": f"call_demo{rng.getrandbits(64):016x}", **_spelled(name, given, tools[name], said[-1])}


def result(messages: list[Wire]) -> Wire | None:
    """The newest result of a call in the turn that is open."""
    return next((m for m in reversed(_open_turn(messages)) if m.get("role") == "tool"), None)


def _open_turn(messages: list[Wire]) -> list[Wire]:
    """What came after the last answer in words. System messages may stand anywhere in it."""
    said = (n for n in reversed(range(len(messages))) if messages[n].get("role") == "assistant")
    last = next((n for n in said if not _list(messages[n].get("tool_calls"))), -1)
    return messages[last + 1 :]


def _offered(request: Wire) -> Iterator[tuple[str, Wire]]:
    for tool in _list(request.get("tools")):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind in ("function", "custom") and isinstance(inner := tool.get(kind), dict):
            yield str(inner.get("name")), tool


def _chosen(choice: Any) -> str:
    kind = choice.get("type") if isinstance(choice, dict) else None
    inner = choice.get(kind) if kind in ("function", "custom") else None
    return str(inner.get("name")) if isinstance(inner, dict) else ""


def _spelled(name: str, given: str, tool: Wire, prompt: str) -> Wire:
    try:
        value = loose.decode(given)
    except loose.FAILURES:
        value = given
    text = value if isinstance(value, str) else given
    if tool["type"] == "custom":
        return {"type": "custom", "custom": {"name": name, "input": text or prompt}}
    schema = tool["function"].get("parameters")
    schema = schema if isinstance(schema, dict) else {}
    if isinstance(value, dict):
        arguments: Any = value
    elif text and (only := _only_text(schema)):
        arguments = {only: text}
    else:
        arguments = fit(schema, prompt)
    return {"type": "function", "function": {"name": name, "arguments": msgspec.json.encode(arguments).decode()}}


def _only_text(schema: Wire) -> str:
    """The name of the one argument, where that is a text."""
    properties = schema.get("properties")
    match list(properties.items()) if isinstance(properties, dict) else []:
        case [(str(name), {"type": "string"})]:
            return name
    return ""


def _content(message: Wire) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in _list(content) if isinstance(part, dict)).strip()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
