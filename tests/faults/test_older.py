"""What older versions left opens: databases of older schemas, and the spool's segments of both formats (F19).

`older/<schema>` was made by the last code that had that schema. Its worker died with calls on the way: one whose begin
is stored and whose end is not, one that is in the spool whole, one that was cut short, and one whose record was torn.
"""

import gzip
import shutil
from pathlib import Path

import pytest

from tests.support.server import Server, running_server, wait_for

OLDER = Path(__file__).parent / "older"
FORMAT_2 = {"0005", "0006"}
"""Of the spool; of the others it is format 1."""
CALLS = {
    "first": ("old-1", "ok", "You said: first"),
    "second": ("old-1", "ok", "You said: second"),
    "third": ("old-2", "ok", "You said: third"),
    "half stored": ("old-2", "ok", "You said: half stored"),
    "in the spool": ("old-2", "ok", "You said: in the spool"),
    "cut short": ("old-3", "interrupted", "You said:"),
}


def shown(server: Server) -> dict[str, tuple[str, str, str]]:
    found = {}
    for call in server.get("/api/calls?limit=100")["data"]:
        asked = server.get(f"/api/calls/{call['id']}/request")["messages"][0]["content"]
        answer = server.request("GET", f"/api/calls/{call['id']}/response")
        text = answer.json["choices"][0]["message"]["content"] if answer.status == 200 else ""
        found[asked] = (call["session_id"], call["status"], text)
    return found


@pytest.mark.parametrize("schema", sorted(path.name for path in OLDER.iterdir()))
def test_what_an_older_version_left_is_opened_drained_and_shown(tmp_path: Path, schema: str) -> None:
    """F19."""
    data = tmp_path / "data"
    shutil.copytree(OLDER / schema, data)
    database = data / "sessionary.db"
    database.write_bytes(gzip.decompress((data / "sessionary.db.gz").read_bytes()))
    (segment,) = data.glob("spool/*/*.seg")
    assert segment.read_bytes().startswith(b"SPOOL\x02\n\0" if schema in FORMAT_2 else b"SPOOL\x01\n\0")
    with running_server(tmp_path) as server:
        wait_for(lambda: not segment.exists(), what="the end of the old worker's folder")
        assert shown(server) == CALLS
        assert [s["calls"] for n in (1, 2, 3) for s in server.sessions(f"old-{n}")] == [2, 3, 1]
        assert [key["name"] for key in server.get("/api/keys")["data"]] == ["an old key"]
        answer = server.post("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "new"}]})
        assert server.call(answer.headers["x-call-id"])["status"] == "ok"
        aside = server.get("/api/health")["ledger"]["set_aside"]
        assert aside == 0, "the torn record is no call"
