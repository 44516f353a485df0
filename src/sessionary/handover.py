"""Connections that change their process: calls are relayed by workers, and what people and programs read is answered by
another one, so that no call waits for it.

Whoever accepts a connection looks at the line that a request begins with, and hands the connection on, with what has
come on it so far, where another process is to answer. Nothing is passed through: from then on it is the other's, until
a request that is not for that one comes. A request whose first line is not whole yet, or with very much behind it, is
answered where it is; so is one that the other side has no room for.
"""

import contextlib
import re
import socket

_READING = re.compile(rb"(?:GET|HEAD) /(?:ui|api)[/? ](?!models[/? ])")
"""Pages, and the API over what is stored. What is changed there is changed by a worker, whose calls see it at once; how
providers are doing is known by who asks them."""
_MOST = 64 * 1024
"""Bytes that a connection is handed on with."""


class Handover:
    """One side's end, made before its processes are forked and theirs in common: one of them takes each connection."""

    def __init__(self, *, reads: bool, to: socket.socket, taken: socket.socket) -> None:
        """`reads`: whether it is the side that answers who reads."""
        self.reads = reads
        self._to = to
        self._taken = taken

    def is_theirs(self, data: bytes) -> bool:
        """Whether a request that begins with it is for the other side to answer."""
        return (_READING.match(data) is not None) is not self.reads and len(data) <= _MOST

    def give(self, data: bytes, connection: int) -> bool:
        """Whether a connection, by its file, on which `data` has come is the other side's now. Then it is to be closed
        here, without a word."""
        try:
            socket.send_fds(self._to, [data], [connection])
        except OSError:
            return False
        return True

    def fileno(self) -> int:
        """Can be read when there is something to take."""
        return self._taken.fileno()

    def take(self) -> tuple[bytes, socket.socket] | None:
        """What a request begins with, and its connection; None where another process was quicker, or this one may have
        no more files open, which ends the connection."""
        try:
            data, files, _, _ = socket.recv_fds(self._taken, _MOST, 1)
        except BlockingIOError:
            return None
        if not files:
            return None
        connection = socket.socket(fileno=files[0])
        connection.setblocking(False)
        return data, connection

    def close(self) -> None:
        for end in (self._to, self._taken):
            with contextlib.suppress(OSError):
                end.close()


def handovers() -> tuple[Handover, Handover]:
    """The ends of those who relay, and of the one who reads."""
    to_relay, to_reader = _way(), _way()
    return (
        Handover(reads=False, to=to_reader[0], taken=to_relay[1]),
        Handover(reads=True, to=to_relay[0], taken=to_reader[1]),
    )


def _way() -> tuple[socket.socket, socket.socket]:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in ends:
        end.setblocking(False)
    return ends
