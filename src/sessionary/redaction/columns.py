"""What a stream says in pieces, put together: the texts that stand at the same place of its events, one after the
other. Pure.

Of a stream that is assembled this finds what the assembling leaves out, or what its end does not repeat.
"""

import re
from collections.abc import Iterator
from typing import Any

from sessionary.wire import loose
from sessionary.wire.sse import Parser

_NUMBERED = ("index", "output_index", "content_index", "item_id")
"""Fields that tell parallel parts of an answer apart."""
_LINES = re.compile(rb"[\r\n]+")


def columns(data: bytes) -> Iterator[str]:
    found: dict[tuple[object, ...], list[str]] = {}
    parser = Parser()
    for event in [*parser.feed(data), *parser.close()]:
        try:
            value = loose.decode(event.data, keep_surrogates=True)
        except loose.FAILURES:
            value = event.data
        for place, text in _strings(value, (value.get("type"),) if isinstance(value, dict) else ()):
            found.setdefault(place, []).append(text)
    for texts in found.values():
        yield loose.joined(texts[0] if len(set(texts)) == 1 else "".join(texts))
    for line in {line for line in _LINES.split(data) if not line.startswith(b"data:")}:
        yield line.decode("utf-8", "replace")  # a comment, a name, an id


def _strings(value: Any, at: tuple[object, ...]) -> Iterator[tuple[tuple[object, ...], str]]:
    """Names are texts of their own."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict):
        at += tuple(value[name] for name in _NUMBERED if isinstance(value.get(name), int | str))
        for name, below in value.items():
            yield (*at, name, None), name
            yield from _strings(below, (*at, name))
    elif isinstance(value, list):
        for below in value:
            yield from _strings(below, (*at, "[]"))
