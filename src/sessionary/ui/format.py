"""Numbers and times as people read them. Pure; the same rules as static/format.js, held together by one table
of cases in the tests. An unknown value is a dash, never 0.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Any

from sessionary.wire.text import TURNED

UNKNOWN = "–"
_UNSEEN = re.compile("[\\x00-\\x08\\x0e-\\x1f\\x7f-\\x9f]")
"""Letters that are none: some fonts have boxes for them."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def count(value: int | None) -> str:
    """1234 -> 1.2k"""
    if value is None:
        return UNKNOWN
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= limit:
            return _fixed(value / limit, 0 if value >= 100 * limit else 1) + unit
    return str(value)


def cost(value: float | None) -> str:
    """US dollars; the smaller, the more decimals."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "$0"
    if value < 0.0001:
        return "<$0.0001"
    return "$" + _fixed(value, 2 if value >= 10 else 3 if value >= 0.01 else 4)


def price(value: float | None) -> str:
    """US dollars per million tokens, as price lists have them: at least two decimals."""
    if value is None:
        return UNKNOWN
    whole, _, part = f"{value:.6f}".rstrip("0").partition(".")
    return f"${whole}.{part:0<2}"


def duration(ms: float | None) -> str:
    if ms is None:
        return UNKNOWN
    if 0 < ms < 1:
        return "<1 ms"
    if ms < 999.5:
        return f"{rounded(ms)} ms"
    if ms < 59_950:
        return f"{_fixed(ms / 1000, 1)} s"
    seconds = rounded(ms / 1000)
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60:02d}s"
    if seconds < 86400:
        return f"{seconds // 3600}h {seconds % 3600 // 60:02d}m"
    return f"{seconds // 86400}d {seconds % 86400 // 3600}h"


def wall(first: str, last: str) -> str:
    """Time between two moments."""
    return duration((_time(last) - _time(first)).total_seconds() * 1000)


def share(part: int | None, whole: int | None) -> str:
    return f"{rounded(100 * part / whole)}%" if part and whole else ""


def size(count: int) -> str:
    """Of bytes: 1234 -> 1.2 kB"""
    for limit, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if count >= limit:
            return f"{_fixed(count / limit, 1)} {unit}"
    return f"{count} B"


def clock(at: str) -> str:
    """UTC, as the server cannot know where the reader is; a page's script puts local time in its place."""
    return f"{_time(at):%H:%M:%S}"


def day(at: str) -> str:
    return f"{_time(at):%Y-%m-%d %H:%M}"


def ago(at: str, now: datetime | None = None) -> str:
    """How long ago, in a word or two; the day when it is long, and the month when it is very long."""
    seconds = rounded(((now or datetime.now(UTC)) - _time(at)).total_seconds())
    if seconds < 5:
        return "now"
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (7 * 86400, 86400, "d")):
        if seconds < limit:
            return f"{seconds // size} {unit}"
    day = _time(at)
    return f"{day.day} {_MONTHS[day.month - 1]}" if seconds < 300 * 86400 else f"{day:%Y-%m}"


def brief(at: str, now: datetime | None = None) -> str:
    """When a call began, in a list: the time of today, else the day with it."""
    today = _time(at).date() == (now or datetime.now(UTC)).date()
    return clock(at) if today else f"{_time(at):%m-%d %H:%M}"


def titled(session: Mapping[str, Any]) -> str:
    """What a session is called. Of one without a title and without an id of the client's, what is known of its calls:
    ours is an id that nobody knows."""
    if session["title"] or session["session_id"] != session["id"]:
        return _UNSEEN.sub("", TURNED.sub("", str(session["title"] or session["session_id"])))
    if not session["errors"] or session["errors"] < session["calls"]:
        return "Untitled"
    return "A call that failed" if session["calls"] == 1 else f"{session['calls']:,} calls that failed"


def mood(status: str) -> str:
    """A call's status as a session's, which is one of the four colours of meaning."""
    if status in ("live", "ok"):
        return status
    return "cut" if status in ("client_closed", "interrupted", "cut") else "errors"


def _fixed(value: float, places: int) -> str:
    """As `toFixed` in a browser: what lies in the middle goes up, where Python's own goes to the even one."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def rounded(value: float) -> int:
    """As `Math.round` in a browser."""
    return math.floor(value + 0.5)


def _time(at: str) -> datetime:
    return datetime.fromisoformat(at.replace("Z", "+00:00"))


FILTERS: Mapping[str, Any] = MappingProxyType(
    {
        "count": count,
        "cost": cost,
        "duration": duration,
        "bytes": size,
        "clock": clock,
        "day": day,
        "ago": ago,
        "brief": brief,
        "titled": titled,
        "mood": mood,
    }
)
GLOBALS: Mapping[str, Any] = MappingProxyType({"wall": wall, "share": share})
