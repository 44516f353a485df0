"""What the gateway counts, for Prometheus. No label carries anything a tenant wrote.

With several processes each writes its own files in `folder` and a scrape of any of them adds all up.
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def prepare(folder: Path) -> None:
    """Before anything imports prometheus_client, in the process that starts the others."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        import prometheus_client as prom

        self._prom = prom
        self._registry = prom.CollectorRegistry()
        r = self._registry
        self.begun = prom.Counter("sessionary_calls_begun", "Calls accepted.", registry=r)
        self.finished = prom.Counter("sessionary_calls_finished", "Calls ended, by status.", ["status"], registry=r)
        self.dropped = prom.Counter(
            "sessionary_records_dropped", "Records the spool did not take.", ["reason"], registry=r
        )
        self.refused = prom.Counter(
            "sessionary_requests_refused",
            "Requests answered with an error before a call began.",
            ["code"],
            registry=r,
        )
        self.stored = prom.Counter("sessionary_calls_stored", "Finished calls committed to the store.", registry=r)
        self.threaded = prom.Counter(
            "sessionary_calls_threaded",
            "Stored calls, by the rule that found their session: a rule of content, or the kind of any other.",
            ["rule", "ambiguous"],
            registry=r,
        )
        self.set_aside = prom.Counter(
            "sessionary_records_set_aside", "Spool records that could not be understood.", registry=r
        )
        self.duration = prom.Histogram(
            "sessionary_call_seconds",
            "From accepting a call to its last byte.",
            registry=r,
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
        )

    def lost(self) -> bool:
        """Whether this process has lost a record."""
        return any(s.value for m in self.dropped.collect() for s in m.samples if s.name.endswith("_total"))

    def totals(self) -> dict[str, int]:
        """What all processes have counted since the gateway started, by counter, over all its labels."""
        found: dict[str, int] = {}
        for metric in self._all().collect():
            if metric.type == "counter":
                found[metric.name] = int(sum(s.value for s in metric.samples if s.name.endswith("_total")))
        return found

    def exposition(self) -> bytes:
        return self._prom.generate_latest(self._all())

    def _all(self) -> "CollectorRegistry":
        registry = self._prom.CollectorRegistry()
        from prometheus_client import multiprocess

        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return registry
