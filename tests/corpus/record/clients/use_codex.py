"""Codex CLI: `exec` and `exec resume`, shell and patches, thoughts, a spawned agent, compactions of its own."""

import json
import os
import subprocess
from pathlib import Path

from common import HI, url

HOME = Path(os.environ["HOME"])
CONFIG = """
model = "{model}"
model_provider = "gateway"
model_reasoning_summary = "auto"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
analytics.enabled = false
{more}

[model_providers.gateway]
name = "Gateway"
base_url = "{url}"
env_key = "RECORD_KEY"
wire_api = "responses"
"""
LOOK = 'Look around. Think first, and say what you do.\ncall exec_command {"cmd": "ls; echo made-$((40+2))"}'
TWO = 'call exec_command {"cmd": "echo one"}\nalso exec_command {"cmd": "echo two; false"}'
PATCH = r'call apply_patch "*** Begin Patch\n*** Add File: made.txt\n+made ✓\n*** End Patch\n"'
PLAN = 'call update_plan {"plan": [{"step": "Look", "status": "completed"}, {"step": "Mend", "status": "in_progress"}]}'


class Codex:
    def __init__(self, conversation: str, model: str, more: str = "") -> None:
        self.home = HOME / f"codex-{conversation}"
        self.home.mkdir()
        (self.home / "config.toml").write_text(CONFIG.format(model=model, url=url(conversation), more=more))
        self.thread = ""

    def ask(self, prompt: str) -> None:
        command = ["codex", "exec", *(["resume", self.thread] if self.thread else [])]
        done = subprocess.run(
            [*command, "--json", "--skip-git-repo-check", prompt],
            env={**os.environ, "CODEX_HOME": str(self.home)}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        print(prompt[:40].replace("\n", " | "), "->", [e["type"] for e in events][-1:], done.stderr[-300:])
        self.thread = next(e["thread_id"] for e in events if e["type"] == "thread.started")


a = Codex("a", "gpt-5.5")
b = Codex("b", "gpt-5.5")
c = Codex("c", "some-other-model")
for one in (a, b, c):
    one.ask(HI)
a.ask(LOOK)
b.ask(f"Do two things.\n{TWO}")
c.ask(LOOK)
a.ask(f"Write a file.\n{PATCH}\n{PLAN}")
b.ask("And in words?")
c.ask(f"Two at once.\n{TWO}")
a.ask("Thank you.\nfail 503")  # it tries again
b.ask(LOOK)
c.ask("Good bye.")
# an agent of its own
d = Codex("d", "gpt-5.5")
TASK = r'{"message": "Look around for me.\ncall exec_command {\"cmd\": \"echo from-the-agent\"}"}'
d.ask(f'Give this away.\ncall multi_agent_v1/spawn_agent {TASK}\ncall exec_command {{"cmd": "sleep 2"}}')
d.ask("What came of it?")
# little room: it asks for a summary and goes on from that
e = Codex("e", "gpt-5.5", "model_auto_compact_token_limit = 12500")
e.ask(f"{HI} Of the long kind.")
for n in range(1, 5):
    e.ask(f"Part {n}.\n" + 'call exec_command {"cmd": "seq 1 1000"}')
e.ask("Where were we?")
