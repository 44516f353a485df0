"""What callers are told of their limits: headers that their libraries read. Pure. (OpenAI API reference, Rate limits;
Anthropic API reference, Rate limits.)"""

from datetime import UTC, datetime

from sessionary.errors import RateLimited
from sessionary.limits import arithmetic
from sessionary.limits.arithmetic import EVER, NANO, Bucket, Refused, Used
from sessionary.settings import Limits

_SECOND = 1_000_000
_PATIENCE = 60 * _SECOND
"""Microseconds: libraries that are told to wait longer come again at once, or for nothing."""
_CODES = {"budget": "budget_exceeded"}


def headers(limits: Limits, used: Used, now: int, *, anthropic: bool) -> dict[str, str]:
    """Limits and what is left of them."""
    found: dict[str, str] = {}
    if limits.calls_per_minute is not None:
        found |= _minute("requests", limits.calls_per_minute, used.calls, now, anthropic=anthropic)
    if limits.tokens_per_minute is not None:
        found |= _minute("tokens", limits.tokens_per_minute, used.tokens, now, anthropic=anthropic)
    if limits.concurrent is not None:
        found["x-sessionary-concurrent-limit"] = str(limits.concurrent)
        found["x-sessionary-concurrent-remaining"] = str(max(0, limits.concurrent - used.concurrent))
    if limits.budget is not None:
        ends = arithmetic.period(limits, now)[1]
        found["x-sessionary-budget-limit"] = f"{limits.budget:g}"
        found["x-sessionary-budget-remaining"] = _money(limits.budget, used.spent + used.reserved)
        if ends != EVER:
            found["x-sessionary-budget-reset"] = _moment(ends)
    return found | _of_session(limits, used)


def _of_session(limits: Limits, used: Used) -> dict[str, str]:
    found: dict[str, str] = {}
    settled, reserved = used.session, used.session_reserved
    for name, limit in (("calls", limits.session_calls), ("tokens", limits.session_tokens)):
        if limit is not None:
            rest = max(0, limit - getattr(settled, name) - getattr(reserved, name))
            found[f"x-sessionary-session-{name}-remaining"] = str(rest)
    if limits.session_cost is not None:
        found["x-sessionary-session-cost-remaining"] = _money(limits.session_cost, settled.cost + reserved.cost)
    return found


def refusal(refused: Refused) -> RateLimited:
    """The answer. Libraries come again after `retry-after`, but not where that does not help."""
    code = "session_limit_exceeded" if refused.limit.startswith("session_") else _CODES.get(refused.limit)
    headers = {}
    if refused.wait is not None:
        headers["retry-after"] = str(-(-refused.wait // _SECOND))
        headers["retry-after-ms"] = str(-(-refused.wait // 1000))
    if refused.wait is None or refused.wait > _PATIENCE:
        headers["x-should-retry"] = "false"
    return RateLimited(refused.message, code=code, headers=headers)


def _minute(what: str, limit: int, bucket: Bucket | None, now: int, *, anthropic: bool) -> dict[str, str]:
    left, full = arithmetic.left(bucket, limit, now), arithmetic.until_full(bucket, limit, now)
    if anthropic:
        prefix = f"anthropic-ratelimit-{what}"
        return {
            f"{prefix}-limit": str(limit),
            f"{prefix}-remaining": str(left),
            f"{prefix}-reset": _moment(now + full),
        }
    return {
        f"x-ratelimit-limit-{what}": str(limit),
        f"x-ratelimit-remaining-{what}": str(left),
        f"x-ratelimit-reset-{what}": f"{full / _SECOND:.3f}s",
    }


def _money(limit: float, used: int) -> str:
    return f"{max(0.0, limit - used / NANO):.6f}"


def _moment(at: int) -> str:
    return datetime.fromtimestamp(-(-at // _SECOND), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
