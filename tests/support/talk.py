"""A client on a bare socket, which sends what it is told and reads when it is told to; and where bytes are meanwhile.

with Talk(server.port) as talk:
    talk.ask("/v1/chat/completions", {...})
    status, headers = talk.head()
    talk.until(b"first words")
    body = talk.rest()
"""

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.server import MASTER_KEY, wait_for


class Talk:
    def __init__(self, port: int, *, buffer: int | None = None) -> None:
        """`buffer`: bytes that the system keeps for it (it takes twice as much)."""
        self.socket = socket.socket()
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(20)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self.raw = bytearray()
        """All that has come."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def ask(self, path: str, body: Any, headers: dict[str, str] | None = None) -> None:
        self.send(request(path, json.dumps(body).encode(), headers))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def take(self, most: int = 65536) -> bytes:
        """What is there next; b"" at the end."""
        data = self.socket.recv(most)
        self.raw += data
        return data

    def until(self, text: bytes) -> None:
        while text not in self.raw:
            assert self.take(), f"ended before {text!r}: {bytes(self.raw[-500:])!r}"

    def head(self) -> tuple[int, dict[str, str]]:
        self.until(b"\r\n\r\n")
        first, *lines = self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        named = (line.partition(":") for line in lines)
        return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in named}

    def rest(self) -> bytes:
        """The answer's body, read to its end."""
        _, headers = self.head()
        if "content-length" in headers:
            size = self.raw.index(b"\r\n\r\n") + 4 + int(headers["content-length"])
            while len(self.raw) < size:
                assert self.take(), "the answer broke off"
            return self.body
        while not self.raw.endswith(b"\r\n0\r\n\r\n"):
            assert self.take(), "the answer broke off"
        return unchunked(self.body)

    @property
    def body(self) -> bytes:
        return bytes(self.raw).partition(b"\r\n\r\n")[2]


def request(path: str, body: bytes, headers: dict[str, str] | None = None, *, method: str = "POST") -> bytes:
    """A whole request, or with headers that say otherwise the beginning of one."""
    named = {"host": "gateway", "authorization": f"Bearer {MASTER_KEY}", "content-type": "application/json"}
    named |= {"content-length": str(len(body))} | (headers or {})
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items() if value)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def unchunked(raw: bytes) -> bytes:
    parts, at = [], 0
    while at < len(raw):
        end = raw.index(b"\r\n", at)
        size = int(raw[at:end], 16)
        parts.append(raw[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return b"".join(parts)


def texts(events: bytes) -> str:
    """What a stream of chat completions said."""
    chunks = [json.loads(line[6:]) for line in events.split(b"\n\n") if line.startswith(b"data: {")]
    return "".join(choice["delta"].get("content") or "" for c in chunks for choice in c.get("choices", ()))


@dataclass(frozen=True)
class Connection:
    """One end of a connection on loopback, as the kernel has it. Queues are bytes; `timer` 2 is keep-alive's."""

    port: int
    peer: int
    unsent: int
    unread: int
    timer: int


def connections() -> list[Connection]:
    """The established ones of this network."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "01":
            unsent, unread = (int(size, 16) for size in fields[4].split(":"))
            ports = (int(end.split(":")[1], 16) for end in fields[1:3])
            found.append(Connection(*ports, unsent, unread, int(fields[5].split(":")[0], 16)))
    return found


def workers(parent: int) -> list[int]:
    """Process ids of a gateway's workers, in the order of their start: its children that let no others go first."""
    wait_for(lambda: reader(parent) and drain(parent), 10, "the others")
    return [pid for pid in _children(parent) if _niceness(pid) == _niceness(parent)]


def reader(parent: int) -> int | None:
    """The process id of the one that answers who reads; None before it lets others go first."""
    return next((pid for pid in _children(parent) if _niceness(pid) == _niceness(parent) + 3), None)


def drain(parent: int) -> int | None:
    """The process id of a gateway's drain; None before it lets others go first."""
    return next((pid for pid in _children(parent) if _niceness(pid) == _niceness(parent) + 5), None)


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _niceness(pid: int) -> int:
    """Below all that there are where the process has ended meanwhile."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16])
    except (FileNotFoundError, ProcessLookupError):
        return -21


def resident(pid: int, name: str = "VmRSS") -> int:
    """Bytes of memory; `VmHWM`: the most it ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{name}:"))
