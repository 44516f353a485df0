"""Which id names the session, rule by rule."""

import json
from typing import Any

import pytest

from sessionary import ids
from sessionary.record.exchange import Begin
from sessionary.sessions.identify import (
    HARNESS_HEADERS,
    OWN_FIELDS,
    OWN_HEADERS,
    OWN_METADATA,
    Agent,
    Identity,
    agent,
    identify,
    pending,
    usable,
    user,
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


UNIQUE = "019aa1c2-7d1e-7a30-9c55-0f6a3ad1b7e2"


@pytest.mark.parametrize("key", [UNIQUE, f"codex-{UNIQUE}", "ses_69b2fa1c7ffe3k2LmQ9x"])
def test_a_cache_key_that_was_drawn_by_lot_is_the_last_resort(key: str) -> None:
    assert named(prompt_cache_key=key) == Identity(key, "harness", "prompt_cache_key")
    assert named({"baggage": "session.id=b"}, prompt_cache_key=key).text == "b"


def test_a_long_key_is_read_once() -> None:
    assert named(prompt_cache_key="a" * 16_000 + "11").source == "none"


@pytest.mark.parametrize("key", ["k", "support-agent-v2", "prompt-2026-11-24", "internationalisations", "user-12345"])
def test_the_cache_key_of_a_program_names_no_session(key: str) -> None:
    assert named(prompt_cache_key=key).source == "none"


@pytest.mark.parametrize("told", [{"session_id": UNIQUE, "thread_id": "t-2"}, {"thread_id": UNIQUE, "turn_id": "3"}])
def test_what_codex_says_of_a_turn_where_its_own_headers_are_gone(told: dict[str, str]) -> None:
    assert named({"x-codex-turn-metadata": json.dumps(told)}) == Identity(UNIQUE, "harness", "x-codex-turn-metadata")
    assert named(client_metadata=told) == Identity(UNIQUE, "harness", "client_metadata")
    assert named({"session-id": "s"}, client_metadata=told).text == "s"
    assert named(client_metadata=told, metadata={"session_id": "mine"}).text == "mine"


@pytest.mark.parametrize("odd", ["", "{", "[" * 100_000, "7", '{"session_id": {}}', '{"session_id": null}', "\ud800"])
def test_what_is_said_of_a_turn_and_cannot_be_read(odd: str) -> None:
    assert named({"x-codex-turn-metadata": odd}, client_metadata=odd).source == "none"


def test_an_id_of_any_length_is_one() -> None:
    one, other = "id" * 20_000, "id" * 20_000 + "!"
    assert usable(one) == usable(f" {one} ")
    assert usable(one) != usable(other)
    assert usable(one).startswith("id" * 100 + "…sha256:")
    assert usable("x" * 16_384) == "x" * 16_384
    assert named(metadata={"litellm_session_id": one}).rule == "metadata.litellm_session_id"
    assert named(prompt_cache_key=one).source == "none"  # nobody drew it, but for its hash


def test_user_alone_makes_no_session() -> None:
    assert named(user="user-1").source == "none"


def test_agents_that_harnesses_name() -> None:
    assert agent({"x-claude-code-session-id": "s"}) == Agent()
    assert agent({"x-claude-code-agent-id": "a-1"}) == Agent("a-1")
    assert agent({"x-claude-code-agent-id": "a-2", "x-claude-code-parent-agent-id": "a-1"}) == Agent("a-2", "", "a-1")
    codex = {"session-id": "t-1", "thread-id": "t-1"}
    assert agent(codex) == Agent()
    spawned = codex | {"thread-id": "t-2", "x-openai-subagent": "collab_spawn", "x-codex-parent-thread-id": "t-1"}
    assert agent(spawned) == Agent("t-2", "collab_spawn", "")
    assert agent(spawned | {"thread-id": "t-3", "x-codex-parent-thread-id": "t-2"}) == Agent(
        "t-3", "collab_spawn", "t-2"
    )
    assert agent({"x-openai-subagent": "review"}) == Agent("review", "review")


def test_the_end_user_that_a_request_names() -> None:
    assert user({"user": "ann", "safety_identifier": "s"}.get, {}) == "ann"
    assert user({"safety_identifier": "s"}.get, {"user_id": "u"}) == "s"
    assert user({}.get, {"user_id": "u-1"}) == "u-1"
    account = "user_0123456789abcdef0123_account__session_" + UNIQUE
    assert user({}.get, {"user_id": account}) == ""
    assert user({}.get, {"user_id": '{"device_id": "d", "session_id": "s"}'}) == ""
    assert user({"user": 5}.get, {}) == ""


def begin(body: bytes, **more: Any) -> Begin:
    named = ("call_1", 1, 1, "k", "ses", "ses", more.pop("source", "none"), "none")
    return Begin(*named, more.pop("endpoint", "chat.completions"), "m", False, "", "", {}, body, **more)


def test_what_only_content_can_tell_is_pending() -> None:
    history = b'{"messages": [{"role": "assistant", "content": "x"}]}'
    assert pending(begin(history))
    for item in (b'{"type": "function_call"}', b'{"type": "item_reference"}', b'{"role": "assistant"}'):
        assert pending(begin(b'{"input": [%b]}' % item, endpoint="responses"))
    assert not pending(begin(b'{"messages": [{"role": "user", "content": "say \\"assistant\\""}]}'))
    assert not pending(begin(history, threading=False))
    assert not pending(begin(history, source="id"))


def test_session_ids_are_stable_scoped_and_verbatim_where_ours() -> None:
    mine = ids.session_id(1, "abc")
    assert mine == ids.session_id(1, "abc")
    assert mine != ids.session_id(2, "abc")
    assert ids.session_id(1, mine) == mine
    assert len(ids.session_id(1, "x" * 10_000)) == len(mine)
