"""opencode: `run`, continued and forked, with its tools, an agent of its own, a title and a compaction."""

import json
import os
import subprocess
from pathlib import Path

from common import HI, url

HOME, WORK = Path(os.environ["HOME"]), Path.cwd()
LOOK = 'call bash {"command": "ls; echo made-$((40+2))", "description": "looks"}'
TWO = 'call bash {"command": "echo one", "description": "one"}\nalso bash {"command": "echo two", "description": "two"}'
READ = f'call read {{"filePath": "{WORK}/note.txt"}}'
KINDS = {
    "chat": ("@ai-sdk/openai-compatible", "/v1", "gpt-5.1"),
    "responses": ("@ai-sdk/openai", "/v1", "gpt-5.1"),
    "messages": ("@ai-sdk/anthropic", "/v1", "claude-sonnet-4-5"),
}


class OpenCode:
    def __init__(self, conversation: str, kind: str, context: int = 200_000) -> None:
        self.home = HOME / f"opencode-{conversation}"
        self.home.mkdir()
        package, path, model = KINDS[kind]
        provider = {
            "npm": package,
            "name": "Gateway",
            "options": {"baseURL": url(conversation, path), "apiKey": os.environ["RECORD_KEY"]},
            "models": {model: {"name": model, "limit": {"context": context, "output": 2000}, "tool_call": True}},
        }
        self.config = {
            "$schema": "https://opencode.ai/config.json",
            "provider": {"gateway": provider},
            "model": f"gateway/{model}",
            "small_model": f"gateway/{model}",
            "autoupdate": False,
            "share": "disabled",
            "permission": {"edit": "allow", "bash": "allow", "webfetch": "deny"},
        }
        self.env = os.environ | {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CACHE_HOME": str(HOME / "cache"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "OPENCODE_CONFIG_CONTENT": json.dumps(self.config),
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
        }
        self.session = ""

    def ask(self, prompt: str, *more: str) -> None:
        going_on = ["--session", self.session] if self.session else []
        done = subprocess.run(  # an argument would be put into quotes; standard input stays as it is
            ["opencode", "run", "--format", "json", *going_on, *more], env=self.env, cwd=WORK,
            input=prompt, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        print(prompt[:40].replace("\n", " | "), "->", [e.get("type") for e in events], done.stderr[-300:])
        self.session = next((e["sessionID"] for e in events if "sessionID" in e), self.session)


(WORK / "note.txt").write_text("A note.\nOf two lines.\n")
a = OpenCode("a", "chat")
b = OpenCode("b", "messages")
c = OpenCode("c", "responses")
for one in (a, b, c):
    one.ask(HI)
for one in (a, b, c):
    one.ask(f"Look around. Think first, and say what you do.\n{LOOK}\n{READ}")
a.ask("And in words?")
b.ask(f"Two things.\n{TWO}")
c.ask("Thank you.")
AGENT = {"description": "looks", "subagent_type": "general", "prompt": f"Look around for me.\n{LOOK}"}
a.ask(f"Give it away.\ncall task {json.dumps(AGENT)}")
a.ask("What came of it?")
b.ask("Something else: cheese.", "--fork")
b.ask("And wine?")
d = OpenCode("d", "chat", context=14_000)
d.ask(f"{HI} Of the long kind.")
for n in range(1, 4):
    d.ask(f"Part {n}.\n" + 'call bash {"command": "seq 1 2500", "description": "counts"}')
d.ask("Where were we?")
