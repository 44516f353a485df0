"""Reading a message of the tree in the format that it is in. Pure."""

import msgspec

from sessionary.wire import chat, completions
from sessionary.wire.message import Message
from sessionary.wire.messages import reading as messages
from sessionary.wire.responses import reading as responses


class Said(msgspec.Struct, frozen=True):
    """One message of a conversation, in the format in which it was said."""

    raw: bytes
    format: str
    answer: bool


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
        case "responses":
            return responses.read_answer(raw) if answer else responses.read_message(raw)
        case "messages":
            return messages.read_answer(raw) if answer else messages.read_message(raw)
        case _:
            return chat.read_output(raw) if answer else chat.read(raw)
