"""The seam to providers: open a request, read an answer. `relay/http` is the network, `DemoUpstream` is not.

An upstream follows no redirects, keeps no cookies, and takes URL and credential from the target alone, so
nothing in a request can change where it goes or as whom. Foreign errors become ours here.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol

from sessionary.providers import demo
from sessionary.providers.routing import Target

Take = Callable[[bytes], bool]
"""Takes a piece of an answer; says whether it can take more now."""


class Answer(Protocol):
    """An upstream's answer. Reading pauses when the caller does."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names."""

    async def read(self) -> bytes:
        """What has come of the body since; waits where nothing has. b"" at its end. Raises UpstreamError or
        UpstreamTimeout."""

    async def pour(self, take: Take) -> bool:
        """Gives `take` what comes, as it comes, and waits until it wants no more for now (False) or the end (True).
        Raises what `read` does, and what `take` raises."""

    def close(self, *, ended: bool = False) -> None:
        """Lets go of the answer: unread, its connection is cut. `ended`: what was wanted of it has come; so it may end
        by itself, if it does so now, and its connection is of use again."""


class Upstream(Protocol):
    async def open(
        self, target: Target, endpoint: str, body: bytes, headers: dict[str, str], *, stream: bool
    ) -> Answer:
        """Sends the request and waits for status and headers. Raises UpstreamError or UpstreamTimeout."""


async def read_to(take: Take, answer: Answer) -> bool:
    """`pour`, of an answer that can only be read."""
    while data := await answer.read():
        if not take(data):
            return False
    return True


async def whole(answer: Answer) -> bytes:
    """The body. Raises UpstreamError or UpstreamTimeout."""
    parts = []
    while data := await answer.read():
        parts.append(data)
    return b"".join(parts)


def is_stream(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").lower().startswith("text/event-stream")


class Played:
    """An answer that is made here, in pieces; none is empty."""

    def __init__(self, status: int, headers: Mapping[str, str], pieces: AsyncIterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._pieces = pieces

    async def read(self) -> bytes:
        return await anext(self._pieces, b"")

    async def pour(self, take: Take) -> bool:
        return await read_to(take, self)

    def close(self, *, ended: bool = False) -> None:
        """Nothing is held."""


class DemoUpstream:
    """Answers by itself, for first steps without an account."""

    async def open(
        self, target: Target, endpoint: str, body: bytes, headers: dict[str, str], *, stream: bool
    ) -> Answer:
        return Played(*await demo.answer(endpoint, body))


Sleep = Callable[[float], Awaitable[None]]
