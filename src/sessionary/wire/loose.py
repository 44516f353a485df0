"""Reading JSON that strict parsers refuse, since clients and providers send it all the same. Pure.

What is let through: lone surrogate escapes (a client that cut an emoji in two), bytes that are no UTF-8, NaN and
numbers out of range, control characters. What is refused: anything nested deeper than MAX_DEPTH, so that code
that walks a value may recurse, whatever the stack it starts from.
"""

import json
import re
from typing import Any

import msgspec

MAX_DEPTH = 100
FAILURES = (ValueError, RecursionError)
"""What decoding raises: msgspec's errors and UnicodeError are ValueErrors."""

_ESCAPE = re.compile(
    rb"\\(?:"
    rb"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    rb"|u([dD])[89a-fA-F][0-9a-fA-F]{2}"  # half of one
    rb"|u([eE])[89a-fA-F][0-9a-fA-F]{2}"  # what `mask` makes of a half
    rb"|.)",
    re.DOTALL,
)
_MAYBE_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def decode(raw: bytes | str, *, keep_surrogates: bool = False) -> Any:
    """The value. Lone surrogates become U+FFFD, unless they are kept to be joined later. Raises ValueError."""
    value: Any
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
        try:
            value = json.loads(text, strict=False, parse_constant=lambda _: None)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        check_depth(value, raw)
        return value if keep_surrogates else joined(value)
    check_depth(value, raw)
    return value


def read_object(raw: bytes | str, *, keep_surrogates: bool = False) -> dict[str, Any] | None:
    """The JSON object; None where it is none, or cannot be read. A pair of surrogates may be split between deltas."""
    try:
        value = decode(raw, keep_surrogates=keep_surrogates)
    except FAILURES:
        return None
    return value if isinstance(value, dict) else None


def read_any(raw: bytes) -> Any:
    """The value; what cannot be read is the text that it is."""
    try:
        return decode(raw)
    except FAILURES:
        return raw.decode("utf-8", "replace")


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; of anything else none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def encode(value: Any) -> bytes:
    """The value as JSON that every parser takes: no surrogates, no NaN."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(joined(value))


def check_depth(value: Any, raw: bytes | str) -> None:
    """Raises ValueError where `value`, which `raw` says, is nested too deeply."""
    opened = raw.count("[") + raw.count("{") if isinstance(raw, str) else raw.count(b"[") + raw.count(b"{")
    if opened <= MAX_DEPTH:
        return
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    if not level:
        return
    raise ValueError("nested too deeply")


def joined(value: Any) -> Any:
    """The value with the halves of surrogate pairs joined; halves that stay alone become U+FFFD."""
    if isinstance(value, str):
        if not _SURROGATE.search(value):
            return value
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {joined(k): joined(v) for k, v in value.items()}
    if isinstance(value, list):
        return [joined(v) for v in value]
    return value


def mask(body: bytes) -> bytes | None:
    """`body` with lone surrogate escapes moved to the private use area, byte for byte as long; `unmask` undoes it.

    None where there are none, or where the body has such escapes of its own.
    """
    if not _MAYBE_HALF.search(body):
        return None
    found = clash = False

    def moved(match: re.Match[bytes]) -> bytes:
        nonlocal found, clash
        escape = match[0]
        if match[1]:
            found = True
            return b"\\u" + (b"e" if match[1] == b"d" else b"E") + escape[3:]
        clash = clash or match[2] is not None
        return escape

    masked = _ESCAPE.sub(moved, body)
    return masked if found and not clash else None


def unmask(piece: bytes) -> bytes:
    """A whole value out of a masked body, as it was."""

    def moved(match: re.Match[bytes]) -> bytes:
        if not match[2]:
            return match[0]
        return b"\\u" + (b"d" if match[2] == b"e" else b"D") + match[0][3:]

    return _ESCAPE.sub(moved, piece)
