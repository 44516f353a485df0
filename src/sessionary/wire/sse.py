"""Server-sent events from chunks of any size: cut into their bytes, or parsed. Pure. (HTML standard, section 9.2.6.)"""

import re
from collections.abc import Iterable, Iterator

import msgspec

_BOM = b"\xef\xbb\xbf"
_BLANK = re.compile(rb"\r\n(?:\r\n?|\n)|\n(?:\r\n?|\n)|\r(?:\r\n?)")
"""The end of a line, and a line without anything."""
_BEFORE = 3
"""Bytes of it that may have come before its last."""
LONGEST = 16 << 20
"""Bytes of one event that are held until it is whole."""
BLANK = b"\n\n"
"""Where events usually end."""
_FEED = ord("\n")
_EVENT, _DATA = b"event: ", b"data: "
_LINE = re.compile(rb"([^\r\n]*+)(\r\n|\n|\r)")


class Event(msgspec.Struct, frozen=True):
    """`event` is "" where the stream names none; `data` has its lines joined by newlines."""

    event: str
    data: str


class Cutter:
    """Feed it bytes; it gives the events that are complete, each as it was sent, with its blank line.

    The same events for any chunking, in linear time. One that is longer than `longest` bytes comes in parts of that
    size: no more is ever held.
    """

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._held: list[bytes] = []
        self._size = 0
        self._tail = b""  # the end of what is held, in which a blank line may have begun

    def feed(self, chunk: bytes) -> list[bytes]:
        recent = self._tail + chunk
        before = len(self._tail)
        events: list[bytes] = []
        start = 0
        for found in _BLANK.finditer(recent):
            if found.end() == len(recent) and recent.endswith(b"\r"):
                break  # a line feed may follow, and would belong to it
            end = found.end() - before
            self._hold(chunk[start:end])
            events += self._parts(self._size)
            start = end
        self._hold(chunk[start:])
        self._tail = (recent if not events else chunk[start:])[-_BEFORE:]
        if self._size > self._longest:
            events += self._parts((self._size - 1) // self._longest * self._longest)
        return events

    @property
    def held(self) -> int:
        """Bytes that came after the last blank line."""
        return self._size

    def close(self) -> bytes:
        """What came after the last blank line: an event, or what a cut has left of one."""
        rest, self._held, self._size, self._tail = b"".join(self._held), [], 0, b""
        return rest

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._size += len(data)

    def _parts(self, size: int) -> list[bytes]:
        """So many of the held bytes, in parts that are not too long."""
        held = b"".join(self._held)
        self._held, self._size = [held[size:]], len(held) - size
        return [held[at : min(at + self._longest, size)] for at in range(0, size, self._longest)]


def whole(data: bytes, most: int) -> int:
    """How many of the first bytes, at most, are whole events, as a quick look tells: the usual ones, that end with two
    line feeds, exactly as `Cutter` would find them; of others 0."""
    at = data.rfind(b"\n\n", 0, most)
    return at + 2 if at > 0 and data[at - 1] not in b"\r\n" else 0


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

    def lines(self, raws: Iterable[bytes], events: list[Event]) -> None:
        """Lines of one event, or none: adds what they say to `events`."""
        for raw in raws:
            self._line(raw, events)
        self._dispatch(events)

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


def unified(raw: bytes) -> bytes:
    """A whole stream with line feeds alone between its lines and no byte order mark: what follows reads only such."""
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return raw.removeprefix(_BOM)


def blocks(raw: bytes) -> Iterable[bytes]:
    """What is between blank lines: each has the lines of one event, or of none. The last may be what a cut has left."""
    return raw.split(BLANK)


def backwards(raw: bytes) -> Iterator[bytes]:
    """The blocks, the last one first."""
    start = len(raw)
    while start >= 0:
        end, start = start, raw.rfind(BLANK, 0, start)
        yield raw[0 if start < 0 else start + len(BLANK) : end]


def telling(raw: bytes, mark: bytes) -> Iterator[bytes]:
    """The blocks that have `mark` in them."""
    at = 0
    while (found := raw.find(mark, at)) >= 0:
        start = raw.rfind(BLANK, at, found)
        said, at = block(raw, at if start < 0 else start + len(BLANK))
        yield said


def block(raw: bytes, at: int) -> tuple[bytes, int]:
    """The block that begins at `at`, and where the next one does."""
    end = raw.find(BLANK, at)
    return (raw[at:], len(raw)) if end < 0 else (raw[at:end], end + len(BLANK))


def events(blocks: Iterable[bytes]) -> Iterator[Event]:
    """Those of a stream, as `Parser` finds them."""
    return filter(None, map(event, blocks))


def event(block: bytes) -> Event | None:
    """What a block says."""
    name, _, data = block.rpartition(b"\n")
    if data.startswith(_DATA) and (not name or (name.startswith(_EVENT) and _FEED not in name)):  # nearly all are
        named = name[len(_EVENT) :].decode("utf-8", "replace")
        return Event(named, data[len(_DATA) :].decode("utf-8", "replace"))
    found: list[Event] = []
    Parser().lines(block.split(b"\n"), found)
    return found[0] if found else None
