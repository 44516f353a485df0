"""A gateway that is told to stop, and processes of it that die: F17. Nothing that was accepted is lost."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.server import MASTER_KEY, Server, free_port, running_server, wait_for
from tests.support.talk import Talk, drain, texts, workers
from tests.support.upstream import FakeUpstream, Received, Reply, answer_to, chat_events, default_reply

EVENTS = {"content-type": "text/event-stream"}
HALF = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half an answer"}}]}\n\n'


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        fake.default = by_text
        yield fake


def by_text(asked: Received) -> Reply:
    """What is asked for says how it is answered."""
    text = asked.json["messages"][-1]["content"] if asked.method == "POST" else ""
    if "for ever" in text:
        return Reply(pieces=[HALF], headers=EVENTS, hang=True)
    if "slowly" in text:
        return Reply(pieces=chat_events(asked.json), headers=EVENTS, pause=0.15)
    if "later" in text:
        usual = default_reply(asked)
        return Reply(usual.body, headers=usual.headers, delay=1.0)
    return default_reply(asked)


def gateway(tmp_path: Path, upstream: FakeUpstream, **more: str) -> contextlib.AbstractContextManager[Server]:
    env = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": upstream.base_url}
    return running_server(tmp_path, env=env | {f"SESSIONARY_{name.upper()}": value for name, value in more.items()})


def chat(text: str, *, stream: bool = True) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], "stream": stream, "max_tokens": 100}


@pytest.fixture
def talks() -> Iterator[contextlib.ExitStack]:
    """Closes them."""
    with contextlib.ExitStack() as stack:
        yield stack


def begun(
    talks: contextlib.ExitStack,
    server: Server,
    body: dict[str, Any],
    until: bytes = b"",
    path: str = "chat/completions",
) -> Talk:
    talk = talks.enter_context(Talk(server.port))
    talk.ask(f"/v1/{path}", body)
    talk.until(until)
    return talk


def test_told_to_stop(tmp_path: Path, upstream: FakeUpstream, talks: contextlib.ExitStack) -> None:
    """What can end within grace does, streams, whole answers and background responses; what cannot is told so, in its
    format. Idle connections are closed, new ones refused, the exit is 0, and all is recorded."""
    with gateway(tmp_path, upstream, grace="4") as server:
        idle = begun(talks, server, chat("hello", stream=False))
        idle.rest()
        ending = begun(talks, server, chat("slowly, one two three four five six"), b"data: ")
        asked = {"model": "gpt-4o", "input": "later, in the background", "background": True}
        background = server.post("/v1/responses", asked).json["id"]
        whole = begun(talks, server, chat("later, as a whole", stream=False))
        broken = begun(talks, server, chat("for ever"), b"half an answer")
        claude = begun(talks, server, chat("for ever, Claude"), b"half an answer", "messages")
        responses = {"model": "gpt-4o", "input": "for ever, in Responses", "stream": True}
        response = begun(talks, server, responses, b"half an answer", "responses")
        wait_for(lambda: len(upstream.requests) == 7, 5, "the calls at the provider")
        url = server.base_url.replace("http", "ws") + "/v1/responses"
        web = talks.enter_context(connect(url, additional_headers={"authorization": f"Bearer {MASTER_KEY}"}))

        told = time.monotonic()
        server.signal(signal.SIGTERM)
        assert idle.take() == b"", "an idle connection is kept"
        with pytest.raises(ConnectionClosed) as closed:
            web.recv(timeout=5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        wait_for(lambda: refused(server.port), 2, "that new connections are refused")
        assert texts(ending.rest()) == answer_to("slowly, one two three four five six")
        assert json.loads(whole.rest())["choices"][0]["message"]["content"] == answer_to("later, as a whole")
        assert time.monotonic() - told < 4, "the calls that could end did so before grace was over"
        lasts = {"chat": last_event(broken), "messages": last_event(claude), "responses": last_event(response)}
        assert lasts["chat"]["error"]["code"] == "interrupted"
        assert lasts["messages"]["type"] == "error"
        assert lasts["responses"]["response"]["status"] == "failed" or lasts["responses"]["type"] == "error"
        assert server.ended() == 0
        print(f"ended after {time.monotonic() - told:.1f} s")
        assert 3.5 < time.monotonic() - told < 15

        server.start()
        wait_for(lambda: [c["status"] for c in all_calls(server)].count("live") == 0, 20, "the end of all calls")
        calls = {asked_text(server, c["id"]): c for c in all_calls(server)}
        assert len(calls) == len(upstream.requests) == 7
        for text, call in calls.items():
            assert call["status"] == ("interrupted" if "for ever" in text else "ok"), (text, call)
        recorded = server.get(f"/api/calls/{calls['for ever']['id']}/response")
        assert recorded["choices"][0]["message"]["content"] == "half an answer"
        found = server.get(f"/v1/responses/{background}")
        assert found["status"] == "completed"


def all_calls(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.get("/api/calls?limit=100")["data"]
    return found


def refused(port: int) -> bool:
    try:
        Talk(port).socket.close()
    except ConnectionRefusedError:
        return True
    return False


def last_event(talk: Talk) -> dict[str, Any]:
    events = [line[6:] for line in talk.rest().split(b"\n") if line.startswith(b"data: {")]
    return dict(json.loads(events[-1]))


def asked_text(server: Server, call_id: str) -> str:
    asked = server.get(f"/api/calls/{call_id}/request")
    return str(asked["messages"][-1]["content"] if "messages" in asked else asked["input"])


def test_a_second_signal_ends_at_once(tmp_path: Path, upstream: FakeUpstream, talks: contextlib.ExitStack) -> None:
    """However long grace is; what was in flight is recorded with its text."""
    with gateway(tmp_path, upstream, grace="60") as server:
        talk = begun(talks, server, chat("for ever"), b"half an answer")
        server.signal(signal.SIGINT)
        with pytest.raises(AssertionError):
            server.ended(0.7)
        server.signal(signal.SIGINT)
        told = time.monotonic()
        assert last_event(talk)["error"]["code"] == "interrupted"
        assert server.ended() == 0
        print(f"ended after {time.monotonic() - told:.1f} s")
        assert time.monotonic() - told < 20
        server.start()
        call = server.call(talk.head()[1]["x-call-id"], seconds=20)
        assert call["status"] == "interrupted"
        said = server.get(f"/api/calls/{call['id']}/response")["choices"][0]["message"]["content"]
        assert said == "half an answer"


@pytest.mark.parametrize("after", [0.3, 1.0])
def test_told_to_stop_while_it_starts(tmp_path: Path, after: float) -> None:
    """It ends, with 0 once it can hear, and leaves no process behind."""
    command = [
        sys.executable,
        "-m",
        "sessionary",
        "serve",
        "--port",
        str(free_port()),
        "--data-dir",
        str(tmp_path / "d"),
    ]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SESSIONARY_MASTER_KEY": MASTER_KEY}
    process = subprocess.Popen(command, env=env, cwd=tmp_path, start_new_session=True, stderr=subprocess.DEVNULL)
    time.sleep(after)
    process.terminate()
    assert process.wait(20) in (0, -signal.SIGTERM)
    with pytest.raises(ProcessLookupError):
        wait_for(lambda: os.killpg(process.pid, 0), 5, "the end of its children")


def test_told_to_stop_without_its_store(tmp_path: Path, upstream: FakeUpstream) -> None:
    """It ends in time, and what is in the spool is stored at the next start."""
    with gateway(tmp_path, upstream, grace="2") as server:
        other = sqlite3.connect(server.data_dir / "sessionary.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        answers = [server.chat(f"without the store {n}") for n in range(3)]
        told = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
        print(f"ended after {time.monotonic() - told:.1f} s")
        assert time.monotonic() - told < 15
        other.execute("ROLLBACK")
        other.close()
        server.start()
        for answer in answers:
            assert server.call(answer.headers["x-call-id"], seconds=20)["status"] == "ok"


def test_processes_that_die(tmp_path: Path, upstream: FakeUpstream, talks: contextlib.ExitStack) -> None:
    """kill -9 of one worker of two, then of the drain: the other worker's streams go on, what the dead one had is
    `interrupted` with its text, both are replaced, and nothing is there twice or missing."""
    with gateway(tmp_path, upstream, workers="2") as server:
        streams = [talks.enter_context(Talk(server.port)) for _ in range(12)]
        for n, talk in enumerate(streams):
            talk.ask("/v1/chat/completions", chat(f"for ever {n}"))
        for talk in streams:
            talk.until(b"half an answer")
        before = workers(server.pid)
        assert len(before) == 2
        victim = max(before, key=lambda pid: len(os.listdir(f"/proc/{pid}/fd")))
        time.sleep(1.2)  # a checkpoint
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: victim not in workers(server.pid) and len(workers(server.pid)) == 2, 10, "a new worker")
        answered = [server.chat(f"after the kill {n}") for n in range(4)]
        assert [a.status for a in answered] == [200] * 4
        os.kill(wait_for(lambda: drain(server.pid)), signal.SIGKILL)
        answered += [server.chat(f"without a drain {n}") for n in range(4)]
        for answer in answered:
            assert server.call(answer.headers["x-call-id"], seconds=20)["status"] == "ok"

        cut, alive = [], []
        for talk in streams:
            talk.socket.settimeout(0.2)
            try:
                talk.take()
                cut.append(talk)
            except TimeoutError:
                alive.append(talk)
            except ConnectionResetError:
                cut.append(talk)
        print(f"{len(cut)} streams were cut, {len(alive)} go on")
        assert cut
        for talk in cut:
            call = server.call(talk.head()[1]["x-call-id"], seconds=20)
            assert call["status"] == "interrupted"
            said = server.get(f"/api/calls/{call['id']}/response")["choices"][0]["message"]["content"]
            assert said == "half an answer"
        for talk in alive:
            assert server.get(f"/api/calls/{talk.head()[1]['x-call-id']}")["status"] == "live"
            talk.socket.close()
        calls = all_calls(server)
        assert len(calls) == len({call["id"] for call in calls}) == len(upstream.requests) == 20
