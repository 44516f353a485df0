"""Tools and the choice among them, in chat's spelling. Pure."""

from typing import Any

from sessionary.wire.canonical import Tool
from sessionary.wire.foreign import cannot


def read(body: dict[str, Any]) -> list[Tool]:
    """Of `tools`, and of `functions`, which they replaced."""
    tools = [_tool(given) for given in _list(body.get("tools"))]
    return tools + [_function(given, given) for given in _list(body.get("functions")) if isinstance(given, dict)]


def _tool(given: Any) -> Tool:
    match given:
        case {"type": "function", "function": dict(function)}:
            return _function(function, given)
        case {"type": "custom", "custom": dict(custom)}:
            name, description = str(custom.get("name") or ""), str(custom.get("description") or "")
            return Tool("custom", name, description, None, None, "chat", given)
        case {"type": str(kind)}:
            return Tool(kind, "", "", None, None, "chat", given)
    return Tool("", "", "", None, None, "chat", given)


def _function(function: dict[str, Any], origin: Any) -> Tool:
    schema, strict = function.get("parameters"), function.get("strict")
    return Tool(
        kind="function",
        name=str(function.get("name") or ""),
        description=str(function.get("description") or ""),
        schema=schema if isinstance(schema, dict) else None,
        strict=strict if isinstance(strict, bool) else None,
        format="chat",
        origin=origin,
    )


def write(tools: list[Tool]) -> dict[str, Any]:
    return {"tools": [_written(tool) for tool in tools]} if tools else {}


def _written(tool: Tool) -> Any:
    if tool.format == "chat" and _tool(tool.origin) == tool:
        return tool.origin
    named = {"name": tool.name} | ({"description": tool.description} if tool.description else {})
    if tool.kind == "function":
        fields = named | ({"parameters": tool.schema} if tool.schema is not None else {})
        return {"type": "function", "function": fields | ({"strict": True} if tool.strict else {})}
    if tool.kind == "custom":
        form = tool.origin.get("format") if tool.format == "responses" and isinstance(tool.origin, dict) else None
        return {"type": "custom", "custom": named | ({"format": _grammar(form)} if isinstance(form, dict) else {})}
    raise cannot("tools", "chat", f"the tool {tool.kind or tool.name!r} needs a provider that has it")


def _grammar(form: dict[str, Any]) -> dict[str, Any]:
    if form.get("type") != "grammar":
        return form
    return {"type": "grammar", "grammar": {k: v for k, v in form.items() if k != "type"}}


def read_choice(body: dict[str, Any]) -> str | None:
    match body.get("tool_choice", body.get("function_call")):
        case ("auto" | "none" | "required") as choice:
            return str(choice)
        case {"type": "function", "function": {"name": str(name)}} | {"type": "custom", "custom": {"name": str(name)}}:
            return name
        case {"name": str(name)}:
            return name
    return None


def write_choice(choice: str | None, tools: list[Tool]) -> dict[str, Any]:
    if choice is None:
        return {}
    if choice in ("auto", "none", "required"):
        return {"tool_choice": choice}
    kind = "custom" if any(tool.name == choice and tool.kind == "custom" for tool in tools) else "function"
    return {"tool_choice": {"type": kind, kind: {"name": choice}}}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
