"""What a session's first screen shows, from its transcript. Pure; static/story.js does the same for the rest.

A tool's result is shown beside its call, so a result that found its call is not shown again where it was sent.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from sessionary.ui import format
from sessionary.wire import text

CALLS = 20
MESSAGES = 40
LETTERS = 6000
_MARKS = re.compile(r"\*{1,3}(?=\S)|(?<=\S)\*{1,3}|`+|^#{1,6} |^> |^[ |:-]*\|[ |:-]*$|^\| | \|$", re.MULTILINE)
_DATED = re.compile(r"(?:[-@:](?:\d{3,}[\d-]*|latest))?(?:-v\d+(?::\d+)?)?", re.ASCII)
"""What a provider adds to a model's name: a date or a version of that model."""
Json = dict[str, Any]


def first_screen(transcript: Json) -> Json:
    """`{session, calls, turns, more}`, of a transcript that has at least the first calls. Tool results are beside their
    calls, and long texts cut."""
    calls: list[Json] = transcript["calls"]
    _pair(calls[: CALLS + 1])
    shown = []
    for added in calls[:CALLS]:
        messages = added["messages"]
        last = _grouped(messages[-MESSAGES:])
        cut = max(0, len(messages) - MESSAGES)
        shown.append({**added, "messages": last, "cut": cut, "speaker": speaker(added["call"])})
    session = transcript["session"]
    more = max(len(calls), session["calls"]) - len(shown)
    return {"session": session, "calls": shown, "turns": _turns(shown), "more": more}


def pretty(value: Any) -> str:
    """A tool's arguments or another part: text as it is, JSON indented."""
    return cut(value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def cut(long: str) -> str:
    return long if len(long) <= LETTERS else f"{long[:LETTERS]} … ({len(long) - LETTERS:,} more characters)"


def speaker(call: Json) -> str:
    """The model that answered: not the one asked for where that failed or has another name. As static/story.js."""
    model, answered = call["model"], call["upstream_model"]
    if not answered or format.mood(call["status"]) == "errors":
        return str(model)
    asked = model.rpartition("/")[2]
    before, found, after = answered.rpartition(asked) if asked else ("", "", answered)
    own = found and (not before or before[-1] in "/.") and _DATED.fullmatch(after)
    return str(model if own else answered)


def _grouped(messages: list[Json]) -> list[Json]:
    """Neighbouring items of the model, or of its tools, as one message each."""
    found: list[Json] = []
    for message in messages:
        joins = found and message["role"] in ("assistant", "tool") and found[-1]["role"] == message["role"]
        if joins and found[-1].get("name") == message.get("name"):
            found[-1] = {**found[-1], "pieces": found[-1]["pieces"] + message["pieces"]}
        else:
            found.append(message)
    return found


def _pair(calls: list[Json]) -> None:
    pending: dict[str, Json] = {}
    for added in calls:
        for message in [*added["messages"], *([added["output"]] if added["output"] else [])]:
            for piece in message["pieces"]:
                name = piece.get("id", "")
                if piece["type"] == "tool_call" and name:
                    pending[name] = piece
                elif piece["type"] == "tool_result" and name in pending:
                    pending.pop(name)["result"] = piece
                    piece["paired"] = True


def _turns(calls: list[Json]) -> list[Json]:
    """Without side calls, and without what agents did that a tool call of theirs started."""
    turns: list[Json] = []
    started = {a["call"]["agent"] for a in calls if (a["call"].get("origin") or {}).get("kind") == "spawn"}
    for added in calls:
        call = added["call"]
        if call.get("side") or (call.get("agent") and call["agent"] in started):
            continue
        if not turns or turns[-1]["turn"] != call["turn"]:
            said = _said(added["messages"]) or _said(added["messages"], "") or call["endpoint"]
            turns.append({"turn": call["turn"], "id": call["id"], "said": said, "answer": "", "at": call["created_at"]})
            turns[-1].update(ms=None, cost=None, tokens=0)
        if added["output"]:
            turns[-1]["answer"] = " ".join(_texts([added["output"]], ""))[:160] or turns[-1]["answer"]
        _add(turns[-1], call)
    return turns


def _add(turn: Json, call: Json) -> None:
    for total, part in (("ms", call["duration_ms"]), ("cost", call["cost"])):
        if part is not None:
            turn[total] = (turn[total] or 0) + part
    turn["tokens"] += (call["input_tokens"] or 0) + (call["output_tokens"] or 0)


def _said(messages: list[Json], role: str = "user") -> str:
    texts = list(_texts(messages, role))
    return texts[-1][:160] if texts else ""


def _texts(messages: list[Json], role: str) -> Iterator[str]:
    for message in messages:
        if not role or message["role"] == role:
            for piece in message["pieces"]:
                said = text.said(piece["text"]) if piece["type"] == "text" and piece.get("text") else ""
                if said:
                    yield " ".join(_MARKS.sub("", said[:400]).split())
