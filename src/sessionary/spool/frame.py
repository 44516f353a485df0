"""Framing of records in a segment. Pure; see the package docstring for the format.

Records hold what strangers send, so a frame is known by a mark that they cannot know: no bytes within a record are
ever taken for a record, also where the frame around them is torn. So looking for the next frame after damage is one
pass, for what has the mark is a frame.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator

import msgspec

MAGIC = b"SPOOL\x02\n\0"
_MAGIC_1 = b"SPOOL\x01\n\0"
_MARK_1 = b"\xf5\xa7"
MAX_PAYLOAD = 1 << 30
_NUMBERS = struct.Struct("<II")
"""What follows a mark: the payload's length, and the checksum."""
_PATIENCE = 32
"""How often, on average, a byte is read in search of the next frame after damage. Only records of format 1, whose mark
anybody could write, can make it more than once or twice."""


class Frame(msgspec.Struct, frozen=True):
    """A whole record's payload; `end` is the offset after it."""

    offset: int
    end: int
    payload: bytes


class Damage(msgspec.Struct, frozen=True):
    """Bytes from `offset` to `end` that hold no readable record."""

    offset: int
    end: int


class Framing(msgspec.Struct, frozen=True):
    """How one segment's records are framed."""

    mark: bytes
    of_length: bool = True
    """Whether the checksum is of the length too: else zeros behind a mark would be a record, an empty one."""

    @property
    def head(self) -> int:
        """Bytes in front of a payload."""
        return len(self.mark) + _NUMBERS.size

    def encode(self, payload: bytes) -> bytes:
        """Raises ValueError for a payload that is too long."""
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"a record of {len(payload)} bytes does not fit a frame")
        checksum = self._checksum(len(payload).to_bytes(4, "little"), payload)
        return b"".join((self.mark, _NUMBERS.pack(len(payload), checksum), payload))

    def length(self, head: bytes) -> int:
        """Of the payload behind a record's first bytes."""
        return int.from_bytes(head[len(self.mark) : len(self.mark) + 4], "little")

    def scan(self, data: bytes, *, final: bool, start: int = 0) -> Iterator[Frame | Damage]:
        """The frames in `data`, and the damage between them; offsets are counted from `start`, where `data` begins.

        Where `final` is false, a tail that holds no further frame may still be growing and is not reported;
        where it is true, such a tail is damage.
        """
        at = 0
        while at < len(data):
            found = self._at(data, at, start) or self._after(data, at, start)
            if found is None:
                if final:
                    yield Damage(start + at, start + len(data))
                return
            if found.offset > start + at:
                yield Damage(start + at, found.offset)
            yield found
            at = found.end - start

    def _at(self, data: bytes, at: int, start: int) -> Frame | None:
        begin = at + self.head
        if not data.startswith(self.mark, at) or begin > len(data):
            return None
        length, checksum = _NUMBERS.unpack_from(data, begin - _NUMBERS.size)
        end = begin + length
        if length > MAX_PAYLOAD or end > len(data):
            return None
        payload = data[begin:end]
        if self._checksum(data[begin - 8 : begin - 4], payload) != checksum:
            return None
        return Frame(start + at, start + end, payload)

    def _checksum(self, size: bytes, payload: bytes) -> int:
        return zlib.crc32(payload, zlib.crc32(size) if self.of_length else 0)

    def _after(self, data: bytes, at: int, start: int) -> Frame | None:
        """The next frame behind `at`."""
        patience = _PATIENCE * len(data)
        while (at := data.find(self.mark, at + 1)) != -1 and patience > 0:
            found = self._at(data, at, start)
            if found is not None:
                return found
            patience -= min(self.length(data[at : at + self.head]), len(data) - at)
        return None


def framing(writer: str, number: int) -> Framing:
    """Of a writer's segments. A writer's name is drawn by lot, and told to nobody."""
    return Framing(hashlib.blake2b(f"{writer}/{number}".encode(), digest_size=8).digest())


def of_segment(magic: bytes, writer: str, number: int) -> Framing:
    """As a segment that begins with `magic` is written. A damaged one is taken to be new."""
    return Framing(_MARK_1, of_length=False) if magic == _MAGIC_1 else framing(writer, number)


def begins(magic: bytes) -> bool:
    """Whether a segment's first bytes are what they should be."""
    return magic in (MAGIC, _MAGIC_1)
