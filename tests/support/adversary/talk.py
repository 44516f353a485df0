"""A client's conversation, as it makes calls; and the calls, with what is true of them."""

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from sessionary import ids
from sessionary.record.exchange import Begin, Finish, Status
from sessionary.sessions import identify
from tests.support.adversary import texts, wire
from tests.support.adversary.wire import FORMATS, Format, Said, Style, Tool

START = 1_790_000_000_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND
MODELS: dict[Format, str] = {"chat.completions": "gpt-4o", "responses": "gpt-5", "messages": "claude-sonnet-4-5"}
CLIENTS: dict[Format, str] = {
    "chat.completions": "openai-python",
    "responses": "openai-node",
    "messages": "anthropic-python",
}
RETRIES = "x-stainless-retry-count"
TOOLS = ("read_file", "run", "search", "list_files")
STYLE = Style()
History = list[Said]


@dataclass(frozen=True)
class Call:
    """One call, and what is true of it."""

    begin: Begin
    finish: Finish
    kind: str
    conversation: int
    before: str
    """The call that it goes on from: the one whose answer is the last in its history, or what it comes from as `how`
    says; "" where it begins a conversation."""
    how: str
    """`parent`, `spawn`, `compaction` or `retry`; "" where it begins a conversation."""
    sent: list[str]
    """The messages that the request has beside a system prompt: what each says as JSON, without any item's id."""
    told: str
    """The same of the answer."""
    item: str
    """The answer's id as an item."""

    @property
    def id(self) -> str:
        return self.begin.call_id


@dataclass(frozen=True)
class Caller:
    """Who calls: all that tells one conversation from another beside its words."""

    project: int
    key: str
    user: str = ""
    """As the body names it; "" where the key's users are not told apart."""


@dataclass
class World:
    """Where all the calls are made. `callers` are keys, with the users that they name, if any."""

    rng: Random
    callers: list[Caller]
    calls: list[Call] = field(default_factory=list)
    conversations: int = 0

    def conversation(self) -> int:
        self.conversations += 1
        return self.conversations

    def caller(self) -> Caller:
        return self.rng.choice(self.callers)

    def moment(self) -> int:
        """Within three days, mostly in a busy hour of each."""
        if self.rng.random() < 0.2:
            return START + self.rng.randrange(3 * DAY)
        return START + self.rng.randrange(3) * DAY + DAY // 3 + self.rng.randrange(DAY // 24)

    def crowd(self) -> Caller:
        """A key that everybody uses."""
        return self.rng.choice([caller for caller in self.callers if not caller.user and "shared" in caller.key])


@dataclass
class Talk:
    """One conversation as its client keeps it. `said` may be rewritten between calls, as clients do."""

    world: World
    kind: str
    caller: Caller
    at: int
    format: Format
    system: str = ""
    style: Style = STYLE
    tools: bool = False
    rules: bool = False
    """The answer follows from what was asked: temperature 0."""
    said: History = field(default_factory=list)
    conversation: int = 0
    haste: float = 1.0
    """How fast it goes on: 1 for people."""
    official: bool = True
    """Whether it calls through the provider's own library, which says of each request how often it was tried."""

    @classmethod
    def drawn(cls, world: World, kind: str, **given: Any) -> "Talk":
        rng = world.rng
        drawn: dict[str, Any] = {
            "caller": world.caller(),
            "at": world.moment(),
            "format": rng.choices(FORMATS, (5, 3, 4))[0],
            "system": rng.choice(texts.SYSTEMS),
            "style": Style.drawn(rng) if rng.random() < 0.3 else Style(),
            "tools": rng.random() < 0.4,
            "official": rng.random() < 0.7,
        }
        return cls(world, kind, **{**drawn, **given})

    def __post_init__(self) -> None:
        self.conversation = self.conversation or self.world.conversation()

    @property
    def rng(self) -> Random:
        return self.world.rng

    def other(self, **changed: Any) -> "Talk":
        """Another conversation, with the same history up to here. What of it a model said was not said in this one."""
        own = {"conversation": 0, "said": [replace(m, by="") for m in self.said]}
        return replace(self, **{**own, **changed})

    def fork(self, **changed: Any) -> "Talk":
        """The same conversation, going on in another way."""
        return replace(self, **{"said": list(self.said), **changed})

    # -- what is said

    def turn(self, text: str = "", view: Callable[[History], History] | None = None, **how: Any) -> Call:
        """A person speaks, and the model answers, now and then after calls of tools. `view`: what of the history is
        sent."""
        self.said.append(Said("user", text or texts.question(self.rng)))
        if self.tools and "answer" not in how:
            for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
                self.use(view, **how)
        return self.ask(view=view, **how)

    def use(self, view: Callable[[History], History] | None = None, **how: Any) -> Call:
        """The model calls tools, and gets their results."""
        count = self.rng.choice((1, 1, 1, 2, 3))
        called = tuple(Tool(self.tool_id(), *texts.tool(self.rng)) for _ in range(count))
        words = texts.answer(self.rng, 1) if self.rng.random() < 0.4 else ""
        call = self.ask(view=view, **{**how, "answer": Said("assistant", words, called)})
        self.said += [Said("tool", texts.result(self.rng), of=t.id) for t in called]
        return call

    def ask(
        self, *new: Said, view: Callable[[History], History] | None = None, answer: Said | None = None, **how: Any
    ) -> Call:
        """Sends the history, and adds the answer to it."""
        self.said += new
        call, told = self.send(view(self.said) if view else self.said, answer, **how)
        self.said.append(told)
        return call

    def send(
        self,
        said: Iterable[Said],
        answer: Said | None = None,
        *,
        origin: Call | None = None,
        how: str = "",
        status: Status = "ok",
        retry: int = 0,
        prefill: str = "",
        latency: int = 0,
        **beside: Any,
    ) -> tuple[Call, Said]:
        """One call, and its answer. `prefill`: how the answer begins, as the request's last message says.

        An answer with `status="client_closed"` is broken off: as much as `answer` says was passed on.
        """
        sent, rng = list(said), self.rng
        call_id = "call_" + base64.b32hexencode(self._uuid()).decode().rstrip("=").lower()
        told = self._answer(sent, answer, call_id)
        if prefill:
            sent.append(Said("assistant", prefill))
            told = replace(told, text=prefill + told.text)
        body = wire.request(self.format, self.system, sent, self.style, **self._beside(beside))
        head = {"user-agent": CLIENTS[self.format], **({RETRIES: str(retry)} if self.official else {})}
        begin = self._begin(call_id, body, head)
        took = latency or rng.randrange(SECOND // 2, 12 * SECOND)
        parents = [m.by for m in sent if m.by]
        before = origin.id if origin else parents[-1] if parents else ""
        found = how or ("parent" if before else "")
        finish = self._finish(begin, self.at + took, status, told, prefill)
        messages = [_shown(m) for m in sent]
        call = Call(begin, finish, self.kind, self.conversation, before, found, messages, _shown(told), told.item)
        self.world.calls.append(call)
        self.at += took + int(self._pause(told) * self.haste)
        return call, told

    def tool_id(self) -> str:
        name = {"chat.completions": "call_", "responses": "call_", "messages": "toolu_"}[self.format]
        return name + "".join(self.rng.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=22))

    # -- how it is sent

    def _answer(self, sent: History, answer: Said | None, call_id: str) -> Said:
        if answer is None:
            seed = self.system + "".join(f"{m.role}{m.text}" for m in sent)
            rng = Random(seed) if self.rules else self.rng
            thought = texts.answer(rng, 1) if rng.random() < 0.3 else ""
            answer = Said("assistant", texts.answer(rng), thought=thought)
        item = f"{self.rng.getrandbits(96):024x}_{call_id.removeprefix('call_')}"  # as the gateway names a provider's
        return replace(answer, by=call_id, item=item)

    def _beside(self, given: dict[str, Any]) -> dict[str, Any]:
        beside: dict[str, Any] = {"model": MODELS[self.format], **given}
        if self.tools:
            schema = {"type": "object", "properties": {}}
            match self.format:
                case "messages":
                    beside["tools"] = [{"name": name, "input_schema": schema} for name in TOOLS]
                case "responses":
                    beside["tools"] = [{"type": "function", "name": name, "parameters": schema} for name in TOOLS]
                case _:
                    functions = [{"name": name, "parameters": schema} for name in TOOLS]
                    beside["tools"] = [{"type": "function", "function": f} for f in functions]
        if self.rules:
            beside["temperature"] = 0
        if self.caller.user:
            beside |= {"metadata": {"user_id": self.caller.user}} if self.format == "messages" else {}
            beside |= {"user": self.caller.user} if self.format != "messages" else {}
        return beside

    def _begin(self, call_id: str, body: dict[str, Any], headers: dict[str, str]) -> Begin:
        metadata = body.get("metadata", {})
        own = ids.session_id(self.caller.project, call_id)
        named = identify.identify(headers, body.get, metadata)
        assert named.source == "none"
        return Begin(
            call_id=call_id,
            at=self.at,
            project=self.caller.project,
            key_id=self.caller.key,
            session_id=own,
            session_text=own,
            source=named.source,
            rule=named.rule,
            endpoint=self.format,
            model=body["model"],
            stream=body.get("stream", False),
            client=CLIENTS[self.format],
            user=identify.user(body.get, metadata),
            headers=headers,
            body=json.dumps(body).encode(),
        )

    def _finish(self, begin: Begin, at: int, status: Status, told: Said, prefill: str) -> Finish:
        error, kind, http = "", "application/json", 200
        if status == "ok":
            body = wire.answer(self.format, told, begin.call_id, begin.model, prefill)
        elif status == "client_closed" and told.text:
            body, kind = wire.cut(self.format, told.text, begin.call_id, begin.model), "text/event-stream"
            error = "client_closed"
        else:
            body, error, http = b'{"error": {"type": "server_error", "message": "overloaded"}}', "server_error", 500
            if status in ("timeout", "client_closed"):
                body, error, http = b"", status, 0
        return Finish(
            call_id=begin.call_id,
            at=at,
            status=status,
            http_status=http,
            provider="demo",
            deployment=f"demo/{begin.model}",
            upstream_model=begin.model,
            ttft=SECOND // 3,
            error_type=error,
            error_message=error,
            attempts=[],
            headers={"content-type": kind},
            body=body,
        )

    def _pause(self, told: Said) -> float:
        """Microseconds: a program answers for its tools, a person takes their time."""
        if told.tools:
            return self.rng.uniform(0.05, 3) * SECOND
        seconds = self.rng.uniform(4, 120) if self.rng.random() < 0.97 else self.rng.uniform(3600, 30 * 3600)
        return seconds * SECOND

    def _uuid(self) -> bytes:
        raw = bytearray((self.at // 1000).to_bytes(6, "big") + self.rng.randbytes(10))
        raw[6], raw[8] = 0x70 | (raw[6] & 0x0F), 0x80 | (raw[8] & 0x3F)
        return bytes(raw)


def _shown(said: Said) -> str:
    tools = [[t.id, t.name, t.arguments] for t in said.tools]
    return json.dumps([said.role, said.text, said.of, said.image, tools])
