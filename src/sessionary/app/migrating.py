"""`sessionary migrate`: apart from what else the command line does, for it needs what speaks to PostgreSQL."""

import contextlib
from pathlib import Path

import msgspec
import sqlalchemy as sa

from sessionary.app.parts import Folder
from sessionary.migrating import copying
from sessionary.migrating.source import File, Source, unserved
from sessionary.migrating.target import Target
from sessionary.settings import Settings
from sessionary.store.audit import COMMAND, Actor


def run_migrate(settings: Settings, to: str, told: copying.Told, by: Actor = COMMAND) -> copying.Report:
    """Copies the data folder's SQLite database and limits to an empty PostgreSQL. Raises migrating.Refused."""
    folder = Folder(settings.data_dir)
    if not settings.database_url.startswith("sqlite"):  # it may be configured already
        settings = msgspec.structs.replace(settings, database=None)
    limits = folder.root / "limits.db"
    with contextlib.ExitStack() as stack:
        stack.enter_context(unserved(folder.spool))
        store = stack.enter_context(contextlib.closing(File(Path(sa.make_url(settings.database_url).database or ""))))
        counted = stack.enter_context(contextlib.closing(File(limits))) if limits.exists() else None
        target = stack.enter_context(contextlib.closing(Target(to)))
        return copying.Copying(Source(store, counted, folder.gateway()), target, told).run(by)
