"""The snippets of docs/how-to/clients.md, run as they stand but for the address, the key and the session's name.

The settings of Codex and Claude Code are those that `agents` runs them with.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract import agents
from tests.support.server import Server

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "clients.md").read_text()
BLOCK = re.compile(r"\*\*(?P<client>[^*]+)\*\*\n\n```(?P<language>python|js|sh)\n(?P<code>.*?)```", re.S)
SNIPPETS = {m["client"]: (m["language"], m["code"]) for m in BLOCK.finditer(GUIDE)}
ONE_CALL = ("OpenAI Python", "Anthropic Python", "Vercel AI SDK, Anthropic")


def test_each_client_has_one() -> None:
    assert len(SNIPPETS) == 10
    assert GUIDE.count("```python") + GUIDE.count("```js") + GUIDE.count("```sh") == len(SNIPPETS) + 1


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
        "js": ["node", "--input-type=module", "-e", code],
        "sh": ["bash", "-c", code],
    }[language]
    done = subprocess.run(command, cwd=node_library, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    session = demo_server.session(session_id, calls=1 if client in ONE_CALL else 2)
    assert (session["title"], session["source"], session["errors"]) == ("Hello", "id", 0)
    calls = [added["call"] for added in demo_server.transcript(session_id)["calls"]]
    if len(calls) == 2:
        assert calls[1]["parent_id"] == calls[0]["id"]
        assert session["turns"] == 2


def test_the_settings_of_the_agents_are_those_that_are_tested() -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.S)
    for setting in ("base_url", "env_key", "wire_api", "model_provider"):
        assert f"{setting} = " in toml
        assert f"{setting} = " in agents._CODEX_CONFIG
    for variable in ("ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_SMALL_FAST_MODEL"):
        assert variable in GUIDE
        assert variable in Path(agents.__file__).read_text()
