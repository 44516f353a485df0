"""Sockets whose peers may vanish without a word: no packet is answered, and none says goodbye."""

import resource
import socket

_SPARE_FILES = 256
"""Files that a process has open beside its streams: spool, database, pages, connections that wait."""
_FILES_A_STREAM = 2
"""The client's connection and the provider's."""


def watch(sock: socket.socket, seconds: float) -> None:
    """Has the kernel cut a connection whose peer is silent to its probes, or takes nothing, for so many seconds. Set on
    a socket that listens, it holds for what is accepted. Options that a system has not got are left out."""
    idle, between = max(1, int(seconds / 4)), max(1, int(seconds / 12))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", min(idle, 60)),
        ("TCP_KEEPINTVL", min(between, 20)),
        ("TCP_KEEPCNT", 4),
        ("TCP_USER_TIMEOUT", max(1, int(seconds * 1000))),
    ):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def files_needed(streams: int) -> int:
    """Open files of a process that answers so many calls at a time."""
    return streams * _FILES_A_STREAM + _SPARE_FILES


def streams_allowed(streams: int) -> int:
    """Raises the process's limit of open files as far as `streams` need and the system lets it; how many it is for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files_needed(streams)
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(streams, (soft - _SPARE_FILES) // _FILES_A_STREAM))
