"""A browser, the pages on generated data, and a page that fails its test for what a person would not see:
an error on the console, a request to anywhere else, a refusal by the content security policy.
"""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Route, expect, sync_playwright

from tests.ui import data
from tests.ui.fake import Fake, running
from tests.ui.support_chat import agent_session

PATIENCE = 20_000
"""Milliseconds that something may take to come true: what passes does not wait for it."""
expect.set_options(timeout=PATIENCE)
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class Open:
    """`visit(path, **options)` opens a page in a browser of its own; options are those of a browser's context."""

    def __init__(self, browser: Browser, base_url: str) -> None:
        self._browser = browser
        self._base_url = base_url
        self.contexts: list[BrowserContext] = []
        self.trouble: list[str] = []
        self.refusals = ["400", "404"]
        """Statuses that a browser may tell of: a test adds those that it makes."""

    def __call__(self, path: str, *, cookie: str | None = "cookie", **options: Any) -> Page:
        context = self._browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        self.contexts.append(context)
        if cookie:
            context.add_cookies([{"name": "sessionary", "value": cookie, "url": self._base_url}])
        context.route("**/*", self._only_ours)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", self._heard)
        page.on("dialog", self._asked)
        page.on("popup", lambda popup: self.trouble.append(f"popup: {popup.url}"))
        page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective))"
        )
        page.goto(self._base_url + path)
        return page

    def _asked(self, dialog: Dialog) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _heard(self, message: ConsoleMessage) -> None:
        refused = "Failed to load resource" in message.text and any(map(message.text.__contains__, self.refusals))
        unused = "was preloaded using link preload but not used" in message.text  # where there is no script to use it
        if message.type in ("error", "warning") and not refused and not unused:
            self.trouble.append(f"console: {message.text}")

    def _only_ours(self, route: Route) -> None:
        if route.request.url.startswith((self._base_url, "data:")):
            route.continue_()
        else:
            self.trouble.append(f"foreign request: {route.request.url}")
            route.abort()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")  # half the work for a page
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def _running() -> Iterator[Fake]:
    with running() as fake:
        yield fake


@pytest.fixture
def fake(_running: Fake) -> Fake:
    """Empty."""
    _running.clear()
    return _running


@pytest.fixture
def filled(fake: Fake) -> Fake:
    """An agent's session, and 120 others."""
    fake.put(agent_session(data.now()))
    fake.fill(120)
    return fake


@pytest.fixture
def visit(browser: Browser, fake: Fake) -> Iterator[Open]:
    opened = Open(browser, fake.base_url)
    yield opened
    for context in opened.contexts:
        context.close()
    assert opened.trouble == []
