"""Two sessions, or two branches, held against each other turn by turn, over the API. Blocking.

What is on a side, and what it comes to, is as the page that compares has it (`ui.compared`).
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from sessionary.cli.shell import reading
from sessionary.cli.shell.pairs import Pair
from sessionary.cli.shell.reading import Gateway, Unanswered
from sessionary.ui import compared

Json = dict[str, Any]
Turn = list[Json]
"""Its nodes of the tree, in order."""
_AT_ONCE = 25
"""Turns of either side whose calls are asked for at once, and held."""
_SUMS = {"output_tokens": "output_tokens", "input_tokens": "input_tokens", "cost": "cost", "duration_ms": "active_ms"}


class Side:
    def __init__(self, gateway: Gateway, name: str) -> None:
        """`name`: of a session; with a branch as `SESSION~CALL`. Raises Refused where there is none."""
        self._gateway = gateway
        self.session, asked = compared.parted(name)
        self._tree = gateway.get(reading.session(self.session, "/tree"))
        if asked and not _has(self._tree, asked):
            raise Unanswered(f"there is no such call on a branch of {self.session}: {asked}")
        self.branch = compared.chosen(self._tree, asked)
        nodes = compared.kept(self._tree, self.branch)
        self.turns: list[Turn] = compared.turns(self._tree, nodes)
        self.sums: Json = compared.sums(self._tree, self.branch, self.turns)

    @property
    def id(self) -> str:
        """As the page that compares names it."""
        return f"{self._tree['session']['id']}{f'~{self.branch}' if self.branch else ''}"

    def told(self, turns: Sequence[Turn | None]) -> list[Json | None]:
        """Of each turn what was asked, what was answered at last, and the numbers of all of it."""
        ids = dict.fromkeys(id for turn in turns if turn for id in (turn[0]["attempts"][0], turn[-1]["call_id"]))
        query = {"calls": ",".join(ids)}
        found = self._gateway.get(reading.session(self.session, "/transcript"), query)["calls"] if ids else []
        calls = {added["call"]["id"]: added for added in found}
        return [_told(turn, calls) if turn else None for turn in turns]


def _has(tree: Json, call: str) -> bool:
    """Whether it is on one of the branches that people talk on, or an attempt at what is."""
    if compared.named(tree, call):
        return True
    return any(call in node["attempts"] and compared.named(tree, node["id"]) for node in tree["nodes"])


def _told(turn: Turn, calls: dict[str, Json]) -> Json | None:
    first, last = calls.get(turn[0]["attempts"][0]), calls.get(turn[-1]["call_id"])
    if first is None or last is None:  # deleted meanwhile
        return None
    sums = {name: _sum(node["sums"][of] for node in turn) for name, of in _SUMS.items()}
    return last | {"messages": first["messages"], "call": last["call"] | sums}


def _sum(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def common(one: Side, other: Side) -> int:
    """Turns before they part, where they are branches of the same."""
    alike = (a == b for a, b in zip(one.turns, other.turns, strict=False))
    return next((n for n, same in enumerate(alike) if not same), min(len(one.turns), len(other.turns)))


def pairs(one: Side, other: Side, start: int) -> Iterator[Pair]:
    """The turns from `start` on, in order."""
    rows = list(zip_longest(one.turns[start:], other.turns[start:]))
    for n in range(0, len(rows), _AT_ONCE):
        some = rows[n : n + _AT_ONCE]
        for a, b in zip(one.told([row[0] for row in some]), other.told([row[1] for row in some]), strict=True):
            yield Pair(_answered(a, b), a, b)


class Comparison:
    """Of two sessions, and how many of their turns are the same, as far as they have been held against each other."""

    def __init__(self, gateway: Gateway, a: str, b: str) -> None:
        """As `Side`."""
        self.one, self.other = Side(gateway, a), Side(gateway, b)
        self.common = self.same = common(self.one, self.other)
        self.different = 0

    def pairs(self) -> Iterator[Pair]:
        """The turns that they have not in common, each counted as it comes."""
        for pair in pairs(self.one, self.other, self.common):
            self.same += bool(pair.same)
            self.different += not pair.same
            yield pair


def _answered(a: Json | None, b: Json | None) -> Json:
    status = b["call"]["status"] if b else "ok"
    return {"replays": a["call"]["id"] if a else "", "call_id": b["call"]["id"] if b else None, "status": status}
