"""What a provider was sent, beside what the caller sent: a chain that was translated, and a deployment that failed."""

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.support.server import Server, free_port, running_server
from tests.ui.conftest import Open

CONFIG = """
models:
  - {{name: by-chat, model: openai-compatible/demo, base_url: {url}/v1, api_key: {key}, formats: [chat]}}
  - name: moving
    fallbacks: [by-chat]
    deployments:
      - {{provider: openai-compatible, model: gone, base_url: "http://127.0.0.1:{nowhere}/v1", api_key: x}}
"""


def test_what_the_provider_was_sent(browser: Browser, tmp_path: Path, demo_server: Server) -> None:
    config = CONFIG.format(url=demo_server.base_url, key=demo_server.key, nowhere=free_port())
    with running_server(tmp_path, env={"SESSIONARY_RETRY_BACKOFF": "0.01"}, config=config) as server:
        first = server.post("/v1/responses", {"model": "by-chat", "input": "The first words", "session_id": "a chain"})
        more = {"model": "by-chat", "input": "And more", "previous_response_id": first.json["id"]}
        assert server.post("/v1/responses", more).status == 200
        server.session("a chain", calls=2)
        body = {"model": "moving", "messages": [{"role": "user", "content": "hi"}], "session_id": "moved"}
        assert server.post("/v1/chat/completions", body).status == 200
        server.session("moved", calls=1)
        refused = {"model": "nobody", "messages": [{"role": "user", "content": "hi"}], "session_id": "refused"}
        assert server.post("/v1/chat/completions", refused).status == 404
        server.session("refused", calls=1)
        visit = Open(browser, server.base_url)
        link = server.login_link()
        page = visit(link[link.index("/ui/") :], cookie=None)
        _chain(page, server)
        _attempts(page, server)
        _refused(page, server)
        assert visit.trouble == []
        visit.contexts[0].close()


def _opened(page: Page, server: Server, name: str, turn: int = 1) -> None:
    found = server.session(name, calls=turn)
    page.goto(f"{server.base_url}/ui/sessions/{found['session_id']}?tab=sent#turn-{turn}")


def _chain(page: Page, server: Server) -> None:
    _opened(page, server, "a chain", turn=2)
    panel = page.get_by_role("tabpanel")
    expect(panel).to_contain_text("previous_response_id")
    expect(panel).not_to_contain_text("The first words")
    page.get_by_role("button", name="To the provider").click()
    expect(page).to_have_url(re.compile(r"\?tab=passed#"))
    expect(panel).to_contain_text("openai-compatible/demo · chat/completions")
    expect(panel).to_contain_text("The first words")
    expect(panel).not_to_contain_text("previous_response_id")
    page.reload()
    expect(page.get_by_role("button", name="To the provider")).to_have_attribute("aria-pressed", "true")
    expect(panel).to_contain_text("The first words")


def _attempts(page: Page, server: Server) -> None:
    _opened(page, server, "moved")
    panel = page.get_by_role("tabpanel")
    page.get_by_role("button", name="To the provider").click()
    expect(panel).to_contain_text("openai-compatible/demo")
    page.get_by_role("button", name="Attempt 1").click()
    expect(panel).to_contain_text("openai-compatible/gone")
    expect(page.get_by_role("button", name="Attempt 1")).to_have_attribute("aria-pressed", "true")


def _refused(page: Page, server: Server) -> None:
    _opened(page, server, "refused")
    expect(page.get_by_role("tabpanel")).to_contain_text("nobody")
    expect(page.get_by_role("button", name="To the provider")).to_have_count(0)
