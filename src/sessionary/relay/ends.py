"""Knowing the end of an answer in its stream, whatever the upstream does afterwards. Pure.

The record comes before the client's last byte, and the last byte that matters to a client is the one that ends the
event it waits for: `[DONE]`, `message_stop`, `response.completed`. What comes behind that is no part of the answer.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sessionary.wire import loose
from sessionary.wire.sse import Cutter, Parser, whole

_BOM = rb"(?:\xef\xbb\xbf)?"
_DONE = re.compile(_BOM + rb"(?:(?!data:)[^\r\n]*+[\r\n]++)*+data: ?\[DONE\][ \t]*(?:[\r\n]|\Z)")
_REASON = re.compile(rb'"(?:finish_reason|error)"[ \t]*:[ \t]*["{]')
_NAMED = re.compile(
    _BOM + rb"(?:(?!data:|event:)[^\r\n]*+[\r\n]++)*+"
    rb'(?:event: ?([a-z_.]+)[ \t]*[\r\n]|data: ?\{\s*"type"\s*:\s*"([a-z_.]+)")'
)
_LAST = frozenset({b"message_stop", b"response.completed", b"response.failed", b"response.incomplete"})
_FAILED = frozenset({b"error", b"response.cancelled"})
"""Ends as well, but more may follow."""
_ENDING = (*_LAST, b"response.cancelled", b'"error"', b"event: error", b"event:error")
"""No event is an end that has none of these."""
_MOST_TOGETHER = 64 << 10
"""Bytes of the beginning of an event that are put before its end to look at both."""


class Ends(Protocol):
    missing: bool
    """Whether an end must come that has not come."""

    def near(self, data: bytes) -> int:
        """Where in these bytes something is without which no event is the last; -1: nowhere."""

    def last(self, event: bytes) -> bool:
        """Whether the answer ends with this event. Of several together, none of which is near, it is told once."""


class DoneMark:
    """For the formats that end with `[DONE]`. Some providers leave it out, and give no more than a reason."""

    def __init__(self) -> None:
        self.missing = True

    def near(self, data: bytes) -> int:
        return data.find(b"[DONE]")

    def last(self, event: bytes) -> bool:
        ended = b"[DONE]" in event and _DONE.match(event) is not None
        if self.missing and (ended or _REASON.search(event)):
            self.missing = False
        return ended


class LastEvent:
    """For the formats whose last event has a name."""

    def __init__(self) -> None:
        self.missing = True

    def near(self, data: bytes) -> int:
        return min((at for name in _ENDING if (at := data.find(name)) >= 0), default=-1)

    def last(self, event: bytes) -> bool:
        found = _NAMED.match(event)
        name = found[1] or found[2] if found else b""
        if name in _LAST or name in _FAILED:
            self.missing = False
        return name in _LAST


class Came(NamedTuple):
    """What a piece of a stream made complete."""

    events: Sequence[bytes]
    """Whole ones; several may be together."""
    data: bytes
    """The piece, without what is behind the end."""


class Course:
    """A stream on its way: its events as they become whole, up to the last one. The same for any chunking."""

    def __init__(self, endpoint: str, *, apart: bool) -> None:
        """`endpoint`: the provider's, whose format the stream has; `apart`: whether each event is wanted by itself."""
        self.over = False
        """Whether the end has come."""
        self._cut = False
        self._ends: Ends = LastEvent() if endpoint in ("responses", "messages") else DoneMark()
        self._cutter = Cutter()
        self._apart = apart

    def feed(self, data: bytes) -> Came:
        held = self._cutter.held
        if self._apart or held > _MOST_TOGETHER or b"\n\n" not in data:
            return self._came(self._cutter.feed(data), data)
        if not held and self._ends.near(data) < 0 and whole(data, len(data)) == len(data):
            self._ends.last(data)
            return Came((data,), data)
        so_far = self._cutter.close() + data if held else data
        near = self._ends.near(so_far)
        end = whole(so_far, near if near >= 0 else len(so_far))
        if end == len(so_far):
            return self._came([so_far], data)
        together = [so_far[:end]] if end else []
        return self._came([*together, *self._cutter.feed(so_far[end:])], data)

    def _came(self, events: list[bytes], data: bytes) -> Came:
        for n, event in enumerate(events, 1):
            if self._ends.last(event):
                self.over = True
                behind = sum(map(len, events[n:])) + len(self._cutter.close())
                return Came(events[:n], data[: len(data) - behind])
        return Came(events, data)

    def close(self) -> bytes:
        """What came after the last blank line: the end itself, it may be, or what a cut has left of an event."""
        rest = self._cutter.close()
        parser = Parser()
        for event in [*parser.feed(rest), *parser.close()]:
            self._cut = event.data.strip() != "[DONE]" and loose.read_object(event.data) is None
            if not self._cut:
                self.over = self._ends.last(rest) or self.over
        return rest

    @property
    def missing(self) -> bool:
        """Whether it broke off."""
        return self._ends.missing or self._cut
