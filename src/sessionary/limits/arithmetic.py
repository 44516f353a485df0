"""Whether a call may go through, by what was used before. Pure, in whole numbers: microseconds, nano-dollars.

A minute's limit is a bucket: it holds as much as the limit, and as much flows back within a minute. A call needs what
it may use to be in it; one that needs more than the bucket holds goes through when it is full, and those after it
wait until that has flowed back. What was reserved counts as used until it is settled.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from sessionary.settings import Limits

UNIT = 60_000_000
"""A call or token in a bucket: of a limit of one a minute, one unit flows back each microsecond."""
MOST = 1_000_000_000
"""Calls, tokens: beyond that nothing is told apart."""
NANO = 1_000_000_000
EVER = 1 << 62
"""The end of a period that has none."""
SOON = 1_000_000
"""Until what waits for another call's end is asked for again: when that comes nobody knows."""


class Bucket(msgspec.Struct, frozen=True):
    level: int
    """In UNITs of calls or tokens; below 0 where more was used than it held."""
    at: int


class Sums(msgspec.Struct, frozen=True):
    calls: int = 0
    tokens: int = 0
    cost: int = 0


class Used(msgspec.Struct, frozen=True):
    """What counts against a call: of its key, then of its session. `reserved` is what may yet become less."""

    calls: Bucket | None = None
    tokens: Bucket | None = None
    concurrent: int = 0
    spent: int = 0
    """In this period."""
    reserved: int = 0
    """Of the budget, for calls that were begun in this period."""
    session: Sums = Sums()
    session_reserved: Sums = Sums()


class Refused(msgspec.Struct, frozen=True):
    limit: str
    """The field of Limits."""
    message: str
    wait: int | None
    """Microseconds until it may go through; None: waiting does not help."""


def effective(defaults: Limits, own: Limits | None) -> Limits | None:
    """A key's own limits replace the defaults field by field, a budget with its period. None: nothing is limited."""
    found = defaults
    if own is not None:
        given = {name: value for name, value in msgspec.structs.asdict(own).items() if value is not None}
        if own.budget is None:
            del given["budget_period"]
        found = msgspec.structs.replace(defaults, **given)
    limited = any(v is not None for n, v in msgspec.structs.asdict(found).items() if n != "budget_period")
    return found if limited else None


def period(limits: Limits, now: int) -> tuple[int, int]:
    """When the budget's period began, and when it ends."""
    if limits.budget_period == "total":
        return 0, EVER
    day = datetime.fromtimestamp(now // 1_000_000, UTC).replace(hour=0, minute=0, second=0)
    if limits.budget_period == "day":
        return _us(day), _us(day + timedelta(days=1))
    month = day.replace(day=1)
    return _us(month), _us((month + timedelta(days=31)).replace(day=1))


def _us(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


def refilled(bucket: Bucket | None, limit: int, now: int) -> Bucket:
    """As it is now; a full one where there was none. A clock that was set back fills nothing and empties nothing."""
    size = min(limit, MOST) * UNIT
    if bucket is None:
        return Bucket(size, now)
    flowed = max(0, now - bucket.at) * min(limit, MOST)
    return Bucket(min(size, bucket.level + flowed), max(now, bucket.at))


def taken(bucket: Bucket | None, limit: int | None, amount: int, now: int) -> Bucket | None:
    if limit is None:
        return None
    full = refilled(bucket, limit, now)
    return Bucket(full.level - amount * UNIT, full.at)


def left(bucket: Bucket | None, limit: int, now: int) -> int:
    """Whole calls or tokens that are in it."""
    return max(0, refilled(bucket, limit, now).level // UNIT)


def until_full(bucket: Bucket | None, limit: int, now: int) -> int:
    """Microseconds."""
    return _until(bucket, limit, min(limit, MOST), now) or 0


def _until(bucket: Bucket | None, limit: int, amount: int, now: int) -> int | None:
    """Microseconds until `amount`, or all that it can hold, is in it; None: never."""
    limit = min(limit, MOST)
    missing = min(amount, limit) * UNIT - refilled(bucket, limit, now).level
    if missing <= 0 and limit:
        return 0
    return -(-missing // limit) if limit else None


def reserve(limits: Limits, used: Used, ask: Sums, now: int) -> Used | Refused:
    """What is used once the call has begun, or why it may not begin. Of several reasons that which lasts longest."""
    refused = [*_by_key(limits, used, ask, now), *_by_session(limits, used, ask)]
    if refused:
        return max(refused, key=lambda r: EVER if r.wait is None else r.wait)
    return Used(
        calls=taken(used.calls, limits.calls_per_minute, ask.calls, now),
        tokens=taken(used.tokens, limits.tokens_per_minute, ask.tokens, now),
        concurrent=used.concurrent + 1,
        spent=used.spent,
        reserved=used.reserved + ask.cost,
        session=used.session,
        session_reserved=Sums(
            used.session_reserved.calls + ask.calls,
            used.session_reserved.tokens + ask.tokens,
            used.session_reserved.cost + ask.cost,
        ),
    )


def _by_key(limits: Limits, used: Used, ask: Sums, now: int) -> list[Refused]:
    found: list[Refused] = []
    for name, bucket, amount, what in (
        ("calls_per_minute", used.calls, ask.calls, "calls"),
        ("tokens_per_minute", used.tokens, ask.tokens, "tokens"),
    ):
        limit = getattr(limits, name)
        if limit is not None and (wait := _until(bucket, limit, amount, now)) != 0:
            found.append(Refused(name, f"This key may use {limit} {what} a minute.", wait))
    if limits.concurrent is not None and used.concurrent >= limits.concurrent:
        message = f"This key may have {limits.concurrent} calls answered at a time."
        found.append(Refused("concurrent", message, SOON if limits.concurrent else None))
    if limits.budget is not None:
        budget, ends = int(limits.budget * NANO), period(limits, now)[1]
        if used.spent + used.reserved + ask.cost > budget or used.spent >= budget:
            what = {"day": " a day", "month": " a month", "total": ""}[limits.budget_period]
            wait = None
            if used.spent + ask.cost <= budget and used.spent < budget:
                wait = SOON  # the calls that are being answered may cost less than was reserved for them
            elif ask.cost <= budget and budget and ends != EVER:
                wait = ends - now
            found.append(Refused("budget", f"This key may spend ${limits.budget:g}{what}.", wait))
    return found


def _by_session(limits: Limits, used: Used, ask: Sums) -> list[Refused]:
    cost = None if limits.session_cost is None else int(limits.session_cost * NANO)
    found: list[Refused] = []
    for name, limit, said in (
        ("calls", limits.session_calls, f"have {limits.session_calls} calls"),
        ("tokens", limits.session_tokens, f"use {limits.session_tokens} tokens"),
        ("cost", cost, f"cost ${limits.session_cost or 0:g}"),
    ):
        if limit is None:
            continue
        settled, reserved = getattr(used.session, name), getattr(used.session_reserved, name)
        asked = getattr(ask, name)
        if settled + reserved + asked > limit or settled >= limit:
            message = f"A session of this key may {said}; this one has come to its end."
            freed = name != "calls" and settled + asked <= limit and settled < limit
            found.append(Refused(f"session_{name}", message, SOON if freed else None))
    return found
