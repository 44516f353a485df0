"""Threading as a client meets it: over HTTP, across workers, formats, kills, keys and corrections."""

import itertools
import json
from pathlib import Path
from typing import Any

from tests.support.server import Answer, Server, running_server, wait_for

Message = dict[str, Any]


def ask(server: Server, said: list[Message], **more: Any) -> Answer:
    """One turn of a chat; its answer is added to `said`."""
    key = more.pop("key", server.key)
    answer = server.post("/v1/chat/completions", {"model": "gpt-4o", "messages": said, **more}, key=key)
    assert answer.status == 200, answer.body
    said.append(answer.json["choices"][0]["message"])
    return answer


def of(server: Server, answer: Answer) -> dict[str, Any]:
    return server.call(answer.headers["x-call-id"])


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def test_a_chat_without_any_id_is_one_session_over_workers_and_kills(tmp_path: Path) -> None:
    with running_server(tmp_path, env={"SESSIONARY_WORKERS": "2"}) as server:
        said: list[Message] = []
        answers = []
        for n in range(4):
            said.append(user(f"question {n}"))
            answers.append(ask(server, said))
        assert answers[0].headers["x-session-source"] == "none"
        named = answers[0].headers["x-session-id"]
        for later in answers[1:]:
            assert later.headers["x-session-source"] == "pending"
            assert "x-session-id" not in later.headers
        of(server, answers[-1])
        server.kill9()
        server.start()
        said.append(user("And after all that?"))
        answers.append(ask(server, said))
        calls = [of(server, answer) for answer in answers]
        assert {call["session"] for call in calls} == {named}
        assert [call["source"] for call in calls] == ["none", *["content"] * 4]
        assert [call["turn"] for call in calls] == [1, 2, 3, 4, 5]
        for before, after in itertools.pairwise(calls):
            assert after["parent_id"] == before["id"]


def test_a_conversation_may_change_its_format(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        said = [user("What is a tree?")]
        first = of(server, ask(server, said))
        text = said[-1]["content"]
        blocks = [
            user("What is a tree?"),
            {"role": "assistant", "content": [{"type": "text", "text": text}]},
            user("And?"),
        ]
        body = {"model": "claude-sonnet-4-5", "max_tokens": 500, "messages": blocks}
        second = of(server, server.post("/v1/messages", body))
        items = [user("What is a tree?"), {"type": "message", "role": "assistant", "content": text}, user("Or?")]
        third = of(server, server.post("/v1/responses", {"model": "gpt-4o", "input": items}))
        assert second["session"] == third["session"] == first["session"]
        assert second["parent_id"] == third["parent_id"] == first["id"]
        assert server.get(f"/api/sessions/{first['session']}")["branches"] == 1


def test_a_chain_follows_the_session_that_content_found(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        said = [user("What is a tree?")]
        first = of(server, ask(server, said))
        items = [user("What is a tree?"), {"type": "message", "role": "assistant", "content": said[-1]["content"]}]
        second = server.post("/v1/responses", {"model": "gpt-4o", "input": [*items, user("And a bush?")]})
        body = {"model": "gpt-4o", "input": "And a flower?", "previous_response_id": second.json["id"]}
        third = server.post("/v1/responses", body)
        assert of(server, second)["session"] == of(server, third)["session"] == first["session"]
        told = third.headers["x-session-id"]  # before it was known: it names the session all the same
        assert server.get(f"/api/sessions/{told}")["id"] == first["session"]


def test_keys_that_are_not_threaded(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        off = server.cli("keys", "create", "--project", "default", "--no-threading").strip()
        said = [user("hi")]
        first = ask(server, said, key=off)
        said.append(user("again"))
        second = ask(server, said, key=off)
        assert second.headers["x-session-source"] == "none"
        assert of(server, second)["session"] != of(server, first)["session"]
        key_id = next(k["id"] for k in _keys(server) if not k["threading"])
        server.cli("keys", "threading", key_id, "--on")

        def threaded() -> bool:
            said.append(user("and again"))
            return ask(server, said, key=off).headers["x-session-source"] == "pending"

        wait_for(threaded, what="the key being threaded")


def _keys(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(server.cli("keys", "list", "--json"))
    return found


def test_threading_that_is_off_for_all(tmp_path: Path) -> None:
    with running_server(tmp_path, config="threading: false\n") as server:
        said = [user("hi")]
        first = ask(server, said)
        said.append(user("again"))
        second = ask(server, said)
        assert of(server, second)["session"] != of(server, first)["session"]


def test_what_a_person_corrects_holds_for_later_calls(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        said = [user("hi")]
        first = of(server, ask(server, said))
        said.append(user("something quite different"))
        second = of(server, ask(server, said))
        split = server.post(f"/api/sessions/{first['session']}/split", {"call": second["id"]})
        assert split.status == 200, split.body
        moved = server.call(second["id"])["session"]
        assert moved != first["session"]
        said.append(user("and more of it"))
        third = of(server, ask(server, said))
        assert third["session"] == moved
        evidence = server.get(f"/api/calls/{third['id']}/evidence")
        assert (evidence["rule"], evidence["ambiguous"]) == ("content", False)


def test_a_new_version_of_the_rules_is_told_of_and_run(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        said = [user("hi")]
        of(server, ask(server, said))
        assert "2 messages and 1 calls looked at, 0 changed." in server.cli("rehash")
