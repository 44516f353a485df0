"""A gateway with projects, keys, models and a month of use; every secret in it has the same word in it."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser

from sessionary.store import keys, schema, traffic
from sessionary.store.engine import open_engine
from tests.support.server import Server, running_server, wait_for
from tests.ui.conftest import Open
from tests.ui.data import XSS

CANARY = "canary-7b2f"
CONFIG = f"""
models:
  - name: fast
    deployments:
      - model: openai/gpt-4o-mini
        api_key: sk-{CANARY}
        weight: 3
      - model: azure/mini
        base_url: https://user:{CANARY}@azure.example
        api_key: {CANARY}
      - model: mistral/mistral-small-latest
    fallbacks: [own]
  - name: own
    model: vllm/llama-3.3-70b
    base_url: http://127.0.0.1:1/{CANARY}
    api_key: {CANARY}
    price: {{input: 0.5, output: 2, cached: 0.05}}
  - name: house/*
    model: openai/*
    api_key: sk-{CANARY}
  - name: practice
    model: demo/practice
"""
ENV = {"ANTHROPIC_API_KEY": f"sk-{CANARY}"}
DAY = 86_400_000_000


def _rows(engine: sa.Engine, project: str, key_id: str, model: str, busy: float, seed: int, last: int = 0) -> None:
    """Use on most of the 30 days, up to `last` days ago; of the last one also its hour and minute."""
    rng, now = random.Random(seed), time.time_ns() // 1000
    number, provider = keys.ensure_project(engine, project), "openai" if model.startswith("gpt") else "vllm"
    counts = traffic.Counts()
    for ago in range(last, 30):
        if rng.random() < 0.15 and ago != last:
            continue
        at = now - ago * DAY - 9 * 60_000_000 if ago == last else now - ago * DAY
        for status, share in (("ok", 1.0), ("upstream_error", 0.04 if seed % 3 else 0.12)):
            calls = int(busy * rng.uniform(0.5, 1.5) * (0.3 if (ago + 1) % 7 in (0, 1) else 1) * share)
            for n in range(min(calls, 12)):
                whole = max(1, calls // 12)
                tokens = rng.randint(600, 9000) * whole
                counts.add(
                    {
                        "project": number, "key_id": key_id, "model": model, "client": "OpenAI Python",
                        "provider": provider, "status": status, "created_at": at - n,
                        "finished_at": at - n + rng.randint(700_000, 4_000_000), "input_tokens": tokens,
                        "cached_tokens": tokens // 2, "output_tokens": tokens // 12, "reasoning_tokens": 0,
                        "cost": None if status != "ok" or model == "house/gpt-4.1" else tokens * 400,
                    }
                )  # fmt: skip
    with keys.transaction(engine) as connection:
        counts.write(connection)


def fill(engine: sa.Engine) -> dict[str, Any]:
    """Row by name of key."""
    far = time.time_ns() // 1000 + 45 * DAY
    made: dict[str, Any] = {}

    def key(project: str, name: str, models: list[str] | None = None, ends: int | None = None, **more: bool) -> str:
        _, made[name] = keys.create(engine, project, name, models, ends, **more)
        return str(made[name].id)

    _rows(engine, "checkout-agents", key("checkout-agents", "support-bot"), "fast", 60, 1)
    _rows(engine, "checkout-agents", key("checkout-agents", "ci", ["fast", "gpt-*"], far), "gpt-4o-mini", 20, 3, 2)
    _rows(engine, "checkout-agents", made["ci"].id, "house/gpt-4.1", 9, 4, 1)
    key("checkout-agents", "never used", ["own", "fast", "house/*", "claude-*", "gemini-*", "o3"], threading=False)
    gone = key("checkout-agents", "left the company")
    _rows(engine, "checkout-agents", gone, "fast", 8, 5, 12)
    keys.revoke(engine, gone)
    _rows(engine, "research", key("research", "notebooks"), "own", 30, 7)
    _rows(engine, "research", made["notebooks"].id, "claude-sonnet-4-5", 12, 8)
    _rows(engine, "default", "master", "nobody-has-this", 2, 10)
    keys.ensure_project(engine, "empty one")
    return made


def fill_hostile(engine: sa.Engine) -> None:
    for n, text in enumerate([*XSS[:6], "W" * 190, "\u202e gnp.exe", 'quote " and \\', "a, b c"]):
        key_id = keys.create(engine, f"{text[:180]} {n}", text, [text], None)[1].id
        _rows(engine, f"{text[:180]} {n}", key_id, text, 3, n)


@contextmanager
def administered(folder: Path) -> Iterator[Any]:
    """`server`, `engine` and the `keys` by their names."""
    with running_server(folder, config=CONFIG, env=ENV) as server:
        engine = open_engine(f"sqlite:///{server.data_dir / 'sessionary.db'}")
        try:
            made = fill(engine)
            headers = {"cookie": f"sessionary={keys.new_cookie(engine, made['notebooks'].id)}"}
            wait_for(lambda: server.request("GET", "/api/keys", None, headers, key=None).status == 200, what="the keys")
            yield SimpleNamespace(server=server, engine=engine, keys=made)
        finally:
            engine.dispose()


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with administered(tmp_path_factory.mktemp("admin")) as started:
        yield started


@pytest.fixture(scope="module")
def hostile(admin: Any) -> None:
    """Names that no one should choose, in projects of their own."""
    fill_hostile(admin.engine)


@pytest.fixture
def visit(browser: Browser, admin: Any) -> Iterator[Open]:
    opened = Open(browser, admin.server.base_url)
    yield opened
    for context in opened.contexts:
        context.close()
    assert opened.trouble == []


def cookie(server: Server, engine: sa.Engine, key_id: str = "master") -> str:
    """Of a browser that signed in."""
    return keys.new_cookie(engine, key_id)


def count(engine: sa.Engine, name: str) -> int:
    with engine.connect() as connection:
        wanted = sa.select(sa.func.count()).where(schema.keys.c.name == name, schema.keys.c.revoked_at.is_(None))
        return connection.scalar(wanted) or 0
