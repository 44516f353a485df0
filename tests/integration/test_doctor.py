"""`sessionary doctor`: what it finds in good and in broken installations, and that it neither tells nor changes."""

import contextlib
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa

from sessionary.doctor.examine import examine
from sessionary.doctor.finding import Finding
from sessionary.doctor.kept import clock
from sessionary.spool.writer import Writer
from sessionary.store.migrate import upgrade
from tests.support.server import free_port, running_server
from tests.support.upstream import FakeUpstream, Reply

KEY = "sk-master-canary-0123456789abcdefghij"


class Installation:
    """A folder, a file and variables, before any server."""

    def __init__(self, tmp_path: Path) -> None:
        self.data = tmp_path / "data"
        self.config = tmp_path / "config.yaml"
        self.environ: dict[str, str] = {"OPENAI_API_KEY": "sk-canary-openai"}
        self.given: dict[str, object] = {"data_dir": self.data, "port": free_port()}

    def made(self) -> "Installation":
        """With all that a first start makes."""
        self.data.mkdir(mode=0o700)
        (self.data / "spool").mkdir(mode=0o700)
        (self.data / "master.key").write_text(KEY + "\n")
        (self.data / "master.key").chmod(0o600)
        upgrade(f"sqlite:///{self.data / 'sessionary.db'}")
        return self

    def findings(self, text: str | None = None, *, online: bool = False) -> list[Finding]:
        if text is not None:
            self.config.write_text(text)
        found = list(examine(self.config if text else None, self.environ, self.given, online=online))
        assert "canary" not in str(found)
        return found


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def wrong(found: list[Finding]) -> dict[str, str]:
    """What is not well, but for this machine's own limits: the check, and its level and text."""
    own = ("open files", "disk")
    assert all(f.do for f in found if f.level != "ok")
    return {f.check: f"{f.level}: {f.said}" for f in found if f.level != "ok" and f.check not in own}


def test_where_nothing_is_yet_nothing_is_wrong_and_nothing_is_made(installation: Installation) -> None:
    found = installation.findings()
    assert wrong(found) == {}
    assert {"configuration", "models", "master key", "folder", "disk", "database", "spool", "address"} <= {
        f.check for f in found
    }
    assert not installation.data.exists()


def test_a_sound_installation(installation: Installation) -> None:
    before = sorted(installation.made().data.rglob("*"))
    found = installation.findings()
    assert wrong(found) == {}
    assert any(f.check == "keys" and f.said.startswith("0 valid") for f in found)
    assert sorted(installation.data.rglob("*")) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot: 4000\n", "prot"),
        ("models: [\n", "config.yaml"),
        ("port: many\n", "port"),
        ("models:\n  - {name: a, model: nobody/x}\n", "there is no provider 'nobody'"),
        ("models:\n  - {name: a, model: openai/gpt-4o, fallbacks: [b]}\n", "fallback"),
        ("models:\n  - {name: a, model: openai/gpt-4o, base_url: 'ftp://u:canary@x'}\n", "http or https"),
        ('redact:\n  - {name: a, pattern: "("}\n', "a"),
    ],
)
def test_a_configuration_that_cannot_be_used(installation: Installation, text: str, said: str) -> None:
    found = [f for f in installation.findings(text) if f.level == "fail"]
    assert [f.check for f in found] in (["configuration"], ["models"])
    assert said in found[0].said
    assert ("ok", found[0].check) not in [(f.level, f.check) for f in installation.findings(text)]


def test_what_is_configured_in_vain(installation: Installation) -> None:
    installation.environ = {"SESSIONARY_WROKERS": "4", "SESSIONARY_BASE_URL": "http://x", "SESSIONARY_PORT": "1"}
    found = installation.findings("models:\n  - {name: a, model: anthropic/claude-x}\n")
    assert "SESSIONARY_WROKERS" in wrong(found)["variables"]
    assert any("SESSIONARY_WORKERS" in f.do for f in found)
    assert "anthropic/claude-x is left out" in wrong(found)["models"]
    installation.environ = {}
    assert "made up" in wrong(installation.findings())["models"]


def test_traces(installation: Installation) -> None:
    assert "traces" not in {f.check for f in installation.findings()}
    found = [f for f in installation.findings("traces: https://user:secret@collector/\n") if f.check == "traces"]
    assert [(f.level, f.said) for f in found] == [("ok", "a span of each call goes to collector")]
    installation.environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }
    assert "no spans are sent" in wrong(installation.findings())["traces"]


def test_master_keys(installation: Installation) -> None:
    path = installation.made().data / "master.key"
    path.chmod(0o644)
    assert wrong(installation.findings())["master key"].startswith("warn: others on this machine can read")
    path.chmod(0o600)
    path.write_text("canary\n")
    assert wrong(installation.findings())["master key"].startswith("warn: is short")
    path.write_text("canary-of-16-let\n")
    assert "master key" not in wrong(installation.findings()), "what the start takes without a word"
    path.write_text("canary\n")
    installation.given["host"] = "0.0.0.0"
    found = wrong(installation.findings())
    assert found["master key"].startswith("fail: can be guessed")
    assert found["address"].startswith("warn: others reach 0.0.0.0")
    path.write_text("\n")
    assert "is empty" in wrong(installation.findings())["master key"]
    path.write_bytes(b"\xff\xfe")
    assert "cannot be read" in wrong(installation.findings())["master key"]


def test_folders(installation: Installation) -> None:
    installation.made().data.chmod(0o755)
    assert "look into" in wrong(installation.findings())["folder"]
    shutil.rmtree(installation.data)
    installation.data.write_text("")
    assert "is no folder" in wrong(installation.findings())["folder"]


def test_databases(installation: Installation) -> None:
    path = installation.made().data / "sessionary.db"

    def said() -> str:
        return wrong(installation.findings()).get("database", "")

    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert said().startswith("fail: was made by a newer Sessionary")
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
    assert said() == "warn: has schema 0003"
    path.write_bytes(b"no database" * 1000)
    assert said().startswith("fail: ")
    path.unlink()
    upgrade(f"sqlite:///{path}")
    whole = bytearray(path.read_bytes())
    for at in range(8192, len(whole), 4096):
        whole[at : at + 64] = b"\xff" * 64
    path.write_bytes(whole)
    assert "damaged" in said()
    installation.given["database"] = f"postgresql://u:canary@127.0.0.1:{free_port()}/calls"
    assert said().startswith("fail: PostgreSQL, calls on 127.0.0.1: cannot be reached")
    installation.given["database"] = "mysql://u:canary@x/calls"
    assert said().startswith("fail: ")
    installation.given["database"] = "canary"
    assert said() == "fail: its address is not valid"


def test_a_database_of_either_kind(installation: Installation, engine: sa.Engine) -> None:
    installation.given["database"] = engine.url.render_as_string(hide_password=False)
    found = installation.findings()
    assert wrong(found) == {}
    assert [f for f in found if f.check == "database" and ("sound" in f.said or "version" in f.said)]


def test_clocks() -> None:
    assert clock(None, 1_800_000_000).level == "ok"
    assert clock(1_800_000_030_000_000, 1_800_000_000).level == "ok"
    assert clock(1_800_003_600_000_000, 1_800_000_000).said == "the newest call is 3600 s ahead of it"


def test_the_spool(installation: Installation) -> None:
    installation.made()
    writer = Writer(installation.data / "spool")
    writer.append(b"a record")
    assert wrong(installation.findings()) == {}
    writer.append(b"another")
    writer.close()
    assert "2 records, of 1 processes that ended" in wrong(installation.findings())["spool"]
    (segment,) = installation.data.glob("spool/*/*.seg")
    data = bytearray(segment.read_bytes())
    data[-30] ^= 0xFF
    segment.write_bytes(data)
    assert any("places are damaged" in f.said for f in installation.findings())


def test_an_address_that_is_taken(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        installation.given["port"] = other.getsockname()[1]
        other.settimeout(0)
        assert wrong(installation.findings())["address"].startswith("fail: cannot listen on 127.0.0.1")


def test_providers_are_asked_where_that_is_wanted(installation: Installation) -> None:
    with FakeUpstream() as upstream:
        options = f"provider: openai-compatible, model: m, api_key: sk-canary, base_url: '{upstream.base_url}'"
        text = f"models:\n  - {{name: a, {options}}}\n"
        installation.environ = {}
        assert wrong(installation.findings(text)) == {}
        assert upstream.requests == []
        assert wrong(installation.findings(text, online=True)) == {}
        (asked,) = upstream.requests
        assert (asked.method, asked.path) == ("GET", "/v1/models")
        assert asked.headers["authorization"] == "Bearer sk-canary"
        upstream.script(Reply(b"{}", 401))
        assert "refuses the key (401)" in wrong(installation.findings(text, online=True))["providers"]
        upstream.script(Reply(b"", 302, {"location": upstream.base_url + "/elsewhere"}))
        assert "answers 302" in wrong(installation.findings(text, online=True))["providers"]
        assert len(upstream.requests) == 3
    gone = text.replace(str(upstream.port), str(free_port()))
    assert "cannot be reached" in wrong(installation.findings(gone, online=True))["providers"]


def command(data: Path, environ: Mapping[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "sessionary", "doctor", "--data-dir", str(data), *args]
    return subprocess.run(line, env=dict(environ), capture_output=True, text=True, timeout=60, check=False)


def test_the_command_beside_a_server(tmp_path: Path) -> None:
    with running_server(tmp_path, env={"OPENAI_API_KEY": "sk-canary"}) as server:
        done = command(server.data_dir, server.env, "--port", str(server.port), "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        found = json.loads(done.stdout)
        assert {"check", "level", "said", "do"} == found[0].keys()
        assert f"a Sessionary answers at 127.0.0.1:{server.port}" in [f["said"] for f in found]
        assert "fail" not in [f["level"] for f in found]
        shown = command(server.data_dir, server.env, "--port", str(server.port))
        assert "ok   database" in shown.stdout
        for secret in (server.key, "sk-canary"):
            assert secret not in done.stdout + shown.stdout + done.stderr
    (server.data_dir / "sessionary.db").write_bytes(b"no database" * 1000)
    broken = command(server.data_dir, server.env)
    assert broken.returncode == 1
    assert "fail database" in broken.stdout
