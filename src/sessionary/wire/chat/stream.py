"""Chat's stream: reading an upstream's, writing a client's."""

from sessionary.wire.chat.reader import Reader
from sessionary.wire.chat.writer import Writer

__all__ = ["Reader", "Writer"]
