"""P5: begun = stored + spooled + set aside + dropped, in calls, at every quiet point: over kills, restarts, poison and
damage, against what the clients and the upstream saw."""

import contextlib
import json
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import prometheus_client  # noqa: F401  (chooses when it is imported whether processes share what they count)
import pytest

from sessionary import metrics
from sessionary.record.exchange import encode
from sessionary.spool.reader import Cursor, Reader
from sessionary.spool.writer import Writer
from tests.faults.traffic import MODEL, config, every_call, traffic
from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream
from tests.unit.test_backlog import begin

SEED = 5


def entries(ledger: dict[str, Any]) -> tuple[int, int, int, dict[str, int]]:
    return ledger["begun"], ledger["stored"], ledger["set_aside"], ledger["dropped"]


def test_over_kills_poison_damage_and_a_full_spool(tmp_path: Path, upstream: FakeUpstream) -> None:
    with running_server(tmp_path, config=config(upstream), env={"SESSIONARY_WORKERS": "2"}) as server:
        with traffic(server, clients=6, seed=SEED) as seen:
            wait_for(lambda: len(seen.turns) > 40, what="traffic")
            server.kill9()
        spool = server.data_dir / "spool"
        left = Writer(spool)  # of a worker that was killed as well
        for number in range(1, 7):
            poison = {"at": (1 << 64) - 1} if number == 2 else {}
            left.append(encode(msgspec.structs.replace(begin(number), body=b"{}", **poison)))
        left.append(b"\x95\xa5begin")
        left.close()
        flip(Reader(spool), left.name, spool / left.name / "00000001.seg", number=4)
        server.start()
        ledger, stored = server.balance(), wait_for(lambda: ended(server), what="the end of every call")
        begun = len(stored) + 2
        assert entries(ledger) == (begun, len(stored), 1, {"damaged": 1})
        assert {t.call for t in seen.turns} <= {c["id"] for c in stored}
        assert {c["status"] for c in stored} == {"ok", "interrupted"}
        assert sum(r.method == "POST" for r in upstream.requests) <= len(stored) - 4

        with full(server):
            assert [server.chat(f"dropped {n}", model=MODEL).status for n in range(7)] == [200] * 7
        lost = {"damaged": 1, "EFBIG": 7}
        assert entries(server.balance()) == (begun + 7, len(stored), 1, lost)
        server.kill9()
        server.start()
        assert server.chat("recorded", model=MODEL).status == 200
        assert entries(server.balance()) == (begun + 8, len(stored) + 1, 1, lost)
        exposed = server.request("GET", "/metrics").body.decode()
        assert f'sessionary_ledger_calls{{entry="begun"}} {begun + 8}.0' in exposed
        assert 'sessionary_ledger_calls{entry="missing"} 0.0' in exposed


def ended(server: Server) -> list[dict[str, Any]]:
    """All calls, once those of dead workers have got their ends."""
    calls = every_call(server)
    return calls if all(call["status"] != "live" for call in calls) else []


@contextlib.contextmanager
def full(server: Server) -> Iterator[None]:
    """No worker can append anything to a file."""
    workers: set[int] = set()

    def found() -> bool:
        workers.add(server.request("GET", "/health/ready", key=None).json["pid"])
        return len(workers) == 2

    wait_for(found, what="both workers")
    for most in (0, resource.RLIM_INFINITY):
        for worker in workers:
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        if not most:
            yield


def flip(reader: Reader, writer: str, file: Path, number: int) -> None:
    """Damages one record."""
    heads = list(reader.heads(writer, Cursor(), 0))
    whole = bytearray(file.read_bytes())
    whole[heads[number - 1].end - 3] ^= 0xFF
    file.write_bytes(whole)


@pytest.mark.parametrize("last", range(1, 8))
def test_losses_are_carried_over_once_wherever_a_start_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """The nth thing that a start does to the folder is its last."""
    folder = tmp_path / "metrics"
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    folder.mkdir()
    (folder / "lost.json").write_text('{"sessionary_calls_dropped": {"ENOSPC": 3}}')

    class Killed(BaseException):
        pass

    done = 0

    def counted(do: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **more: Any) -> Any:
            nonlocal done
            done += 1
            if done > last:
                raise Killed
            return do(*args, **more)

        return step

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", counted(shutil.rmtree))
        for name in ("mkdir", "write_text", "touch", "rename"):
            patched.setattr(Path, name, counted(getattr(Path, name)))
        with contextlib.suppress(Killed):
            metrics.prepare(folder)
    for _ in range(2):
        metrics.prepare(folder)
        assert json.loads((folder / "lost.json").read_text()) == {"sessionary_calls_dropped": {"ENOSPC": 3}}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics"]
