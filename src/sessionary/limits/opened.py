"""Where a gateway's counters are: beside the store in PostgreSQL, else in a file of their own. Blocking."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from sessionary.limits import counters
from sessionary.limits.before import Stored
from sessionary.limits.counters import Counters
from sessionary.settings import Settings
from sessionary.store.engine import open_engine


def open_counters(settings: Settings, store: sa.Engine, alive: Callable[[str], bool | None]) -> Counters:
    """`alive`: see Counters."""
    return Counters(open_database(settings), Stored(store), alive)


def open_database(settings: Settings) -> sa.Engine:
    if settings.database_url.startswith("sqlite"):
        return open_engine(f"sqlite:///{Path(settings.data_dir).resolve() / 'limits.db'}")
    return open_engine(settings.database_url)


def prepare(settings: Settings) -> None:
    """Makes the counters' tables where they are not there."""
    engine = open_database(settings)
    try:
        counters.prepare(engine)
    finally:
        engine.dispose()
