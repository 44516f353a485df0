"""Which id names the session, rule by rule."""

import json

import pytest

from sessionary import ids
from sessionary.sessions.identify import (
    HARNESS_HEADERS,
    OWN_FIELDS,
    OWN_HEADERS,
    OWN_METADATA,
    Identity,
    identify,
    usable,
)


def named(headers: dict[str, str] | None = None, **body: object) -> Identity:
    metadata = body.get("metadata")
    return identify(headers or {}, body.get, metadata if isinstance(metadata, dict) else {})


@pytest.mark.parametrize("header", OWN_HEADERS)
def test_own_headers(header: str) -> None:
    assert named({header: "s-1"}) == Identity("s-1", "id", header)


@pytest.mark.parametrize("field", OWN_FIELDS)
def test_body_fields(field: str) -> None:
    assert named(**{field: "s-1"}) == Identity("s-1", "id", field)


@pytest.mark.parametrize("field", OWN_METADATA)
def test_metadata(field: str) -> None:
    assert named(metadata={field: "s-1"}) == Identity("s-1", "id", f"metadata.{field}")


@pytest.mark.parametrize("header", [*HARNESS_HEADERS, "x-acme-session-id"])
def test_harness_headers(header: str) -> None:
    assert named({header: "s-1"}).source == "harness"
    assert named({header: "s-1"}).text == "s-1"


def test_an_explicit_id_beats_a_harness_id() -> None:
    found = named({"x-claude-code-session-id": "harness"}, metadata={"litellm_session_id": "mine"})
    assert (found.text, found.source) == ("mine", "id")


def test_own_metadata_field_comes_first() -> None:
    assert named(metadata={"session_id": "b", "litellm_session_id": "a"}).text == "a"


@pytest.mark.parametrize(
    "nothing",
    ["", "  ", "null", "undefined", "None", "00000000-0000-0000-0000-000000000000", "0", None, [], {}, True],
)
def test_ids_that_mean_none(nothing: object) -> None:
    assert usable(nothing) == ""
    assert named(litellm_session_id=nothing).source == "none"


def test_claude_codes_user_id_in_both_forms() -> None:
    session = "0b7f2a6e-9d3c-4f1e-8a55-1c2d3e4f5a6b"
    new = json.dumps({"device_id": "d", "account_uuid": "a", "session_id": session})
    old = f"user_abc_account_def_session_{session}"
    for value in (new, old):
        assert named(metadata={"user_id": value}) == Identity(session, "harness", "metadata.user_id")
    assert named(metadata={"user_id": "somebody"}).source == "none"
    assert named(metadata={"user_id": "{" * 100_000}).source == "none"


def test_baggage() -> None:
    assert named({"baggage": "k=v, session.id=a%20b;p=1"}).text == "a b"
    assert named({"baggage": "k=v,,=,session.id="}).source == "none"


def test_prompt_cache_key_is_the_last_resort() -> None:
    assert named(prompt_cache_key="k").rule == "prompt_cache_key"
    assert named({"baggage": "session.id=b"}, prompt_cache_key="k").text == "b"


def test_user_alone_makes_no_session() -> None:
    assert named(user="user-1").source == "none"


def test_agents_are_kept_beside_the_session() -> None:
    found = named({"x-claude-code-session-id": "s", "x-claude-code-agent-id": "a-1"})
    assert (found.text, found.agent) == ("s", "a-1")


def test_session_ids_are_stable_scoped_and_verbatim_where_ours() -> None:
    mine = ids.session_id(1, "abc")
    assert mine == ids.session_id(1, "abc")
    assert mine != ids.session_id(2, "abc")
    assert ids.session_id(1, mine) == mine
    assert len(ids.session_id(1, "x" * 10_000)) == len(mine)
