"""Lists take what their filter says and nothing else, on both engines, at a cost that does not grow with the store."""

import random
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary.api import language
from sessionary.api.fields import BY_NAME, Of
from sessionary.record.exchange import Status
from sessionary.store import candidates, edits, lists, schema, search, values, walk
from sessionary.store.terms import Condition
from sessionary.store.walk import Page, Position
from tests.support.recorded import SECOND, START, Log, user

HOUR = 3600 * SECOND
NOW = START + 1000 * HOUR


def conditions(text: str, of: Of) -> tuple[Condition, ...]:
    return tuple(term.condition for term in language.parse(text, BY_NAME[of], NOW))


def listed(log: Log, of: Of, text: str, sort: str, project: int | None = None, limit: int = 50) -> list[str]:
    """The names of all pages' rows: sessions by the client's id, calls by what their session is called and a number."""
    found: list[str] = []
    after: Position | None = None
    ask = lists.sessions if of == "sessions" else lists.calls
    while True:
        page = Page(sort.removeprefix("-"), sort.startswith("-"), limit, after)
        part = ask(log.engine, project, conditions(text, of), page)
        assert len(part.rows) <= limit
        found += [r.session_id if of == "sessions" else r.session_text for r in part.rows]
        if part.after is None:
            return found
        assert part.after != after
        after = part.after


def sessions(log: Log, text: str, project: int | None = None) -> str:
    return " ".join(sorted(listed(log, "sessions", text, "-last_at", project)))


def calls(log: Log, text: str, project: int | None = None) -> str:
    return " ".join(sorted(listed(log, "calls", text, "-created_at", project)))


def failed(log: Log, session: str, status: Status, **fields: Any) -> None:
    begin = log.begin(session, {"model": "gpt-5", "messages": [user("question")]}, **fields)
    log.store(begin, log.finish(begin, b"", status, error_type="server_error", error_message="it Broke down"))


@pytest.fixture
def full(log: Log) -> Log:
    """Five sessions, an hour apart, and one of another project."""
    usage = {"prompt_tokens": 2000, "completion_tokens": 100}
    log.chat("a", [user("the refund policy")], "granted", model="gpt-5", client="curl/8", user="ann", tags=["eu"])
    log.at += HOUR
    log.chat("b", [user("hello")], model="claude-Opus", client="codex/1", user="bob_b", usage=usage, name="Refund it")
    log.chat("b", [user("hello"), user("again")], model="gpt-5", client="codex/1", endpoint="responses")
    log.at += HOUR
    failed(log, "c", "timeout", client="codex/2")
    log.at += HOUR
    failed(log, "d", "client_closed", source="harness", rule="claude-code")
    log.at += HOUR
    log.store(
        log.begin(
            "e",
            {"model": "gpt-5*", "messages": [user("100% of it")]},
            agent="planner",
            tags=["eu", "us"],
            name="100% of it",
        )
    )
    log.chat("a", [user("elsewhere")], "policy", project="theirs", model="gpt-5")
    return log


SESSIONS = {
    "": "a a b c d e",
    "model:gpt-5": "a a b c d",
    "model:GPT*": "a a b c d e",
    "model:claude-opus": "",
    "model:CLAUDE-*": "b",
    "model:gpt-5,claude-Opus": "a a b c d",
    "-model:gpt-5": "e",
    "model!=gpt-5": "e",
    "model=gpt-5*": "e",
    "model:gpt-5*": "a a b c d e",
    "model:none": "",
    "client:codex*": "b c",
    "client:*/1": "b",
    "user:ann": "a",
    "user:bob_*": "b",
    "user:bobb*": "",
    "key:master": "a a b c d e",
    "tag:eu": "a e",
    "tag:eu tag:us": "e",
    "-tag:eu": "a b c d",
    "status:errors": "c",
    "status:ok,live": "a a b e",
    "error:yes": "c",
    "error:no status:cut": "d",
    "errors>=1": "c",
    "live:yes": "e",
    "calls>1": "b",
    "calls:1,2": "a a b c d e",
    "turns=2": "b",
    "input>=2000": "b",
    "tokens>2k": "b",
    "output<100": "a a c d e",
    "active>1500ms": "b",
    "active<1s": "e",
    "wall>1m": "b",
    "branches:0": "a a c d e",
    "agents:0": "a a b c d",
    "unpriced>9": "",
    "source:harness": "d",
    "id:a": "a a",
    "id:absent": "",
    "id:*": "a a b c d e",
    "title:refund": "a b",
    "title:the*policy": "a",
    'title="hello"': "",
    "project:theirs": "a",
    "-project:theirs": "a b c d e",
    "project:th*": "a",
    "refund": "a b",
    "policy": "a a",
    "refund policy": "a",
    "granted": "a",
    "refund granted": "",
    '"refund policy"': "a",
    '"policy refund"': "",
    "refu": "a b",
    "text:granted,hello": "a b",
    "-policy": "b c d e",
    "policy -refund": "a",
    "-absent": "a a b c d e",
    'title:"100%"': "e",
    "title:%": "e",
    "title:_": "",
    "policy model:gpt-5 project:default": "a",
}
CALLS = {
    "": "a a b b c d e",
    "model:gpt-5": "a a b c d",
    "model:claude*": "b",
    "-model:gpt*": "b",
    "client:codex*": "b b c",
    "key:master": "a a b b c d e",
    "key!=master": "",
    "key:ma*": "a a b b c d e",
    "user:ann": "a",
    "status:ok": "a a b b",
    "status:errors": "c",
    "status:cut,live": "d e",
    "status:timeout": "c",
    "error:yes": "c",
    "error:no": "a a b b d e",
    "error:broke": "c d",
    'error:"SERVER_ERR"': "c d",
    "provider:openai": "a a b b c d",
    "-provider:openai": "e",
    "endpoint:responses": "b",
    "deployment:openai/*": "a a b b c d",
    "finish:stop": "a a b",
    "http:200": "a a b b",
    "stream:no": "a a b b c d e",
    "stream:yes": "",
    "source:harness": "d",
    "rule:claude*": "d",
    "session:b": "b b",
    "session:a": "a a",
    "session:a,b": "a a b b",
    "-session:absent": "a a b b c d e",
    "session:A*": "a a",
    "session:a*,b": "a a b b",
    "-session:b": "a a c d e",
    "agent:planner": "e",
    "side:yes": "",
    "ambiguous:no": "a a b b c d e",
    "tokens>1k": "b",
    "cached>0": "",
    "duration>=1s": "a a b b c d",
    "-duration>=1s": "e",
    "ttft:200ms": "a a b b c d",
    "policy": "a a",
    "refund": "a",
    "-policy": "b b c d e",
    "policy -refund": "a",
    "project:theirs": "a",
}


def test_each_term_takes_what_it_says_of_sessions(full: Log) -> None:
    assert {text: sessions(full, text) for text in SESSIONS} == SESSIONS


def test_each_term_takes_what_it_says_of_calls(full: Log) -> None:
    assert {text: calls(full, text) for text in CALLS} == CALLS


def test_a_program_is_any_version_of_it_and_a_version_is_that_one(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its sessions are many, and each is held against the filter in turn."""
    versions = ("Acme 1.0", "Acme 2.1.0-rc", "Acme Tool 1.0", "acme 1.0", "Acme", "Acme x", "")
    for session, client in zip("abcdefg", versions, strict=True):
        log.chat(session, [user("hi")], client=client)
    expected = {
        "client:Acme": "a b e",
        'client:"Acme 1.0"': "a",
        'client="Acme"': "a b e",
        "client=acme*": "",
        "client!=Acme": "c d f g",
        "client:acme": "d",
        "client:acme*": "a b c d e f",
        'client:"Acme Tool"': "c",
        'client:"Acme x"': "f",
        "-client:Acme": "c d f g",
        'client:Acme,"Acme Tool 1.0"': "a b c e",
    }
    for rare in (candidates.RARE, 0):
        monkeypatch.setattr(candidates, "RARE", rare)
        for project in (None, log.project()):
            assert {text: sessions(log, text, project) for text in expected} == expected
            assert {text: calls(log, text, project) for text in expected} == expected


def test_a_program_is_found_though_there_are_too_many_to_know(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MOST", 2)
    for session, client in (("a", "Acme 1"), ("b", "Acme 2"), ("c", "Other 1"), ("d", "Zed 1")):
        log.chat(session, [user("hi")], client=client)
    assert (sessions(log, "client:Acme"), calls(log, "client:Zed")) == ("a b", "d")


def test_times_take_what_overlaps_them(full: Log) -> None:
    with full.engine.connect() as connection:
        s = schema.sessions.c
        at = {r.session_id: r for r in connection.execute(sa.select(s.session_id, s.first_at, s.last_at))}
    until = f"until:{at['b'].first_at / 1e6:f}"
    since = f"since:{at['c'].first_at / 1e6:f}"
    assert sessions(full, f"{until} project:default") == "a b"
    assert sessions(full, f"{since} project:default") == "c d e"
    assert sessions(full, f"{since} {until}") == ""
    assert sessions(full, f"first>={at['b'].first_at / 1e6:f} last<{at['d'].first_at / 1e6:f}") == "b c"
    assert calls(full, f"{until} project:default") == "a b"
    assert calls(full, f"{since} project:default") == "c d e"


def test_a_key_is_shown_nothing_of_another_project(full: Log) -> None:
    theirs = full.project("theirs")
    for text in ("", "policy", "-absent", "id:a", "model:gpt-5", "project:*", "tag:eu,x policy"):
        assert sessions(full, text, theirs) in ("a", ""), text
    assert sessions(full, "project:default", theirs) == ""
    assert calls(full, "project:default", theirs) == ""
    assert calls(full, "session:b", theirs) == ""
    assert sessions(full, "refund", theirs) == ""


def test_a_renamed_tag_is_found(full: Log) -> None:
    (row,) = lists.sessions(full.engine, None, conditions("tag:us", "sessions"), Page("last_at", True, 5)).rows
    edits.patch_session(full.engine, row.project, row.id, None, ["asia"])
    assert sessions(full, "tag:us") == ""
    assert sessions(full, "tag:asia") == "e"


def test_pages_of_any_length_and_order_are_the_list(full: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows are looked at for a page, all pages together have each row once."""
    rng = random.Random(1)
    for n in range(12):
        failed(full, f"f{n % 7}", rng.choice(["ok", "timeout"]), project=rng.choice(["default", "theirs"]))
    for steps in (2, 1000):
        monkeypatch.setattr(walk, "WALK", steps)
        monkeypatch.setattr(lists, "WALK", steps)
        for text in ("", "-status:live", "since:999h"):
            whole = listed(full, "sessions", text, "-last_at", limit=1000)
            for sort in ("last_at", "cost", "errors", "first_at"):
                for limit in (2,) if steps == 2 else (1, 3):
                    up = listed(full, "sessions", text, sort, limit=limit)
                    down = listed(full, "sessions", text, "-" + sort, limit=limit)
                    assert down == up[::-1], (steps, text, sort)
                    assert sorted(up) == sorted(whole), (steps, text, sort)
    newest = lists.calls(full.engine, full.project(), (), Page("cost", True, 50))
    assert newest.newest is None


def test_another_order_of_calls_is_of_the_newest_and_says_so(full: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "WINDOW", 2)
    found = lists.calls(full.engine, full.project(), (), Page("input_tokens", True, 50))
    assert [row.session_text for row in found.rows] == ["e", "d"]
    assert found.newest == 2


def test_common_words_are_found_in_the_newest_messages_and_that_is_said(
    full: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "WORDS", 1)
    found = lists.calls(full.engine, None, conditions("policy", "calls"), Page("created_at", True, 50))
    assert (len(found.rows), found.newest) == (1, 1)
    monkeypatch.setattr(search, "LOOKED_AT", 1)
    first = search.find(full.engine, full.project(), "policy", 10)
    assert first.after is not None
    if full.engine.dialect.name == "postgresql":  # its index knows projects
        assert [hit.session_id for hit in first.hits] == ["a"]
        return
    assert first.hits == []  # what was looked at is of another project
    assert [hit.session_id for hit in search.find(full.engine, full.project(), "policy", 10, first.after).hits] == ["a"]


def test_a_session_that_lasted_long_is_found_by_a_time_within_it(log: Log) -> None:
    log.chat("long", [user("hi")])
    log.chat("short", [user("hi")])
    between = f"until:{(log.at + HOUR) / 1e6:f}"
    log.at += 100 * HOUR
    log.chat("late", [user("hi")])
    log.chat("long", [user("hi"), user("still")])
    assert listed(log, "sessions", between, "-last_at", log.project(), limit=1) == ["long", "short"]
    assert listed(log, "sessions", between, "last_at", log.project(), limit=1) == ["short", "long"]


# How they are found


def plans(log: Log, of: Of, text: str, sort: str, project: int | None) -> list[str]:
    """What SQLite does for each statement that looks at sessions or calls."""
    asked: list[tuple[str, Any]] = []

    def hear(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    sa.event.listen(log.engine, "before_cursor_execute", hear)
    listed(log, of, text, sort, project)
    sa.event.remove(log.engine, "before_cursor_execute", hear)
    found = []
    with log.engine.connect() as connection:
        for statement, parameters in asked:
            if f" FROM {of}" in statement.replace("\n", " "):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
                found.append("\n".join(str(row[-1]) for row in rows))
    return found


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("of", "text", "sort", "index"),
    [
        ("sessions", "", "-last_at", "sessions_last (project=?"),
        ("sessions", "status:ok", "-last_at", "sessions_last (project=?"),
        ("sessions", "since:24h", "-last_at", "sessions_last (project=? AND last_at>?"),
        ("sessions", "since:24h cost>1", "-cost", "sessions_cost (project=? AND cost"),
        ("sessions", "cost>1", "errors", "sessions_errors (project=?"),
        ("sessions", "id:a", "-last_at", "sqlite_autoindex_sessions_1 (project=? AND id=?)"),
        ("sessions", "policy", "-last_at", "sqlite_autoindex_sessions_1 (project=? AND id=?)"),
        ("sessions", "user:ann", "-last_at", "sqlite_autoindex_sessions_1 (project=? AND id=?)"),
        ("calls", "", "-created_at", "calls_created (project=?"),
        ("calls", "status:errors", "-created_at", "calls_created (project=?"),
        ("calls", "since:24h", "-created_at", "calls_created (project=? AND created_at>?"),
        ("calls", "session:a", "-created_at", "calls_session (project=? AND session=?"),
        ("calls", "user:ann", "-created_at", "calls_session (project=? AND session=?"),
        ("calls", "policy", "-created_at", "sqlite_autoindex_calls_1 (project=? AND id=?)"),
        ("calls", "cost>1", "-cost", "calls_created (project=?"),
    ],
)
def test_lists_are_read_from_an_index(full: Log, of: Of, text: str, sort: str, index: str) -> None:
    found = plans(full, of, text, sort, full.project())
    assert found
    assert any(index in plan for plan in found), found
    for plan in found:
        assert f"SCAN {of}" not in plan, plan
        if (
            "policy" not in text
            and "id:" not in text
            and "user:" not in text
            and not (of == "calls" and "cost" in sort)
        ):
            assert "TEMP B-TREE" not in plan, plan


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_the_master_walks_all_projects_at_once(full: Log) -> None:
    for of, sort, index in (("sessions", "-last_at", "sessions_newest"), ("calls", "-created_at", "calls_newest")):
        (plan,) = plans(full, of, "", sort, None)  # type: ignore[arg-type]
        assert f"USING INDEX {index}" in plan
        assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_what_lasted_long_has_an_index_of_its_own(full: Log) -> None:
    assert any("sessions_long" in plan for plan in plans(full, "sessions", "until:24h", "-last_at", full.project()))


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_texts_are_looked_up_from_the_session(full: Log) -> None:
    plan = plans(full, "sessions", "-policy", "-last_at", full.project())[-1]
    assert "SEARCH calls USING COVERING INDEX calls_session (project=? AND session=?)" in plan
    assert "SEARCH search_docs USING PRIMARY KEY (project=? AND call_id=?)" in plan
