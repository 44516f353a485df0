"""What tools find in the pages: types that do not fit (TypeScript's checker), and what shuts people out (axe-core).

Both come from npm, at the versions that tests/ui/node/package-lock.json names; the pages themselves need no Node.
"""

import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.support.npm import installed
from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.keyboard import walk
from tests.ui.pages import PAGES, Shown

NODE = Path(__file__).parent / "node"
RULES: dict[str, object] = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
COLOURS: dict[str, object] = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
RUN = """async (rules) => {
  const { violations } = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  const why = ({ any, all, none }) => [...any, ...all, ...none].map(({ message }) => message).join("; ");
  const told = (id, node) => `${id}: ${node.html.slice(0, 160)} (${why(node).slice(0, 300)})`;
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => told(id, node)));
}"""


@pytest.fixture(scope="session")
def from_npm() -> Path:
    """The folder where the tools are installed, from its lock file."""
    return installed(NODE) / "node_modules"


@pytest.fixture(scope="session")
def axe(from_npm: Path) -> str:
    return (from_npm / "axe-core" / "axe.min.js").read_text()


def test_types(from_npm: Path) -> None:
    checked = subprocess.run(
        [from_npm / ".bin" / "tsc", "--project", NODE, "--pretty", "false"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_types_are_checked(from_npm: Path, tmp_path: Path) -> None:
    """A mistake is found: the check is one that can fail."""
    (tmp_path / "wrong.js").write_text("/** @param {string} a */\nexport const f = (a) => a.nothing;\nf(1);\n")
    (tmp_path / "tsconfig.json").write_text(f'{{"extends": "{NODE / "tsconfig.json"}", "include": ["*.js"]}}')
    checked = subprocess.run(
        [from_npm / ".bin" / "tsc", "--project", tmp_path, "--pretty", "false"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "TS2339" in checked.stdout
    assert "TS2345" in checked.stdout


def violations(page: Page, axe: str, rules: dict[str, object] = RULES) -> str:
    page.evaluate("document.fonts.ready")
    page.evaluate(f"if (!window.axe) {{ {axe} }}")
    return "\n".join(page.evaluate(RUN, rules))


def shuts_nobody_out(page: Page, axe: str) -> None:
    """Wide and narrow, light and dark; what is not colour is the same in both schemes."""
    for width, scheme, rules in (
        (1440, "light", RULES),
        (390, "light", RULES),
        (390, "dark", COLOURS),
        (1440, "dark", COLOURS),
    ):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        assert violations(page, axe, rules) == "", (width, scheme)


@pytest.mark.parametrize("shown", PAGES, ids=str)
def test_nobody_is_shut_out(visit: Open, fake: Fake, axe: str, shown: Shown) -> None:
    shuts_nobody_out(shown.open(visit, fake, reduced_motion="reduce"), axe)


@pytest.mark.parametrize("shown", PAGES, ids=str)
def test_by_keyboard_alone(visit: Open, fake: Fake, shown: Shown) -> None:
    """Each control that Tab reaches has a name, is in view, and looks as if it had the focus; none holds it."""
    page = shown.open(visit, fake)
    page.evaluate("document.activeElement.blur()")
    stops = walk(page, 40)
    assert stops
    wrong = [stop for stop in stops if stop.held or not (stop.name and stop.seen and stop.marked)]
    assert [stop for stop in wrong if stop.tag != "pre"] == []
