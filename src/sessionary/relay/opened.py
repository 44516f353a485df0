"""How an answer begins: as a stream, or whole. What is none is seen here, while another deployment may be asked."""

import re

import msgspec

from sessionary.errors import UpstreamError
from sessionary.providers.routing import Target
from sessionary.relay.passage import Passage
from sessionary.relay.upstream import Answer, is_stream

_EVENT = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:data|event|id|retry)?:")
_ENOUGH = 64
"""Bytes of an answer that tell whether it is a stream."""


class Opened(msgspec.Struct, frozen=True):
    """An answer that has begun, and how it was asked for."""

    answer: Answer
    target: Target
    passage: Passage
    begun: bytes = b""
    """What has come of a stream, and was not read."""
    given: bytes | None = None
    """The body of an answer that is no stream."""
    body: bytes = b""
    """What the client gets of that."""
    told: bool = False
    """Whether that is a stream, which was made of it."""


async def opened(answer: Answer, target: Target, passage: Passage, parts: list[bytes], *, stream: bool) -> Opened:
    """`parts` gets what comes of an answer that is no stream; `stream`: whether one was asked for.

    Raises UpstreamError where it breaks off, is a redirect, or cannot be read.
    """
    if answer.status < 200:
        raise UpstreamError(f"{target.provider.title} did not answer with HTTP", code="upstream_unreadable")
    if 300 <= answer.status < 400:
        raise UpstreamError(f"{target.provider.title} answered with a redirect, which is not followed")
    if is_stream(answer.headers):
        return Opened(answer, target, passage)
    sniffed = 0 if stream and answer.status < 400 else _ENOUGH
    while data := await answer.read():
        parts.append(data)
        if sniffed < _ENOUGH:  # a stream that does not say so
            head = b"".join(parts)
            if _EVENT.match(head):
                parts.clear()
                return Opened(answer, target, passage, head)
            sniffed = len(head)
    given = parts[0] if len(parts) == 1 else b"".join(parts)
    told = passage.told(given) if stream and answer.status < 400 else b""
    body = told or passage.whole(answer.status, given)
    return Opened(answer, target, passage, b"", given, body, bool(told))
