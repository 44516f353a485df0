"""F10, F11: providers that never connect, never answer, fall silent, break off, or answer with something else.

Each of them is asked in all three formats, straight and translated, streamed and whole, all at once. Then three
histories are compared: what the client got, what the provider saw, and what the log says.
"""

import contextlib
import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.faults.raw import Asked, Behaviour, Connection, RawUpstream, full_backlog
from tests.support import scripted
from tests.support.server import Answer, Server, free_port, running_server, wait_for
from tests.support.upstream import Received

TIMEOUT = 1.5
MOST = 2 << 20
EVENTS = "content-type: text/event-stream"
JSON = "content-type: application/json"
SAID = "Hello, you."
OTHER = {"chat": "messages", "responses": "chat", "messages": "responses"}
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}


def events(asked: Asked) -> list[bytes]:
    return scripted.stream(asked.path, "text")


def whole(asked: Asked) -> bytes:
    return json.dumps(scripted.whole(asked.path, "text")).encode()


def either(asked: Asked) -> bytes:
    return b"".join(events(asked)) if asked.json.get("stream") else whole(asked)


def kind(asked: Asked) -> str:
    return EVENTS if asked.json.get("stream") else JSON


def begins(c: Connection, asked: Asked, *lines: str) -> None:
    """Headers, and half of the answer up to the middle of an event."""
    c.head(kind(asked), *lines)
    body = either(asked)
    c.send(body[: len(body) // 2])


def silent(c: Connection, asked: Asked) -> None:
    c.wait()


def silent_after_its_headers(c: Connection, asked: Asked) -> None:
    c.head(kind(asked), "content-length: 1000")
    c.wait()


def silent_within(c: Connection, asked: Asked) -> None:
    begins(c, asked, "content-length: 100000")
    c.wait()


def trickling(c: Connection, asked: Asked) -> None:
    """Never silent for long, and never done."""
    c.head(kind(asked), "content-length: 1000")
    c.socket.settimeout(0.1)
    with contextlib.suppress(ConnectionError):
        for _ in range(80):
            c.send(b" ")
            with contextlib.suppress(TimeoutError):
                if not c.socket.recv(1):
                    break
    c.let_go()
    c.socket.close()


def open_after_its_end(c: Connection, asked: Asked) -> None:
    c.head(kind(asked), "transfer-encoding: chunked")
    c.chunk(either(asked))
    c.wait()


def reset_within(c: Connection, asked: Asked) -> None:
    begins(c, asked, "content-length: 100000")
    time.sleep(0.1)
    c.reset()


def closing_within(c: Connection, asked: Asked) -> None:
    """Says that its end is its end, so nothing shows in HTTP."""
    begins(c, asked, "connection: close")
    c.socket.close()


def longer_than_it_is(c: Connection, asked: Asked) -> None:
    body = either(asked)[:-30]
    c.head(kind(asked), f"content-length: {len(body) + 500}")
    c.send(body)
    c.socket.close()


def shorter_than_it_is(c: Connection, asked: Asked) -> None:
    body = either(asked)
    c.head(kind(asked), f"content-length: {len(body) // 2}")
    c.send(body)
    c.socket.close()


@cache
def packed_tightly(*, stream: bool) -> bytes:
    """Of 150 MB."""
    packed = zlib.compressobj(1, wbits=31)
    data = packed.compress(b"data: {}\n\n" if stream else b'{"x":"')
    return (
        data
        + b"".join(packed.compress((b"data: {" + b" " * 990 + b"}\n\n") * 1000) for _ in range(150))
        + packed.flush()
    )


def bomb(c: Connection, asked: Asked) -> None:
    data = packed_tightly(stream=bool(asked.json.get("stream")))
    c.head(kind(asked), "content-encoding: gzip", f"content-length: {len(data)}")
    c.send(data)


def packed(c: Connection, asked: Asked) -> None:
    data = gzip.compress(either(asked))
    c.head(kind(asked), "content-encoding: gzip", f"content-length: {len(data)}")
    c.send(data)


def packed_otherwise(c: Connection, asked: Asked) -> None:
    c.head(kind(asked), "content-encoding: br", "content-length: 4")
    c.send(b"\x8b\x01\x80\x03")


def huge(c: Connection, asked: Asked) -> None:
    c.head(JSON, "connection: close")
    c.send(b'{"x":"' + b"x" * (MOST + 1) + b'"}')
    c.socket.close()


def page(c: Connection, asked: Asked) -> None:
    body = b"<html><h1>Welcome to upstream-7.internal</h1></html>"
    c.head("content-type: text/html", f"content-length: {len(body)}")
    c.send(body)


def page_502(c: Connection, asked: Asked) -> None:
    body = b"<html>bad gateway at upstream-7.internal</html>"
    c.head("content-type: text/html", f"content-length: {len(body)}", status="502 Bad Gateway")
    c.send(body)


def of_another_type(c: Connection, asked: Asked) -> None:
    body = either(asked)
    c.head("content-type: application/octet-stream", f"content-length: {len(body)}")
    c.send(body)


def a_header_too_long(c: Connection, asked: Asked) -> None:
    c.head(kind(asked), "x-long: " + "x" * 200_000, "content-length: 0")
    c.socket.close()


def headers_without_end(c: Connection, asked: Asked) -> None:
    c.send(b"HTTP/1.1 200 OK\r\n")
    lines = b"".join(b"x-%d: %s\r\n" % (n, b"x" * 1000) for n in range(1000))
    for _ in range(20):
        c.send(lines)


def hints_first(c: Connection, asked: Asked) -> None:
    c.head("link: </x>; rel=preload", status="103 Early Hints")
    c.head(status="100 Continue")
    body = either(asked)
    c.head(kind(asked), f"content-length: {len(body)}")
    c.send(body)


def switching(c: Connection, asked: Asked) -> None:
    c.head("upgrade: websocket", "connection: upgrade", status="101 Switching Protocols")
    c.wait()


def redirect(c: Connection, asked: Asked) -> None:
    c.head(f"location: http://127.0.0.1:{free_port()}/v1/elsewhere", "content-length: 0", status="307 Moved")


def empty(c: Connection, asked: Asked) -> None:
    c.head(kind(asked), "content-length: 0")


def chunked_badly(c: Connection, asked: Asked) -> None:
    c.head(kind(asked), "transfer-encoding: chunked")
    c.chunk(either(asked)[:100])
    time.sleep(0.2)
    c.send(b"zz\r\nnot a size\r\n")
    c.wait()


def no_http(c: Connection, asked: Asked) -> None:
    c.send(b"SSH-2.0-OpenSSH_9.6\r\n")
    c.socket.close()


def error_within(c: Connection, asked: Asked) -> None:
    """A stream that tells of an error, as its format does, and stays open."""
    asked.json["model"] = "fails"
    pieces = scripted.reply(Received("POST", asked.path, {}, json.dumps(asked.json).encode())).pieces
    c.head(EVENTS)
    c.send(b"".join(pieces or []))
    c.socket.close()


def odd(asked: Asked) -> bytes:
    """A stream that is right in every detail, and looks like no other."""
    said = b"".join(events(asked)).replace(b"Hel", "H\u00e9\U0001f600l".encode())
    return b"\xef\xbb\xbf: hello\r\n\r\n" + said.replace(b"\n\n", b"\n: so\n\n").replace(b"\n", b"\r\n")


def bytewise(c: Connection, asked: Asked) -> None:
    """The odd one, a byte at a time, and something more behind it."""
    c.head(EVENTS, "connection: close")
    c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in odd(asked) + b"data: {}\n\n":
        c.send(bytes([byte]))
    c.socket.close()


def good(c: Connection, asked: Asked) -> None:
    body = either(asked)
    c.head(kind(asked), f"content-length: {len(body)}")
    c.send(body)


@dataclass(frozen=True)
class Fault:
    does: Behaviour
    status: int
    """Of a whole answer; 200: all is well."""
    code: str = "upstream_unreachable"
    streamed: int | None = None
    """Of a streamed one, if it is another; 0: well begun, then an error event. None: as for a whole one."""
    kept: str = "upstream_error"
    lets_go: bool = False
    """Whether it waits to be let go of."""
    either: bool = False
    """Whether a stream may also have begun well: that is up to how the bytes come."""


UNREADABLE = "upstream_unreadable"
BROKE = "upstream_broke_off"
FAULTS = {
    "silent": Fault(silent, 504, "upstream_timeout", kept="timeout", lets_go=True),
    "silent-after-headers": Fault(silent_after_its_headers, 504, "upstream_timeout", 0, "timeout", True),
    "silent-within": Fault(silent_within, 504, "upstream_timeout", 0, "timeout", True),
    "trickling": Fault(trickling, 504, "upstream_timeout", None, "timeout", True),
    "open-after-end": Fault(open_after_its_end, 504, "upstream_timeout", 200, "timeout", True),
    "reset": Fault(reset_within, 502, BROKE, 0),
    "closing-within": Fault(closing_within, 502, UNREADABLE, 0),
    "too-long": Fault(longer_than_it_is, 502, BROKE, 0),
    "too-short": Fault(shorter_than_it_is, 502, "", either=True),
    "bomb": Fault(bomb, 502, "upstream_too_large", 0),
    "packed": Fault(packed, 200),
    "packed-otherwise": Fault(packed_otherwise, 502, UNREADABLE, 0),
    "huge": Fault(huge, 502, "upstream_too_large"),
    "page": Fault(page, 502, UNREADABLE),
    "page-502": Fault(page_502, 502, ""),
    "another-type": Fault(of_another_type, 200),
    "long-header": Fault(a_header_too_long, 502),
    "headers-without-end": Fault(headers_without_end, 502),
    "hints": Fault(hints_first, 200),
    "switching": Fault(switching, 502, UNREADABLE, lets_go=True),
    "redirect": Fault(redirect, 502),
    "empty": Fault(empty, 502, UNREADABLE, 0),
    "bad-chunk": Fault(chunked_badly, 502, BROKE, 0),
    "no-http": Fault(no_http, 502),
    "error": Fault(error_within, 502, streamed=0),
    "refused": Fault(good, 502),
    "full": Fault(good, 504, "upstream_timeout", kept="timeout"),
}


BEFORE = frozenset({"silent", "full", "refused", "huge", "long-header", "headers-without-end", "redirect", "no-http"})
"""What fails before any format has a word in it: straight alone."""


@dataclass(frozen=True)
class Case:
    fault: str
    caller: str
    spoken: str
    stream: bool

    @property
    def model(self) -> str:
        kind = self.fault if self.fault in ("refused", "full") else "at"
        if kind == "at" and FAULTS[self.fault].code == "upstream_timeout":
            kind = "slow"
        return f"{kind}/{self.spoken}/{self.fault}"

    def ask(self, server: Server, model: str = "") -> Answer:
        body: dict[str, Any] = {"model": model or self.model, "stream": self.stream, "session_id": self.model}
        asked = [{"role": "user", "content": f"{self}"}]
        body |= {"input": asked} if self.caller == "responses" else {"messages": asked, "max_tokens": 100}
        return server.post(PATHS[self.caller], body)


CASES = [
    Case(fault, caller, spoken, stream)
    for fault in FAULTS
    for caller in OTHER
    for spoken in ((caller,) if fault in BEFORE else (caller, OTHER[caller]))
    for stream in (False, True)
    if fault not in ("error", "trickling") or stream == (fault == "error")
]


@dataclass
class Came:
    """Of a case: the answer, the seconds until it was whole, and what the log has."""

    answer: Answer
    seconds: float
    ended: float
    call: dict[str, Any]


@dataclass
class World:
    server: Server
    upstream: RawUpstream
    came: dict[Case, Came]
    grown: int
    """Bytes that the server's processes have needed more than before, at most."""


def config(at: str, refused: int, full: int) -> str:
    def deployment(address: str, spoken: str, more: str = "") -> str:
        provider = "provider: openai-compatible, api_key: x"
        return f'{{{provider}, model: "*", base_url: "{address}", formats: [{spoken}]{more}}}'

    models = []
    soon = f", timeout: {TIMEOUT}"
    for name, address, more in (
        ("at", at, ""), ("slow", at, soon), ("refused", local(refused), ""), ("full", local(full), "")
    ):  # fmt: skip
        for spoken in OTHER:
            models.append(f'  - {{name: "{name}/{spoken}/*", deployments: [{deployment(address, spoken, more)}]}}')
    for spoken in OTHER:
        second = deployment(at, spoken, ", weight: 0").replace('"*"', "good")
        models.append(f'  - {{name: "safe/{spoken}/*", deployments: [{deployment(at, spoken)}, {second}]}}')
    head = f"timeout: 30\nidle_timeout: {TIMEOUT}\nconnect_timeout: {TIMEOUT}\nmax_answer: {MOST}\n"
    return f"{head}cooldown: 60\nmodels:\n" + "\n".join(models)


def local(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1"


def memory(server: Server) -> int:
    """The most that each of the server's processes has had at a time, in bytes."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if str(server.data_dir).encode() in (status.parent / "cmdline").read_bytes():
                lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
                total += int(lines["VmHWM"].split()[0]) * 1024
        except (OSError, KeyError):
            continue
    return total


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    behaviours = {name: fault.does for name, fault in FAULTS.items()} | {
        "good": good,
        "bytewise": bytewise,
        "poison": Poison(),
    }
    with RawUpstream(behaviours) as upstream, full_backlog() as full:
        text = config(upstream.base_url, free_port(), full)
        with running_server(tmp_path_factory.mktemp("upstreams"), config=text) as server:
            server.post(PATHS["chat"], {"model": "at/chat/good", "messages": [{"role": "user", "content": "hi"}]})
            before = memory(server)
            _ = packed_tightly(stream=True), packed_tightly(stream=False)

            def run(case: Case) -> tuple[Answer, float, float]:
                began = time.monotonic()
                answer = case.ask(server)
                return answer, time.monotonic() - began, time.monotonic()

            with ThreadPoolExecutor(24) as pool:
                answers = list(pool.map(run, CASES))
            grown = memory(server) - before
            came = {
                case: Came(*found, server.call(found[0].headers["x-call-id"], seconds=20))
                for case, found in zip(CASES, answers, strict=True)
            }
            yield World(server, upstream, came, grown)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_provider_that_misbehaves(world: World, fault: str) -> None:
    """F10, F11."""
    expected = FAULTS[fault]
    for case, came in world.came.items():
        if case.fault != fault:
            continue
        status = expected.status if expected.streamed is None or not case.stream else expected.streamed
        if expected.either and case.stream and came.answer.status == 200:
            status = 0
        assert came.answer.status == (status or 200), (case, came.answer)
        assert came.seconds < 20, case  # generous: everything runs at once; a hang would be 30
        shown = came.answer.body.decode() + str({k: v for k, v in came.answer.headers.items() if k != "x-session-id"})
        for secret in ("127.0.0.1", str(world.upstream.port), "upstream-7", "aiohttp", "Traceback"):
            assert secret not in shown, case
        if status == 200:
            assert "".join(texts(case, came.answer.body)) == SAID, case
            assert (came.call["status"], came.call["error"]) == ("ok", None), (case, came.call)
            continue
        check_error(case, came.answer, expected.code, begun=status == 0)
        assert came.call["status"] == expected.kept, (case, came.call)
        assert came.call["error"]["type"], case
        assert came.call["error"]["message"], case


def texts(case: Case, body: bytes) -> Iterator[str]:
    """What the client is told, in its own format."""
    if not case.stream:
        answer = json.loads(body)
        match case.caller:
            case "chat":
                yield answer["choices"][0]["message"]["content"]
            case "responses":
                yield answer["output"][0]["content"][0]["text"]
            case "messages":
                yield answer["content"][0]["text"]
        return
    for event in told(body):
        match event:
            case {"choices": [{"delta": {"content": str(text)}}]}:
                yield text
            case {"type": "response.output_text.delta", "delta": str(text)}:
                yield text
            case {"type": "content_block_delta", "delta": {"text": str(text)}}:
                yield text


def told(body: bytes) -> list[dict[str, Any]]:
    """The events; each must be whole."""
    assert body.endswith(b"\n\n")
    lines = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def check_error(case: Case, answer: Answer, code: str, *, begun: bool) -> None:
    value = told(answer.body)[-1] if begun else answer.json
    if case.caller == "messages":
        assert value["type"] == "error", value
        assert value["error"]["type"] in ("api_error", "timeout_error", "overloaded_error"), value
    elif case.caller == "responses" and value.get("type") == "response.failed":
        value = value["response"]
    elif not begun and code:
        assert value["error"]["code"] == code, (case, value)
    error = value["error"]
    assert error["message"], value
    if not begun and code:
        assert answer.headers["x-request-id"] in answer.body.decode()
    if begun and case.fault != "error":
        assert SAID.startswith("".join(texts(case, answer.body))), case


def test_connections_are_let_go_of(world: World) -> None:
    """F10: the provider sees its connection end; a client waits for no end that the provider keeps from it."""
    for fault, expected in FAULTS.items():
        if expected.lets_go:
            asked = sum(a.name == fault and "at/" not in a.json["model"] for a in world.upstream.asked)
            assert asked == sum(case.fault == fault for case in CASES), fault
            wait_for(lambda f=fault, n=asked: sum(a.name == f for a, _ in world.upstream.left) >= n, what=fault)
    for case, came in world.came.items():
        if case.fault == "open-after-end" and case.stream:
            assert came.seconds < TIMEOUT, case


def test_memory_stays_bounded(world: World) -> None:
    """F11: twelve bombs of 150 MB each, twelve answers and headers without end, all at once."""
    assert world.grown < 300 << 20


def test_fallbacks_and_rest(world: World) -> None:
    """F10, F11: what fails before the client has anything is answered by the next deployment; a deployment that fails
    three times in a row is left alone, also where it begins well each time."""
    server = world.server
    for spoken in ("chat", "messages"):
        case = Case("page", spoken, spoken, stream=False)
        tried = [case.ask(server, f"safe/{spoken}/{fault}") for fault in ("page", "reset", "bomb", "good")]
        assert [answer.status for answer in tried] == [200] * 4
        calls = [server.call(answer.headers["x-call-id"]) for answer in tried]
        assert [len(call["attempts"]) for call in calls] == [2, 2, 2, 1]
        assert [call["status"] for call in calls] == ["ok"] * 4
    case = Case("reset", "responses", "responses", stream=True)
    for _ in range(3):
        assert b"error" in case.ask(server, "safe/responses/reset").body
    assert "".join(texts(case, case.ask(server, "safe/responses/reset").body)) == SAID


@pytest.mark.parametrize("spoken", ["chat", "messages"])
def test_a_stream_that_comes_byte_by_byte(world: World, spoken: str) -> None:
    """F12: characters, line ends and events cut anywhere; the client and the log have the very bytes, up to the end."""
    server = world.server
    asked = {"role": "user", "content": "hi"}
    body = {"model": f"at/{spoken}/bytewise", "stream": True, "messages": [asked], "max_tokens": 9}
    body |= {"stream_options": {"include_usage": True}} if spoken == "chat" else {}
    answer = server.post(PATHS[spoken], body)
    sent = odd(Asked(PATHS[spoken], body))
    assert answer.body == sent
    call = server.call(answer.headers["x-call-id"])
    assert (call["status"], call["output_tokens"]) == ("ok", 7)
    assert server.request("GET", f"/api/calls/{call['id']}/response?raw=1").body == sent
    kept = server.get(f"/api/calls/{call['id']}/response")
    assert "H\u00e9\U0001f600l" in json.dumps(kept, ensure_ascii=False)


class Poison:
    """Answers well, and puts another answer behind it once the connection lies idle."""

    def __init__(self) -> None:
        self.sent = threading.Event()

    def __call__(self, c: Connection, asked: Asked) -> None:
        good(c, asked)
        time.sleep(0.2)
        stolen = whole(asked).replace(SAID.encode(), b"for somebody else")
        c.head(JSON, f"content-length: {len(stolen)}")
        c.send(stolen)
        self.sent.set()


def test_an_answer_that_nobody_asked_for_is_nobodys(world: World) -> None:
    """F11: it would be read as the answer to the next request on the connection."""
    case = Case("page", "chat", "chat", stream=False)
    assert case.ask(world.server, "at/chat/poison").status == 200
    time.sleep(0.5)
    for _ in range(3):
        answer = case.ask(world.server, "at/chat/good")
        assert "".join(texts(case, answer.body)) == SAID
