"""The pages on the real gateway: from the printed link to a session, with calls that arrive while one looks."""

import re

from playwright.sync_api import Browser, expect

from tests.support.server import Server
from tests.ui.conftest import Open


def test_from_the_link_to_a_session_and_back(browser: Browser, demo_server: Server) -> None:
    visit = Open(browser, demo_server.base_url)
    link = demo_server.cli("login").strip()
    page = visit(link[link.index("/ui/") :], cookie=None)
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    page.get_by_role("button", name="Send a demo session").click()
    page.wait_for_url(re.compile(r"/ui/sessions/ses_"))
    expect(page.locator("#title")).to_contain_text("weather")
    expect(page.get_by_text("look_up_weather").first).to_be_visible()
    page.get_by_role("link", name="Sessions").first.click()
    row = page.get_by_role("link", name=re.compile("weather"))
    expect(row).to_be_visible()
    demo_server.chat("A brand new question", session_id="arrives-live")
    expect(page.get_by_text("A brand new question").first).to_be_visible()
    page.get_by_text("A brand new question").first.click()
    expect(page.locator("#feed, main").first).to_contain_text("A brand new question")
    demo_server.chat("And a second one", session_id="arrives-live")
    expect(page.locator("#feed, main").first).to_contain_text("And a second one")
    assert visit.trouble == []
    visit.contexts[0].close()
