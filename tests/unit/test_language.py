"""The filter language: what it takes, what it refuses and where, and that what it took is written as it was meant."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sessionary.api import language
from sessionary.api.fields import BY_NAME, CALLS, SESSIONS, Field, Of
from sessionary.api.language import Mistake, Term

NOW = 1_790_000_000_000_000
HOUR = 3600 * 10**6
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "filters.md"


def parsed(text: str, of: Of = "sessions") -> list[tuple[Any, ...]]:
    """Field, operator, values and whether it is negated, of each term."""
    found = (term.condition for term in language.parse(text, BY_NAME[of], NOW))
    return [(c.field, c.operator, *c.values, *(["not"] if c.negated else [])) for c in found]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", []),
        ("  ", []),
        ("refund", [("text", ":", "refund")]),
        ("refund order", [("text", ":", "refund"), ("text", ":", "order")]),
        ('"exact words"', [("text", ":", '"exact words"')]),
        ('text:"a b",c', [("text", ":", '"a b"', "c")]),
        ("-refund", [("text", ":", "refund", "not")]),
        ("- x", [("text", ":", "-"), ("text", ":", "x")]),
        ("model:gpt*", [("model", ":", "gpt*")]),
        ("model=gpt*", [("model", "=", "gpt*")]),
        ("MODEL:a,b", [("model", ":", "a", "b")]),
        ("-model:a", [("model", ":", "a", "not")]),
        ("model!=a", [("model", "=", "a", "not")]),
        ("-model!=a", [("model", "=", "a")]),
        ('title:"say \\"hi\\" \\\\ now"', [("title", ":", 'say "hi" \\ now')]),
        ("cost>0.5", [("cost", ">", 500_000_000)]),
        ("cost<=$2", [("cost", "<=", 2_000_000_000)]),
        ("cost:0", [("cost", "=", 0)]),
        ("tokens>=1.5k", [("tokens", ">=", 1500)]),
        ("tokens<2M", [("tokens", "<", 2_000_000)]),
        ("turns>1.5", [("turns", ">", 1.5)]),
        ("active>2m", [("active", ">", 120_000_000)]),
        ("active<500ms", [("active", "<", 500_000)]),
        ("wall>1.5h", [("wall", ">", 5400_000_000)]),
        ("active>3", [("active", ">", 3_000_000)]),
        ("error:yes live:no", [("error", "=", True), ("live", "=", False)]),
        ("status:OK,errors", [("status", "=", "ok", "errors")]),
        ("since:24h", [("since", "=", NOW - 24 * HOUR)]),
        ("until=2026-11-01", [("until", "=", 1_793_491_200_000_000)]),
        ("first>2026-11-01T12:00+02:00", [("first", ">", 1_793_527_200_000_000)]),
        ("last<7d", [("last", "<", NOW - 7 * 24 * HOUR)]),
        ('"model:x"', [("text", ":", '"model:x"')]),
    ],
)
def test_what_a_filter_means(text: str, meant: list[tuple[Any, ...]]) -> None:
    assert parsed(text) == meant


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("cost>1 modle:x", 8, "did you mean 'model'?"),
        ("http://x", 1, "put it in quotes"),
        ("cost>much", 6, "an amount such as 0.5 or $2, not 'much'"),
        ("tokens>1,000", 13, "numbers are written without commas"),
        ("model:", 7, "a value for 'model' is missing"),
        ("model:a,", 9, "a value for 'model' is missing"),
        ('x title:"open', 9, "this quote is not closed"),
        ('model:"a"b', 10, "a space is missing here"),
        ("model>a", 6, "'model' is a text"),
        ("first:24h", 6, "it is compared with > or <"),
        ("since>24h", 6, "it takes : and ="),
        ("until<=24h", 6, "it takes : and ="),
        ("-since:1h", 2, "cannot be negated"),
        ("since:1h,2h", 12, "has one value"),
        ("status:bad", 8, "live, ok, errors, cut, not 'bad'"),
        ("error:maybe", 7, "yes or no"),
        ("since:yesterday", 7, "an age such as 24h"),
        ("active>2x", 8, "a duration such as"),
        ("cost>99999999999", 6, "an amount"),
    ],
)
def test_a_mistake_says_where_and_what(text: str, at: int, said: str) -> None:
    with pytest.raises(Mistake) as raised:
        parsed(text)
    assert raised.value.at == at
    assert said in str(raised.value)


def test_a_field_that_was_likely_meant_is_named() -> None:
    with pytest.raises(Mistake) as raised:
        parsed("cleint:x")
    assert raised.value.meant == "client"


def test_there_is_an_end_to_what_is_read() -> None:
    for text in ("x" * 4001, "x " * 51, "model:" + ",".join("x" * 51)):
        with pytest.raises(Mistake):
            parsed(text)


OPERATORS = [":", "=", "!=", ">", ">=", "<", "<="]
VALUES = [
    "a",
    "gpt*",
    "1",
    "1.5k",
    "$2",
    "2m",
    "24h",
    "2026-11-01",
    "yes",
    "ok",
    "live",
    '"a b"',
    '"a,\\"b\\\\"',
    "a,b",
]
TERMS = st.builds(
    lambda minus, name, operator, value: f"{minus}{name}{operator}{value}",
    st.sampled_from(["", "-"]),
    st.sampled_from([f.name for f in (*SESSIONS, *CALLS)]),
    st.sampled_from(OPERATORS),
    st.sampled_from(VALUES),
)
WORDS = st.sampled_from(["word", "-word", '"a phrase"', "-", "--x", "a-b", "ä", "*"])
TEXTS = st.lists(st.one_of(TERMS, WORDS, st.text(max_size=8)), max_size=6).map(" ".join)


@given(text=st.one_of(TEXTS, st.text(), st.lists(st.one_of(TERMS, WORDS), max_size=4).map(" ".join)))
@example(text='-"')
@example(text="-\x1f")
@example(text="cost>.")
@example(text="since:٣h")
def test_any_text_is_understood_or_refused_and_what_was_understood_is_written_back(text: str) -> None:
    for of, fields in BY_NAME.items():
        found = understood(text, of)
        if isinstance(found, Mistake):
            assert 1 <= found.at <= len(text) + 1
            assert found.meant is None or found.meant in fields
        else:
            assert understood(language.write(found), of) == found


def understood(text: str, of: Of) -> tuple[Term, ...] | Mistake:
    try:
        return language.parse(text, BY_NAME[of], NOW)
    except Mistake as mistake:
        return mistake


def rows(fields: tuple[Field, ...]) -> list[str]:
    return [
        f"| `{f.name}` | {f.kind} | {f.help}{'' if not f.choices else ': ' + ', '.join(f.choices)} |" for f in fields
    ]


def test_the_reference_has_every_field_and_no_other() -> None:
    written = [line for line in REFERENCE.read_text().splitlines() if line.startswith("| `")]
    fields = [line for line in written if line.split(" | ")[1] in {f.kind for f in (*SESSIONS, *CALLS)}]
    assert fields == [*rows(SESSIONS), *rows(CALLS)]
