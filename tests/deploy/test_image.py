"""deploy/Dockerfile, as far as it can be read. scripts/check_image.py runs its steps, and what they make."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = ROOT / "deploy" / "Dockerfile"


def instructions(name: str) -> list[str]:
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    return [line.removeprefix(f"{name} ").strip() for line in text.splitlines() if line.startswith(f"{name} ")]


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_runs_as_a_number_that_is_not_roots() -> None:
    (user,) = instructions("USER")
    uid, gid = map(int, user.split(":"))
    assert uid >= 1000
    assert gid >= 1000


def test_the_last_stage_installs_nothing() -> None:
    last = DOCKERFILE.read_text().rpartition("\nFROM ")[2]
    assert not re.search(r"^RUN .*\b(pip|uv|apt-get)\b", last, re.MULTILINE)


def test_all_that_is_copied_is_sent_to_the_builder_and_nothing_else() -> None:
    sent = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().split()
    copied = [name for line in instructions("COPY") if "--from" not in line for name in line.split()[:-1]]
    assert {line[1:] for line in sent if line.startswith("!")} == set(copied)
    assert "*" in sent
    assert all((ROOT / name).exists() for name in copied)


def test_what_it_installs_is_locked() -> None:
    syncs = [line for line in instructions("RUN") if "uv sync" in line]
    assert syncs
    assert all("--frozen" in line for line in syncs)
