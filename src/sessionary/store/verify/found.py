"""What is found, and how a check is run."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store.engine import snapshot

PAGE = 500
Told = Callable[[int], None]


class Difference(msgspec.Struct, frozen=True, order=True):
    kind: str
    """body | message | call | session | search | pointer | traffic"""
    project: int
    id: str
    what: str


@dataclass
class Report:
    shown: int
    """Differences of a kind that are kept."""
    looked_at: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    older_rules: bool = False
    """What is stored was hashed by another version's rules (`rehash`): nodes could not be derived."""
    set_aside: int = 0
    """Records that could not be stored, and were kept as they are: no difference, but not in the log either."""
    sessions: list[tuple[int, str]] = field(default_factory=list)
    """Those whose rows differ from what their calls add up to."""

    def add(self, found: Iterable[Difference]) -> None:
        for one in sorted(found):
            self.counts[one.kind] = self.counts.get(one.kind, 0) + 1
            if self.counts[one.kind] <= self.shown:
                self.differences.append(one)
            if one.kind == "session" and (one.project, one.id) not in self.sessions[-1:]:
                self.sessions.append((one.project, one.id))


class Check(msgspec.Struct, frozen=True):
    """Goes through the values of a column, in order."""

    column: sa.ColumnElement[Any]
    where: Sequence[sa.ColumnElement[bool]]
    look: Callable[[sa.Connection, Sequence[Any]], Iterable[tuple[Any, Difference]]]
    """What differs at some of the values, with the value. Asked again for those alone."""
    counted: bool = True


def run(engine: sa.Engine, check: Check, report: Report, told: Told, again: float) -> None:
    last: Any = None
    while True:
        after = () if last is None else (check.column > last,)
        query = sa.select(check.column).where(*check.where, *after).distinct().order_by(check.column).limit(PAGE)
        with snapshot(engine) as connection:
            values = connection.scalars(query).all()
            found = set(check.look(connection, values)) if values else set()
        if found:
            time.sleep(again)
            with snapshot(engine) as connection:
                found &= set(check.look(connection, list(dict.fromkeys(value for value, _ in found))))
            report.add(one for _, one in found)
        if check.counted:
            report.looked_at += len(values)
            told(report.looked_at)
        if len(values) < PAGE:
            return
        last = values[-1]
