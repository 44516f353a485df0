"""Parting a message's bytes from its longest text, so that the text is stored once in whatever form it is sent. Pure.

A client sends an answer back with other fields around it, or as a part of a list; the string itself stays. The
frame is the rest, with the place of the string in front, and is shared by all messages that differ in text alone.
"""

import re

SHORT = 64
"""Strings below this many bytes stay in the frame."""
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def part(raw: bytes) -> tuple[bytes, bytes | None]:
    """(frame, text); the text with its quotes, None where no string is long enough. Any bytes can be parted."""
    longest = _longest(raw)
    if len(longest) < SHORT:
        return b"\0" + raw, None
    at = raw.index(longest)
    return b"%d\0" % at + raw[:at] + raw[at + len(longest) :], longest


def _longest(raw: bytes) -> bytes:
    """The first of the longest strings, with its quotes; b"" where there is none."""
    if b"\\" in raw:
        return max(_STRING.findall(raw), key=len, default=b"")
    within = raw.split(b'"')[1:-1:2]  # no quote is escaped: every other piece is a string, but for what is never closed
    return b'"%b"' % max(within, key=len) if within else b""


def whole(frame: bytes, text: bytes | None) -> bytes:
    """The inverse of `part`."""
    at, _, rest = frame.partition(b"\0")
    if text is None:
        return rest
    place = int(at)
    return rest[:place] + text + rest[place:]
