"""A session of /responses and /messages calls: everything that a chat session does not have."""

from playwright.sync_api import Locator, Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.support_formats import FIRST, NAME, formats_session


def opened(visit: Open, fake: Fake, number: int = 0, **options: object) -> Page:
    fake.put(formats_session(data.now()))
    options = {"viewport": {"width": 1440, "height": 5000}, **options}  # so that all of it is in the document
    page = visit(f"/ui/sessions/{NAME}#call_{FIRST + number:026d}", **options)
    expect(page.locator("#share")).to_be_visible()
    return page


def article(page: Page, number: int) -> Locator:
    return page.locator(f"#call_{FIRST + number:026d}")


def tool(page: Page, number: int, name: str) -> Locator:
    return article(page, number).locator(".tool").filter(has=page.locator("h4", has_text=name)).first


def test_instructions_and_their_absence(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    expect(article(page, 0).locator("summary", has_text="system prompt · 37 characters")).to_be_visible()
    expect(article(page, 1).locator("summary", has_text="system prompt")).to_have_count(0)
    expect(article(page, 2)).to_contain_text("no system prompt in this call")


def test_what_a_chain_recalls_is_not_called_resent(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, 1)
    expect(article(page, 1).locator(".resent")).to_contain_text("14 earlier messages recalled by the gateway")
    expect(article(page, 1).locator(".resent")).not_to_contain_text("resent")
    expect(article(page, 3).locator(".resent")).to_contain_text("18 earlier messages resent")


def test_the_format_is_told_where_it_changes(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    expect(article(page, 0).locator(".sep")).to_contain_text("/responses")
    expect(article(page, 1).locator(".sep")).not_to_contain_text("/responses")
    expect(article(page, 3).locator(".sep")).to_contain_text("/messages")
    expect(page.locator("#head .tag.response")).to_be_visible()


def test_a_fork_leads_to_where_it_began(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, 3)
    expect(article(page, 2).get_by_role("button", name="branch of")).to_have_count(0)
    article(page, 3).get_by_role("button", name="branch of turn 1").click()
    expect(page).to_have_url(f"{fake.base_url}/ui/sessions/{NAME}#call_{FIRST + 1:026d}")
    expect(article(page, 1)).to_be_in_viewport()


def test_a_providers_own_tools_are_shown_as_what_they_are(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    search = tool(page, 0, "web_search")
    expect(search.locator(".tag")).to_have_text("built-in")
    expect(search.locator("q")).to_have_text("release date")
    expect(search.locator("a")).to_have_attribute("href", "https://example.org/3")
    expect(tool(page, 0, "file_search").locator(".result")).to_contain_text("schedule.md 0.91")
    expect(tool(page, 0, "code_interpreter").locator(".given pre")).to_have_text("print(365)")
    expect(tool(page, 0, "mcp_list_tools").locator(".hit")).to_have_count(2)
    expect(tool(page, 0, "ask").locator(".result.failed p")).to_have_text("No such page")
    expect(tool(page, 0, "erase")).to_contain_text("asks for approval")
    expect(tool(page, 0, "erase").locator(".given")).to_contain_text("Home")
    expect(tool(page, 0, "computer").locator(".given")).to_have_text("click button left, x 12, y 34")
    expect(tool(page, 0, "computer").locator("img.picture")).to_be_visible()
    expect(tool(page, 0, "apply_patch").locator(".tag")).to_have_text("takes text")
    expect(tool(page, 0, "shell").locator(".given")).to_contain_text("$ whoami")
    expect(tool(page, 0, "shell").locator(".result")).to_contain_text("exit code 127")
    expect(tool(page, 0, "telepathy").locator(".tree")).to_contain_text("thought")
    expect(article(page, 1)).to_contain_text("approved a tool call")
    expect(article(page, 1).locator(".resent")).to_contain_text("3 tool results, shown above")


def test_what_a_server_tool_found_is_a_list_of_links(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, 3)
    hits = tool(page, 3, "web_search").locator(".hit")
    expect(hits).to_have_count(2)
    expect(hits.first).to_have_text("Release · en.example.org · May")
    expect(hits.first.locator("a")).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(article(page, 3)).not_to_contain_text("Eq9x")
    expect(article(page, 3).locator(".result .bad")).to_have_text("max_uses_exceeded")


def test_reasoning_is_folded_and_what_is_hidden_says_so(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    fold = article(page, 0).locator("details.reasoning")
    expect(fold).to_have_text("reasoning · 5 words")
    fold.locator("summary").click()
    expect(fold.locator("strong")).to_have_text("look it up")
    expect(article(page, 1)).to_contain_text("reasoning, not shown by the provider")


def test_a_harness_does_not_drown_what_was_asked(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    note = article(page, 0).locator("details", has_text="system reminder · 3 words")
    expect(note).not_to_contain_text("Monday")
    note.locator("summary").click()
    expect(note).to_contain_text("Today is Monday.")
    expect(page.locator("button.stop .said").first).to_have_text("1 When did it come out?")


def test_a_text_file_can_be_read(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    expect(article(page, 0).locator(".attached")).to_contain_text("file notes.txt · text/plain · 28 B sha256 ")
    article(page, 0).locator("summary", has_text="text · 4 words").click()
    expect(article(page, 0).locator(".msg.user")).to_contain_text("Octopuses have three hearts.")


def test_how_an_answer_ended(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, 2)
    expect(article(page, 2).locator(".flag")).to_have_text("stopped: max output tokens")
    expect(article(page, 1).locator(".flag")).to_have_count(0)
    expect(article(page, 4).locator(".msg.failed")).to_contain_text("It broke.")


def test_items_of_the_model_are_one_message(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, 4)
    expect(article(page, 4).locator(".msg.assistant")).to_have_count(1)
    expect(tool(page, 4, "look").locator(".result .plain")).to_have_text("found")
    expect(article(page, 4).locator("summary", has_text="system message · 793 characters")).to_be_visible()
    expect(article(page, 4)).to_contain_text("the item msg_7, named by its id")


def test_without_script(visit: Open, fake: Fake) -> None:
    fake.put(formats_session(data.now()))
    page = visit(f"/ui/sessions/{NAME}", java_script_enabled=False)
    expect(page.locator(".tool.own").first).to_contain_text("web_search")
    expect(page.get_by_text("14 earlier messages recalled by the gateway")).to_be_visible()
    expect(page.get_by_text("reasoning, not shown by the provider").first).to_be_visible()
    expect(page.locator(".stop .said").first).to_have_text("1 When did it come out?")
    expect(article(page, 4).locator(".msg.assistant")).to_have_count(1)


def test_nothing_is_wider_than_a_phone(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, viewport={"width": 390, "height": 7000})
    for number in range(5):
        width = article(page, number).evaluate("e => e.scrollWidth")
        assert width <= 390, (number, width)
