"""The drain is woken by what it is for: here it would not look by itself within an hour."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, wait_for
from tests.support.talk import drain
from tests.support.upstream import FakeUpstream, Reply

NEVER_BY_ITSELF = """
import functools
from sessionary import cli
from sessionary.drain import loop
loop.run = functools.partial(loop.run, pause=3600.0, rest=3600.0)
cli.main()
"""


class Resting(Server):
    def start(self) -> None:
        args = ["serve", "--port", str(self.port), "--data-dir", str(self.data_dir)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", NEVER_BY_ITSELF, *args], env=self.env, cwd=self.data_dir.parent,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        wait_for(self._ready, 60, "readiness")


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
def server(tmp_path: Path, upstream: FakeUpstream) -> Iterator[Server]:
    env = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": upstream.base_url}
    server = Resting(tmp_path / "data", tmp_path / "server.log", env, [])
    try:
        server.start()
        yield server
        server.stop()
    finally:
        server.kill9()


def test_each_call_is_stored_when_it_comes(server: Server) -> None:
    for n in range(1, 6):
        server.chat(f"question {n}", session_id="woken")
        server.session("woken", calls=n)


def test_a_worker_that_is_killed_wakes_it_and_so_does_the_next_one(server: Server, upstream: FakeUpstream) -> None:
    upstream.script(Reply(silent=True))

    def asks() -> None:
        with contextlib.suppress(OSError):
            server.chat("never answered", session_id="cut")

    asking = threading.Thread(target=asks)
    asking.start()
    wait_for(lambda: server.sessions("cut"), what="the call in flight")
    os.kill(server.get("/health/ready")["pid"], signal.SIGKILL)
    asking.join()
    wait_for(server._ready, what="the next worker")
    assert server.session("cut", calls=1)["status"] != "live"
    server.chat("again", session_id="after")
    server.session("after", calls=1)


def test_a_drain_that_is_killed_is_followed_by_one_that_hears(server: Server) -> None:
    for n in range(1, 4):
        killed = wait_for(lambda: drain(server.pid), what="a drain")
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda gone=killed: gone not in server.processes(), what="the end of the drain")
        server.chat(f"question {n}", session_id="kept")
        server.session("kept", calls=n)
