"""`sessionary` commands that start fast: forked from a process that has imported everything, once for all tests.

    process = start(["serve", "--port", "4000"], env, cwd, log)

What is forked runs `sessionary.cli.main` in a process group of its own, with the environment, folder and output that it
is given: it differs from a cold start in nothing but the imports, and that each of its processes tells where it stands,
among its errors, when it is sent `WHERE`.
"""

import atexit
import contextlib
import faulthandler
import functools
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

MODULES = (
    "alembic.command",
    "alembic.config",
    "bpe_openai",
    "genai_prices.data",
    "sessionary.app.drain",
    "sessionary.app.upkeep",
    "sessionary.app.worker",
    "sessionary.cli",
    "sessionary.cli.shell",
    "sessionary.processes",
    "sessionary.server",
    "sessionary.serving.server",
    "sessionary.store.migrate",
    "uvloop",
)
"""What a server imports on its way to the first answer, and commands on theirs."""
WHERE = signal.SIGUSR2


class Process:
    """As much of `subprocess.Popen` as a server's tests need."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self._lines = told.makefile("r")
        self.pid = int(self._lines.readline())
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, where it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        if self._code is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("sessionary", timeout or 0)
            self._code = int(self._lines.readline())
            self._lines.close()
            self._told.close()
        return self._code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def start(args: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path, errors: Path | None = None) -> Process:
    """What it prints is added to `log`; what it prints as errors to `errors`, where that is given."""
    ours, theirs = socket.socketpair()
    asked = {"args": list(args), "env": dict(env), "cwd": str(cwd), "log": str(log), "errors": str(errors or log)}
    with theirs:
        socket.send_fds(_origin(), [json.dumps(asked).encode()], [theirs.fileno()])
    return Process(ours)


@functools.cache
def _origin() -> socket.socket:
    """The process that is forked; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen([sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()])

    def end() -> None:
        ours.close()
        process.wait(10)

    atexit.register(end)
    return ours


def _serve(requests: socket.socket) -> None:
    """In the process that is forked."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those between it and what was asked for
    while True:
        data, files, _, _ = socket.recv_fds(requests, 1 << 20, 1)
        if not data:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            _watch(json.loads(data), files[0])
        os.close(files[0])


def _watch(asked: dict[str, object], told: int) -> None:
    """Between the two: starts what was asked for, and tells of it."""
    child = os.fork()
    if child == 0:
        os.close(told)
        _become(asked)
    os.write(told, f"{child}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(OSError):
        os.write(told, f"{code}\n".encode())
    os._exit(0)


def _become(asked: dict[str, object]) -> None:
    from sessionary import cli

    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    log, errors = (os.open(str(asked[n]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for n in ("log", "errors"))
    for wanted, there in enumerate((nothing, log, errors)):
        os.dup2(there, wanted)
        os.close(there)
    faulthandler.register(WHERE, file=2)
    os.environ.clear()
    os.environ.update(asked["env"])  # type: ignore[call-overload]
    os.chdir(str(asked["cwd"]))
    sys.argv = ["sessionary", *asked["args"]]  # type: ignore[misc]
    code = 1
    try:
        cli.main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    for name in MODULES:
        importlib.import_module(name)
    _serve(socket.socket(fileno=int(sys.argv[1])))
