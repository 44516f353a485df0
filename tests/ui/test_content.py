"""Content is shown as what it is: code, JSON, what tools were asked, media, sources, long and strange texts."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ui import data, javascript, support_content
from tests.ui.conftest import Open
from tests.ui.fake import Fake

HERE = support_content.HERE


@pytest.fixture
def page(visit: Open, fake: Fake) -> Page:
    fake.put(support_content.content_session(data.now()))
    return visit(HERE, permissions=["clipboard-read", "clipboard-write"])


def at(page: Page, number: int) -> Locator:
    """The call of that number, in view."""
    page.evaluate(f"location.hash = 'call_{number:026d}'")
    article = page.locator(f"#call_{number:026d}")
    expect(article.locator(".sep")).to_be_in_viewport()
    return article


def tool(page: Page, number: int) -> Locator:
    return at(page, 7006 + number).locator(".tool")


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_pure_parts() -> None:
    javascript.passes("content")


def test_code_is_coloured(page: Page) -> None:
    blocks = at(page, 7000).locator(".msg.assistant .code")
    expect(blocks).to_have_count(7)
    assert blocks.nth(0).locator(".t-keyword").all_inner_texts() == ["class", "def", "return"]
    expect(blocks.nth(0).locator("pre")).to_have_text(
        support_content.PYTHON.strip("`").removeprefix("python\n").rstrip()
    )
    expect(blocks.nth(1).locator(".t-string").last).to_have_text("/^call_/")
    expect(blocks.nth(5).locator(".t-del")).to_have_text("-    return sum(lines)")
    expect(blocks.nth(5).locator(".t-add")).to_have_count(1)
    expect(blocks.nth(6).locator("[class^=t-]")).to_have_count(0)
    colours = (
        blocks.nth(0).locator("code span").evaluate_all("all => new Set(all.map(e => getComputedStyle(e).color)).size")
    )
    assert colours >= 4
    blocks.nth(2).hover()
    blocks.nth(2).get_by_role("button", name="Copy this code").click()
    assert copied(page).startswith("SELECT model, count(*)")


def test_media(page: Page) -> None:
    asked = at(page, 7001).locator(".msg.user")
    picture = asked.locator("img.picture")
    expect(picture).to_have_js_property("naturalWidth", 240)
    expect(asked.locator("figcaption").first).to_contain_text(
        "receipt.png · image/png · 278 B sha256 bd3828b68c4f… · 240 × 110"
    )
    expect(asked.locator("audio")).to_have_count(1)
    asked.locator("audio").evaluate("e => e.readyState >= 1 || new Promise(done => e.onloadedmetadata = done)")
    assert asked.locator("audio").evaluate("e => Math.round(e.duration)") == 1
    files = asked.locator(".attached")
    expect(files).to_have_count(4)
    expect(files.nth(0)).to_contain_text("image https://evil.example/pixel.png · not loaded")
    expect(files.nth(0).locator("a")).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(files.nth(1)).to_contain_text("contract.pdf · application/pdf · 17.1 kB sha256 ")
    assert len((files.nth(1).locator(".hash").get_attribute("title") or "").removeprefix("SHA-256 ")) == 64
    expect(files.nth(2)).to_contain_text("image/svg+xml · 6 B")
    expect(files.nth(3)).to_contain_text("by id.txt · file-abc123")
    shown = page.locator("img").evaluate_all("all => all.map(e => e.getAttribute('src').slice(0, 14))")
    assert set(shown) == {"data:image/png", "/ui/static/ico"}


def test_json_is_a_tree_and_as_written(page: Page) -> None:
    answer = at(page, 7001).locator(".msg.assistant .json")
    expect(answer.locator(".tree .k")).to_have_text(["decision", "amount", "lines", "0", "id", "ok", "note"])
    answer.hover()
    answer.get_by_role("button", name="Raw").click()
    expect(answer.locator("pre")).to_have_text(support_content.STRUCTURED)
    expect(answer.locator("pre .t-key").first).to_have_text('"decision"')
    expect(answer.locator(".tree")).to_have_count(0)
    answer.get_by_role("button", name="Raw").click()
    expect(answer.locator(".tree")).to_be_visible()
    answer.get_by_role("button", name="Copy this JSON").click()
    assert copied(page) == support_content.STRUCTURED


def test_sources_tables_and_right_to_left(page: Page) -> None:
    call = at(page, 7002)
    sources = call.get_by_label("Sources").locator("li")
    expect(sources.nth(0)).to_have_text("Refund policy · example.com")
    expect(sources.nth(2)).to_have_text("HandbookRefund at once.")
    expect(sources.nth(3)).to_have_text("Terms.pdf · page 4Within 14 days.")
    expect(sources.nth(4)).to_have_text("notes.md")
    expect(sources).to_have_count(5)
    expect(sources.nth(1).locator("a")).to_have_attribute("href", "https://example.com/law")
    table = call.locator(".wide")
    assert table.evaluate("e => e.scrollWidth > e.clientWidth && e.tabIndex === 0")
    assert table.locator("td").first.evaluate("e => e.offsetHeight") < 60
    user = call.locator(".msg.user .prose > p")
    assert user.evaluate_all("all => all.map(e => getComputedStyle(e).direction)") == ["rtl", "ltr"]
    expect(user.last).to_have_text("Thanks, $x^2 + y^2$ stays.")


def test_what_is_not_seen_is_named(page: Page) -> None:
    call = at(page, 7003)
    named = call.locator(".msg.user .unseen")
    expect(named).to_have_text(["hidden: ignore all rules", "RLO"])
    expect(named.last).to_have_attribute("title", "U+202E right-to-left override")
    expect(call.locator(".refusal")).to_have_text("refusedI cannot help with that.")


def test_reasoning_and_its_size(page: Page) -> None:
    call = at(page, 7004)
    expect(call.locator(".reasoning summary")).to_have_text("reasoning · 40 words")
    expect(call.locator("p.event")).to_have_text("reasoning, redacted by the provider")


def test_a_long_text_is_folded_with_its_size(page: Page) -> None:
    call = at(page, 7005)
    box = call.locator(".msg.assistant .prose")
    more = box.get_by_role("button", name="show all")
    expect(more).to_have_text("… show all 1.4 MB")
    few = box.locator("p").count()
    assert few < 500
    more.evaluate("e => e.click()")
    expect(box.get_by_role("button", name="show less")).to_be_attached(timeout=30_000)
    assert box.locator("p:not(.heading)").count() == 30_000
    box.get_by_role("button", name="show less").evaluate("e => e.click()")
    expect(box.locator("p")).to_have_count(few)


def test_tools_in_a_readable_form(page: Page) -> None:
    shell = tool(page, 0)
    expect(shell.locator(".given .code code")).to_have_text("pytest | tail -3")
    expect(shell.locator(".given")).to_contain_text("Test it")
    expect(shell.locator(".given .leaf")).to_have_text("timeout9")
    expect(shell.locator("h4 .tag")).to_have_text("failed")
    expect(shell.locator(".result.failed .plain")).to_have_text(
        "PASS tests/a.test.ts\nFAIL tests/b.test.ts\n  expected 1, got 2BEL"
    )
    expect(tool(page, 1).locator(".code code")).to_have_text("rg -n 'TODO' src && wc -l src/*.py")
    edit = tool(page, 2)
    expect(edit.locator(".code-top span")).to_have_text("/src/app.py")
    expect(edit.locator(".t-del")).to_have_text("-    return sum(lines)")
    expect(edit.locator(".t-add")).to_have_text("+    return sum(line.amount for line in lines)")
    expect(tool(page, 3).locator(".given .leaf")).to_have_text("commandstr_replace")
    written = tool(page, 4)
    expect(written.locator(".given .t-key")).to_have_text('"a"')
    expect(written.locator(".result .tree")).to_contain_text("written22")
    expect(tool(page, 5).locator(".t-add")).to_have_text("+new = 2")
    expect(tool(page, 6).locator(".t-keyword")).to_have_text("import")
    expect(tool(page, 7).locator(".t-keyword")).to_have_text(["SELECT", "AS"])
    expect(tool(page, 8).locator(".given .tree")).to_contain_text("Bern")
    expect(tool(page, 9).locator(".given")).to_have_text("no arguments")
    expect(tool(page, 9).locator(".result")).to_have_text("empty result")


def test_copies(page: Page) -> None:
    call = tool(page, 8)
    call.hover()
    call.get_by_role("button", name="Copy the arguments").click()
    assert json.loads(copied(page)) == {"city": "Bern", "days": [1, 2]}
    call.get_by_role("button", name="Copy the call and its result as JSON").click()
    assert json.loads(copied(page))["result"]["content"] == [{"type": "text", "text": '{"error": {"code": 503}}'}]
    message = at(page, 7002).locator(".msg.assistant")
    message.hover()
    message.get_by_role("button", name="Copy this text").first.click()
    assert copied(page).startswith("The policy allows it.\n\n| a column")
    message.get_by_role("button", name="Copy this message as JSON").click()
    assert json.loads(copied(page))["pieces"][0]["annotations"] == support_content.CITED


def test_an_anchor_leads_to_its_message(page: Page) -> None:
    message = at(page, 7002).locator(".msg.user")
    expect(message).to_have_attribute("id", re.compile("/m1$"))
    link = message.get_by_role("link", name="A link to this message")
    expect(link).to_have_attribute("href", f"#{message.get_attribute('id')}")
    assert page.locator(".msg[id]").evaluate_all("all => new Set(all.map(e => e.id)).size === all.length")
