"""One conversation as its client holds it: the history that is sent again, and the answers to it. Pure.

Tokens are counted roughly, and cached as providers do: what was sent before, for five minutes, if neither model nor
tools nor prompt have changed.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from sessionary.demo import answers
from sessionary.demo.answers import Audio, Piece, Reply, Say, Think, Tokens, Use
from sessionary.demo.stage import SECOND, Answer, Caller, Stage
from sessionary.ids import answer_of
from sessionary.record.exchange import Attempt, Begin, Status

Wire = dict[str, Any]
Format = Literal["chat", "messages", "responses"]
_ENDPOINTS: Mapping[Format, str] = MappingProxyType(
    {"chat": "chat.completions", "messages": "messages", "responses": "responses"}
)
_REMEMBERED = 300 * SECOND
_LEAST_CACHED = 1024


class Served(msgspec.Struct, frozen=True):
    """Where a model is, and how quick: seconds to the first token, tokens a second."""

    provider: str
    model: str
    first: float
    speed: float
    name: str = ""
    """Of the deployment; provider and model where empty."""


MODELS: Mapping[str, Served] = MappingProxyType(
    {
        "gpt-5.1": Served("openai", "gpt-5.1", 1.1, 85),
        "gpt-5.1-codex": Served("openai", "gpt-5.1-codex", 1.6, 95),
        "gpt-5-mini": Served("openai", "gpt-5-mini", 0.8, 120),
        "gpt-5-nano": Served("openai", "gpt-5-nano", 0.4, 180),
        "gpt-4o": Served("openai", "gpt-4o", 0.5, 90),
        "gpt-4o-mini": Served("openai", "gpt-4o-mini", 0.4, 110),
        "gpt-4o-audio-preview": Served("openai", "gpt-4o-audio-preview", 0.9, 60),
        "claude-opus-4-5": Served("anthropic", "claude-opus-4-5", 1.8, 62),
        "claude-sonnet-4-5": Served("anthropic", "claude-sonnet-4-5", 1.2, 78),
        "claude-haiku-4-5": Served("anthropic", "claude-haiku-4-5", 0.6, 150),
        "gemini-2.5-pro": Served("gemini", "gemini-2.5-pro", 2.1, 110),
        "gemini-2.5-flash": Served("gemini", "gemini-2.5-flash", 0.5, 200),
        "mistral-large-latest": Served("mistral", "mistral-large-latest", 0.7, 70),
        "codestral-latest": Served("mistral", "codestral-latest", 0.3, 160),
        "llama3.3:70b": Served("ollama", "llama3.3:70b", 2.4, 14, "ollama on the lab machine"),
    }
)


def tool(name: str, description: str, /, **properties: str) -> Wire:
    """`properties`: the description of each text that it is given. As the chat format has it, without the wrapping."""
    fields = {key: {"type": "string", "description": text} for key, text in properties.items()}
    schema = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {"name": name, "description": description, "parameters": schema}


def text_tool(name: str, description: str) -> Wire:
    """One that takes text. Responses only."""
    return {"type": "custom", "name": name, "description": description}


class Talk:
    def __init__(
        self,
        stage: Stage,
        caller: Caller,
        format: Format,
        model: str,
        *,
        system: str = "",
        tools: Sequence[Wire] = (),
        headers: Mapping[str, str] | None = None,
        params: Wire | None = None,
        stream: bool = True,
        chain: bool = False,
        unseen: int = 0,
        think: float = 1.0,
    ) -> None:
        """`chain`: goes on by `previous_response_id`. `unseen`: tokens of a prompt longer than ours. `think`: how much
        longer than its pieces the model reasons, where it does."""
        self.stage, self.caller, self.format, self.model = stage, caller, format, model
        self.system, self.tools = system, list(tools)
        self.headers = dict(headers or {})
        self.params = dict(params or {})
        self.stream, self.chain = stream, chain
        self.history: list[Wire] = []
        self.last: Begin | None = None
        """The newest call."""
        self._unseen, self._think = unseen, think
        self._asked: list[str] = []
        self._sent = 0
        self._prefix: tuple[str, int, int] = ("", 0, 0)
        """What the newest call's history began with, its tokens, and its time."""

    # What the client adds

    def user(self, content: str | list[Wire], pause: float = 0) -> None:
        """After `pause` seconds."""
        self.stage.wait(pause)
        if self.format == "messages" and isinstance(content, str):
            content = [{"type": "text", "text": content}]
        if self.format == "responses":
            parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
            self.history.append({"type": "message", "role": "user", "content": parts})
        else:
            self.history.append({"role": "user", "content": content})

    def result(self, *results: str, failed: bool = False, took: float = 0.4) -> None:
        """Of the tool calls that the last answer made, in their order."""
        self.stage.wait(took)
        found = list(zip(self._asked, results, strict=True))
        self._asked = []
        match self.format:
            case "chat":
                self.history += [{"role": "tool", "tool_call_id": id, "content": text} for id, text in found]
            case "messages":
                mark: Wire = {"is_error": True} if failed else {}
                blocks = [{"type": "tool_result", "tool_use_id": id, "content": text, **mark} for id, text in found]
                self.history.append({"role": "user", "content": blocks})
            case "responses":
                for id, text in found:
                    kind = "custom_tool_call_output" if id.startswith("ctx_") else "function_call_output"
                    self.history.append({"type": kind, "call_id": id, "output": text})

    def rewind(self, to: int) -> None:
        """Back to when the history had so many messages."""
        self._asked = []
        del self.history[to:]

    # What it is answered

    def reply(
        self,
        *pieces: Piece | str,
        stop: str = "",
        seconds: float | None = None,
        cut: float | None = None,
        retry: int | None = None,
        tries: Sequence[tuple[str, int, str, float]] = (),
        status: Status = "ok",
        error: tuple[str, str] = ("", ""),
        output: int | None = None,
        served: str = "",
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """A call that is answered. `cut`: the share of the stream that came before it was broken off, with `status`
        and `error` for why. `tries`: attempts that failed before: model, HTTP status, error, seconds. `retry`: how
        often its client had tried before. `output`: tokens. `served`: the model that answers in place of the one
        asked for."""
        made = tuple(self._whole(p) for p in pieces)
        headers = {**self.headers, **(extra or {})}
        if retry is not None:
            headers["x-stainless-retry-count"] = str(retry)
        begin = self._begin(headers)
        attempts, spent = self._tries(begin, tries)
        where = MODELS[served or self.model]
        tokens = self._tokens(made, output)
        first = where.first * self.stage.rng.uniform(0.7, 1.5) + tokens.input / 200_000
        took = first + tokens.output / where.speed * self.stage.rng.uniform(0.8, 1.3) if seconds is None else seconds
        id = {"chat": "chatcmpl-", "messages": "msg_01"}.get(self.format, "")
        id = self.stage.id(id) if id else answer_of(begin.call_id)
        stop = stop or self._stop(made)
        reply = Reply(id, where.model, (begin.at + spent) // SECOND, made, stop, tokens)
        chunks = self._chunks(reply)
        if cut is not None:
            chunks = chunks[: max(1, int(len(chunks) * cut))]
            took *= cut
        duration = spent + int(took * SECOND)
        name = where.name or f"{where.provider}/{where.model}"
        attempts.append(Attempt(where.provider, name, where.model, begin.at + spent, duration - spent, 200))
        ttft = spent + int(min(first, took) * SECOND) if self.stream else duration
        sent = Answer(chunks, status, 499 if status == "client_closed" else 200, *error, ttft, duration)
        self.stage.end(begin, sent, attempts)
        if cut is None:
            self._said(reply)

    def fail(
        self,
        http_status: int,
        kind: str,
        message: str,
        *,
        seconds: float = 0.4,
        status: Status = "upstream_error",
        retry: int | None = None,
        tries: Sequence[tuple[str, int, str, float]] = (),
        reached: bool = True,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """A call that is not answered. `reached`: whether a provider was."""
        headers = {**self.headers, **(extra or {})}
        if retry is not None:
            headers["x-stainless-retry-count"] = str(retry)
        begin = self._begin(headers)
        attempts, spent = self._tries(begin, tries)
        where = MODELS.get(self.model)
        duration = int(seconds * SECOND)
        if reached and where is not None:
            label = where.name or f"{where.provider}/{where.model}"
            code = 0 if status == "timeout" else http_status
            told = Attempt(where.provider, label, where.model, begin.at + spent, duration, code, message)
            attempts.append(told)
        problem = {"type": kind, "message": message}
        body = {"type": "error", "error": problem} if self.format == "messages" else {"error": problem}
        chunks = [] if status in ("timeout", "rejected") else [msgspec.json.encode(body)]
        retried = {"retry-after": "2"} if http_status in (429, 529) else {}
        said = ("", "") if status == "upstream_error" else (kind, message)
        sent = Answer(chunks, status, http_status, *said, None, spent + duration, retried)
        self.stage.end(begin, sent, attempts)

    # How it is put

    def _begin(self, headers: Mapping[str, str]) -> Begin:
        above = self.last if self.chain else None
        self.last = self.stage.begin(self.caller, _ENDPOINTS[self.format], self._body(), dict(headers), above)
        return self.last

    def _body(self) -> Wire:
        body: Wire = {"model": self.model}
        tools: list[Wire]
        more: Wire = {}
        match self.format:
            case "chat":
                system = [{"role": "system", "content": self.system}] if self.system else []
                body["messages"] = [*system, *self.history]
                tools = [{"type": "function", "function": t} for t in self.tools]
                more |= {"stream_options": {"include_usage": True}} if self.stream else {}
            case "messages":
                mark = {"cache_control": {"type": "ephemeral"}}
                body |= {"max_tokens": 32_000, "messages": self.history}
                body |= {"system": [{"type": "text", "text": self.system, **mark}]} if self.system else {}
                tools = [{"input_schema" if k == "parameters" else k: v for k, v in t.items()} for t in self.tools]
            case "responses":
                body |= {"instructions": self.system} if self.system else {}
                body["input"] = self.history[self._sent :] if self.chain else self.history
                function: Wire = {"type": "function", "strict": True}
                tools = [t if "type" in t else function | t for t in self.tools]
                more |= {} if self.chain else {"include": ["reasoning.encrypted_content"]}
                if self.chain and self.last is not None:
                    body["previous_response_id"] = answer_of(self.last.call_id)
        more |= ({"tools": tools} if tools else {}) | ({"stream": True} if self.stream else {})
        return body | more | self.params

    def _chunks(self, reply: Reply) -> list[bytes]:
        match self.format:
            case "chat":
                return answers.chat_stream(reply) if self.stream else [msgspec.json.encode(answers.chat(reply))]
            case "messages":
                return answers.message_stream(reply) if self.stream else [msgspec.json.encode(answers.message(reply))]
            case "responses":
                return answers.response_stream(reply) if self.stream else [msgspec.json.encode(answers.response(reply))]

    def _said(self, reply: Reply) -> None:
        """The client keeps the answer."""
        self._sent = len(self.history)
        match self.format:
            case "chat":
                self.history.append(answers.chat_message(reply.pieces))
            case "messages":
                self.history.append({"role": "assistant", "content": answers.message_blocks(reply.pieces)})
            case "responses":
                self.history += answers.items(reply)
        if self.chain:
            self._sent = len(self.history)
        self._asked = [p.id for p in reply.pieces if isinstance(p, Use)]

    def _whole(self, piece: Piece | str) -> Piece:
        if isinstance(piece, str):
            return Say(piece)
        if isinstance(piece, Use) and not piece.id:
            custom = isinstance(piece.given, str)
            prefix = "toolu_01" if self.format == "messages" else "ctx_" if custom else "call_"
            return Use(piece.name, piece.given, self.stage.id(prefix, 22))
        return piece

    def _stop(self, pieces: tuple[Piece, ...]) -> str:
        used = any(isinstance(p, Use) for p in pieces)
        match self.format:
            case "chat":
                return "tool_calls" if used else "stop"
            case "messages":
                return "tool_use" if used else "end_turn"
        return "completed"

    def _tries(self, begin: Begin, tries: Sequence[tuple[str, int, str, float]]) -> tuple[list[Attempt], int]:
        found, spent = [], self.stage.rng.randint(500, 1900)  # the gateway's own part
        for model, http_status, error, seconds in tries:
            where = MODELS[model]
            took = int(seconds * SECOND)
            label = where.name or f"{where.provider}/{where.model}"
            found.append(Attempt(where.provider, label, where.model, begin.at + spent, took, http_status, error))
            spent += took
        return found, spent

    def _tokens(self, pieces: tuple[Piece, ...], output: int | None) -> Tokens:
        shared = msgspec.json.encode([self.model, self.system, self.tools]).decode()
        start = msgspec.json.encode(self.history[:1]).decode()
        asked = self._unseen + _count(shared) + sum(_count(msgspec.json.encode(m).decode()) for m in self.history)
        thought = sum(_count(p.text) for p in pieces if isinstance(p, Think))
        reasoning = int(thought * self._think) if self.format != "messages" else 0
        told = sum(_count(_words(p)) for p in pieces if not isinstance(p, Think)) + 4
        answered = output if output is not None else told + max(reasoning, thought)
        before, size, at = self._prefix
        fresh = before == shared + start and self.stage.at - at < _REMEMBERED
        cached = min(size, asked) if fresh and size >= _LEAST_CACHED else 0
        if self.format != "messages":
            cached -= cached % 128
        written = asked - cached if self.format == "messages" and asked >= _LEAST_CACHED else 0
        self._prefix = (shared + start, asked, self.stage.at)
        return Tokens(asked, answered, cached, max(0, written - 3), reasoning)


def _words(piece: Piece) -> str:
    match piece:
        case Use(name, given):
            return name + (given if isinstance(given, str) else msgspec.json.encode(given).decode())
        case Audio(transcript):
            return transcript * 6
        case Say(text) | Think(text):
            return text
    return "search"


def _count(text: str) -> int:
    return (len(text.encode()) + 3) // 4
