"""How calls find their sessions: the share of each rule, by day and by client, and what a person should look at. Pure.

Programs are counted whole. One whose history is not found although it sends one has likely changed how it writes its
messages, in a new version: that is named, on the day that this appears.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from sessionary.api.gauges import Gauges
from sessionary.api.ledger import Ledger
from sessionary.sessions import rules

DAYS = 14
NEW_DAYS = 7
ENOUGH = 20
"""Histories of one day, from which on their share means something."""
TOO_MANY = 0.05
"""Of a day's histories, missed."""
_EPOCH = date(1970, 1, 1)


class Rates(msgspec.Struct):
    """Of some calls."""

    calls: int
    groups: dict[str, int]
    """Calls by what told their session: `id`, `harness`, `response`, `conversation`, `content`, `replay`, `new`,
    `missed`."""
    shares: dict[str, float]
    """The same, of 1."""
    ambiguous: int
    """Calls whose content would have fit several others as well."""
    ambiguous_share: float
    histories: int
    """Calls that name no session and send back an answer."""
    missed_share: float
    """Of `histories`: those whose answers no known call gave."""


class Day(msgspec.Struct):
    day: str
    """UTC."""
    rates: Rates


class ClientDay(msgspec.Struct):
    day: str
    calls: int
    histories: int
    missed: int


class Client(msgspec.Struct):
    client: str
    """The program that calls, all its versions; "" where it does not say."""
    first_day: str
    """When it was first seen, ever."""
    last_day: str
    rates: Rates
    days: list[ClientDay]
    """Those on which it called."""


class Rule(msgspec.Struct):
    rule: str
    group: str
    calls: int
    share: float
    ambiguous: int
    meaning: str


class Attention(msgspec.Struct):
    """A client whose sessions may be torn."""

    client: str
    """With its version."""
    day: str
    histories: int
    missed: int
    new: bool
    text: str
    """The same in words, of which the client is "it"."""


class Health(msgspec.Struct):
    since: str
    until: str
    total: Rates
    days: list[Day]
    """All of them, also those without a call; the oldest first."""
    rules: list[Rule]
    """Those that held; the most frequent first."""
    clients: list[Client]
    """The busiest first; `client_count` says how many there are."""
    client_count: int
    attention: list[Attention]
    ledger: Ledger | None
    """Of the whole gateway: for the master key only."""
    gauges: Gauges | None
    """As `ledger`."""


class Counted(msgspec.Struct):
    rows: Iterable[Any]
    """As of `store.health.of`."""
    first_days: Mapping[str, int]
    """When each was first seen, in days since 1970."""


class _Tally:
    def __init__(self) -> None:
        self.by_rule: dict[str, list[int]] = {}

    def add(self, row: Any) -> None:
        counted = self.by_rule.setdefault(row.rule, [0, 0])
        counted[0] += row.calls
        counted[1] += row.ambiguous

    @property
    def calls(self) -> int:
        return sum(calls for calls, _ in self.by_rule.values())

    @property
    def missed(self) -> int:
        return self.by_rule.get("missed", [0])[0]

    @property
    def histories(self) -> int:
        return self.missed + sum(calls for rule, (calls, _) in self.by_rule.items() if rule in rules.HISTORIES)

    def rates(self) -> Rates:
        groups = dict.fromkeys(rules.GROUPS, 0)
        for rule, (calls, _) in self.by_rule.items():
            groups[rules.group(rule)] += calls
        ambiguous = sum(ambiguous for _, ambiguous in self.by_rule.values())
        return Rates(
            calls=self.calls,
            groups=groups,
            shares={name: _share(calls, self.calls) for name, calls in groups.items()},
            ambiguous=ambiguous,
            ambiguous_share=_share(ambiguous, self.calls),
            histories=self.histories,
            missed_share=_share(self.missed, self.histories),
        )


def first_day(today: int) -> int:
    """Where what is shown begins, in days since 1970."""
    return today - DAYS + 1


def health(
    today: int,
    by_day: Iterable[Any],
    programs: Counted,
    missing: Counted,
    client_count: int,
    ledger: Ledger | None,
    gauges: Gauges | None = None,
) -> Health:
    """Rows and days as in `store.health`; `today` in days since 1970. `missing`: versions with missed histories."""
    start = first_day(today)
    total, days = _Tally(), {day: _Tally() for day in range(start, today + 1)}
    for row in by_day:
        total.add(row)
        days.setdefault(row.day, _Tally()).add(row)
    clients = [_client(name, tallies, programs.first_days[name]) for name, tallies in _tallies(programs.rows).items()]
    first = missing.first_days
    torn = _tallies(missing.rows).items()
    noted = [_attention(name, tallies, today - first[name] < NEW_DAYS) for name, tallies in torn]
    return Health(
        since=_iso(start),
        until=_iso(today),
        total=total.rates(),
        days=[Day(_iso(day), tally.rates()) for day, tally in sorted(days.items())],
        rules=_rules(total),
        clients=sorted(clients, key=lambda c: (-c.rates.calls, c.client)),
        client_count=client_count,
        attention=sorted((a for a in noted if a), key=lambda a: (-a.missed, a.client)),
        ledger=ledger,
        gauges=gauges,
    )


def _tallies(rows: Iterable[Any]) -> dict[str, dict[int, _Tally]]:
    """By client and day."""
    found: dict[str, dict[int, _Tally]] = {}
    for row in rows:
        found.setdefault(row.client, {}).setdefault(row.day, _Tally()).add(row)
    return found


def _rules(total: _Tally) -> list[Rule]:
    counted = sorted(total.by_rule.items(), key=lambda item: (-item[1][0], item[0]))
    return [
        Rule(rule, rules.group(rule), calls, _share(calls, total.calls), ambiguous, rules.meaning(rule))
        for rule, (calls, ambiguous) in counted
    ]


def _client(name: str, tallies: Mapping[int, _Tally], first: int) -> Client:
    whole = _Tally()
    for tally in tallies.values():
        for rule, (calls, ambiguous) in tally.by_rule.items():
            counted = whole.by_rule.setdefault(rule, [0, 0])
            counted[0] += calls
            counted[1] += ambiguous
    days = [ClientDay(_iso(day), t.calls, t.histories, t.missed) for day, t in sorted(tallies.items())]
    return Client(name, _iso(first), days[-1].day, whole.rates(), days)


def _attention(name: str, tallies: Mapping[int, _Tally], new: bool) -> Attention | None:
    """By its latest day with enough histories to tell; of a new client, by any miss."""
    telling = [day for day, tally in sorted(tallies.items()) if tally.histories >= ENOUGH]
    if telling and tallies[telling[-1]].missed > TOO_MANY * tallies[telling[-1]].histories:
        return _noted(name, telling[-1], tallies[telling[-1]], new)
    missing = [day for day, tally in sorted(tallies.items()) if tally.missed]
    return _noted(name, missing[-1], tallies[missing[-1]], new) if new and missing else None


def _noted(name: str, day: int, tally: _Tally, new: bool) -> Attention:
    missed, histories = tally.missed, tally.histories
    many = f"{missed:,} ({100 * missed / histories:.0f}%) of the {histories:,} histories"
    which = "the one history" if histories == 1 else f"all {histories:,} histories" if missed == histories else many
    text = f"No known call gave the answers in {which} that it sent back on {_iso(day)}."
    if new:
        text += " It is new: calls that it made before it came here cannot be known."
    return Attention(name, _iso(day), histories, missed, new, text)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _iso(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()
