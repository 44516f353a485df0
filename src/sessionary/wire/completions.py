"""The legacy completions format: a prompt is one message, `choices[0].text` the answer. Pure."""

import msgspec

from sessionary.wire.message import Message, Piece


def read(raw: bytes) -> tuple[Message, bytes | None]:
    """A prompt's JSON string."""
    return Message("user", [Piece("text", text=_text(raw))]), b"prompt:" + raw


def read_output(raw: bytes) -> tuple[Message, bytes | None]:
    return Message("assistant", [Piece("text", text=_text(raw))]), b"text:" + raw


def _text(raw: bytes) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw.decode("utf-8", "replace")
