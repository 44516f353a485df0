"""What more than one kind of process is built of."""

import contextlib
import os
from pathlib import Path

import msgspec
import sqlalchemy as sa

from sessionary.auth import Principal
from sessionary.ids import uuid7
from sessionary.limits import opened
from sessionary.limits.counters import Counters
from sessionary.settings import Limits, Settings
from sessionary.spool.reader import Reader
from sessionary.store import keys
from sessionary.store.changes import Changes
from sessionary.store.replica import Replica


class Folder(msgspec.Struct, frozen=True):
    """The data folder's layout."""

    root: Path

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def master_key(self) -> Path:
        return self.root / "master.key"

    @property
    def cancelled(self) -> Path:
        return self.root / "cancelled"

    @property
    def watched(self) -> Path:
        return self.root / "watched"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics"

    def gateway(self) -> str:
        """The folder's id, under which the store has its ledger; made when it is first asked for."""
        path = self.root / "gateway.id"
        if not path.exists():
            whole = path.with_name(f"gateway.id.{os.getpid()}")
            whole.write_text(f"gw_{uuid7().hex()}\n")
            with contextlib.suppress(FileExistsError):
                os.link(whole, path)
            whole.unlink()
        return path.read_text().strip()


class StoredKeys:
    """The valid keys, as the store has them."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._changes = Changes(engine)
        self._loaded: tuple[int | None, dict[bytes, Principal]] = None, {}
        """And the version of the store that they are of, or one before."""

    def load(self) -> dict[bytes, Principal]:
        """Where nothing has changed in the store, those of the last time: they are asked for all the time."""
        version = self._changes.version()
        if version is None or version != self._loaded[0]:
            self._loaded = version, self._load()
        return self._loaded[1]

    def _load(self) -> dict[bytes, Principal]:
        return {
            row.hash: Principal(
                project=row.project,
                project_name=row.project_name,
                call_project=row.project,
                key_id=row.id,
                name=row.name,
                models=tuple(row.models) if row.models is not None else None,
                expires_at=row.expires_at,
                threading=row.threading,
                capture=row.capture,
                limits=msgspec.convert(row.limits, Limits) if row.limits else None,
            )
            for row in keys.load_all(self._engine)
        }


def replica(settings: Settings, patience: float | None = None) -> Replica | None:
    """The one that pages read, where there is one. `patience`: as for `open_engine`."""
    if settings.database_replica is None:
        return None
    return Replica(settings.database_replica, settings.database_url, patience=patience)


def counters(settings: Settings, engine: sa.Engine) -> Counters:
    spool = Folder(settings.data_dir).spool
    reader = Reader(spool)

    def alive(writer: str) -> bool | None:
        return reader.alive(writer) if (spool / writer).exists() else None

    return opened.open_counters(settings, engine, alive)
