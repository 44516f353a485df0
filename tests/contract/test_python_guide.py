"""The snippets of docs/how-to/python.md, run as they stand but for the address, the key and the session's name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import Server

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "python.md"
BLOCK = re.compile(r"\*\*(?P<name>[^*]+)\*\*\n\n```python\n(?P<code>.*?)```", re.S)
SNIPPETS = {m["name"]: m["code"] for m in BLOCK.finditer(GUIDE.read_text())}
CALLS = {"completion": 1, "responses": 2, "async and streamed": 1, "session": 2, "agents": 2, "LiteLLM SDK": 2}
TITLES = {"session": "Two opinions", "agents": "A checked report"}


def test_every_snippet_is_run() -> None:
    assert list(SNIPPETS) == list(CALLS)
    assert GUIDE.read_text().count("```python") == len(CALLS)


@pytest.mark.parametrize("name", SNIPPETS)
def test_snippet(demo_server: Server, session_id: str, name: str) -> None:
    code = SNIPPETS[name]
    for shown, real in (
        ("http://127.0.0.1:4000", demo_server.base_url),
        ("sk-...", demo_server.key),
        ("my-session", session_id),
    ):
        assert shown in code
        code = code.replace(shown, real)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    session = demo_server.session(session_id, calls=CALLS[name])
    assert session["title"] == TITLES.get(name, "Hello")
    calls = [c["call"] for c in demo_server.transcript(session_id)["calls"]]
    if name == "session":
        assert session["tags"] == ["example"]
    if name == "agents":
        assert [c["agent"] for c in calls] == ["", "checker"]
    if name in ("responses", "LiteLLM SDK"):
        assert calls[1]["parent_id"] == calls[0]["id"]
        assert "turn 2" in done.stdout
