"""What a provider's cache goes by: a part of a request without the marks that say up to where to keep it. Pure.

Clients move these marks (`cache_control`) on from call to call, and harnesses count in their system prompts; neither
changes what the model is told, nor what is found in the cache.
"""

import re
from typing import Any

from sessionary.wire import loose

BILLING = "x-anthropic-billing-header:"
"""How the line begins that a harness puts into its system prompt, other in each call: no change of the prompt."""
_MARK = "cache_control"
_WRITTEN = re.compile(rb',\s*"cache_control"\s*:\s*\{[^{}]*\}|(?<=")' + BILLING.encode() + rb'[^"\\]*(?:\\.[^"\\]*)*')
"""A mark where it comes last, and a count. Within a text the mark's quotes would be escaped."""


def stripped(raw: bytes) -> bytes:
    """`raw` without its marks, as most clients write them: where two are equal, so is what `bare` makes of them."""
    return _WRITTEN.sub(b"", raw)


def same(one: bytes, other: bytes) -> bool:
    """Whether two values, JSON, differ in marks alone."""
    return stripped(one) == stripped(other) or bare(one) == bare(other)


def bare(raw: bytes) -> bytes:
    """`raw`, JSON, in a form that is the same for values which differ in marks alone. What is no JSON stays as it is.

    A text that is marked must be in a list, so a text and a list of it are the same.
    """
    try:
        return loose.encode(_text(_without(loose.decode(raw))))
    except loose.FAILURES:
        return raw


def _without(value: Any) -> Any:
    if isinstance(value, list):
        return [_without(item) for item in value if not _counts(item)]
    if not isinstance(value, dict):
        return value
    found = {name: _without(part) for name, part in value.items() if name != _MARK}
    if "content" in found:
        found["content"] = _text(found["content"])
    return found


def _text(value: Any) -> Any:
    return [{"type": "text", "text": value}] if isinstance(value, str) else value


def _counts(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(text := item.get("text"), str) and text.startswith(BILLING)
