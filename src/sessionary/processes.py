"""The processes that `server` starts, and starts again where they end: N workers, one that answers who reads, and one
drain.

The one that answers who reads, the reader, is a worker that accepts nothing: workers hand it the connections that are
for it. It has no part in the spool until it has to record a call after all.

Each holds the read end of a pipe, its lifeline: when the parent is gone, however it went, the pipe closes and the child
ends in good order. The drain outlives the workers, so that what they recorded last is stored.

What more than one of them needs is imported here, before they are forked: so they have it at once, and its memory in
common.
"""

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing import connection
from multiprocessing.process import BaseProcess

import uvloop

from sessionary import metrics
from sessionary.app.worker import Worker
from sessionary.bell import Bell
from sessionary.handover import Handover, handovers
from sessionary.serving.server import Server, config
from sessionary.settings import Settings

log = logging.getLogger("sessionary")
_MINUTE = 60.0
_READS, _STORES = 3, 5
"""Niceness of who answers readers, and of the drain: the relay goes first."""
_HURRIED = 1.0
"""Seconds that the drain still has after a second signal."""
_SWITCH = 0.0005
"""Seconds that a thread which reads for a page runs on while the loop waits for its turn: calls come first."""
_AFTER_GRACE = 5.0
"""Seconds that processes have to end when nothing is answered any more."""
Build = Callable[[Callable[[], None], bool], Worker]
"""Of what a worker tells that it has recorded something, and whether it is there for who reads."""


class Processes:
    def __init__(self, settings: Settings, sock: socket.socket, told: Bell, build: Build) -> None:
        """`told` is rung when a worker serves; `build` is called in each."""
        self._settings = settings
        self._sock = sock
        self._told = told
        self._build = build
        self._fork = multiprocessing.get_context("fork")
        self._worker_line = os.pipe()
        self._drain_line = os.pipe()
        self._recorded = Bell()
        self._relaying, self._reading = handovers()
        self._serving = [self._fork.Event() for _ in range(settings.workers)]
        self._restarts: list[float] = []
        gc.freeze()  # to look for garbage among what is shared would make copies of it
        self._workers = [self._start_worker(n) for n in range(settings.workers + 1)]
        """The last one answers who reads."""
        self._drain = self._start_drain()
        gc.enable()  # it was not while all that was imported

    def _start_worker(self, n: int) -> BaseProcess:
        def serves() -> None:
            if not reads:
                self._serving[n].set()
                self._told.ring()

        reads = n == self._settings.workers
        handover = self._reading if reads else self._relaying
        lines = (self._worker_line, self._drain_line)
        args = (self._settings, self._build, self._sock, handover, *lines, self._recorded, serves)
        process = self._fork.Process(target=_worker, args=args, name="reader" if reads else f"worker-{n + 1}")
        process.start()
        return process

    def _start_drain(self) -> BaseProcess:
        others = (self._sock, self._relaying, self._reading)
        args = (self._settings, others, self._drain_line, self._worker_line, self._recorded)
        process = self._fork.Process(target=_drain, args=args, name="drain")
        process.start()
        return process

    def serve(self) -> bool:
        """Whether all workers do."""
        return all(event.is_set() for event in self._serving)

    def revive(self) -> int:
        """Starts again those that have ended; how many that were within a minute."""
        for n, worker in enumerate(self._workers):
            if not worker.is_alive():
                log.error("%s ended with %s; starting it again", worker.name, worker.exitcode)
                metrics.gone(self._settings.data_dir / "metrics", worker.pid or 0)
                self._restarts.append(time.monotonic())
                self._workers[n] = self._start_worker(n)  # which rings: the drain ends the other's calls
        if not self._drain.is_alive():
            log.error("the drain ended with %s; starting it again", self._drain.exitcode)
            self._restarts.append(time.monotonic())
            self._drain = self._start_drain()
        self._restarts = [at for at in self._restarts if at > time.monotonic() - _MINUTE]
        return len(self._restarts)

    def wait(self) -> None:
        """Until one of them ends, or `told` has rung."""
        self._wait([*self._workers, self._drain])

    def _wait(self, processes: Sequence[BaseProcess], seconds: float | None = None) -> None:
        connection.wait([self._told.fileno(), *(process.sentinel for process in processes)], seconds)

    def stop(self, stop: Sequence[int]) -> int:
        """Workers first, then the drain. A second signal in `stop` says not to wait. Returns the exit status."""
        status = 0
        end = time.monotonic() + self._settings.grace
        os.close(self._worker_line[1])
        if not self._ended(self._workers, end + _AFTER_GRACE, stop):
            for worker in self._workers:
                if worker.pid is not None and worker.is_alive():
                    os.kill(worker.pid, signal.SIGUSR1)
            self._ended(self._workers, time.monotonic() + _AFTER_GRACE)
        for worker in self._workers:
            if worker.is_alive():
                log.error("%s did not end in time", worker.name)
                worker.kill()
                status = 1
        os.close(self._drain_line[1])
        in_time = self._ended([self._drain], max(end, time.monotonic() + _AFTER_GRACE), stop)
        if not in_time and not self._ended([self._drain], time.monotonic() + _HURRIED):
            log.warning("not all is stored: what is left in the spool is stored at the next start")
            self._drain.kill()
        return status

    def _ended(self, processes: Sequence[BaseProcess], deadline: float, stop: Sequence[int] = ()) -> bool:
        """Whether all have ended by then, or before a second signal that says to stop."""
        while alive := [process for process in processes if process.is_alive()]:
            self._told.listen()
            left = deadline - time.monotonic()
            if left < 0 or len(stop) > 1:
                return False
            self._wait(alive, left)
        return True


def _worker(
    settings: Settings,
    build: Build,
    sock: socket.socket,
    handover: Handover,
    mine: tuple[int, int],
    other: tuple[int, int],
    recorded: Bell,
    serves: Callable[[], None],
) -> None:
    gc.enable()
    sys.setswitchinterval(_SWITCH)
    for fd in (mine[1], *other):
        os.close(fd)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    sockets = [sock]
    if handover.reads:
        sock.close()
        sockets = []
        _gives_way(_READS)
    worker = build(recorded.ring, handover.reads)
    server = Server(
        config(worker.app, handover, settings), handover, settings.grace, lambda: worker.capacity.calls > 0, serves
    )

    async def until_parent_is_gone() -> None:
        loop = asyncio.get_running_loop()

        def parent_gone() -> None:
            loop.remove_reader(mine[0])
            worker.leaving.set()
            server.leave()

        loop.add_reader(mine[0], parent_gone)
        loop.add_signal_handler(signal.SIGUSR1, server.hurry)
        await server._serve(sockets)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_parent_is_gone())


def _drain(
    settings: Settings,
    others: Sequence[socket.socket | Handover],
    mine: tuple[int, int],
    other: tuple[int, int],
    recorded: Bell,
) -> None:
    from sessionary.app.drain import build_drain
    from sessionary.drain.loop import run

    gc.freeze()
    gc.enable()
    for fd in (mine[1], *other):
        os.close(fd)
    for each in others:
        each.close()
    _gives_way(_STORES)
    drain = build_drain(settings)
    run(drain, settings.data_dir / "spool", mine[0], recorded)
    drain.close()


def _gives_way(by: int) -> None:
    with contextlib.suppress(OSError):
        os.nice(by)
