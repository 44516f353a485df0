#!/usr/bin/env python3
"""deploy/Dockerfile without a container engine: its steps on a copy of this machine, then what they make, as it runs.

    sudo scripts/check_image.py

Each stage is an overlay of the running system (in place of the base image, so with this machine's Python), in mounts
and processes of its own that end with this script. The last stage is run as an engine would: as the image's user,
without capabilities, its root read-only, /tmp and the data folder alone to write in. It must be healthy by the image's
own check, answer a call, keep it, and end well on the image's signal. Needs root and Linux; leaves nothing behind.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

TREE = Path(__file__).resolve().parent.parent
DOCKERFILE = TREE / "deploy" / "Dockerfile"
KEY = "sk-image-0123456789abcdef"
SECONDS = 30
PASSED_ON = ("PIP_", "UV_", "SSL_", "HTTP", "http", "no_proxy", "NO_PROXY")
"""What of the environment says how packages are reached."""


class Stage:
    """What the steps of one stage have made so far."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = "/"
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        self.last: dict[str, str] = {}
        """Instructions that make nothing, by name: how to run it."""

    def inside(self, path: str) -> Path:
        return self.root / os.path.join(self.folder, path).lstrip("/")

    def command(self, line: list[str], env: dict[str, str], *before: str) -> list[str]:
        given = [f"{name}={value}" for name, value in {**self.env, **env}.items()]
        return ["chroot", str(self.root), *before, "env", "-i", "-C", self.folder, *given, *line]


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def mount(*args: str) -> None:
    subprocess.run(["mount", *args], check=True)


def begin(work: Path, number: int) -> Stage:
    upper, scratch, root = (work / f"{what}{number}" for what in ("upper", "scratch", "root"))
    for path in (upper, scratch, root):
        path.mkdir()
    mount("-t", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={scratch}", "overlay", str(root))
    mount("-t", "proc", "proc", str(root / "proc"))
    mount("--rbind", "/dev", str(root / "dev"))
    return Stage(root)


def build(work: Path) -> Stage:
    """The last stage."""
    mount("-t", "tmpfs", "tmpfs", str(work))  # overlays want a file system that is none itself
    stages: list[Stage] = []
    names: dict[str, Stage] = {}
    network = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    network |= {"PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    for name, rest in instructions():
        print(f"{name} {rest}" if len(rest) < 110 else f"{name} {rest[:107]}...", flush=True)
        stage = stages[-1] if stages else None
        if name == "FROM":
            stages.append(begin(work, len(stages)))
            if " AS " in rest:
                names[rest.rpartition(" AS ")[2]] = stages[-1]
        elif name == "ARG" or stage is None:
            continue
        elif name == "ENV":
            for each in shlex.split(rest):
                variable, _, value = each.partition("=")
                stage.env[variable] = value.replace("$PATH", stage.env["PATH"])
        elif name == "WORKDIR":
            stage.folder = rest
            stage.inside("").mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            *sources, target = (each for each in rest.split() if not each.startswith("--"))
            other = re.match(r"--from=(\S+)", rest)
            copy([names[other[1]].inside(s) if other else TREE / s for s in sources], stage.inside(target), target)
        elif name == "RUN":
            subprocess.run(stage.command(["sh", "-ec", rest], network), check=True)
        else:
            stage.last[name] = rest
    return stages[-1]


def copy(sources: list[Path], target: Path, named: str) -> None:
    for source in sources:
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / source.name if named.endswith("/") else target)


def run(stage: Stage, work: Path) -> None:
    user, _, group = stage.last["USER"].partition(":")
    assert user.isdigit(), "Kubernetes can tell only of a number that it is not root"
    (volume,) = json.loads(stage.last["VOLUME"])
    data = work / "data"
    data.mkdir(mode=0o700)
    made = stage.inside(volume).stat()
    os.chown(data, made.st_uid, made.st_gid)  # as an engine makes a new volume: like the folder in the image
    mount("--bind", str(data), str(stage.inside(volume)))
    mount("-t", "tmpfs", "tmpfs", str(stage.inside("/tmp")))
    mount("-o", "remount,ro", str(stage.root))
    as_user = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"]
    as_user += ["--bounding-set=-all", "--inh-caps=-all"]
    port = free_port()
    env = {"SESSIONARY_PORT": str(port), "SESSIONARY_MASTER_KEY": KEY}
    line = json.loads(stage.last["ENTRYPOINT"]) + json.loads(stage.last["CMD"])
    log = (work / "log").open("w+")
    server = subprocess.Popen(stage.command(line, env, *as_user), stdout=log, stderr=subprocess.STDOUT)
    try:
        health = stage.command(json.loads(stage.last["HEALTHCHECK"].partition("CMD")[2]), env, *as_user)
        until(lambda: subprocess.run(health, stderr=subprocess.DEVNULL, check=False).returncode == 0, "health")
        print("healthy, by the image's own check")
        call(port, "/v1/chat/completions", {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]})
        until(lambda: call(port, "/api/sessions")["data"], "the call in the log")
        print("a call answered and kept")
        write = stage.command(["touch", "/opt/sessionary/written"], env, *as_user)
        assert subprocess.run(write, stderr=subprocess.DEVNULL, check=False).returncode, "the root is no read-only one"
        began = time.monotonic()
        server.send_signal(getattr(signal, stage.last["STOPSIGNAL"]))
        assert server.wait(SECONDS) == 0
        print(f"stopped by {stage.last['STOPSIGNAL']} in {time.monotonic() - began:.1f} s; left in {volume}: ", end="")
        print(*sorted(path.name for path in data.iterdir()))
    except BaseException:
        server.kill()
        log.seek(0)
        print(log.read(), file=sys.stderr)
        raise


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def call(port: int, path: str, body: object = None) -> Any:
    """A POST with `body`, a GET without one; the answer's JSON."""
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", sent, headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return json.load(answer)


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {SECONDS} s"
        time.sleep(0.1)


if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        with tempfile.TemporaryDirectory() as folder:
            run(build(Path(folder)), Path(folder))
            subprocess.run(["umount", "--recursive", "--lazy", folder], check=True)
        print("the image works, as far as that can be told without an engine")
    else:
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", sys.executable, __file__, "inside"]
        os.execvp("unshare", apart)
