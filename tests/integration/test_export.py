"""A session as a file, in every form; and the headers of its calls."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from sessionary.record.exchange import Context
from sessionary.store import keys
from sessionary.store.edits import patch_session
from tests.support.recorded import SYSTEM, Log, assistant, user
from tests.support.served import served

Wire = dict[str, Any]
Export = Callable[..., httpx.Response]


@pytest.fixture
def client(engine: sa.Engine) -> Iterator[TestClient]:
    with served(engine) as started:
        yield started


@pytest.fixture
def export(client: TestClient) -> Export:
    def ask(form: str, session: str = "s", status: int = 200) -> httpx.Response:
        answer = client.get(f"/api/sessions/{session}/export", params={"format": form})
        assert answer.status_code == status, answer.text
        return answer

    return ask


def valid(messages: list[Wire]) -> list[Wire]:
    """Messages that the official client takes."""
    TypeAdapter(list[ChatCompletionMessageParam]).validate_python(messages, strict=False)
    return messages


def text(words: str) -> Wire:
    return {"type": "text", "text": words}


def agent(log: Log) -> list[Wire]:
    """A tool call and its result in the Messages format, with an agent beside it and a picture; the history."""
    history: list[Wire] = [{"role": "user", "content": "List the files."}]
    called = {"type": "tool_use", "id": "toolu_1", "name": "run", "input": {"command": "ls `a`"}}
    thinking = {"type": "thinking", "thinking": "Hm.\nSo.", "signature": "x"}
    picture = {"type": "image", "source": {"type": "url", "url": "https://example.org/a (1).png"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [text("```\na.py\n```"), picture]}
    turns: tuple[tuple[list[Wire], list[Wire]], ...] = (
        ([thinking, text("I look."), called], [result, text("Well?")]),
        ([text("One file.")], []),
    )
    for content, more in turns:
        begin = log.begin("s", {"model": "claude", "system": "Be brief.", "messages": history}, endpoint="messages")
        answer = {"id": "msg_1", "type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"}
        log.store(begin, log.finish(begin, json.dumps(answer).encode()))
        history = [
            *history,
            {"role": "assistant", "content": content},
            *([{"role": "user", "content": more}] if more else []),
        ]
    log.chat("s", [user("Something for an agent")], "Done.", agent="helper", agent_name="helper")
    return history


def test_json_and_lines_are_the_transcript(log: Log, client: TestClient, export: Export, monkeypatch: Any) -> None:
    monkeypatch.setattr("sessionary.api.export._AT_ONCE", 2)
    agent(log)
    whole = client.get("/api/sessions/s/transcript").json()
    assert export("json").json() == whole
    assert client.get("/api/sessions/s/export").json() == whole
    first, *lines = [json.loads(line) for line in export("jsonl").text.splitlines()]
    assert first == {"session": whole["session"]}
    assert lines == whole["calls"]
    assert len(lines) == 3


def test_markdown(log: Log, export: Export) -> None:
    agent(log)
    answer = export("markdown")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    told = answer.text
    assert told.startswith("# List the files.\n\n- Session `s`\n")
    for words in (
        "### System\n\nBe brief.\n",
        "### User\n\nList the files.\n",
        "### Assistant\n\n> *Reasoning*\n>\n> Hm.\n> So.\n\nI look.\n",
        '**Calls `run`**\n\n```json\n{\n  "command": "ls `a`"\n}\n```\n',
        "**Result of `run`**\n\n````\n```\na.py\n```\n````\n\n![image](https://example.org/a%20%281%29.png)\n\nWell?\n",
        ", agent helper, ",
    ):
        assert words in told
    assert told.count("Be brief.") == 1
    assert told.count("I look.") == 1


def test_openai_is_what_the_main_agent_would_send_next(log: Log, export: Export) -> None:
    agent(log)
    assert valid(export("openai").json()) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "List the files."},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "toolu_1", "type": "function", "function": {"name": "run", "arguments": '{"command":"ls `a`"}'}}
            ],
        },
        {
            "role": "tool",
            "tool_call_id": "toolu_1",
            "content": "```\na.py\n```\n[image: https://example.org/a (1).png]",
        },
        {"role": "user", "content": "Well?"},
        {"role": "assistant", "content": "One file."},
    ]


def test_openai_of_responses_that_were_gone_on_from(log: Log, export: Export) -> None:
    """What was not sent again is there too; items of one answer are one message."""
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_a", "name": "look", "arguments": '{"at": 1}'}
    content = [{"type": "output_text", "text": "I look.", "annotations": []}]
    message = {"type": "message", "id": "msg_1", "role": "assistant", "content": content}
    begin = log.begin("s", {"model": "gpt-5", "instructions": "Be brief.", "input": "Where?"}, endpoint="responses")
    log.store(begin, log.finish(begin, json.dumps({"status": "completed", "output": [message, call]}).encode()))
    given = {"type": "function_call_output", "call_id": "call_a", "output": "here"}
    again = log.begin(
        "s", {"model": "gpt-5", "input": [given]}, endpoint="responses", context=Context(parent=begin.call_id)
    )
    done = {**message, "content": [{**content[0], "text": "There."}]}
    log.store(again, log.finish(again, json.dumps({"status": "completed", "output": [done]}).encode()))
    called = {"id": "call_a", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}}
    assert valid(export("openai").json()) == [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": "I look.", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "call_a", "content": "here"},
        {"role": "assistant", "content": "There."},
    ]


def test_openai_of_a_chat_is_as_it_was_sent(log: Log, export: Export) -> None:
    odd = {"role": "user", "content": [text("hi")], "extra": [1]}
    log.chat("s", [SYSTEM, odd], {"role": "assistant", "content": "hello", "refusal": None})
    assert export("openai").json() == [SYSTEM, odd, {"role": "assistant", "content": "hello", "refusal": None}]
    log.chat("s", [SYSTEM, odd, assistant("hello"), user("more")], "sure")
    assert export("openai").json()[-2:] == [user("more"), assistant("sure")]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b'{"role":"user","content":"cut \\ud83d"}', {"role": "user", "content": "cut \ufffd"}),
        (b'{"role":"user","content":"a","n":1e400}', {"role": "user", "content": "a", "n": None}),
        (b'{"role":"user","content":"\xff"}', {"role": "user", "content": "\ufffd"}),
        (b'{"role":"user","content":"a","n":' + b"9" * 30 + b"}", {"role": "user", "content": "a", "n": int("9" * 30)}),
    ],
)
def test_openai_of_what_strict_parsers_refuse(log: Log, export: Export, sent: bytes, shown: Wire) -> None:
    begin = log.begin("s", b'{"model":"m","messages":[' + sent + b"]}")
    log.store(begin, log.finish(begin, b"", "rejected"))
    assert export("openai").json() == [shown]


def test_openai_of_a_number_that_nothing_holds(log: Log, export: Export) -> None:
    begin = log.begin("s", b'{"model":"m","messages":[{"role":"user","content":"a","n":' + b"9" * 5000 + b"}]}")
    log.store(begin, log.finish(begin, b"", "rejected"))
    assert "9" * 5000 in export("openai").text


def test_a_session_without_a_conversation(log: Log, export: Export) -> None:
    begin = log.begin("s", {"model": "e", "input": [1, 2]}, endpoint="embeddings")
    log.store(begin, log.finish(begin, b'{"data": []}'))
    assert export("openai", status=404).json()["error"]["message"] == "There is no conversation in this session."
    assert "# s\n" in export("markdown").text


@pytest.mark.parametrize(
    ("title", "simple", "named"),
    [
        ("Plan a trip", "Plan-a-trip.md", "Plan%20a%20trip.md"),
        (
            '../../etc/"passwd"; x=y\r\nset-cookie: a',
            "etc-passwd-x-y-set-cookie-a.md",
            "etc%20passwd%20%3B%20x%3Dy%20set-cookie%20a.md",
        ),
        ("Grüße 🎉", "Gr-e.md", "Gr%C3%BC%C3%9Fe%20%F0%9F%8E%89.md"),
        ("a" * 300, "a" * 80 + ".md", "a" * 80 + ".md"),
        ("\u202egnp.exe", "gnp.exe.md", "gnp.exe.md"),
    ],
)
def test_the_files_name_is_the_title_made_safe(
    log: Log, client: TestClient, export: Export, title: str, simple: str, named: str
) -> None:
    log.chat("s", [user("hi")])
    ours = client.get("/api/sessions/s").json()["id"]
    patch_session(log.engine, log.project(), ours, title, None)
    disposition = export("markdown").headers["content-disposition"]
    assert disposition == f"attachment; filename=\"{simple}\"; filename*=UTF-8''{named}"


def test_refusals(log: Log, client: TestClient, export: Export) -> None:
    log.chat("s", [user("hi")])
    assert export("pdf", status=400).json()["error"]["param"] == "format"
    assert export("json", "nothing", status=404).json()["error"]["message"] == "There is no such session."
    theirs, _ = keys.create(log.engine, "theirs", "t", None, None)
    ours = client.get("/api/sessions/s").json()
    call = ours["calls"][0]["id"]
    for path in (f"/api/sessions/{ours['id']}/export", f"/api/calls/{call}/headers"):
        assert client.get(path).status_code == 200
        assert client.get(path, headers={"authorization": f"Bearer {theirs}"}).status_code == 404


def test_headers_as_they_were_recorded(log: Log, client: TestClient) -> None:
    begin = log.begin("s", {"model": "gpt-4o", "messages": [user("hi")]}, headers={"user-agent": "curl/8"})
    log.store(begin)
    path = f"/api/calls/{begin.call_id}/headers"
    assert client.get(path).json() == {"request": {"user-agent": "curl/8"}, "response": {}}
    log.store(log.finish(begin, b"{}", headers={"x-request-id": "r"}))
    assert client.get(path).json() == {"request": {"user-agent": "curl/8"}, "response": {"x-request-id": "r"}}
