"""What waits in the spool is counted without reading it, and what was counted is not looked at again."""

import random
from pathlib import Path

import pytest

from sessionary.record import backlog
from sessionary.record.backlog import Backlog, Depth
from sessionary.record.exchange import Begin, Part, Record, encode
from sessionary.spool.reader import Cursor, Reader
from sessionary.spool.writer import Writer


def begin(number: int, at: int = 5) -> Begin:
    return Begin(
        call_id=f"call_{number}", at=at, project=1, key_id="k", session_id="ses_1", session_text="s", source="id",
        rule="r", endpoint="chat.completions", model="m", stream=True, client="c", user="", headers={},
        body=b"begin" * 9, number=number,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_every_look_finds_what_a_reading_finds(tmp_path: Path, seed: int) -> None:
    """Against a list: whatever was written, read, stored and deleted between two looks."""
    rng = random.Random(seed)
    reader, writer = Reader(tmp_path), Writer(tmp_path, max_segment=700)
    counted, written, cursor = Backlog(reader), 0, Cursor()
    waiting: list[Record] = []
    for _ in range(60):
        for _ in range(rng.randrange(6)):
            if rng.random() < 0.5:
                written += 1
                waiting.append(begin(written))
            else:
                waiting.append(Part("call_begin", 0, b"\xa5begin" * rng.randrange(9)))
            writer.append(encode(waiting[-1]))
        if rng.random() < 0.3:
            chunk = reader.read(writer.name, cursor, alive=True, limit=rng.randrange(1, 900))
            cursor = chunk.cursor
            del waiting[: len(chunk.items)]
            reader.discard(writer.name, cursor.segment)
        begun = [r.number for r in waiting if isinstance(r, Begin)]
        found = counted.depth(writer.name, cursor)
        assert found == Depth(len(waiting), len(begun), begun[-1] if begun else 0, exact=True), seed
    writer.close()


def test_a_long_backlog_takes_several_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_MOST", 4)
    reader, writer = Reader(tmp_path), Writer(tmp_path)
    for number in range(1, 11):
        writer.append(encode(begin(number)))
    counted = Backlog(reader)
    found = [counted.depth(writer.name, Cursor()) for _ in range(4)]
    assert [(d.calls, d.last, d.exact) for d in found] == [(4, 4, False), (8, 8, False), (10, 10, True), (10, 10, True)]
    writer.close()


def test_damage_and_what_is_being_written(tmp_path: Path) -> None:
    reader, writer = Reader(tmp_path), Writer(tmp_path)
    for number in range(1, 4):
        writer.append(encode(begin(number)))
    file = next(tmp_path.glob("*/*.seg"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    assert Backlog(reader).depth(writer.name, Cursor()) == Depth(2, 2, 2, exact=True)
    file.write_bytes(whole[:8] + b"xy" + whole[10:])
    assert Backlog(reader).depth(writer.name, Cursor()) == Depth(0, 0, 0, exact=False)
    assert Backlog(reader).depth("absent", Cursor()) == Depth(0, 0, 0, exact=True)
    writer.close()


def test_the_oldest_is_the_first_that_says_when(tmp_path: Path) -> None:
    reader, writer = Reader(tmp_path), Writer(tmp_path)
    assert Backlog(reader).oldest(writer.name, Cursor()) is None
    for payload in (encode(Part("call_1", 0, b"x")), b"no record", encode(begin(1, at=77)), encode(begin(2, at=99))):
        writer.append(payload)
    assert Backlog(reader).oldest(writer.name, Cursor()) == 77
    writer.close()
