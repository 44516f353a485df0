"""Counts what becomes of calls, writer by writer, as a round reads their begins: the drain's side of the ledger. Pure.

A writer numbers the calls that it has got into the spool. A number that is left out was there, and cannot be read any
more; one that is not above the last was counted before.
"""

from collections.abc import Callable, Iterable, Mapping

from sessionary.drain.intake import Item, Unreadable
from sessionary.record.exchange import Begin, Record
from sessionary.store.ledger import Counts


def count(before: Mapping[str, Counts], items: Iterable[Item], stored: Callable[[str], bool]) -> dict[str, Counts]:
    """The counts of the items' writers after a round. `stored` says whether a call's row is there when it commits."""
    read: dict[str, list[Record | Unreadable]] = {}
    for item in items:
        read.setdefault(item.writer, []).append(item.record)
    return {writer: _counted(before.get(writer, Counts()), records, stored) for writer, records in read.items()}


def _counted(before: Counts, records: Iterable[Record | Unreadable], stored: Callable[[str], bool]) -> Counts:
    begun, kept, aside, damaged = before.begun, before.stored, before.set_aside, before.damaged
    for record in records:
        if not isinstance(record, Begin) and not (isinstance(record, Unreadable) and record.kind == "begin"):
            continue
        number = record.number or begun + 1
        if number <= begun:
            continue
        damaged += number - begun - 1
        begun = number
        if isinstance(record, Unreadable):
            aside += 1
        elif stored(record.call_id):
            kept += 1
    return Counts(begun, kept, aside, damaged)
