"""Requests that differ from one before them, on the same connection, in their body alone and in how long that is. Pure.

A head that came before, byte for byte but for the digits of its `content-length`, means what it meant then. So it is
not parsed again, and what was found out of it holds. Only of a request that is whole and alone in what came: of any
other, and of any other head, the parser says what it is. It takes part in nothing that is said here, for it is where a
request begins before and after.
"""

import re

from sessionary.heads import Head

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_MOST_DIGITS = 9
_LONGEST = 8192
"""Bytes of a head that is kept."""


class Known:
    """The head of a POST that was parsed."""

    __slots__ = ("_after", "_before", "endpoint", "head")

    def __init__(self, before: bytes, after: bytes, endpoint: str, head: Head) -> None:
        self._before = before
        self._after = after
        """What is around the digits."""
        self.endpoint = endpoint
        self.head = head

    def body(self, data: bytes) -> bytes | None:
        """Of the request that `data` is; None where it is not such a one, whole, and nothing else."""
        before, after = self._before, self._after
        if not data.startswith(before):
            return None
        at = len(before)
        end = data.find(after, at, at + _MOST_DIGITS + len(after))
        digits = data[at:end] if end > at else b""
        if not digits.isdigit():
            return None
        body = data[end + len(after) :]
        return body if len(body) == int(digits) else None


def known(data: bytes, endpoint: str, head: Head) -> Known | None:
    """What `data` begins with: a request in which the parser found `head`, and whose `content-length` tells its length.
    None where another request may be behind it, or where that header is not found just once."""
    end = data.find(b"\r\n\r\n", 0, _LONGEST) + 4
    length = _LENGTH.search(data, 0, end - 2) if end >= 4 else None
    if length is None or data[:end].lower().count(b"content-length") != 1 or "transfer-encoding" in head.headers:
        return None
    if len(data) - end > int(length[1]):
        return None
    return Known(data[: length.start(1)], data[length.end(1) : end], endpoint, head)
