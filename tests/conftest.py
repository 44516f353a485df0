"""Fixtures that more than one kind of test uses: a scripted provider, and a gateway in front of it."""

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, running_server, timed_out
from tests.support.upstream import FakeUpstream

# Client libraries in the tests read these: nothing here may reach a network or a person's account.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["LANGCHAIN_TRACING_V2"] = "false"
for _name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
    os.environ.pop(_name, None)
# A shell has what it runs in the background ignore Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture
def server(tmp_path: Path, upstream: FakeUpstream) -> Iterator[Server]:
    """A gateway whose OpenAI is `upstream`."""
    env = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": upstream.base_url}
    with running_server(tmp_path, env=env) as started:
        yield started


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream) -> Iterator[Server]:
    """Like `server`, one for all tests of a module: they keep apart by session ids of their own."""
    env = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": shared_upstream.base_url}
    with running_server(tmp_path_factory.mktemp("gateway"), env=env) as started:
        yield started


@pytest.fixture(scope="module")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway as it comes: no provider configured."""
    with running_server(tmp_path_factory.mktemp("demo")) as started:
        yield started


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the end of its gateway's log; one that took too long, what its gateway is doing, too."""
    report = yield
    if report.when == "call" and report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Server):
                report.sections.append((f"log of {name}", value.log[-4000:]))
                if call.excinfo and timed_out(call.excinfo.value):
                    report.sections.append((f"what {name} is doing", value.where()))
    return report
