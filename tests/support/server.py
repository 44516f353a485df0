"""The gateway as its users run it: `sessionary serve` as a real process, with helpers to ask it things.

    with running_server(tmp_path, env={"OPENAI_BASE_URL": upstream.base_url, …}) as server:
        server.post("/v1/chat/completions", {"model": "gpt-4o", "messages": [...]})
        session = server.session("my-id", calls=1)

The process has its own process group and a bare environment: nothing of the machine's configuration leaks in.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from tests.support import preloaded
from tests.support.preloaded import Process

MASTER_KEY = "sk-test-0123456789abcdef0123456789abcdef"
START_SECONDS = 60
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


_held: list[socket.socket] = []


def free_port() -> int:
    """A port that nobody listens on, and that the system gives to nobody else while this process lives: it stays bound
    here, which does not hinder who listens on it as servers do (SO_REUSEADDR)."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _held.append(held)
    return int(held.getsockname()[1])


def wait_for(condition: Callable[[], T], seconds: float = 20.0, what: str = "the condition") -> T:
    """The first truthy value of `condition`; fails with the last value when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not hold within {seconds} s: last {value!r}"
        time.sleep(0.02)
    return value


def timed_out(failed: BaseException) -> bool:
    return "from pytest-timeout" in str(failed)


class Server:
    def __init__(
        self, data_dir: Path, log: Path, env: Mapping[str, str | None], args: list[str], *, cold: bool = False
    ) -> None:
        """`cold`: as from a shell, not from a process that has imported everything (tests.support.preloaded)."""
        self.data_dir = data_dir
        self.key = MASTER_KEY
        self.port = free_port()
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(data_dir.parent),
            "LANG": "C.UTF-8",
            "SESSIONARY_MASTER_KEY": self.key,
            **env,
        }
        self.env = {name: value for name, value in given.items() if value is not None}
        self._args = args
        self._log = log
        self._cold = cold
        self._process: subprocess.Popen[bytes] | Process | None = None

    @property
    def base_url(self) -> str:
        """As people set it: without `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def cli(self, *args: str) -> str:
        """Another `sessionary` command on the same data folder; its standard output."""
        told = self._log.with_name(f"command-{uuid.uuid4()}")
        errors = told.with_suffix(".errors")
        args = (*args, "--data-dir", str(self.data_dir))
        code = preloaded.start(args, self.env, self.data_dir.parent, told, errors).wait(30)
        assert code == 0, errors.read_text()
        return told.read_text()

    def login_link(self) -> str:
        """A one-time link to the pages."""
        return self.cli("login").strip()

    # Life

    def start(self) -> None:
        args = ["serve", "--port", str(self.port), "--data-dir", str(self.data_dir), *self._args]
        if self._cold:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "sessionary", *args], env=self.env, cwd=self.data_dir.parent,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
        else:
            self._process = preloaded.start(args, self.env, self.data_dir.parent, self._log)
        wait_for(self._ready, START_SECONDS, "readiness")

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the server ended at start:\n{self.log}"
        try:
            return self.request("GET", "/health/ready", key=None).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop(self) -> None:
        """As a service manager does, and as graceful as it must be: exit code 0."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"the server did not stop on SIGTERM:\n{self.log}") from None
        self._process = None
        assert code == 0, f"exit code {code}:\n{self.log}"

    def signal(self, number: int) -> None:
        """To the parent alone."""
        os.kill(self.pid, number)

    def ended(self, seconds: float = 20) -> int:
        """The exit code, as soon as it has ended by itself."""
        assert self._process is not None
        try:
            code = self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server did not end within {seconds} s:\n{self.log}") from None
        self._process = None
        return code

    def kill9(self) -> None:
        """The whole process group at once: nothing gets to clean up. Returns when nobody listens any more."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=10)
            self._process = None
            wait_for(lambda: not self._listens(), what="the end of the workers")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def restart(self) -> None:
        """Starts again on the same port and data; stops first where it still runs."""
        if self._process is not None:
            self.stop()
        self.start()

    @property
    def pid(self) -> int:
        """Of the process that has started the others."""
        assert self._process is not None
        return self._process.pid

    def processes(self) -> list[int]:
        """Ids of its workers, of the one that answers who reads, and of its drain."""
        assert self._process is not None
        parent = self._process.pid
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    def where(self) -> str:
        """What each thread of its processes is doing, for a test that waited for it in vain."""
        if self._process is None or self._cold:
            return ""
        before = len(self.log)
        for pid in (self.pid, *self.processes()):
            os.kill(pid, preloaded.WHERE)
            time.sleep(0.5)  # it tells as soon as it is given the processor; one after the other
        return self.log[before:]

    @property
    def running(self) -> bool:
        return self._process is not None

    # Requests

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = MASTER_KEY,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {"authorization": f"Bearer {key}"} if key else {}
        if body is not None:
            sent["content-type"] = "application/json"
        try:
            connection.request(method, path, body=body, headers={**sent, **(headers or {})})
            response = connection.getresponse()
            got = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, got, response.read())
        finally:
            connection.close()

    def get(self, path: str, *, key: str | None = MASTER_KEY) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.request("GET", path, key=key)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json

    def post(
        self, path: str, body: Any, headers: Mapping[str, str] | None = None, *, key: str | None = MASTER_KEY
    ) -> Answer:
        return self.request("POST", path, json.dumps(body).encode(), headers, key=key)

    def chat(self, text: str, model: str = "gpt-4o", key: str | None = MASTER_KEY, **fields: Any) -> Answer:
        """One user message."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
        return self.post("/v1/chat/completions", body, key=key)

    # What was recorded

    def sessions(self, session_id: str, *, key: str = MASTER_KEY) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self.get(f"/api/sessions?session_id={quote(session_id, safe='')}", key=key)["data"]
        return data

    def session(self, session_id: str, *, calls: int, seconds: float = 20.0) -> dict[str, Any]:
        """The one session with this id, as soon as it has `calls` calls and none in flight."""

        def found() -> list[dict[str, Any]]:
            rows = self.sessions(session_id)
            return rows if rows and rows[0]["calls"] >= calls and rows[0]["status"] != "live" else []

        rows = wait_for(found, seconds, f"session {session_id} with {calls} calls")
        assert len(rows) == 1, rows
        assert rows[0]["calls"] == calls, rows
        return rows[0]

    def transcript(self, session_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/sessions/{quote(session_id, safe='')}/transcript")
        return found

    def balance(self, *, seconds: float = 15.0) -> dict[str, Any]:
        """The ledger at the quiet point, nothing in flight and nothing in the spool: every call that was begun is
        stored, set aside, or known to be lost."""

        def quiet() -> dict[str, Any] | None:
            ledger = self.get("/api/health")["ledger"]
            return ledger if ledger["exact"] and not ledger["waiting_records"] else None

        ledger = wait_for(quiet, seconds, "an empty spool")
        assert ledger is not None
        known = ledger["stored"] + ledger["spooled"] + ledger["set_aside"] + sum(ledger["dropped"].values())
        assert (ledger["begun"], ledger["missing"], ledger["spooled"]) == (known, 0, 0), ledger
        return ledger

    def call(self, call_id: str, *, seconds: float = 20.0) -> dict[str, Any]:
        """A call by its id, as soon as it is over."""

        def found() -> dict[str, Any] | None:
            answer = self.request("GET", f"/api/calls/{call_id}")
            over = answer.status == 200 and answer.json["status"] != "live"
            return dict(answer.json) if over else None

        call = wait_for(found, seconds, f"the end of call {call_id}")
        assert call is not None
        return call


@contextlib.contextmanager
def running_server(
    tmp_path: Path,
    *,
    env: Mapping[str, str | None] | None = None,
    config: str | None = None,
    args: list[str] | None = None,
    cold: bool = False,
) -> Iterator[Server]:
    """A started server, stopped at the end: its exit must be clean.

    `env` is added to the bare environment (None takes a name out); `config` is the text of a YAML file.
    """
    args = list(args or [])
    if config is not None:
        path = tmp_path / "config.yaml"
        path.write_text(config)
        args += ["--config", str(path)]
    server = Server(tmp_path / "data", tmp_path / "server.log", env or {}, args, cold=cold)
    try:
        server.start()
        yield server
        if server.running:
            server.stop()
    except BaseException as failed:
        if timed_out(failed):
            print(server.where(), file=sys.stderr)
        raise
    finally:
        server.kill9()
