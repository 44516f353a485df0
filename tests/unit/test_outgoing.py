"""The upstream gets the client's bytes, but for the few fields that must change."""

import json
from typing import Any

import msgspec
import pytest

from sessionary.providers.catalog import CATALOG
from sessionary.providers.routing import Target
from sessionary.relay.outgoing import outgoing
from sessionary.sessions.identify import OWN_FIELDS, OWN_METADATA
from sessionary.settings import Deployment


def sent(body: dict[str, Any] | bytes, provider: str = "openai", model: str = "gpt-4o", *, stream: bool = False) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return outgoing(raw, fields, Target(Deployment(provider, model), CATALOG[provider]), stream=stream)


def test_nothing_to_change_changes_no_byte() -> None:
    raw = b'{ "model" : "gpt-4o",\n "messages":[ ], "temperature": 0.70, "x_unknown": {"a": 1e400} }'
    assert sent(raw).body == raw


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"dear","messages":[],"model":"gpt-4o"}',
        b'{"model": "dear", "messages": [], "model": "gpt-4o"}',
        b'{"\\u006dodel":"dear","messages":[],"model":"gpt-4o"}',
        b'{\n "model": "dear",\n "messages": [],\n "model": "gpt-4o"\n}',
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_of_a_field_that_is_there_twice_the_last_goes_on_alone(raw: bytes, stream: bool) -> None:
    body = sent(raw, stream=stream).body
    assert b"dear" not in body
    assert json.loads(body)["model"] == "gpt-4o"
    assert body.count(b"odel") == 1


def test_the_model_is_renamed_and_all_else_stays_in_order() -> None:
    out = json.loads(sent({"messages": [], "model": "openai/gpt-4o", "zeta": 1, "alpha": None}).body)
    assert out == {"messages": [], "model": "gpt-4o", "zeta": 1, "alpha": None}
    assert list(out) == ["messages", "model", "zeta", "alpha"]


@pytest.mark.parametrize("field", OWN_FIELDS)
def test_the_gateways_fields_stay_here(field: str) -> None:
    assert json.loads(sent({"model": "gpt-4o", field: "s-1"}).body) == {"model": "gpt-4o"}


@pytest.mark.parametrize("field", OWN_METADATA)
@pytest.mark.parametrize("provider", ["openai-compatible", "openai", "groq"])
def test_ids_in_metadata_stay_here(field: str, provider: str) -> None:
    body = {"model": "gpt-4o", "store": True, "metadata": {field: "s-1"}}
    assert "metadata" not in json.loads(sent(body, provider).body)


@pytest.mark.parametrize(
    ("given", "goes_on"),
    [
        ({"litellm_session_id": "s"}, None),
        ({"metadata": {"litellm_session_id": "s"}}, None),
        ({"metadata": {"session_id": "s", "team": "a"}, "top_k": 3}, {"metadata": {"team": "a"}, "top_k": 3}),
        ({"session_id": "s", "top_k": 3}, {"top_k": 3}),
        ({"top_k": 3}, {"top_k": 3}),
        ({"metadata": 7}, {"metadata": 7}),
        ("text", "text"),
    ],
)
def test_what_is_meant_to_be_fields_of_the_body(given: object, goes_on: object) -> None:
    out = json.loads(sent({"model": "gpt-4o", "extra_body": given}, "anthropic").body)
    assert out == {"model": "gpt-4o"} | ({} if goes_on is None else {"extra_body": goes_on})


def test_other_metadata_goes_where_the_provider_takes_it() -> None:
    body = {"model": "gpt-4o", "metadata": {"litellm_session_id": "s", "team": "search"}}
    assert json.loads(sent(body, "openai-compatible").body)["metadata"] == {"team": "search"}
    assert "metadata" not in json.loads(sent(body, "openai").body)
    assert json.loads(sent({**body, "store": True}, "openai").body)["metadata"] == {"team": "search"}
    assert "metadata" not in json.loads(sent(body, "groq").body)


def test_usage_is_asked_for_where_the_client_did_not() -> None:
    out = sent({"model": "gpt-4o", "stream": True}, stream=True)
    assert out.usage_added
    assert out.body == b'{"model": "gpt-4o", "stream": true,"stream_options":{"include_usage":true}}'
    odd = sent(b'{"model":"gpt-4o","messages":["}"] }\n ', stream=True)
    assert odd.body == b'{"model":"gpt-4o","messages":["}"] ,"stream_options":{"include_usage":true}}\n '
    out = sent({"model": "gpt-4o", "stream": True, "stream_options": {"x": 1, "include_usage": False}}, stream=True)
    assert json.loads(out.body)["stream_options"] == {"x": 1, "include_usage": True}
    asked = sent({"model": "gpt-4o", "stream": True, "stream_options": {"include_usage": True}}, stream=True)
    assert not asked.usage_added
    assert not sent({"model": "gpt-4o", "stream": True}, "mistral", stream=True).usage_added
