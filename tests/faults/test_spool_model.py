"""Writers, a reader and a cursor against plain lists, through crashes, faults and restarts (F1 to F5, F18, P1, P3)."""

import errno
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sessionary.spool.frame import Damage, Frame
from sessionary.spool.reader import Cursor, Reader
from sessionary.spool.writer import Writer
from tests.support.faulty import Faulty, Killed

CODES = st.sampled_from([errno.ENOSPC, errno.EIO])


@dataclass
class Modelled:
    """A writer, and what it was given: each record once, by number."""

    writer: Writer
    files: Faulty
    taken: list[bytes] = field(default_factory=list)
    torn: bytes | None = None
    """Being written when it was killed: whole or not at all."""
    maimed: bool = False
    """A half-written record could not be truncated off, or was cut off by a kill."""
    alive: bool = True


class Spool(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="spool"))
        self.reader = Reader(self.root)
        self.writers: dict[str, Modelled] = {}
        self.stored: dict[str, list[bytes]] = {}
        self.damage: dict[str, int] = {}
        self.cursors: dict[str, Cursor] = {}
        self.number = 0
        self.start()

    def teardown(self) -> None:
        """Everything that was taken comes out in the end, and the folders of the dead go."""
        for one in self.writers.values():
            one.files.die()
            one.alive = False
        for name, one in self.writers.items():
            while self.read(name, 50):
                pass
            assert self.stored[name] in (one.taken, [*one.taken, one.torn])
            assert self.damage[name] == 0 or one.maimed
            if name in self.reader.writers():
                self.reader.retire(name)
                self.reader.remove(name)
        assert list(self.root.iterdir()) == []
        shutil.rmtree(self.root)

    @rule()
    def start(self) -> None:
        if sum(one.alive for one in self.writers.values()) < 3:
            files = Faulty()
            writer = Writer(self.root, files=files, max_segment=120, fsync_interval=1e6)
            self.writers[writer.name] = Modelled(writer, files)
            self.stored[writer.name], self.damage[writer.name] = [], 0

    def living(self, which: int) -> Modelled:
        found = [one for one in self.writers.values() if one.alive]
        return found[which % len(found)]

    def record(self, size: int) -> bytes:
        self.number += 1
        return f"{self.number}:".encode() + b"x" * size

    some_live = precondition(lambda self: any(one.alive for one in self.writers.values()))

    @some_live
    @rule(which=st.integers(0, 9), size=st.integers(0, 150))
    def append(self, which: int, size: int) -> None:
        one, record = self.living(which), self.record(size)
        one.writer.append(record)
        one.taken.append(record)

    @some_live
    @rule(which=st.integers(0, 9), size=st.integers(0, 150), code=CODES, half=st.booleans(), stuck=st.booleans())
    def refuse(self, which: int, size: int, code: int, half: bool, stuck: bool) -> None:
        """The disk takes none or half of a record; `stuck`: nor does it let what there is be truncated off."""
        one, record = self.living(which), self.record(size)
        count = 0

        def fails(name: str) -> int:
            nonlocal count
            count += name == "write"
            return code if name in ("create", "rename") or (name == "truncate" and stuck) or (name == "write") else 0

        if half and not one.writer.empty and one.writer._size < 120 and not one.writer._sealed:
            one.files._at, one.files._fault, one.files._only, one.files.calls = 1, ("half", code), "write", 0
            one.files.fails = lambda name: code if name == "truncate" and stuck else 0
            one.maimed |= stuck
        else:
            one.files.fails = fails
        try:
            one.writer.append(record)
        except OSError:
            pass
        else:
            raise AssertionError("it was taken")
        one.files.fails, one.files._at = lambda name: 0, 0

    @some_live
    @rule(which=st.integers(0, 9), size=st.integers(0, 150), half=st.booleans())
    def kill(self, which: int, size: int, half: bool) -> None:
        """While a record is being written."""
        one, record = self.living(which), self.record(size)
        one.files._at, one.files._fault, one.files._only, one.files.calls = (
            1, "half, then kill" if half else "kill", "write", 0,
        )  # fmt: skip
        try:
            one.writer.append(record)
        except Killed:
            one.files.die()
        one.alive, one.torn, one.maimed = False, record, True

    @some_live
    @rule(which=st.integers(0, 9))
    def end(self, which: int) -> None:
        one = self.living(which)
        one.writer.close()
        one.alive = False

    @some_live
    @rule(which=st.integers(0, 9))
    def rotate(self, which: int) -> None:
        self.living(which).writer.rotate()

    @some_live
    @rule(which=st.integers(0, 9), fails=st.booleans())
    def sync(self, which: int, fails: bool) -> None:
        one = self.living(which)
        one.files.fails = lambda name: errno.EIO if name == "sync" and fails else 0
        one.writer.sync()
        one.files.fails = lambda name: 0

    @rule(which=st.integers(0, 9), limit=st.integers(1, 400))
    def drain(self, which: int, limit: int) -> None:
        """A round: read, stored with its cursor, discarded."""
        name = sorted(self.writers)[which % len(self.writers)]
        self.read(name, limit)

    @rule()
    def restart(self) -> None:
        """Another drain has nothing but what was committed; here that is the cursors."""
        self.reader = Reader(self.root)

    def read(self, name: str, limit: int) -> bool:
        before = self.cursors.get(name, Cursor())
        chunk = self.reader.read(name, before, alive=self.reader.alive(name), limit=limit)
        self.stored[name] += [i.payload for _, i in chunk.items if isinstance(i, Frame)]
        self.damage[name] += sum(isinstance(i, Damage) for _, i in chunk.items)
        self.cursors[name] = chunk.cursor
        self.reader.discard(name, chunk.cursor.segment)
        return chunk.cursor != before or chunk.more

    @invariant()
    def what_was_read_was_taken_in_order(self) -> None:
        for name, one in self.writers.items():
            taken = one.taken if one.torn is None else [*one.taken, one.torn]
            assert self.stored[name] == taken[: len(self.stored[name])]
            assert self.reader.alive(name) == one.alive


Spool.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestSpool = Spool.TestCase
