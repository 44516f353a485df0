"""The Vercel AI SDK through every upstream: text, streams, objects, tools over several steps and turns.

In its default way, `/responses`, it sends references to the items of our earlier answers instead of the items; with
`store: false` it sends the items.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.server import Server

KEPT: dict[str, Any] = {}
UNKEPT = {"openai": {"store": False}}


@pytest.mark.parametrize(
    ("via", "options"),
    [("chat", KEPT), ("messages", KEPT), ("responses", UNKEPT), ("responses", KEPT)],
    ids=["chat", "messages", "responses with items", "responses with references"],
)
def test_the_ai_sdk(
    by_formats: Server, by_format: str, via: str, options: Any, session_id: str, run_node: Callable[..., Any]
) -> None:
    server = by_formats
    given = {"baseURL": server.base_url, "apiKey": server.key, "model": by_format, "session": session_id, "via": via}
    done = run_node("ai_sdk.mjs", **given, providerOptions=options)
    assert "Hello there" in done["text"]
    streamed = done["streamed"]
    assert streamed["text"] == streamed["whole"]
    assert "Hello again" in streamed["text"]
    assert streamed["finish"] == "stop"
    assert streamed["inputTokens"] > 0
    assert streamed["outputTokens"] > 0
    assert isinstance(done["object"]["name"], str)
    assert isinstance(done["object"]["days"], int)
    assert done["ran"] == ["Paris", "Rome", "Oslo"]
    assert done["steps"] == 3
    assert "18 degrees in Rome" in done["told"]
    assert "18 degrees in Oslo" in done["again"]

    found = server.session(session_id, calls=3 + 3 + 2)
    assert found["errors"] == 0
    calls = server.get(f"/api/sessions/{quote(session_id)}")["calls"]
    last = server.request("GET", f"/api/calls/{calls[-1]['id']}/request").body
    assert (b"item_reference" in last) == (via == "responses" and options is KEPT)
    if options is KEPT:
        assert found["turns"] == 5
        assert str(server.transcript(session_id)["calls"]).count("18 degrees in Oslo") >= 2
