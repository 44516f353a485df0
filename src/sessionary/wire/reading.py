"""Reading a message of the tree in the format that it is in. Pure."""

import msgspec

from sessionary.wire import chat, completions, loose, meaning
from sessionary.wire.message import Message
from sessionary.wire.messages import blocks
from sessionary.wire.messages import reading as messages
from sessionary.wire.responses import items
from sessionary.wire.responses import reading as responses


class Said(msgspec.Struct, frozen=True):
    """One message of a conversation, in the format in which it was said."""

    raw: bytes
    format: str
    answer: bool


FORMATS = {
    "chat.completions": "chat",
    "completions": "completions",
    "embeddings": "chat",
    "responses": "responses",
    "responses.compact": "responses",
    "messages": "messages",
}
"""Endpoint -> the format of its messages, as the tree notes it."""


SYSTEM = {"responses": "instructions", "messages": "system"}
"""Format -> the field beside the messages that holds the system prompt. Chat has it among them."""


def read_system(raw: bytes, format: str) -> Message:
    """A leading system message of chat, or the value of a `SYSTEM` field."""
    if format not in SYSTEM:
        return chat.read(raw)[0]
    try:
        value = loose.decode(raw)
    except loose.FAILURES:
        value = raw.decode("utf-8", "replace")
    return Message("system", blocks.content(value) if format == "messages" else items.read_content(value))


def read(raw: bytes, format: str, *, answer: bool) -> meaning.Read:
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
