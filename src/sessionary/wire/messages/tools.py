"""Tools and the choice among them, in Anthropic's spelling. Pure."""

from typing import Any

from sessionary.wire import web_search
from sessionary.wire.canonical import Tool
from sessionary.wire.foreign import cannot
from sessionary.wire.messages import models
from sessionary.wire.messages.blocks import FORMAT

Wire = dict[str, Any]
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def read(tools: list[Any]) -> list[Tool]:
    return [_tool(given) for given in tools]


def _tool(given: Any) -> Tool:
    """A tool without a type is the caller's own; the types are the tools that Anthropic has."""
    if not isinstance(given, dict):
        return Tool("", "", "", None, None, FORMAT, given)
    kind, name, schema, strict = (given.get(key) for key in ("type", "name", "input_schema", "strict"))
    return Tool(
        kind="function" if kind in (None, "custom") else str(kind),
        name=str(name or ""),
        description=str(given.get("description") or ""),
        schema=schema if isinstance(schema, dict) else None,
        strict=strict if isinstance(strict, bool) else None,
        format=FORMAT,
        origin=given,
    )


def write(tools: list[Tool], model: str) -> list[Any]:
    """Raises Unsupported."""
    return [_written(tool, model) for tool in tools]


def _written(tool: Tool, model: str) -> Any:
    if tool.format == FORMAT and _tool(tool.origin) == tool:
        return tool.origin
    if tool.kind == "custom":
        raise cannot("tools", FORMAT, f"the tool {tool.name!r} takes free text; Anthropic's take JSON")
    if (search := web_search.for_messages(tool)) is not None:
        return search
    if tool.kind != "function":
        raise cannot("tools", FORMAT, f"the tool {tool.kind or tool.name!r} needs a provider that has it")
    written: Wire = {"name": tool.name, "description": tool.description} if tool.description else {"name": tool.name}
    written["input_schema"] = {"type": "object", "properties": {}} if not tool.schema else tool.schema
    if tool.strict and models.takes_strict_tools(model):
        written["strict"] = True
    mark = tool.origin.get("cache_control") if isinstance(tool.origin, dict) else None
    return {**written, "cache_control": mark} if isinstance(mark, dict) else written


def read_choice(choice: Any) -> Wire:
    """The fields of `Params` that it says."""
    match choice:
        case {"type": "tool", "name": str(name)}:
            said: Wire = {"tool_choice": name}
        case {"type": "auto" | "any" | "none" as kind}:
            said = {"tool_choice": _CHOICES[kind]}
        case _:
            return {}
    alone = choice.get("disable_parallel_tool_use")
    return said | ({"parallel_tool_calls": not alone} if isinstance(alone, bool) else {})


def write_choice(choice: str | None, parallel: bool | None, tools: list[Tool], *, own: bool) -> Wire:
    """From another format nothing is said that Anthropic does anyway: it refuses a choice where there are no tools."""
    if not own:
        if not tools:
            if choice not in (None, "auto", "none"):
                raise cannot("tool_choice", FORMAT, "there are no tools to choose from")
            return {}
        parallel = None if parallel or choice == "none" else parallel
    if choice is None and parallel is None:
        return {}
    kinds = {to: of for of, to in _CHOICES.items()}
    written: Wire = {"type": kinds[choice]} if choice in kinds else {"type": "tool", "name": choice}
    if choice is None:
        written = {"type": "auto"}
    return written if parallel is None else written | {"disable_parallel_tool_use": not parallel}
