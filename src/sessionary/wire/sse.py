"""Parsing server-sent events from chunks of any size. Pure. (HTML standard, section 9.2.6.)"""

from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """`event` is "" where the stream names none; `data` has its lines joined by newlines."""

    event: str
    data: str


class Parser:
    """Feed it bytes; it gives the events that are complete. The same events for any chunking."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._first = True
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Event]:
        self._held += chunk
        events: list[Event] = []
        at = 0
        if self._first:
            if len(self._held) < len(_BOM) and _BOM.startswith(bytes(self._held)):
                return []
            at = len(_BOM) if self._held.startswith(_BOM) else 0
            self._first = False
        while True:
            line_feed = self._held.find(b"\n", at)
            carriage = self._held.find(b"\r", at, line_feed if line_feed != -1 else None)
            if carriage != -1:
                if carriage + 1 == len(self._held):
                    break  # a line feed may follow
                end = carriage + 2 if self._held[carriage + 1 : carriage + 2] == b"\n" else carriage + 1
                line = self._held[at:carriage]
            elif line_feed != -1:
                end, line = line_feed + 1, self._held[at:line_feed]
            else:
                break
            self._line(line.decode("utf-8", "replace"), events)
            at = end
        del self._held[:at]
        return events

    def close(self) -> list[Event]:
        """The event at the end of a stream that broke off, or that left out the last blank line."""
        events: list[Event] = []
        if self._held:
            line = bytes(self._held).removeprefix(_BOM) if self._first else bytes(self._held)
            self._line(line.rstrip(b"\r").decode("utf-8", "replace"), events)
            self._held.clear()
        self._dispatch(events)
        return events

    def _line(self, line: str, events: list[Event]) -> None:
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
