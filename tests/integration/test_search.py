"""Full-text search answers alike on both engines, whatever is typed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessionary.store import lists, search
from sessionary.store.terms import plain
from sessionary.store.walk import Page
from tests.support.recorded import Log, user

TYPED = [
    *('"', '""', "*", "a*", "AND", "NOT x", "a AND", "(", "a)", "NEAR(a b)", "text:x", "^a", "-a", "a -b", "'", "\\"),
    *("%", "_", ":", "a:b", "a:*", "!", "a & b", "a | !b", "<->", "'a':*", '"a', 'a"', '" a " b', "\0", "a\0b"),
    *("\ud7ff", "²", "💥", "é", "{a}", "a;b--", " ", "a" * 5000, "a " * 800),
]


def found(log: Log, query: str, project: int | None = None) -> list[str]:
    return [hit.session_id for hit in search.find(log.engine, project, query, 50).hits]


@pytest.mark.parametrize("query", TYPED)
def test_nothing_typed_is_an_error(log: Log, query: str) -> None:
    log.chat("s", [user("a text")])
    query = query.replace("\0", "\ufffd")  # as it comes from the API
    found(log, query)
    lists.sessions(log.engine, None, plain("sessions", q=query), Page("last_at", True, 10))
    lists.calls(log.engine, None, plain("calls", q=query), Page("created_at", True, 10))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=30).filter(lambda t: "\0" not in t and t.isprintable()))
def test_no_text_is_an_error(log: Log, query: str) -> None:
    found(log, query)
    search.snippet(query * 3, query)


def test_words_phrases_and_beginnings(log: Log) -> None:
    log.chat("path", [user("look at src/sessionary/store/search.py, please")], "fine")
    log.chat("order", [user("the quick brown fox jumps")], "fine")
    log.chat("other", [user("quick and brown <b>bold</b> user@example.com foo_bar v1.2.3 don't")], "fine")
    cases = {
        "quick brown": ["order", "other"],
        '"quick brown"': ["order"],
        '"brown quick"': [],
        "qui": ["order", "other"],
        "qui brown": [],
        '"qui"': [],
        "QUICK": ["order", "other"],
        "store/search.py": ["path"],
        "search": ["path"],
        "sear": ["path"],
        "sessionary store": ["path"],
        "bold": ["other"],
        "example.com": ["other"],
        "user@exam": ["other"],
        "example": ["other"],
        "foo_bar": ["other"],
        "bar": ["other"],
        "v1.2": ["other"],
        "don't": ["other"],
        "absent": [],
        "": [],
    }
    assert {query: sorted(found(log, query)) for query in cases} == cases


def test_answers_are_found_too_and_each_project_finds_its_own(log: Log) -> None:
    log.chat("s", [user("question")], "the zebra answers", project="mine")
    log.chat("s", [user("question")], "nothing", project="theirs")
    (hit,) = search.find(log.engine, log.project("mine"), "zebra", 10).hits
    assert hit.snippet == "the zebra answers"
    assert [hit.snippet[a:b] for a, b in hit.marks] == ["zebra"]
    assert hit.title == "question"
    assert search.find(log.engine, log.project("theirs"), "zebra", 10).hits == []
    assert len(search.find(log.engine, None, "zebra", 10).hits) == 1


def test_what_was_there_before_is_not_found_again(log: Log) -> None:
    log.chat("s", [user("walrus")], "Yes.")
    log.chat("s", [user("walrus"), {"role": "assistant", "content": "Yes."}, user("more")], "No.")
    assert len(found(log, "walrus")) == 1


def test_pages_of_hits(log: Log) -> None:
    for n in range(7):
        log.chat(f"s{n}", [user(f"penguin {n}")])
    seen: list[str] = []
    before: int | None = None
    while before != 0:
        page = search.find(log.engine, None, "penguin", 3, before)
        seen += [hit.session_id for hit in page.hits]
        before = page.after or 0
    assert seen == [f"s{n}" for n in reversed(range(7))]


def test_snippets_show_the_first_match_with_its_surroundings() -> None:
    text = "x" * 500 + " before\nthe Réfund policy, refunds " + "y" * 500
    cut, marks = search.snippet(text, "refund")
    assert "\n" not in cut
    assert len(cut) <= 160
    assert [cut[a:b] for a, b in marks] == ["Réfund", "refund"]
    assert search.snippet("nothing here", "absent") == ("nothing here", [])
    assert search.snippet("<b>bold</b>", "bold") == ("<b>bold</b>", [(3, 7)])
    cut, marks = search.snippet("far " * 200 + "quick fox and " + "far " * 90 + "the quick brown", '"quick brown"')
    assert "quick brown" in cut


def test_texts_that_are_hard_to_index(log: Log) -> None:
    log.chat("nul", [user("before\0after lone \udc00 end")])
    log.chat("huge", [user("w" * 100_000 + " " + " ".join(str(n) for n in range(40_000)) + " needle")])
    assert found(log, "end") == ["nul"]
    assert found(log, "9000") == ["huge"]
