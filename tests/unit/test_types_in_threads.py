"""Types that several threads read at once are worked out before: else msgspec ends the process, now and then."""

import subprocess
import sys

import pytest

_PROGRAM = """
import sys, threading, msgspec
from sessionary.settings.tree import Limits
from sessionary.store import pack, tree
sys.setswitchinterval(1e-7)
packed = pack.pack(msgspec.msgpack.encode(tree.Recipe(shell=b"{}")))
together = threading.Barrier(8)

def read():
    together.wait()
    for _ in range(50):
        {what}

threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.mark.parametrize(
    "what",
    ["msgspec.convert({'concurrent': 2, 'budget': 5.0, 'budget_period': 'total'}, Limits)", "tree.recipe(packed)"],
)
def test_it_is_read_by_many_at_once(what: str) -> None:
    program = _PROGRAM.replace("{what}", what)
    for _ in range(8):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
