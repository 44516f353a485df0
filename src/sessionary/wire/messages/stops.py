"""Why an answer ended. Pure."""

from collections.abc import Iterable
from typing import Any

from sessionary.wire.canonical import Part, Stop

_READ: dict[str, Stop] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "refusal",
}
_WRITTEN: dict[Stop, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "pause": "pause_turn",
    "refusal": "refusal",
    "content_filter": "refusal",
    "error": "end_turn",
}


def read(reason: Any) -> Stop:
    return _READ.get(reason, "stop") if isinstance(reason, str) else "stop"


def write(stop: Stop, sequence: str, parts: Iterable[Part]) -> str:
    """Some providers say `stop` where the answer calls tools; Anthropic's clients go by the reason."""
    if stop == "stop" and any(p.piece.type == "tool_call" and p.kind in ("function", "custom") for p in parts):
        return "tool_use"
    return "stop_sequence" if stop == "stop" and sequence else _WRITTEN[stop]
