"""What was used in the last thirty days, added up for people, from the sums of `store.traffic`."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store import traffic

DAYS = 30
DAY_US = 86_400_000_000
_DAY_S = 86_400
_EPOCH = date(1970, 1, 1)


class UseDay(msgspec.Struct):
    day: str
    """UTC."""
    calls: int
    errors: int
    cost: float | None


class Use(msgspec.Struct):
    """Of the last 30 days, today included: of all calls that were made, deleted ones too."""

    calls: int
    errors: int
    """Calls that failed, or were broken off by the provider."""
    failed_share: float
    """Of 1."""
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float | None
    """Of the calls whose price is known; null where none is."""
    unpriced: int
    """Finished calls whose price is not known."""
    mean_ms: float | None
    """How long a call took that went well; null without one."""
    tokens_per_second: float | None
    """Output tokens of calls that went well, by their duration."""
    days: list[UseDay]
    """All 30, the oldest first."""


def read(
    connection: sa.Connection, project: int | None, today: int, by: Sequence[traffic.Dimension]
) -> Sequence[sa.Row[Any]]:
    """The rows that `use` takes, of all 30 days, by `by`. `today` in days since 1970."""
    since, until = (today - DAYS + 1) * DAY_US, (today + 1) * DAY_US
    return traffic.sums(connection, project, _DAY_S, since, until, (*by, "status"), _DAY_S)


def use(rows: Iterable[Any], today: int) -> Use:
    """Rows: at, status, and the sums. `today` in days since 1970."""
    start = today - DAYS + 1
    calls = [[0, 0] for _ in range(DAYS)]
    costs: list[int | None] = [None] * DAYS
    tokens = {"input_tokens": 0, "cached_tokens": 0, "output_tokens": 0}
    unpriced = well = well_us = well_output = 0
    for row in rows:
        at = min(max(row.at // DAY_US - start, 0), DAYS - 1)
        calls[at][0] += row.calls
        calls[at][1] += row.calls if row.status == "errors" else 0
        if row.cost or (row.status == "ok" and row.calls > row.unpriced):
            costs[at] = (costs[at] or 0) + row.cost
        for name in tokens:
            tokens[name] += getattr(row, name)
        unpriced += row.unpriced
        if row.status == "ok":
            well += row.calls
            well_us += row.duration
            well_output += row.output_tokens
    made, failed = sum(c for c, _ in calls), sum(e for _, e in calls)
    known = [c for c in costs if c is not None]
    return Use(
        calls=made,
        errors=failed,
        failed_share=round(failed / made, 4) if made else 0.0,
        **tokens,
        cost=sum(known) / 1e9 if known else None,
        unpriced=unpriced,
        mean_ms=round(well_us / well / 1000, 1) if well else None,
        tokens_per_second=round(well_output / (well_us / 1e6), 1) if well_us and well_output else None,
        days=[
            UseDay(_iso(start + n), calls[n][0], calls[n][1], None if (c := costs[n]) is None else c / 1e9)
            for n in range(DAYS)
        ],
    )


def _iso(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()
