"""Claude Code: print mode, resumed and continued and forked, tools, agents of its own, thoughts, `/compact`."""

import json
import os
import subprocess
from pathlib import Path

from common import HI, url

HOME, WORK = Path(os.environ["HOME"]), Path.cwd()
MODEL = "claude-opus-5-5"
LOOK = 'call Bash {"command": "ls; echo made-$((40+2))", "description": "looks"}'
TWO = 'call Bash {"command": "echo one"}\nalso Bash {"command": "echo two"}'
READ = f'call Read {{"file_path": "{WORK}/note.txt"}}'
WRITE = f'call Write {{"file_path": "{WORK}/made.txt", "content": "made ✓\\n"}}'


class Claude:
    """Each in a home of its own; `folder`: where it works, for `--continue` takes a folder's newest."""

    def __init__(self, conversation: str, **env: str) -> None:
        self.home, self.work = HOME / f"claude-{conversation}", WORK
        self.home.mkdir()
        self.session = ""
        self.env = os.environ | env | {
            "HOME": str(self.home),
            "ANTHROPIC_BASE_URL": url(conversation, ""),
            "ANTHROPIC_AUTH_TOKEN": os.environ["RECORD_KEY"],
            "ANTHROPIC_SMALL_FAST_MODEL": "claude-haiku-4-5",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
        }  # fmt: skip
        self.env.pop("ANTHROPIC_API_KEY")

    def ask(self, prompt: str, *more: str) -> None:
        """Goes on, unless `more` says how."""
        command = ["claude", "-p", prompt, "--model", MODEL, "--output-format", "json"]
        command += ["--allowedTools", "Bash,Read,Write,Edit,Agent,Task,TodoWrite"]
        if not more and self.session:
            more = ("--resume", self.session)
        done = subprocess.run(
            [*command, *more], env=self.env, cwd=self.work, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        result = json.loads(done.stdout)
        print(prompt[:40].replace("\n", " | "), "->", str(result.get("result"))[:60].replace("\n", " | "))
        self.session = result["session_id"]


(WORK / "note.txt").write_text("A note.\nOf two lines.\n")
for command in ("init -q -b main", "add .", "-c user.name=Demo -c user.email=demo@example.com commit -qm First"):
    subprocess.run(["git", *command.split()], check=True)
a = Claude("a", MAX_THINKING_TOKENS="2048")
b = Claude("b")
c = Claude("c")
for one in (a, b, c):
    one.ask(HI)
a.ask(f"Look around. Think first, and say what you do.\n{LOOK}\n{READ}")
b.ask(f"Do two things.\n{TWO}\n{WRITE}", "--continue")
AGENT = {"description": "looks", "subagent_type": "general-purpose", "prompt": f"Look around for me.\n{LOOK}"}
OTHER = {"description": "reads", "subagent_type": "general-purpose", "prompt": f"Read the note for me.\n{READ}"}
KEPT = {"run_in_background": False}
c.ask(f"Give it away.\ncall Agent {json.dumps(AGENT | KEPT)}")
a.ask("And in words?")
b.ask("And in words?", "--continue")
c.ask(f"To two at once.\ncall Agent {json.dumps(AGENT | KEPT)}\nalso Agent {json.dumps(OTHER | KEPT)}")
a.ask(f"Thank you.\nfail 529\n{LOOK}")  # it tries again
c.ask("What came of it?")
b.ask("/compact")
b.ask("Where were we?")
b.ask(f"Once more.\n{TWO}")
# a fork: what was said so far goes on in another way
a.ask("Something else: cheese.", "--resume", a.session, "--fork-session")
a.ask("And wine?")
