"""Connections to providers: kept while they are idle, made where there is none. Names are looked up off the loop.

A provider with several addresses is tried at each of them, IPv6 and IPv4 by turns; each has a short head start over the
next one (RFC 8305), so one that is dead costs little.
"""

import asyncio
import contextlib
import itertools
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from sessionary.relay.connection import READ_SIZE, Connection

KEPT = 60.0
"""Seconds that a connection may be idle, and that a name's addresses are remembered."""
MOST_IDLE = 512
"""Connections of one provider that are kept."""
_HEAD_START = 0.25
Found = tuple[Any, ...]
"""As `getaddrinfo` gives it: family, kind, protocol, name, address."""
LookUp = Callable[[str, int], Awaitable[list[Found]]]


async def look_up(host: str, port: int) -> list[Found]:
    """Raises socket.gaierror."""
    return list(await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM))


class Origin:
    """A provider's scheme, host and port, and what is kept of it."""

    def __init__(self, pool: "Pool", host: str, port: int, *, tls: bool) -> None:
        self._pool = pool
        self._host = host
        self._port = port
        self._tls = tls
        self._idle: dict[Connection, float] = {}
        """Since when; the longest first."""
        self._addresses: list[Found] = []
        self._known_until = 0.0
        self._lookup: asyncio.Task[list[Found]] | None = None

    def idle(self) -> Connection | None:
        """One that was kept: the last one that was used, for that is the least likely to be closed by now."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.usable:
                return connection
        return None

    @property
    def kept(self) -> int:
        return len(self._idle)

    async def connect(self) -> Connection:
        """A new one. Raises OSError; ssl.SSLError, a kind of it, and socket.gaierror say which."""
        loop = asyncio.get_running_loop()
        addresses = await self._resolved()
        tls = await self._pool.tls() if self._tls else None
        try:
            connected = await _first(addresses, self._pool.prepare)
        except OSError:
            self._known_until = 0.0  # it may have moved
            raise
        _, made = await loop.create_connection(
            lambda: Connection(loop, self._pool.buffer, self._keep, self._forget),
            sock=connected,
            ssl=tls,
            server_hostname=self._host if tls else None,
        )
        return made

    def let_go(self, before: float) -> bool:
        """Closes what has been idle since before then; whether any is left."""
        while self._idle:
            connection, since = next(iter(self._idle.items()))
            if since > before:
                return True
            del self._idle[connection]
            connection.close()
        return False

    def _keep(self, connection: Connection) -> None:
        if self._pool.closed or len(self._idle) >= self._pool.most_idle:
            connection.close()
        else:
            self._idle[connection] = asyncio.get_running_loop().time()
            self._pool.watch()

    def _forget(self, connection: Connection) -> None:
        self._idle.pop(connection, None)

    async def _resolved(self) -> list[Found]:
        """One look-up for all who wait for it; who no longer waits does not end it."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._known_until:
            if self._lookup is None:
                self._lookup = asyncio.ensure_future(self._look_up())
                self._lookup.add_done_callback(self._looked_up)
            return await asyncio.shield(self._lookup)
        return self._addresses

    async def _look_up(self) -> list[Found]:
        self._addresses = _by_turns(await self._pool.look_up(self._host, self._port))
        self._known_until = asyncio.get_running_loop().time() + KEPT
        return self._addresses

    def _looked_up(self, lookup: "asyncio.Task[list[Found]]") -> None:
        self._lookup = None
        if not lookup.cancelled():
            lookup.exception()  # seen, also where nobody waits any more


class Pool:
    """Of one event loop."""

    def __init__(
        self,
        prepare: Callable[[socket.socket], None],
        look_up: LookUp = look_up,
        *,
        kept: float = KEPT,
        most_idle: int = MOST_IDLE,
    ) -> None:
        """`prepare` sets a new socket's options."""
        self.prepare = prepare
        self.look_up = look_up
        self.most_idle = most_idle
        self._kept = kept
        self.buffer = memoryview(bytearray(READ_SIZE))
        """What is read lies here until it is parsed, at once, so one does for all connections."""
        self.closed = False
        self._origins: dict[tuple[str, int, bool], Origin] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None

    def origin(self, host: str, port: int, *, tls: bool) -> Origin:
        key = (host, port, tls)
        if key not in self._origins:
            self._origins[key] = Origin(self, host, port, tls=tls)
        return self._origins[key]

    @property
    def idle(self) -> int:
        """Connections that are kept."""
        return sum(origin.kept for origin in self._origins.values())

    async def tls(self) -> ssl.SSLContext:
        """The system's authorities, or those of SSL_CERT_FILE. Read when they are needed: that takes a while."""
        if self._tls is None:
            made = await asyncio.to_thread(ssl.create_default_context)
            made.set_alpn_protocols(["http/1.1"])
            self._tls = made
        return self._tls

    def watch(self) -> None:
        """Something is kept."""
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._kept / 4, self._let_go)

    def _let_go(self) -> None:
        self._sweep = None
        before = asyncio.get_running_loop().time() - self._kept
        for origin in self._origins.values():
            if origin.let_go(before):
                self.watch()

    def close(self) -> None:
        self.closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for origin in self._origins.values():
            origin.let_go(float("inf"))


def _by_turns(found: list[Found]) -> list[Found]:
    """The families by turns, beginning with the one that the system prefers."""
    first = [address for address in found if address[0] == found[0][0]]
    others = [address for address in found if address[0] != found[0][0]]
    return [a for pair in itertools.zip_longest(first, others) for a in pair if a is not None]


async def _first(addresses: list[Found], prepare: Callable[[socket.socket], None]) -> socket.socket:
    """The first that connects. Raises the first one's OSError where none does."""
    if len(addresses) == 1:
        return await _connected(addresses[0], prepare)
    left, trying = list(addresses), list[asyncio.Task[socket.socket]]()
    try:
        while True:
            if left:
                trying.append(asyncio.ensure_future(_connected(left.pop(0), prepare)))
            waiting = [task for task in trying if not task.done()]
            if waiting:
                await asyncio.wait(waiting, timeout=_HEAD_START if left else None, return_when=asyncio.FIRST_COMPLETED)
            if (found := next((task for task in trying if task.done() and not task.exception()), None)) is not None:
                trying.remove(found)
                return found.result()
            if not left and all(task.done() for task in trying):
                return trying[0].result()  # raises
    finally:
        for task in trying:
            task.cancel()
            task.add_done_callback(_close)


async def _connected(address: Found, prepare: Callable[[socket.socket], None]) -> socket.socket:
    family, kind, protocol, _, where = address
    made = socket.socket(family, kind, protocol)
    try:
        made.setblocking(False)
        prepare(made)
        await asyncio.get_running_loop().sock_connect(made, where)
    except BaseException:
        made.close()
        raise
    return made


def _close(connecting: "asyncio.Task[socket.socket]") -> None:
    """Of one that another was faster than."""
    if not connecting.cancelled():
        with contextlib.suppress(OSError):
            connecting.result().close()
