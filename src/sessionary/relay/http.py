"""Providers over HTTP: requests on kept connections, answers within their times and sizes, failures in our words.

A request that meets a kept connection just when the provider lets go of it is sent once more, on a fresh one: nothing
of an answer had come, and it ended at once, so nobody has begun to work on it.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Self

from sessionary.errors import UpstreamError, UpstreamTimeout
from sessionary.providers.routing import LONGEST_NAME, Target
from sessionary.relay.address import Address, address, with_length
from sessionary.relay.connection import Broke, Reply, Silent, Stale
from sessionary.relay.hiding import Hiding, credentials, hidden, unmistakable
from sessionary.relay.pool import LookUp, Origin, Pool, look_up
from sessionary.relay.unpacking import Packed, Unpacking
from sessionary.relay.upstream import Answer, Take, is_stream, read_to
from sessionary.settings import Settings
from sessionary.sockets import watch

_PLAIN = "identity"
_MOST_PLACES = 1024
"""Kept; models' names may be of the clients' choosing."""


class _Place:
    """What a target's requests to an endpoint have in common."""

    __slots__ = ("_address", "_headers", "_lines", "origin", "secrets", "unmistakable")

    def __init__(self, address: Address, origin: Origin, secrets: tuple[bytes, ...]) -> None:
        self.origin = origin
        self.secrets = secrets
        self.unmistakable = unmistakable(secrets)
        self._address = address
        self._headers: dict[str, str] = {}
        """The last request's: mostly the next one has the same."""
        self._lines = address.lines(self._headers)

    def head(self, headers: dict[str, str], size: int) -> bytes:
        """Nobody changes `headers` afterwards."""
        if headers is not self._headers:
            self._headers, self._lines = headers, self._address.lines(headers)
        return with_length(self._lines, size)


class HttpUpstream:
    """One connection pool a worker."""

    def __init__(self, settings: Settings, look_up: LookUp = look_up) -> None:
        self._settings = settings
        self._pool = Pool(lambda made: watch(made, settings.idle_timeout), look_up)
        self._places: dict[tuple[Target, str], _Place] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    @property
    def kept(self) -> int:
        """Connections that are idle."""
        return self._pool.idle

    async def open(
        self, target: Target, endpoint: str, body: bytes, headers: dict[str, str], *, stream: bool
    ) -> Answer:
        s = self._settings
        place = self._places.get((target, endpoint)) or self._place(target, endpoint)
        first_byte = target.deployment.timeout or s.timeout
        until = asyncio.get_running_loop().time() + first_byte
        head = place.head(headers, len(body))
        try:
            reply = await self._asked(place.origin, head, body, until)
        except Silent as error:
            raise UpstreamTimeout(f"{target.provider.title} did not answer within {first_byte:g} s") from error
        except _NotConnected as error:
            raise UpstreamTimeout(
                f"{target.provider.title} could not be reached: no connection within {s.connect_timeout:g} s"
            ) from error
        except (Broke, OSError) as error:
            raise UpstreamError(f"{target.provider.title} could not be reached: {_why(error)}") from error
        reply.idle = s.idle_timeout if stream else None
        return self._answer(target.provider.title, reply, place)

    def _answer(self, title: str, reply: Reply, place: _Place) -> Answer:
        headers = reply.headers = hidden(reply.headers, place.secrets)
        encoding = headers.pop("content-encoding").strip().lower() if "content-encoding" in headers else _PLAIN
        answer = _HttpAnswer(title, reply)
        bounded = encoding == _PLAIN and (_at_most(self._settings.max_answer, headers) or is_stream(headers))
        secrets = place.secrets if reply.status >= 400 else place.unmistakable
        if bounded and not secrets:
            return answer
        return _Checked(title, answer, encoding, secrets, None if bounded else self._settings.max_answer)

    def _place(self, target: Target, endpoint: str) -> _Place:
        """Raises UpstreamError."""
        found = address(target, endpoint)
        secrets = credentials(target.deployment.api_key, target.deployment.base_url)
        origin = self._pool.origin(found.host, found.port, tls=found.tls)
        place = _Place(found, origin, secrets)
        if len(target.deployment.model) <= LONGEST_NAME:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            self._places[target, endpoint] = place
        return place

    async def _asked(self, origin: Origin, head: bytes, body: bytes, until: float) -> Reply:
        """With its head. Raises Broke, OSError."""
        connection = origin.idle()
        if connection is not None:
            try:
                return await connection.ask(head, body, until).begun()
            except Stale:
                pass
        connect_until = min(until, asyncio.get_running_loop().time() + self._settings.connect_timeout)
        try:
            async with asyncio.timeout_at(connect_until):
                connection = await origin.connect()
        except TimeoutError as error:
            raise (Silent("no connection") if connect_until == until else _NotConnected) from error
        return await connection.ask(head, body, until).begun()


def _at_most(size: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer says so of itself, and can then be no longer."""
    said = headers.get("content-length")
    return said is not None and said.isdecimal() and int(said) <= size and "transfer-encoding" not in headers


class _NotConnected(Exception):
    """There was no connection in time."""


def _why(error: Broke | OSError) -> str:
    """What kind of failure it was, and nothing of the address."""
    match error:
        case Broke():
            return str(error)
        case socket.gaierror():
            return "its name could not be resolved"
        case ssl.SSLCertVerificationError():
            return "its certificate is not valid"
        case _:
            return "the connection failed"


class _HttpAnswer:
    """As it comes."""

    def __init__(self, title: str, reply: Reply) -> None:
        self.status = reply.status
        self.headers: Mapping[str, str] = reply.headers
        self._title = title
        self._reply = reply

    async def read(self) -> bytes:
        try:
            return await self._reply.read()
        except Broke as error:
            raise self._broke(error) from error

    async def pour(self, take: Take) -> bool:
        try:
            return await self._reply.pour(take)
        except Broke as error:
            raise self._broke(error) from error

    def _broke(self, error: Broke) -> UpstreamError:
        if isinstance(error, Silent):
            return UpstreamTimeout(f"{self._title} fell silent before its answer was complete")
        return UpstreamError(f"{self._title} broke off its answer", code="upstream_broke_off")

    def close(self, *, ended: bool = False) -> None:
        self._reply.close(ended=ended)


class _Checked:
    """One that may be too long, be compressed although that was refused, or quote what it was told."""

    def __init__(
        self, title: str, answer: _HttpAnswer, encoding: str, secrets: tuple[bytes, ...], most: int | None
    ) -> None:
        """`most`: bytes of it, unpacked; `secrets`: not to be let through."""
        self.status = answer.status
        self.headers = answer.headers
        self._title = title
        self._answer = answer
        self._unpacked = self._unpack(encoding) if encoding != _PLAIN else None
        self._hiding = Hiding(secrets) if secrets else None
        self._most = most
        self._size = 0

    async def read(self) -> bytes:
        while data := await (self._answer.read() if self._unpacked is None else anext(self._unpacked, b"")):
            if shown := self._shown(data):
                return shown
        return self._rest()

    async def pour(self, take: Take) -> bool:
        if self._unpacked is not None:
            return await read_to(take, self)

        def shown(data: bytes) -> bool:
            some = self._shown(data)
            return not some or take(some)

        if not await self._answer.pour(shown):
            return False
        rest = self._rest()
        return not rest or take(rest)

    def _shown(self, data: bytes) -> bytes:
        """What may be let through now."""
        self._size += len(data)
        if self._most is not None and self._size > self._most:
            raise UpstreamError(f"{self._title}'s answer is larger than {self._most} bytes", code="upstream_too_large")
        return data if self._hiding is None else self._hiding.feed(data)

    def _rest(self) -> bytes:
        return b"" if self._hiding is None else self._hiding.close()

    async def _unpack(self, encoding: str) -> AsyncIterator[bytes]:
        try:
            unpacking = Unpacking(encoding)
            while data := await self._answer.read():
                for piece in unpacking.feed(data):
                    yield piece
                    await asyncio.sleep(0)  # a little may unpack to very much, and others have a turn
            unpacking.close()
        except Packed as error:
            raise UpstreamError(
                f"{self._title}'s answer is compressed and cannot be unpacked", code="upstream_unreadable"
            ) from error

    def close(self, *, ended: bool = False) -> None:
        self._answer.close(ended=ended)
