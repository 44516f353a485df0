"""The spool against a plain list: what was appended is read, in order, once; damage costs only what it hits."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.settings import Settings
from sessionary.spool.files import Disk
from sessionary.spool.frame import Damage, Frame, framing
from sessionary.spool.reader import Cursor, Reader
from sessionary.spool.writer import Writer
from tests.support.server import wait_for

FRAMING = framing("writer", 1)
payloads = st.lists(st.binary(max_size=300), max_size=20)


def read_all(reader: Reader, writer: str, *, alive: bool, limit: int = 1 << 20) -> list[bytes]:
    cursor, found = Cursor(), []
    while True:
        chunk = reader.read(writer, cursor, alive=alive, limit=limit)
        if chunk.cursor == cursor:
            return found
        found += [item.payload for _, item in chunk.items if isinstance(item, Frame)]
        cursor = chunk.cursor


@given(payloads)
def test_frames_round_trip(items: list[bytes]) -> None:
    data = b"".join(FRAMING.encode(p) for p in items)
    assert [f.payload for f in FRAMING.scan(data, final=True) if isinstance(f, Frame)] == items


@given(payloads.filter(len), st.data())
def test_one_flipped_bit_costs_one_record(items: list[bytes], data: st.DataObject) -> None:
    encoded = bytearray(b"".join(FRAMING.encode(p) for p in items))
    at = data.draw(st.integers(0, len(encoded) * 8 - 1))
    encoded[at // 8] ^= 1 << (at % 8)
    found = list(FRAMING.scan(bytes(encoded), final=True))
    kept = [f.payload for f in found if isinstance(f, Frame)]
    assert any(isinstance(f, Damage) for f in found)
    assert len(kept) >= len(items) - 1
    remaining = list(items)
    for payload in kept:
        if payload in remaining:
            remaining.remove(payload)
    assert len(remaining) <= 1


@given(payloads.filter(len), st.integers(1, 400))
def test_a_torn_tail_is_not_reported_while_it_may_still_grow(items: list[bytes], cut: int) -> None:
    whole = b"".join(FRAMING.encode(p) for p in items)
    torn = whole[: max(0, len(whole) - cut)]
    growing = list(FRAMING.scan(torn, final=False))
    assert all(isinstance(f, Frame) for f in growing)
    assert [f.payload for f in growing if isinstance(f, Frame)] == items[: len(growing)]


@given(st.binary(max_size=2000))
def test_any_bytes_are_scanned_to_their_end(data: bytes) -> None:
    found = list(FRAMING.scan(data, final=True))
    assert sum(f.end - f.offset for f in found) == len(data)


@settings(max_examples=25, deadline=None)
@given(items=payloads, size=st.sampled_from([64, 500, 1 << 20]), limit=st.sampled_from([1, 100, 1 << 20]))
def test_writer_and_reader_agree_with_a_list(
    tmp_path_factory: "object", items: list[bytes], size: int, limit: int
) -> None:
    root = Path(tmp_path_factory.mktemp("spool"))  # type: ignore[attr-defined]
    writer = Writer(root, max_segment=size)
    for item in items:
        writer.append(item)
    reader = Reader(root)
    assert reader.writers() == [writer.name]
    assert reader.alive(writer.name)
    assert read_all(reader, writer.name, alive=True, limit=limit) == items
    writer.close()
    assert not reader.alive(writer.name)
    assert read_all(reader, writer.name, alive=False, limit=limit) == items


def test_a_segment_is_discarded_only_before_the_cursor(tmp_path: Path) -> None:
    writer = Writer(tmp_path, max_segment=50)
    for n in range(5):
        writer.append(bytes([n]) * 60)
    reader = Reader(tmp_path)
    numbers = reader.segments(writer.name)
    assert len(numbers) == 5
    reader.discard(writer.name, numbers[3])
    assert reader.segments(writer.name) == numbers[3:]
    writer.close()
    first = reader.read(writer.name, Cursor(), alive=False, limit=1)
    assert first.more
    rest = reader.read(writer.name, first.cursor, alive=False)
    assert len(rest.items) == 1
    assert not rest.more


def test_a_record_longer_than_the_limit_is_read_whole(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.append(b"x" * 100_000)
    writer.append(b"y")
    assert read_all(Reader(tmp_path), writer.name, alive=True, limit=1000) == [b"x" * 100_000, b"y"]
    writer.close()


def test_a_writer_is_seen_only_when_its_lock_is_held(tmp_path: Path) -> None:
    """Else a drain that looks just then takes it for dead, and removes the folder that it is going to write into."""
    reader, seen = Reader(tmp_path), []

    class Looked(Disk):
        def lock(self, fd: int, *, shared: bool = False) -> bool:
            seen.append(reader.writers())
            held = super().lock(fd, shared=shared)
            seen.append(reader.writers())
            return held

    writer = Writer(tmp_path, files=Looked())
    assert seen == [[], []]
    assert reader.writers() == [writer.name]
    assert reader.alive(writer.name)
    writer.append(b"x")
    writer.close()
    assert read_all(reader, writer.name, alive=False) == [b"x"]


def test_one_that_hardly_ever_writes_is_there_from_its_first_record_on(tmp_path: Path) -> None:
    reader, rings = Reader(tmp_path), list[str]()
    writer, silent = (Writer(tmp_path, at_once=False, ring=lambda: rings.append("")) for _ in range(2))
    assert writer.empty
    writer.sync()
    silent.close()
    assert (list(tmp_path.iterdir()), rings) == ([], [])
    writer.append(b"x")
    assert rings
    assert reader.writers() == [writer.name]
    assert reader.alive(writer.name)
    writer.rotate()
    writer.append(b"y")
    writer.close()
    assert read_all(reader, writer.name, alive=False) == [b"x", b"y"]


def test_nothing_at_all(tmp_path: Path) -> None:
    assert Reader(tmp_path / "missing").writers() == []


def test_each_record_is_durable_at_once_where_that_is_wanted(tmp_path: Path) -> None:
    """P2: `fsync_interval: 0`."""
    synced: list[int] = []

    class Counted(Disk):
        def sync(self, fd: int) -> None:  # type: ignore[override]
            synced.append(fd)

    writer = Writer(tmp_path, fsync_interval=0, files=Counted())
    for n in range(3):
        before = len(synced)
        writer.append(bytes([n]))
        assert len(synced) > before
    writer.close()


def test_what_was_written_is_made_durable_by_itself(tmp_path: Path) -> None:
    """P2: whatever comes, and also where nothing comes behind it."""
    written: list[int] = []
    synced: list[int] = []

    class Counted(Disk):
        def sync(self, fd: int) -> None:  # type: ignore[override]
            synced.append(len(written))

    assert Settings().fsync_interval == 0.5
    writer = Writer(tmp_path, fsync_interval=0.01, files=Counted())
    for n in range(3):
        written.append(n)
        writer.append(bytes([n]))
        wait_for(lambda: synced and synced[-1] == len(written), what="a sync behind the last record")
    wait_for(lambda: _rests(synced), what="no sync of what is durable already")
    writer.close()


def _rests(synced: list[int]) -> bool:
    """Whether nothing is synced for ten times as long as between two looks."""
    before = len(synced)
    time.sleep(0.1)
    return len(synced) == before


def test_of_many_records_about_as_many_as_are_enough_are_read_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionary.spool.reader._PIECE", 400)
    records = [b"%03d" % n * 20 for n in range(200)]
    writer = Writer(tmp_path, max_segment=5_000)
    for record in records:
        writer.append(record)
    reader, cursor, rounds = Reader(tmp_path), Cursor(), []
    while not rounds or rounds[-1]:
        chunk = reader.read(writer.name, cursor, alive=True, limit=100_000, enough=30)
        assert chunk.more or len(rounds) >= 5
        rounds.append([item.payload for _, item in chunk.items if isinstance(item, Frame)])
        cursor = chunk.cursor
    assert [payload for some in rounds for payload in some] == records
    assert all(30 <= len(some) < 40 for some in rounds[:-2])
    writer.close()
