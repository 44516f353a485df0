"""Checks of what is kept: database, spool, disk, and the clock that it was written by."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from sessionary.doctor.finding import Finding, fail, ok, size, warn
from sessionary.errors import SettingsError
from sessionary.limits import presence
from sessionary.limits.schema import writers
from sessionary.settings import Settings
from sessionary.spool.frame import Damage
from sessionary.spool.reader import Cursor, Reader
from sessionary.store import keys, schema
from sessionary.store.engine import WRITTEN, address, narrow_encoding, open_engine, took_too_long
from sessionary.store.migrate import HEAD, MADE_BY, UNFINISHED, version
from sessionary.store.replica import Replica
from sessionary.store.trouble import Trouble, trouble

_FULL, _LITTLE = 100 << 20, 1 << 30
"""Bytes of free space that are too few, and few."""
_BACKLOG = 1 << 30
_LOOKED_AT = 1 << 30
"""Bytes of the spool that are read, at most."""
_PATIENCE = 20.0
"""Seconds that the database's own check may take."""
_FOLLOWING = 5.0
"""Seconds in which a replica must have got what the database had when it was asked."""
_AHEAD = 60.0
"""Seconds by which the newest call may be ahead of the clock."""


def disk(settings: Settings) -> Iterator[Finding]:
    there = next(
        path for path in (settings.data_dir.absolute(), *settings.data_dir.absolute().parents) if path.exists()
    )
    free = shutil.disk_usage(there).free
    if free < _FULL:
        yield fail("disk", f"{size(free)} are free", "make room: calls will not be recorded")
    elif free < _LITTLE:
        yield warn("disk", f"{size(free)} are free", "make room, or set retention_size")
    else:
        yield ok("disk", f"{size(free)} are free")


def database(settings: Settings) -> Iterator[Finding]:
    try:
        url = address(settings.database_url)
    except SettingsError:
        yield fail("database", "its address is not valid", WRITTEN)
        return
    sqlite = url.get_backend_name() == "sqlite"
    path = Path(url.database or "")
    where = str(path) if sqlite else f"PostgreSQL, {url.database} on {url.host or 'this machine'}"
    if sqlite and not path.exists():
        yield ok("database", f"{path} is made at the first start")
        return
    if sqlite and not os.access(path, os.R_OK | os.W_OK):
        yield fail("database", f"{path} cannot be written", "give it to the user who serves")
        return
    try:
        engine = open_engine(settings.database_url, patience=_PATIENCE)
    except SettingsError as error:
        yield fail("database", error.message, "install it, or correct the address")
        return
    try:
        yield from _database(engine, where, settings.data_dir)
    except sa.exc.SQLAlchemyError as error:
        strange = Trouble(f"is not as it was made ({error.__class__.__name__})", "bring back a copy of it")
        found = trouble(error) or strange
        yield fail("database", f"{where}: {found.said}", found.do)
    finally:
        engine.dispose()


def replica(settings: Settings) -> Iterator[Finding]:
    """Nothing where none is set."""
    if settings.database_replica is None:
        return
    try:
        url = address(settings.database_replica)
        following = Replica(settings.database_replica, settings.database_url, patience=_PATIENCE)
    except SettingsError:
        yield fail("replica", "its address cannot be used", "write it as that of database: postgresql://…")
        return
    where = f"{url.database} on {url.host or 'this machine'}"
    until = time.monotonic() + _FOLLOWING
    following.look()
    while following.state == "unknown" and time.monotonic() < until:  # it is told what it must have, and then has it
        time.sleep(0.1)
        following.look()
    lag = following.lag or 0.0
    do = "pages read the database itself meanwhile"
    if following.state == "read":
        yield ok("replica", f"{where}: follows, {lag:.1f} s behind")
    elif following.state == "away":
        yield warn("replica", f"{where}: cannot be reached, or refuses", f"look whether it runs; {do}")
    elif following.state == "none":
        yield fail("replica", f"{where}: follows nobody", "set database_replica to a streaming replica of database")
    else:
        yield warn("replica", f"{where}: does not keep up", f"look at its log and at the network; {do}")
    following.close()


def _database(engine: sa.Engine, where: str, folder: Path) -> Iterator[Finding]:
    with engine.connect() as connection:
        encoding = narrow_encoding(connection)
    if encoding is not None:
        yield fail(
            "database", f"{where}: its encoding is {encoding}, which has not every letter", f"make one by {MADE_BY}"
        )
        return
    found = version(engine)
    if found == UNFINISHED:
        yield fail("database", f"{where}: is a copy that is not finished", "run `sessionary migrate` again")
        return
    if found is not None and found > HEAD:
        yield fail("database", f"was made by a newer Sessionary (schema {found}, ours {HEAD})", "install that one")
        return
    _try_tables(engine)
    if found is None:
        yield ok("database", f"{where}: empty; its tables are made at the first start")
        return
    if found < HEAD:
        yield warn("database", f"has schema {found}", f"copy it: the next start brings it to {HEAD}, and never back")
        return
    with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection:
        connection.execute(sa.update(schema.keys).where(sa.false()).values(name=""))
        connection.rollback()
    yield from _sound(engine, where)
    valid = len(keys.load_all(engine))
    yield ok("keys", f"{valid} valid besides the master key")
    with engine.connect() as connection:
        newest = connection.scalar(sa.select(sa.func.max(schema.calls.c.created_at)))
    yield clock(newest, time.time())
    yield from _gateways(engine, folder)


def _try_tables(engine: sa.Engine) -> None:
    """As a start needs it, and every few weeks. Nobody sees it, and it is not kept."""
    with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection:
        connection.exec_driver_sql("CREATE TABLE sessionary_doctor (tried integer)")
        connection.rollback()


def _gateways(engine: sa.Engine, folder: Path) -> Iterator[Finding]:
    """Others on this database that are not heard of."""
    if not sa.inspect(engine).has_table(writers.name):  # none has ever been started, or it is SQLite
        return
    path = folder / "gateway.id"
    own = path.read_text("utf-8").strip() if os.access(path, os.R_OK) else ""
    for other in presence.away(engine, own, int(time.time() * 1e6)):
        since = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(other.seen_at / 1e6))
        yield warn(
            "gateways",
            f"nothing is heard of {other.gateway} since {since}; {other.live} calls of it are shown as live",
            "start it again on its data folder, whose gateway.id says so: it stores what is there; if that is lost, "
            f"`sessionary gateways --lost {other.gateway}`",
        )


def _sound(engine: sa.Engine, where: str) -> Iterator[Finding]:
    if engine.dialect.name != "sqlite":
        with engine.connect() as connection:
            server = connection.exec_driver_sql("SHOW server_version").scalar()
        yield ok("database", f"{where}, version {server}")
        return
    try:
        with engine.connect() as connection:
            problem = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    except sa.exc.OperationalError as error:
        if not took_too_long(error):
            raise
        yield ok("database", f"{where}: writable; too large to be checked whole in {_PATIENCE:g} s")
        return
    if problem == "ok":
        yield ok("database", f"{where}: sound and writable")
    else:
        yield fail("database", f"{where}: is damaged", "stop the gateway, and bring back a copy, or try `.recover`")


def clock(newest: int | None, now: float) -> Finding:
    """`newest`: when the newest call began, in microseconds since 1970; `now`: in seconds."""
    ahead = (newest or 0) / 1e6 - now
    if ahead > _AHEAD:
        return warn("clock", f"the newest call is {ahead:.0f} s ahead of it", "set the clock, and keep it so with NTP")
    return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now)))


def spool(settings: Settings, *, served: bool) -> Iterator[Finding]:
    """`served`: whether a server runs, whose drain takes care of what was left."""
    root = settings.data_dir / "spool"
    reader = Reader(root)
    waiting = dead = records = damaged = 0
    try:
        for writer in reader.writers():
            alive = reader.alive(writer)
            dead += not alive
            waiting += reader.size(writer)
            found, broken = _frames(reader, writer, alive=alive)
            records, damaged = records + found, damaged + broken
        left = len(reader.leftovers(time.time()))
    except FileNotFoundError:  # a server is at work
        yield ok("spool", "is being stored just now")
        return
    except OSError as error:
        yield fail("spool", f"{root} cannot be read: {error.strerror}", "let the user who serves read and write it")
        return
    said = f"{size(waiting)}, {records} records"
    if damaged:
        yield warn("spool", f"{said}; {damaged} places are damaged", "nothing: what is readable around them is stored")
    if dead and not served:
        yield warn("spool", f"{said}, of {dead} processes that ended", "start the gateway: it stores them")
    if waiting > min(_BACKLOG, (settings.spool_size or _BACKLOG) * 0.8):
        yield warn("spool", f"{said} wait to be stored", "see whether the database is fast enough, and can be reached")
    if left:
        yield ok("spool", f"{left} folders that nobody needs; the gateway removes them")
    if not damaged and (served or not dead):
        yield ok("spool", said if records or waiting else "empty")


def _frames(reader: Reader, writer: str, *, alive: bool) -> tuple[int, int]:
    """How many records, and how many places that are none."""
    records = damaged = looked_at = 0
    cursor, more = Cursor(), True
    while more and looked_at < _LOOKED_AT:
        chunk = reader.read(writer, cursor, alive=alive)
        for _, item in chunk.items:
            damaged += isinstance(item, Damage)
            records += not isinstance(item, Damage)
            looked_at += item.end - item.offset
        more = chunk.more and chunk.cursor != cursor
        cursor = chunk.cursor
    return records, damaged
