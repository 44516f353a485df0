"""What to store next: the records of all writers, merged by time.

A child's `begin` may be in one worker's file and its parent's `finish` in another's. The finish was appended
first, so reading every writer up to one common moment, the horizon, and merging by time keeps causes before
effects. With several writers the horizon lies a little back, so that nothing before it is still being appended.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from sessionary.record import exchange
from sessionary.record.exchange import Begin, Finish, Record
from sessionary.spool.frame import Damage, Frame
from sessionary.spool.reader import Cursor, Reader

MARGIN_US = 100_000
_TIMED = (Begin, Finish)
_MOST, _ENOUGH = 16 << 20, 2_000
"""Bytes and records of a writer for one round: more together cost no less, and hold up those that come."""


class Unreadable(msgspec.Struct, frozen=True):
    """Bytes that are no record, or a record that nothing can be done with: kept apart with the reason."""

    place: str
    reason: str
    payload: bytes
    kind: str = ""
    """`begin`, `part` or `finish`, where that can be told."""
    call_id: str = ""
    number: int = 0
    """As `Begin.number`."""
    with_parts: bool = False
    """Of an end: what is stored of the answer goes with it."""


class Item(msgspec.Struct, frozen=True):
    at: int
    """0 where nothing before it, of what was read with it, says a time: a stream's pieces say none."""
    writer: str
    record: Record | Unreadable
    cursor: Cursor
    """After it; the first, of what is in no file."""


@dataclass(slots=True)
class Intake:
    items: list[Item] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    """Where each writer stands once the items are stored."""
    dead: list[str] = field(default_factory=list)
    """Writers whose process is gone and whose files hold nothing beyond the cursor."""


def take(
    reader: Reader,
    stored: Mapping[str, Cursor],
    clock: Callable[[], int],
    *,
    limit: int = _MOST,
    until: int | None = None,
) -> Intake:
    """One round's records. `clock` tells microseconds, as is `until`: nothing is taken of what came later."""
    now = clock()
    lanes: list[list[Item]] = []
    intake = Intake()
    writers = reader.writers()
    horizon = now if len(writers) == 1 else now - MARGIN_US
    for writer in writers:
        alive = reader.alive(writer)  # asked before reading: a writer that dies in between is read again
        cursor = stored.get(writer, Cursor())
        chunk = reader.read(writer, cursor, alive=alive, limit=limit, enough=_ENOUGH)
        lane = _decoded(writer, chunk.items)
        if lane and lane[-1].at > (read_at := clock()):
            # The clock was set back. What is in the file is past, whatever it says: it does not wait for its time.
            # What came since `now` is no such thing: its cause may be in another's file.
            lane = [replace(item, at=horizon) if item.at > read_at else item for item in lane]
        if not alive and not lane and not chunk.more:
            intake.dead.append(writer)
        elif lane and len(writers) > 1 and (not alive or reader.pending_bytes(writer, chunk.cursor) > 0):
            # There is more that we have not read; or a dead one's calls are to be ended before others go on from them.
            horizon = min(horizon, lane[-1].at)
        elif chunk.cursor != cursor and not lane:
            intake.cursors[writer] = chunk.cursor
        lanes.append(lane)
    horizon = horizon if until is None else min(horizon, until)
    for lane in lanes:
        for item in lane:
            if item.at > horizon and (len(writers) > 1 or until is not None):
                break
            intake.items.append(item)
            intake.cursors[item.writer] = item.cursor
    intake.items.sort(key=lambda item: item.at)
    return intake


def unreadable(item: Item, reason: str) -> Unreadable:
    """What is set aside of an item that nothing can be done with. Of one that is set aside already, itself."""
    record = item.record
    if isinstance(record, Unreadable):
        return record
    at = item.cursor
    place = f"{item.writer}/{at.segment}/{at.offset}" if at != Cursor() else f"{item.writer}/{record.call_id}"
    kind, number = record.__class__.__name__.lower(), record.number if isinstance(record, Begin) else 0
    return Unreadable(place, reason, exchange.encode(record), kind, record.call_id, number)


def _decoded(writer: str, found: Sequence[tuple[int, Frame | Damage]]) -> list[Item]:
    lane: list[Item] = []
    at = 0
    for segment, piece in found:
        record = _record(f"{writer}/{segment}", piece)
        if isinstance(record, _TIMED) and record.at > at:
            at = record.at  # a clock set back never reorders one writer's records
        lane.append(Item(at, writer, record, Cursor(segment, piece.end)))
    return lane


def _record(segment: str, piece: Frame | Damage) -> Record | Unreadable:
    place = f"{segment}/{piece.end}"
    if isinstance(piece, Damage):
        return Unreadable(place, f"{piece.end - piece.offset} damaged bytes", b"")
    try:
        return exchange.decode(piece.payload)
    except (ValueError, RecursionError) as error:
        return Unreadable(place, f"not a record: {error}"[:500], piece.payload, *_told(piece.payload))


def _told(payload: bytes) -> tuple[str, str]:
    """Kind and call of what is no record, as far as it says; a later version's says both."""
    try:
        match msgspec.msgpack.decode(payload):
            case [("begin" | "part" | "finish") as kind, str(call_id), *_]:
                return kind, call_id
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    return "", ""
