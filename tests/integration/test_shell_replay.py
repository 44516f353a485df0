"""`sessionary replay`: a session's calls asked again of another model, as people do it, on a terminal and in a pipe."""

import json
import os
import re
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_shell import COLOURS, FORBIDDEN, HOSTILE, Shell, Watching
from tests.support.server import MASTER_KEY, Server, free_port, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply, chat_json, default_reply, last_text

QUESTIONS = ("what stays?", "what changes?", "which tool?", "which way?", "what fails?")
LONG = "\n".join(f"line {n} of the old answer" for n in range(20))


class Provider:
    """Two models: `old` and `new`, which answers some questions otherwise."""

    def __init__(self, fake: FakeUpstream) -> None:
        self.fake = fake
        self.stuck: set[str] = set()
        """Questions that the new model never answers."""
        fake.default = self.answer

    @property
    def asked(self) -> list[str]:
        """Of the new model."""
        return [last_text(body) for body in self.fake.bodies if body["model"] == "new"]

    def answer(self, request: Received) -> Reply:
        if request.method != "POST":
            return default_reply(request)
        said, new = last_text(request.json), request.json["model"] == "new"
        if new and said in self.stuck:
            return Reply(silent=True)
        match said:
            case "what changes?":
                return _said(request, LONG.replace("line 15 of the old", "line 15 of the new") if new else LONG)
            case "which tool?":
                return _called(
                    request, *(("list", "{}"), ("read", '{"path":"a"}')) if new else ("read", '{"path":"a"}')
                )
            case "which way?":
                return _called(request, ("read", '{"path":"b"}' if new else '{ "path": "a" }'))
            case "what fails?" if new:
                return Reply(b'{"error": {"message": "quota [/] used up", "type": "insufficient_quota"}}', status=403)
            case "obey":
                return _said(request, f"{HOSTILE} {new}")
        return default_reply(request)


def _said(request: Received, text: str) -> Reply:
    answer = json.loads(chat_json(request.json))
    answer["choices"][0]["message"]["content"] = text
    return Reply(json.dumps(answer).encode())


def _called(request: Received, *calls: Any) -> Reply:
    calls = (calls,) if isinstance(calls[0], str) else calls
    answer = json.loads(chat_json(request.json))
    told = [
        {"id": f"t{n}-{request.json['model']}", "type": "function", "function": {"name": name, "arguments": given}}
        for n, (name, given) in enumerate(calls)
    ]
    answer["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": told}
    return Reply(json.dumps(answer).encode())


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with FakeUpstream() as fake:
        yield Provider(fake)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Server]:
    models = [
        f"  - {{name: {name}, model: openai-compatible/{name}, base_url: {provider.fake.base_url}, api_key: sk-1, "
        f"price: {{input: {price}, output: {price}}}}}\n"
        for name, price in (("old", 100), ("new", 1000))
    ]
    unpriced = f"  - {{name: free, model: openai-compatible/free, base_url: {provider.fake.base_url}, api_key: sk-1}}\n"
    config = f"models:\n{''.join(models)}{unpriced}"
    with running_server(tmp_path_factory.mktemp("replays"), config=config) as started:
        converse(started, "talk", *QUESTIONS)
        yield started


@pytest.fixture
def shell(server: Server, provider: Provider, tmp_path: Path) -> Shell:
    provider.fake.reset()
    provider.stuck.clear()
    return Shell(server, tmp_path)


def converse(server: Server, session: str, *questions: str, model: str = "old") -> list[str]:
    """The ids of its calls."""
    talk: list[Any] = []
    calls = []
    for question in questions:
        talk.append({"role": "user", "content": question})
        body = {"model": model, "messages": talk, "metadata": {"litellm_session_id": session}}
        answer = server.post("/v1/chat/completions", body)
        calls.append(answer.headers["x-call-id"])
        message = answer.json["choices"][0]["message"]
        talk.append(message)
        for tool in message.get("tool_calls") or []:
            talk.append({"role": "tool", "tool_call_id": tool["id"], "content": "done"})
    server.session(session, calls=len(questions))
    return calls


def respond(server: Server, session: str, *questions: str, unkept: Sequence[str]) -> None:
    """The same in a format in which a client may say that nothing is to be kept."""
    talk: list[Any] = []
    for question in questions:
        talk.append({"role": "user", "content": question})
        body = {"model": "old", "input": talk, "metadata": {"litellm_session_id": session}}
        answer = server.post("/v1/responses", body | {"store": question not in unkept})
        assert answer.status == 200, answer
        talk += answer.json["output"]
    server.session(session, calls=len(questions))


def answer(watching: Watching, text: str) -> None:
    os.write(watching._terminal, text.encode())


def parts(told: str) -> dict[str, str]:
    """What is told of each turn, by its question; "" has the totals."""
    found = {}
    for piece in re.split(r"^(?=turn \d+ · |\d+ calls?: )", told, flags=re.MULTILINE)[1:]:
        first, _, rest = piece.partition("\n")
        found[first.partition(" · ")[2]] = first + "\n" + rest
    return found


# Before it


def test_a_plan_says_what_would_be_asked_and_what_it_would_cost(
    shell: Shell, server: Server, provider: Provider
) -> None:
    session = server.sessions("talk")[0]
    told = shell.run("replay", "talk", "--model", "new", "--plan")
    tokens = f"{session['input_tokens']} → {session['output_tokens']} tokens"
    then, now = session["cost"], session["cost"] * 10
    assert told == (
        f"what stays? · {session['id']}\n5 calls · {tokens} · ${then:.3f} then · about ${now:.3f} with new\n"
    )
    (line,) = shell.lines("replay", "talk", "--model", "new", "--plan")
    assert (line["model"], len(line["calls"]), line["left_out"]) == ("new", 5, [])
    assert "price not known with free" in shell.run("replay", "talk", "-m", "free", "--plan")
    assert provider.asked == []


def test_calls_that_are_not_asked_again_are_named_with_their_reason(shell: Shell, server: Server) -> None:
    respond(server, "unkept", "one?", "two?", "three?", unkept=("one?",))
    told = shell.run("replay", "unkept", "--model", "new", "--plan")
    assert "\n2 calls · " in told
    first = server.transcript("unkept")["calls"][0]["call"]["id"]
    assert told.endswith(f"\nleft out: {first}: What was said in it was not kept.\n")
    *found, totals = shell.lines("replay", "unkept", "--model", "new", "--yes")
    assert len(found) == 2
    assert totals["left_out"] == [{"call_id": first, "why": "What was said in it was not kept."}]
    respond(server, "alone", "one?", unkept=("one?",))
    assert "could be asked again" in shell.refused("replay", "alone", "--model", "new", "--yes")


def test_nothing_is_asked_unless_somebody_says_so(shell: Shell, provider: Provider) -> None:
    assert "say --yes" in shell.refused("replay", "talk", "--model", "new")
    assert "say --yes" in shell.refused("replay", "talk", "--model", "new", "--json")
    for no in ("n\n", "\n", "\x04", "nay\n"):
        with Watching(shell, "replay", "talk", "--model", "new", columns=100) as watching:
            assert "5 calls · " in watching.until("Replay? [y/N]")
            answer(watching, no)
            assert watching.ended() == 0
            assert "nothing was asked" in watching.plain
    with Watching(shell, "replay", "talk", "--model", "new") as watching:
        watching.until("Replay? [y/N]")
        assert watching.interrupted() == 130
    assert provider.asked == []


# What differs


def test_what_differs_is_told_turn_by_turn(shell: Shell, server: Server, provider: Provider) -> None:
    told = shell.run("replay", "talk", "--model", "new", "--yes", code=1)
    assert sorted(provider.asked) == sorted(QUESTIONS)
    turns = parts(told)
    assert list(turns)[:-1] == list(QUESTIONS)
    assert re.fullmatch(
        r"turn 1 · what stays\?\n  = the same answer · (\d+) → \1 tokens · \$\S+ → \$\S+ · \S+ m?s → \S+ m?s\n+",
        turns["what stays?"],
    )
    was, _, now = turns["what changes?"].partition("  now  new · ok · ")
    assert "  was  old · ok · " in was
    assert LONG.replace("line", "    line") in was
    assert "    line 15 of the new answer\n    line 16 of the old" in now
    assert "the same" not in turns["what changes?"]
    tools = turns["which tool?"].splitlines()
    assert (tools[2], tools[4]) == ("    → read", "    → list, read · other tools")
    assert turns["which way?"].rstrip().endswith("    → read · other arguments")
    failed = turns["what fails?"]
    assert re.search(r"  was  old · ok · .*\n    You said: what fails\?\n  now  new · upstream_error", failed)
    assert "    ✗ upstream_error: 403 quota [/] used up\n" in failed
    totals = told[told.index("\n5 calls: ") :]
    assert "5 calls: 1 answered the same, 3 otherwise, 1 failed\n" in totals
    assert "  failed  0 → 1\n" in totals
    session, replay = server.sessions("talk")[0], newest(server)
    spent = [f"${s['cost']:.3f}" for s in (session, replay)]
    assert f"  cost    {' → '.join(spent)}\n" in totals
    assert f"  tokens  {session['input_tokens']} in, {session['output_tokens']} out → " in totals
    assert told.endswith(f"\n{server.base_url}/ui/compare?a={session['id']}&b={replay['id']}\n")


def newest(server: Server) -> dict[str, Any]:
    """The newest replay."""
    found: dict[str, Any] = server.get("/api/sessions?limit=1&filter=source:replay")["data"][0]
    return found


def test_in_scripts_each_call_is_a_line_with_both_sides(shell: Shell, server: Server) -> None:
    done = shell.done("replay", "talk", "--model", "new", "--yes", "--json")
    assert (done.returncode, done.stderr) == (1, b"")
    *calls, last = [json.loads(line) for line in done.stdout.splitlines()]
    old = server.transcript("talk")["calls"]
    assert [one["replays"] for one in calls] == [added["call"]["id"] for added in old]
    assert [one["same"] for one in calls] == [True, False, False, False, None]
    assert [one["status"] for one in calls] == ["ok"] * 4 + ["upstream_error"]
    for one, added in zip(calls, old, strict=True):
        assert one["was"] == {"call": added["call"], "output": added["output"]}
        assert one["now"]["call"]["id"] == one["call_id"]
        assert one["now"]["call"]["origin"]["call_id"] == one["replays"]
    assert calls[4]["now"]["call"]["error"]["message"] == "quota [/] used up"
    replay = newest(server)
    assert (last["session"], last["replay"]) == (old[0]["call"]["session"], replay["id"])
    totals = last["totals"]
    assert (totals["calls"], totals["same"], totals["failed"]) == (5, 1, 1)
    assert totals["was"]["output_tokens"] == server.sessions("talk")[0]["output_tokens"]
    assert totals["now"]["cost"] == pytest.approx(replay["cost"])
    assert (totals["was"]["failed"], totals["now"]["failed"]) == (0, 1)


def test_the_address_at_the_end_shows_both(shell: Shell, server: Server) -> None:
    calls = converse(server, "forked", "what stays?", "one way?")
    talk = [{"role": "user", "content": "what stays?"}, {"role": "assistant", "content": "You said: what stays?"}]
    body = {"model": "old", "messages": [*talk, {"role": "user", "content": "another way?"}]}
    server.post("/v1/chat/completions", {**body, "metadata": {"litellm_session_id": "forked"}})
    server.session("forked", calls=3)
    for branch, question in ((calls[1], "one way?"), ("", "another way?")):
        option = ("--branch", branch) if branch else ()
        *found, last = shell.lines("replay", "forked", "--model", "new", "--yes", *option)
        asked = server.transcript("forked")["calls"]
        by_id = {added["call"]["id"]: added["messages"][-1]["pieces"][0]["text"] for added in asked}
        assert [by_id[one["replays"]] for one in found] == ["what stays?", question]
        url = urllib.parse.urlsplit(last["compare"])
        query = dict(urllib.parse.parse_qsl(url.query))
        assert query == {"a": f"{last['session']}~{found[1]['replays']}", "b": last["replay"]}
        page = shown(server, f"{url.path}?{url.query}")
        assert "<title>Compare what stays? and what stays? · new · Sessionary</title>" in page
    assert "no such branch" in shell.refused("replay", "forked", "-m", "new", "-y", "--branch", "call_x")


def shown(server: Server, path: str) -> str:
    """A page, as who has logged in is given it."""
    login = urllib.parse.urlsplit(server.login_link())
    cookie = server.request("GET", f"{login.path}?{login.query}", key=None).headers["set-cookie"].partition(";")[0]
    answer = server.request("GET", path, headers={"cookie": cookie}, key=None)
    assert answer.status == 200, answer
    return answer.body.decode()


def test_without_a_name_it_is_the_newest_that_is_no_replay(shell: Shell, server: Server) -> None:
    converse(server, "latest", "what is new?")
    for name in ((), ("-",)):
        *_, last = shell.lines("replay", *name, "--model", "new", "--yes")
        assert last["session"] == server.sessions("latest")[0]["id"]
    assert newest(server)["id"] == last["replay"]
    assert "replays call_" in shell.run("show", last["replay"])


def test_a_long_session_is_read_some_calls_at_a_time(shell: Shell, server: Server) -> None:
    calls = converse(server, "long", *(f"question {n}" for n in range(120)))
    *found, last = shell.lines("replay", "long", "--model", "new", "--yes")
    assert [one["replays"] for one in found] == calls
    assert {one["same"] for one in found} == {True}
    assert last["totals"]["calls"] == 120


# On a terminal


def test_a_terminal_has_room_for_it_and_is_told_how_it_goes(shell: Shell) -> None:
    for columns in (40, 100):
        with Watching(shell, "replay", "talk", "--model", "new", columns=columns) as watching:
            watching.until("Replay? [y/N]")
            answer(watching, "y\n")
            assert watching.ended() == 1
        before, _, after = watching.plain.partition("\r")
        assert "Replay? [y/N] y" in before
        assert "5 of 5 answered, 1 failed" in after
        told = after.rpartition("\r")[2]
        lines = [line for line in told.splitlines() if "/ui/compare" not in line]
        assert all(len(line) <= columns for line in lines)
        assert "line 0 of" not in told  # both begin so: shown is where they differ
        assert "line 15 of the new" in told
        assert "line 19 of" not in told
        assert "\x1b[" in watching.written
    whole = Watching(shell, "replay", "talk", "--model", "new", "--yes", "--full", columns=100)
    with whole as watching:
        assert watching.ended() == 1
    assert "line 0 of" in watching.plain
    assert "line 19 of" in watching.plain


def test_colours_are_left_out_where_they_are_not_wanted(shell: Shell) -> None:
    shell.env["NO_COLOR"] = "1"
    with Watching(shell, "replay", "talk", "--model", "new", "--yes") as watching:
        assert watching.ended() == 1
    assert re.search(r"\x1b\[[0-9;]*3[0-7]", watching.written) is None


def test_nothing_that_was_said_moves_a_terminal(shell: Shell, server: Server) -> None:
    converse(server, "hostile", "obey", f"and {HOSTILE}")
    with Watching(shell, "replay", "hostile", "--model", "new", "--yes", columns=200) as watching:
        assert watching.ended() == 0
    told = watching.plain.rpartition("\r")[2]
    assert FORBIDDEN.search(told) is None
    assert "[bold red]markup[/] bell␇" in told
    for args in ((), ("--json",)):
        written = COLOURS.sub("", shell.run("replay", "hostile", "--model", "new", "--yes", *args))
        assert FORBIDDEN.search(written) is None


# What goes wrong


def test_ctrl_c_stops_it_and_says_how_far_it_came(shell: Shell, server: Server, provider: Provider) -> None:
    questions = [f"question {n}" for n in range(10)]
    converse(server, "interrupted", *questions)
    provider.stuck |= set(questions[2:])
    left = provider.fake.aborted
    with Watching(shell, "replay", "interrupted", "--model", "new", "--yes", columns=100) as watching:
        watching.until("2 of 10 answered")
        wait_for(lambda: len(provider.asked) == 6, what="four that are being asked")
        assert watching.interrupted() == 130
    assert "stopped: 6 of 10 calls were asked, 4 of them cancelled; the other 4 were not\n" in watching.plain
    replay = newest(server)
    assert f"&b={replay['id']}\n" in watching.plain
    assert "Traceback" not in watching.plain
    assert "Aborted" not in watching.plain
    assert (len(provider.asked), provider.fake.aborted - left) == (6, 4)
    assert (replay["calls"], replay["live"], replay["status"]) == (6, 0, "cut")


def test_a_gateway_that_goes_away_is_told_in_a_line(tmp_path: Path, provider: Provider) -> None:
    provider.fake.reset()
    model = f"name: new, model: openai-compatible/new, base_url: {provider.fake.base_url}, api_key: sk-1"
    with running_server(tmp_path, config=f"models:\n  - {{{model}}}\n") as server:
        converse(server, "away", "first?", "second?", model="new")
        provider.stuck.add("second?")
        shell = Shell(server, tmp_path)
        with Watching(shell, "replay", "away", "--model", "new", "--yes", columns=300) as watching:
            watching.until("1 of 2 answered")
            server.kill9()
            assert watching.ended() == 2
        last = watching.plain.rpartition("\r")[2]
        assert re.fullmatch(
            r"sessionary: the connection was lost \([^)]+\): 1 of 2 were answered, the rest are not asked any more; "
            r"see \S+/ui/compare\?a=ses_\w+&b=ses_\w+\n",
            last,
        )


def test_what_is_wrong_is_said_in_a_line(shell: Shell, server: Server) -> None:
    assert "There is no such session: nothing" in shell.refused("replay", "nothing", "-m", "new", "--yes")
    assert "no-such-model" in shell.refused("replay", "talk", "-m", "no-such-model", "--yes")
    assert "no such session" in shell.refused("replay", "", "-m", "new", "--yes")
    url = f"http://127.0.0.1:{free_port()}"
    assert f"no gateway answers at {url}" in shell.refused("replay", "talk", "-m", "new", "--yes", "--url", url)
    assert "does not take this key" in shell.refused("replay", "talk", "-m", "new", "-y", "--key", "sk-wrong")
    made = json.loads(server.cli("keys", "create", "--project", "other", "--json"))["key"]
    wait_for(lambda: shell.done("sessions", "--key", made).returncode == 0, what="the key")
    assert "no such session" in shell.refused("replay", "talk", "-m", "new", "-y", "--key", made)
    assert "there are no sessions yet" in shell.refused("replay", "-m", "new", "-y", "--key", made)
    narrow = json.loads(server.cli("keys", "create", "--project", "default", "--models", "old", "--json"))["key"]
    wait_for(lambda: shell.done("sessions", "--key", narrow).returncode == 0, what="the key")
    assert "new" in shell.refused("replay", "talk", "-m", "new", "-y", "--key", narrow)


SESSION = {"id": "ses_x", "session_id": "x", "title": "x", "branches": 0, "calls": 1, "live": 0}
PLAN = {
    "session": "ses_x",
    "model": "new",
    "until": "call_1",
    "uncounted": 0,
    "calls": ["call_1"],
    "left_out": [],
    "cost": None,
    "estimate": None,
}
PLAN |= {"input_tokens": 1, "output_tokens": 1}
EVENTS = {"content-type": "text/event-stream"}


def test_what_a_gateway_that_stops_has_not_asked_is_said(shell: Shell) -> None:
    began = b'data: {"event":"began","session":"ses_y","session_id":"y","calls":2}\n\n'
    answered = b'data: {"event":"answered","replays":"call_1","call_id":"call_2","status":"ok","error":null}\n\n'
    ended = b'data: {"event":"waiting"}\n\ndata: {"event":"ended"}\n\n'
    with FakeUpstream() as other:
        other.default = Reply(json.dumps({"session": SESSION, "calls": []}).encode())
        other.script(Reply(json.dumps(PLAN).encode()), other.default)
        other.script(Reply(pieces=[began, answered, ended], headers=EVENTS))
        done = shell.done("replay", "x", "-m", "new", "-y", "--json", "--url", other.base_url)
        assert (done.returncode, done.stderr) == (1, b"1 more were not asked: the gateway stops\n")
        one, last = [json.loads(line) for line in done.stdout.splitlines()]
        assert (one["call_id"], one["same"], one["was"], one["now"]) == ("call_2", None, None, None)
        assert last["totals"]["calls"] == 1


def test_what_is_no_replay_is_said_to_be_none(shell: Shell) -> None:
    with FakeUpstream() as other:

        def refused(*pieces: bytes, **reply: Any) -> str:
            other.script(
                Reply(json.dumps(PLAN).encode()), Reply(json.dumps({"session": SESSION, "calls": []}).encode())
            )
            other.script(Reply(pieces=list(pieces), headers=EVENTS, **reply))
            done = shell.done("replay", "x", "-m", "new", "-y", "--json", "--url", other.base_url)
            assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1), done
            return done.stderr.decode()

        assert "lost (it ended too early)" in refused()
        other.reset()
        nothing = PLAN | {"calls": [], "left_out": [{"call_id": "call_1", "why": "It has not ended."}]}
        other.script(Reply(json.dumps(nothing).encode()), Reply(json.dumps({"session": SESSION, "calls": []}).encode()))
        done = shell.done("replay", "x", "-m", "new", "-y", "--url", other.base_url)
        assert done.returncode == 2
        assert done.stdout.decode().endswith("\nleft out: call_1: It has not ended.\n")
        assert done.stderr == b"sessionary: none of its calls can be asked again\n"
        assert [received.method for received in other.requests] == ["GET", "GET"]
        began = b'data: {"event":"began","session":"ses_y","session_id":"y","calls":1}\n\n'
        assert "0 of 1 were answered" in refused(began)
        assert "was lost" in refused(began, reset=True)
        assert "not what a gateway gives" in refused(b"data: nothing\n\n")
        assert "of another version" in refused(b'data: {"event":"began"}\n\n')
        posted = [received for received in other.requests if received.method == "POST"]
        assert {received.json["model"] for received in posted} == {"new"}
        assert {received.headers["authorization"] for received in other.requests} == {f"Bearer {MASTER_KEY}"}
