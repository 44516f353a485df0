"""Tools, the choice among them, and the names of tools inside a namespace. Pure.

Other formats have no namespaces: there a tool `create` of the namespace `issues` is called `issues__create`. Which
call belongs to which namespace is known from the caller's own tools.
"""

import hashlib
from typing import Any

from sessionary.wire import loose, web_search
from sessionary.wire.canonical import Tool
from sessionary.wire.foreign import cannot

ADDED = "additional_tools"
"""An item of the input that gives tools, where a request's own are not to be changed."""
FOUND = "tool_search_output"
"""The same for tools that were looked for."""
_LONGEST = 64
"""Of a tool's name, in every format."""


def flat(namespace: str, name: str) -> str:
    if not namespace:
        return name
    whole = f"{namespace}__{name}"
    if len(whole) <= _LONGEST:
        return whole
    return f"{whole[: _LONGEST - 9]}_{hashlib.sha256(whole.encode('utf-8', 'replace')).hexdigest()[:8]}"


def namespaced(asked: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Of a request's tools: the name that other formats see -> (namespace, name)."""
    added = [item.get("tools") for item in loose.dicts(asked.get("input")) if item.get("type") in (ADDED, FOUND)]
    return {
        flat(namespace, tool["name"]): (namespace, tool["name"])
        for tools in (asked.get("tools"), *added)
        for given in loose.dicts(tools)
        if given.get("type") == "namespace" and isinstance(namespace := given.get("name"), str)
        for tool in loose.dicts(given.get("tools"))
        if isinstance(tool.get("name"), str)
    }


def read(given: Any) -> list[Tool]:
    tools: list[Tool] = []
    for tool in given if isinstance(given, list) else []:
        match tool:
            case {"type": "namespace", "name": str(namespace), "tools": list(inner)} if inner:
                tools += [_tool(each, namespace) for each in inner]
            case _:
                tools.append(_tool(tool))
    return tools


def _tool(given: Any, namespace: str = "") -> Tool:
    if not isinstance(given, dict):
        return Tool("", "", "", None, None, "responses", given)
    kind = str(given.get("type") or "")
    name = flat(namespace, str(given.get("name") or "")) if kind in ("function", "custom") else ""
    schema, strict = given.get("parameters"), given.get("strict")
    return Tool(
        kind=kind,
        name=name,
        description=str(given.get("description") or ""),
        schema=schema if isinstance(schema, dict) else None,
        strict=strict if isinstance(strict, bool) else None,
        format="responses",
        origin=given,
    )


def write(tools: list[Tool]) -> list[Any]:
    """Raises Unsupported."""
    return [_written(tool) for tool in tools]


def _written(tool: Tool) -> Any:
    if tool.format == "responses" and _tool(tool.origin) == tool:
        return tool.origin
    named = {"type": tool.kind, "name": tool.name}
    if tool.description:
        named["description"] = tool.description
    if tool.kind == "function":
        # Left out, `strict` would be true here and false everywhere else.
        return {**named, "parameters": tool.schema, "strict": bool(tool.strict)}
    if tool.kind == "custom":
        form = form_of(tool)
        return named | ({"format": form} if form else {})
    if (search := web_search.for_responses(tool)) is not None:
        return search
    raise cannot("tools", "responses", f"the tool {tool.kind or tool.name!r} needs a provider that has it")


def form_of(tool: Tool) -> dict[str, Any] | None:
    """Of a custom tool's text. Chat has the grammar one level deeper."""
    origin = tool.origin if isinstance(tool.origin, dict) else {}
    said = origin.get("custom") if tool.format == "chat" else origin
    form = said.get("format") if isinstance(said, dict) else None
    if not isinstance(form, dict):
        return None
    grammar = form.get("grammar")
    return {"type": "grammar", **grammar} if isinstance(grammar, dict) else form


def read_choice(choice: Any) -> str | None:
    match choice:
        case "auto" | "none" | "required":
            return str(choice)
        case {"type": "function" | "custom", "name": str(name)}:
            namespace = choice.get("namespace")
            return flat(namespace, name) if isinstance(namespace, str) else name
    return None


def write_choice(choice: str, tools: list[Tool]) -> Any:
    if choice in ("auto", "none", "required"):
        return choice
    kind = "custom" if any(tool.name == choice and tool.kind == "custom" for tool in tools) else "function"
    return {"type": kind, "name": choice}
