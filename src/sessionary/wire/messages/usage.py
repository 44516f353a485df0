"""Token counts: Anthropic counts cache reads and writes beside the input, the canonical form within it. Pure."""

from typing import Any

from sessionary.wire import tiers
from sessionary.wire.message import Usage


def read(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    asked, answered = _count(usage.get("input_tokens")) or 0, _count(usage.get("output_tokens")) or 0
    cached = _count(usage.get("cache_read_input_tokens")) or 0
    cache_write = _count(usage.get("cache_creation_input_tokens")) or 0
    details = usage.get("output_tokens_details")
    reasoning = _count(details.get("thinking_tokens")) if isinstance(details, dict) else 0
    if not asked + cached + cache_write + answered:  # as `write` has it where nobody counted
        return None
    return Usage(
        input=asked + cached + cache_write,
        output=answered,
        cached=cached,
        cache_write=cache_write,
        reasoning=reasoning or 0,
    )


def write(usage: Usage | None, tier: str = "") -> dict[str, Any]:
    """All zero where nobody counted: the field is not optional."""
    found = usage or Usage(0, 0)
    written: dict[str, Any] = {
        "input_tokens": max(found.input - found.cached - found.cache_write, 0),
        "cache_creation_input_tokens": found.cache_write,
        "cache_read_input_tokens": found.cached,
        "output_tokens": found.output,
    }
    if found.reasoning:
        written["output_tokens_details"] = {"thinking_tokens": found.reasoning}
    named = tiers.anthropic(tier)
    return written | ({"service_tier": named} if named else {})


def tier(usage: Any) -> str:
    found = usage.get("service_tier") if isinstance(usage, dict) else None
    return tiers.from_anthropic(found) if isinstance(found, str) else ""


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 1 << 53 else None
