"""Tells what a client changes when it sends a history again: `python -m tests.corpus.record.compare CLIENT …`.

Each call's history is compared, as parsed JSON, with the longest that an earlier call of its conversation had, its
answer added. What differs is printed by its place and form, with how often it was seen and one example.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sessionary.wire import assemble
from tests.support import corpus
from tests.support.corpus import Recorded

Items = list[Any]
_ABSENT = "(absent)"


def history(call: Recorded) -> Items:
    body = json.loads(call.body)
    given = body["input"] if call.endpoint == "responses" else body["messages"]
    return [given] if isinstance(given, str) else given


def answered(call: Recorded) -> Items:
    """The answer's messages or items."""
    if call.http_status != 200:
        return []
    whole: Any = json.loads(call.answer) if not call.stream else _assembled(call)
    if call.endpoint == "responses":
        return list(whole["output"])
    if call.endpoint == "messages":
        return [{"role": "assistant", "content": whole["content"]}]
    return [whole["choices"][0]["message"]]


def _assembled(call: Recorded) -> Any:
    return json.loads(assemble.assemble(call.answer.encode(), call.endpoint).body)


def differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from differences(f"{path}.{key}", before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        blocks = [[_kind(b) for b in side] for side in (before, after)]
        if blocks[0] != blocks[1]:
            yield f"{path}[] {blocks[0]} -> {blocks[1]}", before, after
            return
        for n in range(max(len(before), len(after))):
            pair = (side[n] if n < len(side) else _ABSENT for side in (before, after))
            yield from differences(f"{path}[]", *pair)
    elif before != after:
        yield path, before, after


def report(client: str) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    earlier: list[tuple[Recorded, Items, int]] = []
    calls = corpus.load(corpus.FOLDER / f"{client}.jsonl.zst")
    for call in calls:
        sent = history(call)
        best: tuple[int, Any] = (0, None)
        for other, items, asked in earlier:
            if (
                (other.conversation, other.agent) != (call.conversation, call.agent)
                or other.side
                or len(items) <= asked
            ):
                continue
            alike = next((n for n, (a, b) in enumerate(zip(items, sent, strict=False)) if _gist(a) != _gist(b)), None)
            alike = min(len(items), len(sent)) if alike is None else alike
            if alike >= max(1, best[0]):
                best = (alike, (other, items, asked))
        if best[1] is not None:
            other, items, asked = best[1]
            for n in range(best[0], min(len(items), len(sent), best[0] + 1)):
                seen["HISTORY PARTS HERE", f"{_kind(items[n])} -> {_kind(sent[n])}"] += 1
                text = f"{json.dumps(items[n])[:300]} -> {json.dumps(sent[n])[:300]}"
                examples.setdefault(("HISTORY PARTS HERE", f"{_kind(items[n])} -> {_kind(sent[n])}"), text)
            for n in range(best[0]):
                where = "answer" if n >= asked else "request"
                for place, before, after in differences(f"{where}:{_kind(items[n])}", items[n], sent[n]):
                    form = f"{_form(before)} -> {_form(after)}"
                    seen[place, form] += 1
                    examples.setdefault((place, form), f"{json.dumps(before)[:160]} -> {json.dumps(after)[:160]}")
        earlier.append((call, sent + answered(call), len(sent)))
    print(f"## {client}: {len(calls)} calls, {len({c.conversation for c in calls})} conversations")
    for (place, form), count in sorted(seen.items()):
        print(f"{count:5} {place}: {form}    e.g. {examples[place, form]}")


def _gist(item: Any) -> str:
    """What two forms of a message have in common: who, and the letters of its text and calls."""
    if not isinstance(item, dict):
        return str(item)
    if item.get("type") == "reasoning":
        return "reasoning"
    said = [item.get("content"), item.get("tool_calls"), item.get("arguments"), item.get("output"), item.get("input")]
    found = "".join(_texts(said))
    role = item.get("role", "assistant" if item.get("type", "").endswith(("call", "message")) else item.get("type"))
    return f"{role}:{''.join(c for c in found if c.isalnum())[:400]}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key in ("text", "thinking", "content", "arguments", "function", "input"):
            if isinstance(value.get(key), (dict, list, str)):
                yield from _texts(value[key]) if key != "thinking" else ()


def _kind(item: Any) -> str:
    return str(item.get("type") or item.get("role")) if isinstance(item, dict) else "text"


def _form(value: Any) -> str:
    if value in (None, _ABSENT, [], {}, ""):
        return json.dumps(value)
    return f"{type(value).__name__}"


if __name__ == "__main__":
    for name in sys.argv[1:] or [p.name.removesuffix(".jsonl.zst") for p in corpus.clients()]:
        report(name)
