"""A key's limits in words, and how near it is to each. Pure."""

from collections.abc import Mapping
from typing import Any

from sessionary.ui import format

Json = Mapping[str, Any]
_PERIODS = {"day": "today", "month": "this month", "total": "in all"}
_NEAR = 0.8


def shown(key: Json) -> list[dict[str, str]]:
    """Of a key as the API has it: `text`, and `level`, which is "near" or "reached" for what is nearly or wholly used.
    Of a session only the limit: there are many of them."""
    if (used := key.get("used")) is None:
        return []
    limits = used["limits"]
    found = []
    for name, what in (("calls", "calls a minute"), ("tokens", "tokens a minute"), ("concurrent", "at a time")):
        limit = limits[name if name == "concurrent" else f"{name}_per_minute"]
        if limit is not None:
            found.append(_line(f"{format.count(used[name])} of {format.count(limit)} {what}", used[name], limit))
    if limits["budget"] is not None:
        text = f"{format.cost(used['spent'])} of {format.cost(limits['budget'])} {_PERIODS[limits['budget_period']]}"
        found.append(_line(text, used["spent"], limits["budget"]))
    session = [
        (limits["session_calls"], format.count, " calls"),
        (limits["session_tokens"], format.count, " tokens"),
        (limits["session_cost"], format.cost, ""),
    ]
    if said := [f"{write(limit)}{unit}" for limit, write, unit in session if limit is not None]:
        found.append({"text": f"a session: {', '.join(said)}", "level": ""})
    return found


def _line(text: str, used: float, limit: float) -> dict[str, str]:
    level = "reached" if used >= limit else "near" if used >= _NEAR * limit else ""
    return {"text": text, "level": level}
