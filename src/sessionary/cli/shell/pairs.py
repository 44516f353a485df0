"""An answer that was given, beside the one that the same question got when it was asked again. Pure.

Two answers are the same where they say the same and call the same tools in the same way: what was thought on the way,
and ids, are no part of that.
"""

from typing import Any, NamedTuple

from sessionary.cli.shell import harmless
from sessionary.cli.shell.story import Json, media

_MEDIA = ("image", "audio", "file")
_TOLD = ("text", "refusal", "reasoning", "tool_call")


class Pair(NamedTuple):
    """A call that was asked again. A side is None where it is not stored, or not any more."""

    answered: Json
    """As the gateway told of it when it was over."""
    was: Json | None
    now: Json | None

    @property
    def failed(self) -> bool:
        return bool(self.answered["status"] != "ok")

    @property
    def same(self) -> bool | None:
        """None where it cannot be told: a call failed, or what it said is not known."""
        if self.failed or self.was is None or self.now is None or self.was["call"]["status"] != "ok":
            return None
        if self.was["output"] is None or self.now["output"] is None:
            return None
        return _meant(self.was) == _meant(self.now)

    @property
    def sides(self) -> tuple[Json | None, Json | None]:
        """What was answered, then and now."""
        was, now = ({"call": side["call"], "output": side["output"]} if side else None for side in (self.was, self.now))
        return was, now

    def json(self) -> Json:
        was, now = self.sides
        return self.answered | {"same": self.same, "was": was, "now": now}


class Totals:
    """What the calls that are added come to: then and now."""

    def __init__(self) -> None:
        self.calls = self.same = self.failed = 0
        self.was, self.now = _none(), _none()

    def add(self, pair: Pair) -> None:
        self.calls += 1
        self.same += bool(pair.same)
        self.failed += pair.failed
        _add(self.was, pair.was, failed=pair.was is not None and pair.was["call"]["status"] != "ok")
        _add(self.now, pair.now, failed=pair.failed)

    def json(self) -> Json:
        return {"calls": self.calls, "same": self.same, "failed": self.failed, "was": self.was, "now": self.now}


def _none() -> Json:
    sums = {"unpriced": 0, "input_tokens": 0, "output_tokens": 0, "failed": 0}
    return {"cost": None, "duration_ms": 0.0} | sums


def _add(sums: Json, side: Json | None, *, failed: bool) -> None:
    sums["failed"] += failed
    if side is None:
        return
    one = side["call"]
    for name in ("duration_ms", "input_tokens", "output_tokens"):
        sums[name] += one[name] or 0
    if one["cost"] is not None:
        sums["cost"] = (sums["cost"] or 0.0) + one["cost"]
    elif one["status"] == "ok":
        sums["unpriced"] += 1


def text(side: Json | None) -> str:
    """What an answer says."""
    said = []
    for piece in _pieces(side):
        if piece["type"] in ("text", "refusal"):
            said.append(piece.get("text", ""))
        elif piece["type"] in _MEDIA:
            said.append(media(piece))
    return harmless.clean("\n".join(said)).strip()


def called(side: Json | None) -> list[tuple[str, Any]]:
    """The tools that an answer calls, each with its arguments."""
    calls = [piece for piece in _pieces(side) if piece["type"] == "tool_call"]
    return [(piece.get("name") or piece.get("kind") or "a tool", piece.get("arguments")) for piece in calls]


def question(pair: Pair) -> str:
    """The first line of what was asked: of the last words, or else of the last result of a tool."""
    said = (pair.was or {}).get("messages") or (pair.now or {}).get("messages") or []
    pieces = said[-1]["pieces"] if said else []
    texts = [piece.get("text", "") for piece in pieces if piece["type"] == "text"]
    if words := next((text for text in reversed(texts) if text.strip()), ""):
        return _first(words)
    for piece in reversed(pieces):
        if piece["type"] == "tool_result":
            found = [part.get("text", "") for part in piece.get("content", []) if part["type"] == "text"]
            return f"← {_first(''.join(found)) or harmless.line(piece.get('name', '')) or 'a result'}"
    return harmless.line(media(pieces[-1])) if pieces and pieces[-1]["type"] in _MEDIA else ""


def _first(words: str) -> str:
    return harmless.line(harmless.clean(words).strip().partition("\n")[0])


def _pieces(side: Json | None) -> list[Json]:
    output = side["output"] if side is not None else None
    return output["pieces"] if output is not None else []


def _meant(side: Json) -> object:
    others = [(piece.get("url"), piece.get("value")) for piece in _pieces(side) if piece["type"] not in _TOLD]
    refused = any(piece["type"] == "refusal" for piece in _pieces(side))
    return text(side), refused, called(side), others
