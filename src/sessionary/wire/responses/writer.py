"""What is told between formats into the events of a response, for a client. Pure.

Each event has its type, twice, and a number from 0. Text and refusals that follow one another are one message, so
a message stays open until something else is told. Source: OpenAI's streaming events; Open Responses.
"""

from typing import Any

from sessionary.wire import loose
from sessionary.wire.canonical import Closed, Delta, Ended, Failed, Opened, Part, Started, Told
from sessionary.wire.message import Usage
from sessionary.wire.responses import item_ids, output, tools
from sessionary.wire.responses.envelope import ending, envelope, error_of
from sessionary.wire.responses.turns import as_text

Body = dict[str, Any]


class _Live:
    """The part that is being told, and where it goes."""

    def __init__(self, opened: Opened, kind: str, position: int, content_index: int) -> None:
        self.opened = opened
        self.kind = kind
        self.position = position
        self.content_index = content_index
        self.texts: list[str] = []
        self.half = ""
        """The first half of a surrogate pair, whose other half is in the next delta."""
        self.logprobs: list[Any] = []

    def text(self) -> str:
        return "".join(self.texts)


class Writer:
    """`asked` is the caller's request, whose settings a response repeats; `created` is in seconds."""

    unasked = b""

    def __init__(self, asked: Body, answer_id: str, created: int) -> None:
        self._asked = asked
        self._id = answer_id
        self._created = created
        model = asked.get("model")
        self._model = model if isinstance(model, str) else ""
        self._names = tools.namespaced(asked)
        self._number = 0
        self._started = False
        self._items: list[Body] = []
        self._message: int | None = None
        """Where the message that is open is among the items."""
        self._live: _Live | None = None
        self._refused = False
        self.body: Body | None = None
        self.completed_at: int | None = None
        """Seconds; to be set before the end is told, else it is `created`."""

    def feed(self, told: Told) -> bytes:
        if self.body is not None:
            return b""
        sent = b"" if self._started else self._start(told)
        match told:
            case Opened():
                return sent + self._opened(told)
            case Delta():
                return sent + self._delta(told)
            case Closed():
                return sent + self._closed(told)
            case Ended():
                return sent + self._ended(told)
            case Failed():
                return sent + self._failed(told)
        return sent

    def close(self) -> bytes:
        """At the end of what is told; an answer that has not ended by then has failed."""
        return self.feed(Failed("server_error", "The answer broke off", "server_error"))

    def _start(self, told: Told) -> bytes:
        self._started = True
        if isinstance(told, Started):
            self._model = told.model or self._model
        response = self._response("in_progress")
        if self._asked.get("background") is True:
            queued = self._response("queued")
            sent = self._event("response.created", response=queued) + self._event("response.queued", response=queued)
        else:
            sent = self._event("response.created", response=response)
        return sent + self._event("response.in_progress", response=response)

    def _opened(self, told: Opened) -> bytes:
        kind = output.kind_of(told.piece.type, told.kind)
        if kind == "message":
            sent = self._open_message() if self._message is None else b""
            position = self._message or 0
            content: list[Body] = self._items[position]["content"]
            self._live = _Live(told, kind, position, len(content))
            content.append(output.content_part(told.piece.type, "", None, None))
            return sent + self._event("response.content_part.added", self._at(content=True), part=content[-1])
        self._live = _Live(told, kind, len(self._items), 0)
        if kind not in ("reasoning", "function_call", "custom_tool_call"):  # told when it is whole, if at all
            return b""
        sent = self._close_message()
        id = item_ids.made(kind, self._id, len(self._items))
        if kind == "reasoning":
            item: Body = {"id": id, "type": "reasoning", "summary": []}
        else:
            item = output.call(id, told.kind, told.piece.id, told.piece.name, "", "in_progress", self._names)
        self._items.append(item)
        return sent + self._item_event("added", self._live.position)

    def _open_message(self) -> bytes:
        self._message = len(self._items)
        self._items.append(output.message(item_ids.made("message", self._id, self._message), [], "in_progress"))
        return self._item_event("added", self._message)

    def _close_message(self, status: str = "completed") -> bytes:
        if self._message is None:
            return b""
        position, self._message = self._message, None
        self._items[position] = {**self._items[position], "status": status}
        return self._item_event("done", position)

    def _delta(self, told: Delta) -> bytes:
        live = self._live
        if live is None or told.index != live.opened.index:
            return b""
        live.logprobs += told.logprobs or []
        text = live.half + told.text
        live.half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        text = loose.joined(text[: len(text) - len(live.half)])
        if not text:
            return b""
        first = not live.texts
        live.texts.append(text)
        match live.kind:
            case "message" if live.opened.piece.type == "refusal":
                return self._event("response.refusal.delta", self._at(content=True), delta=text)
            case "message":
                probs = output.write_logprobs(told.logprobs)
                return self._event("response.output_text.delta", self._at(content=True), delta=text, logprobs=probs)
            case "reasoning":
                part = {"type": "summary_text", "text": ""}
                sent = (
                    self._event("response.reasoning_summary_part.added", self._summary(), part=part) if first else b""
                )
                return sent + self._event("response.reasoning_summary_text.delta", self._summary(), delta=text)
            case "function_call":
                return self._event("response.function_call_arguments.delta", self._at(), delta=text)
            case "custom_tool_call":
                return self._event("response.custom_tool_call_input.delta", self._at(), delta=text)
        return b""

    def _closed(self, told: Closed) -> bytes:
        live, part = self._live, told.part
        if live is None or told.index != live.opened.index:
            return b""
        piece = part.piece
        sent = b""
        if not live.texts:
            text = as_text(piece.arguments) if piece.type == "tool_call" else piece.text
            sent = self._delta(Delta(told.index, text))
        elif live.half:  # the other half never came
            half, live.half = live.half, ""
            sent = self._delta(Delta(told.index, loose.joined(half)))
        match live.kind:
            case "message":
                sent += self._part_done(live, part)
            case "reasoning":
                sent += self._reasoning_done(live, part)
            case "function_call" | "custom_tool_call":
                sent += self._call_done(live, part)
            case _:
                sent += self._whole(part)
        self._live = None
        return sent

    def _part_done(self, live: _Live, part: Part) -> bytes:
        item, text = self._items[live.position], live.text()
        done = output.content_part(live.opened.piece.type, text, part, live.logprobs)
        item["content"][live.content_index] = done
        if done["type"] == "refusal":
            self._refused = True
            sent = self._event("response.refusal.done", self._at(content=True), refusal=text)
        else:
            sent = b"".join(
                self._event(
                    "response.output_text.annotation.added",
                    self._at(content=True),
                    annotation_index=index,
                    annotation=annotation,
                )
                for index, annotation in enumerate(done["annotations"])
            )
            sent += self._event(
                "response.output_text.done", self._at(content=True), text=text, logprobs=done["logprobs"]
            )
        return sent + self._event("response.content_part.done", self._at(content=True), part=done)

    def _reasoning_done(self, live: _Live, part: Part) -> bytes:
        sent, text = b"", live.text()
        if text:
            done = {"type": "summary_text", "text": text}
            sent = self._event("response.reasoning_summary_text.done", self._summary(), text=text)
            sent += self._event("response.reasoning_summary_part.done", self._summary(), part=done)
        return sent + self._done(live, output.whole(part, self._id, live.position, self._names))

    def _call_done(self, live: _Live, part: Part) -> bytes:
        text = live.text()
        item = output.whole(part, self._id, live.position, self._names, text) or self._items[live.position]
        if live.kind == "custom_tool_call":
            sent = self._event("response.custom_tool_call_input.done", self._at(), input=text)
        else:
            named = {"name": item.get("name", ""), "arguments": text}
            sent = self._event("response.function_call_arguments.done", self._at(), **named)
        return sent + self._done(live, item)

    def _done(self, live: _Live, item: Body | None) -> bytes:
        """The item keeps the id that it was announced with."""
        known = self._items[live.position]
        self._items[live.position] = {**(item or known), "id": known["id"]}
        return self._item_event("done", live.position)

    def _whole(self, part: Part) -> bytes:
        """An item that is told at once; what this format has no item for is left out."""
        position = len(self._items)
        item = output.whole(part, self._id, position, self._names)
        if item is None or (self._items and item == self._items[-1]):  # several parts of one item
            return b""
        sent = self._close_message()
        self._items.append(item)
        return sent + self._item_event("added", position) + self._item_event("done", position)

    def _ended(self, told: Ended) -> bytes:
        status, why = ending(told.stop, refused=self._refused)
        sent = self._close_message("incomplete" if status == "incomplete" else "completed")
        if status == "failed":
            return sent + self._failed(Failed("server_error", "The provider failed"), told.usage)
        self.body = self._response(status, usage=told.usage, incomplete=why)
        return sent + self._event(f"response.{status}", response=self.body) + _DONE

    def _failed(self, told: Failed, usage: Usage | None = None) -> bytes:
        """What was delivered stays in the answer, marked as incomplete."""
        live, self._live = self._live, None
        if live is not None and live.position < len(self._items):
            self._items[live.position] = _partial(self._items[live.position], live)
        elif self._message is not None:
            self._items[self._message] = {**self._items[self._message], "status": "incomplete"}
        self.body = self._response("failed", usage=usage, error=error_of(told.message, told.code, told.type))
        return self._event("response.failed", response=self.body) + _DONE

    def _response(
        self, status: str, *, usage: Usage | None = None, incomplete: str = "", error: Body | None = None
    ) -> Body:
        return envelope(
            self._asked,
            id=self._id,
            created=self._created,
            model=self._model,
            status=status,
            output=list(self._items),
            usage=usage,
            incomplete=incomplete,
            error=error,
            completed_at=self.completed_at,
        )

    def _at(self, *, content: bool = False) -> Body:
        live = self._live
        assert live is not None
        at = {"item_id": self._items[live.position]["id"], "output_index": live.position}
        return at | ({"content_index": live.content_index} if content else {})

    def _summary(self) -> Body:
        return self._at() | {"summary_index": 0}

    def _item_event(self, what: str, position: int) -> bytes:
        return self._event(f"response.output_item.{what}", output_index=position, item=self._items[position])

    def _event(self, type: str, at: Body | None = None, **fields: Any) -> bytes:
        event = {"type": type, "sequence_number": self._number, **(at or {}), **fields}
        self._number += 1
        return b"event: " + type.encode() + b"\ndata: " + loose.encode(event) + b"\n\n"


_DONE = b"data: [DONE]\n\n"


def _partial(item: Body, live: _Live) -> Body:
    text = live.text()
    match live.kind:
        case "message":
            content = list(item["content"])
            content[live.content_index] = output.content_part(live.opened.piece.type, text, None, live.logprobs)
            return {**item, "content": content, "status": "incomplete"}
        case "reasoning":
            return {**item, "summary": [{"type": "summary_text", "text": text}] if text else []}
        case "function_call":
            return {**item, "arguments": text, "status": "incomplete"}
        case "custom_tool_call":
            return {**item, "input": text, "status": "incomplete"}
    return item
