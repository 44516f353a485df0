"""Models and prices in a browser, on a real gateway: who serves what, at which price, and nothing secret."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.server import Server, running_server
from tests.ui.conftest import Open
from tests.ui.early import before
from tests.ui.support_admin import CANARY, admin, cookie, hostile, visit
from tests.ui.test_hostile import inert
from tests.ui.test_look import has_contrast
from tests.ui.test_tools import axe, from_npm, shuts_nobody_out

__all__ = ["admin", "axe", "from_npm", "hostile", "visit"]
HERE = "/ui/models"


def opened(visit: Open, admin: Any, path: str = HERE, who: str = "master", **options: Any) -> Page:
    key_id = who if who == "master" else admin.keys[who].id
    page = visit(path, cookie=cookie(admin.server, admin.engine, key_id), **options)
    expect(page.get_by_role("heading", level=1)).to_have_text("Models and prices")
    return page


def row(page: Page, name: str) -> Any:
    return page.locator("tr.first").filter(has=page.get_by_role("link", name=name, exact=True))


def test_what_it_tells(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    expect(page.get_by_role("navigation").get_by_role("link", name="Models")).to_have_attribute("aria-current", "page")
    expect(page.locator(".lead")).to_contain_text(
        re.compile(r"genai-prices [\d.]+, with prices up to 20\d\d-\d\d-\d\d")
    )
    fast = row(page, "fast")
    expect(fast.locator(".name .sub")).to_have_text("then own")
    expect(fast.locator(".by")).to_have_text(re.compile(r"OpenAI gpt-4o-mini\s*75% of calls"))
    expect(fast.locator(".rate.input")).to_contain_text("$0.15")
    expect(fast.locator(".rate.output")).to_contain_text("price list")
    further = page.locator("tr.further")
    expect(further).to_have_count(2)
    expect(further.nth(0)).to_contain_text("Azure OpenAI mini")
    expect(further.nth(0)).to_contain_text("price not known")
    expect(further.nth(1).locator(".tag.act")).to_have_text("no key")
    own = row(page, "own")
    expect(own.locator(".rate.cached")).to_contain_text("$0.05")
    expect(own.locator(".rate.output")).to_have_text(re.compile(r"\$2\.00\s*configured"))
    expect(own.locator(".pace")).to_contain_text("tok/s")
    expect(row(page, "house/*")).to_contain_text("by the name that is asked for")
    expect(row(page, "practice")).to_contain_text("free: answers are made up")
    expect(row(page, "house/gpt-4.1").locator(".name .sub")).to_have_text("by house/*")
    expect(row(page, "claude-sonnet-4-5").locator(".name .sub")).to_have_text("by its name")
    expect(row(page, "nobody-has-this")).to_contain_text("not served")


def test_figures_are_those_of_the_api(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    found = admin.server.get("/api/models")
    for model in (*found["data"], *found["others"]):
        shown, use = row(page, model["name"]), model["use"]
        expect(shown.locator(".calls span").first).to_have_attribute("title", f"{use['calls']:,}")
        assert shown.locator(".spark .well").count() == sum(d["calls"] > d["errors"] for d in use["days"])


def test_nothing_secret_is_shown(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    for path in ("/ui/models", "/ui/keys", "/ui/health", "/ui/"):
        page.goto(admin.server.base_url + path)
        assert CANARY not in page.content()
    for path in ("/api/models", "/api/keys", "/api/projects", "/api/health", "/v1/models"):
        answer = admin.server.request("GET", path)
        assert answer.status == 200
        assert CANARY not in answer.body.decode()


def test_what_cools_down_says_so(visit: Open, admin: Any) -> None:
    """Nothing listens where `own` points to, so it fails; with one worker that is the worker that is asked."""
    for n in range(3):
        assert admin.server.chat(f"{n}", "own").status >= 500
    page = opened(visit, admin)
    expect(row(page, "own").locator(".tag.watch")).to_have_text(re.compile(r"cooling \d+ s"))


def test_a_row_leads_to_its_calls(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    row(page, "house/*").get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/ui/calls\?filter=model%3A"))


def test_one_project(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    page.get_by_label("Project").select_option("research")
    expect(page).to_have_url(re.compile(r"\?project=research$"))
    expect(row(page, "fast").locator(".calls span").first).to_have_text("0")
    expect(row(page, "nobody-has-this")).to_have_count(0)
    expect(row(page, "claude-sonnet-4-5")).to_be_visible()
    page.get_by_label("Project").select_option("")
    expect(page).to_have_url(re.compile(r"/ui/models$"))


def test_a_project_chosen_before_the_script_is_there(visit: Open, admin: Any) -> None:
    page = opened(visit, admin)
    with before(page, "switch.js"):
        page.get_by_label("Project").select_option("research")
    expect(page).to_have_url(re.compile(r"\?project=research$"))
    page.go_back()
    expect(page.get_by_label("Project")).to_have_value("")
    expect(page).to_have_url(re.compile(r"/ui/models$"))


def test_a_key_sees_what_it_may_use_and_its_own_calls(visit: Open, admin: Any) -> None:
    page = opened(visit, admin, who="ci")
    expect(row(page, "fast")).to_be_visible()
    expect(row(page, "own")).to_have_count(0)
    expect(row(page, "claude-sonnet-4-5")).to_have_count(0)
    expect(page.locator(".switch")).to_have_count(0)


def test_hostile_names_are_text(visit: Open, admin: Any, hostile: None) -> None:
    page = opened(visit, admin)
    inert(page)
    expect(page.locator("bdi", has_text="onerror=window.hacked").first).to_be_visible()


def test_readable_without_script(visit: Open, admin: Any) -> None:
    page = opened(visit, admin, java_script_enabled=False)
    expect(row(page, "own")).to_contain_text("vLLM")
    page.get_by_label("Project").select_option("research")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"\?project=research$"))


def test_contrast(visit: Open, admin: Any, hostile: None) -> None:
    page = opened(visit, admin)
    has_contrast(page)


def test_no_sideways_scroll(visit: Open, admin: Any, hostile: None) -> None:
    page = opened(visit, admin)
    for width in (320, 390, 820, 1100, 2560):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cut = page.locator(".use td").evaluate_all(
            "all => all.filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map(e => e.innerText)"
        )
        assert cut == [], width


def test_nobody_is_shut_out(visit: Open, admin: Any, axe: str) -> None:
    shuts_nobody_out(opened(visit, admin, reduced_motion="reduce"), axe)


PICTURES = [("models", 1440, "light"), ("models-dark", 1440, "dark"), ("models-narrow", 390, "light")]


@pytest.mark.parametrize(("name", "width", "scheme"), PICTURES)
def test_pictures(visit: Open, admin: Any, tmp_path: Path, name: str, width: int, scheme: str) -> None:
    path = f"{HERE}?project=checkout-agents"
    page = opened(visit, admin, path, viewport={"width": width, "height": 844}, color_scheme=scheme)
    picture = Path(os.environ.get("SESSIONARY_PICTURES") or tmp_path) / f"{name}.png"
    page.screenshot(path=picture, animations="disabled")
    assert picture.stat().st_size > 20_000


@pytest.fixture
def plain(browser: Browser, demo_server: Server) -> Iterator[Page]:
    opened = Open(browser, demo_server.base_url)
    yield opened(demo_server.login_link().removeprefix(demo_server.base_url), cookie=None)
    opened.contexts[0].close()
    assert opened.trouble == []


def test_the_demo_says_what_it_answers(plain: Page, demo_server: Server) -> None:
    plain.goto(f"{demo_server.base_url}{HERE}")
    expect(plain.get_by_role("heading", name="The demo provider answers for every name")).to_be_visible()
    expect(plain.get_by_text("No model was called in the last 30 days.")).to_be_visible()
    demo_server.chat("hello", "any-name-at-all", metadata={"litellm_session_id": "models"})
    demo_server.session("models", calls=1)
    plain.reload()
    expect(row(plain, "any-name-at-all")).to_contain_text("Demo any-name-at-all")
    expect(row(plain, "any-name-at-all")).to_contain_text("free: answers are made up")
    expect(row(plain, "any-name-at-all").locator(".spend")).to_have_text("$0")


def test_a_provider_of_the_environment(browser: Browser, tmp_path: Path) -> None:
    with running_server(tmp_path, env={"GROQ_API_KEY": CANARY}) as server:
        visit = Open(browser, server.base_url)
        page = visit(server.login_link().removeprefix(server.base_url), cookie=None)
        page.goto(f"{server.base_url}{HERE}")
        expect(page.get_by_text("The environment has keys for Groq:")).to_be_visible()
        assert CANARY not in page.content()
        visit.contexts[0].close()
        assert visit.trouble == []
