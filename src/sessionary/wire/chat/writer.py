"""What is told between formats into chat chunks for a client. Pure."""

from typing import Any

import msgspec

from sessionary.wire import loose
from sessionary.wire.canonical import Answer, Closed, Delta, Ended, Failed, Opened, Part, Started, Told, Turn
from sessionary.wire.chat import reasoning
from sessionary.wire.chat.answer import reason_of, usage_as_chat, write_answer
from sessionary.wire.chat.turns import as_text

Wire = dict[str, Any]


class Writer:
    """Chunks for a client. `asked` says whether it wants usage."""

    def __init__(self, asked: Wire, answer_id: str, created: int) -> None:
        options = asked.get("stream_options")
        self._usage = isinstance(options, dict) and options.get("include_usage") is True
        self._asked = asked
        self._id = answer_id
        self._created = created
        self._model = _text(asked.get("model"))
        self._parts: list[Part] = []
        self._open: dict[int, Opened] = {}
        self._texts: dict[int, list[str]] = {}
        self._calls: dict[int, int] = {}
        self._logprobs: list[Any] | None = None
        self._apart = False
        self._said = False
        self.unasked = b""
        self.body: Wire | None = None

    def feed(self, told: Told) -> bytes:
        match told:
            case Started():
                self._model = told.model or self._model
                return self._chunk({"role": "assistant", "content": "", "refusal": None})
            case Opened():
                return self._opened(told)
            case Delta():
                return self._delta(told)
            case Closed():
                return self._closed(told)
            case Ended():
                return self._ended(told)
            case Failed():
                return self._failed(told)

    def close(self) -> bytes:
        """Nothing is held back."""
        return b""

    def _opened(self, told: Opened) -> bytes:
        self._open[told.index] = told
        self._texts[told.index] = []
        if told.piece.type != "tool_call" or told.kind not in ("function", "custom"):
            return b""
        self._calls[told.index] = len(self._calls)
        said = {"name": told.piece.name, "input" if told.kind == "custom" else "arguments": ""}
        return self._call(told.index, {"id": told.piece.id, "type": told.kind, told.kind: said})

    def _delta(self, told: Delta) -> bytes:
        opened = self._open.get(told.index)
        if opened is None or not told.text:
            return b""
        self._texts[told.index].append(told.text)
        if told.logprobs is not None:
            self._logprobs = [*(self._logprobs or []), *told.logprobs]
        match opened.piece.type:
            case "text":
                return self._chunk({"content": self._break() + told.text}, logprobs=told.logprobs)
            case "refusal":
                return self._chunk({"refusal": told.text})
            case "reasoning":
                new = len(self._texts[told.index]) == 1 and any(
                    p.piece.type == "reasoning" and p.piece.text for p in self._parts
                )
                return self._chunk({"reasoning_content": f"\n\n{told.text}" if new else told.text})
            case "tool_call" if told.index in self._calls:
                key = "input" if opened.kind == "custom" else "arguments"
                return self._call(told.index, {opened.kind: {key: told.text}})
        return b""

    def _break(self) -> str:
        """Between texts that something else parted, as the whole answer has it."""
        apart = self._apart and self._said
        self._apart, self._said = False, True
        return "\n\n" if apart else ""

    def _closed(self, told: Closed) -> bytes:
        piece = told.part.piece
        sent = b""
        if not self._texts.get(told.index):
            whole = as_text(piece.arguments) if piece.type == "tool_call" else piece.text
            sent = self._delta(Delta(told.index, whole))
        if piece.type == "reasoning":
            signed = {k: v for k, v in reasoning.write([told.part]).items() if k != "reasoning_content"}
            sent += self._chunk(signed) if signed else b""
        if piece.type != "text":
            self._apart = True
        self._parts.append(told.part)
        self._open.pop(told.index, None)
        return sent

    def _ended(self, told: Ended) -> bytes:
        self._whole(Answer(self._id, self._model, self._turns(), told.stop, usage=told.usage, created=self._created))
        sent = self._chunk({}, reason_of(told.stop, self._parts))
        if told.usage is not None:
            usage = _event({**self._head(), "choices": [], "usage": usage_as_chat(told.usage)})
            if self._usage:
                sent += usage
            else:
                self.unasked = usage
        return sent + b"data: [DONE]\n\n"

    def _failed(self, told: Failed) -> bytes:
        error = {"message": told.message, "type": told.type, "param": None, "code": told.code or None}
        for index, opened in self._open.items():
            piece = msgspec.structs.replace(opened.piece, text="".join(self._texts[index]))
            if piece.type == "tool_call":
                piece = msgspec.structs.replace(piece, text="", arguments=piece.text)
            self._parts.append(Part(piece, "chat", None, kind=opened.kind))
        self._whole(Answer(self._id, self._model, self._turns(), "error", created=self._created, error=error))
        return _event({"error": error})

    def _turns(self) -> list[Turn]:
        return [Turn("assistant", self._parts)]

    def _whole(self, answer: Answer) -> None:
        self.body = write_answer(msgspec.structs.replace(answer, logprobs=self._logprobs), self._asked)

    def _head(self) -> Wire:
        return {"id": self._id, "object": "chat.completion.chunk", "created": self._created, "model": self._model}

    def _chunk(self, delta: Wire, reason: str | None = None, logprobs: list[Any] | None = None) -> bytes:
        probs = None if logprobs is None else {"content": logprobs, "refusal": None}
        choice = {"index": 0, "delta": delta, "logprobs": probs, "finish_reason": reason}
        return _event({**self._head(), "choices": [choice], **({"usage": None} if self._usage else {})})

    def _call(self, index: int, call: Wire) -> bytes:
        return self._chunk({"tool_calls": [{"index": self._calls[index], **call}]})


def _event(chunk: Wire) -> bytes:
    return b"data: " + loose.encode(chunk) + b"\n\n"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
