"""Knowing the end of an answer in its stream, whatever the upstream does afterwards. Pure.

The record comes before the client's last byte, and the last byte that matters to a client is the one that ends the
event it waits for: `[DONE]`, `message_stop`, `response.completed`.
"""

import re
from typing import Protocol

from sessionary.wire.sse import Parser

_DONE = re.compile(rb"(?:^|[\r\n])data: ?\[DONE\]")
_LAST = frozenset({"message_stop", "response.completed", "response.failed", "response.incomplete"})


class Ends(Protocol):
    def feed(self, data: bytes) -> bool:
        """Whether the answer has ended with `data`."""


class DoneMark:
    """For the formats that end with `[DONE]`."""

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, data: bytes) -> bool:
        found = _DONE.search(self._tail + data) is not None
        self._tail = data[-16:]
        return found


class LastEvent:
    """For the formats whose last event has a name."""

    def __init__(self) -> None:
        self._parser = Parser()

    def feed(self, data: bytes) -> bool:
        return any(event.event in _LAST for event in self._parser.feed(data))


def ends_of(endpoint: str) -> Ends:
    return LastEvent() if endpoint in ("responses", "messages") else DoneMark()
