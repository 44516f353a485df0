"""Knowing the end of an answer in its stream, whatever the upstream does afterwards. Pure.

The record comes before the client's last byte, and the last byte that matters to a client is the one that ends the
event it waits for: `[DONE]`, `message_stop`, `response.completed`.
"""

import re
from typing import Protocol

from sessionary.wire.sse import Parser

_DONE = re.compile(rb"(?:^|[\r\n])data: ?\[DONE\]")
_LAST = frozenset({"message_stop", "response.completed", "response.failed", "response.incomplete"})
_FAILED = frozenset({"error", "response.cancelled"})
"""Ends as well, but more may follow."""


class Ends(Protocol):
    def feed(self, data: bytes) -> bool:
        """Whether the answer has ended with `data`."""

    @property
    def missing(self) -> bool:
        """Whether an end must come that has not come."""


class DoneMark:
    """For the formats that end with `[DONE]`."""

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, data: bytes) -> bool:
        found = _DONE.search(self._tail + data) is not None
        self._tail = data[-16:]
        return found

    @property
    def missing(self) -> bool:
        return False  # some providers leave it out


class LastEvent:
    """For the formats whose last event has a name."""

    def __init__(self) -> None:
        self._parser = Parser()
        self.missing = True

    def feed(self, data: bytes) -> bool:
        names = [event.event for event in self._parser.feed(data)]
        ended = any(name in _LAST for name in names)
        self.missing = self.missing and not ended and not any(name in _FAILED for name in names)
        return ended


def ends_of(endpoint: str) -> Ends:
    return LastEvent() if endpoint in ("responses", "messages") else DoneMark()
