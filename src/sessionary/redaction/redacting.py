"""Taking out of a text, a body or an answer what the rules of its project find. Pure; deterministic.

What stands in place is `[redacted NAME]`, always the same: a history that is sent again is redacted again to the same
bytes, and threads as it did. Where nothing is found, the bytes given are the bytes returned. What has been redacted is
not redacted again.

A body is JSON: its strings are looked at one by one, names too, and again inside those that are JSON themselves (a
tool's arguments). Numbers are left alone, and so is what a data URL holds, unless a rule for a field names them. What
is no JSON is looked at as the text that it is.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import unquote

from sessionary.redaction import literals
from sessionary.redaction.columns import columns
from sessionary.redaction.literals import Place
from sessionary.wire.assemble import Assembled, assemble

Spans = Sequence[tuple[int, int]]
Find = tuple[str, Callable[[bytes], Spans] | None]
"""A rule's name, and which parts of a text it finds; None: all of it."""
_DEEPEST = 4
"""JSON in strings in JSON …"""
_SHORT = 40
_MOST_SHORT = 10_000
"""Bytes of a text, and how many such texts are remembered: most strings of a body are names and words of its format."""
_EVENT = re.compile(rb"(?:\A|[\r\n])(?:\xef\xbb\xbf)?data:")
_DATA_URL = re.compile(rb"data:[\w.+-]*/?[\w.+;=-]*;base64,[A-Za-z0-9+/=]*\Z")


class Redacting:
    """The rules for the calls of one project."""

    def __init__(
        self, everywhere: Sequence[Find], fields: Place[Find] | None, names: Sequence[str], key: bytes = b""
    ) -> None:
        """`names`: of all the rules; `key`: of at most 64 bytes."""
        self._key = key
        self._everywhere = everywhere
        self._fields = fields
        either = "|".join(re.escape(name) for name in sorted(set(names)))
        self._marks = re.compile(rf"\[redacted (?:{either})\]".encode())
        self._clean: set[bytes] = set()
        """Short texts that nothing is found in."""

    def text(self, value: str) -> str:
        return self._text(value.encode("utf-8", "surrogatepass"), self._everywhere).decode("utf-8", "surrogatepass")

    def named(self, sent: str, kept: str) -> str:
        """An id whose text may not be kept: `kept` and a mark of its own, which is always the same for what was
        `sent`, and tells nothing of it to whoever has not the gateway's key."""
        mark = hashlib.blake2b(sent.encode("utf-8", "surrogatepass"), key=self._key, digest_size=6)
        return f"{kept} {mark.hexdigest()}"

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Also where a value is percent-encoded."""
        return {name: self._header(value) for name, value in headers.items()}

    def body(self, data: bytes) -> bytes:
        """A request's, a whole answer's, or an item."""
        kept = self._json(data, [self._fields] if self._fields else [], self._everywhere, 0)
        return kept if literals.is_json(data) else self._text(kept, self._everywhere)

    def stream(self, data: bytes, endpoint: str) -> tuple[bytes, Assembled | None]:
        """A streamed answer: its very bytes where nothing is found in them, however it is cut into events. Else the
        answer that they amount to, as JSON, and how that was put together."""
        if not _EVENT.search(data):
            return self.body(data), None
        assembled = assemble(data, endpoint)
        kept = self.body(assembled.body)
        if kept == assembled.body and all(self._is_clean(text) for text in columns(data)):
            return data, None
        return kept, assembled

    def _is_clean(self, text: str) -> bool:
        raw = text.encode("utf-8", "surrogatepass")
        return self._string(raw, [], self._everywhere, 0) == raw

    def _header(self, value: str) -> str:
        kept = self.text(value)
        if "%" not in value:
            return kept
        plain = unquote(kept)
        redacted = self.text(plain)
        return kept if redacted == plain else redacted

    def _json(self, data: bytes, places: list[Place[Find]], rules: Sequence[Find], depth: int) -> bytes:
        if not places:
            return literals.strings(data, lambda text: self._string(text, [], rules, depth))
        return literals.fields(
            data, places, rules, lambda text, at, held: self._string(text, at, held, depth), lambda rule: _mark(rule[0])
        )

    def _string(self, text: bytes, places: list[Place[Find]], rules: Sequence[Find], depth: int) -> bytes:
        common = len(text) <= _SHORT and not places and rules is self._everywhere
        if common and text in self._clean:
            return text
        kept = self._looked_at(text, places, rules, depth)
        if common and kept == text:
            if len(self._clean) >= _MOST_SHORT:
                self._clean.clear()
            self._clean.add(text)
        return kept

    def _looked_at(self, text: bytes, places: list[Place[Find]], rules: Sequence[Find], depth: int) -> bytes:
        if text.startswith(b"data:") and _DATA_URL.match(text):
            rules = [rule for rule in rules if rule not in self._everywhere]
        elif depth < _DEEPEST and text.lstrip()[:1] in (b"{", b"["):
            text = self._json(text, places, rules, depth + 1)
        return self._text(text, rules)

    def _text(self, text: bytes, rules: Sequence[Find]) -> bytes:
        """Overlapping finds are one, which has the name of the first rule among them."""
        found = [
            (start, end, n)
            for n, (_, find) in enumerate(rules)
            if find is not None
            for start, end in find(text)
            if end > start
        ]
        if not found:
            return text
        none = len(rules)
        found += [(mark.start(), mark.end(), none) for mark in self._marks.finditer(text)]
        out: list[bytes] = []
        at = 0
        for start, end, n in _united(found):
            out += (text[at:start], text[start:end] if self._marks.fullmatch(text, start, end) else _mark(rules[n][0]))
            at = end
        return b"".join([*out, text[at:]])


def _united(found: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    united: list[tuple[int, int, int]] = []
    for start, end, n in sorted(found):
        if united and start < united[-1][1]:
            first, last, best = united[-1]
            united[-1] = (first, max(last, end), min(best, n))
        else:
            united.append((start, end, n))
    return united


def _mark(name: str) -> bytes:
    return f"[redacted {name}]".encode()
