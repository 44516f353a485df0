"""One gateway a module; each test has a session id and an upstream log of its own."""

import subprocess
import uuid
from pathlib import Path

import pytest

from tests.support.upstream import FakeUpstream

NODE = Path(__file__).parent / "node"


@pytest.fixture
def session_id() -> str:
    return f"chat {uuid.uuid4()}"


@pytest.fixture
def upstream(shared_upstream: FakeUpstream) -> FakeUpstream:
    shared_upstream.requests.clear()
    return shared_upstream


@pytest.fixture(scope="session")
def node_library() -> Path:
    """The folder where the clients from npm are installed, from its lock file."""
    lock, installed = NODE / "package-lock.json", NODE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=NODE, check=True, timeout=400)
    return NODE


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
