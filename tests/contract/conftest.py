"""One gateway a module; each test has a session id and an upstream log of its own."""

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.npm import installed
from tests.support.server import Server, running_server
from tests.support.upstream import FakeUpstream

NODE = Path(__file__).parent / "node"


@pytest.fixture
def session_id() -> str:
    return f"chat {uuid.uuid4()}"


@pytest.fixture
def upstream(shared_upstream: FakeUpstream) -> FakeUpstream:
    shared_upstream.reset()
    return shared_upstream


@pytest.fixture(scope="session")
def node_library() -> Path:
    """The folder where the clients from npm are installed, from its lock file."""
    return installed(NODE)


@pytest.fixture(scope="session")
def run_node(node_library: Path) -> Callable[..., Any]:
    """Runs a script beside `package.json`: what it is given and what it gives back are JSON."""

    def run(script: str, **given: Any) -> Any:
        done = subprocess.run(
            ["node", str(node_library / script)],
            input=json.dumps(given), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


FORMATS = """
models:
  - {{name: by-chat, model: openai-compatible/demo, base_url: {url}/v1, api_key: {key}, formats: [chat]}}
  - {{name: by-responses, model: openai/demo, base_url: {url}/v1, api_key: {key}, formats: [responses]}}
  - {{name: by-messages, model: anthropic/demo, base_url: {url}, api_key: {key}, formats: [messages]}}
"""


@pytest.fixture(scope="module")
def by_formats(tmp_path_factory: pytest.TempPathFactory, demo_server: Server) -> Iterator[Server]:
    """A gateway whose models reach the demo provider of another gateway in one wire format each."""
    config = FORMATS.format(url=demo_server.base_url, key=demo_server.key)
    with running_server(tmp_path_factory.mktemp("formats"), config=config) as started:
        yield started


@pytest.fixture(params=["by-chat", "by-responses", "by-messages"])
def by_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
