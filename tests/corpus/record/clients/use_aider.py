"""aider: a chat with a file in it, in one process each: questions, edits in blocks, one that does not fit."""

import json
import os
import subprocess
import sys
from pathlib import Path

from common import HI, url

HOME, WORK = Path(os.environ["HOME"]), Path.cwd()
EDIT = "Here it is.\n\nmade.py\n```python\n<<<<<<< SEARCH\n=======\nprint('made ✓')\n>>>>>>> REPLACE\n```\n"
AGAIN = EDIT.replace("SEARCH\n", "SEARCH\nprint('made ✓')\n").replace("=\nprint('made", "=\nprint('mended")
WRONG = "So?\n\nmade.py\n```python\n<<<<<<< SEARCH\nprint('nowhere')\n=======\nprint('no')\n>>>>>>> REPLACE\n```\n"


def line(text: str, *answers: str) -> str:
    """A question of several lines, as its prompt takes them."""
    return "{\n" + "\n".join([text, *("say " + json.dumps(a, ensure_ascii=False) for a in answers)]) + "\n}"


def chat(conversation: str, questions: list[str], *more: str) -> None:
    folder = WORK / conversation
    folder.mkdir()
    for command in ("init -q -b main", "-c user.name=Demo -c user.email=demo@example.com commit -q --allow-empty -m 1"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True)
    env = os.environ | {"OPENAI_API_BASE": url(conversation), "HOME": str(HOME)}
    command = [
        str(Path(sys.executable).parent / "aider"),
        "--model",
        "openai/gpt-5.1",
        "--weak-model",
        "openai/gpt-5.1-mini",
    ]
    command += [
        "--edit-format",
        "diff",
        "--no-check-update",
        "--no-analytics",
        "--no-show-model-warnings",
        "--yes-always",
    ]
    command += ["--no-pretty", "--no-fancy-input", "--no-detect-urls", "--no-suggest-shell-commands", "--no-gitignore"]
    done = subprocess.run(
        [*command, *more, "made.py"], env=env, cwd=folder, input="\n".join([*questions, "/exit", ""]),
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    print(done.stdout[-1500:], done.stderr[-500:])


chat(
    "a",
    [
        line(HI),
        line("Write it, please.", EDIT),
        line("And now mend it.", AGAIN),
        line("Are you sure?"),
        line("Thank you."),
    ],
)
chat(
    "b",
    [line(HI), line("Write it, please.", EDIT), line("Now wrong.", WRONG), line("And after that?"), line("Yes?")],
    "--no-stream",
)
chat("c", [line(f"{HI} No. {n}") for n in range(6)], "--max-chat-history-tokens", "300", "--edit-format", "ask")
