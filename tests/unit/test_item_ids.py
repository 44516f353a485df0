"""Ids of items: the call can be told from them, and a provider gets its own back."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sessionary import ids
from sessionary.wire.responses import item_ids

answers = st.text("0123456789abcdefghijklmnopqrstuv", min_size=26, max_size=26).map("resp_".__add__)
kinds = st.one_of(st.sampled_from(["message", "function_call", "reasoning", "compaction"]), st.text(max_size=20))
natives = st.text(min_size=1, max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "id", "input", "x"]) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(answers, kinds, st.integers(0, 10_000))
def test_the_call_of_an_item_that_we_made(answer: str, kind: str, position: int) -> None:
    call = ids.call_of(answer)
    assert item_ids.call_of(item_ids.made(kind, answer, position)) == call
    assert item_ids.call_of(item_ids.asked(call, position)) == call


@given(answers, natives)
def test_the_call_of_an_item_that_a_provider_made(answer: str, native: str) -> None:
    named = item_ids.named(native, answer)
    assert item_ids.call_of(named) == ids.call_of(answer)
    body = {"input": [{"type": "reasoning", "id": named}]}
    assert item_ids.to_provider(body) == {"input": [{"type": "reasoning", "id": native}]}
    assert item_ids.may_hold(json.dumps(body).encode())


@given(answers, answers, kinds, st.integers(0, 100))
def test_a_gateway_behind_a_gateway_gets_its_own(inner: str, outer: str, kind: str, position: int) -> None:
    theirs = item_ids.made(kind, inner, position)
    ours = item_ids.named(theirs, outer)
    assert item_ids.call_of(ours) == ids.call_of(outer)
    assert item_ids.to_provider({"input": [{"id": ours, "type": "message"}]})["input"][0]["id"] == theirs


@given(answers, kinds, st.integers(0, 100))
def test_ids_of_ours_are_taken_out(answer: str, kind: str, position: int) -> None:
    made, asked = item_ids.made(kind, answer, position), item_ids.asked(ids.call_of(answer), position)
    body = {"model": "m", "input": [{"type": kind, "id": made, "x": 1}, {"type": kind, "id": asked}, "text", None]}
    assert item_ids.to_provider(body) == {"model": "m", "input": [{"type": kind, "x": 1}, {"type": kind}, "text", None]}


def test_an_approval_names_the_providers_item() -> None:
    named = item_ids.named("mcpr_1", "resp_" + "0" * 26)
    item = {"type": "mcp_approval_response", "approval_request_id": named, "approve": True}
    assert item_ids.to_provider({"input": [item]})["input"][0]["approval_request_id"] == "mcpr_1"


@given(st.text(max_size=60))
def test_any_other_text_is_no_id_of_ours(text: str) -> None:
    call = item_ids.call_of(text)
    assert call == "" or ids.call_of(f"resp_{call[5:]}") == call


@given(json_values)
def test_any_body_is_searched_for_references(body: Any) -> None:
    sent = json.dumps(body).encode()
    found = item_ids.references(sent)
    assert all(isinstance(id, str) and id for id in found)
    item_ids.may_hold(sent)
    if isinstance(body, dict):
        item_ids.to_provider(body)


@given(st.binary(max_size=100))
def test_any_bytes_are_searched_for_references(data: bytes) -> None:
    assert item_ids.references(data + b'"item_reference"') == []
    assert item_ids.resolved(data, {}) == data


@given(st.lists(st.text(min_size=1, max_size=10), max_size=5), st.booleans())
def test_every_reference_is_found_in_order(named: list[str], bare: bool) -> None:
    items = [{"id": id} if bare else {"type": "item_reference", "id": id} for id in named]
    body = json.dumps({"input": [{"role": "user", "content": "x"}, *items]}, ensure_ascii=False).encode()
    escaped = any('"' in id or "\\" in id or ord(min(id)) < 32 for id in named)
    if not (bare and escaped):
        assert item_ids.references(body) == named


def test_references_are_replaced_by_what_they_stand_for() -> None:
    known = {"a": b'{"type":"message","role":"user","content":"A"}', "b": b'"B"'}
    body = (
        b'{"model":"m","input":[{"type":"item_reference","id":"a"},{"id":"b"},{"id":"c"},{"role":"user","content":""}]}'
    )
    assert json.loads(item_ids.with_items(body, known))["input"] == [
        {"type": "message", "role": "user", "content": "A"},
        {"type": "message", "role": "user", "content": "B"},
        {"id": "c"},
        {"role": "user", "content": ""},
    ]
    assert item_ids.resolved(b'{"type":"item_reference","id":"a"}', known) == known["a"]
    assert item_ids.resolved(b'{"role":"user"}', known) == b'{"role":"user"}'
