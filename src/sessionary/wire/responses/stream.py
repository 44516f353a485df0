"""The stream of a response: reading an upstream's, writing a client's, and what a recorded one amounts to."""

from sessionary.wire.responses.assembling import assemble
from sessionary.wire.responses.reader import Reader
from sessionary.wire.responses.writer import Writer

__all__ = ["Reader", "Writer", "assemble"]
