"""A gateway's sessions from a shell: the program as people run it, on a terminal and in a pipe."""

import contextlib
import csv
import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import preloaded
from tests.support.server import MASTER_KEY, Server, free_port, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply, chat_events, chat_json

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
HOSTILE = "\x1b]0;owned\x07\x1b[2Jclear \x9b31m \u202ereversed [bold red]markup[/] bell\x07"
STRANGE = "a/b c?d=ü#1 \x1b[31mred"


class Shell:
    """Commands in a folder of their own, as on any machine: told where the gateway is by the environment alone."""

    def __init__(self, server: Server, folder: Path, *, here: bool = False) -> None:
        """`here`: on the gateway's own machine, by its data folder."""
        self.env = {name: server.env[name] for name in ("PATH", "HOME", "LANG")} | {"COLUMNS": "200"}
        if here:
            self.env["SESSIONARY_DATA_DIR"] = str(server.data_dir)
        else:
            self.env |= {"SESSIONARY_BASE_URL": server.base_url, "SESSIONARY_API_KEY": server.key}
        self.folder = folder

    def run(self, *args: str, code: int = 0, **env: str) -> str:
        """What it wrote, once it has ended with this exit code."""
        done = self.done(*args, **env)
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stdout.decode()

    def refused(self, *args: str, **env: str) -> str:
        """The one line that says what is wrong."""
        done = self.done(*args, **env)
        assert (done.returncode, done.stdout) == (2, b""), (done.stdout, done.stderr)
        line = done.stderr.decode()
        assert line.startswith("sessionary: ")
        assert line.count("\n") == 1
        return line

    def done(self, *args: str, **env: str) -> "subprocess.CompletedProcess[bytes]":
        with tempfile.TemporaryDirectory() as folder:
            told, errors = Path(folder) / "told", Path(folder) / "errors"
            code = preloaded.start(args, self.env | env, self.folder, told, errors).wait(60)
            return subprocess.CompletedProcess(args, code, told.read_bytes(), errors.read_bytes())

    def lines(self, *args: str) -> list[Any]:
        return [json.loads(line) for line in self.run(*args, "--json").splitlines()]

    def on_terminal(self, *args: str, columns: int = 80) -> str:
        """What a terminal of so many columns was sent."""
        with Watching(self, *args, columns=columns) as watching:
            assert watching.ended() == 0, watching.written
        return watching.written


class Watching:
    """A command on a terminal, while it runs."""

    def __init__(self, shell: Shell, *args: str, columns: int = 80) -> None:
        self._raw = b""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        env = {name: value for name, value in shell.env.items() if name != "COLUMNS"} | {"TERM": "xterm-256color"}
        command = [sys.executable, "-m", "sessionary", *args]
        self.process = subprocess.Popen(
            command, env=env, cwd=shell.folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self._terminal = ours
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Watching":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._thread.join(10)
        os.close(self._terminal)

    @property
    def written(self) -> str:
        return self._raw.decode(errors="replace").replace("\r\n", "\n")

    @property
    def plain(self) -> str:
        return COLOURS.sub("", self.written)

    def until(self, text: str) -> str:
        wait_for(lambda: text in self.plain, what=f"{text!r} on the terminal, which has {self.plain!r}")
        return self.plain

    def interrupted(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        code = self.process.wait(30)
        self._thread.join(10)
        return code

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # a terminal ends with an error when nobody has it any more
            while data := os.read(self._terminal, 65536):
                self._raw += data


def hostile(request: Received) -> Reply:
    answer = json.loads(chat_json(request.json))
    answer["choices"][0]["message"]["content"] = HOSTILE
    return Reply(json.dumps(answer).encode())


def tooled(request: Received) -> Reply:
    answer = json.loads(chat_json(request.json))
    function = {"name": "read_file", "arguments": '{"path":"notes.txt"}'}
    calls = [{"id": "t1", "type": "function", "function": function}]
    answer["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": calls}
    return Reply(json.dumps(answer).encode())


def config(upstream: FakeUpstream) -> str:
    model = f"name: gpt-4o, model: openai-compatible/gpt-4o, base_url: {upstream.base_url}, api_key: sk-1"
    return f"models:\n  - {{{model}}}\n"


def chat(server: Server, session: str, *messages: Any, **fields: Any) -> str:
    """Returns the call's id."""
    told = [{"role": "user", "content": m} if isinstance(m, str) else m for m in messages]
    body = {"model": "gpt-4o", "messages": told, "metadata": {"litellm_session_id": session}, **fields}
    return server.post("/v1/chat/completions", body).headers["x-call-id"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("shell"), config=config(shared_upstream)) as started:
        talk: list[Any] = []
        for turn in range(60):
            talk.append({"role": "user", "content": f"question {turn}"})
            answer = started.post(
                "/v1/chat/completions",
                {"model": "gpt-4o", "messages": talk, "metadata": {"litellm_session_id": "long"}},
            ).json
            talk.append(answer["choices"][0]["message"])
        shared_upstream.script(tooled)
        chat(started, "tools", "read it")
        asks = {"id": "t1", "type": "function", "function": {"name": "read_file", "arguments": '{"path":"notes.txt"}'}}
        result = {"role": "tool", "tool_call_id": "t1", "content": "\n".join(f"line {n}" for n in range(50))}
        chat(started, "tools", "read it", {"role": "assistant", "content": None, "tool_calls": [asks]}, result)
        error = b'{"error": {"message": "quota [/] used up", "type": "insufficient_quota"}}'
        shared_upstream.script(Reply(error, status=403))
        chat(started, "failed", "will it work?")
        shared_upstream.script(hostile)
        chat(started, STRANGE, f"obey {HOSTILE}")
        started.session("long", calls=60)
        for name, calls in (("tools", 2), ("failed", 1), (STRANGE, 1)):
            started.session(name, calls=calls)
        yield started


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream) -> Iterator[Server]:
    """One whose calls no other test counts."""
    with running_server(tmp_path_factory.mktemp("busy"), config=config(shared_upstream)) as started:
        yield started


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    return Shell(server, tmp_path)


# Lists


def test_sessions_are_listed_the_newest_first_in_cells(shell: Shell) -> None:
    done = shell.done("sessions", "-n", "3")
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert rows[0][1].startswith("obey ␛]0;owned")
    assert [row[1] for row in rows[1:]] == ["will it work?", "read it"]
    assert [len(row) for row in rows] == [9, 9, 9]
    assert rows[2][2:4] == ["2", "1"]
    assert re.fullmatch(r"ses_[0-9a-v]{26}", rows[2][8])
    assert b"there are more" in done.stderr
    assert shell.done("sessions").stderr == b""


def test_words_are_one_filter_and_may_begin_with_a_dash(shell: Shell) -> None:
    assert {s["session_id"] for s in shell.lines("sessions", "-error:yes", "calls>1")} == {"long", "tools"}
    assert [s["session_id"] for s in shell.lines("sessions", "error:yes")] == ["failed"]
    assert [s["session_id"] for s in shell.lines("sessions", "--sort", "calls", "-n", "1")] == ["long"]
    assert shell.lines("sessions", "--sort", "-calls")[0] == shell.lines("sessions", "id:long")[0]
    assert shell.lines("sessions", "--sort", "calls", "--reverse")[-1]["session_id"] == "long"
    nothing = shell.done("sessions", "nothingatall")
    assert (nothing.returncode, nothing.stdout) == (0, b"")
    assert b"no sessions match" in nothing.stderr


def test_a_whole_list_is_written_as_csv(shell: Shell) -> None:
    for command, most in (("sessions", 3), ("calls", 60)):
        done = shell.done(command, "--csv", "-n", "1", "--sort", "cost")
        rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
        assert len(rows) > most
        assert {row["id"] for row in rows} == {row["id"] for row in shell.lines(command, "-n", "1000")}
    long = shell.done("sessions", "--csv", "id:long").stdout.decode().splitlines()
    assert (long[0].split(",")[:2], len(long), done.stderr) == (["id", "session_id"], 2, b"")
    assert "did you mean 'cost'" in shell.refused("calls", "--csv", "cots>1")


def test_calls_are_listed_over_pages(shell: Shell, server: Server) -> None:
    assert len(shell.lines("calls", "session:long", "-n", "1000")) == 60
    row = shell.run("calls", "error:yes").rstrip("\n").split("\t")
    assert (row[1], row[6]) == ("gpt-4o", "upstream_error")
    assert row[8] == server.sessions("failed")[0]["id"]


def test_a_list_is_as_wide_as_the_terminal(shell: Shell) -> None:
    for columns in (40, 60, 100, 160):
        for command in ("sessions", "calls"):
            written = COLOURS.sub("", shell.on_terminal(command, columns=columns))
            assert "upstream_error" in written or "errors" in written
            assert all(len(line) <= columns for line in written.splitlines())
            assert FORBIDDEN.search(written) is None


def test_what_was_said_is_found_and_what_was_not_is_code_1(shell: Shell) -> None:
    found = shell.run("search", "question", "59").splitlines()
    assert any("long" not in line and "question 59" in line for line in found)
    (hit,) = shell.lines("search", "quest", "--session", "long", "-n", "1")
    assert hit["session_id"] == "long"
    assert "\x1b[1;7mquestion" in shell.on_terminal("search", "question", "-n", "1")
    done = shell.done("search", "nothingatall")
    assert (done.returncode, done.stdout) == (1, b"")


# One session


def test_a_session_is_told_call_by_call(shell: Shell, server: Server) -> None:
    session = server.sessions("tools")[0]
    for name in (session["id"], "tools"):
        told = shell.run("show", name)
        assert told.startswith(f"read it\n{session['id']} · tools\n")
        assert "2 calls in 1 turn" in told
        assert '→ read_file {"path":"notes.txt"}' in told
        assert told.index("#1 gpt-4o") < told.index("→ read_file") < told.index("← read_file") < told.index("line 49")
        assert "You said: line 0" in told
    folded = shell.on_terminal("show", "tools")
    assert "line 49" not in folded.partition("assistant")[2].partition("assistant")[0]
    assert "… 42 more lines (--full shows all)" in folded
    assert "more lines" not in shell.on_terminal("show", "tools", "--full")


def test_a_long_session_comes_page_by_page(shell: Shell) -> None:
    told = shell.run("show", "long")
    assert [int(n) for n in re.findall(r"^#(\d+) ", told, re.MULTILINE)] == list(range(1, 61))
    assert [int(n) for n in re.findall(r"^    question (\d+)$", told, re.MULTILINE)] == list(range(60))
    head, *calls = shell.lines("show", "long")
    assert head["session"]["session_id"] == "long"
    assert [c["call"]["turn"] for c in calls] == list(range(1, 61))
    last = shell.run("show", "long", "--last", "2")
    assert re.findall(r"^#(\d+) ", last, re.MULTILINE) == ["59", "60"]
    listed = shell.lines("show", "long", "--calls")
    assert [c["id"] for c in listed] == [c["call"]["id"] for c in calls]


def test_without_a_name_it_is_the_newest(shell: Shell, server: Server) -> None:
    newest = server.get("/api/sessions?limit=1")["data"][0]["id"]
    assert shell.lines("show")[0]["session"]["id"] == newest
    assert shell.lines("show", "-")[0]["session"]["id"] == newest


def test_nothing_that_was_said_moves_a_terminal(shell: Shell) -> None:
    for args in (("show", STRANGE), ("show", STRANGE, "--calls"), ("search", "obey"), ("sessions",), ("calls",)):
        for written in (COLOURS.sub("", shell.on_terminal(*args)), shell.run(*args), shell.run(*args, "--json")):
            assert FORBIDDEN.search(written) is None, args
    assert "[bold red]markup[/] bell␇" in shell.run("show", STRANGE)
    call = shell.lines("show", STRANGE)[1]["call"]["id"]
    for args in (("show", call), ("show", call, "--response"), ("show", call, "--request"), ("export", STRANGE)):
        assert FORBIDDEN.search(COLOURS.sub("", shell.on_terminal(*args))) is None, args


def test_a_call_is_told_with_its_route_and_its_error(shell: Shell, server: Server) -> None:
    (call,) = server.get("/api/calls?filter=error:yes")["data"]
    told = shell.run("show", call["id"])
    assert "✗ upstream_error: 403 quota [/] used up" in told
    assert "session ses_" in told
    (line,) = shell.lines("show", call["id"])
    assert line["call"]["id"] == call["id"]


def test_bodies_are_as_the_api_has_them_byte_for_byte(busy: Server, tmp_path: Path) -> None:
    shell = Shell(busy, tmp_path)
    call = chat(busy, "bytes", "h\u00e9 \x9b \x1b", stream=True)
    busy.session("bytes", calls=1)
    for part, flag in (
        ("request", "--request"),
        ("provider_request", "--to-provider"),
        ("response", "--response"),
        ("response?raw=1", "--events"),
    ):
        sent = busy.request("GET", f"/api/calls/{call}/{part}").body
        assert shell.done("show", call, flag).stdout == shell.done("show", "-", flag).stdout == sent
    assert "one or the other" in shell.refused("show", call, "--request", "--response")


def test_a_session_is_exported(shell: Shell, server: Server, tmp_path: Path) -> None:
    for form in ("json", "jsonl", "markdown", "openai"):
        sent = server.request("GET", f"/api/sessions/tools/export?format={form}").body
        assert shell.done("export", "tools", "--format", form).stdout == sent
    assert shell.run("export", "tools", "-o", "tools.md") == ""
    assert (tmp_path / "tools.md").read_text().startswith("# read it")
    assert shell.run("export", "tools", "-f", "jsonl", "-o", "tools.md") == ""
    assert len((tmp_path / "tools.md").read_text().splitlines()) == 3
    assert "no such session: nothing" in shell.refused("export", "nothing", "-o", "nothing.json")
    assert "cannot be written" in shell.refused("export", "tools", "-o", str(tmp_path / "no" / "where.json"))
    assert "cannot be written" in shell.refused("export", "tools", "-o", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["tools.md"]


def test_who_reads_may_leave(shell: Shell) -> None:
    command = f"{sys.executable} -m sessionary show long --json | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], env=shell.env, cwd=shell.folder, capture_output=True, timeout=60, check=False
    )
    first, code = done.stdout.decode().splitlines()
    assert json.loads(first)["session"]["session_id"] == "long"
    assert (code, done.stderr) == ("0", b"")


# What goes wrong


def test_what_is_wrong_is_said_in_a_line(shell: Shell, server: Server, tmp_path: Path) -> None:
    assert "There is no such session: ../x" in shell.refused("show", "../x")
    assert "There is no such session: ../x" in shell.refused("search", "a", "--session", "../x")
    assert "There is no such session: call_x, and no such call" in shell.refused("show", "call_x")
    assert "There is no such session: call_x, and no such call" in shell.refused("show", "call_x", "--calls")
    assert "tools is no call (call_…)" in shell.refused("show", "tools", "--request")
    call = server.transcript("tools")["calls"][0]["call"]["id"]
    for option in (("--calls",), ("--last", "2")):
        assert f"of a session, and {call} is a call" in shell.refused("show", call, *option)
        assert "of a session, the bodies of a call" in shell.refused("show", call, "--request", *option)
    assert "one or the other" in shell.refused("show", "tools", "--calls", "--last", "2")
    for of in ("sessions", "calls"):
        assert "one or the other" in shell.refused(of, "--csv", "--json")
    assert "There is no such call: call_x" in shell.refused("show", "call_x", "--request")
    assert "no such session" in shell.refused("show", "")
    assert "did you mean 'cost'" in shell.refused("sessions", "cots>1")
    assert "sort must be one of time, cost, input," in shell.refused("calls", "--sort", "wrong")
    assert "sort must be one of last, first, cost," in shell.refused("sessions", "--sort", "time")
    for sort in ("first", "first_at", "-first_at"):
        assert shell.run("sessions", "--sort", sort)
    url = f"http://127.0.0.1:{free_port()}"
    assert f"no gateway answers at {url}" in shell.refused("sessions", "--url", url)
    assert "--url must be" in shell.refused("sessions", "--url", "ftp://x")
    nowhere = {"SESSIONARY_BASE_URL": "", "SESSIONARY_API_KEY": "", "SESSIONARY_DATA_DIR": str(tmp_path / "none")}
    assert "start it with `sessionary serve`" in shell.refused("sessions", **nowhere)
    assert server.key in shell.env["SESSIONARY_API_KEY"]


def test_a_key_is_shown_nowhere(shell: Shell, server: Server) -> None:
    for key in ("sk-secret-wrong", "sk-secret\nwrong", "sk-secret-schlüssel"):
        line = shell.refused("sessions", "--key", key)
        assert "secret" not in line
        assert "secret" not in shell.refused("sessions", SESSIONARY_API_KEY=key)
    line = shell.refused("sessions", "--url", f"http://user:secret@127.0.0.1:{server.port}")
    assert "secret" not in line
    shown = shell.run("show", "--help", COLUMNS="200")
    assert server.key not in shown


def test_a_key_of_a_project_reads_its_own(shell: Shell, server: Server) -> None:
    made = json.loads(server.cli("keys", "create", "--project", "other", "--json"))
    wait_for(lambda: shell.done("sessions", "--key", made["key"]).returncode == 0, what="the key")
    done = shell.done("sessions", "--key", made["key"])
    assert done.stdout == b""
    assert b"nothing was recorded that this key may read" in done.stderr
    assert "no such session" in shell.refused("show", server.sessions("long")[0]["id"], "--key", made["key"])
    assert "there are no sessions yet" in shell.refused("show", "--key", made["key"])


def test_what_is_no_gateway_is_said_to_be_none(shell: Shell) -> None:
    with FakeUpstream() as other:
        other.default = Reply(b"<html>", headers={"content-type": "text/html"})
        assert "not what a gateway gives" in shell.refused("sessions", "--url", other.base_url)
        other.default = Reply(b"[]", status=500)
        assert "is it one?" in shell.refused("sessions", "--url", other.base_url)
        other.default = Reply(b"", status=302, headers={"location": "http://127.0.0.1:1/"})
        assert "give that one with --url" in shell.refused("sessions", "--url", other.base_url)
        other.default = Reply(b'{"data": [{}], "next_cursor": null}')
        assert "of another version" in shell.refused("sessions", "--url", other.base_url)
        other.default = Reply(pieces=[b'{"session"'], reset=True)
        assert "was lost" in shell.refused("show", "x", "--url", other.base_url)
        assert "was lost" in shell.refused("export", "x", "-o", "half.json", "--url", other.base_url)
        assert not list(shell.folder.iterdir())
        assert {r.headers["authorization"] for r in other.requests} == {f"Bearer {MASTER_KEY}"}


# Where it runs


def test_the_gateway_here_is_found_by_its_folder(tmp_path: Path) -> None:
    with running_server(tmp_path, env={"SESSIONARY_MASTER_KEY": None}) as server:
        shell = Shell(server, tmp_path, here=True)
        done = shell.done("sessions")
        assert (done.returncode, done.stdout) == (0, b"")
        assert b"no sessions yet" in done.stderr
        server.key = (server.data_dir / "master.key").read_text().strip()
        server.chat("hi", key=server.key)
        wait_for(lambda: shell.run("sessions"), what="a session")
        assert "hi" in shell.run("show")
        elsewhere = {"SESSIONARY_BASE_URL": f"http://127.0.0.1:{free_port()}", "SESSIONARY_API_KEY": "sk-of-another"}
        assert "no gateway answers" in shell.refused("show", **elsewhere)
        assert "hi" in shell.run("show", "--data-dir", str(server.data_dir), **elsewhere)
        server.stop()
        assert "no gateway runs on" in shell.refused("sessions")
        assert str(server.data_dir) in shell.refused("show")


# While it happens


def streamed(server: Server, session: str, said: str) -> threading.Thread:
    """A call whose answer comes slowly."""

    def ask() -> None:
        chat(server, session, said, stream=True)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


def slowly(request: Received) -> Reply:
    return Reply(pieces=chat_events(request.json), headers={"content-type": "text/event-stream"}, pause=0.15)


def test_an_answer_is_followed_as_it_is_said(busy: Server, shared_upstream: FakeUpstream, tmp_path: Path) -> None:
    shell = Shell(busy, tmp_path)
    with Watching(shell, "watch", "followed", columns=100) as watching:
        watching.until("there is no session followed yet")
        shared_upstream.script(slowly)
        asking = streamed(busy, "followed", f"one two three four five six seven {HOSTILE}")
        shown = watching.until("You said: one two")
        assert asking.is_alive()
        assert shown.index("#1 gpt-4o") < shown.index("    one two three") < shown.index("You said")
        asking.join(20)
        busy.session("followed", calls=1)
        shown = watching.until("to first)")
        assert shown.count("You said: one two three") == 1
        chat(busy, "followed", "and then?")
        watching.until("You said: and then?")
        assert watching.interrupted() == 130
    assert FORBIDDEN.search(watching.plain) is None
    assert "Traceback" not in watching.plain
    assert "Aborted" not in watching.plain


def test_sessions_are_told_as_they_change_also_after_a_restart(tmp_path: Path, shared_upstream: FakeUpstream) -> None:
    with running_server(tmp_path, config=config(shared_upstream)) as server:
        shell = Shell(server, tmp_path)
        with Watching(shell, "watch", columns=200) as watching, Watching(shell, "watch", "--json") as events:
            watching.until("watching http")
            chat(server, "one", "before it")
            watching.until("before it · 1 call")
            server.stop()
            watching.until("the connection was lost: trying again")
            server.start()
            chat(server, "two", "after it")
            shown = watching.until("after it · 1 call")
            assert "connected again" in shown
            events.until("after it")
            kinds = {json.loads(line)["event"] for line in events.plain.splitlines() if line.startswith("{")}
            assert kinds == {"session"}
            assert watching.interrupted() == 130
            assert events.interrupted() == 130


def test_what_cannot_be_watched_from_the_beginning_is_an_error(shell: Shell) -> None:
    assert "no gateway answers" in shell.refused("watch", "--url", f"http://127.0.0.1:{free_port()}")
    assert "does not take this key" in shell.refused("watch", "--key", "sk-wrong")
