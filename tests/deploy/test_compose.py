"""deploy/compose.yaml, as Docker Compose reads it, against what the gateway knows."""

import json
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sessionary.doctor import configured
from sessionary.settings.load import load

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
GIVEN = {"POSTGRES_PASSWORD": "abc", "SESSIONARY_MASTER_KEY": "0123456789abcdef"}
Services = dict[str, dict[str, Any]]


def compose(folder: Path, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`docker compose config` in a copy of the folder, with its example of an environment filled in."""
    shutil.copy(DEPLOY / "compose.yaml", folder)
    example = (DEPLOY / "env.example").read_text()
    for name, value in given.items():
        assert f"\n{name}=\n" in example
        example = example.replace(f"\n{name}=\n", f"\n{name}={value}\n")
    (folder / ".env").write_text(example)
    spec = find_spec("compose")
    assert spec is not None
    assert spec.origin is not None
    line = [str(Path(spec.origin).parent / "docker-compose"), "config", "--format", "json"]
    return subprocess.run(line, cwd=folder, env={"HOME": str(folder)}, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    done = compose(tmp_path_factory.mktemp("deploy"), GIVEN)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    found: Services = json.loads(done.stdout)["services"]
    return found


def test_a_password_that_is_missing_is_named(tmp_path: Path) -> None:
    done = compose(tmp_path, {})
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD" in done.stderr


def test_the_gateway_knows_every_variable(services: Services) -> None:
    environment = services["gateway"]["environment"]
    assert list(configured.variables(environment)) == []
    settings = load(None, environment)
    assert settings.database == "postgresql://sessionary:abc@database/sessionary"
    assert settings.master_key == GIVEN["SESSIONARY_MASTER_KEY"]


def test_it_stops_after_grace(services: Services) -> None:
    settings = load(None, services["gateway"]["environment"])
    assert services["gateway"]["stop_grace_period"] == f"{settings.grace + 20:.0f}s"


@pytest.mark.parametrize("name", ["gateway", "database"])
def test_nothing_may_do_more_than_it_must(services: Services, name: str) -> None:
    service = services[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [each["type"] for each in service["volumes"]] == ["volume"]


def test_only_this_machine_reaches_it(services: Services) -> None:
    assert [(port["host_ip"], port["target"]) for port in services["gateway"]["ports"]] == [("127.0.0.1", 4000)]
    assert "ports" not in services["database"]


def test_the_gateway_waits_for_the_database(services: Services) -> None:
    assert services["gateway"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert "healthcheck" in services["database"]
