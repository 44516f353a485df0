"""The OpenAI Node library, installed from the lock file beside `chat.mjs`."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.contract.conversation import ANSWERS, MODEL, TURNS, check
from tests.support.server import Server
from tests.support.upstream import FakeUpstream


@pytest.mark.parametrize("form", ["metadata", "field"])
def test_two_calls_are_one_session(
    shared_server: Server, upstream: FakeUpstream, *, session_id: str, stream: bool, form: str, node_library: Path
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
        ["node", str(node_library / "chat.mjs")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert tuple(json.loads(done.stdout)) == ANSWERS
    check(shared_server, upstream, session_id, stream=stream)
