"""Every page, in one place: what must hold for all of them is tested over `PAGES`, so a new page joins by one line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from playwright.sync_api import Page, expect

from tests.ui import data, support_audit, support_compare, support_content, support_health
from tests.ui.conftest import Open
from tests.ui.corpus import SHORT, batches
from tests.ui.fake import Fake
from tests.ui.support_chat import agent_session


def nothing(fake: Fake) -> None:
    pass


def ordinary(fake: Fake) -> None:
    """An agent's session, some others, and how calls found theirs."""
    fake.put(agent_session(data.now()))
    fake.fill(40)
    fake.rates = support_health.ordinary()


def compared(fake: Fake) -> None:
    for transcript in support_compare.pair(data.now()):
        fake.put(transcript)


def audited(fake: Fake) -> None:
    """Who did what: every kind of entry, and long ones."""
    fake.audited = support_audit.ordinary()


def contents(fake: Fake) -> None:
    """One of each kind of content."""
    fake.put(support_content.content_session(data.now()))


@dataclass(frozen=True)
class Shown:
    """One page in one state."""

    name: str
    path: str
    fill: Callable[[Fake], None] = ordinary
    ready: str = "main"
    """What is there as soon as the page's script has drawn it."""
    cookie: str | None = "cookie"

    def __str__(self) -> str:
        return self.name

    def open(self, visit: Open, fake: Fake, **options: Any) -> Page:
        """The page on its data, drawn; `options` as for `visit`."""
        self.fill(fake)
        page = visit(self.path, cookie=self.cookie, **options)
        if options.get("java_script_enabled", True):
            expect(page.locator(self.ready).first).to_be_visible()
        return page


CALL = "#call_00000000000000000000001003"
COUNTED = "#plot figcaption b"
PAGES = [
    Shown("sessions", "/ui/", ready=COUNTED),
    Shown("sessions-filtered", "/ui/?filter=status:ok,errors&cols=cost,tags,errors", ready=COUNTED),
    Shown("sessions-none", "/ui/?filter=model:nothing status:ok", ready=".chip"),
    Shown("sessions-mistake", "/ui/?filter=modle:x", ready=".paint .wrong"),
    Shown("sessions-empty", "/ui/", nothing),
    Shown("calls", "/ui/calls", ready=COUNTED),
    Shown("session", f"/ui/sessions/ses_agent{CALL}", ready="#share"),
    Shown("session-why", f"/ui/sessions/ses_agent?tab=why{CALL}", ready="#share"),
    Shown("session-content", f"{support_content.HERE}#call_{7001:026d}", contents, "audio"),
    Shown("session-tools", f"{support_content.HERE}#call_{7006:026d}", contents, ".given .code"),
    Shown("compare", "/ui/compare?a=ses_left&b=ses_right", compared, "#compare.ready .msg"),
    Shown("compare-calls", f"/ui/compare?a=call_{20_003:026d}&b=call_{30_003:026d}", compared, "#compare.ready .msg"),
    Shown("compare-choose", "/ui/compare?a=ses_left", compared),
    Shown("health", "/ui/health"),
    Shown("health-empty", "/ui/health", nothing),
    Shown("audit", "/ui/audit", audited, ".entries"),
    Shown("audit-narrowed", "/ui/audit?action=key.change&actor=nobody", audited, ".nothing"),
    Shown("audit-empty", "/ui/audit", nothing),
    Shown("login", "/ui/login", nothing, cookie=None),
    Shown("trouble", "/ui/sessions/none", nothing),
]


def hostile(fake: Fake) -> None:
    """The corpus in every field of what lists and pages show."""
    fake.put(data.hostile_session(data.now(), SHORT[:20]))
    fields = ("title", "session_id", "model", "client", "key", "user", "tag", "source", "project")
    for number, batch in enumerate(batches(SHORT, len(fields))):
        given = dict(zip(fields, batch, strict=False))
        several = {f"{name}s": [given.pop(name, "")] for name in ("model", "client", "key", "user", "tag")}
        row = data.session(300 + number, data.now(), **given, **several)
        fake.sessions[row["id"]] = row
    fake.rates = support_health.hostile()
    fake.audited = support_audit.hostile()


ADDRESS = urlencode(dict(zip(("q", "model", "filter", "sort", "cursor"), SHORT, strict=False)))
HOSTILE_PAGES = [
    Shown("sessions", "/ui/", hostile, COUNTED),
    Shown("calls", "/ui/calls", hostile, COUNTED),
    Shown("session", "/ui/sessions/ses_hostile", hostile, "article.call"),
    Shown("session-why", "/ui/sessions/ses_hostile?tab=why", hostile, "article.call"),
    Shown("compare", "/ui/compare?a=ses_hostile&b=ses_hostile", hostile, "#compare.ready .match"),
    Shown("compare-address", f"/ui/compare?{urlencode({'a': SHORT[0], 'b': SHORT[1]})}", hostile),
    Shown("health", "/ui/health", hostile),
    Shown("audit", f"/ui/audit?{urlencode({'project': SHORT[0]})}", hostile, ".entries"),
    Shown("address", f"/ui/?{ADDRESS}", hostile),
    Shown("trouble", f"/ui/sessions/{quote(SHORT[0], safe='')}?{ADDRESS}#{quote(SHORT[2])}", nothing, ".card"),
]
"""The same with hostile data, and hostile addresses."""
