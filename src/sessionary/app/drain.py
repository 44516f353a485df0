"""The drain."""

from sessionary.app.parts import Folder, counters
from sessionary.drain.drain import Drain
from sessionary.drain.settling import Settling
from sessionary.metrics import Metrics
from sessionary.settings import Settings
from sessionary.store.engine import open_engine
from sessionary.store.retention import Retention


def build_drain(settings: Settings, gateway: str | None = None) -> Drain:
    """`gateway`: another one's id than that of the data folder."""
    folder, engine, metrics = Folder(settings.data_dir), open_engine(settings.database_url), Metrics()
    settling = Settling(counters(settings, engine), metrics)
    window = int(settings.threading_window * 86_400_000_000)
    keep = Retention(settings.retention, settings.retention_contents, settings.retention_size)
    return Drain(folder.spool, engine, metrics, keep, window, gateway or folder.gateway(), settling)
