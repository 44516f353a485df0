"""What the pages of keys and models say: addresses that ask for exactly this, groups, states."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.api.fields import CALLS, SESSIONS
from sessionary.api.language import parse
from sessionary.ui import admin, charts, format

FIELDS = {of: {f.name: f for f in fields} for of, fields in (("sessions", SESSIONS), ("calls", CALLS))}
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60).filter(str.strip)


@given(NAMES, NAMES)
def test_an_address_asks_for_exactly_this(name: str, project: str) -> None:
    url = urlsplit(admin.ask("/ui/", "key", name, project))
    (text,) = parse_qs(url.query)["filter"]
    key, of = parse(text, FIELDS["sessions"], 0)
    assert [(t.condition.field, [s.text for s in t.said]) for t in (key, of)] == [
        ("key", [name]),
        ("project", [project]),
    ]


@given(NAMES)
def test_calls_of_a_model(model: str) -> None:
    (text,) = parse_qs(urlsplit(admin.ask("/ui/calls", "model", model)).query)["filter"]
    (term,) = parse(text, FIELDS["calls"], 0)
    assert [s.text for s in term.said] == [model]


def key(
    name: str, project: str, calls: int = 0, state: str = "valid", models: list[str] | None = None
) -> dict[str, Any]:
    return {"name": name, "id": f"key_{name}", "hint": "…", "project": project, "models": models, "state": state} | {
        "use": {"calls": calls}
    }


PROJECTS: list[dict[str, Any]] = [
    {"name": name, "keys": count, "use": {"calls": 0}} for name, count in (("shop", 2), ("lab", 1), ("empty", 0))
]
FOUND = {
    "data": [
        key("a", "shop", 1),
        key("b", "shop", 9),
        key("c", "shop", state="revoked"),
        key("d", "lab", models=["o3"]),
    ],
    "master": None,
}


@pytest.mark.parametrize(
    ("query", "groups"),
    [
        ({}, [("shop", "ba", "c"), ("lab", "d", ""), ("empty", "", "")]),
        ({"find": "SHOP"}, [("shop", "ba", "c")]),
        ({"find": "o3"}, [("lab", "d", "")]),
        ({"find": "key_c"}, [("shop", "", "c")]),
        ({"find": "zzz"}, []),
        ({"project": "empty"}, [("empty", "", "")]),
        ({"project": "none"}, []),
    ],
)
def test_groups(query: dict[str, str], groups: list[tuple[str, str, str]]) -> None:
    made = admin.keys(PROJECTS, FOUND, query)
    shown = [(g["name"], *("".join(k["name"] for k in g[part]) for part in ("valid", "ended"))) for g in made["groups"]]
    assert shown == groups
    assert (made["key_count"], made["group_count"]) == (3, len(groups))


def test_very_many() -> None:
    projects = [{"name": f"p{n}", "keys": 0, "use": {"calls": 0}} for n in range(1000)]
    made = admin.keys(projects, {"data": [key(str(n), "p0") for n in range(1000)], "master": None}, {})
    assert (len(made["groups"]), made["group_count"]) == (admin.MOST_PROJECTS, 1000)
    assert (len(made["groups"][0]["valid"]), made["groups"][0]["left_out"]) == (admin.MOST_KEYS, 800)


def test_what_is_left_out_is_what_is_not_shown() -> None:
    project = [{"name": "p", "keys": 0, "use": {"calls": 0}}]
    found = [key(str(n), "p", state="valid" if n % 2 else "revoked") for n in range(300)]
    (group,) = admin.keys(project, {"data": found, "master": None}, {})["groups"]
    assert (len(group["valid"]), len(group["ended"]), group["left_out"]) == (150, 150, 0)


def test_details_of_the_audit_log_are_for_people() -> None:
    detail = {"expires_at": 1803907982660940, "models": ["gpt-*", "priced"], "limits": None, "at": {"x": [1]}}
    detail |= {"revoked_at": {"from": None, "to": 1803907982660940}}
    entry = {"action": "key.create", "actor": "master", "target": "key_1", "detail": detail}
    (row,) = admin.audit({"data": [entry], "next_cursor": None}, {})["rows"]
    assert row["details"] == [
        ("expires_at", "2027-03-01 13:33 UTC"),
        ("models", "gpt-*, priced"),
        ("limits", "none"),
        ("at", '{"x":[1]}'),
        ("revoked_at", "none → 2027-03-01 13:33 UTC"),
    ]


def test_a_sparkline_fills_its_height_and_no_more() -> None:
    days = [
        {"day": str(n), "calls": c, "errors": e} for n, (c, e) in enumerate([(0, 0), (1000, 0), (1, 1), (500, 500)])
    ]
    drawn = charts.sparkline(days, 20)
    assert [[p["group"] for p in d["parts"]] for d in drawn] == [[], ["well"], ["failed"], ["failed"]]
    assert drawn[1]["parts"][0] == {"group": "well", "y": 0.0, "height": 20.0}
    assert all(p["y"] >= 0 and p["y"] + p["height"] <= 20.01 for d in drawn for p in d["parts"])


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0, "$0.00"), (3, "$3.00"), (0.15, "$0.15"), (0.075, "$0.075"), (15.5, "$15.50")]
)
def test_price(value: float | None, text: str) -> None:
    assert format.price(value) == text


@pytest.mark.parametrize(
    ("name", "calls", "own", "said"),
    [
        ("default", 5, [], "No key of its own. Calls with the master key"),
        ("shop", 0, [], "No key yet."),
        ("shop", 5, [], "No key can call for it now; what is counted was called before."),
        ("shop", 5, [key("a", "shop", state="revoked"), key("b", "shop", state="expired")], "All its keys have ended"),
        ("demo", 5, [], "The project of the demo sessions."),
    ],
)
def test_a_project_without_a_key_says_what_that_means(
    name: str, calls: int, own: list[dict[str, Any]], said: str
) -> None:
    projects = [{"name": name, "keys": 0, "use": {"calls": calls}}]
    (group,) = admin.keys(projects, {"data": own, "master": None}, {}, demo="demo")["groups"]
    assert group["keyless"].startswith(said)
