"""An item as it is listed: with its id, its status, and every field that OpenAI's document requires of it. Pure."""

from typing import Any

Item = dict[str, Any]

_HAVE_STATUS = frozenset(
    {"message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"}
)
_REQUIRED: dict[str, Item] = {
    "input_image": {"detail": "auto"},
    "output_text": {"annotations": [], "logprobs": []},
}


def resource(id: str, given: Any) -> Item:
    """`given`: an item as a client may send it, where a text alone is a user's message."""
    item: Item = {"role": "user", "content": given} if isinstance(given, str) else given
    kind = item.get("type") or "message"
    item = {"type": kind} | item | {"type": kind, "id": id}
    if isinstance(kind, str) and kind in _HAVE_STATUS:
        item["status"] = item.get("status") or "completed"
    if kind == "message":
        text = "output_text" if item.get("role") == "assistant" else "input_text"
        item["content"] = _parts(item.get("content"), text)
    elif isinstance(item.get("output"), list):
        item["output"] = _parts(item["output"], "input_text")
    return item


def _parts(content: Any, kind: str) -> list[Any]:
    """`kind`: of a content that is one text."""
    parts = [{"type": kind, "text": content}] if isinstance(content, str) else content
    return [_part(part) for part in parts] if isinstance(parts, list) else []


def _part(part: Any) -> Any:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return part
    said = {name: value for name, value in part.items() if value is not None}
    return _REQUIRED.get(part["type"], {}) | said
