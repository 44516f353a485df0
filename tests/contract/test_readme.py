"""The README's snippets, run as they stand but for the address, the key and the session's name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import Server

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"\*\*(?P<client>[^*]+)\*\*\n\n```(?P<language>\w+)\n(?P<code>.*?)```", re.S)
CHAIN = "OpenAI Python, a chain of responses"
SNIPPETS = {m["client"]: (m["language"], m["code"]) for m in BLOCK.finditer(README.read_text())}


def test_there_is_one_for_each_client() -> None:
    names = ["OpenAI Python", "LangChain", CHAIN, "Anthropic Python", "curl", "LiteLLM SDK", "OpenAI Node"]
    assert list(SNIPPETS) == names


@pytest.mark.parametrize("client", SNIPPETS)
def test_snippet(demo_server: Server, session_id: str, node_library: Path, client: str) -> None:
    language, code = SNIPPETS[client]
    for shown, real in (
        ("http://127.0.0.1:4000", demo_server.base_url),
        ("sk-...", demo_server.key),
        ("my-session", session_id),
    ):
        assert shown in code
        code = code.replace(shown, real)
    command = {
        "python": [sys.executable, "-c", code],
        "sh": ["bash", "-c", code],
        "js": ["node", "--input-type=module", "-e", code],
    }[language]
    done = subprocess.run(command, cwd=node_library, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    session = demo_server.session(session_id, calls=2 if client == CHAIN else 1)
    assert client != CHAIN or "turn 2" in done.stdout
    assert session["source"] == "id"
    assert session["title"] == "Hello"
