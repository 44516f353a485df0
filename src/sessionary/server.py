"""`sessionary serve`: one parent that binds the port and starts the others, N workers, and one drain.

The parent does what must be done once (migrations, master key, socket), forks (`processes`), and watches.
"""

import ipaddress
import logging
import multiprocessing
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import msgspec

from sessionary import __version__, auth, listening, metrics
from sessionary.app.parts import Folder
from sessionary.bell import Bell
from sessionary.errors import SettingsError
from sessionary.limits import opened, presence
from sessionary.providers.routing import Router
from sessionary.record.tails import Tails
from sessionary.redaction import compiled
from sessionary.settings import Settings
from sessionary.sockets import streams_allowed, watch
from sessionary.spool.reader import Reader
from sessionary.store import audit, keys
from sessionary.store.engine import address, open_engine
from sessionary.store.migrate import upgrade
from sessionary.traces import asked as traces

if TYPE_CHECKING:
    from sessionary.processes import Processes

log = logging.getLogger("sessionary")
_KEPT = ("retention", "retention_contents", "retention_size", "redact_secrets", "log_unstored")
_RESTARTS = 10
"""Within a minute, after which it is no use to try again."""


def master_key(settings: Settings) -> tuple[str, bool]:
    """The key, and whether it was made just now. Raises SettingsError, also where others can reach the gateway and its
    key is one that they could guess: that would be no authentication at all."""
    key, made = _master_key(settings)
    if auth.guessable(key):
        if not _is_local(settings.host):
            raise SettingsError(
                f"others can reach {settings.host}, and the master key can be guessed: give it {auth.LEAST} characters "
                "or more, or leave it out, and one is made"
            )
        log.warning("the master key is short and can be guessed: give it %d characters or more", auth.LEAST)
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


def prepare(settings: Settings, stopped: Callable[[], bool] = lambda: False) -> tuple[str, bool, int]:
    """Folder, database and master key, ready for use: the key, whether it was made just now, and its calls' project.
    `stopped`: whether nothing is to be waited for any more."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.data_dir / "spool").mkdir(exist_ok=True, mode=0o700)
    Tails(settings.data_dir / "watched").clear()
    shutil.rmtree(settings.data_dir / "cancelled", ignore_errors=True)  # no call of before runs any more
    _upgrade(settings.database_url)
    opened.prepare(settings)
    _alone(settings, stopped)
    return *master_key(settings), begun(settings)


def _upgrade(url: str) -> None:
    """By a process of its own, with whose end the memory that it takes is free. Meanwhile what serves is imported."""
    process = multiprocessing.get_context("fork").Process(target=_upgrades, args=(url,))
    process.start()
    import_module("sessionary.processes")
    process.join()
    if process.exitcode:
        upgrade(url)  # says what is wrong


def _upgrades(url: str) -> None:
    try:
        upgrade(url)
    except Exception:
        sys.exit(1)


def begun(settings: Settings) -> int:
    """The audit log has that the gateway starts, and what decides how long its records are kept. Where calls with the
    master key go: asked for once, for a worker that is started again must not need the store."""
    engine = open_engine(settings.database_url)
    try:
        kept = {name: getattr(settings, name) for name in _KEPT}
        audit.tell(engine, audit.GATEWAY, "gateway.start", "", version=__version__, **kept)
        return keys.ensure_project(engine, "default", audit.GATEWAY)
    finally:
        engine.dispose()


def _alone(settings: Settings, stopped: Callable[[], bool]) -> None:
    """Two gateways of one id would take each other's workers for dead. Raises SettingsError where there is another."""
    folder, engine = Folder(settings.data_dir), open_engine(settings.database_url)
    try:
        here = Reader(folder.spool).writers()
        if presence.is_elsewhere(engine, folder.gateway(), here, time.time_ns() // 1000, stopped):
            raise SettingsError(
                f"{settings.data_dir} is a copy, or was copied: a gateway of its id, {folder.gateway()}, serves "
                "elsewhere; stop that one, or give this one a folder of its own with --data-dir"
            )
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
    if settings.database_replica is not None:
        address(settings.database_replica, "replica")  # likewise
    of_spans, sent = traces.check(settings, environ)
    told = Bell()
    """Of a signal, or that a worker serves."""
    stop: list[int] = []

    def note(number: int, frame: object) -> None:
        stop.append(number)
        told.ring()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    settings = _with_files(settings)
    if (other := listening.answers(settings.data_dir)) is not None:
        raise SettingsError(
            f"{settings.data_dir} is served already, by a gateway on {other[0]}:{other[1]}: a folder is one gateway's;"
            " --data-dir gives this one another"
        )
    key, made, project = prepare(settings, lambda: bool(stop))
    redact = compiled(settings)
    if redact:
        log.warning("what redaction finds is not kept: calls that go on from kept state are asked without it")
    if of_spans:
        log.log(logging.INFO if sent else logging.WARNING, "%s", of_spans)
    metrics.prepare(settings.data_dir / "metrics")
    sock = bind(settings)

    from sessionary.app.worker import Worker
    from sessionary.processes import Processes

    def build(recorded: Callable[[], None], reads: bool) -> Worker:
        return Worker(settings, key, project, environ, redact, recorded, reads=reads)

    def announce() -> None:
        host, port = sock.getsockname()[:2]
        ready(f"http://{host if ':' not in host else f'[{host}]'}:{port}", key, made)

    with listening.at(settings.data_dir, *sock.getsockname()[:2]):
        processes = Processes(settings, sock, told, build)
        status = 1
        try:
            status = _run(processes, told, stop, announce)
        finally:  # whatever has happened here: they would go on for ever, and this process would wait for them
            sock.close()  # with the workers' and the drain's: who comes now is refused, not left to wait
            status = max(status, processes.stop(stop))
        return status


def _run(processes: "Processes", told: Bell, stop: list[int], announce: Callable[[], None]) -> int:
    """Keeps them running until there is a signal in `stop`; the exit status. `announce` is called once they serve."""
    announced = False
    while True:
        told.listen()
        if stop:
            return 0
        if not announced and processes.serve():
            announced = True
            announce()
        if processes.revive() > _RESTARTS:
            log.error("too many restarts within a minute: giving up")
            return 1
        processes.wait()


def _with_files(settings: Settings) -> Settings:
    """No more streams than there may be files open for."""
    allowed = streams_allowed(settings.streams)
    if allowed < settings.streams:
        asked = settings.streams != Settings().streams  # else it is as many as there may be
        log.log(
            logging.WARNING if asked else logging.INFO,
            "open files are limited to fewer than %d streams need (ulimit -n): more than %d at a time are refused",
            settings.streams,
            allowed,
        )
    return msgspec.structs.replace(settings, streams=allowed)


def configure_logging(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s  %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
