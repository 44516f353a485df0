"""Reading a message in the format that its endpoint speaks. Pure."""

from sessionary.wire import chat, completions
from sessionary.wire.message import Message

Read = tuple[Message, bytes | None]
"""The message, and its meaning; None where it has none."""


def read_message(raw: bytes, endpoint: str) -> Read:
    return completions.read(raw) if endpoint == "completions" else chat.read(raw)


def read_answer(raw: bytes, endpoint: str) -> Read:
    return completions.read_output(raw) if endpoint == "completions" else chat.read_output(raw)
