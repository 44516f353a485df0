"""`sessionary mcp`, asked by the protocol's own client, as an agent's host starts it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.integration.test_shell import HOSTILE
from tests.support.server import Server, free_port, running_server

SESSIONARY = str(Path(sys.executable).with_name("sessionary"))
TOOLS = {"find_sessions", "search", "read_session", "read_call", "compare_sessions"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("mcp")) as started:
        talk(started, "lighthouses", "What is a lighthouse?", "Who lived there?", "And now?")
        talk(started, "gardens", "What is a garden?", "Who digs?")
        yield started


def talk(server: Server, session: str, *questions: str) -> None:
    said: list[Any] = []
    for question in questions:
        said.append({"role": "user", "content": question})
        answer = server.post("/v1/chat/completions", {"model": "demo", "messages": said, "session_id": session})
        said.append(answer.json["choices"][0]["message"])
    server.session(session, calls=len(questions))


class Agent:
    """What asks, with the environment that its host gives it."""

    def __init__(self, folder: Path, **env: str) -> None:
        own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._parameters = StdioServerParameters(command=SESSIONARY, args=["mcp"], env=own | env, cwd=str(folder))

    def tools(self) -> Any:
        async def listed() -> Any:
            async with Client(self._parameters) as client:
                return (await client.list_tools()).tools

        return asyncio.run(listed())

    def ask(self, tool: str, **arguments: Any) -> Any:
        """Its answer: what is structured, or a text. What is refused comes as an exception."""

        async def asked() -> Any:
            async with Client(self._parameters) as client:
                return await client.call_tool(tool, arguments)

        answer = asyncio.run(asked())
        text = "".join(part.text for part in answer.content)
        if answer.is_error:
            raise Refused(text)
        return (answer.structured_content or {}).get("result", text)


class Refused(Exception):
    pass


@pytest.fixture
def agent(server: Server, tmp_path: Path) -> Agent:
    return Agent(tmp_path, SESSIONARY_BASE_URL=server.base_url, SESSIONARY_API_KEY=server.key)


def test_what_it_may_do_is_only_to_read(agent: Agent) -> None:
    tools = agent.tools()
    assert {tool.name for tool in tools} == TOOLS
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools)


def test_finding(agent: Agent) -> None:
    found = agent.ask("find_sessions", filter='"who lived there"')
    assert [(one["session_id"], one["calls"], one["turns"]) for one in found] == [("lighthouses", 3, 3)]
    assert [one["session_id"] for one in agent.ask("find_sessions", sort="calls", limit=1)] == ["lighthouses"]
    assert agent.ask("find_sessions", filter="model:nobody") == []
    (hit, *_) = agent.ask("search", words="digs", limit=5)
    assert (hit["session_id"], hit["call_id"][:5]) == ("gardens", "call_")
    assert agent.ask("search", words="digs", session="lighthouses") == []


def test_reading(agent: Agent, server: Server) -> None:
    told = agent.ask("read_session", session="lighthouses")
    assert "calls 1 to 3 of 3" in told
    assert told.index("What is a lighthouse?") < told.index("Who lived there?") < told.index("And now?")
    earlier = agent.ask("read_session", session="lighthouses", last=1, skip=1)
    assert "calls 2 to 2 of 3" in earlier
    assert "Who lived there?" in earlier
    assert "And now?" not in earlier
    assert "no such calls, of 3" in agent.ask("read_session", session="lighthouses", skip=9)
    talk(server, "the newest", "What is new?")
    assert "What is new?" in agent.ask("read_session", session="-")
    call = server.transcript("lighthouses")["calls"][1]["call"]["id"]
    assert "Who lived there?" in agent.ask("read_call", call=call)
    assert [m["role"] for m in json.loads(agent.ask("read_call", call=call, part="request"))["messages"]] == [
        "user", "assistant", "user",
    ]  # fmt: skip
    assert json.loads(agent.ask("read_call", call=call, part="response"))["object"] == "chat.completion"
    assert json.loads(agent.ask("read_call", call=call, part="provider_request"))["path"] == "chat/completions"


def test_comparing(agent: Agent) -> None:
    told = agent.ask("compare_sessions", a="lighthouses", b="gardens")
    assert "turn 1 · What is a lighthouse?" in told
    assert "3 turns: 3 otherwise" in told
    assert "3 turns in common" in agent.ask("compare_sessions", a="lighthouses", b="lighthouses")


def test_what_is_too_long_comes_in_parts(agent: Agent, server: Server) -> None:
    long = " ".join(f"word{n}" for n in range(20_000))
    talk(server, "long", long)
    call = server.transcript("long")["calls"][0]["call"]["id"]
    first = agent.ask("read_call", call=call, part="request")
    assert len(first) < 61_000
    assert "characters more" in first
    parts, at = [], 0
    while True:
        text = agent.ask("read_call", call=call, part="request", offset=at)
        parts.append(text.partition("\n… ")[0])
        at += len(parts[-1])
        if "characters more" not in text:
            break
    assert json.loads("".join(parts))["messages"][0]["content"] == long


def test_what_was_said_controls_nothing(agent: Agent, server: Server) -> None:
    talk(server, "hostile", HOSTILE)
    for told in (
        agent.ask("read_session", session="hostile"),
        json.dumps(agent.ask("find_sessions", filter="hostile")),
    ):
        assert "\x1b" not in told
        assert "\\u001b" not in told


def test_other_tenants_are_unknown(server: Server, tmp_path: Path) -> None:
    server.post("/api/projects", {"name": "strangers"})
    key = server.post("/api/keys", {"name": "theirs", "project": "strangers"}).json["key"]
    stranger = Agent(tmp_path, SESSIONARY_BASE_URL=server.base_url, SESSIONARY_API_KEY=key)
    assert stranger.ask("find_sessions") == []
    for tool, arguments in (("read_session", {"session": "gardens"}), ("compare_sessions", {"a": "gardens", "b": "x"})):
        with pytest.raises(Refused, match="There is no such session: gardens"):
            stranger.ask(tool, **arguments)


def test_what_goes_wrong_is_said(agent: Agent, server: Server, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="There is no such session: nowhere"):
        agent.ask("read_session", session="nowhere")
    with pytest.raises(Refused, match="There is no such session: nowhere"):
        agent.ask("search", words="lighthouse", session="nowhere")
    with pytest.raises(Refused, match="limit"):
        agent.ask("find_sessions", limit=0)
    away = Agent(tmp_path, SESSIONARY_BASE_URL=f"http://127.0.0.1:{free_port()}", SESSIONARY_API_KEY="sk-secret-1")
    with pytest.raises(Refused, match="no gateway answers") as refused:
        away.ask("find_sessions")
    assert "sk-secret-1" not in str(refused.value)
    with pytest.raises(Refused, match="no gateway runs on"):
        Agent(tmp_path).ask("find_sessions")


def test_without_its_package(tmp_path: Path) -> None:
    code = "import sys; sys.modules['mcp'] = None; sys.argv = ['sessionary', 'mcp']"
    code += "; from sessionary.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'sessionary[mcp]'" in done.stderr
