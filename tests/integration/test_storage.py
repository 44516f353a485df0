"""What a long chat costs on disk."""

import json
import sqlite3
from pathlib import Path
from pydoc_data.topics import topics

from tests.support.server import Server, running_server
from tests.support.upstream import FakeUpstream, Reply, chat_json, usage_of

TURNS = 100
SMALLER = 25
# Prose and code that no two messages share: Python's own language reference, which Python carries for `help()`.
PROSE = "\n".join(topics[name] for name in sorted(topics))
QUESTION, REPLY = 400, 1300


def question(n: int) -> str:
    start = n * (QUESTION + REPLY)
    return PROSE[start : start + QUESTION]


def reply(n: int) -> str:
    start = n * (QUESTION + REPLY) + QUESTION
    return PROSE[start : start + REPLY]


def test_a_hundred_turns_are_stored_in_a_twenty_fifth(tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        env = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": upstream.base_url}
        with running_server(tmp_path, env=env) as server:
            empty = stored_bytes(server.data_dir)
            sent = chat(server, upstream)
            session = server.session("long-chat", calls=TURNS, seconds=20)
            assert session["turns"] == TURNS
            first = server.get("/api/calls?session_id=long-chat&limit=1")["data"][0]
            assert server.get(f"/api/calls/{first['id']}/request") in [json.loads(body) for body in sent]
            added = server.transcript("long-chat")["calls"]
            assert all(len(c["messages"]) <= 2 for c in added)  # each turn shows what it added, not the history
            server.stop()
        requests = sum(map(len, sent))
        stored = stored_bytes(server.data_dir) - empty
        assert stored * SMALLER <= requests, f"{stored:,} bytes stored for {requests:,} sent: 1/{requests / stored:.1f}"


def chat(server: Server, upstream: FakeUpstream) -> list[bytes]:
    """A chat whose every call resends all before it; the bodies as sent."""
    messages = [{"role": "system", "content": "You are a patient assistant."}]
    sent = []
    for n in range(TURNS):
        messages.append({"role": "user", "content": question(n)})
        body = {"model": "gpt-4o", "messages": messages, "session_id": "long-chat"}
        answer = json.loads(chat_json({"model": "gpt-4o", "messages": messages}))
        answer["choices"][0]["message"]["content"] = reply(n)
        answer["usage"] = usage_of(body)
        upstream.script(Reply(json.dumps(answer).encode()))
        sent.append(json.dumps(body).encode())
        assert server.request("POST", "/v1/chat/completions", sent[-1]).status == 200
        messages.append({"role": "assistant", "content": reply(n)})
    return sent


def stored_bytes(data_dir: Path) -> int:
    """The database's pages in use; the spool is empty once it has been drained.

    The search index is in one piece first, as the drain's idle moments make it: in how many it is when the chat ends
    depends on how busy the machine was.
    """
    path = data_dir / "sessionary.db"
    connection = sqlite3.connect(path)
    try:
        connection.execute("INSERT INTO search_text(search_text) VALUES ('optimize')")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        empty = connection.execute("PRAGMA freelist_count").fetchone()[0]
        page = connection.execute("PRAGMA page_size").fetchone()[0]
    finally:
        connection.close()
    return int(path.stat().st_size - empty * page)
