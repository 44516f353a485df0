"""How calls found their sessions, made up: an ordinary fortnight, and hostile ones."""

import random
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import msgspec

from sessionary.api.checks import checks
from sessionary.api.gauges import Gauges
from sessionary.api.health import DAYS, Counted, Health, health
from sessionary.api.ledger import Ledger
from tests.ui.data import XSS

LEDGER = Ledger(
    begun=18_204, stored=18_199, spooled=5, set_aside=0, dropped={}, missing=0, dropped_records={},
    waiting_bytes=48_211, waiting_records=12, exact=True, finished=18_201, refused=12,
)  # fmt: skip
CALM = Gauges(
    version="0.1.0", started_at="2026-11-26T09:12:00.000Z", uptime_ms=278_000_000.0, workers=4, writing=4,
    spool_bytes=48_211, spool_records=12, spool_exact=True, oldest_ms=42.0, lag_ms=61.0,
    disk_free_bytes=310_000_000_000, disk_total_bytes=500_000_000_000, database="postgresql",
    database_bytes=41_200_000_000, losses={}, lost_records={}, missing=0, set_aside={}, checks=[],
)  # fmt: skip
PROGRAMS = {
    "OpenAI Python 2.54.0": {"content": 60, "none": 12, "x-session-id": 8, "missed": 0.2},
    "Claude Code 2.1.7": {"x-claude-code-session-id": 140, "metadata.user_id": 4},
    "Codex 0.98.0": {"session-id": 70, "prompt_cache_key": 3},
    "langchain 0.3": {"content": 30, "content.edited": 6, "none": 9, "metadata.thread_id": 12, "missed": 1},
    "Agents/Python 0.18": {"previous_response_id": 44, "conversation": 21, "none": 8},
    "aider 0.86": {"content": 22, "content.compaction": 1, "content.edited": 7, "none": 2},
    "smolagents 1.24": {"content": 18, "content.spawn": 3, "content.retry": 1, "none": 6},
    "": {"none": 3},
}


@dataclass
class Given:
    """Rows of `rates`: (client, days ago, rule, calls, ambiguous)."""

    rows: list[tuple[str, int, str, int, int]] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)
    """Client -> days ago, where it is not long ago."""
    ledger: Ledger | None = None
    gauges: Gauges | None = None

    def health(self) -> Health:
        today = int(time.time()) // 86400
        rows: list[Any] = [
            SimpleNamespace(client=c, day=today - ago, rule=rule, calls=calls, ambiguous=ambiguous)
            for c, ago, rule, calls, ambiguous in self.rows
        ]
        first = {row.client: today - self.first.get(row.client, 90) for row in rows}
        counted = Counted(rows, first)
        return health(today, rows, counted, counted, len(first), self.ledger, judged(self.gauges))


def judged(gauges: Gauges | None) -> Gauges | None:
    return None if gauges is None else msgspec.structs.replace(gauges, checks=checks(gauges))


def ordinary() -> Given:
    rng = random.Random(7)
    rows = []
    for ago in range(DAYS):
        busy = 0.25 if (ago + 1) % 7 in (2, 3) else 1
        for client, usual in PROGRAMS.items():
            for rule, calls in usual.items():
                made = int(calls * busy * rng.uniform(0.6, 1.4) + rng.random())
                if made:
                    rows.append((client, ago, rule, made, made // 25 if rule == "content" else 0))
    rows += [("opencode 1.3.0", ago, rule, calls, 0) for ago, rule, calls in ((0, "content", 31), (0, "missed", 14))]
    rows += [("opencode 1.3.0", 1, "content", 4, 0), ("opencode 1.3.0", 1, "none", 9, 0)]
    return Given(rows, {"opencode 1.3.0": 1}, LEDGER, CALM)


def troubled() -> Given:
    """The database is away, the disk fills up, and records were lost."""
    return Given(
        ledger=LEDGER,
        gauges=msgspec.structs.replace(
            CALM, writing=3, spool_bytes=2_300_000_000, spool_records=80_000, spool_exact=False, oldest_ms=1_260_000.0,
            lag_ms=None, disk_free_bytes=4_000_000_000, disk_total_bytes=60_000_000_000, database_bytes=None,
            losses={"ENOSPC": 3, "<img src=x onerror=alert(1)>": 1},
            lost_records={"EIO": 2}, missing=1, set_aside={"W" * 90: 2},
        ),
    )  # fmt: skip


def hostile() -> Given:
    names = [*XSS, "\u202e gnp.exe \u202e", "ا" * 60 + " 1.0", "W" * 200, "a b " * 50, "\x00\x1b[31m", " "]
    rows = [(name, n % 3, rule, 30 + n, 1) for n, name in enumerate(names) for rule in ("missed", "content", *XSS[:2])]
    return Given(rows, dict.fromkeys(names, 0), LEDGER)


def huge() -> Given:
    """A thousand programs, a hundred of whose headers nobody knows, and counts of nine digits."""
    rows = [
        (f"program {n} of many, version {n}.0.1", n % 14, f"x-vendor{n % 100}-session-id", 987_654_321 + n, 0)
        for n in range(1000)
    ]
    rows += [(f"program {n} of many, version {n}.0.1", n % 14, "missed", 1000, 500) for n in range(60)]
    return Given(rows, {}, LEDGER)
