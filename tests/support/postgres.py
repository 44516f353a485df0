"""A PostgreSQL of the tests' own: a temporary cluster on a free loopback port, gone when the tests are.

    with running_postgres() as postgres:
        url = postgres.new_database()
        postgres.stop()
        postgres.start()
        with running_replica(postgres) as replica:          follows all of its databases, by streaming
            replica.caught_up()
        with running_pgbouncer(postgres) as through:        what a database's URL is by way of the pooler
            url = through(postgres.new_database())

`SESSIONARY_TEST_POSTGRES=postgresql://user:password@host/postgres` has the tests make their databases there instead.
"""

import contextlib
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.support.server import free_port, wait_for

_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "listen_addresses": "127.0.0.1",
}
P = TypeVar("P", bound="Postgres")


class Postgres:
    def __init__(self, address: str, control: Callable[..., None] | None = None) -> None:
        """`address`: the URL without the database's name. `control` runs pg_ctl with these arguments on the cluster;
        None: it is not ours to start and stop."""
        self._address = address
        self._control = control
        self._made = 0
        self.running = control is None

    def start(self) -> None:
        self._ours("-w", "start")
        self.running = True

    def stop(self, mode: str = "immediate") -> None:
        """`immediate`: as if it had been killed; `fast`: in good order."""
        self._ours("-m", mode, "-w", "stop")
        self.running = False

    def _ours(self, *args: str) -> None:
        assert self._control is not None, "this PostgreSQL was here before the tests"
        self._control(*args)

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True, application_name="tests") as connection:
            connection.execute(statement.encode())

    def ask(self, statement: str, database: str = "postgres") -> Any:
        """The first column of the first row."""
        with psycopg.connect(self.url(database), autocommit=True, application_name="tests") as connection:
            row = connection.execute(statement.encode()).fetchone()
            return row[0] if row else None

    def url(self, database: str) -> str:
        return f"{self._address}/{database}"

    def new_database(self, template: str = "template0", more: str = "") -> str:
        """The URL of a new, empty database; or of a copy of `template`, to which nobody may be connected. `more`: what
        it is made with, in SQL."""
        self._made += 1
        name = self._name(self._made)
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            parts = (sql.Identifier(name), sql.Identifier(template), sql.SQL(more))  # type: ignore[arg-type]
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy {}").format(*parts))
        return self.url(name)

    def drop(self, url: str) -> None:
        self._drop(url.rpartition("/")[2])

    def drop_all(self) -> None:
        for number in range(1, self._made + 1):
            self._drop(self._name(number))

    def _drop(self, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _name(self, number: int) -> str:
        return f"test_{os.getpid()}_{number}"


class Replica(Postgres):
    """Follows `primary`, whose databases it has, to be read."""

    def __init__(self, primary: Postgres, address: str, control: Callable[..., None]) -> None:
        super().__init__(address, control)
        self._primary = primary

    def caught_up(self) -> None:
        """Returns when it has all that the primary has committed by now."""
        here = self._primary.ask("SELECT pg_logical_emit_message(false, 'tests', 'here')")
        wait_for(lambda: self.ask(f"SELECT pg_last_wal_replay_lsn() >= '{here}'"), what="the replica catching up")

    def pause(self) -> None:
        """It goes on answering, and stays as it is."""
        self.run("SELECT pg_wal_replay_pause()")
        wait_for(lambda: self.ask("SELECT pg_get_wal_replay_pause_state()") == "paused", what="the pause")

    def resume(self) -> None:
        self.run("SELECT pg_wal_replay_resume()")

    def delay(self, time: str) -> None:
        """Whatever is committed is seen that much later."""
        self.run(f"ALTER SYSTEM SET recovery_min_apply_delay = '{time}'")
        self.run("SELECT pg_reload_conf()")


class _Folder:
    """A temporary one, in which the server's programs run as a user that they agree to be."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._as_root = os.geteuid() == 0  # which PostgreSQL and pgbouncer refuse to be
        self.give(root)

    def give(self, path: Path) -> None:
        if self._as_root:
            user = pwd.getpwnam("postgres")
            os.chown(path, user.pw_uid, user.pw_gid)

    def line(self, *command: str) -> list[str]:
        return ["runuser", "-u", "postgres", "--", *command] if self._as_root else list(command)

    def run(self, program: str, *args: str) -> None:
        line = self.line(str(_binaries() / program), *args)
        done = subprocess.run(line, cwd=self.root, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (line, done.stdout, done.stderr)

    def control(self, port: int, settings: Mapping[str, str]) -> Callable[..., None]:
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        options += f" -p {port} -k {self.root}"

        def control(*args: str) -> None:
            self.run("pg_ctl", "-D", str(self.root / "data"), "-o", options, "-l", str(self.root / "log"), *args)

        return control


def _binaries() -> Path:
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda p: int(p.split("/")[4]))
    on_path = shutil.which("postgres")
    assert found or on_path, "the tests need PostgreSQL's server: scripts/install_test_tools.sh installs it"
    return Path(found[-1] if found else on_path or "").parent


@contextlib.contextmanager
def _folder() -> Iterator[_Folder]:
    root = Path(tempfile.mkdtemp(prefix="sessionary-pg-"))
    try:
        yield _Folder(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextlib.contextmanager
def _running(postgres: P) -> Iterator[P]:
    postgres.start()
    try:
        yield postgres
    finally:
        if postgres.running:
            postgres.stop()


@contextlib.contextmanager
def running_postgres(*, ours: bool = False, **more: str) -> Iterator[Postgres]:
    """`ours`: one that may be stopped, whatever the environment says; `more`: its settings."""
    given = os.environ.get("SESSIONARY_TEST_POSTGRES", "")
    if given and not ours:
        theirs = Postgres(given.rpartition("/")[0])
        try:
            yield theirs
        finally:
            theirs.drop_all()
        return
    with _folder() as folder:
        data, port = str(folder.root / "data"), free_port()
        options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        folder.run("initdb", "-D", data, *options)
        control = folder.control(port, _SETTINGS | more)
        with _running(Postgres(f"postgresql://postgres@127.0.0.1:{port}", control)) as postgres:
            yield postgres


@contextlib.contextmanager
def running_replica(primary: Postgres, **more: str) -> Iterator[Replica]:
    """A standby that streams from `primary`, which must be the tests' own."""
    with _folder() as folder:
        port = free_port()
        folder.run("pg_basebackup", "-d", primary.url(""), "-D", str(folder.root / "data"), "-R", "-X", "stream", "-c",
                   "fast", "--no-sync")  # fmt: skip
        control = folder.control(port, _SETTINGS | more)
        with _running(Replica(primary, f"postgresql://postgres@127.0.0.1:{port}", control)) as replica:
            yield replica


@contextlib.contextmanager
def running_pgbouncer(postgres: Postgres, size: int = 4) -> Iterator[Callable[[str], str]]:
    """A pooler in front, which lends `size` connections of each database by the transaction."""
    server = urlsplit(postgres.url(""))
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "the tests need pgbouncer: scripts/install_test_tools.sh installs it"
    with _folder() as folder:
        port, config = free_port(), folder.root / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host={server.hostname} port={server.port} user={server.username}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {size}\nmax_client_conn = 200\n"
        )
        config.chmod(0o644)
        line = folder.line(program, "-q", str(config))
        with (folder.root / "log").open("wb") as log:
            process = subprocess.Popen(line, cwd=folder.root, stdout=log, stderr=log)
        try:
            wait_for(lambda: _listens(port), what="pgbouncer")
            yield lambda url: f"postgresql://postgres@127.0.0.1:{port}/{url.rpartition('/')[2]}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
