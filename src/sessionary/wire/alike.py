"""Events of a stream that are alike but for a piece of text, as nearly all of an answer's are. Pure.

One that was read shows the form of those that follow; of what fits the form the text alone is taken, and nothing is
parsed, not even the event. A form is no guess: it is used where the event, with another text in that place, is read
as just that.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from sessionary.wire import loose, sse
from sessionary.wire.sse import BLANK, Event

_TRIES = 8
"""Forms that nothing has fitted, before no more are looked for."""
_WINDOW = 16 << 10
"""Bytes that are looked through at once, at first; where all fit, of the next ones twice as many."""
_TAIL = 24
"""Bytes by which texts are found; what else is between them is compared then."""
_MARKS = ("~", "~~", "~~~")
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_QUOTE, _ESCAPE, _FEED = b'"\\\n'


class Alike:
    def __init__(self) -> None:
        self._read = b""  # the event that was given last, as it was sent
        self._form: _Form | None = None
        self._texts: list[str] = []
        self._tries = _TRIES

    def others(self, raw: bytes) -> Iterator[Event]:
        """The events of a whole stream, unified, that are to be read. Those that are as the last one that was shown,
        but for its text, are not among them: the text is added."""
        at = 0
        while at < len(raw):
            at = self._past(raw, at)
            block, at = sse.block(raw, at)
            if self._form is not None and (texts := self._form.alone(block)):
                self._take(texts)
            elif (event := sse.event(block)) is not None:
                self._read, self._form = block, None
                yield event

    def show(self, value: dict[str, Any], path: Sequence[str | int], texts: list[str], padding: str = "") -> None:
        """The event that was given last: its `value` has a text at `path`, which was added to `texts`, and what it says
        beside that may be said again without a difference. `padding`: a field that says nothing."""
        if self._tries > 0:
            self._tries -= 1
            self._form, self._texts = _form(self._read, value, path, padding), texts

    def _past(self, raw: bytes, at: int) -> int:
        """Takes what fits from `at` on, up to what is followed by something else."""
        window = _WINDOW
        while self._form is not None:
            texts, at = self._form.run(raw, at, window)
            if not texts:
                break
            self._take(texts)
            window *= 2
        return at

    def _take(self, texts: list[str]) -> None:
        self._texts += texts
        self._tries = _TRIES


class _Form:
    def __init__(self, before: bytes, joint: bytes, behind: bytes | None) -> None:
        """`joint` is what follows the text, up to the padding where there is one, which `behind` follows."""
        self._before = before
        self._joint = joint if behind is not None else None
        self._behind = joint if behind is None else behind
        self._tail = before[-_TAIL:]
        self._between = self._behind + BLANK + before[:-_TAIL]

    def alone(self, block: bytes) -> list[str]:
        """Its text; nothing where it does not fit."""
        start = len(self._before)
        if not block.startswith(self._before) or not block.endswith(self._behind, start):
            return []
        return self._read([block[start : len(block) - len(self._behind)]])

    def run(self, raw: bytes, at: int, window: int) -> tuple[list[str], int]:
        """The texts of the next events that fit, each followed by one that begins as they do; and where they end."""
        if not raw.startswith(self._before, at):
            return [], at
        start, between = at + len(self._before), self._between
        pieces = raw[start : start + window].split(self._tail)
        del pieces[-1]
        said = []
        for piece in pieces:
            each = piece.removesuffix(between)
            if len(each) == len(piece):
                break
            said.append(each)
        texts = self._read(said)
        return texts, at + len(b"".join(said[: len(texts)])) + len(texts) * (len(between) + len(self._tail))

    def _read(self, said: list[bytes]) -> list[str]:
        """The texts of what stands between `before` and `behind`, up to the first that is none."""
        if self._joint is not None:
            said = _unpadded(said, self._joint)
        return (_together(said) or _apart(said)) if said else []


def _unpadded(said: list[bytes], joint: bytes) -> list[bytes]:
    texts = []
    for each in said:
        text, found, padding = each.partition(joint)
        if not found or _QUOTE in padding or _ESCAPE in padding or _FEED in padding:
            break
        texts.append(text)
    return texts


def _together(texts: list[bytes]) -> list[str]:
    """Nothing where they have to be looked at one by one. The line feeds keep them apart: no string goes over one, so
    that a quote too many or too few in one of them is not made up for by the next."""
    try:
        found = msgspec.json.decode(b'["%b"]' % b'"\n,"'.join(texts), type=list[str])
    except loose.FAILURES:
        return []
    return found if len(found) == len(texts) else []


def _apart(texts: list[bytes]) -> list[str]:
    found = []
    for text in texts:
        if _QUOTE in text or _ESCAPE in text:
            try:
                found.append(msgspec.json.decode(b'"%b"' % text, type=str))
            except loose.FAILURES:  # it is more than a text, or one that is written strangely
                break
        elif _FEED in text:
            break
        else:
            found.append(text.decode("utf-8", "replace"))
    return found


def _form(block: bytes, value: dict[str, Any], path: Sequence[str | int], padding: str) -> _Form | None:
    """None where the event is written in a way that is not looked for."""
    *outer, name = path
    holder: Any = value
    for step in outer:
        holder = holder[step]
    start, end = _place(block, str(name))
    before, joint, behind, pad = block[:start], block[end:], None, value.get(padding)
    if isinstance(pad, str):
        start, end = _place(joint, padding)
        joint, behind = joint[:start], joint[end:]
    if not joint or behind == b"":
        return None
    said = holder[name], pad
    mark = next(mark for mark in _MARKS if mark not in said)
    holder[name] = mark
    if behind is not None:
        value[padding] = mark
    marked = before + mark.encode() + joint + (mark.encode() + behind if behind is not None else b"")
    try:
        event = sse.event(marked)
        return _Form(before, joint, behind) if event and msgspec.json.decode(event.data) == value else None
    except loose.FAILURES:
        return None
    finally:
        holder[name] = said[0]
        if behind is not None:
            value[padding] = said[1]


def _place(block: bytes, name: str) -> tuple[int, int]:
    """Where the text of a field is; what comes of it where it is not found does not stand the test."""
    for colon in (b":", b": "):
        field = b'"%b"%b"' % (name.encode("utf-8", "surrogatepass"), colon)
        at = block.rfind(field)
        if at >= 0 and (found := _STRING.match(block, at + len(field))) is not None:
            return found.span()
    return 0, 0
