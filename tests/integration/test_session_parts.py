"""Parts of a session: its outline, some of its calls, pages of them; and where requests break what was cached."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from sessionary.store import keys, prefix
from tests.support.recorded import SYSTEM, Log, assistant, user
from tests.support.served import served

Wire = dict[str, Any]
Get = Callable[..., Any]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
MARK = {"type": "ephemeral"}
LONG = "The quick brown fox jumps over the lazy dog, and then it does all of it again. "


@pytest.fixture
def client(engine: sa.Engine) -> Iterator[TestClient]:
    with served(engine) as started:
        yield started


@pytest.fixture
def get(client: TestClient) -> Get:
    def ask(path: str, status: int = 200, **query: Any) -> Any:
        answer = client.get(path, params=query or None)
        assert answer.status_code == status, answer.text
        return answer.json()

    return ask


def messages(log: Log, session: str, history: list[Wire], told: str, **body: Any) -> str:
    """One answered call of /messages."""
    begin = log.begin(session, {"model": "claude", "messages": history, **body}, endpoint="messages")
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "content": [text(told)], "stop_reason": "end_turn"}
    log.store(begin, log.finish(begin, json.dumps(answer).encode()))
    return begin.call_id


def responses(log: Log, session: str, told: str, **body: Any) -> str:
    """One answered call of /responses."""
    begin = log.begin(session, {"model": "gpt-5", **body}, endpoint="responses")
    answer = {"id": f"resp_{begin.call_id[5:]}", "status": "completed", "output": [said(told)]}
    log.store(begin, log.finish(begin, json.dumps(answer).encode()))
    return begin.call_id


def said(told: str) -> Wire:
    content = [{"type": "output_text", "text": told, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": content}


def text(words: str, **more: Any) -> Wire:
    return {"type": "text", "text": words, **more}


def broke(get: Get, session: str = "s") -> list[Any]:
    """Of each call; those of the transcript are those of the outline."""
    outlined = get(f"/api/sessions/{session}/outline")["calls"]
    added = get(f"/api/sessions/{session}/transcript")["calls"]
    assert [one["call"] for one in added] == outlined
    return [one["broke"] and (one["broke"]["what"], one["broke"]["at"]) for one in added]


# Where a request breaks what was cached


def test_a_chat_that_goes_on_breaks_nothing(log: Log, get: Get) -> None:
    history = [SYSTEM, user(LONG + "1")]
    log.chat("s", history, "One.", body={"tools": [TOOL]})
    history += [assistant("One."), user(LONG + "2")]
    log.chat("s", history, "Two.", body={"tools": [TOOL], "temperature": 1})
    assert broke(get) == [None, None]


def test_a_chat_says_the_first_part_that_differs(log: Log, get: Get) -> None:
    first = [SYSTEM, user("One?")]
    log.chat("s", first, "One.", body={"tools": [TOOL]})
    follow = [assistant("One."), user("Two?")]
    log.chat("s", [*first, *follow], "Two.", body={"tools": [TOOL], "model": "gpt-5"})
    other = {**TOOL, "function": {"name": "other"}}
    log.chat("s", [{"role": "system", "content": "Be brief."}, first[1], *follow, user("A")], body={"tools": [other]})
    log.chat("s", [{"role": "system", "content": "Be brief."}, first[1], *follow, user("B")], body={"tools": [TOOL]})
    log.chat("s", [first[1], *follow, user("C")], body={"tools": [TOOL]})
    log.chat("s", [*first, *follow, user("D")])
    log.chat("s", [*first, *follow, user("E")], body={"tools": [TOOL], "tool_choice": "none"})
    told = [None, ("model", 0), ("tools", 0), ("system", 0), ("system", 0), ("tools", 0), None]
    assert broke(get) == told


def test_messages_that_were_rewritten_are_told_by_their_depth(log: Log, get: Get) -> None:
    history = [SYSTEM, *(turn for n in range(4) for turn in (user(f"{LONG}{n}"), assistant(f"Answer {n}. {LONG}")))]
    log.chat("s", [*history, user("More?")], "The first answer, as it was. " + LONG)
    follow = [user("More?"), assistant("The first answer, as it was. " + LONG), user("And more?")]
    shortened = [dict(m) for m in history]
    shortened[5]["content"] = LONG + "[cut]"
    log.chat("s", [*shortened, *follow], "The second. " + LONG)
    spaced = [dict(m) for m in history]
    spaced[1]["content"] += " "
    log.chat("s", [*spaced, *follow, assistant("The second. " + LONG), user("Still more?")])
    log.chat("s", [SYSTEM, *history[5:], *follow, assistant("The second. " + LONG), user("Hm?")])
    assert broke(get) == [None, ("messages", 5), ("messages", 1), ("messages", 1)]


def test_a_message_left_out_at_the_end_is_a_difference(log: Log, get: Get) -> None:
    history = [user("One? " + LONG), assistant("One. " + LONG), user("Two?")]
    log.chat("s", [*history, user("Now, please.")], "Two. " + LONG * 6)
    log.chat("s", [*history, assistant("Two. " + LONG * 6), user("Three?")])
    assert broke(get)[-1] == ("messages", 4)


def test_marks_that_move_and_counts_in_a_prompt_are_no_difference(log: Log, get: Get) -> None:
    """As agents send it: the newest message is marked, the one before is not any more, and a text is a list there."""
    for n, history in enumerate(
        (
            [{"role": "user", "content": [text(LONG + "Do it.", cache_control=MARK)]}],
            [
                {"role": "user", "content": [text(LONG + "Do it.", cache_control={**MARK, "ttl": "1h"})]},
                {"role": "assistant", "content": [text("Done.")]},
                {"role": "user", "content": [text("More.", cache_control=MARK)]},
            ],
            [
                {"role": "user", "content": LONG + "Do it."},
                {"role": "assistant", "content": "Done."},
                {"role": "user", "content": [text("More.")]},
                {"role": "assistant", "content": [text("Done.")]},
                {"role": "user", "content": [{"cache_control": MARK, "type": "text", "text": "Again."}]},
            ],
        )
    ):
        count = text(f"x-anthropic-billing-header: cch={n};")
        system = [count, text("You are an agent.", **({"cache_control": MARK} if n else {}))]
        messages(log, "s", history, "Done.", system=system, tools=[{"name": "look", "input_schema": {}}])
    assert broke(get) == [None, None, None]


def test_messages_say_the_first_part_that_differs(log: Log, get: Get) -> None:
    ask = {"role": "user", "content": LONG}
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    more = [{"role": "assistant", "content": [thinking, text("Done.")]}, {"role": "user", "content": "More."}]
    tools = [{"name": "look", "input_schema": {}}]
    first = messages(log, "s", [ask], "Done.", system="Be brief.", tools=tools)
    messages(log, "s", [ask, *more], "Yes.", system=[text("Be brief.")], tools=tools)
    messages(log, "s", [ask, *more[:1], {"role": "user", "content": "A"}], "Yes.", system="Be long.", tools=tools)
    messages(log, "s", [ask, *more[:1], {"role": "user", "content": "B"}], "Yes.", system="Be brief.")
    later = [*more, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "C"}]
    later[0] = {"role": "assistant", "content": "Done."}
    messages(log, "s", [ask, *later], "Yes.", system="Be brief.", tools=tools)
    parents = [call["parent_id"] for call in get("/api/sessions/s/outline")["calls"]]
    assert parents[:4] == [None, first, first, first]
    assert broke(get) == [None, None, ("system", 0), ("tools", 0), ("messages", 2)]


def test_responses_with_state_and_without(log: Log, get: Get) -> None:
    ask = {"role": "user", "content": [{"type": "input_text", "text": LONG}]}
    more = {"role": "user", "content": "More?"}
    responses(log, "s", "Yes.", input=[ask], instructions="Be brief.")
    responses(log, "s", "No.", input=[ask, said("Yes."), more], instructions="Be brief.")
    responses(log, "s", "No.", input=[ask, said("Yes."), {"role": "user", "content": "A"}], instructions="Be long.")
    assert broke(get) == [None, None, ("system", 0)]


def test_what_would_be_too_much_to_find_out(log: Log, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    history = [turn for n in range(6) for turn in (user(f"{LONG}{n}"), assistant(f"Answer {n}. {LONG}"))]
    log.chat("s", [*history, user("More?")], "The first answer. " + LONG)
    changed = [user("Other."), *history[1:], user("More?"), assistant("The first answer. " + LONG), user("And?")]
    log.chat("s", changed)
    with monkeypatch.context() as patched:
        patched.setattr(prefix, "_MOST", 8)
        assert broke(get) == [None, ("messages", 0)]
    assert broke(get) == [None, ("messages", 1)]


# Parts


def session(log: Log, calls: int = 7) -> list[str]:
    """A conversation in which the system prompt changes, something is tried twice, and something is embedded."""
    history: list[Wire] = []
    ids = []
    for n in range(calls):
        prompt = {"role": "system", "content": "Be brief." if n < 4 else "Be long."}
        history.append(user(f"Question {n}"))
        for _ in range(2 if n == 2 else 1):
            ids.append(log.chat("s", [prompt, *history], f"Answer {n}"))
        if n == 3:
            begin = log.begin("s", {"model": "e", "input": "words"}, endpoint="embeddings")
            log.store(begin, log.finish(begin, b'{"data": []}'))
            ids.append(begin.call_id)
        history.append(assistant(f"Answer {n}"))
    ids.append(log.chat("s", [{"role": "system", "content": "Be long."}, user("Something else")]))
    ids.append(log.chat("s", [user("Without a prompt")]))
    return ids


def test_some_calls_are_as_in_the_whole(log: Log, get: Get) -> None:
    ids = session(log)
    whole = get("/api/sessions/s/transcript")
    assert "next_cursor" not in whole
    assert [added["call"]["id"] for added in whole["calls"]] == ids
    assert [n for n, added in enumerate(whole["calls"]) if added["system"]] == [0, 6]
    assert [added["unprompted"] for added in whole["calls"]] == [False] * (len(ids) - 1) + [True]
    assert [n for n, added in enumerate(whole["calls"]) if added["retry"]] == [3]
    for n, id in enumerate(ids):
        assert get("/api/sessions/s/transcript", calls=id)["calls"] == [whole["calls"][n]], n
    some = get("/api/sessions/s/transcript", calls=f"{ids[6]},{ids[1]},{ids[1]},call_nothing")
    assert some == {"session": whole["session"], "calls": [whole["calls"][1], whole["calls"][6]]}


def test_pages(log: Log, get: Get) -> None:
    session(log)
    whole, found, cursor = get("/api/sessions/s/transcript")["calls"], [], {}
    while True:
        page = get("/api/sessions/s/transcript", limit=4, **cursor)
        assert len(page["calls"]) <= 4
        found += page["calls"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == whole


def test_an_outline_of_what_is_new(log: Log, get: Get) -> None:
    log.chat("s", [user("One")])
    history = [user("One"), assistant("An answer."), user("Two")]
    log.chat("s", history)
    log.chat("s", history)
    whole = get("/api/sessions/s/outline")["calls"]
    for n, call in enumerate(whole):
        new = get("/api/sessions/s/outline", since=call["created_at"])
        assert new["calls"] == whole[n:]
        assert new["session"]["calls"] == 3
    late = datetime.fromisoformat(whole[-1]["created_at"]) + timedelta(days=1)
    assert get("/api/sessions/s/outline", since=late.isoformat())["calls"] == []
    live = log.begin("s", {"model": "gpt-4o", "messages": [user("Three")]})
    log.store(live)
    assert [call["status"] for call in get("/api/sessions/s/outline", since=late.isoformat())["calls"]] == ["live"]
    assert get("/api/sessions/s/outline", 400, since="soon")["error"]["param"] == "since"


def test_refusals(log: Log, get: Get) -> None:
    log.chat("s", [user("hi")])
    path = "/api/sessions/s/transcript"
    for query in ({"calls": ""}, {"calls": ","}, {"calls": ",".join(map(str, range(101)))}, {"calls": "a", "limit": 3}):
        assert get(path, 400, **query)["error"]["param"] == "calls"
    assert get(path, 400, limit=0)["error"]["param"] == "limit"
    assert get(path, 400, cursor="nonsense")["error"]["param"] == "cursor"
    assert get("/api/sessions/s/outline", 400, limit=3)["error"]["param"] == "limit"
    for part in ("outline", "transcript"):
        assert get(f"/api/sessions/nothing/{part}", 404)["error"]["message"] == "There is no such session."


def test_an_id_may_end_like_the_address_of_a_part(log: Log, get: Get) -> None:
    log.chat("a/outline", [user("hi")])
    assert get("/api/sessions/a%2Foutline")["session_id"] == "a/outline"
    assert get("/api/sessions/a%2Foutline/outline")["session"]["session_id"] == "a/outline"


def test_calls_of_other_sessions_and_projects_are_not_shown(log: Log, get: Get, client: TestClient) -> None:
    here, there = log.chat("s", [user("hi")]), log.chat("t", [user("ho")])
    foreign = log.chat("s", [user("secret")], project="other")
    shown = get("/api/sessions/s/transcript", calls=f"{there},{foreign},{here}")["calls"]
    assert [added["call"]["id"] for added in shown] == [here]
    theirs, _ = keys.create(log.engine, "theirs", "t", None, None)
    ours = get("/api/sessions", project="default")["data"][0]["id"]
    for path in ("outline", "transcript", "transcript?limit=1", f"transcript?calls={here}"):
        answer = client.get(f"/api/sessions/{ours}/{path}", headers={"authorization": f"Bearer {theirs}"})
        assert answer.status_code == 404, answer.text
