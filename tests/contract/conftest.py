"""One gateway a module; each test has a session id and an upstream log of its own."""

import uuid

import pytest

from tests.support.upstream import FakeUpstream


@pytest.fixture
def session_id() -> str:
    return f"chat {uuid.uuid4()}"


@pytest.fixture
def upstream(shared_upstream: FakeUpstream) -> FakeUpstream:
    shared_upstream.requests.clear()
    return shared_upstream


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
