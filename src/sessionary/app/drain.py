"""The drain."""

import os

import sqlalchemy as sa

from sessionary.app.parts import Folder, counters
from sessionary.drain.drain import Drain
from sessionary.drain.settling import Settling
from sessionary.drain.tracing import Tracing
from sessionary.metrics import Metrics
from sessionary.settings import Settings
from sessionary.store.engine import open_engine
from sessionary.store.retention import Retention
from sessionary.traces.asked import asked


def build_drain(settings: Settings, gateway: str | None = None) -> Drain:
    """`gateway`: another one's id than that of the data folder."""
    folder, engine, metrics = Folder(settings.data_dir), open_engine(settings.database_url), Metrics()
    settling = Settling(counters(settings, engine), metrics)
    window = int(settings.threading_window * 86_400_000_000)
    keep = Retention(settings.retention, settings.retention_contents, settings.retention_size)
    gateway = gateway or folder.gateway()
    tracing = _tracing(settings, engine, gateway, metrics)
    return Drain(folder.spool, engine, metrics, keep, window, gateway, settling, tracing=tracing)


def _tracing(settings: Settings, engine: sa.Engine, gateway: str, metrics: Metrics) -> Tracing | None:
    """Where nobody wants spans, nothing of what makes them is imported."""
    target = asked(settings, os.environ)
    if target is None:
        return None
    from sessionary.demo.stage import KEYS
    from sessionary.traces.export import Export

    return Tracing(engine, Export(target, gateway, metrics), KEYS)
