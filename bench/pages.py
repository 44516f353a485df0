"""What must hold of the pages, measured in Chromium against a real server: a list of very many sessions, a very long
session, answers that are watched while they are said, and many tabs at once.

Frames are those of a browser without a graphics card: whatever is drawn, the processor draws.

usage: uv run python bench/pages.py [--lists FILE.db] [--session FILE.db] [--calls 5000] [--tabs 100]

The databases are made by bench/fill.py and bench/session.py, and used again if they are there. What needs one that is
not named is left out.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.server import MASTER_KEY, Server, free_port, running_server  # noqa: E402

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PIECES, PAUSE = 100, 0.1
WATCH = """() => {
  window.marks = {};
  const mark = (name, found) => { if (found && !(name in marks)) marks[name] = performance.now(); };
  new MutationObserver(() => {
    mark("first message", document.querySelector("#three.ready article .msg"));
    mark("rail", document.querySelector("button.stop .said"));
    mark("rows", document.querySelector("#rows tr"));
  }).observe(document, { subtree: true, childList: true, attributes: true });
}"""
SCROLL = """async ([selector, step, seconds]) => {
  const scroller = document.querySelector(selector) ?? document.documentElement;
  const frames = [];
  let last = performance.now();
  const end = last + seconds * 1000;
  while (last < end) {
    scroller.scrollTop += step;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""
LAG = """() => {
  window.lags = [];
  const seen = new Set();
  new MutationObserver(() => {
    const now = Date.now();
    for (const stamp of (document.querySelector("#main").textContent.match(/\\b1\\d{12}\\b/g) ?? []).slice(-3)) {
      if (!seen.has(stamp)) { seen.add(stamp); lags.push(now - Number(stamp)); }
    }
  }).observe(document.querySelector("#main"), { subtree: true, childList: true, characterData: true });
}"""
END = "() => document.querySelector('article .msg') && !document.querySelector('article .waiting')"
ROWS = "document.querySelectorAll('article, .stop, .idle, .fold-line, .bar-call, #rows tr').length"
ALL = "document.querySelectorAll('*').length"


def tell(name: str, value: str) -> None:
    print(f"| {name:58} | {value:>34} |", flush=True)


def quantiles(values: list[float]) -> str:
    ordered = sorted(values)
    return f"p50 {statistics.median(ordered):.0f}, p99 {ordered[int(0.99 * (len(ordered) - 1))]:.0f} ms"


@contextlib.contextmanager
def clock() -> Iterator[str]:
    """A provider that says what time it is, over and over: each piece is the milliseconds since 1970."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(PIECES):
            chunk = {"choices": [{"index": 0, "delta": {"content": f"{time.time_ns() // 1_000_000} "}}]}
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            await asyncio.sleep(PAUSE)
        await response.write(b"data: [DONE]\n\n")
        return response

    port, loop = free_port(), asyncio.new_event_loop()

    async def start() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    loop.run_until_complete(start())
    thread.start()
    yield f"http://127.0.0.1:{port}/v1"
    loop.call_soon_threadsafe(loop.stop)


def lists(_browser: Browser, context: BrowserContext, server: Server, _tabs: int) -> None:
    times = []
    for _ in range(40):
        began = time.perf_counter()
        assert context.request.get(f"{server.base_url}/ui/").ok
        times.append(1000 * (time.perf_counter() - began))
    tell("list, first page: server", quantiles(times))
    for name, q in {"rare": "xylophone", "common": "the", "absent": "qqqqqq"}.items():
        times = []
        for _ in range(10):
            began = time.perf_counter()
            assert context.request.get(f"{server.base_url}/api/search?q={q}").ok
            times.append(1000 * (time.perf_counter() - began))
        tell(f"search, {name} word ({q})", quantiles(times))
    page = opened(context, f"{server.base_url}/ui/")
    page.wait_for_function("() => 'rows' in marks")
    tell("list: rows there after", f"{page.evaluate('marks.rows'):.0f} ms")
    page.wait_for_timeout(1500)
    frames(page, "list", "none", 60)
    page.close()


def session(_browser: Browser, context: BrowserContext, server: Server, _tabs: int) -> None:
    page = opened(context, f"{server.base_url}/ui/sessions/bench")
    page.wait_for_function("() => 'first message' in marks && 'rail' in marks", timeout=60_000)
    tell(
        "long session: its first messages are there after",
        f"{page.evaluate('Math.max(...Object.values(marks))'):.0f} ms",
    )
    page.wait_for_timeout(2000)
    frames(page, "long session", "#main", 90)
    heap = page.evaluate("performance.memory.usedJSHeapSize")
    tell("long session: JavaScript heap after scrolling", f"{heap / 1e6:.0f} MB")
    began = time.perf_counter()
    page.evaluate("document.querySelector('#main').scrollTop = 1e9")
    page.wait_for_timeout(20)
    page.wait_for_function(END)
    tell("long session: its end is there after", f"{1000 * (time.perf_counter() - began):.0f} ms")
    page.close()


def frames(page: Page, name: str, scroller: str, step: int) -> None:
    page.evaluate(SCROLL, [scroller, step, 0.5])
    taken = page.evaluate(SCROLL, [scroller, step, 4])
    late = sum(1 for ms in taken if ms > 34) / len(taken)
    tell(f"{name}: frames while scrolling", f"{quantiles(taken)}, {100 * late:.0f}% late")
    tell(f"{name}: rows in the document, all elements", f"{page.evaluate(ROWS)}, {page.evaluate(ALL)}")


def live(browser: Browser, context: BrowserContext, server: Server, tabs: int) -> None:
    """One answer is streamed, and every tab watches it."""
    state: Any = context.storage_state()
    body = {"model": "clock", "stream": True, "messages": [{"role": "user", "content": "What time is it?"}]}
    for count in (1, tabs):
        name = f"live-{count}"
        first = body | {"stream": False, "messages": [{"role": "user", "content": "Hello"}]}
        server.post("/v1/chat/completions", first | {"metadata": {"litellm_session_id": name}})
        named = server.request("GET", f"/api/sessions?session_id={name}").json["data"]
        while not named:
            time.sleep(0.1)
            named = server.request("GET", f"/api/sessions?session_id={name}").json["data"]
        pages = []
        for _ in range(count):  # each in a browser's context, and so with connections, of its own
            page = browser.new_context(storage_state=state).new_page()
            page.goto(f"{server.base_url}/ui/sessions/{named[0]['id']}")
            page.wait_for_selector("#share")
            page.evaluate(LAG)
            pages.append(page)
        time.sleep(2)
        server.post("/v1/chat/completions", body | {"metadata": {"litellm_session_id": name}})
        time.sleep(2)
        lags = [page.evaluate("lags.slice(3)") for page in pages]
        tell(
            f"answer watched in {count} tab{'s' if count > 1 else ''}: lag",
            quantiles([ms for one in lags for ms in one]),
        )
        tell("  pieces seen, of those sent, in the worst tab", f"{min(map(len, lags)) + 3} of {PIECES}")
        for page in pages:
            page.context.close()


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.add_init_script(f"({WATCH})()")
    page.goto(url, wait_until="commit")
    return page


@contextlib.contextmanager
def serving(database: Path | None, scratch: Path, provider: str) -> Iterator[Server]:
    """A gateway on a database that is there, or on none."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    config = f"models:\n  - name: clock\n    model: openai/clock\n    base_url: {provider}\n    api_key: none\n"
    args = ["--workers", "2"]
    if database is not None:
        config += f"database: sqlite:///{database.resolve()}\n"
    with running_server(folder, config=config, args=args) as server:
        yield server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lists", type=Path)
    parser.add_argument("--session", type=Path)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--tabs", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, clock() as provider, sync_playwright() as playwright:
        for file, script, *args in (
            (given.lists, "fill.py"),
            (given.session, "session.py", "--calls", str(given.calls), "--rounds", "1", "--keep"),
        ):
            if file is not None and not file.exists():
                subprocess.run([sys.executable, ROOT / "bench" / script, *args, file], check=True)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        for work, database in ((lists, given.lists), (session, given.session), (live, None)):
            if database is None and work is not live:
                continue
            with serving(database, Path(scratch), provider) as server:
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                entered = context.new_page()
                entered.goto(f"{server.base_url}/ui/login")
                entered.get_by_label("Key").fill(MASTER_KEY)
                entered.keyboard.press("Enter")
                entered.wait_for_url("**/ui/")
                entered.close()
                work(browser, context, server, given.tabs)
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
