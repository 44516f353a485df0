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
    longest: bytes = max(_STRING.findall(raw), key=len, default=b"")
    if len(longest) < SHORT:
        return b"\0" + raw, None
    at = raw.index(longest)
    return b"%d\0" % at + raw[:at] + raw[at + len(longest) :], longest


def whole(frame: bytes, text: bytes | None) -> bytes:
    """The inverse of `part`."""
    at, _, rest = frame.partition(b"\0")
    if text is None:
        return rest
    place = int(at)
    return rest[:place] + text + rest[place:]
