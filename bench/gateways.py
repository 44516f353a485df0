"""The gateways that are measured: Sessionary as its users run it, and others that are installed, each in front of the
same provider. bench/install_peers.sh installs the others.
"""

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.measuring import KEPT, STREAMS, Mock, Running, listens
from tests.support.postgres import running_postgres
from tests.support.server import MASTER_KEY, free_port, running_server, wait_for
from tests.support.talk import drain

Started = contextlib.AbstractContextManager[Running]
AS_RUN = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "off", "shared_buffers": "256MB"}
"""PostgreSQL with fsync, as it would be run; a commit does not wait for the disk."""
COUNTED = "SELECT count(*), (SELECT count(*) FROM calls WHERE status = 'live') FROM calls"
LITELLM = KEPT / "litellm" / "bin" / "litellm"
PORTKEY = KEPT / "portkey" / "node_modules" / "@portkey-ai" / "gateway"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


@dataclass(frozen=True)
class Gateway:
    name: str
    what: str
    start: Callable[[Mock, Path], Started]
    """Given the provider and a folder of its own."""
    version: Callable[[], str | None]
    """None where it is not installed."""
    whole: bool = True
    """Whether it does all kinds of work, or only what tells how it differs from another."""


# -- Sessionary


def environment(mock: Mock) -> dict[str, str | None]:
    at = f"http://127.0.0.1:{mock.port}/v1"
    given = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": at}
    given |= {"ANTHROPIC_API_KEY": "sk-upstream", "ANTHROPIC_BASE_URL": at}
    return {**given, "SESSIONARY_LOG_LEVEL": "warning"}


@contextlib.contextmanager
def sessionary(mock: Mock, folder: Path, *, workers: int = 1, **more: str) -> Iterator[Running]:
    """On SQLite in `folder`, or on what `more` says, which goes into its environment."""
    given, began = {**environment(mock), **more}, time.monotonic()
    with running_server(folder, env=given, args=["--workers", str(workers)], cold=True) as server:
        store = server.data_dir / "sessionary.db"

        def stored() -> tuple[int, int]:
            with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
                calls, live = connection.execute(COUNTED).fetchone()
                return int(calls), int(live)

        yield Running(
            server.pid, server.port, MASTER_KEY, stored=stored, drain=lambda: wait_for(lambda: drain(server.pid)) or 0,
            began=began,
        )  # fmt: skip


@contextlib.contextmanager
def on_postgres(mock: Mock, folder: Path, *, workers: int = 1) -> Iterator[Running]:
    with running_postgres(ours=True, **AS_RUN) as postgres:
        url = postgres.new_database()
        with psycopg.connect(postgres.url("postgres")) as connection:
            found = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
            assert found is not None
        with (
            psycopg.connect(url, autocommit=True) as connection,
            sessionary(mock, folder, workers=workers, SESSIONARY_DATABASE=url) as running,
        ):

            def stored() -> tuple[int, int]:
                row = connection.execute(COUNTED).fetchone()
                assert row is not None
                return int(row[0]), int(row[1])

            yield dataclasses.replace(running, stored=stored, database=int(found[0].split()[0]))


# -- others


@contextlib.contextmanager
def command(
    args: list[str],
    port: int,
    folder: Path,
    env: dict[str, str] | None = None,
    headers: Callable[[str], dict[str, str]] = lambda form: {},
    streams: int = STREAMS,
) -> Iterator[Running]:
    """Started in `folder`, until it listens on `port`; ended with all that it started."""
    began = time.monotonic()
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            args, cwd=folder, env={**os.environ, **(env or {})}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_for(lambda: listens(port) or process.poll() is not None, seconds=90, what=args[0])
        if process.poll() is not None:
            raise SystemExit(f"{args[0]} ended:\n{(folder / 'log.txt').read_text()}")
        yield Running(process.pid, port, headers=headers, streams=streams, began=began)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def nginx(mock: Mock, folder: Path) -> Started:
    port = free_port()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"""{user} worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log warn;
        events {{ worker_connections 4096; }}
        http {{
          access_log off; {paths} keepalive_requests 100000000; client_max_body_size 20m; client_body_buffer_size 1m;
          upstream mock {{ server 127.0.0.1:{mock.port}; keepalive 256; keepalive_requests 100000000; }}
          server {{
            listen 127.0.0.1:{port} backlog=1024;
            location / {{
              proxy_pass http://mock; proxy_http_version 1.1; proxy_buffering off;
              proxy_set_header Connection ""; proxy_set_header Authorization "Bearer sk-upstream";
            }}
          }}
        }}"""
    )
    return command([NGINX or "nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], port, folder)


def litellm(mock: Mock, folder: Path) -> Started:
    port, at = free_port(), f"http://127.0.0.1:{mock.port}"
    models = {
        "gpt-4o-mini": {"model": "openai/gpt-4o-mini", "api_base": f"{at}/v1", "api_key": "sk-upstream"},
        "claude-haiku-4-5": {"model": "anthropic/claude-haiku-4-5", "api_base": at, "api_key": "sk-upstream"},
    }
    config = {
        "model_list": [{"model_name": name, "litellm_params": to} for name, to in models.items()],
        "general_settings": {"master_key": "sk-bench"},
        "litellm_settings": {"telemetry": False},
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    args = [str(LITELLM), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    return command(args, port, folder, {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}, streams=16)


def portkey(mock: Mock, folder: Path) -> Started:
    """Where a call goes is said by its headers."""
    port, at = free_port(), f"http://127.0.0.1:{mock.port}/v1"

    def headers(form: str) -> dict[str, str]:
        return {"x-portkey-provider": "anthropic" if form == "messages" else "openai", "x-portkey-custom-host": at}

    args = ["node", str(PORTKEY / "build" / "start-server.js"), f"--port={port}", "--headless"]
    return command(args, port, folder, headers=headers)


def nginx_version() -> str | None:
    if NGINX is None:
        return None
    told = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=True).stderr
    return told.strip().rpartition("/")[2]


def portkey_version() -> str | None:
    there = shutil.which("node") and PORTKEY.exists()
    return str(json.loads((PORTKEY / "package.json").read_text())["version"]) if there else None


def litellm_version() -> str | None:
    """As pip has put it there: the program itself takes seconds to say."""
    found = sorted((KEPT / "litellm").glob("lib/python*/site-packages/litellm-*.dist-info"))
    matched = re.search(r"litellm-([\d.]+)\.dist-info", found[-1].name) if found and LITELLM.exists() else None
    return matched[1] if matched else None


def own_version() -> str | None:
    return importlib.metadata.version("sessionary")


def with_workers(start: Callable[..., Started], workers: int) -> Callable[[Mock, Path], Started]:
    return lambda mock, folder: start(mock, folder, workers=workers)


SQLITE = Gateway("Sessionary", "everything recorded, SQLite", sessionary, own_version)
GATEWAYS = (
    Gateway("nginx", "a proxy, records nothing", nginx, nginx_version),
    Gateway("Portkey", "records nothing", portkey, portkey_version),
    Gateway("LiteLLM", "one worker, no database", litellm, litellm_version),
    SQLITE,
    Gateway("Sessionary-2", "the same, two workers", with_workers(sessionary, 2), own_version, whole=False),
    Gateway("Sessionary-pg", "everything recorded, PostgreSQL", on_postgres, own_version),
    Gateway("Sessionary-pg-2", "the same, two workers", with_workers(on_postgres, 2), own_version, whole=False),
)
