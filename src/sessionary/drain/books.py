"""Counts what becomes of calls, writer by writer, as a round reads their begins: the drain's side of the ledger. Pure.

A writer numbers the calls that it has got into the spool. A number that is left out was there, and cannot be read any
more; one that is not above the last was counted before.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from sessionary.drain.intake import Item, Unreadable
from sessionary.record.exchange import Begin
from sessionary.store.ledger import Counts


def count(before: Mapping[str, Counts], items: Iterable[Item], stored: Callable[[str], bool]) -> dict[str, Counts]:
    """The counts of the items' writers after a round. `stored` says whether a call's row is there when it commits."""
    after: dict[str, Counts] = {}
    for item in items:
        counts = after.setdefault(item.writer, before.get(item.writer, Counts()))
        record = item.record
        if not isinstance(record, Begin) and not (isinstance(record, Unreadable) and record.kind == "begin"):
            continue
        number = record.number or counts.begun + 1
        if number <= counts.begun:
            continue
        counts = replace(counts, begun=number, damaged=counts.damaged + number - counts.begun - 1)
        if isinstance(record, Unreadable):
            counts = replace(counts, set_aside=counts.set_aside + 1)
        elif stored(record.call_id):
            counts = replace(counts, stored=counts.stored + 1)
        after[item.writer] = counts
    return after
