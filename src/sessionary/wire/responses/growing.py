"""An output item as the events of a stream build it up. Pure; linear in what is added."""

from typing import Any

from sessionary.wire import loose

Item = dict[str, Any]

_CONTENT = {
    "response.output_text": ("content", "output_text", "text"),
    "response.refusal": ("content", "refusal", "refusal"),
    "response.reasoning_text": ("content", "reasoning_text", "text"),
    "response.reasoning": ("content", "reasoning_text", "text"),  # Open Responses
    "response.reasoning_summary_text": ("summary", "summary_text", "text"),
}
"""Of which list, type and field its deltas are a part's text."""
_FIELDS = {
    "response.function_call_arguments": "arguments",
    "response.mcp_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.code_interpreter_call_code": "code",
}
_IMPLIED = {"content": "message", "summary": "reasoning", "arguments": "function_call", "input": "custom_tool_call"}
"""The item's type where nothing told it."""


class Growing:
    def __init__(self, item: Item) -> None:
        self._item = item
        self._parts: dict[tuple[str, int], Item] = {}
        self._texts: dict[tuple[str, int], list[str]] = {}
        self._fields: dict[str, list[str]] = {}
        self._logprobs: dict[tuple[str, int], list[Any]] = {}
        self.done = False

    def add(self, event: Item) -> str:
        """Returns the text that the event adds."""
        kind, _, what = str(event.get("type")).rpartition(".")
        if kind == "response.output_item":
            if isinstance(event.get("item"), dict):
                self._item = event["item"]
                self.done = self.done or what == "done"
        elif kind in ("response.content_part", "response.reasoning_summary_part"):
            if isinstance(event.get("part"), dict):
                self._set(self._place(kind, event), event["part"])
        elif kind == "response.output_text.annotation":
            part = self._parts.setdefault(self._place(kind, event), {"type": "output_text"})
            part["annotations"] = [*(part.get("annotations") or []), event.get("annotation")]
        elif kind in _CONTENT:
            return self._add_text(kind, what, event)
        elif kind in _FIELDS:
            return self._add_field(_FIELDS[kind], what, event)
        return ""

    def _add_text(self, kind: str, what: str, event: Item) -> str:
        _, type, field = _CONTENT[kind]
        place = self._place(kind, event)
        self._parts.setdefault(place, {"type": type})
        if isinstance(event.get("logprobs"), list):
            if what == "delta":
                self._logprobs.setdefault(place, []).extend(event["logprobs"])
            else:
                self._logprobs[place] = list(event["logprobs"])
        texts = self._texts.setdefault(place, [])
        text = event.get("delta" if what == "delta" else field)
        return _extend(texts, text, whole=what != "delta")

    def _add_field(self, field: str, what: str, event: Item) -> str:
        texts = self._fields.setdefault(field, [])
        text = event.get("delta" if what == "delta" else field)
        return _extend(texts, text, whole=what != "delta")

    def _place(self, kind: str, event: Item) -> tuple[str, int]:
        of = "summary" if "summary" in kind else "content"
        index = event.get(f"{of}_index")
        return of, index if isinstance(index, int) else 0

    def _set(self, place: tuple[str, int], part: Item) -> None:
        known = self._parts.get(place, {})
        self._parts[place] = known | {k: v for k, v in part.items() if v or k not in known}
        field = _field_of(part)
        if isinstance(part.get(field), str):
            _extend(self._texts.setdefault(place, []), part[field], whole=True)

    def item(self) -> Item:
        """As it stands: the finished item, or what was delivered of it."""
        if self.done:
            return _joined(self._item)
        item = dict(self._item)
        for of in ("content", "summary"):
            parts = [self._part(place) for place in sorted(self._parts) if place[0] == of]
            if parts:
                item[of] = parts
        item |= {field: "".join(texts) for field, texts in self._fields.items()}
        return _joined(self._complete(item))

    def _part(self, place: tuple[str, int]) -> Item:
        part = self._parts[place]
        probs = {"logprobs": self._logprobs[place]} if self._logprobs.get(place) else {}
        return {**part, _field_of(part): "".join(self._texts.get(place, [])), **probs}

    def _complete(self, item: Item) -> Item:
        if not item.get("type"):
            item = {"type": next((kind for field, kind in _IMPLIED.items() if field in item), "message"), **item}
        if item["type"] == "message":
            item = {"role": "assistant", "content": [], **item}
        return item if item["type"] == "reasoning" else {**item, "status": "incomplete"}


def _joined(item: Item) -> Item:
    """With the surrogate pairs whole that deltas had split."""
    whole: Item = loose.joined(item)
    return whole


def _field_of(part: Item) -> str:
    kind = part.get("type")
    return "refusal" if kind == "refusal" else "text"


def _extend(texts: list[str], text: Any, *, whole: bool) -> str:
    """`whole`: it repeats what was told before; servers that tell no deltas tell it all here."""
    if not isinstance(text, str) or not text:
        return ""
    if not whole:
        texts.append(text)
        return text
    told = "".join(texts)
    if text == told:
        return ""
    texts[:] = [text]
    return text[len(told) :] if text.startswith(told) else ""
