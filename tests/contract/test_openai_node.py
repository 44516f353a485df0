"""The OpenAI Node library, as its users write it: chat, responses through every upstream, conversations."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.conversation import ANSWERS, MODEL, TURNS, check
from tests.support.server import Server
from tests.support.upstream import FakeUpstream


@pytest.mark.parametrize("form", ["metadata", "field"])
def test_two_calls_are_one_session(
    shared_server: Server,
    upstream: FakeUpstream,
    *,
    session_id: str,
    stream: bool,
    form: str,
    run_node: Callable[..., Any],
) -> None:
    id_field = {"litellm_session_id": session_id}
    given = {
        "baseURL": shared_server.base_url,
        "apiKey": shared_server.key,
        "model": MODEL,
        "turns": TURNS,
        "stream": stream,
        "extra": {"metadata": id_field} if form == "metadata" else id_field,
    }
    assert tuple(run_node("chat.mjs", **given)) == ANSWERS
    check(shared_server, upstream, session_id, stream=stream)


def test_responses(by_formats: Server, by_format: str, session_id: str, run_node: Callable[..., Any]) -> None:
    server = by_formats
    done = run_node("responses.mjs", baseURL=server.base_url, apiKey=server.key, model=by_format, session=session_id)
    assert done["plain"]["status"] == "completed"
    assert "Hello there" in done["plain"]["text"]
    streamed = done["streamed"]
    assert streamed["text"] == streamed["whole"]
    assert "Hello again" in streamed["text"]
    assert streamed["types"][:2] == ["response.created", "response.in_progress"]
    assert streamed["types"][-1] == "response.completed"
    assert isinstance(done["parsed"]["name"], str)
    assert isinstance(done["parsed"]["days"], int)
    assert server.session(session_id, calls=3)["source"] == "id"

    assert (done["tools"]["name"], done["tools"]["city"]) == ("get_weather", "Paris")
    assert "18 degrees" in done["tools"]["told"]
    assert "18 degrees" in done["replayed"]

    assert [f"turn {n} of" in answer["text"] for n, answer in enumerate(done["chain"], 1)] == [True] * 3
    assert done["retrieved"] is True
    assert done["items"] == ["message"]
    assert done["deleted"] == 404
    first, second = (server.call(f"call_{answer['id'][5:]}") for answer in done["chain"][:2])
    assert first["session"] == second["session"]
    assert second["source"] == "response"


def test_a_conversation(by_formats: Server, by_format: str, run_node: Callable[..., Any]) -> None:
    server = by_formats
    done = run_node("conversations.mjs", baseURL=server.base_url, apiKey=server.key, model=by_format)
    assert done["topic"] == "trip"
    assert [answer["conversation"] for answer in done["answers"]] == [done["id"]] * 3
    assert [f"turn {n} of" in answer["text"] for n, answer in enumerate(done["answers"], 1)] == [True] * 3
    assert done["items"] == ["user", "assistant"] * 3
    assert done["gone"] == 404
    calls = [server.call(f"call_{answer['id'][5:]}") for answer in done["answers"]]
    assert len({call["session"] for call in calls}) == 1
    assert {call["source"] for call in calls} == {"conversation"}
