"""`sessionary serve`: one parent that binds the port and starts the others, N workers, and one drain.

The parent does what must be done once (migrations, master key, socket), forks, and watches. Each child holds
the read end of a pipe, its lifeline: when the parent is gone, however it went, the pipe closes and the child
ends in good order. The drain outlives the workers, so that what they recorded last is stored.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

from sessionary import metrics
from sessionary.errors import SettingsError
from sessionary.providers.routing import Router
from sessionary.settings import Settings

log = logging.getLogger("sessionary")
GRACE = 25.0
"""Seconds that calls in flight have to finish when the server is told to stop."""


def master_key(settings: Settings) -> tuple[str, bool]:
    """The key, and whether it was made just now. Raises SettingsError."""
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
    from sessionary.store.migrate import upgrade

    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.data_dir / "spool").mkdir(exist_ok=True, mode=0o700)
    upgrade(settings.database_url)
    return *master_key(settings), default_project(settings)


def default_project(settings: Settings) -> int:
    """Where calls with the master key go. Asked for once: a worker that is started again must not need the store."""
    from sessionary.store import keys
    from sessionary.store.engine import open_engine

    engine = open_engine(settings.database_url)
    try:
        return keys.ensure_project(engine, "default")
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
    sock.listen(2048)
    sock.set_inheritable(True)
    return sock


def serve(settings: Settings, environ: Mapping[str, str], ready: Callable[[str, str, bool], None]) -> int:
    """Until SIGINT or SIGTERM; returns the exit status. `ready` is told (base URL, master key, made just now)."""
    Router(settings, environ)  # says what is wrong with the models before anything is started
    key, made, project = prepare(settings)
    metrics.prepare(settings.data_dir / "metrics")
    sock = bind(settings)

    fork = multiprocessing.get_context("fork")
    worker_line = os.pipe()
    drain_line = os.pipe()
    started = [fork.Event() for _ in range(settings.workers)]

    def start_worker(n: int) -> BaseProcess:
        args = (settings, key, project, dict(environ), sock, worker_line, drain_line, started[n])
        process = fork.Process(target=_worker, args=args, name=f"worker-{n + 1}")
        process.start()
        return process

    def start_drain() -> BaseProcess:
        process = fork.Process(target=_drain, args=(settings, drain_line, worker_line), name="drain")
        process.start()
        return process

    stop: list[int] = []
    drain = start_drain()
    workers = [start_worker(n) for n in range(settings.workers)]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda n, frame: stop.append(n))
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
    os.close(worker_line[1])
    for worker in workers:
        worker.join(GRACE + 5)
    os.close(drain_line[1])
    drain.join(GRACE)
    for process in (*workers, drain):
        if process.is_alive():
            log.error("%s did not end in time", process.name)
            process.kill()
            status = 1
    return status


def _worker(
    settings: Settings,
    key: str,
    project: int,
    environ: Mapping[str, str],
    sock: socket.socket,
    mine: tuple[int, int],
    other: tuple[int, int],
    started: Event,
) -> None:
    import uvicorn
    import uvloop

    from sessionary.app import Worker

    for fd in (mine[1], *other):
        os.close(fd)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    worker = Worker(settings, key, project, environ)
    config = uvicorn.Config(
        worker.app,
        http="httptools",
        loop="none",
        ws="websockets-sansio",
        ws_max_size=settings.max_body,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(GRACE),
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Server(config)

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def parent_gone() -> None:
            loop.remove_reader(mine[0])
            server.should_exit = True

        loop.add_reader(mine[0], parent_gone)
        await server._serve([sock])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def _drain(settings: Settings, mine: tuple[int, int], other: tuple[int, int]) -> None:
    from sessionary.app import build_drain
    from sessionary.drain.loop import run

    for fd in (mine[1], *other):
        os.close(fd)
    with contextlib.suppress(OSError):
        os.nice(5)  # the relay goes first
    run(build_drain(settings), settings.data_dir / "spool", mine[0])


def configure_logging(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s  %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
