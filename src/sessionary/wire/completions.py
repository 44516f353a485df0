"""The legacy completions format: a prompt is one message, `choices[0].text` the answer. Pure."""

from sessionary.wire import loose
from sessionary.wire.message import Message, Piece


def read(raw: bytes) -> tuple[Message, bytes | None]:
    """A prompt's JSON string. Any bytes are read."""
    text = _text(raw)
    return Message("user", [Piece("text", text=text)]), b"prompt:" + loose.encode(text)


def read_output(raw: bytes) -> tuple[Message, bytes | None]:
    text = _text(raw)
    return Message("assistant", [Piece("text", text=text)]), b"text:" + loose.encode(text)


def _text(raw: bytes) -> str:
    try:
        text = loose.decode(raw)
    except loose.FAILURES:
        text = None
    return text if isinstance(text, str) else raw.decode("utf-8", "replace")
