"""The seam to providers: open a request, read an answer. `HttpUpstream` is the network, `DemoUpstream` is not.

An upstream follows no redirects, keeps no cookies, and takes URL and credential from the target alone, so
nothing in a request can change where it goes or as whom. Foreign errors become ours here.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Protocol, Self

import aiohttp

from sessionary.errors import UpstreamError, UpstreamTimeout
from sessionary.providers import demo
from sessionary.providers.routing import Target
from sessionary.settings import Settings

READ_SIZE = 64 * 1024


class Answer(Protocol):
    """An upstream's answer. Reading pauses when the caller does."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises UpstreamError or UpstreamTimeout."""

    def close(self) -> None:
        """Lets go of the answer: unread, its connection is cut."""


class Upstream(Protocol):
    async def open(
        self, target: Target, endpoint: str, body: bytes, headers: Mapping[str, str], *, stream: bool
    ) -> Answer:
        """Sends the request and waits for status and headers. Raises UpstreamError or UpstreamTimeout."""


class HttpUpstream:
    """One connection pool a worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            read_bufsize=READ_SIZE,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def open(
        self, target: Target, endpoint: str, body: bytes, headers: Mapping[str, str], *, stream: bool
    ) -> Answer:
        assert self._session is not None
        s = self._settings
        first_byte = target.deployment.timeout or s.timeout
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=s.connect_timeout, sock_read=max(s.idle_timeout, first_byte)
        )
        try:
            async with asyncio.timeout(first_byte):
                response = await self._session.post(
                    target.url(endpoint),
                    data=body,
                    headers={**headers, **target.headers()},
                    allow_redirects=False,
                    timeout=timeout,
                )
        except TimeoutError as error:
            raise UpstreamTimeout(f"{target.provider.title} did not answer within {first_byte:g} s") from error
        except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
            raise _unreachable(target, error) from error
        return _HttpAnswer(target, response, s.idle_timeout if stream else first_byte)


def _unreachable(target: Target, error: BaseException) -> UpstreamError:
    """Says what kind of failure it was and nothing of the address."""
    kinds = {
        aiohttp.ClientConnectorDNSError: "its name could not be resolved",
        aiohttp.ClientConnectorCertificateError: "its certificate is not valid",
        aiohttp.ClientConnectorError: "the connection failed",
        aiohttp.ServerDisconnectedError: "it closed the connection",
        aiohttp.InvalidURL: "its base URL is not valid",
    }
    why = next((text for kind, text in kinds.items() if isinstance(error, kind)), "the connection broke")
    return UpstreamError(f"{target.provider.title} could not be reached: {why}")


class _HttpAnswer:
    def __init__(self, target: Target, response: aiohttp.ClientResponse, idle: float) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = {k.lower(): v for k, v in response.headers.items()}
        self._target = target
        self._response = response
        self._idle = idle

    async def chunks(self) -> AsyncIterator[bytes]:
        content = self._response.content
        try:
            while True:
                # Armed only while we wait for the upstream: a slow client never looks like a silent provider.
                async with asyncio.timeout(self._idle):
                    data = await content.readany()
                if not data:
                    return
                yield data
        except TimeoutError as error:
            raise UpstreamTimeout(f"{self._target.provider.title} fell silent for {self._idle:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError(f"{self._target.provider.title} broke off its answer") from error

    def close(self) -> None:
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class DemoUpstream:
    """Answers by itself, for first steps without an account."""

    async def open(
        self, target: Target, endpoint: str, body: bytes, headers: Mapping[str, str], *, stream: bool
    ) -> Answer:
        return _DemoAnswer(*await demo.answer(endpoint, body))


class _DemoAnswer:
    def __init__(self, status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._chunks = chunks

    def chunks(self) -> AsyncIterator[bytes]:
        return self._chunks

    def close(self) -> None:
        """Nothing is held."""


Sleep = Callable[[float], Awaitable[None]]
