"""Parsing server-sent events from chunks of any size. Pure. (HTML standard, section 9.2.6.)"""

import re
from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(rb"([^\r\n]*+)(\r\n|\n|\r)")


@dataclass(frozen=True, slots=True)
class Event:
    """`event` is "" where the stream names none; `data` has its lines joined by newlines."""

    event: str
    data: str


class Parser:
    """Feed it bytes; it gives the events that are complete. The same events for any chunking."""

    def __init__(self) -> None:
        self._held: list[bytes] = []  # the start of a line that has not ended
        self._after_return = False  # the last line ended with CR: a line feed now belongs to it
        self._first = True
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Event]:
        if self._first:
            chunk = b"".join([*self._held, chunk])
            self._held = []
            if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
                self._held = [chunk]
                return []
            chunk = chunk.removeprefix(_BOM)
            self._first = False
        if self._after_return and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        events: list[Event] = []
        at = 0
        while (found := _LINE.match(chunk, at)) is not None:
            self._line(b"".join([*self._held, found[1]]), events)
            self._held = []
            at = found.end()
            self._after_return = at == len(chunk) and found[2] == b"\r"
        if at < len(chunk):
            self._held.append(chunk[at:])
        return events

    def close(self) -> list[Event]:
        """The event at the end of a stream that broke off, or that left out the last blank line."""
        events: list[Event] = []
        self._line(b"".join(self._held), events)
        self._held = []
        self._dispatch(events)
        return events

    def _line(self, raw: bytes, events: list[Event]) -> None:
        line = raw.decode("utf-8", "replace")
        if not line:
            self._dispatch(events)
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value

    def _dispatch(self, events: list[Event]) -> None:
        if self._data:
            events.append(Event(self._name, "\n".join(self._data)))
        self._data = []
        self._name = ""
