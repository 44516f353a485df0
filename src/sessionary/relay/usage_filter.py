"""Takes out of a stream the usage that the gateway asked for and the client did not. Pure.

Events pass byte for byte unless they speak of usage: the event that carries it (no choices) is dropped, and
`"usage": null` is cut from the others.
"""

import re

import msgspec

from sessionary.wire import loose
from sessionary.wire.sse import Cutter, whole

_DATA = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])data: ?([^\r\n]*)")
_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null(?=\s*[,}])')
_USUAL = b',"usage":null}\n\n'
"""The end of an event as most write it: what ends with a brace and a blank line ends with the outermost object."""


def without_usage(events: bytes) -> bytes:
    """Of whole events, and of what a cut has left of the last one."""
    events = events.replace(_USUAL, b"}\n\n")
    at = events.find(b'"usage"')
    if at < 0:
        return events
    before = whole(events, at)
    cutter = Cutter()
    return b"".join([events[:before], *map(_without, [*cutter.feed(events[before:]), cutter.close()])])


def _without(event: bytes) -> bytes:
    if b'"usage"' not in event:
        return event
    if found := _DATA.search(event):
        try:
            parsed = msgspec.json.decode(found[1])
        except loose.FAILURES:
            return event
        if isinstance(parsed, dict) and parsed.get("choices") == [] and parsed.get("usage"):
            return b""
        if isinstance(parsed, dict) and "usage" in parsed and parsed["usage"] is None:
            return _NULL_USAGE.sub(b"", event)
    return event
