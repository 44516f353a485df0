"""Keys and projects in a browser, on a real gateway: what is shown, and a key from its making to its end."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.ui import javascript
from tests.ui.conftest import Open
from tests.ui.keyboard import walk
from tests.ui.support_admin import admin, cookie, count, hostile, visit
from tests.ui.test_hostile import inert
from tests.ui.test_look import CONTRAST, has_contrast
from tests.ui.test_tools import axe, from_npm, shuts_nobody_out, violations

__all__ = ["admin", "axe", "from_npm", "hostile", "visit"]
HERE = "/ui/keys"


def test_javascript() -> None:
    javascript.passes("keys")


def opened(visit: Open, admin: Any, path: str = HERE, who: str = "master", **options: Any) -> Page:
    key_id = who if who == "master" else admin.keys[who].id
    page = visit(path, cookie=cookie(admin.server, admin.engine, key_id), **options)
    expect(page.get_by_role("heading", level=1)).to_have_text("Keys and projects")
    return page


def row(page: Page, name: str) -> Any:
    return page.locator(".use tbody tr").filter(has=page.get_by_role("link", name=name, exact=True))


def test_the_switch_on_top_shows_one_project_s_keys(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    page.locator("#project").select_option("research")
    expect(page).to_have_url(re.compile(r"/ui/keys\?project=research$"))
    expect(page.locator("section.project")).to_have_count(1)
    expect(page.locator("section.project h2")).to_have_text("research")


def test_what_it_tells(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    expect(page.get_by_role("navigation").get_by_role("link", name="Keys")).to_have_attribute("aria-current", "page")
    first = page.locator("section.project").first
    expect(first.get_by_role("heading")).to_have_text("checkout-agents")
    expect(first.locator(".over .soft")).to_contain_text(re.compile(r"\d+ calls, .* failed · .*tokens · \$"))
    bot = row(page, "support-bot")
    expect(bot).to_contain_text(admin.keys["support-bot"].hint)
    expect(bot.locator(".may")).to_have_text("all models")
    expect(bot.locator(".used time")).to_have_text(re.compile(r"^\d+ min$"))
    assert bot.locator(".spark g").count() == 30
    assert bot.locator(".spark rect.well").count() > 10
    assert bot.locator(".spark rect.failed").count() > 0
    ci = row(page, "ci")
    expect(ci.locator(".may")).to_have_text(re.compile(r"fast\s+gpt-\*"))
    expect(ci.locator(".used")).to_contain_text("ends 20")
    expect(ci.locator(".spend")).to_contain_text("unpriced")
    unused = row(page, "never used")
    expect(unused).to_contain_text("threading off")
    expect(unused.locator(".used")).to_contain_text("never")
    expect(unused.locator(".may")).to_contain_text("and 2 more")
    gone = row(page, "left the company")
    expect(gone).to_be_hidden()
    first.get_by_text("1 revoked or expired").click()
    expect(gone).to_contain_text("revoked")
    expect(gone.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("region", name="Master key")).to_contain_text("24 calls")


def test_figures_are_those_of_the_api(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    key = admin.server.get(f"/api/keys/{admin.keys['notebooks'].id}")
    notebooks = row(page, "notebooks")
    expect(notebooks.locator(".calls span").first).to_have_attribute("title", f"{key['use']['calls']:,}")
    expect(notebooks.locator(".spend")).to_contain_text(f"${key['use']['cost']:.3f}")
    tall = notebooks.locator(".spark g").evaluate_all("all => all.map(g => g.querySelectorAll('.well').length)")
    assert [bool(n) for n in tall] == [d["calls"] > d["errors"] for d in key["use"]["days"]]


def test_a_row_leads_to_its_sessions(visit: Open, admin: Any, hostile: None) -> None:
    page = opened(visit, admin)
    row(page, "ci").get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/ui/\?filter=key%3Aci\+project%3Acheckout-agents"))
    expect(page.locator(".problem")).to_have_count(0)
    page = opened(visit, admin)
    row(page, 'quote " and \\').get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/ui/\?filter="))
    expect(page.get_by_role("alert").filter(has_text="character")).to_have_count(0)


def test_a_key_from_its_making_to_its_end(visit: Open, admin: Any) -> None:
    page = opened(visit, admin, permissions=["clipboard-read", "clipboard-write"])
    page.keyboard.press("c")
    form = page.get_by_role("dialog")
    form.get_by_label("Project").fill("brand new")
    form.get_by_label("Name").fill("till")
    form.get_by_label("Models").fill("practice, gpt-*")
    form.get_by_label("Ends").select_option("in 30 days")
    form.get_by_label("Threading").uncheck()
    form.get_by_role("button", name="Create key").click()
    shown = page.get_by_role("dialog", name="The new key")
    plain = shown.locator("#secret").inner_text()
    assert plain.startswith("sk-ses-")
    expect(shown.locator("pre")).to_have_count(3)
    expect(shown.locator("pre").first).to_contain_text(f"{admin.server.base_url}/v1")
    shown.get_by_role("button", name="Copy the key").click()
    expect(shown.get_by_role("button", name="Copy the key")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == plain
    assert admin.server.chat("hello", "practice", key=plain).status == 200
    assert admin.server.chat("hello", "own", key=plain).status == 403
    shown.get_by_role("button", name="Done").click()
    till = row(page, "till")
    expect(till).to_contain_text("threading off")
    assert plain not in page.content()
    expect(page.get_by_role("region", name="Project brand new")).to_be_visible()

    till.get_by_role("button", name="Change till").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Models")).to_have_value("practice, gpt-*")
    form.get_by_label("Name").fill("till 2")
    form.get_by_label("Models").fill("")
    form.get_by_label("Threading").check()
    form.get_by_role("button", name="Save").click()
    till = row(page, "till 2")
    expect(till.locator(".may")).to_have_text("all models")
    expect(till).not_to_contain_text("threading off")

    till.get_by_role("button", name="Revoke till 2").click()
    sure = page.get_by_role("dialog")
    expect(sure).to_contain_text(re.compile("every call with sk-ses-….{4} is refused with 401"))
    expect(sure).to_contain_text("signed out")
    sure.get_by_role("button", name="Cancel").click()
    assert count(admin.engine, "till 2") == 1
    till.get_by_role("button", name="Revoke till 2").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke key").click()
    expect(row(page, "till 2")).to_be_hidden()
    expect(page.get_by_role("region", name="Project brand new")).to_contain_text("1 revoked or expired")
    assert count(admin.engine, "till 2") == 0


def test_what_a_key_may_use_and_what_the_log_has_of_it(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    page.get_by_role("button", name="New key", exact=True).click()
    form = page.get_by_role("dialog")
    form.get_by_label("Project").fill("frugal ones")
    form.get_by_label("Name").fill("frugal")
    form.get_by_label("In the log").select_option("metadata only")
    expect(form.get_by_label("Calls a minute")).to_be_hidden()
    form.get_by_text("Limits", exact=True).click()
    form.get_by_label("Calls a minute").fill("2")
    form.get_by_label("Budget, USD").fill("12.5")
    form.get_by_label("Budget of").select_option("a day")
    form.get_by_label("Calls of a session").fill("500")
    form.get_by_role("button", name="Create key").click()
    shown = page.get_by_role("dialog", name="The new key")
    plain = shown.locator("#secret").inner_text()
    statuses = [admin.server.chat("hello", "practice", key=plain).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    shown.get_by_role("button", name="Done").click()
    frugal = row(page, "frugal")
    expect(frugal).to_contain_text("metadata only")
    lines = ["2 of 2 calls a minute", "$0 of $12.50 today", "a session: 500 calls"]
    expect(frugal.locator(".limit")).to_have_text(lines)
    expect(frugal.locator(".limit").first).to_have_class(re.compile("reached"))
    assert page.evaluate(CONTRAST) == []

    frugal.get_by_role("button", name="Change frugal").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Budget, USD")).to_have_value("12.5")
    expect(form.get_by_label("Budget of")).to_have_value("day")
    expect(form.get_by_label("In the log")).to_have_value("metadata")
    form.get_by_label("In the log").select_option("all of a call")
    form.get_by_label("Calls a minute").fill("-1")
    form.get_by_role("button", name="Save").click()
    assert form.get_by_label("Calls a minute").evaluate("e => e.validity.rangeUnderflow")
    for label in ("Calls a minute", "Budget, USD", "Calls of a session"):
        form.get_by_label(label).fill("")
    form.get_by_role("button", name="Save").click()
    expect(frugal.locator(".limit")).to_have_count(0)
    expect(frugal).not_to_contain_text("metadata only")


def test_what_is_refused_is_said_in_the_form(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    page.get_by_role("button", name="New project").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("research")
    page.keyboard.press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("there is a project 'research' already")
    form.get_by_label("Name").fill("research two")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Project research two")).to_be_visible()


def test_a_new_key_for_this_project(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    page.get_by_role("button", name="New key for research", exact=True).click()
    expect(page.get_by_role("dialog").get_by_label("Project")).to_have_value("research")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_find(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    page.keyboard.press("/")
    page.keyboard.type("LEFT the")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?find=LEFT\+the"))
    expect(row(page, "left the company")).to_be_visible()
    expect(page.locator(".use tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("heading", name="research", exact=True).get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"\?project=research$"))
    expect(page.locator("section.project")).to_have_count(1)
    page.goto(f"{admin.server.base_url}{HERE}?find=nothing-is-called-so")
    expect(page.get_by_text("Nothing is called that.")).to_be_visible()


def test_a_project_sees_its_own_and_changes_nothing(visit: Open, admin: Any) -> None:
    page = opened(visit, admin, who="notebooks")
    expect(page.locator("section.project")).to_have_count(1)
    expect(page.locator(".use tbody tr")).to_have_count(1)
    expect(page.locator("main button")).to_have_count(0)
    expect(page.get_by_text("Keys are made and revoked with the master key.")).to_be_visible()
    page.keyboard.press("c")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "checkout-agents" not in page.content()
    refused = page.evaluate(
        "id => fetch(`/api/keys/${id}`, {method: 'DELETE'}).then(a => a.json()).then(b => b.error.code)",
        admin.keys["notebooks"].id,
    )
    assert refused == "permission_denied"
    visit.trouble[:] = [t for t in visit.trouble if "403" not in t]
    page.goto(f"{admin.server.base_url}{HERE}?project=checkout-agents")
    assert "support-bot" not in page.content()


def test_hostile_names_are_text(visit: Open, admin: Any, hostile: None) -> None:
    page = opened(visit, admin)
    inert(page)
    expect(page.locator("bdi", has_text="onerror=window.hacked").first).to_be_visible()
    page.get_by_role("button", name=re.compile("^Change <")).first.click()
    expect(page.get_by_role("dialog").get_by_label("Name")).to_have_value(re.compile("<"))
    inert(page)


def test_readable_without_script(visit: Open, admin: Any) -> None:
    page = opened(visit, admin, java_script_enabled=False)
    expect(row(page, "support-bot")).to_contain_text(admin.keys["support-bot"].hint)
    expect(page.get_by_role("button", name="New key")).to_have_count(0)
    page.get_by_role("searchbox").fill("notebooks")
    page.keyboard.press("Enter")
    expect(page.locator(".use tbody tr")).to_have_count(1)


def test_contrast(visit: Open, admin: Any, hostile: None) -> None:
    page = opened(visit, admin)
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    has_contrast(page)
    page.get_by_role("button", name="Revoke support-bot").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    has_contrast(page)


def test_no_sideways_scroll(visit: Open, admin: Any, hostile: None) -> None:
    page = opened(visit, admin)
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    for width in (320, 390, 820, 1100, 2560):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cut = page.locator(".use td, .over").evaluate_all(
            "all => all.filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map(e => e.innerText)"
        )
        assert cut == [], width


def test_everything_has_a_name(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    page.get_by_role("button", name="New key", exact=True).click()
    named = "e.innerText?.trim() || e.ariaLabel || e.title || e.labels?.length"
    controls = page.locator("button, a[href], input:not([type=hidden]), select, svg[role=img]")
    assert (
        controls.evaluate_all(f"all => all.filter(e => e.checkVisibility() && !({named})).map(e => e.outerHTML)") == []
    )
    ids = page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_nobody_is_shut_out(visit: Open, admin: Any, axe: str) -> None:
    page = opened(visit, admin, reduced_motion="reduce")
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    shuts_nobody_out(page, axe)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="New key", exact=True).click()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page, axe) == "", scheme


def test_by_keyboard_alone(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    page.evaluate("document.activeElement.blur()")
    stops = walk(page, 60)
    assert any(stop.name.startswith("Revoke") for stop in stops)
    assert [stop for stop in stops if not (stop.name and stop.seen and stop.marked)] == []


PICTURES = [("keys", 1440, "light"), ("keys-dark", 1440, "dark"), ("keys-narrow", 390, "light")]


@pytest.mark.parametrize(("name", "width", "scheme"), PICTURES)
def test_pictures(visit: Open, admin: Any, tmp_path: Path, name: str, width: int, scheme: str) -> None:
    page = opened(visit, admin, f"{HERE}?find=e", viewport={"width": width, "height": 844}, color_scheme=scheme)
    picture = Path(os.environ.get("SESSIONARY_PICTURES") or tmp_path) / f"{name}.png"
    page.screenshot(path=picture, animations="disabled")
    assert picture.stat().st_size > 20_000
