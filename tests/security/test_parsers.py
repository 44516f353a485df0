"""S8: no parser of what comes from outside grows faster than its input, and nothing from outside names a file.

Growth is counted, not timed: the lines of our own code that run for an input, and for one eight times as long.
"""

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from sessionary import ids
from sessionary.api import language
from sessionary.api.fields import BY_NAME
from sessionary.record.exchange import Begin
from sessionary.record.tails import Tails
from sessionary.relay.hiding import Hiding
from sessionary.wire import loose
from sessionary.wire.sse import Parser
from tests.support.server import Server

SMALL, TIMES = 400, 8


def lines(work: Callable[[], Any]) -> int:
    """How many lines of Python run."""
    ran = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal ran
        ran += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        work()
    except (ValueError, RecursionError):
        pass
    finally:
        sys.settrace(before)
    return ran


def sse(data: bytes, size: int) -> None:
    parser = Parser()
    for start in range(0, len(data), size):
        list(parser.feed(data[start : start + size]))
    list(parser.close())


def hide(data: bytes) -> None:
    hiding = Hiding([b"aaaaaaaaab"])
    for start in range(0, len(data), 7):
        hiding.feed(data[start : start + 7])


PARSERS: dict[str, Callable[[int], Any]] = {
    "filter, terms": lambda n: language.parse("model:a " * n, BY_NAME["calls"], 0),
    "filter, quotes": lambda n: language.parse('"' * n, BY_NAME["calls"], 0),
    "filter, escapes": lambda n: language.parse('model:"' + '\\"' * n, BY_NAME["calls"], 0),
    "filter, values": lambda n: language.parse("status:" + "ok," * n, BY_NAME["calls"], 0),
    "filter, stars": lambda n: language.parse("model:" + "*a" * n, BY_NAME["calls"], 0),
    "filter, brackets": lambda n: language.parse("(" * n + ")" * n, BY_NAME["calls"], 0),
    "events, whole": lambda n: sse(b"data: x\n\n" * n, 1 << 20),
    "events, one line in pieces": lambda n: sse(b"data: " + b"x" * n * 20, 5),
    "events, no end": lambda n: sse(b"data: x\n" * n, 64),
    "events, only ends": lambda n: sse(b"\r\n" * n, 3),
    "json, deep": lambda n: loose.decode(b"[" * n + b"]" * n),
    "json, broken and deep": lambda n: loose.decode(b'{"a":' * n),
    "json, halves of pairs": lambda n: loose.decode(b'"' + b"\\ud800" * n + b'"'),
    "json, backslashes": lambda n: loose.decode(b'"' + b"\\\\" * n),
    "json, wide": lambda n: loose.decode(json.dumps({f"k{m}": m for m in range(n)}).encode()),
    "hiding": lambda n: hide(b"aaaaaaaaa" * n),
}


@pytest.mark.parametrize("name", PARSERS)
def test_nothing_grows_faster_than_its_input(name: str) -> None:
    """S8: eight times as much is at most some ten times the work; a square would be sixty-four."""
    work = PARSERS[name]
    small, large = lines(lambda: work(SMALL)), lines(lambda: work(SMALL * TIMES))
    assert large <= 1.5 * TIMES * max(small, 100), (small, large)


def test_no_id_is_a_path(tmp_path: Any) -> None:
    """S8: what a client calls its session names no file: our ids of it do."""
    tails = Tails(tmp_path / "watched")
    names = ["../../x", "/etc/passwd", "a/b", "..", ".", "", "~", "a~b~c", "\x00", "x" * 5000, "\ud800", "ses_../../x"]
    for number, name in enumerate(names):
        session = ids.session_id(1, name)
        assert session.removeprefix("ses_").isalnum(), name
        tails.mark([session])
        given: dict[str, Any] = dict.fromkeys(Begin.__struct_fields__, "")
        given |= {"call_id": f"call_{number:026d}", "project": 1, "session_id": session, "session_text": name}
        tails.write(Begin(**given | {"endpoint": "chat.completions"}), 0).close()
    made = {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*")}
    assert made <= {("watched",), ("watched", "marks"), ("watched", "tails")}
    assert len(list((tmp_path / "watched" / "marks").iterdir())) == len(names)


def test_hostile_names_make_no_file(demo_server: Server) -> None:
    """S8: through the gateway itself: sessions, watched ones, cancelled responses, static files, exports."""
    folder = demo_server.data_dir.parent
    before = {path for path in folder.rglob("*") if demo_server.data_dir not in path.parents}
    for name in ("../../evil", "/tmp/evil", "..%2f..%2fevil", "evil/../../evil", "evil~1~2"):
        demo_server.chat("x", session_id=name, stream=True)
        demo_server.request("POST", f"/v1/responses/{name}/cancel", b"{}")
        demo_server.request("GET", f"/ui/static/{name}")
        disposition = demo_server.request("GET", f"/api/sessions/{name.replace('/', '%2F')}/export").headers
        assert "/" not in disposition.get("content-disposition", "").replace("UTF-8''", "")
    for path in (
        "/ui/static/../routes.py",
        "/ui/static/%2e%2e/routes.py",
        "/ui/static/..%2froutes.py",
        "/ui/static//etc/passwd",
    ):
        assert demo_server.request("GET", path).status == 404, path
    assert {path for path in folder.rglob("*") if demo_server.data_dir not in path.parents} == before
    assert not [path for path in demo_server.data_dir.rglob("*") if "evil" in path.name]
