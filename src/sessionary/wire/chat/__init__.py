"""The chat completions format."""

from sessionary.wire.chat.reading import read_answer as read_output
from sessionary.wire.chat.reading import read_message as read

__all__ = ["read", "read_output"]
