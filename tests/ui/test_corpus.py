"""The hostile corpus in every place where stored text is shown, on every page: nothing runs, nothing is loaded from
elsewhere, nothing is said on the console, and the page can still be used.
"""

import base64
import itertools

import pytest
from playwright.sync_api import Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.corpus import HOSTILE, SHORT, batches
from tests.ui.fake import Fake
from tests.ui.pages import HOSTILE_PAGES, Shown, ordinary
from tests.ui.test_hostile import inert

SHOW = """async ([said, names]) => {
  const { message } = await import("/ui/static/pieces.js");
  document.querySelector("#shown")?.remove();
  const box = document.createElement("div");
  box.id = "shown";
  document.body.append(box);
  box.append(...said.map((m, i) => message(m, { name: names[i], note: names[i], flag: names[i], anchor: `c/m${i}` })));
  for (let depth = 0; depth < 4; depth++) {
    for (const fold of box.querySelectorAll("details:not([open])")) fold.open = true;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  }
  for (const button of box.querySelectorAll("[aria-pressed]")) button.click();
  return [box.querySelectorAll(".msg").length, box.textContent.length];
}"""


def pieces(payload: str) -> list[data.Json]:
    """The payload wherever a message can have a text of another's."""
    encoded = base64.b64encode(payload.encode("utf-8", "replace")).decode()
    kinds = ["text/html", "image/svg+xml", "image/png", "audio/wav", "application/json"]
    anywhere = {"url": payload, "media_type": payload, "name": payload, "text": payload}
    given = [
        *({"command": payload, "description": payload}, {"command": ["bash", "-lc", payload]}),
        *({"code": payload, "language": payload}, {"file_path": payload, "content": payload}),
        {"path": payload, "old_str": payload, "new_str": f"{payload}\n{payload}"},
        *({"patch": payload}, {"sql": payload}, {payload: {payload: payload}}, payload),
        {"edits": [{"old_string": payload}]},
    ]
    cited = [
        {"url": payload, "title": payload, "cited_text": payload},
        {"url_citation": {"url": payload}},
        {"type": payload, "source": payload},
    ]
    inner = [data.text(payload), {"type": "other", "value": {payload: payload}}]
    result = {"type": "tool_result", "content": inner, "error": True}
    own = {"type": "tool_call", "name": "x", "detail": payload}
    if len(payload) > 400:  # once in each way of showing it
        made = {"type": "tool_call", "name": payload, "arguments": {"command": payload, "note": payload}}
        return [
            data.text(payload) | {"annotations": cited},
            made | {"result": result},
            {"type": "other", "value": payload},
        ]
    return [
        data.text(payload) | {"annotations": cited},
        *({"type": kind, "text": payload} for kind in ("reasoning", "refusal")),
        *({"type": "file", "url": f"data:{kind};base64,{encoded}", "name": payload} for kind in kinds),
        *({"type": kind} | anywhere for kind in ("image", "audio", "file")),
        {"type": "image", "url": f"data:image/png;base64,{payload}"},
        *({"type": "tool_call", "name": payload, "arguments": each, "result": result} for each in given),
        *(own | {"kind": kind, "arguments": each} for kind, each in data.hostile_calls(payload)),
        *({"type": "other", "value": value} for value in data.hostile_items(payload)),
        {"type": payload, "value": payload},
    ]


def usable(page: Page) -> None:
    """It is still our page: what it begins with is there to be seen and pressed, and it answers."""
    assert page.evaluate("document.body.checkVisibility() && getComputedStyle(document.body).display !== 'none'")
    expect(page.locator("header.bar .brand")).to_be_visible()
    page.locator("header.bar .brand").click(trial=True)
    assert page.evaluate("({}).hacked ?? Object.prototype.hacked ?? window.hacked ?? null") is None
    assert page.evaluate("new Promise((done) => requestAnimationFrame(() => done(true)))")
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, f"{width} pixels too wide"


def test_the_corpus_is_large() -> None:
    assert len(set(HOSTILE)) > 350


@pytest.mark.parametrize("part", range(3))
def test_messages(visit: Open, fake: Fake, part: int) -> None:
    ordinary(fake)
    page = visit("/ui/sessions/ses_agent", viewport={"width": 390, "height": 844})
    expect(page.locator("article.call").first).to_be_visible()
    for batch in batches(HOSTILE[part::3], 25):
        roles = itertools.cycle(("user", "assistant", "tool", "system"))
        said = [{"role": role, "pieces": pieces(text)} for text, role in zip(batch, roles, strict=False)]
        shown, letters = page.evaluate(SHOW, [said, list(batch)])
        assert shown == len(batch)
        assert letters > len("".join(batch)) / 20
        inert(page)
    usable(page)


@pytest.mark.parametrize("shown", HOSTILE_PAGES, ids=str)
def test_pages(visit: Open, fake: Fake, shown: Shown) -> None:
    page = shown.open(visit, fake)
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_timeout(100)
        inert(page)
        usable(page)


@pytest.mark.parametrize("shown", HOSTILE_PAGES, ids=str)
def test_pages_without_script(visit: Open, fake: Fake, shown: Shown) -> None:
    page = shown.open(visit, fake, java_script_enabled=False)
    assert (
        page.locator("iframe, object, embed, base, style, main script, main img:not([src^='/ui/']), [onerror]").count()
        == 0
    )
    expect(page.locator("header.bar .brand")).to_be_visible()


def test_a_session_full_of_it(visit: Open, fake: Fake) -> None:
    fake.put(data.hostile_session(data.now(), SHORT))
    page = visit("/ui/sessions/ses_hostile")
    expect(page.locator("#share")).to_be_visible()
    for number in range(5000, 5000 + len(SHORT), 9):
        page.evaluate(f"location.hash = 'call_{number:026d}'")
        expect(page.locator(f"#call_{number:026d} .sep")).to_be_in_viewport()
        page.locator("article.call details:not([open]) > summary").evaluate_all("all => all.forEach(s => s.click())")
        inert(page)
    usable(page)
