"""The pages' pure parts are tested by Node's own runner, in files beside this one."""

import subprocess
from pathlib import Path


def passes(topic: str) -> None:
    """All tests of `<topic>.test.mjs` do."""
    tests = Path(__file__).parent / f"{topic}.test.mjs"
    done = subprocess.run(["node", "--test", tests], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
