"""S10: what a rule finds is gone from the bytes that are kept, in whatever way it was written, and nothing else is."""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary import incoming
from sessionary.auth import Principal
from sessionary.errors import SettingsError
from sessionary.heads import Head
from sessionary.record import kept
from sessionary.record.exchange import Begin, Finish, Record
from sessionary.record.recorder import Recording
from sessionary.redaction import Redacting, Redactions, Rule, compiled
from sessionary.redaction.columns import columns
from sessionary.settings import Redaction, Settings
from sessionary.state.context import Context

CANARY = "kanari-4711"
PATTERN = Redaction("canary", r"kanari-\d+", place="config.yaml:3")
MARK = "[redacted canary]"


def redacting(*rules: Redaction, project: str = "default") -> Redacting:
    found = Redactions(compiled(Settings(redact=list(rules or (PATTERN,)))), "the gateway's").of(project)
    assert found is not None
    return found


def body(value: Any, *rules: Redaction) -> Any:
    return json.loads(redacting(*rules).body(json.dumps(value).encode()))


# -- strings, wherever and however they are written

texts = st.text(max_size=8) | st.sampled_from(['"', "\\", "\n", "é", "😀", "[redacted canary]"])
planted = st.tuples(texts, texts).map(lambda around: around[0] + CANARY + around[1])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | texts | planted,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(texts | planted, below, max_size=4),
    max_leaves=12,
)


def strings_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for below in value if isinstance(value, list) else [*value.keys(), *value.values()]:
            yield from strings_in(below)


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case list():
            return [mapped(below, change) for below in value]
        case dict():
            return {change(name): mapped(below, change) for name, below in value.items()}
    return value


@given(value=values, seed=st.integers(), space=st.sampled_from(["", " ", "\r\n\t"]))
def test_no_json_text_keeps_what_a_rule_finds(value: Any, seed: int, space: str) -> None:
    """S10. Whatever is escaped, and where."""
    sent = written(value, space, random.Random(seed)).encode()
    rules = redacting()
    out = rules.body(sent)
    assert CANARY.encode() not in out
    assert not any(CANARY in text for text in strings_in(json.loads(out)))
    assert json.loads(out) == mapped(value, rules.text)
    assert rules.body(out) == out
    if CANARY not in "".join(strings_in(value)):
        assert out == sent


def written(value: Any, space: str, chance: random.Random) -> str:
    """As JSON, some letters as `\\uXXXX`."""
    match value:
        case str():
            letters = [
                f"\\u{ord(c):04x}" if c < "\x7f" and chance.random() < 0.3 else json.dumps(c)[1:-1] for c in value
            ]
            return f'"{"".join(letters)}"'
        case list():
            return f"[{space}{f',{space}'.join(written(below, space, chance) for below in value)}]"
        case dict():
            pairs = [f"{written(k, space, chance)}{space}:{written(v, space, chance)}" for k, v in value.items()]
            return f"{{{f'{space},'.join(pairs)}{space}}}"
    return json.dumps(value)


@given(value=values, rest=st.binary(max_size=20))
def test_broken_json_is_looked_at_as_text_too(value: Any, rest: bytes) -> None:
    sent = json.dumps(value).encode()[:-1] + b" " + CANARY.encode() + rest
    assert CANARY.encode() not in redacting().body(sent)


def test_bytes_stay_where_nothing_is_found() -> None:
    sent = b'{ "a" : 1.0e2,\r\n"a": 12345678901234567890123, "b":"\\ud83d", "c": NaN, "d": "\\u0041" }'
    assert redacting().body(sent) is sent


def test_only_the_string_changes() -> None:
    """Not the number's form, not a key that comes twice, not half a pair of surrogates elsewhere."""
    sent = rb'{ "n": 1.0e2, "a":"\ud83d", "a": "see kanari-\u0034711 \u00e9", "z":[ ] }'
    assert redacting().body(sent) == '{ "n": 1.0e2, "a":"\\ud83d", "a": "see [redacted canary] é", "z":[ ] }'.encode()


def test_depth_and_length_cost_no_more_than_their_size() -> None:
    """S8: bytes that nobody can parse are read once, like any others."""
    rules = redacting(PATTERN, Redaction("field", field="a.a"))
    for sent in (b'{"a":' * 100_000, b'"' + b'\\"' * 100_000, b"[" * 100_000 + b"]" * 50_000, b'"a\\' * 50_000):
        assert CANARY.encode() not in rules.body(sent + CANARY.encode())


def test_a_tools_arguments_are_json_within_a_string() -> None:
    arguments = json.dumps({"note": f"x {CANARY}", "n": 1}).replace("4711", "\\u0034711")
    call = {"function": {"name": "save", "arguments": arguments}}
    out = body({"messages": [{"tool_calls": [call]}]})
    inner = json.loads(out["messages"][0]["tool_calls"][0]["function"]["arguments"])
    assert inner == {"note": f"x {MARK}", "n": 1}


def test_what_a_data_url_holds_is_left_alone() -> None:
    picture = "data:image/png;base64," + base64.b64encode(b"x" * 99).decode()
    rule = Redaction("x", "eHh4")
    assert body({"url": picture}, rule) == {"url": picture}
    assert body({"url": picture}, Redaction("x", "eHh4", "url"))["url"] != picture
    assert CANARY not in json.dumps(body({"url": f"data:text/plain;base64,{CANARY}"}))


# -- rules


def test_finds_that_overlap_are_one() -> None:
    rules = (Redaction("word", r"[a-z]+-"), PATTERN)
    assert redacting(*rules).text(f"a {CANARY} b") == "a [redacted word] b"


def test_a_group_named_secret_is_what_goes() -> None:
    rule = Redaction("password", r"password=(?P<secret>\S+)")
    out = redacting(rule).text("password=hunter2 and more")
    assert out == "password=[redacted password] and more"
    assert redacting(rule).text(out) == out


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("user", {"user": "ann"}, {"user": "[redacted f]"}),
        (
            "metadata.email",
            {"metadata": {"email": "a@b.c", "x": "y"}},
            {"metadata": {"email": "[redacted f]", "x": "y"}},
        ),
        ("metadata.*", {"metadata": {"a": 17, "b": None}}, {"metadata": {"a": "[redacted f]", "b": None}}),
        (
            "messages[*].content",
            {
                "messages": [{"role": "user", "content": [{"type": "text", "text": "]}"}]}, {"content": "x"}],
                "n": [1, 2],
            },
            {"messages": [{"role": "user", "content": "[redacted f]"}, {"content": "[redacted f]"}], "n": [1, 2]},
        ),
        (
            "input[*].content[1].text",
            {"input": [{"content": [{"text": "a"}, {"text": "b"}]}]},
            {"input": [{"content": [{"text": "a"}, {"text": "[redacted f]"}]}]},
        ),
        ("a.b", {"b": "x", "a": ["b", {"b": "x"}]}, {"b": "x", "a": ["b", {"b": "x"}]}),
    ],
)
def test_a_field_goes_whole(field: str, value: Any, expected: Any) -> None:
    rule = Redaction("f", field=field)
    assert body(value, rule) == expected
    assert body(body(value, rule), rule) == expected


def test_a_pattern_with_a_field_is_for_that_field() -> None:
    rule = Redaction("canary", PATTERN.pattern, "metadata")
    out = body({"metadata": {"a": [f"x {CANARY}"]}, "user": CANARY, CANARY: 1}, rule)
    assert out == {"metadata": {"a": [f"x {MARK}"]}, "user": CANARY, CANARY: 1}


def test_a_field_within_a_tools_arguments() -> None:
    rule = Redaction("pin", field="calls[*].arguments.pin")
    out = body({"calls": [{"arguments": '{"pin": "1234", "x": "pin"}'}]}, rule)
    assert out == {"calls": [{"arguments": '{"pin": "[redacted pin]", "x": "pin"}'}]}


def test_rules_are_for_their_projects() -> None:
    rules = compiled(Settings(redact=[Redaction("canary", PATTERN.pattern, projects=["bank"])]))
    assert Redactions(rules).of("shop") is None
    assert Redactions(rules).of("bank") is not None
    assert Redactions().of("bank") is None


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        (Redaction("a", "(", place="c.yaml:7"), "c.yaml:7: the pattern of 'a' is not one of RE2's: missing )"),
        (Redaction("a", r"(?<=x)y", place="c.yaml:7"), "c.yaml:7: the pattern of 'a' is not one of RE2's"),
        (Redaction("a", field="a..b", place="c.yaml:7"), "c.yaml:7: the field of 'a' is no path"),
        (Redaction("a]", "x", place="c.yaml:7"), "c.yaml:7: the name of a redaction"),
    ],
)
def test_what_cannot_be_used_is_said_at_the_start(rule: Redaction, complaint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        compiled(Settings(redact=[rule]))
    assert raised.value.message.startswith(complaint)


def test_a_missing_extra_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "re2", None)
    with pytest.raises(SettingsError, match=r"^config.yaml:3: a pattern needs the extra 'redaction'"):
        compiled(Settings(redact=[PATTERN]))
    assert compiled(Settings(redact=[Redaction("user", field="user")]))


# -- requests


def kept_of(request: incoming.Incoming, rules: Redacting) -> Begin:
    principal = Principal(1, "default", 1, "key_1", "k")
    may = incoming.kept(request, rules)
    return incoming.begin(request, principal, Context(), may, keep_all=False, threading=True)


def asked(headers: dict[str, str], **fields: Any) -> incoming.Incoming:
    sent = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    return incoming.read("chat.completions", Head(headers), json.dumps(sent).encode())


def test_ids_stay_apart_and_the_same() -> None:
    """Of a session, an agent and a user whose ids must not be kept."""
    headers = {"x-session-id": f"of {CANARY}", "x-session-agent": f"main/{CANARY}", "x-session-name": "kanari%2D1 b"}
    rules = redacting()
    one, again = (kept_of(asked(headers, user=CANARY), rules) for _ in range(2))
    other = kept_of(asked({**headers, "x-session-id": "of kanari-5"}, user="kanari-5"), rules)
    plain = kept_of(asked({"x-session-id": "mine"}, user="ann"), rules)
    assert (one.session_id, one.user, one.agent) == (again.session_id, again.user, again.agent)
    assert one.session_id != other.session_id
    assert one.user != other.user
    assert one.session_text.startswith(f"of {MARK} ")
    assert (one.name, one.agent_parent, one.agent_name) == (f"{MARK} b", "main", MARK)
    assert (plain.session_text, plain.user) == ("mine", "ann")
    assert CANARY.encode() not in b"".join(str(begin).encode() for begin in (one, other))


def test_a_field_that_names_the_session() -> None:
    rules = redacting(Redaction("id", field="metadata.session_id"))
    one, other = (kept_of(asked({}, metadata={"session_id": id}), rules) for id in ("a", "b"))
    assert one.session_id != other.session_id
    assert one.session_text.startswith("[redacted id] ")
    assert one.rule == "metadata.session_id"


# -- answers


def begun(endpoint: str = "chat.completions", *, stream: bool = True) -> Begin:
    known = dict.fromkeys(("session_id", "session_text", "rule", "model", "client", "user"), "")
    return Begin(
        "call_1", 0, 1, "key_1", source="none", endpoint=endpoint, stream=stream, headers={}, body=b"{}", **known
    )


def events(*said: str, done: bool = True) -> bytes:
    deltas = [json.dumps({"id": "c", "choices": [{"index": 0, "delta": {"content": one}}]}) for one in said]
    return "".join(f"data: {one}\n\n" for one in [*deltas, *(["[DONE]"] if done else [])]).encode()


def test_a_stream_in_which_nothing_is_found_is_kept_as_it_came() -> None:
    data = b": ping\n\n" + events("kana", "ri ", "4711")
    assert kept.redacted_answer(begun(), data, redacting()).body is data


@given(cuts=st.lists(st.integers(1, 30), max_size=6))
def test_a_find_that_is_spread_over_deltas(cuts: list[int]) -> None:
    said = f"before {CANARY} after it"
    at = [0, *sorted(set(cuts)), len(said)]
    pieces = [said[start:end] for start, end in pairwise(at) if start < end]
    out = kept.redacted_answer(begun(), events(*pieces), redacting())
    assert json.loads(out.body)["choices"][0]["message"]["content"] == f"before {MARK} after it"
    assert out.assembled is not None
    assert out.assembled.complete


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.output_text.delta", "output_index": 0, "item_id": "i", "delta": None},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": None}},
        {"choices": [{"index": 0, "delta": {"reasoning": None}}]},
        {"x": {"of": [{"their": None}]}},
    ],
)
def test_pieces_are_put_together_wherever_they_stand(event: dict[str, Any]) -> None:
    """Also where the last event of a stream does not repeat what the others said."""
    said = [json.dumps(event).replace("null", json.dumps(piece)) for piece in ("kana", "ri-4", "711")]
    data = "".join(f"data: {one}\n\n" for one in said).encode()
    assert any(CANARY in text for text in columns(data))


def test_what_stands_beside_the_events_is_looked_at() -> None:
    data = events("hi") + f": {CANARY}\n\n".encode()
    assert CANARY.encode() not in kept.redacted_answer(begun(), data, redacting()).body


def test_an_end_that_is_kept_as_json_still_says_that_it_is_none() -> None:
    finish = Finish("call_1", 1, "ok", 200, "p", f"of {CANARY}", CANARY, 1, "", f"no {CANARY}", [], {"x": CANARY}, b"")
    rules = redacting()
    answer = kept.redacted_answer(begun(), events("a ", CANARY, done=False), rules)
    out = kept.redacted(finish, answer, rules)
    assert (out.status, out.error_type) == ("upstream_error", "stream_incomplete")
    assert out.headers == {"x": MARK, "content-type": "application/json"}
    assert CANARY not in str(out)


def test_metadata_alone() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    said = (
        events(CANARY)[: -len("data: [DONE]\n\n")]
        + f"data: {json.dumps({'usage': usage})}\n\ndata: [DONE]\n\n".encode()
    )
    finish = Finish("call_1", 1, "upstream_error", 200, "p", "d", "m", 1, "t", f"no {CANARY}", [], {"x": CANARY}, said)
    out = kept.without_contents(begun(), finish)
    assert CANARY not in str(out)
    assert json.loads(out.body) == {"id": "c", "usage": usage}


def test_a_page_of_html_is_a_text() -> None:
    """What a proxy in between answered, though a stream was asked for."""
    page = f"<html>\r\n<p>{CANARY}".encode()
    assert kept.redacted_answer(begun(), page, redacting()).body == f"<html>\r\n<p>{MARK}".encode()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end(end: str) -> None:
    data = f": {CANARY}{end}{end}data: {{}}{end}{end}".encode()
    assert CANARY.encode() not in kept.redacted_answer(begun(), data, redacting()).body


def test_where_redacting_fails_nothing_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """Of a request and of an answer. It is counted, and the relay hears nothing of it."""

    def fails(text: bytes) -> list[tuple[int, int]]:
        raise RuntimeError(text)

    rules = Redactions([Rule("canary", fails)]).of("default")
    assert rules is not None
    request = asked({"x-session-id": CANARY, "user-agent": CANARY}, user=CANARY)
    with pytest.raises(RuntimeError):
        incoming.kept(request, rules)
    principal = Principal(1, "default", 1, "key_1", "k")
    may = incoming.nothing_kept(request, rules)
    begin = incoming.begin(request, principal, Context(), may, keep_all=True, threading=True)
    assert (begin.unkept, begin.private, begin.resumable) == ("failed", True, False)
    assert begin.session_text.startswith("[redacted] ")
    written: list[Record] = []
    counted: list[int] = []
    recording = Recording(begun(), lambda r: not written.append(r), lambda *_: None, rules, lambda: counted.append(1))
    recording.keep(b"{}")
    recording.chunk(events(CANARY))
    recording.checkpoint()
    assert not written, "before its end an answer that may not be kept is not written"
    recording.finish("ok", http_status=200, error_message=CANARY, headers={"x": CANARY})
    (finish,) = written
    assert isinstance(finish, Finish)
    assert (finish.status, finish.body, counted) == ("ok", b"", [1])
    for found in (begin, finish, recording.answer(), caplog.text):
        assert CANARY not in str(found)


async def test_much_is_redacted_in_a_thread() -> None:
    """And what came after that is looked at with the rest."""
    written: list[Record] = []
    recording = Recording(begun(), lambda r: not written.append(r), lambda *_: None, redacting())
    recording.keep(b"{}")
    recording.chunk(events(*["long "] * 2000, CANARY[:5], done=False))
    await recording.settle()
    recording.chunk(events(CANARY[5:]))
    recording.finish("ok", http_status=200)
    (finish,) = written
    assert isinstance(finish, Finish)
    assert json.loads(finish.body)["choices"][0]["message"]["content"].endswith(f"long {MARK}")
    assert recording.answer() == finish.body


# -- known secrets


@pytest.fixture(scope="module")
def secrets(request: pytest.FixtureRequest) -> Redacting:
    assert request.config.cache is not None
    folder = Path(request.config.cache.mkdir("detectors"))
    found = Redactions(compiled(Settings(redact_secrets=True, data_dir=folder))).of("default")
    assert found is not None
    return found


def drawn(count: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(count).choices(letters, k=count))


@pytest.mark.parametrize(
    "secret",
    [
        "ghp_" + drawn(36),
        "github_pat_" + drawn(22) + "_" + drawn(59),
        "xoxb-" + drawn(12, string.digits) + "-" + drawn(13, string.digits) + "-" + drawn(24),
        "sk_live_" + drawn(24),
        "sk-ant-api03-" + drawn(93) + "AA",
        "AIza" + drawn(35),
        "hf_" + drawn(34, string.ascii_letters),
        "-----BEGIN PRIVATE KEY-----\n" + drawn(1600) + "\n-----END PRIVATE KEY-----",
    ],
)
def test_known_secrets(secrets: Redacting, secret: str) -> None:
    sent = {"messages": [{"content": f"my key is {secret} keep it"}], "arguments": json.dumps({"key": secret})}
    out = json.loads(secrets.body(json.dumps(sent).encode()))
    assert out["messages"][0]["content"] == "my key is [redacted secret] keep it"
    assert drawn(20) not in json.dumps(out)
    assert json.loads(out["arguments"]) == {"key": "[redacted secret]"}


def test_what_is_no_secret_stays(secrets: Redacting) -> None:
    sent = json.dumps(
        {
            "id": "resp_0198d7c2-7a5c-7b1e-9c4e-0123456789ab",
            "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "said": "The token expires; set the password in your settings. def key(): return 'abc'",
            "picture": base64.b64encode(bytes(range(256)) * 40).decode(),
        }
    ).encode()
    assert secrets.body(sent) is sent
