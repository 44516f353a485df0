"""What a JSON answer says of itself: tokens, finish reason, id. Pure; any bytes are read."""

from typing import Any

import msgspec

from sessionary.wire import loose
from sessionary.wire.message import Usage


class Answer(msgspec.Struct, frozen=True):
    usage: Usage | None = None
    finish_reason: str | None = None
    response_id: str | None = None
    model: str | None = None
    failure: tuple[str, str] | None = None
    """Type and message, where the answer itself says that it failed."""


class _Body(msgspec.Struct):
    """Only what is looked at: the rest, vectors for instance, is passed over undecoded."""

    id: Any = None
    model: Any = None
    usage: Any = None
    choices: Any = None
    status: Any = None
    incomplete_details: Any = None
    stop_reason: Any = None
    error: Any = None


FIELDS = _Body.__struct_fields__
"""What `inspect` looks at."""
_body = msgspec.json.Decoder(_Body)


def inspect(body: bytes, endpoint: str) -> Answer:
    """Of an answer, or of what is left of it without what the model said."""
    try:
        try:
            found = _body.decode(body)
            value = {name: getattr(found, name) for name in FIELDS}
            loose.check_depth(value, body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            value = loose.decode(body)
    except loose.FAILURES:
        return Answer()
    if not isinstance(value, dict):
        return Answer()
    failure = _failure(value) if endpoint == "responses" else None
    reason, id, model = _finish_reason(value, endpoint), _str(value.get("id")), _str(value.get("model"))
    return Answer(usage_of(value.get("usage")), reason, id, model, failure)


def _failure(value: dict[str, Any]) -> tuple[str, str] | None:
    if value.get("status") != "failed":
        return None
    error = _dict(value.get("error"))
    return _str(error.get("code")) or "response_failed", _str(error.get("message")) or ""


def _finish_reason(value: dict[str, Any], endpoint: str) -> str | None:
    match endpoint:
        case "messages":
            return _str(value.get("stop_reason"))
        case "responses":
            return _str(_dict(value.get("incomplete_details")).get("reason")) or _str(value.get("status"))
    choices = value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    return _str(first.get("finish_reason"))


def usage_of(usage: Any) -> Usage | None:
    """The provider's count, in the spellings that providers have. All zero is no count: the field is not optional."""
    if not isinstance(usage, dict):
        return None
    found = _newer(usage) if "input_tokens" in usage and "prompt_tokens" not in usage else _older(usage)
    return found if found.input or found.output else None


def _older(usage: dict[str, Any]) -> Usage:
    asked, answered = _int(usage.get("prompt_tokens")) or 0, _int(usage.get("completion_tokens")) or 0
    read = _dict(usage.get("prompt_tokens_details"))
    wrote = _dict(usage.get("completion_tokens_details"))
    cached = _first(
        read.get("cached_tokens"),
        usage.get("prompt_cache_hit_tokens"),  # DeepSeek
        usage.get("cache_read_input_tokens"),  # Anthropic
        usage.get("cached_tokens"),  # Moonshot
    )
    cache_write = _first(
        read.get("cache_write_tokens"),  # OpenRouter
        read.get("cache_creation_tokens"),  # LiteLLM
        usage.get("cache_creation_input_tokens"),  # Anthropic
    )
    reasoning = _first(wrote.get("reasoning_tokens"), usage.get("reasoning_tokens"))
    if cached + cache_write > asked:  # counted beside the prompt, as Anthropic does
        asked += cached + cache_write
    if reasoning and (reasoning > answered or _int(usage.get("total_tokens")) == asked + answered + reasoning):
        answered += reasoning  # counted beside the answer, as xAI and Gemini do
    return Usage(input=asked, output=answered, cached=cached, cache_write=cache_write, reasoning=reasoning)


def _newer(usage: dict[str, Any]) -> Usage:
    """Responses counts what was cached within the input, Anthropic beside it."""
    asked, answered = _int(usage.get("input_tokens")) or 0, _int(usage.get("output_tokens")) or 0
    read = _dict(usage.get("input_tokens_details"))
    beside = [_int(usage.get(key)) or 0 for key in ("cache_read_input_tokens", "cache_creation_input_tokens")]
    return Usage(
        input=asked + sum(beside),
        output=answered,
        cached=_first(read.get("cached_tokens"), beside[0]),
        cache_write=_first(read.get("cache_write_tokens"), beside[1]),
        reasoning=_first(_dict(usage.get("output_tokens_details")).get("reasoning_tokens")),
    )


def _first(*values: Any) -> int:
    """The first count; a provider may fill several spellings, some with 0."""
    for value in values:
        if count := _int(value):
            return count
    return 0


def _int(value: Any) -> int | None:
    counts = type(value) is int or type(value) is float  # True is none
    return int(value) if counts and 0 <= value < 1 << 53 else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None
