"""How calls find their sessions, in numbers and words."""

from types import SimpleNamespace
from typing import Any, get_args

import pytest

from sessionary.api.health import DAYS, Counted, Health, health
from sessionary.drain.link import OriginKind
from sessionary.sessions import identify, rules

TODAY = 20_781  # 2026-11-24
Given = tuple[str, int, str, int]


def told(*given: Given, first: dict[str, int] | None = None, ambiguous: int = 0) -> Health:
    """Of (client, days ago, rule, calls)."""
    rows = [
        SimpleNamespace(client=c, day=TODAY - ago, rule=rule, calls=calls, ambiguous=ambiguous)
        for c, ago, rule, calls in given
    ]
    first_days = {r.client: TODAY - 100 for r in rows} | (first or {})
    counted = Counted(rows, first_days)
    return health(TODAY, rows, counted, counted, len(first_days), None)


def test_groups_of_all_that_may_name_a_session() -> None:
    headers = dict.fromkeys(identify.OWN_HEADERS, "id") | dict.fromkeys(identify.HARNESS_HEADERS, "harness")
    for name, expected in headers.items():
        found = identify.identify({name: "s-1"}, lambda _: None, {})
        assert (found.rule, rules.group(found.rule)) == (name, found.source) == (name, expected)
    fields = [*identify.OWN_FIELDS, "prompt_cache_key"]
    for name in fields:
        found = identify.identify({}, {name: "0123456789abcdef"}.get, {})
        assert (found.rule, rules.group(found.rule)) == (name, found.source)
    for name in identify.OWN_METADATA:
        found = identify.identify({}, lambda _: None, {name: "s-1"})
        assert rules.group(found.rule) == found.source == "id"
    user = f"user_x_account__session_{'0123456789abcdef' * 2}0123"
    others = [
        identify.identify({"x-acme-session-id": "1"}, lambda _: None, {}),
        identify.identify({"baggage": "session.id=1"}, lambda _: None, {}),
        identify.identify({}, lambda _: None, {"user_id": user}),
        identify.identify({}, lambda _: None, {"user_id": '{"session_id": "1"}'}),
        identify.identify({}, lambda _: None, {}),
    ]
    assert [rules.group(o.rule) for o in others if o.text] == [o.source for o in others if o.text]
    assert (others[-1].rule, rules.group(others[-1].rule)) == ("none", "new")


def test_every_rule_of_content_is_explained() -> None:
    kinds = {*get_args(OriginKind)} - {"replay"}  # which says so itself
    assert set(rules.CONTENT) == {"content", "content.edited", *(f"content.{kind}" for kind in kinds)}
    assert rules.group("replay") == "replay"


def test_labels_are_few_whatever_a_client_sends() -> None:
    few = {*rules.GROUPS, *rules.CONTENT}
    sent = [*rules.CONTENT, "none", "missed", "x-evil-1-session-id", 'x"\n{', "", "content.later", "conversation"]
    assert {rules.label(rule) for rule in sent} <= few
    assert rules.label("content.edited") == "content.edited"
    assert rules.label("x-acme-session-id") == "harness"
    assert all(rules.meaning(rule).endswith(".") for rule in sent)


def test_shares() -> None:
    found = told(("a", 0, "x-session-id", 6), ("a", 1, "content", 2), ("b", 1, "missed", 1), ("b", 13, "none", 1))
    assert found.total.calls == 10
    assert found.total.groups == {
        "id": 6, "harness": 0, "response": 0, "conversation": 0, "content": 2, "replay": 0, "new": 1,
        "missed": 1,
    }  # fmt: skip
    assert (found.total.shares["id"], found.total.histories, found.total.missed_share) == (0.6, 3, 0.3333)
    assert [d.rates.calls for d in found.days] == [1, *[0] * (DAYS - 3), 3, 6]
    assert (found.since, found.until, found.days[0].day) == ("2026-11-11", "2026-11-24", "2026-11-11")
    assert [(r.rule, r.group, r.share) for r in found.rules][:2] == [
        ("x-session-id", "id", 0.6),
        ("content", "content", 0.2),
    ]
    assert [(c.client, c.rates.calls, c.first_day, c.last_day) for c in found.clients] == [
        ("a", 8, "2026-08-16", "2026-11-24"),
        ("b", 2, "2026-08-16", "2026-11-23"),
    ]
    assert [(d.day, d.calls, d.missed) for d in found.clients[1].days] == [("2026-11-11", 1, 0), ("2026-11-23", 1, 1)]


def test_nothing_is_no_division_by_zero() -> None:
    found = told()
    assert (found.total.calls, found.total.missed_share, found.total.ambiguous_share) == (0, 0.0, 0.0)
    assert (len(found.days), found.clients, found.rules, found.attention) == (DAYS, [], [], [])


def test_ambiguous_ones() -> None:
    found = told(("a", 0, "content", 8), ambiguous=2)
    assert (found.total.ambiguous, found.total.ambiguous_share, found.rules[0].ambiguous) == (2, 0.25, 2)


@pytest.mark.parametrize(
    ("given", "first", "attention"),
    [
        ([("a", 0, "content", 95), ("a", 0, "missed", 5)], {}, []),  # 5 % is not above it
        ([("a", 0, "content", 94), ("a", 0, "missed", 6)], {}, [("a", 6, 100)]),
        ([("a", 0, "content.edited", 9), ("a", 0, "missed", 10)], {}, []),  # under twenty
        ([("a", 0, "content", 10), ("a", 0, "missed", 10)], {}, [("a", 10, 20)]),
        ([("a", 3, "missed", 50), ("a", 0, "content", 50)], {}, []),  # well again
        ([("a", 3, "missed", 50), ("a", 0, "content", 5)], {}, [("a", 50, 50)]),  # too few since to tell
        ([("a", 0, "x-session-id", 500), ("a", 0, "missed", 20)], {}, [("a", 20, 20)]),
        ([("a", 0, "missed", 1)], {"a": TODAY - 6}, [("a", 1, 1)]),
        ([("a", 0, "missed", 1)], {"a": TODAY - 7}, []),
        ([("a", 0, "none", 9)], {"a": TODAY}, []),
    ],
)
def test_attention(given: list[Given], first: dict[str, int], attention: list[tuple[Any, ...]]) -> None:
    found = told(*given, first=first).attention
    assert [(a.client, a.missed, a.histories) for a in found] == attention
    assert [a.new for a in found] == [bool(first) for _ in found]


def test_attention_in_words() -> None:
    (one,) = told(("a", 0, "missed", 1), first={"a": TODAY}).attention
    assert one.text.startswith("No known call gave the answers in the one history that it sent back on 2026-11-24.")
    assert "It is new" in one.text
    (some,) = told(("a", 1, "missed", 10), ("a", 1, "content", 30)).attention
    assert (
        some.text == "No known call gave the answers in 10 (25%) of the 40 histories that it sent back on 2026-11-23."
    )
