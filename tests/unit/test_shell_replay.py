"""What the shell says of a replay: which answers are the same, where they differ, and what all of it comes to."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.cli.shell import replayed
from sessionary.cli.shell.pairs import Pair, Totals, called, question
from sessionary.cli.shell.told import Paper, Passing
from tests.unit.test_shell_rendering import ADDED, SESSION, WORDS, assert_harmless, shown

Json = dict[str, Any]
SAID = {"type": "text", "text": "Paris."}
TOOL = {"type": "tool_call", "id": "t1", "name": "read", "arguments": {"path": "a", "n": 1}}


def side(*pieces: Json, asked: list[Json] | None = None, **call: Any) -> Json:
    """A call as a transcript has it."""
    facts = {"id": "call_1", "turn": 3, "model": "m", "status": "ok", "error": None, "http_status": 200, "unkept": ""}
    facts |= {"output_tokens": 5, "input_tokens": 10, "cost": 0.5, "duration_ms": 1200.0, "ttft_ms": None}
    messages = [{"role": "user", "pieces": asked}] if asked is not None else []
    return {
        "call": facts | {"stream": False} | call,
        "output": {"pieces": list(pieces)} if pieces else None,
        "messages": messages,
    }


def pair(was: Json | None, now: Json | None, status: str = "ok", **answered: Any) -> Pair:
    told = {"replays": "call_1", "call_id": "call_2", "status": status, "error": None}
    return Pair(told | answered, was, now)


def written(one: Pair, width: int | None = 80) -> str:
    return shown(lambda paper: paper.put(*replayed.told(one, width)), terminal=False)


# The same, or not


@pytest.mark.parametrize(
    "now",
    [
        [SAID],
        [{"type": "reasoning", "text": "Hm."}, SAID],
        [{"type": "text", "text": "Paris.\n"}],
        [SAID | {"annotations": [{"url": "x"}]}],
    ],
)
def test_answers_are_the_same_that_say_the_same(now: list[Json]) -> None:
    assert pair(side(SAID), side(*now)).same is True


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ([SAID], [{"type": "text", "text": "paris."}]),
        ([SAID], [{"type": "refusal", "text": "Paris."}]),
        ([SAID], [SAID, TOOL]),
        ([SAID, TOOL], [SAID]),
        ([TOOL], [TOOL | {"name": "write"}]),
        ([TOOL], [TOOL | {"arguments": {"path": "a", "n": 2}}]),
        ([TOOL], [TOOL, TOOL]),
        ([SAID], [SAID, {"type": "image", "url": "https://x/1.png"}]),
        (
            [{"type": "image", "url": "data:image/png;base64,AAAA"}],
            [{"type": "image", "url": "data:image/png;base64,BBBB"}],
        ),
        ([SAID, {"type": "other", "value": 1}], [SAID, {"type": "other", "value": 2}]),
    ],
)
def test_answers_differ_in_what_they_say_and_do(was: list[Json], now: list[Json]) -> None:
    assert pair(side(*was), side(*now)).same is False
    assert pair(side(*was), side(*was)).same is True


def test_tools_are_called_alike_whatever_their_ids_are() -> None:
    other = TOOL | {"id": "t2", "arguments": {"n": 1, "path": "a"}}
    assert pair(side(TOOL), side(other)).same is True
    assert called(side(SAID, TOOL)) == [("read", {"path": "a", "n": 1})]
    assert called(side({"type": "tool_call", "kind": "web_search_call"})) == [("web_search_call", None)]


@pytest.mark.parametrize(
    ("was", "now", "status"),
    [
        (side(SAID), side(SAID, status="timeout"), "timeout"),
        (side(SAID, status="interrupted"), side(SAID), "ok"),
        (side(SAID), None, "ok"),
        (None, side(SAID), "ok"),
        (side(), side(), "ok"),
    ],
)
def test_what_failed_or_is_not_known_is_neither(was: Json | None, now: Json | None, status: str) -> None:
    assert pair(was, now, status).same is None
    assert "the same" not in written(pair(was, now, status))


# What was asked


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ([{"type": "text", "text": "\n\nWhat is it?\nTell me."}], "What is it?"),
        ([{"type": "text", "text": "first"}, {"type": "text", "text": "last"}], "last"),
        ([{"type": "tool_result", "content": [{"type": "text", "text": "12 degrees\nmore"}]}], "← 12 degrees"),
        ([{"type": "tool_result", "name": "weather"}], "← weather"),
        ([{"type": "image", "url": "https://x/1.png"}], "[image, https://x/1.png]"),
        ([{"type": "text", "text": "\x1b[31mred\x1b[0m\rback"}], "red␍back"),
        ([], ""),
        (None, ""),
    ],
)
def test_a_question_is_its_first_line(asked: list[Json] | None, told: str) -> None:
    assert question(pair(side(SAID, asked=asked), None)) == told
    assert question(pair(None, side(SAID, asked=asked))) == told


# What is told


def test_the_same_answer_is_told_in_a_line() -> None:
    told = written(pair(side(SAID, asked=[{"type": "text", "text": "Where?"}]), side(SAID, cost=None, output_tokens=7)))
    assert told == "turn 3 · Where?\n  = the same answer · 5 → 7 tokens · $0.500 → – · 1.2 s → 1.2 s\n"
    assert "$" not in written(pair(side(SAID, cost=None), side(SAID, cost=None)))


def test_two_answers_are_told_beside_each_other() -> None:
    told = written(pair(side(SAID, TOOL), side({"type": "text", "text": "Rome."}, TOOL, model="other", cost=None)))
    assert told == (
        "\nturn 3\n"
        "  was  m · ok · 5 tokens · $0.500 · 1.2 s\n    Paris.\n    → read\n"
        "  now  other · ok · 5 tokens · 1.2 s\n    Rome.\n    → read\n"
    )


def test_tools_that_differ_are_marked() -> None:
    def last(was: list[Json], now: list[Json]) -> str:
        return written(pair(side(*was), side(*now))).splitlines()[-1].strip()

    assert last([TOOL], [TOOL | {"arguments": {}}]) == "→ read · other arguments"
    assert last([TOOL], [TOOL, TOOL | {"name": "write"}]) == "→ read, write · other tools"
    assert last([SAID], [SAID, TOOL]) == "→ read · other tools"
    assert last([TOOL], [TOOL, TOOL | {"name": "write"}, TOOL]) == "→ read ×2, write · other tools"
    assert last([SAID, TOOL], [SAID]) == "→ no tool is called"
    assert last([TOOL], [TOOL | {"name": f"t{n}"} for n in range(12)]).endswith("t6, t7, and 4 more · other tools")


def test_what_failed_is_told_with_its_error() -> None:
    error = {"type": "x", "message": "used up"}
    told = written(pair(side(SAID), side(status="upstream_error", http_status=403, error=error), "upstream_error"))
    assert told.endswith("  now  m · upstream_error · 5 tokens · $0.500 · 1.2 s\n    ✗ upstream_error: 403 used up\n")
    told = written(pair(side(SAID), None, "rejected", call_id=None, error="No such model."))
    assert told.endswith("  now\n    ✗ rejected: No such model.\n")
    assert written(pair(side(SAID), None)).endswith("  now\n    not stored yet\n")
    assert "  was  not there any more\n" in written(pair(None, side(SAID)))
    assert "what was said is not kept" in written(pair(side(SAID), side(unkept="key")))


def test_a_shortened_answer_begins_where_it_differs() -> None:
    lines = [f"line {n}" for n in range(9)]
    one, other = "\n".join(lines), "\n".join([*lines[:5], "line five", *lines[6:]])
    told = written(pair(side({"type": "text", "text": one}), side({"type": "text", "text": other})))
    shown = [line.strip() for line in told.splitlines() if line.startswith("    ")]
    assert shown == ["… line 5", "line 6", "line 7 …", "… line five", "line 6", "line 7 …"]
    whole = written(pair(side({"type": "text", "text": one}), side({"type": "text", "text": other})), None)
    assert whole.count("    line ") == 18


def test_a_long_line_is_shown_from_about_where_it_differs() -> None:
    words = " ".join(f"word{n}" for n in range(200))
    was, now = side({"type": "text", "text": f"{words} old"}), side({"type": "text", "text": f"{words} new"})
    told = written(pair(was, now), 60)
    assert "word199 old" in told
    assert "word199 new" in told
    assert "word150" not in told


# All of it


def test_totals_are_of_both_sides() -> None:
    totals = Totals()
    totals.add(pair(side(SAID), side(SAID, cost=1.0, duration_ms=800.0)))
    totals.add(pair(side(SAID), side({"type": "text", "text": "Rome."}, cost=None, output_tokens=9)))
    failed = side(status="timeout", cost=None, output_tokens=None, duration_ms=None)
    totals.add(pair(side(SAID), failed, "timeout"))
    totals.add(pair(failed, side(SAID, cost=1.0)))
    totals.add(pair(side(SAID), None, "rejected", call_id=None))
    told = shown(lambda paper: paper.put(*replayed.totals(totals)), terminal=False)
    assert told == (
        "\n5 calls: 1 answered the same, 2 otherwise, 2 failed\n"
        "  cost    $2.000 → $2.000+\n"
        "  time    4.8 s → 3.2 s\n"
        "  tokens  50 in, 20 out → 40 in, 19 out\n"
        "  failed  1 → 2\n"
    )
    assert totals.json()["now"] | {"cost": 0, "duration_ms": 0} == {
        "cost": 0, "duration_ms": 0, "unpriced": 1, "input_tokens": 40, "output_tokens": 19, "failed": 2
    }  # fmt: skip
    nothing = Totals()
    nothing.add(pair(side(SAID, cost=None), side(SAID, cost=None)))
    told = shown(lambda paper: paper.put(*replayed.totals(nothing)), terminal=False)
    assert "  cost    price not known → price not known\n" in told


def plan(**fields: Any) -> Json:
    calls = ["call_1", "call_2"]
    known: Json = {
        "session": "ses_1",
        "model": "new",
        "calls": calls,
        "left_out": [],
        "cost": 0.5,
        "estimate": 2.0,
        "uncounted": 0,
    }
    return known | {"input_tokens": 1200, "output_tokens": 30} | fields


def planned(title: str = "", **fields: Any) -> str:
    session = {"id": "ses_1", "session_id": "mine", "title": title}
    return shown(lambda paper: paper.put(*replayed.plan(plan(**fields), session)), terminal=False)


def test_a_plan_says_what_it_would_cost_as_far_as_that_is_known() -> None:
    assert planned() == "mine · ses_1\n2 calls · 1.2k → 30 tokens · $0.500 then · about $2.000 with new\n"
    assert planned(title="My\nown").startswith("My own · ses_1\n2 calls")
    assert planned(cost=None).endswith(" · price then not known · about $2.000 with new\n")
    assert planned(estimate=None).endswith(" · $0.500 then · price not known with new\n")
    assert planned(cost=0.0, estimate=0.0).endswith(" · $0 then · about $0 with new\n")


def test_calls_that_are_left_out_are_told_by_their_reason() -> None:
    left_out = [{"call_id": f"call_{n}", "why": "It has not ended." if n == 4 else "Not kept."} for n in range(3, 8)]
    assert planned(left_out=left_out).splitlines()[2:] == [
        "left out: 4 calls: Not kept.",
        "left out: call_4: It has not ended.",
    ]


# Whatever was said


@given(
    st.none() | ADDED,
    st.none() | ADDED,
    st.sampled_from(["ok", "rejected", "timeout"]),
    st.none() | WORDS,
    st.none() | st.integers(20, 200),
    st.booleans(),
)
def test_a_replay_is_shown_and_does_nothing(
    was: Any, now: Any, status: str, error: str | None, width: int | None, terminal: bool
) -> None:
    one, totals = pair(was, now, status, call_id="call_2" if now else None, error=error), Totals()
    totals.add(one)

    def tell(paper: Paper) -> None:
        paper.put(*replayed.told(one, width), *replayed.totals(totals))
        paper.json(one.json())
        paper.json(totals.json())

    assert_harmless(shown(tell, terminal=terminal, width=width or 80))


@given(SESSION, WORDS, WORDS, st.integers(20, 200))
def test_a_plan_is_shown_and_does_nothing(session: Any, model: str, why: str, width: int) -> None:
    found = plan(model=model, left_out=[{"call_id": "call_1", "why": why}])
    assert_harmless(shown(lambda paper: paper.put(*replayed.plan(found, session)), terminal=True, width=width))


def test_a_line_that_passes_is_seen_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            return 2

    monkeypatch.setenv("COLUMNS", "20")
    for stream, seen in ((Terminal(), f"\r{'1 of 2':<19}\r{'2 of 2':<19}\r{'':<19}\r"), (io.StringIO(), "")):
        monkeypatch.setattr("sys.stderr", stream)
        passing = Passing()
        for message in ("1 of 2", "2 of\x1b[2J 2"):
            passing.tell(message)
        passing.leave()
        assert stream.getvalue() == seen
