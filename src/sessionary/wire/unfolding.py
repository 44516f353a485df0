"""An answer that is still being said: what each of its pieces has more of, as the bytes of its stream come. Pure.

Linear in the bytes. What is told of a piece comes in order and is never taken back; of parallel tool calls of chat, the
later are told as they end.
"""

from typing import Protocol

import msgspec

from sessionary.wire import loose
from sessionary.wire.canonical import Delta, Format, Opened, Told
from sessionary.wire.formats import FORMATS
from sessionary.wire.message import Piece
from sessionary.wire.sse import Event, Parser

_FORMAT: dict[str, Format] = {"chat.completions": "chat", "responses": "responses", "messages": "messages"}


class Grown(msgspec.Struct, frozen=True, rename={"since": "from"}, omit_defaults=True):
    """The piece `index` of the answer, which is a `type` as in `message.Piece`, has `text` from `since` on: counted as
    browsers do, in UTF-16 units. Of a tool call the text is its arguments, as far as they are written."""

    index: int
    type: str
    since: int
    text: str
    name: str = ""
    id: str = ""


class _Reader(Protocol):
    def feed(self, event: Event) -> list[Told]: ...


class _Completion:
    """The first choice's text, of the legacy endpoint."""

    def __init__(self) -> None:
        self._opened = False

    def feed(self, event: Event) -> list[Told]:
        chunk = loose.read_object(event.data, keep_surrogates=True) or {}
        told: list[Told] = []
        for choice in loose.dicts(chunk.get("choices")):
            if choice.get("index", 0) == 0 and isinstance(text := choice.get("text"), str) and text:
                told += [] if self._opened else [Opened(0, Piece("text"))]
                told.append(Delta(0, text))
                self._opened = True
        return told


class _Growing:
    def __init__(self, piece: Piece) -> None:
        self.piece = piece
        self._said: list[str] = []
        self._length = 0
        self._half = ""
        """Of a pair of surrogates, the first: the other is in the next delta."""

    def add(self, index: int, text: str) -> Grown:
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        text, since = str(loose.joined(text)), self._length
        self._said.append(text)
        self._length += len(text.encode("utf-16-le")) // 2
        return Grown(index, self.piece.type, since, text, self.piece.name, self.piece.id)

    def whole(self, index: int) -> Grown:
        self._said = ["".join(self._said)]
        return Grown(index, self.piece.type, 0, self._said[0], self.piece.name, self.piece.id)


class Unfolding:
    """The stream of one call, at `endpoint`."""

    def __init__(self, endpoint: str) -> None:
        self._parser = Parser()
        format = _FORMAT.get(endpoint)
        self._reader: _Reader = _Completion() if format is None else FORMATS[format].Reader()
        self._pieces: dict[int, _Growing] = {}

    def feed(self, data: bytes) -> list[Grown]:
        """What there is more: of each piece at most one."""
        opened: list[int] = []
        texts: dict[int, list[str]] = {}
        for event in self._parser.feed(data):
            for told in self._reader.feed(event):
                if isinstance(told, Opened):
                    self._pieces[told.index] = _Growing(told.piece)
                    opened.append(told.index)
                elif isinstance(told, Delta) and told.text and told.index in self._pieces:
                    texts.setdefault(told.index, []).append(told.text)
        grown = dict.fromkeys([*opened, *texts])
        return [self._pieces[index].add(index, "".join(texts.get(index, ()))) for index in sorted(grown)]

    def whole(self) -> list[Grown]:
        """All of it from the beginning."""
        return [self._pieces[index].whole(index) for index in sorted(self._pieces)]
