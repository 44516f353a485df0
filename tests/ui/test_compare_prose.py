"""Answers in a comparison are read as on a session's page, with what differs marked; and a session beside itself."""

import re

import pytest
from playwright.sync_api import expect

from tests.ui import data, support_compare
from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.support_compare import BRANCHED
from tests.ui.test_compare_page import NARROW, ROOT, SECOND, drawn
from tests.ui.test_look import fits, has_contrast

ASKED = "Plan four days by the sea"
TRAIN = """Take the **night train** to `Trieste`:

1. **Day 1**: up to the castle
2. Day 2: [the bay](https://example.com/bay) and back

| Where | Night |
|---|---|
| Duino | 88 € |

```python
print("four days")
```
"""
BUS = TRAIN.replace("night train", "night bus").replace("the castle", "the castle and the harbour").replace("88", "95")
SIDES = "/ui/compare?a=ses_train&b=ses_bus"


@pytest.fixture
def told(fake: Fake) -> Fake:
    fake.demo = False
    for id, first, answers in (("train", 60_000, (TRAIN, TRAIN, "a *b*")), ("bus", 70_000, (BUS, TRAIN, "a b"))):
        questions = (ASKED, "Say it again", "And **once** more?")
        steps: list[support_compare.Step] = [
            (n + 1, {}, [data.said("user", data.text(question))], [data.text(answer)], {})
            for n, (question, answer) in enumerate(zip(questions, answers, strict=True))
        ]
        fake.put(support_compare.made(f"ses_{id}", id, ASKED, data.now(), first, steps))
    return fake


def test_answers_are_read_as_on_a_session_s_page(visit: Open, told: Fake) -> None:
    page = drawn(visit(SIDES))
    left, right = page.locator("#turn-1 .msg.assistant .two > *").all()
    for side, train in ((left, "night train"), (right, "night bus")):
        expect(side.locator("strong").first).to_have_text(train)
        expect(side.locator("ol li")).to_have_count(2)
        expect(side.locator("table tbody tr")).to_have_count(1)
        expect(side.get_by_role("link", name="the bay")).to_have_attribute("rel", re.compile("noopener"))
        assert "**" not in side.inner_text()
        assert "```" not in side.inner_text()
    assert left.locator("del").all_inner_texts() == ["train", "88"]
    assert right.locator("ins").all_inner_texts() == ["bus", " and the harbour", "95"]
    assert (left.locator("ins").count(), right.locator("del").count()) == (0, 0)
    expect(left.locator("strong del")).to_have_text("train")
    has_contrast(page)


def test_in_one_text_it_is_as_it_was_written(visit: Open, told: Fake) -> None:
    page = drawn(visit(SIDES + "&view=words"))
    expect(page.locator("#turn-1 .msg.assistant .diff-words")).to_contain_text("Take the **night trainbus**")
    expect(page.locator("#turn-1 .prose.diff-words")).to_have_count(0)


def test_what_is_the_same_and_what_only_one_has_is_read_likewise(visit: Open, told: Fake) -> None:
    page = drawn(visit(SIDES))
    expect(page.locator("#turn-3 .msg.user strong")).to_have_text("once")
    marks = page.locator("#turn-3 .msg.assistant del")
    expect(marks.first).to_be_visible()  # only signs of Markdown differ: these are shown
    assert marks.all_inner_texts() == ["*", "*"]
    told.put(support_compare.made("ses_more", "more", "x", data.now(), 80_000, [
        (1, {}, [data.said("user", data.text(ASKED))], [data.text("Yes.")], {}),
        (2, {}, [data.said("user", data.text("Something else altogether"))], [data.text("**Only** here")], {}),
        (3, {}, [data.said("user", data.text("And this"))], [data.text("{\"not\": \"*prose*\"}")], {}),
    ]))  # fmt: skip
    told.put(support_compare.made("ses_less", "less", "x", data.now(), 90_000, [
        (1, {}, [data.said("user", data.text(ASKED))], [data.text("Yes.")], {}),
    ]))  # fmt: skip
    page = drawn(visit("/ui/compare?a=ses_more&b=ses_less"))
    expect(page.locator("#turn-2 .msg.assistant strong")).to_have_text("Only")
    expect(page.locator("#turn-3 .msg.assistant .text")).to_have_text('{"not": "*prose*"}')


def test_two_calls_are_read_likewise(visit: Open, told: Fake) -> None:
    for id, text in (("ses_train", TRAIN), ("ses_bus", BUS)):
        told.transcripts[id]["calls"][0]["response"] = {
            "choices": [{"message": {"role": "assistant", "content": text}}]
        }
    page = drawn(visit(f"/ui/compare?a=call_{60_000:026d}&b=call_{70_000:026d}"))
    expect(page.locator("#answer ol")).to_have_count(2)
    assert page.locator("#answer del").all_inner_texts() == ["train", "88"]


def test_on_a_phone_one_side_is_read(visit: Open, told: Fake) -> None:
    page = drawn(visit(SIDES + "&view=b", viewport=NARROW, has_touch=True))
    expect(page.locator("#turn-1 .msg.assistant ol li")).to_have_count(2)
    expect(page.locator("#turn-1 .msg.assistant ins").first).to_have_text("bus")
    fits(page, 390)


def test_a_session_beside_itself_shows_its_other_branch(visit: Open, fake: Fake) -> None:
    fake.put(support_compare.branched(data.now()))
    for script in (True, False):
        page = visit(f"/ui/compare?a={BRANCHED}&b={BRANCHED}", java_script_enabled=script)
        assert page.url.endswith(f"?a={BRANCHED}&b={BRANCHED}~{ROOT}")
        expect(page.locator(".shared").first).to_contain_text("1 turn in common")
        expect(page.locator(".msg.user").first).to_contain_text("By plane")
        expect(page.locator(".msg.user").first).to_contain_text("By train")
    page = visit(f"/ui/compare?a={BRANCHED}&b={BRANCHED}~{SECOND}")
    expect(drawn(page).locator(".shared")).to_contain_text("3 turns in common")


def test_a_session_without_branches_beside_itself_is_all_in_common(visit: Open, told: Fake) -> None:
    page = drawn(visit("/ui/compare?a=ses_bus&b=ses_bus"))
    expect(page.locator(".shared")).to_contain_text("3 turns in common")


def test_no_dot_stands_before_the_first_word(visit: Open, fake: Fake) -> None:
    """Of a refused call without a model."""
    row = data.session(1, data.now()) | {"id": "ses_x", "session_id": "ses_x", "title": "", "models": [], "calls": 1,
                                         "turns": 1, "errors": 1}  # fmt: skip
    fake.put({"session": row, "calls": []})
    page = visit("/ui/compare")
    expect(page.locator(".recent li a b")).to_have_text("A call that failed")
    expect(page.locator(".recent li a .soft")).to_have_text(re.compile("^1 turn"))
    page = visit("/ui/compare?a=ses_x")
    expect(page.locator(".end-head .what p").first).to_have_text(re.compile(r"^ses_x · 20"))
