"""The strings of a JSON text, changed in place: every other byte stays as it was. Pure; linear; any bytes are read.

Nothing is decoded but the strings themselves, so that neither depth, nor a key that comes twice, nor a number's form,
nor a text that breaks off makes a difference. Texts are UTF-8 here; halves of surrogate pairs are kept.

Rules that are for a field are found by `Place`: a tree of names and indices, walked along with the brackets.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

_STRING = re.compile(rb'"((?:[^"\\]++|\\.)*+)"?', re.DOTALL)
"""From a quote on it always matches, so that no byte is looked at twice."""
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[{}\[\]:,]|[^"{}\[\]:,\s]++', re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\*|\d+)\]")


@dataclass
class Place(Generic[T]):
    """A field, or what leads to fields. `rules` hold for every string in it; `whole`: none of it is kept."""

    below: dict[str, "Place[T]"] = field(default_factory=dict)
    """By `.name`, `.*`, `[0]` or `[*]`."""
    rules: list[T] = field(default_factory=list)
    whole: T | None = None

    def at(self, path: str) -> "Place[T]":
        """The place of `metadata.email`, `messages[*].content`, …, made where it is new. Raises ValueError."""
        rest = f".{path}"
        steps = [found[0] for found in _STEP.finditer(rest)]
        if "".join(steps) != rest:
            raise ValueError(path)
        place = self
        for step in steps:
            place = place.below.setdefault(step, Place())
        return place


def strings(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """`data` with each string, key or value, as `change` gives it back."""
    pieces: list[tuple[int, int, bytes]] = []
    for found in _STRING.finditer(data):
        text = decoded(found[1])
        new = change(text)
        if new != text:
            pieces.append((found.start(), found.end(), encoded(new)))
    return _with(data, pieces)


@dataclass(slots=True)
class _Open(Generic[T]):
    """An object or a list that has not ended."""

    places: list[Place[T]]
    rules: Sequence[T]
    in_list: bool
    index: int = 0
    name: str = ""
    naming: bool = False
    """Whether the next string is a name."""

    def step(self) -> tuple[list[Place[T]], Sequence[T]]:
        """Of the value that comes: the places that it is at, and the rules that hold in it."""
        if not self.places:
            return [], self.rules
        names = (f"[{self.index}]", "[*]") if self.in_list else (f".{self.name}", ".*")
        found = [place.below[name] for place in self.places for name in names if name in place.below]
        more = [rule for place in found for rule in place.rules]
        return found, [*self.rules, *more] if more else self.rules


def fields(
    data: bytes,
    places: list[Place[T]],
    rules: Sequence[T],
    change: Callable[[bytes, list[Place[T]], Sequence[T]], bytes],
    instead: Callable[[T], bytes],
) -> bytes:
    """As `strings`, with the places that a string is at and the rules that hold there; `instead` is what stands in
    place of a whole field. `places` and `rules` are the text's own."""
    pieces: list[tuple[int, int, bytes]] = []
    stack: list[_Open[T]] = []
    hidden: tuple[int, int, bytes] | None = None  # a whole field: where it begins, how deep, and what stands for it
    for token in _TOKEN.finditer(data):
        raw, here = token[0], stack[-1] if stack else None
        first = raw[:1]
        if first == b"," and here is not None:
            here.index += 1
            here.naming = not here.in_list
        elif first in b"}]":
            if stack:
                stack.pop()
            if hidden is not None and len(stack) == hidden[1]:
                pieces.append((hidden[0], token.end(), hidden[2]))
                hidden = None
        elif first in b",:":
            continue
        elif here is not None and here.naming and first == b'"':
            here.naming = False
            text = decoded(_inner(raw))
            here.name = text.decode("utf-8", "replace") if here.places else ""
            if hidden is None and (new := change(text, [], here.rules)) != text:
                pieces.append((token.start(), token.end(), encoded(new)))
        else:
            at, holding = here.step() if here is not None else (places, rules)
            whole = next((place.whole for place in at if place.whole is not None), None)
            if first in b"{[":
                if whole is not None and hidden is None:
                    hidden = (token.start(), len(stack), encoded(instead(whole)))
                stack.append(_Open(at, holding, first == b"[", naming=first == b"{"))
            elif hidden is not None or raw == b"null":
                continue
            elif whole is not None:
                pieces.append((token.start(), token.end(), encoded(instead(whole))))
            elif first == b'"':
                text = decoded(_inner(raw))
                if (new := change(text, at, holding)) != text:
                    pieces.append((token.start(), token.end(), encoded(new)))
    if hidden is not None:
        pieces.append((hidden[0], len(data), hidden[2]))
    return _with(data, pieces)


def decoded(inner: bytes) -> bytes:
    """What stands between the quotes, as text. What is no JSON string stands for itself."""
    if b"\\" not in inner:
        return inner
    try:
        value: str = json.loads(b'"' + inner + b'"', strict=False)
    except ValueError:
        return inner
    return value.encode("utf-8", "surrogatepass")


def encoded(text: bytes) -> bytes:
    """The text as a JSON string, quotes and all."""
    try:
        return msgspec.json.encode(text.decode())
    except UnicodeDecodeError:
        pass
    try:
        return json.dumps(text.decode("utf-8", "surrogatepass")).encode()
    except UnicodeDecodeError:
        return msgspec.json.encode(text.decode("utf-8", "replace"))


def is_json(data: bytes) -> bool:
    """Whether it can be read as JSON, strictly or as parsers do that are not strict."""
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (ValueError, RecursionError):
        try:
            json.loads(data, strict=False)
        except (ValueError, RecursionError):
            return False
    return True


def _inner(raw: bytes) -> bytes:
    return raw[1:-1] if len(raw) > 1 and raw.endswith(b'"') else raw[1:]


def _with(data: bytes, pieces: list[tuple[int, int, bytes]]) -> bytes:
    if not pieces:
        return data
    out: list[bytes] = []
    at = 0
    for start, end, new in pieces:
        out += (data[at:start], new)
        at = end
    return b"".join([*out, data[at:]])
