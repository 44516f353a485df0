"""The coding agents from npm, run as their users do, without a person: each in a home of its own, towards a gateway.

An agent's model is the demo provider: a prompt with `call TOOL {…}` makes it call that tool of the agent's.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.server import Server

_SECONDS = 90
_CODEX_CONFIG = """
model = "{model}"
model_provider = "gateway"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
analytics.enabled = false

[model_providers.gateway]
name = "Gateway"
base_url = "{url}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
"""


@dataclass(frozen=True)
class Ran:
    """One run of an agent: the session's id as the agent knows it, its last words, and all that it printed."""

    session_id: str
    said: str
    printed: str


class Agent:
    """`home` is made, with a `work` folder in it."""

    def __init__(self, npm: Path, server: Server, home: Path) -> None:
        self.server = server
        self.home = home
        self.work = home / "work"
        self.work.mkdir(parents=True)
        self._bin = npm / "node_modules" / ".bin"

    def _run(self, env: dict[str, str], *command: str) -> str:
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "NO_COLOR": "1"}
        done = subprocess.run(
            [str(self._bin / command[0]), *command[1:]],
            cwd=self.work, env=kept | env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


class Codex(Agent):
    def ask(self, prompt: str, model: str, resume: str = "") -> Ran:
        home = self.home / ".codex"
        home.mkdir(exist_ok=True)
        (home / "config.toml").write_text(_CODEX_CONFIG.format(model=model, url=self.server.base_url))
        command = ["codex", "exec", *(["resume", resume] if resume else []), "--json", "--skip-git-repo-check", prompt]
        printed = self._run({"CODEX_HOME": str(home), "GATEWAY_KEY": self.server.key}, *command)
        events = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        said = [e["item"]["text"] for e in events if e.get("item", {}).get("type") == "agent_message"]
        (session_id,) = (e["thread_id"] for e in events if e["type"] == "thread.started")
        assert events[-1]["type"] == "turn.completed", printed
        return Ran(session_id, said[-1] if said else "", printed)


class ClaudeCode(Agent):
    def ask(self, prompt: str, model: str, resume: str = "", tools: str = "Bash,Read") -> Ran:
        """`resume`: a session's id, or `last`."""
        command = ["claude", "-p", prompt, "--model", model, "--output-format", "json", "--allowedTools", tools]
        printed = self._run(
            {
                "ANTHROPIC_BASE_URL": self.server.base_url,
                "ANTHROPIC_AUTH_TOKEN": self.server.key,
                "ANTHROPIC_SMALL_FAST_MODEL": model,
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
                "DISABLE_TELEMETRY": "1",
            },
            *command,
            *(["--continue"] if resume == "last" else ["--resume", resume] if resume else []),
        )
        result: dict[str, Any] = json.loads(printed)
        assert not result["is_error"], printed
        return Ran(result["session_id"], result["result"], printed)
