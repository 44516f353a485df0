"""What can be watched of calls in flight, and by whom it is wanted."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from sessionary.metrics import Metrics
from sessionary.record.exchange import Begin, Finish, Part, decode
from sessionary.record.recorder import Recorder, Recording
from sessionary.record.spooling import Spooling
from sessionary.record.tails import Tails
from sessionary.spool.frame import Frame
from sessionary.spool.quota import Quota
from sessionary.spool.reader import Cursor, Reader
from sessionary.spool.writer import Writer


class Worker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tails = Tails(folder / "watched")
        self._writer = Writer(folder / "spool")
        spooling = Spooling(self._writer, Metrics(), Quota(Reader(folder / "spool"), None))
        self.recorder = Recorder(spooling, Metrics(), self.tails)

    def begin(self, **fields: Any) -> Recording:
        given: dict[str, Any] = {
            **{"call_id": "call_1", "at": 1, "project": 7, "key_id": "k", "session_id": "ses_1", "session_text": "s"},
            **{"source": "id", "rule": "x", "endpoint": "messages", "model": "m", "stream": True, "client": ""},
            **{"user": "", "headers": {}, "body": b"{}"},
        }
        return self.recorder.begin(Begin(**{**given, **fields}))

    def read(self) -> dict[str, bytes]:
        """What can be watched, by the file's name."""
        files = self.folder / "watched" / "tails"
        return {path.name: path.read_bytes() for path in files.iterdir()} if files.exists() else {}

    def answer(self) -> bytes:
        """What is in the log."""
        reader = Reader(self.folder / "spool")
        chunk = reader.read(self._writer.name, Cursor(), alive=True)
        records = [decode(frame.payload) for _, frame in chunk.items if isinstance(frame, Frame)]
        parts = [r.data if isinstance(r, Part) else r.body for r in records if isinstance(r, Part | Finish)]
        return b"".join(parts)

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
def worker(tmp_path: Path) -> Any:
    worker = Worker(tmp_path)
    yield worker
    worker.close()


def test_nothing_is_written_where_nobody_watches(worker: Worker) -> None:
    recording = worker.begin()
    recording.chunk(b"one")
    worker.recorder.follow()
    worker.tails.mark(["ses_2", "call_2"])
    worker.recorder.follow()
    recording.chunk(b"two")
    assert worker.read() == {}


@pytest.mark.parametrize("mark", ["ses_1", "call_1"])
def test_from_the_mark_to_the_end(worker: Worker, mark: str) -> None:
    recording = worker.begin()
    recording.chunk(b"one,")
    asyncio.run(worker.recorder.checkpoint())
    recording.chunk(b"two,")
    worker.tails.mark([mark])
    worker.recorder.follow()
    recording.chunk(b"three,")
    asyncio.run(worker.recorder.checkpoint())
    worker.recorder.follow()
    assert worker.read() == {"call_1~7~ses_1~messages~4": b"two,three,"}
    (tail,) = worker.tails.found()
    assert (tail.call_id, tail.project, tail.session, tail.endpoint, tail.offset) == (
        "call_1",
        7,
        "ses_1",
        "messages",
        4,
    )
    reading = worker.tails.open(tail)
    assert reading is not None
    recording.finish("ok", http_status=200, body=b"four")
    assert worker.read() == {}
    assert os.read(reading, 100) == b"two,three,four"
    os.close(reading)
    assert worker.tails.open(tail) is None
    assert worker.answer() == b"one,two,three,four"


def test_a_mark_that_is_not_touched_ends(worker: Worker) -> None:
    recording = worker.begin()
    worker.tails.mark(["ses_1"])
    worker.recorder.follow()
    recording.chunk(b"one")
    assert worker.read() == {"call_1~7~ses_1~messages~0": b"one"}
    mark = worker.folder / "watched" / "marks" / "ses_1"
    os.utime(mark, (time.time() - 5, time.time() - 5))
    worker.recorder.follow()
    assert worker.read() == {}
    assert mark.exists()
    os.utime(mark, (time.time() - 100, time.time() - 100))
    worker.recorder.follow()
    assert worker.tails.marked() == set()
    assert not mark.exists()
    recording.chunk(b"two")
    worker.tails.mark(["ses_1"])
    worker.recorder.follow()
    assert worker.read() == {"call_1~7~ses_1~messages~0": b"onetwo"}


@pytest.mark.parametrize("fields", [{"private": True}, {"stream": False}])
def test_what_is_never_shown(worker: Worker, fields: dict[str, Any]) -> None:
    recording = worker.begin(**fields)
    worker.tails.mark(["ses_1"])
    worker.recorder.follow()
    recording.chunk(b"one")
    assert worker.read() == {}


def test_a_file_that_cannot_be_written_costs_the_call_nothing(worker: Worker, tmp_path: Path) -> None:
    recording = worker.begin()
    worker.tails.mark(["ses_1"])
    (tmp_path / "watched" / "tails").write_text("in the way")
    worker.recorder.follow()
    recording.chunk(b"one")
    recording.finish("ok", http_status=200)
    assert worker.answer() == b"one"


def test_what_is_left_is_cleared(worker: Worker) -> None:
    worker.begin()
    worker.tails.mark(["ses_1"])
    worker.recorder.follow()
    worker.tails.clear()
    assert worker.read() == {}
    assert worker.tails.marked() == set()
