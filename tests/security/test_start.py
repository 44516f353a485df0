"""S9, S12: how a gateway begins, and what it is made of. The first login: tests/integration/test_start, test_audit."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sessionary.errors import SettingsError
from sessionary.server import master_key
from sessionary.settings import Settings
from sessionary.settings.load import load

ROOT = Path(__file__).parents[2]


def test_it_is_for_this_machine() -> None:
    """S9: nobody else reaches it, unless somebody says so."""
    assert Settings().host == "127.0.0.1"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "llm.example"])
def test_where_others_reach_it_a_guess_is_no_key(host: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """S9: a master key that is in every tutorial is no authentication."""
    for key in ("sk-1234", "secret", "x" * 15):
        with pytest.raises(SettingsError, match="can be guessed") as refused:
            master_key(Settings(host=host, master_key=key, data_dir=tmp_path))
        assert key not in str(refused.value)
        for local in ("127.0.0.1", "::1", "localhost", "127.1.2.3"):
            caplog.clear()
            assert master_key(Settings(host=local, master_key=key, data_dir=tmp_path)) == (key, False)
            assert "give it 16 characters or more" in caplog.text
            assert key not in caplog.text
    caplog.clear()
    for anywhere in (host, "127.0.0.1"):
        assert master_key(Settings(host=anywhere, master_key="x" * 16, data_dir=tmp_path)) == ("x" * 16, False)
    assert not caplog.text
    made, new = master_key(Settings(host=host, data_dir=tmp_path))
    assert new
    assert len(made) > 40
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("environ", "config"),
    [
        ({"SESSIONARY_MASTER_KEY": ""}, ""),
        ({"SESSIONARY_MASTER_KEY": "  "}, ""),
        ({"SESSIONARY_DATABASE": ""}, ""),
        ({}, "master_key: ''"),
        ({}, "models: [{name: a, model: openai/a, api_key: ''}]"),
        ({"K": ""}, "models: [{name: a, model: openai/a, api_key: os.environ/K}]"),
        ({}, "models: [{name: a, model: openai/a, api_key: os.environ/NOT_SET}]"),
    ],
)
def test_an_empty_secret_is_an_error(environ: dict[str, str], config: str, tmp_path: Path) -> None:
    """S9: it is said at the start, and never taken for no secret."""
    file = tmp_path / "config.yaml"
    file.write_text(config or "retries: 1")
    with pytest.raises(SettingsError, match=r"empty|not set"):
        load(file, environ)


def test_an_empty_key_file_is_an_error(tmp_path: Path) -> None:
    """S9."""
    (tmp_path / "master.key").write_text("\n")
    with pytest.raises(SettingsError, match="is empty"):
        master_key(Settings(data_dir=tmp_path))


def test_dependencies_are_few_and_locked() -> None:
    """S12: every package that can be installed has a hash in the lock; none comes from an address of its own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert len(project["dependencies"]) <= 25, project["dependencies"]
    assert not [name for name in project["dependencies"] if "@" in name]
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    locked = [p for p in packages if "registry" in p["source"]]
    assert {p["name"] for p in packages if p not in locked} == {"sessionary"}
    for package in locked:
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        assert files, package["name"]
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", file["hash"]) for file in files), package["name"]


def test_the_tree_runs_nothing_by_being_there() -> None:
    """S12: no `.pth`, no code outside of the packages, nothing that is not text or a picture."""
    asked = ["git", "ls-files", "-z", "src"]
    names = subprocess.run(asked, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")[:-1]
    kinds = {Path(name).suffix for name in names}
    assert kinds <= {".py", ".html", ".css", ".js", ".svg", ".typed", ".mako", ".json", ""}, kinds
    assert not [name for name in names if Path(name).name in ("sitecustomize.py", "usercustomize.py")]
    assert sys.version_info >= (3, 11)
