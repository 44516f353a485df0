"""What the health page draws, as numbers for SVG: bars in percent of their width, columns in pixels. Pure.

Style attributes are refused by the pages' policy; an element's own attributes are not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]
STACK = (
    ("named", ("id", "harness", "response", "conversation", "replay")),
    ("content", ("content",)),
    ("new", ("new",)),
)
"""Of a day's column, from below; on top is what was missed."""


def drawn(health: Json) -> Json:
    """`api.health.Health`, with what is drawn of it."""
    days = health["days"]
    busiest = max(day["rates"]["calls"] for day in days)
    clients = [client | {"spark": spark(client, days, 20)} for client in health["clients"]]
    return health | {"clients": clients, "day_columns": columns(days, 84), "busiest": busiest}


def percent(share: float) -> str:
    """0.004 -> 0.4%; what is there is never 0%, what is not all never 100%."""
    if not share:
        return "0%"
    if share < 0.001:
        return "<0.1%"
    if share < 1 and share >= 0.995:
        return ">99%"
    return f"{100 * share:.1f}%" if share < 0.1 else f"{100 * share:.0f}%"


def bar(groups: Mapping[str, int]) -> list[Json]:
    """`{group, calls, x, width}`, in percent, of groups that have calls."""
    total, at = sum(groups.values()), 0.0
    parts = []
    for group, calls in groups.items():
        if calls:
            width = 100 * calls / total
            parts.append({"group": group, "calls": calls, "x": round(at, 3), "width": round(max(width, 0.4), 3)})
            at += width
    return parts


def columns(days: Sequence[Json], height: int) -> list[Json]:
    """`{day, calls, missed, x, parts: [{group, y, height}]}`: the days side by side, the busiest `height` pixels."""
    most = max((day["rates"]["calls"] for day in days), default=0) or 1
    made = []
    for n, day in enumerate(days):
        groups, floor = day["rates"]["groups"], float(height)
        parts = []
        for name, members in (*STACK, ("missed", ("missed",))):
            if calls := sum(groups[member] for member in members):
                tall = max(height * calls / most, 1.5)
                floor -= tall
                parts.append({"group": name, "y": round(floor, 2), "height": round(tall, 2)})
        made.append(_column(day["day"], day["rates"]["calls"], groups["missed"], 100 * n / len(days), parts))
    return made


def spark(client: Json, days: Sequence[Json], height: int) -> list[Json]:
    """As `columns`, of one client's days: calls, and in front of them those that were missed."""
    by_day = {day["day"]: day for day in client["days"]}
    most = max((day["calls"] for day in client["days"]), default=0) or 1
    made = []
    for n, day in enumerate(days):
        own = by_day.get(day["day"], {"calls": 0, "missed": 0})
        parts = []
        for group, calls in (("named", own["calls"]), ("missed", own["missed"])):
            if calls:
                tall = max(height * calls / most, 1.5)
                parts.append({"group": group, "y": round(height - tall, 2), "height": round(tall, 2)})
        made.append(_column(day["day"], own["calls"], own["missed"], 100 * n / len(days), parts))
    return made


def sparkline(days: Sequence[Json], height: int) -> list[Json]:
    """As `columns`, of `api.usage.UseDay`s: calls, and from below those that failed; days without one have no parts."""
    most = max((day["calls"] for day in days), default=0) or 1
    made = []
    for n, day in enumerate(days):
        parts, floor = [], float(height)
        for group, calls in (("failed", day["errors"]), ("well", day["calls"] - day["errors"])):
            if calls:
                tall = max(height * calls / most, 1.5)
                floor = max(floor - tall, 0.0)
                parts.append({"group": group, "y": round(floor, 2), "height": round(tall, 2)})
        made.append(day | {"x": round(100 * n / len(days), 3), "parts": parts})
    return made


def _column(day: str, calls: int, missed: int, x: float, parts: list[Json]) -> Json:
    return {"day": day, "calls": calls, "missed": missed, "x": round(x, 3), "parts": parts}
