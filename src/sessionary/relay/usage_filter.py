"""Takes out of a stream the usage that the gateway asked for and the client did not. Pure.

Events pass byte for byte unless they speak of usage: the event that carries it (no choices) is dropped, and
`"usage": null` is cut from the others. Bytes are held back only until their event is whole.
"""

import re

import msgspec

_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null(?=\s*[,}])')
_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
MAX_HELD = 1 << 20


class UsageFilter:
    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        out = []
        start = 0
        for end in _END.finditer(data):
            out.append(self._event(data[start : end.end()]))
            start = end.end()
        self._held = data[start:]
        if len(self._held) > MAX_HELD:  # no event of ours is that long: let it through
            out.append(self._held)
            self._held = b""
        return b"".join(out)

    def close(self) -> bytes:
        rest, self._held = self._held, b""
        return self._event(rest)

    @staticmethod
    def _event(event: bytes) -> bytes:
        if b'"usage"' not in event:
            return event
        body = event.strip()
        if body.startswith(b"data:"):
            try:
                parsed = msgspec.json.decode(body[5:])
            except (msgspec.DecodeError, RecursionError):
                return event
            if isinstance(parsed, dict) and parsed.get("choices") == [] and parsed.get("usage"):
                return b""
            if isinstance(parsed, dict) and "usage" in parsed and parsed["usage"] is None:
                return _NULL_USAGE.sub(b"", event)
        return event
