"""The lists' pure parts: JavaScript's by Node's own test runner, Python's here, and what both must agree on."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import QueryParams

from sessionary.api import language
from sessionary.api.fields import BY_NAME
from sessionary.errors import BadRequest, Forbidden, StoreUnavailable
from sessionary.ui import clients, lists
from tests.ui import javascript

HERE = Path(__file__).parent


def test_javascript() -> None:
    javascript.passes("lists")


@pytest.mark.parametrize(("client", "shape", "letters"), json.loads((HERE / "clients.json").read_text()))
def test_marks_of_programs(client: str, shape: str, letters: str) -> None:
    assert (clients.shape(client), clients.letters(client)) == (shape, letters)


@pytest.mark.parametrize(
    ("old", "filter"),
    [
        ("status=ok", "status:ok"),
        ("q=a+b&status=errors&sort=-cost", "status:errors a b"),
        ("filter=cost>1&model=gpt*", "cost>1 model:gpt*"),
        ('client=Claude "Code" 2&session_id=x:y', 'client:"Claude \\"Code\\" 2" id:x:y'),
        ("q=-x status:ok c:\\d", '"-x" "status:ok" "c:\\\\d"'),
        ("since=24h&until=2026-11-24T14:00:00Z", "since:24h until:2026-11-24T14:00:00Z"),
    ],
)
def test_old_parameters_become_a_filter(old: str, filter: str) -> None:
    found = lists.modern(lists.SESSIONS, QueryParams(old))
    assert found is not None
    assert found["filter"] == filter
    assert found.get("sort") == QueryParams(old).get("sort")
    language.parse(filter, BY_NAME["sessions"], 1)
    assert lists.modern(lists.SESSIONS, found) is None


def test_a_call_s_session_has_another_name() -> None:
    found = lists.modern(lists.CALLS, QueryParams("session_id=a b"))
    assert found is not None
    assert found["filter"] == 'session:"a b"'
    language.parse(found["filter"], BY_NAME["calls"], 1)


@pytest.mark.parametrize(
    ("query", "cookie", "names"),
    [
        ("", "", "what turns cost tokens time who last source"),
        ("cols=cost,last", "turns", "what cost last"),
        ("cols=last&cols=cost&cols=evil", "", "what cost last"),
        ("", "tags.errors", "what errors tags"),
        ("cols=evil", "evil.<script>", "what turns cost tokens time who last source"),
    ],
)
def test_columns(query: str, cookie: str, names: str) -> None:
    found = lists.columns(lists.SESSIONS, QueryParams(query), {"columns-sessions": cookie})
    assert " ".join(column.name for column in found) == names


def test_headers_lead_to_the_other_order() -> None:
    def led(query: str) -> dict[Any, Any]:
        asked = QueryParams(query)
        shown = lists.columns(lists.SESSIONS, asked, {})
        return {h["name"]: (h["href"], h["order"]) for h in lists.headers(lists.SESSIONS, asked, shown)}

    usual = led("filter=a:b&cursor=x")
    assert usual["cost"] == ("/ui/?filter=a%3Ab&sort=-cost", "")
    assert usual["last"] == ("/ui/?filter=a%3Ab&sort=last_at", "descending")
    assert usual["source"] == ("", "")
    assert led("sort=-cost")["cost"] == ("/ui/?sort=cost", "descending")
    assert led("sort=cost")["cost"] == ("/ui/?sort=-cost", "ascending")
    assert led("sort=last_at")["last"] == ("/ui/", "ascending")


def test_an_address_keeps_all_columns() -> None:
    asked = QueryParams("cols=cost&cols=tags&sort=cost&cursor=x")
    assert lists.address(lists.SESSIONS, asked, sort="-cost") == "/ui/?cols=cost&cols=tags&sort=-cost"
    assert lists.address(lists.SESSIONS, asked, cols="") == "/ui/?sort=cost"


def test_problems() -> None:
    assert lists.problem(BadRequest("no such field", param="filter"))["kind"] == "filter"
    assert lists.problem(BadRequest("no such sort", param="sort"))["title"] == "That did not work"
    assert lists.problem(Forbidden())["title"] == "This key may not see that"
    assert lists.problem(StoreUnavailable("away"))["text"] == "away"


def test_only_what_the_api_knows_is_asked() -> None:
    asked = lists.api_query(QueryParams("filter=x&cols=cost&sort=&evil=1&cursor=c"))
    assert dict(asked) == {"filter": "x", "cursor": "c"}
