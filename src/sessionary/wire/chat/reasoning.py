"""Reasoning in chat messages: plain text, and what proves it to the provider that made it. Pure.

Chat has no field of its own for this. Two customs carry it: `thinking_blocks` as Anthropic writes them (LiteLLM),
and `reasoning_details` (OpenRouter), here for the encrypted reasoning of the Responses API.
"""

from typing import Any

from sessionary.wire.canonical import Part
from sessionary.wire.message import Piece

_ENCRYPTED = "openai-responses-v1"


def read(message: dict[str, Any]) -> list[Part]:
    """The signed parts; [] where there are none, and the message's plain reasoning stands."""
    blocks = [part for block in _list(message.get("thinking_blocks")) if (part := _block(block)) is not None]
    return [*blocks, *_details(_list(message.get("reasoning_details")))]


def _block(block: Any) -> Part | None:
    match block:
        case {"type": "thinking", "thinking": str(text), "signature": str(signature)} if signature:
            return Part(Piece("reasoning", text=text), "messages", block, signature)
        case {"type": "redacted_thinking", "data": str(data)} if data:
            return Part(Piece("reasoning"), "messages", block, data, redacted=True)
    return None


def _details(details: list[Any]) -> list[Part]:
    """Summaries belong to the encrypted item of the same id. Text that Anthropic signed is a thinking block."""
    parts: list[Part] = []
    summaries: dict[str, str] = {}
    for detail in details:
        match detail:
            case {"type": "reasoning.text", "text": str(text), "signature": str(signature)} if signature:
                block = {"type": "thinking", "thinking": text, "signature": signature}
                parts.append(Part(Piece("reasoning", text=text), "messages", block, signature))
            case {"type": "reasoning.summary", "summary": str(text)}:
                summaries[str(detail.get("id"))] = text
            case {"type": "reasoning.encrypted", "data": str(data), "format": str(form)} if form == _ENCRYPTED:
                text = summaries.get(str(detail.get("id")), "")
                parts.append(_item(str(detail.get("id") or ""), text, data))
    return parts


def _item(item_id: str, text: str, encrypted: str) -> Part:
    item: dict[str, Any] = {"type": "reasoning"} | ({"id": item_id} if item_id else {})
    item |= {"summary": [{"type": "summary_text", "text": text}] if text else [], "encrypted_content": encrypted}
    return Part(Piece("reasoning", text=text), "responses", item, encrypted, redacted=not text)


def write(parts: list[Part]) -> dict[str, Any]:
    """The fields that say it, for an answer."""
    thought = [part for part in parts if part.piece.type == "reasoning"]
    text = "\n\n".join(part.piece.text for part in thought if part.piece.text)
    fields: dict[str, Any] = {"reasoning_content": text} if text else {}
    if blocks := [block for part in thought for block in _as_blocks(part)]:
        fields["thinking_blocks"] = blocks
    if details := [detail for part in thought for detail in _as_details(part)]:
        fields["reasoning_details"] = details
    return fields


def _as_blocks(part: Part) -> list[dict[str, Any]]:
    if part.format != "messages" or not part.signature:
        return []
    if part.redacted:
        return [{"type": "redacted_thinking", "data": part.signature}]
    return [{"type": "thinking", "thinking": part.piece.text, "signature": part.signature}]


def _as_details(part: Part) -> list[dict[str, Any]]:
    if part.format != "responses" or not part.signature:
        return []
    item_id = part.origin.get("id") if isinstance(part.origin, dict) else None
    common = {"id": item_id, "format": _ENCRYPTED}
    summary = [{"type": "reasoning.summary", "summary": part.piece.text, **common}] if part.piece.text else []
    return [*summary, {"type": "reasoning.encrypted", "data": part.signature, **common}]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
