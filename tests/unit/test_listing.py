"""Pages of items: every item once, in either order; nonsense is a 400 that names the parameter."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.errors import BadRequest
from sessionary.responses_api import listing


def items(count: int) -> list[listing.Item]:
    return [{"id": f"msg_{n}", "n": n} for n in range(count)]


@given(st.integers(0, 30), st.integers(1, 100), st.sampled_from(["asc", "desc"]))
def test_pages_hold_every_item_once(count: int, limit: int, order: str) -> None:
    found: list[Any] = []
    asked = {"limit": str(limit), "order": order}
    while True:
        page = listing.page(items(count), asked)
        assert len(page["data"]) <= limit
        found += page["data"]
        if not page["has_more"]:
            break
        assert page["last_id"] == page["data"][-1]["id"]
        asked["after"] = page["last_id"]
    assert found == (items(count) if order == "asc" else items(count)[::-1])


def test_an_empty_list() -> None:
    empty = {"object": "list", "data": [], "first_id": "", "last_id": "", "has_more": False}
    assert listing.page([], {}) == empty
    assert listing.page(items(1), {"after": "msg_0"}) == empty


def test_the_newest_twenty_come_first() -> None:
    page = listing.page(items(30), {})
    assert [item["n"] for item in page["data"]] == list(range(29, 9, -1))
    assert page["has_more"]
    assert (page["first_id"], page["last_id"]) == ("msg_29", "msg_10")


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "msg_unknown"}, "after"),
        ({"after": "\0\ud800" * 1000}, "after"),
    ],
)
def test_nonsense_names_its_parameter(asked: dict[str, str], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        listing.page(items(3), asked)
    assert refused.value.param == param
    assert len(refused.value.message) < 300


@pytest.mark.parametrize(
    "raw", [b'"Hello"', b"{}", b'{"type":null}', b'{"type":["message"]}', b'{"type":5,"output":[5]}']
)
def test_an_item_of_any_shape_is_listed_with_its_id(raw: bytes) -> None:
    found = listing.item("msg_1", raw)
    assert found["id"] == "msg_1"
    assert found["type"]


def test_a_text_is_a_users_message() -> None:
    assert listing.item("msg_1", b'"Hello"') == {
        "type": "message",
        "id": "msg_1",
        "role": "user",
        "status": "completed",
        "content": [{"type": "input_text", "text": "Hello"}],
    }
