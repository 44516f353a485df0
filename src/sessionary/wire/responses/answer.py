"""A response object, read into the canonical answer and written out of it. Pure."""

from typing import Any

import msgspec

from sessionary.wire.canonical import Answer, Part, Stop
from sessionary.wire.responses import item_ids, output, tools
from sessionary.wire.responses.envelope import ending, envelope, error_of, read_usage
from sessionary.wire.responses.turns import read_turn, unchanged

Body = dict[str, Any]

_ECHOED = ("previous_response_id", "conversation", "store", "background", "metadata", "instructions")
"""What the gateway keeps for itself, or changes, on the way to a provider."""


def read_answer(body: Body) -> Answer:
    items = body.get("output")
    items = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    turns = [read_turn(_spoken(item)) for item in items]
    error = body.get("error")
    created = body.get("created_at")
    return Answer(
        id=_text(body.get("id")),
        model=_text(body.get("model")),
        turns=turns,
        stop=stop_of(body, [part for turn in turns for part in turn.parts]),
        usage=read_usage(body.get("usage")),
        created=int(created) if isinstance(created, int | float) else 0,
        service_tier=_text(body.get("service_tier")),
        logprobs=_logprobs(items) or None,
        error=(error if isinstance(error, dict) else {"message": str(error)}) if error else None,
        format="responses",
        origin=body,
    )


def _spoken(item: Body) -> Body:
    """A message of an answer may leave its role out."""
    return item if item.get("role") or item.get("type", "message") != "message" else {**item, "role": "assistant"}


def stop_of(body: Body, parts: list[Part]) -> Stop:
    details = body.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if body.get("error") or body.get("status") in ("failed", "cancelled"):
        return "error"
    if reason == "content_filter":
        return "content_filter"
    if reason or body.get("status") == "incomplete":
        return "length"
    if any(part.piece.type == "tool_call" and part.kind in ("function", "custom") for part in parts):
        return "tool_calls"
    return "refusal" if any(part.piece.type == "refusal" for part in parts) else "stop"


def _logprobs(items: list[Body]) -> list[Any]:
    return [
        token
        for item in items
        for part in (item["content"] if isinstance(item.get("content"), list) else [])
        if isinstance(part, dict) and isinstance(part.get("logprobs"), list)
        for token in part["logprobs"]
    ]


def write_answer(answer: Answer, asked: Body, completed_at: int | None = None) -> Body:
    """`asked`: the caller's request, whose settings a response repeats. `completed_at`: seconds; else `created`."""
    if answer.format == "responses" and isinstance(answer.origin, dict) and _unchanged(answer):
        echoed = {k: asked[k] for k in _ECHOED if asked.get(k) is not None and k in answer.origin}
        kept = envelope(asked, id="", created=0, model="", status="", output=[])
        return {**answer.origin, "id": answer.id, **{k: kept[k] for k in echoed if k in kept}}
    parts = [part for turn in answer.turns for part in turn.parts]
    status, why = ending(answer.stop, refused=any(part.piece.type == "refusal" for part in parts))
    items = write_output(answer, tools.namespaced(asked))
    if status == "incomplete" and items and items[-1].get("type") == "message":
        items[-1] = {**items[-1], "status": "incomplete"}
    error = None
    if status == "failed":
        known = answer.error or {}
        error = error_of(
            _text(known.get("message")) or "The provider failed", _text(known.get("code")), _text(known.get("type"))
        )
    return envelope(
        asked,
        id=answer.id,
        created=answer.created,
        model=answer.model or _text(asked.get("model")),
        status=status,
        output=items,
        usage=answer.usage,
        incomplete=why,
        error=error,
        service_tier=answer.service_tier,
        completed_at=completed_at,
    )


def _unchanged(answer: Answer) -> bool:
    return msgspec.structs.replace(read_answer(answer.origin), id=answer.id) == answer


def write_output(answer: Answer, names: output.Names) -> list[Body]:
    """The items. Text and refusals that follow one another are one message."""
    items: list[Body] = []
    said: list[Part] = []
    logprobs = answer.logprobs

    def flush(phase: str = "") -> None:
        nonlocal logprobs
        if said:
            id = item_ids.made("message", answer.id, len(items))
            content = []
            for part in said:
                tokens = logprobs if part.piece.type == "text" else None
                content.append(output.content_part(part.piece.type, part.piece.text, part, tokens))
                logprobs = logprobs if tokens is None else None  # all of the answer's, told once
            items.append(output.message(id, content, "completed", phase))
            said.clear()

    for turn in answer.turns:
        if unchanged(turn):
            flush()
            items.append(turn.origin)
            continue
        for part in turn.parts:
            if part.piece.type in ("text", "refusal"):
                if part.piece.text:
                    said.append(part)
            elif (item := output.whole(part, answer.id, len(items) + bool(said), names)) is not None:
                flush(turn.phase)
                if not items or items[-1] is not item:  # several parts of one item
                    items.append(item)
        if turn.phase:
            flush(turn.phase)
    flush()
    return items


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
