"""What the shell shows of what clients and models said: all of it, and nothing that a terminal would obey.

The answers are made from the API's own types: whatever it may give.
"""

import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import msgspec.inspect as mi
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from sessionary.api import types
from sessionary.cli import app
from sessionary.cli.shell import harmless, rows
from sessionary.cli.shell.following import Following, Growing, Voice
from sessionary.cli.shell.story import Story, head
from sessionary.cli.shell.told import Paper, block, fit
from sessionary.record.exchange import Status

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
NASTY = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\x7f",
    "\r",
    "\r\n",
    "\b",
    "\u202e",
    "\u2066",
    "\u2028",
    "[bold red]",
    "[/]",
]
TEXT = st.lists(
    st.sampled_from([*NASTY, "\n", "\t", "word", "漢字", "🏴", "a" * 300]) | st.text(max_size=20), max_size=6
)
WORDS = TEXT.map("".join)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)).map(lambda at: types.iso(int(at.timestamp() * 1e6)))
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
ATTEMPTS = st.lists(
    st.fixed_dictionaries(
        {
            **{name: st.none() | WORDS for name in ("provider", "deployment", "model", "error")},
            "at": TIMES,
            "duration_ms": st.floats(0, 1e12),
            "http_status": st.none() | st.integers(100, 599),
            "dropped": st.lists(WORDS, max_size=2),
        }
    ),
    max_size=3,
)
ERRORS = st.none() | st.fixed_dictionaries({"type": st.none() | WORDS, "message": st.none() | WORDS})
BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "attempts": ATTEMPTS,
    "error": ERRORS,
    "status": st.sampled_from([*get_args(Status), "errors", "cut"]),
}


def of(kind: mi.Type, name: str = "", depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a type of the API, as they are in its JSON."""
    match kind:
        case mi.StructType():
            fields = {f.name: of(f.type, f.name, depth + (f.name == "content")) for f in kind.fields}
            return st.fixed_dictionaries(fields)
        case mi.UnionType():
            return st.one_of([of(one, name, depth) for one in kind.types])
        case mi.ListType():
            return st.just([]) if depth > 2 else st.lists(of(kind.item_type, name, depth), max_size=3)
        case mi.TupleType():
            return st.tuples(*(of(one, name, depth) for one in kind.item_types))
        case mi.LiteralType():
            return st.sampled_from(kind.values)
        case mi.StrType():
            return TIMES if name == "at" or name.endswith("_at") else WORDS
        case mi.IntType():
            return st.integers(0, 2**53)
        case mi.FloatType():
            return st.floats(0, 1e15)
        case mi.BoolType():
            return st.booleans()
        case mi.NoneType():
            return st.none()
    return ANY


def answers(kind: type) -> st.SearchStrategy[Any]:
    """As they come over the wire, with what is left out there left out."""

    def named(kind: mi.Type) -> st.SearchStrategy[Any]:
        if isinstance(kind, mi.StructType) and kind.cls is types.Call:
            return st.fixed_dictionaries(
                {f.name: BY_NAME[f.name] if f.name in BY_NAME else of(f.type, f.name) for f in kind.fields}
            )
        if isinstance(kind, mi.StructType) and kind.cls is types.Added:
            return st.fixed_dictionaries({f.name: named(f.type) for f in kind.fields})
        return of(kind)

    def wire(value: Any) -> Any:
        return json.loads(msgspec.json.encode(msgspec.convert(value, kind)))

    return named(mi.type_info(kind)).map(wire)


ADDED, SESSION, CALL, HIT = map(answers, (types.Added, types.Session, types.Call, types.Hit))


def shown(tell: Callable[[Paper], None], *, terminal: bool, width: int = 80, full: bool | None = None) -> str:
    """What is written, without colours: then every code in it is somebody else's."""
    file = io.StringIO()
    tell(Paper(full, Console(file=file, force_terminal=terminal, color_system=None, width=width, highlight=False)))
    return file.getvalue()


def assert_harmless(text: str) -> None:
    assert FORBIDDEN.search(text) is None
    text.encode()


@settings(suppress_health_check=[HealthCheck.data_too_large])  # sessions are: those that are too large are left out
@given(st.lists(ADDED, max_size=3), SESSION, st.booleans(), st.integers(20, 200), st.booleans())
def test_a_session_is_shown_and_does_nothing(
    calls: list[Any], session: Any, terminal: bool, width: int, full: bool
) -> None:
    def tell(paper: Paper) -> None:
        story = Story()
        paper.put(*head(session, "http://127.0.0.1:4000/ui/"))
        for added in calls:
            paper.put(*story.call(added), *story.closed(added))

    assert_harmless(shown(tell, terminal=terminal, width=width, full=full))


@given(SESSION, SESSION, CALL, st.booleans(), st.integers(20, 200))
def test_rows_are_shown_and_do_nothing(session: Any, before: Any, call: Any, terminal: bool, width: int) -> None:
    def tell(paper: Paper) -> None:
        paper.put(*rows.sessions_head(width), *rows.session(session, width), *rows.session_news(session, before))
        paper.put(*rows.calls_head(width), *rows.call(call, width))

    assert_harmless(shown(tell, terminal=terminal, width=width))
    for cells in (rows.session_cells(session), rows.call_cells(call)):
        line = shown(lambda paper, cells=cells: paper.row(cells), terminal=False)  # type: ignore[misc]
        assert_harmless(line)
        assert (line.count("\n"), line.count("\t")) == (1, len(cells) - 1)


@given(HIT, st.integers(20, 200))
def test_hits_are_shown_and_do_nothing(hit: Any, width: int) -> None:
    hit["marks"] = sorted((min(a, b) % 40, max(a, b) % 40) for a, b in hit["marks"])
    assert_harmless(shown(lambda paper: paper.put(*rows.hit(hit)), terminal=True, width=width))
    assert_harmless(shown(lambda paper: paper.row(rows.hit_cells(hit)), terminal=False))


@given(ANY)
def test_json_says_the_same_and_does_nothing(value: Any) -> None:
    line = shown(lambda paper: paper.json(value), terminal=False)
    assert_harmless(line)
    assert json.loads(line) == value
    assert line.count("\n") == 1


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["text", "reasoning", "tool_call"]), WORDS), max_size=6))
def test_what_grows_does_nothing(deltas: list[tuple[int, str, str]]) -> None:
    def tell(paper: Paper) -> None:
        growing, voice, lengths = Growing(), Voice(paper), [0, 0, 0]
        for index, kind, text in deltas:
            growing.grow([{"index": index, "type": kind, "name": text, "from": lengths[index], "text": text}])
            lengths[index] += len(text.encode("utf-16-le")) // 2
            voice.say(growing.pieces())
        voice.leave()

    assert_harmless(shown(tell, terminal=True))
    assert_harmless(shown(tell, terminal=False))


@given(st.text("abc d", min_size=1, max_size=200), st.integers(20, 40), st.integers(1, 9))
def test_what_grows_is_wrapped_at_words(text: str, width: int, step: int) -> None:
    def tell(paper: Paper) -> None:
        voice = Voice(paper)
        for at in range(0, len(text) + step, step):
            voice.say([({"type": "text"}, text[:at])])
        voice.leave()

    head, *lines = shown(tell, terminal=True, width=width).splitlines()
    assert head == "  assistant"
    assert all(line.startswith("    ") for line in lines)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
    if max(map(len, text.split()), default=0) <= width - 4:
        assert all(len(line) <= width for line in lines)


@given(WORDS, st.integers(1, 60))
def test_a_cell_has_its_width(text: str, width: int) -> None:
    from rich.cells import cell_len

    assert cell_len(fit(text, width)) == width
    assert_harmless(fit(text, width))


@given(st.text(st.characters(categories=["Cs", "Cc", "Lu"])))
def test_even_half_a_letter_can_be_written(text: str) -> None:
    assert_harmless(harmless.clean(text))
    assert len(harmless.each(text)) == len(text)


def test_markup_is_text() -> None:
    said = "[bold red]not red[/] [link=http://example.com]no link[/link] :smile:"
    for terminal in (True, False):
        assert shown(lambda paper: paper.put(block(said)), terminal=terminal).strip() == said


def test_colours_of_a_tool_are_left_out_and_line_ends_are_one_kind() -> None:
    assert harmless.clean("\x1b[31mred\x1b[0m\r\nnext\x1b]0;t\x07") == "red\nnext␛]0;t␇"


def test_long_results_are_folded_on_a_terminal_only() -> None:
    lines = block("\n".join(str(n) for n in range(100)), depth=1, fold=5)

    def tell(paper: Paper) -> None:
        paper.put(lines)

    folded = shown(tell, terminal=True).splitlines()
    assert folded == [*(f"  {n}" for n in range(5)), "  … 95 more lines (--full shows all)"]
    assert len(shown(tell, terminal=False).splitlines()) == 100
    assert len(shown(tell, terminal=True, full=True).splitlines()) == 100
    assert len(shown(tell, terminal=False, full=False).splitlines()) == 6
    one = shown(lambda paper: paper.put(block("x" * 5000, fold=2)), terminal=False, full=False)
    assert "4,680 more characters" in one


def test_lines_are_wrapped_where_a_terminal_is_narrow_and_left_alone_in_a_pipe() -> None:
    said = block("one two three four five six seven", depth=2)
    wrapped = shown(lambda paper: paper.put(said), terminal=True, width=24).splitlines()
    assert len(wrapped) > 1
    assert all(len(line) <= 24 and line.startswith("    ") for line in wrapped)
    assert shown(lambda paper: paper.put(said), terminal=False, width=24) == "    one two three four five six seven\n"


def call(**fields: Any) -> Any:
    values = dict.fromkeys(types.Call.__struct_fields__)
    usual = {"id": "call_1", "session": "ses_1", "session_id": "mine", "created_at": "2026-11-01T12:00:00.000Z"}
    empty = dict.fromkeys(("agent", "agent_name", "unkept", "endpoint", "rule"), "")
    flags = dict.fromkeys(("side", "stream", "estimated", "ambiguous"), False)
    return values | empty | flags | usual | {"model": "m", "status": "ok", "turn": 1, "attempts": []} | fields


def added(said: str, answer: list[Any] | None, *, messages: list[Any] | None = None, **fields: Any) -> Any:
    asked = [{"role": "user", "pieces": [{"type": "text", "text": said}]}] if messages is None else messages
    output = None if answer is None else {"role": "assistant", "pieces": answer}
    empty: dict[str, Any] = {
        "resent": 0,
        "recalled": 0,
        "retry": False,
        "broke": None,
        "system": [],
        "unprompted": False,
    }
    return {**empty, "call": call(**fields), "messages": asked, "output": output}


def text(said: str) -> Any:
    return {"type": "text", "text": said}


def test_branches_agents_and_retries_are_marked() -> None:
    story = Story()

    def line(one: Any) -> str:
        written = shown(lambda paper: paper.put(*story.call(one)), terminal=False)
        return next(line for line in written.splitlines() if line.startswith("#"))

    assert line(added("a", [], id="one")).startswith("#1 m · ")
    assert "branch" not in line(added("b", [], id="two", parent_id="one"))
    assert "branch from #1" in line(added("c", [], id="three", parent_id="one"))
    spawned = {"kind": "spawn", "call_id": "two", "tool_call_id": "t"}
    assert "agent finder · started by #2" in line(
        added("d", [], id="four", agent="x", agent_name="finder", origin=spawned)
    )
    assert "asked again" in line({**added("d", [], id="five"), "retry": True})
    assert "cache prefix broken: other tools" in line({**added("d", [], id="six"), "broke": {"what": "tools", "at": 0}})


def test_a_result_is_named_by_its_call_and_an_error_is_told() -> None:
    story = Story()
    asks = {"type": "tool_call", "id": "t1", "name": "read", "arguments": {"path": "a\nb"}}
    result = {"type": "tool_result", "id": "t1", "error": True, "content": [text("no such file")]}
    written = shown(lambda paper: paper.put(*story.call(added("go", [asks], id="1"))), terminal=False)
    assert '→ read {"path":"a\\nb"}' in written
    second = added("", None, id="2", messages=[{"role": "tool", "pieces": [result]}], status="upstream_error")
    second["call"] |= {"error": {"type": "x", "message": "quota [/]"}, "http_status": 429}
    written = shown(lambda paper: paper.put(*story.call(second)), terminal=False)
    assert "← read failed\n      no such file\n" in written
    assert "✗ upstream_error: 429 quota [/]" in written


def test_an_answer_is_said_once_and_others_when_it_is_over() -> None:
    calls = {
        "one": added("first?", None, id="one", status="live"),
        "two": added("second?", [text("the second")], id="two"),
    }
    file = io.StringIO()
    paper = Paper(None, Console(file=file, force_terminal=False, width=80))
    following = Following(paper, Story(), lambda ids: [calls[name] for name in ids])
    following.grew("one", [{"index": 0, "type": "text", "from": 0, "text": "Good"}])
    following.news([calls["one"]["call"]])
    following.grew("one", [{"index": 0, "type": "text", "from": 4, "text": " day"}])
    following.news([calls["two"]["call"]])
    assert "Good day" in file.getvalue()
    assert "the second" not in file.getvalue()
    following.grew("one", [{"index": 0, "type": "text", "from": 0, "text": "Good day"}])  # it was told all again
    calls["one"] = added("first?", [text("Good day, you")], id="one")
    following.news([calls["one"]["call"]])
    written = file.getvalue()
    assert written.count("Good day") == 1
    assert "    Good day, you\n" in written
    assert written.index("Good day, you") < written.index("the second")
    before = file.getvalue()
    following.news([one["call"] for one in calls.values()])
    assert file.getvalue() == before


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-client:curl", "cost>1"], ["-client:curl", "cost>1"]),
        (["--sort", "-cost", "-n", "3", "-refund"], ["-refund"]),
        (["a", "--json", "--", "--b"], ["a", "--b"]),
        (["-n5", "-n5x"], ["-n5x"]),
    ],
)
def test_words_that_begin_with_a_dash_are_no_options(args: list[str], words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    sessions = command.commands["sessions"]
    context = sessions.make_context("sessions", args)
    assert context.params["filter"] == words
    assert context.params["config"] is None
    assert context.params["sort"] == ("-cost" if "-cost" in args else "last")


def test_times_are_shown_as_they_are_here() -> None:
    from sessionary.cli.shell.when import near

    now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    local = now.astimezone()
    assert near("2026-11-30T12:00:00.000Z", now) == f"{local:%H:%M:%S}"
    assert near("2025-06-15T12:00:00.000Z", now) == "2025-06-15"
