"""Output items, made from what another format's model said. Pure; the same for a whole answer and for a stream.

Ids follow from the response's: `item_ids`.
"""

from collections.abc import Mapping
from typing import Any

from sessionary.wire import loose, signature
from sessionary.wire.canonical import Part
from sessionary.wire.responses import item_ids
from sessionary.wire.responses.turns import as_text

Item = dict[str, Any]
Names = Mapping[str, tuple[str, str]]
"""The name that the model sees -> (namespace, name): `tools.namespaced`."""


def message(id: str, content: list[Item], status: str, phase: str = "") -> Item:
    item = {"id": id, "type": "message", "status": status, "role": "assistant", "content": content}
    return item | ({"phase": phase} if phase else {})


def content_part(kind: str, text: str, part: Part | None, logprobs: list[Any] | None) -> Item:
    """`part`: what it was made from, once it is whole."""
    if kind == "refusal":
        return {"type": "refusal", "refusal": text}
    known = part.origin if part is not None and part.format == "responses" and isinstance(part.origin, dict) else {}
    annotations = known.get("annotations")
    cited = annotations if isinstance(annotations, list) else []
    return {"type": "output_text", "text": text, "annotations": cited, "logprobs": write_logprobs(logprobs)}


def write_logprobs(logprobs: list[Any] | None) -> list[Item]:
    """Chat has the same, where the bytes of a token may be null."""
    return [
        {
            "token": token.get("token", ""),
            "bytes": _bytes(token),
            "logprob": token.get("logprob", 0),
            "top_logprobs": [
                {"token": top.get("token", ""), "bytes": _bytes(top), "logprob": top.get("logprob", 0)}
                for top in loose.dicts(token.get("top_logprobs"))
            ],
        }
        for token in loose.dicts(logprobs)
    ]


def _bytes(token: Item) -> list[int]:
    known = token.get("bytes")
    return known if isinstance(known, list) else list(str(token.get("token", "")).encode("utf-8", "replace"))


def reasoning(id: str, part: Part) -> Item:
    summary = [{"type": "summary_text", "text": part.piece.text}] if part.piece.text else []
    item = {"id": id, "type": "reasoning", "summary": summary}
    proof = signature.carried(part, "responses")
    return item | ({"encrypted_content": proof} if proof else {})


def call(id: str, kind: str, call_id: str, name: str, given: str, status: str, names: Names) -> Item:
    """A call of a function (`kind`: function) or of a tool that takes text (custom)."""
    namespace, own = names.get(name, ("", name))
    item: Item = {"id": id, "type": "function_call", "status": status, "call_id": call_id, "name": own}
    if kind == "custom":
        item["type"] = "custom_tool_call"
    item["input" if kind == "custom" else "arguments"] = given
    return item | ({"namespace": namespace} if namespace else {})


def kind_of(part_type: str, kind: str) -> str:
    """The item's type for a part; empty where there is none."""
    match part_type:
        case "text" | "refusal":
            return "message"
        case "reasoning":
            return "reasoning"
        case "image":
            return "image_generation_call"
        case "tool_call" if kind == "function":
            return "function_call"
        case "tool_call" if kind == "custom":
            return "custom_tool_call"
        case "tool_call" if kind == "tool_search":
            return "tool_search_call"
    return ""


def whole(part: Part, answer_id: str, position: int, names: Names, given: str | None = None) -> Item | None:
    """The finished item for a part that is no part of a message. None where this format has no such item.

    `given`: a tool call's arguments as they were streamed. What another provider's own tools did is not shown.
    """
    if part.format == "responses" and isinstance(part.origin, dict):
        return part.origin
    piece = part.piece
    kind = kind_of(piece.type, part.kind)
    id = item_ids.made(kind, answer_id, position)
    match kind:
        case "reasoning":
            return reasoning(id, part)
        case "function_call" | "custom_tool_call":
            text = as_text(piece.arguments) if given is None else given
            status = "completed" if kind == "custom_tool_call" or _is_whole(text) else "incomplete"
            return call(id, part.kind, piece.id, piece.name, text, status, names)
        case "tool_search_call":
            said = {"call_id": piece.id, "execution": "client", "arguments": piece.arguments}
            return {"id": id, "type": kind, "status": "completed", **said}
        case "image_generation_call" if ";base64," in piece.url:
            data = piece.url.partition(";base64,")[2]
            return {"id": id, "type": "image_generation_call", "status": "completed", "result": data}
    return None


def _is_whole(arguments: str) -> bool:
    """Not cut by a limit."""
    try:
        loose.decode(arguments or "{}")
    except loose.FAILURES:
        return False
    return True
