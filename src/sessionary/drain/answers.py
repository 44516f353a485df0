"""A finished call's answer: read, counted, priced, and taken apart for the store. Pure but for the price table."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from sessionary.ids import digest, root_node
from sessionary.record.exchange import Attempt, Finish, Status
from sessionary.store import attempts
from sessionary.wire import literal, loose, meaning, prices, tokens
from sessionary.wire.answer import FIELDS, Answer, inspect
from sessionary.wire.assemble import assemble
from sessionary.wire.message import Message, Usage
from sessionary.wire.reading import FORMATS, read
from sessionary.wire.recipe import Recipe
from sessionary.wire.split import Split, split_response

_ERROR_TEXT = 2000
_EVENTS = (b"data:", b"event:", b":", b"id:", b"retry:")
"""How a stream begins: of one that was broken off, nobody noted the content type."""


class Prefill(msgspec.Struct, frozen=True):
    """The beginning of an answer, as the request gave it: clients send back both as one text."""

    node: bytes | None
    """Of the history before it; None where there is none."""
    text: str


class Asked(msgspec.Struct, frozen=True):
    """The call that is being answered, as far as its answer's reading needs it."""

    project: int
    endpoint: str
    model: str
    stream: bool
    created_at: int
    leaf: bytes | None
    leaf_node: bytes | None
    input_depth: int
    messages: Callable[[], list[bytes]]
    """Reads the input messages: only where the provider counted no tokens."""
    prefill: Prefill | None = None


@dataclass(slots=True)
class Answered:
    """Columns for the calls and exchanges rows, the answer's message rows, and the bodies they refer to."""

    call: dict[str, Any]
    response: Recipe | None
    raw: bytes | None
    messages: list[dict[str, Any]] = field(default_factory=list)
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    output: list[Message] = field(default_factory=list)
    model: str = ""
    """As the answer names it."""


def answered(asked: Asked, finish: Finish, data: bytes) -> Answered:
    """`data` is the whole of the answer's bytes. Never fails: what cannot be read is kept as it is."""
    came = _came(asked, finish, data)
    parts = split_response(came.body, asked.endpoint) if came.body else None
    answer = inspect(_beside(parts, came.body), asked.endpoint)
    status, error_type, error_message = _ended(came, answer)
    bodies: dict[bytes, bytes] = {}
    rows: list[dict[str, Any]] = []
    output: list[Message] = []
    said = meaning.NOTHING
    if parts is not None and status != "rejected":
        rows, output, said = _chain(asked, parts.messages, bodies)
    usage = answer.usage or came.usage
    if usage is None and output:
        usage = _estimated(asked, output)
    cost = None
    if usage is not None:
        cost = prices.cost(finish.provider, finish.upstream_model or asked.model, usage, finish.price, asked.created_at)
    call = {
        "status": status,
        "finished_at": max(finish.at, asked.created_at),  # the clock may have been set back in between
        "ttft": None if finish.ttft is None else max(finish.ttft, 0),
        "http_status": finish.http_status,
        "provider": finish.provider or None,
        "deployment": finish.deployment or None,
        "upstream_model": finish.upstream_model or None,
        "finish_reason": answer.finish_reason or came.finish_reason,
        "response_id": answer.response_id,
        "error_type": error_type or None,
        "error_message": (error_message or "")[:_ERROR_TEXT] or None,
        "attempts": [_attempt(a, asked.created_at, finish) for a in finish.attempts],
        "input_tokens": usage.input if usage else None,
        "cached_tokens": usage.cached if usage else None,
        "output_tokens": usage.output if usage else None,
        "reasoning_tokens": usage.reasoning if usage else None,
        "estimated": bool(usage and usage.estimated),
        "cost": cost,
        "output": rows[-1]["id"] if rows else None,
        "output_node": rows[-1]["node"] if rows else None,
        "answer_key": meaning.answer_key(asked.project, said),
    }
    recipe = None if parts is None else _recipe(parts, asked.input_depth, bodies)
    return Answered(call, recipe, came.raw, rows, bodies, output, answer.model or "")


class _Came(NamedTuple):
    """An answer as one body, and how its coming ended."""

    body: bytes
    status: Status
    error_type: str
    error_message: str
    raw: bytes | None = None
    """Of a stream, its events."""
    usage: Usage | None = None
    finish_reason: str | None = None


def _came(asked: Asked, finish: Finish, data: bytes) -> _Came:
    status, error_type, error_message = finish.status, finish.error_type, finish.error_message
    streamed = finish.headers.get("content-type", "").startswith("text/event-stream") or (
        asked.stream and data.lstrip().startswith(_EVENTS)
    )
    if not streamed or not data:
        return _Came(data, status, error_type, error_message)
    whole = assemble(data, asked.endpoint)
    if whole.error is not None and status == "ok":
        named = whole.error.get("type") or whole.error.get("code")
        status, error_type = "upstream_error", str(named or "upstream_error")
        error_message = str(whole.error.get("message") or "")
    elif not whole.complete and status == "ok":
        status, error_type = "upstream_error", "stream_incomplete"
        error_message = "The stream ended before the answer did."
    return _Came(whole.body, status, error_type, error_message, data, whole.usage, whole.finish_reason)


def _ended(came: _Came, answer: Answer) -> tuple[Status, str, str]:
    """Status, type and message of an error: by what came, and by what the answer says of itself."""
    status, error_type, error_message = came.status, came.error_type, came.error_message
    if answer.failure is not None and status == "ok":
        status, (error_type, error_message) = "upstream_error", answer.failure
    if status == "upstream_error" and not error_message:
        error_type, error_message = _error_of(came.body)
    return status, error_type, error_message


def _recipe(parts: Split, above: int, bodies: dict[bytes, bytes]) -> Recipe:
    """Adds to `bodies`."""
    lifted = {key: digest(value) for key, value in parts.lifted.items()}
    bodies |= zip(lifted.values(), parts.lifted.values(), strict=True)
    return Recipe(shell=parts.shell, lifted=lifted, chain=parts.chain, whole=parts.whole, above=above)


def _beside(parts: Split | None, body: bytes) -> bytes:
    """The answer without what the model said, which may be most of it."""
    return body if parts is None or not parts.lifted.keys().isdisjoint(FIELDS) else parts.shell


def _chain(
    asked: Asked, raws: list[bytes], bodies: dict[bytes, bytes]
) -> tuple[list[dict[str, Any]], list[Message], meaning.Meaning]:
    """The answer's messages (in most formats one), each hanging on the one before, and what all mean; adds to
    `bodies`."""
    format = FORMATS[asked.endpoint]
    rows: list[dict[str, Any]] = []
    messages: list[Message] = []
    said: list[bytes] = []
    parent, at = asked.leaf, asked.leaf or root_node(asked.project)
    node = asked.leaf_node or root_node(asked.project)
    for depth, raw in enumerate(raws, asked.input_depth + 1):
        frame, words = literal.part(raw)
        frame_hash, words_hash = digest(frame), None if words is None else digest(words)
        bodies[frame_hash] = frame
        if words is not None and words_hash is not None:
            bodies[words_hash] = words
        message, meant = read(raw, format, answer=True)
        if not rows and asked.prefill is not None and (begun := meaning.prefilled(asked.prefill.text, message)):
            node, meant = asked.prefill.node or root_node(asked.project), begun
        at, node = digest(at, digest(raw)), meaning.fold(node, meant)
        said += meant
        messages.append(message)
        rows.append(
            {
                "project": asked.project,
                "id": at,
                "parent": parent,
                "node": node,
                "depth": depth,
                "role": message.role,
                "format": format,
                "answer": True,
                "frame": frame_hash,
                "text": words_hash,
            }
        )
        parent = at
    return rows, messages, tuple(said)


def _estimated(asked: Asked, output: list[Message]) -> Usage:
    inputs = [read(raw, FORMATS[asked.endpoint], answer=False)[0] for raw in asked.messages()]
    return tokens.estimate(inputs, output)


def _attempt(attempt: Attempt, created_at: int, finish: Finish) -> list[Any]:
    at, where = attempt.at - created_at, (attempt.provider, attempt.deployment, attempt.upstream_model)
    tried = attempts.Attempt(at, attempt.duration, attempt.http_status, attempt.error, *where, attempt.dropped)
    return attempts.packed(tried, finish.deployment, finish.upstream_model)


def _error_of(body: bytes) -> tuple[str, str]:
    """Type and message of a provider's error body."""
    try:
        parsed = loose.decode(body)
    except loose.FAILURES:
        return "upstream_error", body[:300].decode("utf-8", "replace")
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if isinstance(error, dict):
        return str(error.get("type") or error.get("code") or "upstream_error"), str(error.get("message") or "")
    return "upstream_error", str(error)[:300]
