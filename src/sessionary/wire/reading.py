"""Reading a message of the tree in the format that it is in. Pure."""

from sessionary.wire import chat, completions
from sessionary.wire.message import Message

Read = tuple[Message, bytes | None]
"""The message, and its meaning; None where it has none."""

FORMATS = {
    "chat.completions": "chat",
    "completions": "completions",
    "embeddings": "chat",
    "responses": "responses",
    "messages": "messages",
}
"""Endpoint -> the format of its messages, as the tree notes it."""


def read(raw: bytes, format: str, *, answer: bool) -> Read:
    """`answer`: whether the message is a model's answer as the provider sent it, not as a client repeats it."""
    match format:
        case "completions":
            return completions.read_output(raw) if answer else completions.read(raw)
        case _:
            return chat.read_output(raw) if answer else chat.read(raw)
