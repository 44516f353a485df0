"""Which system prompts are the same: a wrong likeness joins conversations of different programs, a missed one is a
conversation that nobody finds again the next morning."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.ids import digest
from sessionary.wire.prompt import key

COUNT = "x-anthropic-billing-header: cc_version=2.1.37.{}; cc_entrypoint=cli; cch={};"


def keyed(*parts: bytes) -> bytes | None:
    return key([digest(part) for part in parts], {digest(part): part for part in parts})


def prompt(text: object) -> bytes | None:
    return keyed(json.dumps(text, ensure_ascii=False).encode())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Today is 2026-11-30.", "Today is 2026-12-01."),
        ("Today's date: 30/11/2026", "Today's date: 1/12/2026"),
        ("Current date: 30.11.2026", "Current date: 01.12.2026"),
        ("The current date is November 30, 2026.", "The current date is Dec 1st, 2026."),
        ("Today is Monday, 30 November 2026.", "Today is Tuesday, 1 December 2026."),
        ("Today's date: Mon Nov 30 2026", "Today's date: Tue Dec 1 2026"),
        ("Mon Nov 30 14:03:11 2026", "Tue Dec  1 09:00:00 2026"),
        ("Sun Nov 29 2026 14:03:11 GMT+0100", "Tue Dec 01 2026 09:00:00 GMT+0100"),
        ("It is 11/30/2026, 2:03 PM now", "It is 12/1/2026, 11:59 am now"),
        ("It is Nov 30, 2026 at 14:03.", "It is Dec 1, 2026 at 9:05."),
        ("now=2026-11-30T14:03:11.123Z", "now=2026-12-01 09:00:00+02:00"),
        ("今天是2026年11月30日", "今天是2026年12月1日"),
        ("Rules of 2024.\nMonday, 2026-11-30\nx", "Rules of 2024.\nTuesday, 2026-12-01\nx"),
        ("2026-11-30 and 2026-11-29", "2026-12-01 and 2026-11-30"),
    ],
)
def test_dates_make_no_difference(one: str, other: str) -> None:
    assert prompt(one) == prompt(other)
    assert prompt(f"You help Ann.\n{one}\nBe brief.") == prompt(f"You help Ann.\n{other}\nBe brief.")
    assert prompt(f"You help Ann.\n{one}") != prompt(f"You help Bob.\n{other}")


def test_counts_make_no_difference() -> None:
    def told(n: int, who: str = "You are Claude Code.") -> bytes | None:
        billed = {"type": "text", "text": COUNT.format(n, hex(n))}
        return prompt([billed, {"type": "text", "text": who, "cache_control": {"type": "ephemeral"}}])

    assert told(1) == told(2)
    assert told(1) != told(2, "You are another.")


def test_a_count_takes_nothing_along() -> None:
    """Where a program has made one text of the blocks."""
    one, other = (prompt(f"{COUNT.format(1, n)}\nYou help {who}.") for n, who in ((1, "Ann"), (2, "Bob")))
    assert one != other
    assert one == prompt(f"{COUNT.format(2, 3)}\nYou help Ann.")


@pytest.mark.parametrize(
    "text",
    ["You help Ann.", "Use version 1.2.3 of port 8080.", "In 2026 answer in 3 sentences.", "Model 2026-4"],
)
def test_what_is_no_date_counts(text: str) -> None:
    raw = json.dumps(text).encode()
    assert keyed(raw) == digest(digest(raw))


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_any_bytes(parts: list[bytes]) -> None:
    found = keyed(*parts)
    assert (found is None) == (not parts)
    assert found == keyed(*parts)


def test_a_prompt_full_of_years_is_looked_through_up_to_a_bound() -> None:
    few, many = "In 2019. " * 40, "In 2019. " * 80
    assert prompt(f"{few} 2026-11-30") == prompt(f"{few} 2026-12-01")
    assert prompt(f"{many} 2026-11-30") != prompt(f"{many} 2026-12-01")


def test_no_prompt() -> None:
    assert key([], {}) is None
