"""What a JSON answer says of itself: tokens, finish reason, id. Pure; any bytes are read."""

from typing import Any

import msgspec

from sessionary.wire.message import Usage


class Answer(msgspec.Struct, frozen=True):
    usage: Usage | None = None
    finish_reason: str | None = None
    response_id: str | None = None


def inspect(body: bytes, endpoint: str) -> Answer:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Answer()
    if not isinstance(value, dict):
        return Answer()
    choices = value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    return Answer(usage_of(value.get("usage")), _str(first.get("finish_reason")), _str(value.get("id")))


def usage_of(usage: Any) -> Usage | None:
    """The provider's count, in the spellings that providers have."""
    if not isinstance(usage, dict):
        return None
    read = _dict(usage.get("prompt_tokens_details"))
    wrote = _dict(usage.get("completion_tokens_details"))
    if _int(usage.get("prompt_tokens")) is None and _int(usage.get("completion_tokens")) is None:
        return None
    cached = _first(read.get("cached_tokens"), usage.get("prompt_cache_hit_tokens"), usage.get("cache_read_input_tokens"))
    return Usage(
        input=_first(usage.get("prompt_tokens")),
        output=_first(usage.get("completion_tokens")),
        cached=cached,
        cache_write=_first(
            read.get("cache_write_tokens"), read.get("cache_creation_tokens"), usage.get("cache_creation_input_tokens")
        ),
        reasoning=_first(wrote.get("reasoning_tokens"), usage.get("reasoning_tokens")),
    )


def _first(*values: Any) -> int:
    return next((found for v in values if (found := _int(v)) is not None), 0)


def _int(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value < 0:
        return None
    return int(value) if value < 1 << 53 else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None
