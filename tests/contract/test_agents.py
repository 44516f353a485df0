"""Coding agents from npm, end to end: a prompt, a call of one of their tools, its result, the last words, a resumption.

The gateway's upstream is a second gateway on its demo provider, once for each wire format; `gpt-…` are names that Codex
knows, and gives other tools than to a model that it does not know.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.agents import ClaudeCode, Codex, Ran
from tests.support.server import Server, running_server

CONFIG = """
log_unstored: true
unsupported: {unsupported}
models:
  - {{name: by-chat, model: openai-compatible/demo, base_url: {url}/v1, api_key: {key}, formats: [chat]}}
  - {{name: by-responses, model: openai/demo, base_url: {url}/v1, api_key: {key}, formats: [responses]}}
  - {{name: by-messages, model: anthropic/demo, base_url: {url}, api_key: {key}, formats: [messages]}}
  - {{name: gpt-5.5, model: anthropic/demo, base_url: {url}, api_key: {key}, formats: [messages]}}
  - {{name: gpt-6-sol, model: openai-compatible/demo, base_url: {url}/v1, api_key: {key}, formats: [chat]}}
  - {{name: gpt-6-luna, model: openai/demo, base_url: {url}/v1, api_key: {key}, formats: [responses]}}
"""
SUM = "echo made-$((40+2))"
SHELL = f'call exec_command {{"cmd": "{SUM}"}}'
PATCH = r'call apply_patch "*** Begin Patch\n*** Add File: made.txt\n+made-42\n*** End Patch\n"'
SEARCH = 'call tool_search {"query": "close an agent"}\ncall multi_agent_v1__close_agent {"target": "made-42"}'
SCRIPT = f'call functions__exec text((await tools.exec_command({{cmd: "{SUM}"}})).output)'
BASH = f'call Bash {{"command": "{SUM}", "description": "adds"}}'


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, demo_server: Server) -> Iterator[Server]:
    """Asks its providers without what they cannot do, and logs what clients want unkept."""
    config = CONFIG.format(url=demo_server.base_url, key=demo_server.key, unsupported="drop")
    with running_server(tmp_path_factory.mktemp("agents"), config=config) as started:
        yield started


def two_turns(agent: Codex | ClaudeCode, prompt: str, model: str, *, turns: int = 2) -> tuple[Ran, dict[str, Any]]:
    """A run, and another that resumes it; the last run, and the transcript of the one session that they are."""
    first = agent.ask(prompt, model)
    assert "made-42" in first.said
    again = agent.ask(f"Once more.\n{prompt}", model, first.session_id)
    assert again.session_id == first.session_id
    found = agent.server.session(first.session_id, calls=4)
    assert (found["source"], found["turns"], found["status"], found["errors"]) == ("harness", turns, "ok", 0)
    return again, agent.server.transcript(first.session_id)


def shown(transcript: dict[str, Any]) -> list[str]:
    """The texts, calls and results of a transcript's messages, in order and without the system's."""
    texts = []
    for call in transcript["calls"]:
        for message in [*call["messages"], *([call["output"]] if call["output"] else [])]:
            texts += [json.dumps(piece, ensure_ascii=False) for piece in message["pieces"]]
    return texts


def test_codex_as_it_comes_and_what_it_wants_unkept(node_library: Path, demo_server: Server, tmp_path: Path) -> None:
    codex = Codex(node_library, demo_server, tmp_path / "codex")
    again, transcript = two_turns(codex, SHELL, "gpt-5", turns=4)  # nothing is known of a call but itself
    assert "made-42" in again.said
    assert "command_execution" in again.printed
    assert transcript["session"]["clients"] == ["Codex 0.169.0"]
    assert shown(transcript) == []
    for call in transcript["calls"]:
        assert call["call"]["input_tokens"] > 1000
        asked = json.loads(demo_server.request("GET", f"/api/calls/{call['call']['id']}/request").body)
        assert {"model", "stream", "store"} == set(asked)


@pytest.mark.parametrize(
    ("model", "prompt", "dropped"),
    [
        ("by-chat", SHELL, ["tools.web_search"]),
        ("by-messages", SHELL, []),
        ("by-responses", SHELL, []),
        ("gpt-5.5", PATCH, ["text.verbosity"]),
        ("gpt-6-sol", SCRIPT, []),
        ("gpt-6-luna", SCRIPT, []),
    ],
)
def test_codex_through_every_upstream(
    node_library: Path, gateway: Server, tmp_path: Path, model: str, prompt: str, dropped: list[str]
) -> None:
    codex = Codex(node_library, gateway, tmp_path / "codex")
    if prompt == PATCH:
        first = codex.ask(prompt, model)
        assert (codex.work / "made.txt").read_text() == "made-42\n"
        assert "Success" in first.said
        gateway.session(first.session_id, calls=2)
        transcript = gateway.transcript(first.session_id)
    else:
        _, transcript = two_turns(codex, prompt, model)
        assert sum("made-42" in text for text in shown(transcript)) >= 4
    for call in transcript["calls"]:
        (attempt,) = call["call"]["attempts"]
        assert attempt["dropped"] == dropped


def test_codex_finds_tools_that_were_not_loaded(node_library: Path, gateway: Server, tmp_path: Path) -> None:
    codex = Codex(node_library, gateway, tmp_path / "codex")
    ran = codex.ask(SEARCH, "gpt-5.5")
    assert "invalid agent id made-42" in ran.said  # it ran, with what it was given
    assert gateway.session(ran.session_id, calls=3)["errors"] == 0


def test_codex_is_refused_what_a_provider_cannot_do(node_library: Path, demo_server: Server, tmp_path: Path) -> None:
    config = CONFIG.format(url=demo_server.base_url, key=demo_server.key, unsupported="refuse")
    with running_server(tmp_path, config=config) as server:
        codex = Codex(node_library, server, tmp_path / "codex")
        with pytest.raises(AssertionError, match="web_search"):
            codex.ask(SHELL, "by-chat")
        assert "made-42" in codex.ask(SHELL, "by-messages").said


@pytest.mark.parametrize("model", ["by-messages", "by-responses", "by-chat"])
def test_claude_code_through_every_upstream(node_library: Path, gateway: Server, tmp_path: Path, model: str) -> None:
    claude = ClaudeCode(node_library, gateway, tmp_path / "claude")
    _, transcript = two_turns(claude, BASH, model)
    assert transcript["session"]["clients"] == ["Claude Code 2.1.331"]
    texts = shown(transcript)
    assert sum("made-42" in text for text in texts) == 4
    assert sum('"tool_call"' in text and SUM in text for text in texts) == 2


def test_claude_code_straight_to_the_demo_and_a_file_it_reads(
    node_library: Path, demo_server: Server, tmp_path: Path
) -> None:
    claude = ClaudeCode(node_library, demo_server, tmp_path / "claude")
    (claude.work / "note.txt").write_text("made-42\n")
    read = json.dumps({"file_path": str(claude.work / "note.txt")})
    again, _ = two_turns(claude, f"call Read {read}", "claude-opus-5-5")
    third = claude.ask(f"call Read {read}", "claude-opus-5-5", "last")
    assert third.session_id == again.session_id
    assert demo_server.session(again.session_id, calls=6)["turns"] == 3


TOOL_SEARCH = 'call ToolSearch {"query": "select:WebFetch", "max_results": 3}'


@pytest.mark.parametrize("model", ["by-messages", "by-responses", "by-chat"])
def test_claude_code_finds_tools_that_were_not_loaded(
    node_library: Path, gateway: Server, tmp_path: Path, model: str
) -> None:
    claude = ClaudeCode(node_library, gateway, tmp_path / "claude")
    ran = claude.ask(f"{TOOL_SEARCH}\n{BASH}", model)
    assert "made-42" in ran.said
    found = gateway.session(ran.session_id, calls=3)
    assert (found["turns"], found["errors"]) == (1, 0)


def test_an_agent_of_claude_codes_own_is_of_the_same_session(
    node_library: Path, gateway: Server, tmp_path: Path
) -> None:
    claude = ClaudeCode(node_library, gateway, tmp_path / "claude")
    work = {"description": "adds", "subagent_type": "general-purpose", "prompt": BASH, "run_in_background": False}
    ran = claude.ask(f"call Agent {json.dumps(work)}", "by-chat")
    assert "Subagent" in ran.said
    assert gateway.session(ran.session_id, calls=4)["errors"] == 0
    calls = [added["call"] for added in gateway.transcript(ran.session_id)["calls"]]
    own, agents = calls[0]["agent"], {call["agent"] for call in calls}
    assert own == ""
    assert len(agents) == 2
    assert [call["agent"] != "" for call in calls] == [False, True, True, False]
