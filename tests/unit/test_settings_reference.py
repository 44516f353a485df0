"""The tables in docs/ say what the code says: scripts/settings_reference.py."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from sessionary.settings.document import read
from sessionary.settings.load import load
from sessionary.settings.tree import Deployment, Limits, Model, Price, Settings

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "settings_reference.py"))


FILES = ["reference/configuration.md", "reference/permissions.md", "how-to/limits.md", "how-to/providers.md"]


@pytest.mark.parametrize("name", FILES)
def test_tables_are_current(script: dict[str, Any], name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    assert script["current"](text) == text, "run: python scripts/settings_reference.py"


@pytest.mark.parametrize("struct", [Settings, Model, Deployment, Price, Limits])
def test_every_field_is_documented(script: dict[str, Any], struct: type[Settings]) -> None:
    assert [name for name, _, _ in script["documented"](struct.__name__)] == list(struct.__struct_fields__)


def test_the_example_works(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    file = tmp_path / "config.yaml"
    file.write_text(text.partition("```yaml\n")[2].partition("```")[0])
    environ = {"DATABASE_URL": "postgresql://db/x", "AZURE_EU_KEY": "k"}
    assert [m.name for m in load(file, environ).models] == ["fast", "local", "openai/*"]
    assert read(file, environ).fields().keys() == {"database", "retries", "models"}
