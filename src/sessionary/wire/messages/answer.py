"""Answers of /messages, read into the canonical form and written out of it. Pure.

A part read from here has the whole body as origin, so what only this format says of an answer (its container,
details of a refusal, the breakdown of its cache writes) goes back with it.
"""

from typing import Any

from sessionary.wire.canonical import Answer, Part, Turn
from sessionary.wire.message import Piece
from sessionary.wire.messages import blocks, errors, stops, usage
from sessionary.wire.messages.blocks import FORMAT

Body = dict[str, Any]


def read_answer(body: Body) -> Answer:
    if (error := errors.read(body)) is not None and "content" not in body:
        return Answer("", "", [], "error", error=error)
    origin = {**body, "role": "assistant"}
    return Answer(
        id=str(body.get("id") or ""),
        model=str(body.get("model") or ""),
        turns=[Turn("assistant", _parts(origin) or [Part(Piece("text"), FORMAT, origin)])],
        stop="error" if error else stops.read(body.get("stop_reason")),
        stop_sequence=str(body.get("stop_sequence") or ""),
        usage=usage.read(body.get("usage")),
        service_tier=usage.tier(body.get("usage")),
        error=error,
    )


def _parts(body: Body) -> list[Part]:
    content = body.get("content")
    return [part for block in (content if isinstance(content, list) else []) for part in blocks.parts(block, body)]


def write_answer(answer: Answer, asked: Body) -> Body:
    """Raises Unsupported."""
    parts = [part for turn in answer.turns for part in turn.parts]
    if answer.error is not None and not parts:
        return {"type": "error", "error": {"type": "api_error", "message": "", **answer.error}}
    origin = next((p.origin for p in parts if p.format == FORMAT and _is_body(p.origin)), None) or {}
    body: Body = {
        "id": answer_id(answer.id),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": written(parts),
        "stop_reason": _stop(answer, parts, origin),
        "stop_sequence": answer.stop_sequence or None,
        "usage": _usage(answer, origin),
    }
    return {**origin, **body}


def answer_id(id: str) -> str:
    """Ids of every format say the same after what names the kind."""
    if id.startswith("msg_"):
        return id
    return "msg_" + id.removeprefix("resp_").removeprefix("chatcmpl-")


def written(parts: list[Part]) -> list[Any]:
    """Raises Unsupported. What another provider's own tools did is not shown; their words are."""
    origin = next((p.origin for p in parts if p.format == FORMAT and _is_body(p.origin)), None)
    if origin is not None and parts == (_parts(origin) or [Part(Piece("text"), FORMAT, origin)]):
        return list(origin["content"])
    return [block for part in parts if (block := block_of(part)) is not None]


def block_of(part: Part) -> Any:
    """None: nothing to say."""
    piece, origin = part.piece, part.origin
    if part.format == FORMAT and isinstance(origin, dict):
        if "role" not in origin:
            return origin
        found = (b for b in origin.get("content") or [] if part in blocks.parts(b, origin))
        return next(found, None) or blocks.written(part, asking=False)
    if not tells(part) or (piece.type in ("text", "refusal") and not piece.text):
        return None
    return blocks.written(part, asking=False)


def tells(part: Part) -> bool:
    """Whether a caller of this format is told of it. An answer in this format has no images and no files."""
    if part.format == FORMAT or part.piece.type in ("text", "refusal", "reasoning"):
        return True
    return part.piece.type == "tool_call" and part.kind in ("function", "custom")


def _is_body(origin: Any) -> bool:
    return isinstance(origin, dict) and "role" in origin and isinstance(origin.get("content"), list)


def _stop(answer: Answer, parts: list[Part], origin: Body) -> str | None:
    given = origin.get("stop_reason", "")
    if origin and stops.read(given) == answer.stop and (given is None or isinstance(given, str)) and given != "":
        return given
    return stops.write(answer.stop, answer.stop_sequence, parts)


def _usage(answer: Answer, origin: Body) -> Body:
    given = origin.get("usage")
    if isinstance(given, dict) and usage.read(given) == answer.usage and usage.tier(given) == answer.service_tier:
        return given
    return usage.write(answer.usage, answer.service_tier)
