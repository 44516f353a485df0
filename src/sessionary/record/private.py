"""What is kept of a call whose client or key wants no contents kept: that it was made, and what it cost. Pure."""

from typing import Any

import msgspec

from sessionary.wire import loose

_OF_REQUEST = ("model", "stream", "store", "max_output_tokens", "temperature", "top_p", "service_tier")
_OF_ANSWER = ("id", "object", "created_at", "status", "model", "incomplete_details", "usage", "service_tier")


def request(body: bytes) -> bytes:
    return _kept(body, _OF_REQUEST)


def answer(body: bytes) -> bytes:
    """`body` is the whole answer, of a stream what it amounts to; what comes back is JSON."""
    return _kept(body, _OF_ANSWER)


def _kept(body: bytes, names: tuple[str, ...]) -> bytes:
    try:
        value: Any = loose.decode(body)
    except loose.FAILURES:
        value = None
    found = value if isinstance(value, dict) else {}
    return msgspec.json.encode({name: found[name] for name in names if name in found})
