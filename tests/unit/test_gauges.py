"""What is judged is said in words."""

import time
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from sessionary.api.checks import checks
from sessionary.api.gauges import Away, Gauges
from sessionary.api.usage import use

CALM = Gauges(
    version="1", started_at=None, uptime_ms=None, workers=2, writing=2, spool_bytes=0, spool_records=0,
    spool_exact=True, oldest_ms=None, lag_ms=None, disk_free_bytes=500 << 30, disk_total_bytes=1000 << 30,
    database="sqlite", database_bytes=1, losses={}, lost_records={}, missing=0, set_aside={}, checks=[],
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "name", "level"),
    [
        ({"losses": {"ENOSPC": 3}}, "losses", "act"),
        ({"lost_records": {"EIO": 3}}, "losses", "act"),
        ({"missing": 1}, "ledger", "act"),
        ({"set_aside": {"DecodeError": 1}}, "set aside", "watch"),
        ({"writing": 1}, "workers", "act"),
        ({"oldest_ms": 4_999.0}, "waiting", "fine"),
        ({"oldest_ms": 5_000.0}, "waiting", "watch"),
        ({"oldest_ms": 60_000.0}, "waiting", "act"),
        ({"lag_ms": 5_000.0}, "lag", "watch"),
        ({"spool_bytes": 64 << 20}, "spool", "watch"),
        ({"away": [Away("gw_1", "2026-11-30T09:12:44.000Z", 3)]}, "gateways", "watch"),
        ({"spool_bytes": 1 << 30}, "spool", "act"),
        ({"disk_free_bytes": 60 << 30}, "disk", "fine"),
        ({"disk_free_bytes": 4 << 30, "disk_total_bytes": 60 << 30}, "disk", "watch"),
        ({"disk_free_bytes": 2 << 30, "disk_total_bytes": 100 << 30}, "disk", "act"),
        ({"disk_free_bytes": 1 << 29, "disk_total_bytes": 1 << 30}, "disk", "act"),
    ],
)
def test_judgements(changed: dict[str, Any], name: str, level: str) -> None:
    found = checks(msgspec.structs.replace(CALM, **changed))
    assert {c.name: c.level for c in found}[name] == level  # type: ignore[index]
    order = [("act", "watch", "fine").index(c.level) for c in found]
    assert order == sorted(order)
    others = {c.level for c in found if c.name != name}
    assert others == {"fine"}


def row(days_ago: int, status: str = "ok", **sums: int) -> Any:
    zero = dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens", "cost", "unpriced", "duration"), 0)
    return SimpleNamespace(at=(TODAY - days_ago) * 86_400_000_000, status=status, **{"calls": 1, **zero, **sums})


TODAY = int(time.time()) // 86_400


def test_use_says_unknown_where_it_is() -> None:
    assert use([], TODAY).cost is None
    assert use([row(0, unpriced=1)], TODAY).cost is None
    assert use([row(0, "errors")], TODAY).cost is None
    assert use([row(0)], TODAY).cost == 0
    some = use([row(0, calls=3, unpriced=2, cost=5_000_000), row(29, unpriced=1)], TODAY)
    assert (some.cost, some.unpriced) == (0.005, 3)
    assert (some.days[0].calls, some.days[0].cost, some.days[-1].calls, some.days[-1].cost) == (1, None, 3, 0.005)


def test_speed_is_of_what_went_well() -> None:
    rows = [row(0, calls=2, output_tokens=300, duration=3_000_000), row(0, "errors", duration=60_000_000)]
    found = use([*rows, row(1, "cut", output_tokens=9, duration=1)], TODAY)
    assert (found.mean_ms, found.tokens_per_second, found.errors, found.failed_share) == (1500, 100, 1, 0.25)
