"""Records that are not stored yet, over a real spool: many writers, segments that come and go, damage."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sessionary.record import exchange
from sessionary.record.exchange import Begin, Context, Finish, Part, Record
from sessionary.spool.reader import Reader
from sessionary.spool.writer import Writer
from sessionary.state.spooled import Spooled


def begin(call_id: str, conversation: str = "", project: int = 1, body: bytes = b"{}") -> Begin:
    context = Context(conversation=conversation)
    return Begin(
        call_id, 1, project, "k", "ses", "ses", "id", "r", "responses", "m", True, "", "", {}, body, context=context
    )


def finish(call_id: str, body: bytes = b"") -> Finish:
    return Finish(call_id, 2, "ok", 200, "p", "d", "m", None, "", "", [], {}, body)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def writer(spool: Path) -> Iterator[Writer]:
    writer = Writer(spool)
    yield writer
    writer.close()


def write(writer: Writer, *records: Record) -> None:
    for record in records:
        writer.append(exchange.encode(record))


def test_nothing_is_there_at_first(spool: Path) -> None:
    spooled = Spooled(Reader(spool))
    assert spooled.of("call_a") == []
    assert spooled.of_conversation(1, "conv_a") == []


def test_a_call_is_found_from_its_first_record_on_among_several_writers(spool: Path, writer: Writer) -> None:
    spooled = Spooled(Reader(spool))
    other = Writer(spool)
    records: list[Record] = [begin("call_a"), Part("call_a", 0, b"one"), finish("call_a", b"two")]
    for n, record in enumerate(records, 1):
        write(writer, record)
        write(other, begin(f"call_other{n}"))
        assert spooled.of("call_a") == records[:n]
    assert spooled.of("call_other2") == [begin("call_other2")]
    assert spooled.of("call_unknown") == []
    other.close()


def test_a_call_that_spans_segments_comes_in_order(spool: Path) -> None:
    writer = Writer(spool, max_segment=200)
    parts = [Part("call_a", n, bytes([n]) * 150) for n in range(5)]
    records: list[Record] = [begin("call_a"), *parts, finish("call_a", b"end")]
    for record in records:
        write(writer, record)
    assert len(Reader(spool).segments(writer.name)) > 3
    assert Spooled(Reader(spool)).of("call_a") == records
    writer.close()


def test_what_the_drain_has_removed_is_not_there(spool: Path) -> None:
    writer = Writer(spool, max_segment=200)
    reader = Reader(spool)
    spooled = Spooled(reader)
    parts = [Part("call_a", n, bytes([n]) * 180) for n in range(3)]
    write(writer, begin("call_a", body=b"x" * 200), *parts, finish("call_a", b"y" * 200))
    assert len(spooled.of("call_a")) == 5
    numbers = reader.segments(writer.name)
    reader.discard(writer.name, numbers[2])  # the begin and a part
    assert spooled.of("call_a") == [*parts[1:], finish("call_a", b"y" * 200)]
    reader.discard(writer.name, numbers[-1] + 1)
    assert spooled.of("call_a") == []
    writer.close()


def test_a_writers_folder_may_go_between_two_questions(spool: Path) -> None:
    gone = Writer(spool)
    reader = Reader(spool)
    spooled = Spooled(reader)
    write(gone, begin("call_a", "conv_a"), finish("call_a"))
    assert len(spooled.of("call_a")) == 2
    gone.close()
    reader.retire(gone.name)
    reader.remove(gone.name)
    assert spooled.of("call_a") == []
    assert spooled.of_conversation(1, "conv_a") == []


def test_damage_costs_the_damaged_records_alone(spool: Path, writer: Writer) -> None:
    write(writer, begin("call_a"))
    writer.append(b"\xc1 no record")
    writer.append(b"\x91" * 5000)  # nested deeper than a decoder goes
    writer.append(exchange.encode(begin("call_b")).replace(b"call_b", b"call_\xff"))  # no UTF-8
    before = (spool / writer.name / "00000001.seg").stat().st_size
    write(writer, begin("call_lost"))
    write(writer, begin("call_c"), finish("call_c"))
    with (spool / writer.name / "00000001.seg").open("r+b") as file:
        file.seek(before + 20)
        file.write(b"\0\0\0\0\0\0")
    spooled = Spooled(Reader(spool))
    assert spooled.of("call_c") == [begin("call_c"), finish("call_c")]
    assert spooled.of("call_a") == [begin("call_a")]
    assert spooled.of("call_lost") == []


def test_a_record_that_is_still_being_written_comes_when_it_is_whole(spool: Path, writer: Writer) -> None:
    write(writer, begin("call_a"))
    path = spool / writer.name / "00000001.seg"
    whole = path.read_bytes()
    spooled = Spooled(Reader(spool))
    path.write_bytes(whole[:-5])
    assert spooled.of("call_a") == []
    path.write_bytes(whole)
    assert spooled.of("call_a") == [begin("call_a")]


def test_whether_its_process_runs(spool: Path) -> None:
    writer = Writer(spool)
    spooled = Spooled(Reader(spool))
    write(writer, begin("call_a"))
    assert spooled.of("call_a")
    assert spooled.alive("call_a")
    writer.close()
    assert not spooled.alive("call_a")
    assert spooled.alive("call_unknown"), "what is not here may have been stored: that is no sign of an end"


def test_conversations_are_told_apart_by_project(spool: Path, writer: Writer) -> None:
    other = Writer(spool)
    write(writer, begin("call_a", "conv_a"), begin("call_b", "conv_b"), begin("call_c"))
    write(other, begin("call_d", "conv_a"), begin("call_e", "conv_a", project=2))
    spooled = Spooled(Reader(spool))
    assert sorted(spooled.of_conversation(1, "conv_a")) == ["call_a", "call_d"]
    assert spooled.of_conversation(2, "conv_a") == ["call_e"]
    assert spooled.of_conversation(3, "conv_a") == []
    assert spooled.of_conversation(1, "") == []
    other.close()
