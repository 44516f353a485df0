"""The recorded calls of real clients in `tests/corpus`; its README says how they were made.

for call in corpus.load(corpus.FOLDER / "openai-python.jsonl.zst"): ...
"""

from pathlib import Path
from typing import Literal

import msgspec
import zstandard

FOLDER = Path(__file__).parent.parent / "corpus"


class Recorded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One call, as the client sent and got it, without what names a session."""

    client: str
    conversation: str
    """The truth: calls of a client with the same name are of one conversation that somebody had."""
    at: int
    """Microseconds since the client's first call."""
    endpoint: Literal["chat.completions", "responses", "messages"]
    user_agent: str
    body: str
    stream: bool
    http_status: int
    content_type: str
    answer: str
    """The body, or the events of a stream."""
    took: int
    """Microseconds from the request to the last byte of the answer."""
    agent: str
    """Who calls within the conversation; "" for the one that a person talks to."""
    side: bool
    """A call that a program makes for itself: for a title, or to see whether there is quota left."""
    retry_count: int
    """How often the client's library has tried before, as it says itself."""


def load(path: Path) -> list[Recorded]:
    """In order of time."""
    lines = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    return msgspec.json.Decoder(Recorded).decode_lines(lines)


def clients() -> list[Path]:
    """Each client's file."""
    return sorted(FOLDER.glob("*.jsonl.zst"))
