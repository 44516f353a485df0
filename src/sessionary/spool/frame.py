"""Framing of records in a segment. Pure; see the package docstring for the format."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"SPOOL\x01\n\0"
MARK = b"\xf5\xa7"
HEAD = 10
MAX_PAYLOAD = 1 << 30


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole record's payload; `end` is the offset after it."""

    offset: int
    end: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes from `offset` to `end` that hold no readable record."""

    offset: int
    end: int


def encode(payload: bytes) -> bytes:
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a record of {len(payload)} bytes does not fit a frame")
    return b"".join((MARK, len(payload).to_bytes(4, "little"), zlib.crc32(payload).to_bytes(4, "little"), payload))


def length(head: bytes) -> int:
    """Of the payload behind a record's first `HEAD` bytes."""
    return int.from_bytes(head[2:6], "little")


def _frame_at(data: bytes, at: int) -> Frame | None:
    if data[at : at + 2] != MARK or at + HEAD > len(data):
        return None
    length = int.from_bytes(data[at + 2 : at + 6], "little")
    end = at + HEAD + length
    if length > MAX_PAYLOAD or end > len(data):
        return None
    payload = data[at + HEAD : end]
    if zlib.crc32(payload) != int.from_bytes(data[at + 6 : at + 10], "little"):
        return None
    return Frame(at, end, payload)


def scan(data: bytes, *, final: bool) -> Iterator[Frame | Damage]:
    """The frames in `data` (offsets are within it), and the damage between them.

    Where `final` is false, a tail that holds no further frame may still be growing and is not reported;
    where it is true, such a tail is damage.
    """
    at = 0
    while at < len(data):
        frame = _frame_at(data, at)
        if frame is not None:
            yield frame
            at = frame.end
            continue
        found = None
        probe = data.find(MARK, at + 1)
        while probe != -1 and found is None:
            found = _frame_at(data, probe)
            if found is None:
                probe = data.find(MARK, probe + 1)
        if found is not None:
            yield Damage(at, found.offset)
            at = found.offset
        else:
            if final:
                yield Damage(at, len(data))
            return
