"""The gateway's gauges, judged: what is fine, what to watch, what to act on, in words. Pure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from sessionary.api.gauges import Gauges

Level = Literal["act", "watch", "fine"]
_ORDER: tuple[Level, ...] = ("act", "watch", "fine")

WAITING_MS = (5_000, 60_000)
"""Age of the oldest record that is not stored: from here to watch, from here to act on."""
LAG_MS = (5_000, 60_000)
WAITING_BYTES = (64 << 20, 1 << 30)
FREE_SHARE = (0.10, 0.03)
"""Of the disk, free: under that."""
FREE_BYTES = (5 << 30, 1 << 30)
"""So much free is enough on any disk, and not, whatever its size."""


_REPLICA: dict[str, tuple[Level, str]] = {
    "read": ("fine", "pages read the replica"),
    "late": ("watch", "the replica is too far behind: pages read the database itself until it has caught up"),
    "away": ("watch", "the replica cannot be read: pages read the database itself until it is back"),
    "none": ("act", "database_replica leads to no replica: pages read the database itself"),
}


class Check(msgspec.Struct):
    name: Literal["ledger", "losses", "set aside", "workers", "waiting", "lag", "spool", "disk", "replica", "gateways"]
    level: Level
    text: str


def checks(found: "Gauges") -> list[Check]:
    """The worst first."""
    return sorted(_checks(found), key=lambda check: _ORDER.index(check.level))


def _checks(g: "Gauges") -> Iterator[Check]:
    lost, pieces, aside = sum(g.losses.values()), sum(g.lost_records.values()), sum(g.set_aside.values())
    if g.missing:
        yield Check("ledger", "act", f"{abs(g.missing):,} calls are not accounted for: please report this")
    else:
        yield Check("ledger", "fine", "of every call it is known where it is")
    if lost:
        yield Check("losses", "act", f"{lost:,} calls were answered and not recorded: look at the disk of the spool")
    elif pieces:
        yield Check("losses", "act", f"{pieces:,} calls lack some of their answer: look at the disk of the spool")
    else:
        yield Check("losses", "fine", "no call was lost")
    if aside:
        yield Check("set aside", "watch", f"{aside:,} records were not understood; they are in the table set_aside")
    if g.writing < g.workers:
        yield Check("workers", "act", f"{g.writing} of {g.workers} workers are there: the log says why")
    else:
        yield Check("workers", "fine", "every worker is there")
    waits = _over(g.oldest_ms or 0, WAITING_MS)
    words = {
        "fine": "what is recorded is stored at once",
        "watch": "records wait longer than usual to be stored: the store is slow, or busy",
        "act": "records are not being stored: is the database there? Nothing is lost while the disk has room",
    }
    yield Check("waiting", waits, words[waits])
    if g.lag_ms is not None:
        lags = _over(g.lag_ms, LAG_MS)
        yield Check("lag", lags, "the store keeps up" if lags == "fine" else "the store was late in the last round")
    deep = "act" if g.spool_full else _over(g.spool_bytes, WAITING_BYTES)
    if g.spool_full:
        yield Check("spool", deep, "the spool takes no calls: its disk, or what may wait in it (spool_size), is full")
    else:
        yield Check("spool", deep, "little waits in the spool" if deep == "fine" else "much waits in the spool")
    yield _disk(g)
    if g.replica is not None:
        yield Check("replica", *_REPLICA.get(g.replica, ("fine", "the replica is being looked at")))
    for other in g.away:
        yield Check(
            "gateways",
            "watch",
            f"nothing is heard of the gateway {other.gateway} since {other.seen_at}: until it is started again on its "
            f"data folder its calls are shown as live ({other.live:,}), and what only its disk has is not in the store "
            f"(if that is lost: sessionary gateways --lost {other.gateway})",
        )


def _disk(g: "Gauges") -> Check:
    share = g.disk_free_bytes / (g.disk_total_bytes or 1)
    if g.disk_free_bytes < FREE_BYTES[1]:
        return Check("disk", "act", "the disk is nearly full: calls are refused when nothing can be recorded")
    if share < FREE_SHARE[1] and g.disk_free_bytes < FREE_BYTES[0]:
        return Check("disk", "act", "the disk is nearly full: free some, or keep sessions for fewer days (retention)")
    if share < FREE_SHARE[0] and g.disk_free_bytes < FREE_BYTES[0]:
        return Check("disk", "watch", "the disk is filling up")
    return Check("disk", "fine", "there is room on the disk")


def _over(value: float, limits: tuple[float, float]) -> Level:
    return "act" if value >= limits[1] else "watch" if value >= limits[0] else "fine"
