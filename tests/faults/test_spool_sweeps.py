"""Every single operation on the spool's files fails once, or is where the process is killed (F2, F4, F5, P1, P3)."""

import errno
import itertools
from pathlib import Path

import pytest

from sessionary.spool.frame import Damage, Frame
from sessionary.spool.reader import Cursor, Reader
from sessionary.spool.writer import Writer
from tests.support.faulty import Fault, Faulty, Killed

FAULTS: list[Fault] = [errno.ENOSPC, errno.EIO, ("half", errno.ENOSPC), ("half", errno.EIO), "kill", "half, then kill"]
RECORDS = [bytes([65 + n]) * (30 + 10 * n) for n in range(12)]


class Run:
    """A worker's life: records over several segments, made durable now and then, and an orderly end."""

    def __init__(self, root: Path, files: Faulty) -> None:
        self.taken: list[bytes] = []
        self.refused: list[bytes] = []
        self.doubtful: list[bytes] = []
        """Being written when the process was killed."""
        self.born = False
        self.writer: Writer | None = None
        try:
            # An interval that never passes: only the test syncs.
            self.writer = Writer(root, files=files, max_segment=150, fsync_interval=1e6)
            self.born = True
            for n, record in enumerate(RECORDS):
                self.doubtful = [record]
                self._append(record)
                self.doubtful = []
                if n % 3 == 2:
                    self.writer.sync()
            self.writer.close()
        except (Killed, OSError):
            files.die()
        files.die()

    def _append(self, record: bytes) -> None:
        assert self.writer is not None
        try:
            self.writer.append(record)
        except OSError:
            self.refused.append(record)
        else:
            self.taken.append(record)


def everything(reader: Reader, writer: str, *, limit: int = 1 << 20) -> tuple[list[bytes], list[Damage]]:
    cursor, whole, damage, more = Cursor(), list[bytes](), list[Damage](), True
    while more:
        chunk = reader.read(writer, cursor, alive=reader.alive(writer), limit=limit)
        whole += [item.payload for _, item in chunk.items if isinstance(item, Frame)]
        damage += [item for _, item in chunk.items if isinstance(item, Damage)]
        cursor, more = chunk.cursor, chunk.more
    return whole, damage


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_what_a_writer_took_is_there_whichever_operation_fails(tmp_path: Path, fault: Fault) -> None:
    """F4, F5, P1. What `append` has taken is read, in order, once; what it refused is not."""
    for n in itertools.count(1):
        root = tmp_path / str(n)
        files = Faulty(n, fault)
        run = Run(root, files)
        reader = Reader(root)
        found = reader.writers()
        if not run.born:
            assert found == [] or run.writer is None
            assert not [record for w in found for record in everything(reader, w)[0]]
            continue
        assert len(found) == 1
        assert not reader.alive(found[0])
        whole, damage = everything(reader, found[0])
        assert whole in (run.taken, [*run.taken, *run.doubtful]), (n, files.done[-3:])
        assert not damage or fault == "half, then kill", (n, damage)
        if isinstance(fault, str):
            assert not run.refused
        else:
            assert len(run.refused) <= 1, "one fault costs one record"
        if files.calls < n:
            break
    print(f"{fault}: {n - 1} operations")
    assert n > 40


def test_fsync_that_fails_is_never_repeated_and_the_segment_is_sealed(tmp_path: Path) -> None:
    """F5. The next record goes into another file, and what was written before is still read."""
    files = Faulty(1, errno.EIO, only="sync")
    writer = Writer(tmp_path, files=files, fsync_interval=1e6)
    reader = Reader(tmp_path)
    writer.append(b"one")
    writer.sync()
    assert (writer.sync_failures, files.calls) == (1, 3)  # the file, its folder, the folder above it
    writer.sync()
    assert files.calls == 3, "an fsync was repeated"
    writer.append(b"two")
    assert reader.segments(writer.name) == [1, 2]
    writer.sync()
    assert writer.sync_failures == 1
    assert everything(reader, writer.name)[0] == [b"one", b"two"]
    writer.close()


def test_while_nothing_can_be_written_nothing_piles_up(tmp_path: Path) -> None:
    """F4, F5. A full or broken disk costs neither files nor descriptors, and writing goes on by itself after it."""
    files = Faulty()
    writer = Writer(tmp_path, files=files, fsync_interval=1e6)
    reader = Reader(tmp_path)
    writer.append(b"before")
    for code in (errno.ENOSPC, errno.EIO):
        files.fails = lambda name, code=code: code if name == "write" else 0
        for _ in range(50):
            with pytest.raises(OSError, match=r"No space|Input/output"):
                writer.append(b"lost")
    files.fails = lambda name: 0
    writer.append(b"after")
    assert everything(reader, writer.name) == ([b"before", b"after"], [])
    assert len(reader.segments(writer.name)) == 2
    writer.sync()
    assert len(files._open) == 2  # the segment and the lock
    writer.close()


def test_every_step_of_a_beginning_may_fail(tmp_path: Path) -> None:
    """F4, F5. Of a writer that cannot begin nothing is left, and it begins with the next record."""
    for n in itertools.count(1):
        root = tmp_path / f"{n}"
        root.mkdir()
        files = Faulty(n, errno.ENOSPC)
        writer, reader = Writer(root, files=files, at_once=False, fsync_interval=1e6), Reader(root)
        try:
            writer.append(b"first")
        except OSError:
            if not reader.writers():  # else it has begun, and the record failed
                assert (list(root.iterdir()), files._open) == ([], set()), files.done[-1]
            writer.append(b"next")
            assert everything(reader, writer.name)[0] == [b"next"]
        writer.close()
        if files.calls < n:
            break
    assert n > 6
    print(f"{n - 1} operations")


def test_every_read_may_fail_once(tmp_path: Path) -> None:
    """F3, F5. What cannot be read at one time is read at another; what cannot be read at all is damage."""
    writer = Writer(tmp_path, max_segment=150)
    for record in RECORDS:
        writer.append(record)
    writer.close()
    for n in itertools.count(1):
        files = Faulty(n, errno.EIO)
        reader = Reader(tmp_path, files)
        try:
            whole, damage = everything(reader, writer.name)
        except OSError:  # the drain's round ends, and begins again
            whole, damage = everything(reader, writer.name)
        assert (whole, damage) == (RECORDS, []), (n, files.done[-1])
        if files.calls < n:
            break
    assert n > 30
    print(f"{n - 1} operations")


def test_a_bad_block_costs_the_records_in_it(tmp_path: Path) -> None:
    """F3, F5. A disk that cannot give back one block of a segment."""
    writer = Writer(tmp_path)
    records = [bytes([n]) * 1000 for n in range(30)]
    for record in records:
        writer.append(record)
    writer.close()

    class Bad(Faulty):
        def _do(self, name, given, named):  # type: ignore[no-untyped-def]
            if name == "read":
                _, size, offset = given
                if offset < 12_288 and offset + size > 8192:
                    raise OSError(errno.EIO, "bad block")
            return super()._do(name, given, named)

    whole, damage = everything(Reader(tmp_path, Bad()), writer.name)
    lost = [n for n, record in enumerate(records) if record not in whole]
    assert lost == list(range(8, 13))[: len(lost)]
    assert 4 <= len(lost) <= 6
    assert len(damage) == 1
