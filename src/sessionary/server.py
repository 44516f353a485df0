"""`sessionary serve`: one parent that binds the port and starts the others, N workers, and one drain.

The parent does what must be done once (migrations, master key, socket), forks, and watches. Each child holds
the read end of a pipe, its lifeline: when the parent is gone, however it went, the pipe closes and the child
ends in good order. The drain outlives the workers, so that what they recorded last is stored.
"""

import asyncio
import contextlib
import ipaddress
import logging
import multiprocessing
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

import msgspec

from sessionary import __version__, metrics
from sessionary.errors import SettingsError
from sessionary.providers.routing import Router
from sessionary.record.tails import Tails
from sessionary.redaction import Rule, compiled
from sessionary.settings import Settings
from sessionary.sockets import streams_allowed, watch

log = logging.getLogger("sessionary")
_SECRET = 16
"""Characters of a master key that is no guess."""
_KEPT = ("retention", "retention_contents", "retention_size", "redact_secrets", "log_unstored")
_HURRIED = 1.0
"""Seconds that the drain still has after a second signal."""
_AFTER_GRACE = 5.0
"""Seconds that processes have to end when nothing is answered any more."""


def master_key(settings: Settings) -> tuple[str, bool]:
    """The key, and whether it was made just now. Raises SettingsError, also where others can reach the gateway and its
    key is one that they could guess: that would be no authentication at all."""
    key, made = _master_key(settings)
    if len(key) < _SECRET and not _is_local(settings.host):
        raise SettingsError(
            f"others can reach {settings.host}, and the master key can be guessed: give it {_SECRET} characters or "
            "more, or leave it out, and one is made"
        )
    return key, made


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _master_key(settings: Settings) -> tuple[str, bool]:
    if settings.master_key:
        return settings.master_key, False
    path = settings.data_dir / "master.key"
    if path.exists():
        key = path.read_text().strip()
        if not key:
            raise SettingsError(f"{path} is empty: delete it, and a new master key is made")
        return key, False
    key = "sk-master-" + secrets.token_urlsafe(32)
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(key + "\n")
    return key, True


def prepare(settings: Settings) -> tuple[str, bool, int]:
    """Folder, database and master key, ready for use: the key, whether it was made just now, and its calls' project."""
    from sessionary.limits import opened
    from sessionary.store.migrate import upgrade

    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.data_dir / "spool").mkdir(exist_ok=True, mode=0o700)
    Tails(settings.data_dir / "watched").clear()
    upgrade(settings.database_url)
    opened.prepare(settings)
    return *master_key(settings), begun(settings)


def begun(settings: Settings) -> int:
    """The audit log has that the gateway starts, and what decides how long its records are kept. Where calls with the
    master key go: asked for once, for a worker that is started again must not need the store."""
    from sessionary.store import audit, keys
    from sessionary.store.engine import open_engine

    engine = open_engine(settings.database_url)
    try:
        kept = {name: getattr(settings, name) for name in _KEPT}
        audit.tell(engine, audit.GATEWAY, "gateway.start", "", version=__version__, **kept)
        return keys.ensure_project(engine, "default", audit.GATEWAY)
    finally:
        engine.dispose()


def bind(settings: Settings) -> socket.socket:
    """Raises SettingsError where the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
    except OSError as error:
        sock.close()
        raise SettingsError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error
    watch(sock, settings.client_timeout)
    sock.listen(2048)
    sock.set_inheritable(True)
    return sock


def serve(settings: Settings, environ: Mapping[str, str], ready: Callable[[str, str, bool], None]) -> int:
    """Until SIGINT or SIGTERM; returns the exit status. `ready` is told (base URL, master key, made just now)."""
    Router(settings, environ)  # says what is wrong with the models before anything is started
    stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda n, frame: stop.append(n))
    settings = _with_files(settings)
    key, made, project = prepare(settings)
    redact = compiled(settings)
    if redact:
        log.warning("what redaction finds is not kept: calls that go on from kept state are asked without it")
    metrics.prepare(settings.data_dir / "metrics")
    sock = bind(settings)

    fork = multiprocessing.get_context("fork")
    worker_line = os.pipe()
    drain_line = os.pipe()
    started = [fork.Event() for _ in range(settings.workers)]

    def start_worker(n: int) -> BaseProcess:
        args = (settings, key, project, dict(environ), redact, sock, worker_line, drain_line, started[n])
        process = fork.Process(target=_worker, args=args, name=f"worker-{n + 1}")
        process.start()
        return process

    def start_drain() -> BaseProcess:
        process = fork.Process(target=_drain, args=(settings, sock, drain_line, worker_line), name="drain")
        process.start()
        return process

    drain = start_drain()
    workers = [start_worker(n) for n in range(settings.workers)]
    announced = False
    restarts: list[float] = []
    status = 0
    while not stop:
        if not announced and all(event.is_set() for event in started):
            announced = True
            host, port = sock.getsockname()[:2]
            ready(f"http://{host if ':' not in host else f'[{host}]'}:{port}", key, made)
        for n, worker in enumerate(workers):
            if not worker.is_alive():
                log.error("%s ended with %s; starting it again", worker.name, worker.exitcode)
                metrics.gone(settings.data_dir / "metrics", worker.pid or 0)
                restarts.append(time.monotonic())
                workers[n] = start_worker(n)
        if not drain.is_alive():
            log.error("the drain ended with %s; starting it again", drain.exitcode)
            restarts.append(time.monotonic())
            drain = start_drain()
        restarts = [t for t in restarts if t > time.monotonic() - 60]
        if len(restarts) > 10:
            log.error("too many restarts within a minute: giving up")
            status = 1
            break
        time.sleep(0.02 if not announced else 0.2)
    sock.close()  # with the workers' and the drain's: who comes now is refused, not left to wait
    return max(status, _stop(settings, workers, worker_line, drain, drain_line, stop))


def _stop(
    settings: Settings,
    workers: list[BaseProcess],
    worker_line: tuple[int, int],
    drain: BaseProcess,
    drain_line: tuple[int, int],
    stop: Sequence[int],
) -> int:
    """Workers first, then the drain. A second signal in `stop` says not to wait. Returns the exit status."""
    status = 0
    end = time.monotonic() + settings.grace
    os.close(worker_line[1])
    if not _ended(workers, end + _AFTER_GRACE, stop):
        for worker in workers:
            if worker.pid is not None and worker.is_alive():
                os.kill(worker.pid, signal.SIGUSR1)
        _ended(workers, time.monotonic() + _AFTER_GRACE)
    for worker in workers:
        if worker.is_alive():
            log.error("%s did not end in time", worker.name)
            worker.kill()
            status = 1
    os.close(drain_line[1])
    in_time = _ended([drain], max(end, time.monotonic() + _AFTER_GRACE), stop)
    if not in_time and not _ended([drain], time.monotonic() + _HURRIED):
        log.warning("not all is stored: what is left in the spool is stored at the next start")
        drain.kill()
    return status


def _ended(processes: list[BaseProcess], deadline: float, stop: Sequence[int] = ()) -> bool:
    """Whether all have ended by then, or before a second signal that says to stop."""
    while any(process.is_alive() for process in processes):
        if time.monotonic() > deadline or len(stop) > 1:
            return False
        time.sleep(0.02)
    return True


def _with_files(settings: Settings) -> Settings:
    """No more streams than there may be files open for."""
    allowed = streams_allowed(settings.streams)
    if allowed < settings.streams:
        log.warning(
            "open files are limited to fewer than %d streams need (ulimit -n): more than %d at a time are refused",
            settings.streams,
            allowed,
        )
    return msgspec.structs.replace(settings, streams=allowed)


def _worker(
    settings: Settings,
    key: str,
    project: int,
    environ: Mapping[str, str],
    redact: Sequence[Rule],
    sock: socket.socket,
    mine: tuple[int, int],
    other: tuple[int, int],
    started: Event,
) -> None:
    import uvloop

    from sessionary import serving
    from sessionary.app.worker import Worker

    for fd in (mine[1], *other):
        os.close(fd)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    worker = Worker(settings, key, project, environ, redact)
    server = serving.Server(
        serving.config(worker.app, settings), settings.grace, lambda: worker.capacity.calls > 0, started.set
    )

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def parent_gone() -> None:
            loop.remove_reader(mine[0])
            worker.leaving.set()
            server.should_exit = True

        loop.add_reader(mine[0], parent_gone)
        loop.add_signal_handler(signal.SIGUSR1, server.hurry)
        await server._serve([sock])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def _drain(settings: Settings, sock: socket.socket, mine: tuple[int, int], other: tuple[int, int]) -> None:
    from sessionary.app.drain import build_drain
    from sessionary.drain.loop import run

    for fd in (mine[1], *other):
        os.close(fd)
    sock.close()
    with contextlib.suppress(OSError):
        os.nice(5)  # the relay goes first
    run(build_drain(settings), settings.data_dir / "spool", mine[0])


def configure_logging(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s  %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
