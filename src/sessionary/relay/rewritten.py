"""A Responses answer that passes as it is, but for what is ours: its id, and what it goes on from. Pure.

Events that carry the response object are changed in those fields alone; all others pass byte for byte.
"""

import re

import msgspec

from sessionary.wire import loose

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_DATA = re.compile(rb"^data: ?(.*)$", re.MULTILINE)


class Rewritten:
    """`ours` are the fields of the response object that say what the client asked of us."""

    def __init__(self, ours: dict[str, object]) -> None:
        self._ours = ours
        self._held = b""

    def whole(self, body: bytes) -> bytes:
        try:
            value = loose.decode(body)
        except loose.FAILURES:
            return body
        if not isinstance(value, dict) or value.get("object") != "response":
            return body
        return loose.encode({**value, **self._ours})

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        out = []
        start = 0
        for end in _END.finditer(data):
            out.append(self._event(data[start : end.end()]))
            start = end.end()
        self._held = data[start:]
        return b"".join(out)

    def close(self) -> bytes:
        rest, self._held = self._held, b""
        return rest

    def _event(self, event: bytes) -> bytes:
        if b'"response"' not in event:
            return event
        found = _DATA.search(event)
        try:
            value = loose.decode(found[1]) if found else None
        except loose.FAILURES:
            return event
        if found is None or not isinstance(value, dict) or not isinstance(value.get("response"), dict):
            return event
        changed = msgspec.json.encode({**value, "response": {**value["response"], **self._ours}})
        return event[: found.start(1)] + changed + event[found.end(1) :]
