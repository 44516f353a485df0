"""What a round takes from the spool: causes before effects, whichever worker recorded them, dead or alive."""

import itertools
from pathlib import Path

from sessionary.drain.intake import MARGIN_US, Intake, take
from sessionary.record import exchange
from sessionary.record.exchange import Begin, Finish, Record
from sessionary.spool.reader import Cursor, Reader
from sessionary.spool.writer import Writer


def begin(call_id: str, at: int, size: int = 10) -> Begin:
    body = b"x" * size
    return Begin(call_id, at, 1, "k", "ses", "ses", "id", "r", "responses", "m", False, "", "", {}, body)


def finish(call_id: str, at: int) -> Finish:
    return Finish(call_id, at, "ok", 200, "p", "d", "m", None, "", "", [], {}, b"")


def write(writer: Writer, *records: Record) -> None:
    for record in records:
        writer.append(exchange.encode(record))


def ids(intake: Intake) -> list[str]:
    return [item.record.call_id for item in intake.items if isinstance(item.record, Begin | Finish)]


def test_the_records_of_all_writers_come_by_time(tmp_path: Path) -> None:
    one, two = Writer(tmp_path), Writer(tmp_path)
    write(one, begin("a", 10), finish("a", 30))
    write(two, begin("b", 20), finish("b", 40), begin("late", 1000))
    found = take(Reader(tmp_path), {}, lambda: 100 + MARGIN_US)
    assert ids(found) == ["a", "b", "a", "b"]
    later = take(Reader(tmp_path), found.cursors, lambda: 2000 + MARGIN_US)
    assert ids(later) == ["late"]
    one.close()
    two.close()


def test_what_a_dead_worker_left_comes_before_what_goes_on_from_it(tmp_path: Path) -> None:
    """More than one round takes: a later call of another worker waits until it is read, and its calls are ended."""
    dead = Writer(tmp_path)
    write(dead, *(begin(f"left{n}", 10 + n, 400) for n in range(10)))
    dead.close()
    alive = Writer(tmp_path)
    write(alive, begin("follows", 500))
    reader, cursors, order = Reader(tmp_path), dict[str, Cursor](), list[str]()
    for _ in range(30):
        found = take(reader, cursors, lambda: 1000 + MARGIN_US, limit=1000)
        cursors |= found.cursors
        if found.dead and "ended" not in order:
            order.append("ended")
        order += ids(found)
        if "follows" in order:
            break
    assert order == [*(f"left{n}" for n in range(10)), "ended", "follows"]
    alive.close()


def test_what_came_while_it_was_read_waits_for_its_cause(tmp_path: Path) -> None:
    """It is later than the round began, and no clock was set back."""
    one, two = Writer(tmp_path), Writer(tmp_path)
    began = 10 * MARGIN_US
    write(one, begin("follows", began + 5_000))
    write(two, begin("cause", began - 50_000), finish("cause", began - 40_000))
    times = itertools.count(began, 10_000)
    found = take(Reader(tmp_path), {}, lambda: next(times))
    assert ids(found) == []
    assert ids(take(Reader(tmp_path), found.cursors, lambda: 2 * began)) == ["cause", "cause", "follows"]
    one.close()
    two.close()


def test_a_round_takes_about_as_many_as_are_enough(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    write(writer, *(begin(f"c{n}", 10 + n, 2000) for n in range(4000)))
    reader, cursors, order, rounds = Reader(tmp_path), dict[str, Cursor](), list[str](), []
    while len(order) < 4000:
        found = take(reader, cursors, lambda: 10_000_000)
        cursors |= found.cursors
        order += ids(found)
        rounds.append(len(found.items))
    assert order == [f"c{n}" for n in range(4000)]
    assert len(rounds) == 2
    assert 2000 <= rounds[0] < 3500
    writer.close()
