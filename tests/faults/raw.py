"""A provider that does with its connection whatever it likes: below HTTP, byte by byte.

    with RawUpstream({"silent": lambda connection, request: connection.wait()}) as upstream:
        ...   # a request for the model `silent` finds nobody who answers

Which way of behaving a request meets, its model says, behind the last `/`. Every connection has a thread.
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    path: str
    json: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.json["model"]).rpartition("/")[2]


@dataclass
class Connection:
    """What a way of behaving has in its hands."""

    socket: socket.socket
    left: list[tuple[Asked, float]]
    """Which requests were let go of by the other side, and when."""
    asked: Asked | None = None

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def head(self, *lines: str, status: str = "200 OK") -> None:
        self.send("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1"))

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def wait(self) -> None:
        """Until the other side has had enough; notes that."""
        self.socket.settimeout(8)
        with contextlib.suppress(ConnectionError):
            if self.socket.recv(1):
                return
        self.let_go()

    def let_go(self) -> None:
        assert self.asked is not None
        self.left.append((self.asked, time.monotonic()))

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Behaviour = Callable[[Connection, Asked], None]
"""Returns when the connection may be used for another request; whoever wants no other closes it."""


class RawUpstream:
    def __init__(self, behaviours: Mapping[str, Behaviour]) -> None:
        self.asked: list[Asked] = []
        self.left: list[tuple[Asked, float]] = []
        self._behaviours = behaviours
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._open: set[socket.socket] = set()
        self.port = int(self._listener.getsockname()[1])

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                self._open.add(accepted)
                threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        connection = Connection(accepted, self.left)
        with contextlib.suppress(OSError), accepted:
            while (asked := _read(accepted)) is not None:
                self.asked.append(asked)
                connection.asked = asked
                self._behaviours[asked.name](connection, asked)
        self._open.discard(accepted)


def _read(accepted: socket.socket) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := accepted.recv(65536)):
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    named = dict(line.lower().split(": ", 1) for line in lines)
    while len(body) < int(named["content-length"]):
        body += accepted.recv(65536)
    return Asked(first.split(" ")[1], json.loads(body.decode("utf-8", "replace")))


@contextlib.contextmanager
def full_backlog() -> Any:
    """The port of a listener whose queue is full: who connects gets no answer at all."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port
