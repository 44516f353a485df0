"""Web search of one provider, asked of the other."""

from typing import Any

import pytest

from sessionary.settings.tree import Format
from sessionary.wire.canonical import Unsupported
from sessionary.wire.formats import FORMATS

Wire = dict[str, Any]
BODIES: dict[Format, Wire] = {
    "responses": {"model": "m", "input": "hi"},
    "messages": {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]},
}
PARIS = {"type": "approximate", "city": "Paris", "country": "FR"}
ANTHROPIC = {"type": "web_search_20250305", "name": "web_search"}


def translated(of: Format, tool: Wire) -> Wire:
    to: Format = "messages" if of == "responses" else "responses"
    body = FORMATS[to].write_request(FORMATS[of].read_request({**BODIES[of], "tools": [tool]}))
    (written,) = body["tools"]
    found: Wire = written
    return found


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ({"type": "web_search"}, ANTHROPIC),
        ({"type": "web_search_preview", "search_context_size": "low"}, ANTHROPIC),
        ({"type": "web_search", "external_web_access": True, "search_content_types": ["text", "image"]}, ANTHROPIC),
        (
            {
                "type": "web_search",
                "filters": {"allowed_domains": ["e.com"]},
                "user_location": {**PARIS, "region": None},
            },
            {**ANTHROPIC, "allowed_domains": ["e.com"], "user_location": PARIS},
        ),
        ({"type": "web_search_2025_08_26", "filters": None, "user_location": None}, ANTHROPIC),
    ],
)
def test_to_messages(asked: Wire, written: Wire) -> None:
    assert translated("responses", asked) == written


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ({**ANTHROPIC, "max_uses": 8, "cache_control": {"type": "ephemeral"}}, {"type": "web_search"}),
        (
            {"type": "web_search_20260209", "name": "web_search", "allowed_domains": ["e.com"], "user_location": PARIS},
            {"type": "web_search", "filters": {"allowed_domains": ["e.com"]}, "user_location": PARIS},
        ),
        ({**ANTHROPIC, "blocked_domains": []}, {"type": "web_search"}),
    ],
)
def test_to_responses(asked: Wire, written: Wire) -> None:
    assert translated("messages", asked) == written


@pytest.mark.parametrize(
    ("of", "asked"),
    [
        ("messages", {**ANTHROPIC, "blocked_domains": ["e.com"]}),
        ("responses", {"type": "web_search", "filters": {"blocked_domains": ["e.com"]}}),
        ("responses", {"type": "web_search", "unheard_of": 1}),
        ("responses", {"type": "web_searching"}),
    ],
)
def test_what_narrows_the_search_is_not_left_out(of: Format, asked: Wire) -> None:
    with pytest.raises(Unsupported) as refused:
        translated(of, asked)
    assert refused.value.field == "tools"
