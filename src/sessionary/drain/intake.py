"""What to store next: the records of all writers, merged by time.

A child's `begin` may be in one worker's file and its parent's `finish` in another's. The finish was appended
first, so reading every writer up to one common moment, the horizon, and merging by time keeps causes before
effects. With several writers the horizon lies a little back, so that nothing before it is still being appended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from sessionary.record import exchange
from sessionary.record.exchange import Begin, Finish, Record
from sessionary.spool.frame import Damage, Frame
from sessionary.spool.reader import Cursor, Reader

MARGIN_US = 100_000


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes that are no record: kept apart with the reason, and the round goes on."""

    place: str
    reason: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Item:
    at: int
    writer: str
    record: Record | Unreadable
    cursor: Cursor


@dataclass(slots=True)
class Intake:
    items: list[Item] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    """Where each writer stands once the items are stored."""
    dead: list[str] = field(default_factory=list)
    """Writers whose process is gone and whose files hold nothing beyond the cursor."""


def take(reader: Reader, stored: Mapping[str, Cursor], now: int, *, limit: int = 4 << 20) -> Intake:
    """One round's records. `now` is in microseconds."""
    lanes: list[list[Item]] = []
    intake = Intake()
    writers = reader.writers()
    horizon = now if len(writers) == 1 else now - MARGIN_US
    for writer in writers:
        alive = reader.alive(writer)  # asked before reading: a writer that dies in between is read again
        cursor = stored.get(writer, Cursor())
        chunk = reader.read(writer, cursor, alive=alive, limit=limit)
        lane = _decoded(writer, chunk.items)
        if not alive and not lane and reader.drained(writer, max(chunk.cursor, cursor)):
            intake.dead.append(writer)
        elif lane and (not alive or reader.pending_bytes(writer, chunk.cursor) > 0):
            # There is more that we have not read; or a dead one's calls are to be ended before others go on from them.
            horizon = min(horizon, lane[-1].at)
        if chunk.cursor != cursor and not lane:
            intake.cursors[writer] = chunk.cursor
        lanes.append(lane)
    for lane in lanes:
        for item in lane:
            if item.at > horizon and len(writers) > 1:
                break
            intake.items.append(item)
            intake.cursors[item.writer] = item.cursor
    intake.items.sort(key=lambda item: item.at)
    return intake


def _decoded(writer: str, found: Sequence[tuple[int, Frame | Damage]]) -> list[Item]:
    lane: list[Item] = []
    at = 0
    for segment, piece in found:
        place = f"{writer}/{segment}/{piece.offset}"
        record: Record | Unreadable
        if isinstance(piece, Damage):
            record = Unreadable(place, f"{piece.end - piece.offset} damaged bytes", b"")
        else:
            try:
                record = exchange.decode(piece.payload)
            except (msgspec.DecodeError, RecursionError) as error:
                record = Unreadable(place, f"not a record: {error}"[:500], piece.payload)
        if isinstance(record, Begin | Finish):
            at = max(at, record.at)  # a clock set back never reorders one writer's records
        lane.append(Item(at, writer, record, Cursor(segment, piece.end)))
    return lane
