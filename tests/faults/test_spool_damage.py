"""A spool that was damaged while nobody looked: only what is damaged is lost, and nothing else is read (F3, S8)."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.drain.intake import take
from sessionary.spool import frame
from sessionary.spool.frame import Damage, Frame, Framing, framing
from sessionary.spool.reader import Cursor, Reader
from sessionary.spool.writer import Writer
from tests.faults.test_spool_sweeps import everything

OLD = Framing(b"\xf5\xa7", of_length=False)
RECORDS = [bytes([65 + n]) * (20 + n) for n in range(9)]


def written(root: Path, records: list[bytes] = RECORDS, max_segment: int = 150) -> tuple[Reader, str, list[Path]]:
    writer = Writer(root, max_segment=max_segment, fsync_interval=1e6)
    for record in records:
        writer.append(record)
    writer.close()
    return Reader(root), writer.name, sorted((root / writer.name).glob("*.seg"))


def test_any_byte_that_flips_costs_one_record(tmp_path: Path) -> None:
    """F3. Every byte of a segment in turn, the magic included."""
    reader, writer, (path,) = written(tmp_path, max_segment=1 << 20)
    whole = path.read_bytes()
    rng = random.Random(seed := random.randrange(1 << 30))
    print("seed", seed)
    for at in range(len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        found, damage = everything(reader, writer)
        assert [r for r in RECORDS if r in found] == found
        assert len(found) == len(RECORDS) - (at >= len(frame.MAGIC)), at
        assert len(damage) == 1
    print(f"{len(whole)} bytes flipped")


def test_a_tail_that_is_torn_anywhere_costs_what_was_torn(tmp_path: Path) -> None:
    """F3."""
    reader, writer, (path,) = written(tmp_path, max_segment=1 << 20)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        found, damage = everything(reader, writer)
        assert found == RECORDS[: len(found)]
        size = sum(len(r) + 16 for r in found)
        if cut > len(frame.MAGIC):
            assert cut - len(frame.MAGIC) - size < 16 + len(RECORDS[len(found)])
        assert sum(d.end - d.offset for d in damage) == (
            cut if cut < len(frame.MAGIC) else cut - len(frame.MAGIC) - size
        )


def test_a_record_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    """F3. A large write becomes visible piece by piece: what is there of it is neither read nor damage."""
    writer = Writer(tmp_path, fsync_interval=1e6)
    for record in RECORDS:
        writer.append(record)
    (path,) = (tmp_path / writer.name).glob("*.seg")
    reader, whole = Reader(tmp_path), path.read_bytes()
    for cut in range(0, len(whole), 3):
        path.write_bytes(whole[:cut])
        first = reader.read(writer.name, Cursor(), alive=True)
        path.write_bytes(whole)
        then = reader.read(writer.name, first.cursor, alive=True)
        assert [i.payload for _, i in (*first.items, *then.items) if isinstance(i, Frame)] == RECORDS
        assert not [i for _, i in (*first.items, *then.items) if isinstance(i, Damage)]
    writer.close()


@pytest.mark.parametrize("how", ["missing", "empty", "magic alone", "zeros", "cut below the cursor"])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_lost_segment_costs_its_records(tmp_path: Path, which: int, how: str) -> None:
    """F3. The first, one in between, the last; and the dead writer's folder is done with all the same."""
    reader, writer, paths = written(tmp_path)
    assert len(paths) == 3
    kept = [r for p in paths if p != paths[which] for r in everything_in(p, writer)]
    size = paths[which].stat().st_size
    cursor = Cursor()
    match how:
        case "missing":
            paths[which].unlink()
        case "empty":
            paths[which].write_bytes(b"")
        case "magic alone":
            paths[which].write_bytes(frame.MAGIC)
        case "zeros":
            paths[which].write_bytes(bytes(size))
        case _:
            cursor = Cursor(which + 1, size)
            paths[which].write_bytes(paths[which].read_bytes()[:50])
            kept = [r for p in paths[which + 1 :] for r in everything_in(p, writer)]
    found, more = [], True
    while more:
        chunk = reader.read(writer, cursor, alive=False, limit=64)
        found += [i.payload for _, i in chunk.items if isinstance(i, Frame)]
        cursor, more = chunk.cursor, chunk.more
    assert found == kept
    assert take(reader, {writer: cursor}, lambda: 10**16).dead == [writer]
    assert reader.pending_bytes(writer, cursor) == 0


def everything_in(path: Path, writer: str) -> list[bytes]:
    found = framing(writer, int(path.stem)).scan(path.read_bytes()[len(frame.MAGIC) :], final=True)
    return [f.payload for f in found if isinstance(f, Frame)]


def test_a_folder_without_lock_or_segments_is_a_dead_writers(tmp_path: Path) -> None:
    """F3, F18. What a person or a backup left there keeps nobody from reading the rest."""
    reader, writer, _ = written(tmp_path)
    (tmp_path / writer / "lock").unlink()
    (tmp_path / writer / "note.txt").write_text("what is this?")
    (tmp_path / writer / "abc.seg").write_bytes(b"?")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a file").write_text("?")
    assert sorted(reader.writers()) == sorted([writer, "empty"])
    assert everything(reader, writer) == (RECORDS, [])
    assert take(reader, {}, lambda: 10**16).dead == ["empty"]
    reader.retire(writer)
    reader.remove(writer)
    assert reader.writers() == ["empty"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a file", "empty"]


def test_bytes_within_a_record_are_never_a_record(tmp_path: Path) -> None:
    """S8, F3. Who knows the format, and sends frames, has them stored as what was sent, also where the frame around
    them is torn by a kill, or seen while it is being written."""
    wanted = b"forged"
    inner = b"".join(
        framed.encode(wanted)
        for framed in (OLD, Framing(frame.MAGIC), Framing(b"\0" * 8), *(framing("writer", n) for n in range(1, 20)))
    )
    reader, writer, (path,) = written(tmp_path, [b"first", inner, b"last"], max_segment=1 << 20)
    assert everything(reader, writer) == ([b"first", inner, b"last"], [])
    whole = path.read_bytes()
    for cut in range(60, len(whole) - 1, 7):
        path.write_bytes(whole[:cut])
        for alive in (True, False):
            chunk = reader.read(writer, Cursor(), alive=alive)
            assert wanted not in [i.payload for _, i in chunk.items if isinstance(i, Frame)]
    for at in range(40, 56):  # the head of the frame around them
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        assert wanted not in everything(reader, writer)[0]


def test_looking_for_the_next_record_is_linear() -> None:
    """S8. In a segment of format 1, whose mark anybody can write, damage may be followed by nothing but what looks like
    records: each byte is read a bounded number of times."""
    junk = b"\xf5\xa7" + (400_000).to_bytes(4, "little") + b"none"
    data = b"\xf5\xa7\0" + junk * 100_000
    start = time.process_time()
    assert list(OLD.scan(data, final=True)) == [Damage(0, len(data))]
    behind = list(framing("w", 1).scan(data + framing("w", 1).encode(b"here"), final=True))
    assert [f.payload for f in behind if isinstance(f, Frame)] == [b"here"]
    assert time.process_time() - start < 5


def test_fuzzed_segments(tmp_path: Path) -> None:
    """F3, S8. Pieces overwritten, cut out, doubled, moved: what is read was written, once each time that it is there,
    and all bytes are read or told to be damage."""
    rng = random.Random(seed := random.randrange(1 << 30))
    print("seed", seed)
    framed, fuzzed = framing("w", 1), 0
    for _ in range(300):
        records = [rng.randbytes(rng.randrange(400)) for _ in range(rng.randrange(1, 40))]
        data = bytearray(b"".join(map(framed.encode, records)))
        for _ in range(rng.randrange(1, 6)):
            a, b = sorted(rng.randrange(len(data) + 1) for _ in range(2))
            b = min(b, a + 600)
            match rng.randrange(5):
                case 0:
                    data[a:b] = rng.randbytes(b - a)
                case 1:
                    del data[a:b]
                case 2:
                    data[a:a] = data[a:b]
                case 3:
                    data[a:b] = bytes(b - a)
                case 4:
                    data[a:a] = rng.randbytes(b - a)
            data = data or bytearray(b"\0")
        fuzzed += len(data)
        found = list(framed.scan(bytes(data), final=True))
        assert {f.payload for f in found if isinstance(f, Frame)} <= set(records)
        assert sum(f.end - f.offset for f in found) == len(data)
        growing = [f for f in framed.scan(bytes(data), final=False) if isinstance(f, Frame)]
        assert growing == [f for f in found if isinstance(f, Frame)]
    print(f"{fuzzed} bytes fuzzed")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3000), st.booleans(), st.sampled_from([1, 7, 100, 1 << 20]))
def test_any_bytes_as_a_segment(tmp_path_factory: pytest.TempPathFactory, data: bytes, old: bool, limit: int) -> None:
    """F3, S8. However little is read at a time."""
    root = tmp_path_factory.mktemp("spool")
    (root / "w").mkdir()
    magic = b"SPOOL\x01\n\0" if old else b""
    (root / "w" / "00000001.seg").write_bytes(magic + data)
    (root / "w" / "00000002.seg").write_bytes(frame.MAGIC + framing("w", 2).encode(b"behind"))
    found, damage = everything(Reader(root), "w", limit=limit)
    assert found[-1] == b"behind"
    read = sum(len(f) + (10 if old else 16) for f in found[:-1]) + sum(d.end - d.offset for d in damage)
    assert read + (8 if magic or data.startswith(frame.MAGIC) else 0) == len(magic + data) or data.startswith(b"SPOOL")
