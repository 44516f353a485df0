"""The OpenAI Node library, installed from the lock file beside `chat.mjs`."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.contract.conversation import ANSWERS, MODEL, TURNS, check
from tests.support.server import Server
from tests.support.upstream import FakeUpstream

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def script() -> Path:
    """`chat.mjs`, with its library beside it."""
    lock, installed = NODE / "package-lock.json", NODE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=NODE, check=True, timeout=100)
    return NODE / "chat.mjs"


@pytest.mark.parametrize("form", ["metadata", "field"])
def test_two_calls_are_one_session(
    shared_server: Server, upstream: FakeUpstream, *, session_id: str, stream: bool, form: str, script: Path
) -> None:
    id_field = {"litellm_session_id": session_id}
    given = {
        "baseURL": shared_server.base_url,
        "apiKey": shared_server.key,
        "model": MODEL,
        "turns": TURNS,
        "stream": stream,
        "extra": {"metadata": id_field} if form == "metadata" else id_field,
    }
    done = subprocess.run(
        ["node", str(script)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert tuple(json.loads(done.stdout)) == ANSWERS
    check(shared_server, upstream, session_id, stream=stream)
