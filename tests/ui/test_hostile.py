"""What was stored is text: a corpus of markup in every field runs nothing, loads nothing and changes nothing."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.fake import Fake

HERE = "/ui/sessions/ses_hostile"


@pytest.fixture
def hostile(fake: Fake) -> Fake:
    fake.put(data.hostile_session(data.now()))
    for i, payload in enumerate(data.XSS):
        row = data.session(
            300 + i,
            data.now(),
            title=payload,
            session_id=payload,
            models=[payload],
            clients=[payload],
            keys=[payload],
            source=payload,
        )
        fake.sessions[row["id"]] = row
    return fake


STRANGE = (Path(__file__).parent / "strange.js").read_text()


def inert(page: Page) -> None:
    assert page.evaluate("window.hacked") is None
    assert page.evaluate(STRANGE) == []


def test_session_page(visit: Open, hostile: Fake) -> None:
    page = visit(HERE)
    expect(page.locator("#share")).to_be_visible()
    for number in range(len(data.XSS)):
        page.evaluate(f"location.hash = 'call_' + String({5000 + number}).padStart(26, '0')")
        article = page.locator(f"#call_{5000 + number:026d}")
        expect(article.locator(".sep")).to_be_in_viewport()
        article.locator("summary").evaluate_all("all => all.forEach(s => s.parentElement.open = true)")
        article.hover()
        inert(page)
    for tab in ("As sent", "Response", "Why here"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(100)
        inert(page)
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Rename").click()
    inert(page)


def test_text_is_shown_as_it_is(visit: Open, hostile: Fake) -> None:
    page = visit(HERE)
    seen = re.sub("[\u202e\x00-\x1f]", "", " ".join(data.XSS))  # without what would turn the rest, or be a box
    expect(page.locator("#title")).to_have_text(seen)
    expect(page.locator("article .msg.user .prose").first).to_have_text(data.XSS[0])


@pytest.mark.parametrize("script", [True, False])
def test_list(visit: Open, hostile: Fake, script: bool) -> None:
    page = visit("/ui/", java_script_enabled=script)
    expect(page.get_by_text(data.XSS[0]).first).to_be_visible()
    if script:
        inert(page)
    else:
        assert page.locator("iframe, tr.row script, tr.row img, base, style").count() == 0


def test_first_screen_without_script(visit: Open, hostile: Fake) -> None:
    page = visit(HERE, java_script_enabled=False)
    expect(page.locator("article")).to_have_count(16)
    assert page.locator("#main script, iframe, base, style, #main img, #main a, #main form").count() == 0


def test_the_address_is_text_too(visit: Open, hostile: Fake) -> None:
    page = visit("/ui/?q=%22%3E%3Cscript%3Ewindow.hacked=1%3C/script%3E&model=%27%20onfocus=hacked=1")
    expect(page.locator("#q")).to_have_value(re.compile("<script>window.hacked=1</script>"))
    inert(page)


def test_policy_stops_what_would_slip_through(visit: Open, fake: Fake) -> None:
    """Even a script in our page could not make markup of text."""
    page = visit("/ui/login")
    sink = page.evaluate(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'done' } catch (e) { return e.name } })()"
    )
    assert sink == "TypeError"
    page.wait_for_timeout(200)
    assert any("TrustedHTML" in told for told in visit.trouble)
    visit.trouble.clear()
