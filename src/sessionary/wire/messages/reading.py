"""A message of the Messages format: what it shows, and what it means. Pure; any bytes are read.

A message that is nothing but tool results is a tool's: in other formats each is a message of its own role. A
system message inside the history has no meaning: clients inject and move those.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sessionary.wire import loose, meaning
from sessionary.wire.message import Message, Role
from sessionary.wire.messages import blocks

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_SHOWN = frozenset({"role", "content"})


def read_message(raw: bytes) -> meaning.Read:
    """The message, and its meaning: nothing where the message does not count."""
    value = loose.read_any(raw)
    if not isinstance(value, dict):
        return meaning.opaque("user", value)
    message = shown(value)
    return message, meaning.NOTHING if message.role == "system" else _meaning(value, message)


def read_answer(raw: bytes) -> meaning.Read:
    """The same for an answer: its content, or its whole body. What else that says is no part of the message."""
    value = loose.read_any(raw)
    if isinstance(value, list):
        value = {"content": value}
    if not isinstance(value, dict):
        return meaning.opaque("assistant", value)
    message = Message("assistant", blocks.content(value.get("content")))
    return message, _meaning({}, message)


def shown(value: Mapping[str, Any]) -> Message:
    role = _ROLES.get(str(value.get("role", "")), "user")
    pieces = blocks.content(value.get("content"))
    if role == "user" and pieces and all(piece.type == "tool_result" for piece in pieces):
        role = "tool"
    return Message(role, pieces)


def _meaning(value: Mapping[str, Any], message: Message) -> meaning.Meaning:
    """Tool calls come last, as in formats that keep them beside the text."""
    if message.role == "assistant":
        ordered = sorted(message.pieces, key=lambda piece: piece.type == "tool_call")
        message = msgspec.structs.replace(message, pieces=ordered)
    rest = {} if value.get("type") == "message" else {k: v for k, v in value.items() if k not in _SHOWN}
    return meaning.of(message, rest)
