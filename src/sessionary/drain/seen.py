"""Histories that were taken apart lately: a client that sends a hundred messages again costs what is new among them.

A history is compared as the text that it is, before anything of it is read. It is found by what it says at a few
places, each a quarter or less farther in than the one before, the farthest first: there two conversations that begin
alike differ. A short one is not looked for: it is taken apart as fast.

What is taken out is checked against the store and the round before it is used: the round that it came in with may
have failed, or another process may have deleted it. Bounded by bytes; the histories that were not asked for longest go
first.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import takewhile

from sessionary.drain.requests import Step
from sessionary.wire.split import Beginning

MOST_BYTES = 128 << 20
_MOST_ALIKE = 32
"""Histories that are kept of those that say the same at one place."""
_MOST_COMPARED = 4
"""Of those, the newest, where none was gone on from as it was."""
_MOST_LEFT = 4
"""Messages of a history that are let go where a request is like it but for those: agents mark their last messages, and
the next time others."""
_FIRST_PLACE, _WINDOW = 1024, 64
"""Bytes."""
_BETWEEN = b" \t\r\n[,"
_Key = tuple[int, bytes, str]
"""Project, the message that the path hangs on, and the endpoint."""
_Place = tuple[_Key, int, bytes]


class _History:
    """`text` is the list of messages as it was sent, up to the end of the last; `ends` are those of the steps in it."""

    __slots__ = ("ends", "places", "preamble", "steps", "text")

    def __init__(self, preamble: list[bytes]) -> None:
        self.preamble = preamble
        self.text = b""
        self.steps: list[Step] = []
        self.ends: list[int] = []
        self.places: list[_Place] = []
        """Where it is found, the farthest last."""

    @property
    def size(self) -> int:
        """As text and as steps."""
        return 2 * len(self.text) + 300 * len(self.steps)

    def begins(self, text: bytes) -> bool:
        end = len(self.text)
        return text[end - _WINDOW : end] == self.text[-_WINDOW:] and text.startswith(self.text)

    def same(self, text: bytes) -> int:
        """How many of the steps are at the beginning of `text`, too. Most often it is nearly all."""
        low, high, at = 0, len(self.steps), 0
        middle = max(1, high - _MOST_LEFT)
        while low < high:
            end = self.ends[middle - 1]
            if text[at:end] == self.text[at:end]:
                low, at = middle, end
            else:
                high = middle - 1
            middle = (low + high + 1) // 2
        return low


class Lookup:
    """What is known of one request's list of messages. It is asked once."""

    def __init__(self, seen: "Seen", key: _Key) -> None:
        self._seen = seen
        self.key = key
        self.text = b""
        self.found: _History | None = None
        self.count = 0
        """Steps that are known."""

    @property
    def steps(self) -> list[Step]:
        return self.found.steps[: self.count] if self.found is not None else []

    def __call__(self, text: bytes) -> Beginning | None:
        self.text = text
        self.found, self.count = self._seen.longest(self.key, text)
        return None if self.found is None else Beginning(self.found.preamble, self.found.ends[self.count - 1])


class Seen:
    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self.size = 0
        """Bytes, as far as they count."""
        self._all: OrderedDict[_History, None] = OrderedDict()
        self._at: dict[_Place, list[_History]] = {}

    def lookup(self, project: int, base: bytes, endpoint: str) -> Lookup:
        """For a request whose path hangs on the message `base`."""
        return Lookup(self, (project, base, endpoint))

    def longest(self, key: _Key, text: bytes) -> tuple[_History | None, int]:
        """The history that has most of its steps at the beginning of `text`, and how many those are."""
        for place in _places(key, text):
            alike = self._at.get(place)
            if alike is None:
                continue
            best, count = None, 0
            for history in alike:
                if len(history.steps) > count and history.begins(text):
                    best, count = history, len(history.steps)
            for history in alike[: -_MOST_COMPARED - 1 : -1] if best is None else ():
                if (same := history.same(text)) > count:
                    best, count = history, same
            if best is not None:
                self._all.move_to_end(best)
                return best, count
        return None, 0

    def add(self, asked: Lookup, preamble: list[bytes], steps: list[Step]) -> None:
        """What was asked for just now: `steps` are all of its messages behind the preamble."""
        found, known = asked.found, asked.count
        new = [step.raw for step in steps[known:]]
        start = found.ends[known - 1] if found is not None else 0
        ends = _ends(asked.text, start, new if found is not None else [*preamble, *new])
        if not new or ends is None:
            return
        if found is not None and len(found.steps) - known <= _MOST_LEFT:
            history = found
            self._cut(history, known)
        else:
            history = _History(preamble)
            history.ends = found.ends[:known] if found is not None else []
            self._all[history] = None
        history.ends += ends[-len(new) :]
        history.steps = steps
        history.text = asked.text[: ends[-1]]
        self.size += history.size
        self._put(history, asked.key)
        while self.size > self._most:
            self._drop(next(iter(self._all)))

    def forget(self, asked: Lookup) -> None:
        """What was found for it is not so any more."""
        if asked.found is not None:
            self._drop(asked.found)

    def _drop(self, history: _History) -> None:
        if history in self._all:
            self._cut(history, 0)
            del self._all[history]

    def _cut(self, history: _History, count: int) -> None:
        """Only so many of its steps stay, where they are found; until it is put there anew it counts as nothing."""
        self.size -= history.size
        end = history.ends[count - 1] if count else 0
        while history.places and history.places[-1][1] > end:
            place = history.places.pop()
            there = self._at[place]
            there.remove(history)
            if not there:
                del self._at[place]
        del history.ends[count:]

    def _put(self, history: _History, key: _Key) -> None:
        """In the places that it reaches, beside those where it is."""
        reached = history.places[-1][1] if history.places else 0
        for place in [*takewhile(lambda place: place[1] > reached, _places(key, history.text))][::-1]:
            history.places.append(place)
            there = self._at.setdefault(place, [])
            there.append(history)
            if len(there) > _MOST_ALIKE:
                oldest = there.pop(0)
                oldest.places.remove(place)
                if not oldest.places:
                    self._drop(oldest)
        if not history.places:
            self._drop(history)


def _places(key: _Key, text: bytes) -> Iterator[_Place]:
    """The farthest first: from one power of two to the next in four steps."""
    step = 1 << max(0, len(text).bit_length() - 3)
    place = len(text) // step * step
    while place >= _FIRST_PLACE:
        yield key, place, text[place - _WINDOW : place]
        if place == 4 * step:
            step //= 2
        place -= step


def _ends(text: bytes, start: int, raws: Sequence[bytes]) -> list[int] | None:
    """Of each of the messages, which follow one another in `text` from `start` on; None where they do not."""
    ends = []
    for raw in raws:
        while text[start : start + 1] in _BETWEEN and start < len(text):
            start += 1
        if not text.startswith(raw, start):
            return None
        start += len(raw)
        ends.append(start)
    return ends
