"""A session in words, call by call, for a terminal: what each call added, as the transcript of the API has it. Pure.

A `Story` remembers of the calls that it was told which they were, never what they said: it may be as long as it likes.
"""

from typing import Any

import msgspec

from sessionary.cli.shell.told import Block, Part, block
from sessionary.cli.shell.when import clock, moment
from sessionary.ui.format import cost, count, duration, share, size, wall

Json = dict[str, Any]
_ROLES = {"system": "magenta", "user": "bold green", "assistant": "bold blue", "tool": "cyan"}
_STATES = {"ok": "green", "live": "bold cyan", "cut": "yellow"}
_RESULT, _SYSTEM, _REASONING, _ARGUMENTS, _SAID = 8, 3, 6, 12, 40
"""Lines that are shown of what is folded."""
_SHORT = 90
"""Letters of arguments that fit into one line."""
DIM = "dim"
BETWEEN = " · "


def state(status: str) -> str:
    """The style of a session's or a call's status."""
    return _STATES.get(status, "yellow" if status in ("client_closed", "interrupted") else "bold red")


def plural(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def counted(session: Json) -> str:
    return f"{plural(session['calls'], 'call')} in {plural(session['turns'], 'turn')}"


def tokens(one: Json) -> str:
    if not one["input_tokens"] and not one["output_tokens"]:
        return ""
    return f"{'~' if one.get('estimated') else ''}{count(one['input_tokens'])} → {count(one['output_tokens'])}"


def spent(one: Json) -> str:
    return f"{tokens(one)} tokens" if tokens(one) else ""


def money(one: Json) -> str:
    """Nothing where no price is known; a `+` where there are calls whose price is not."""
    return "" if one["cost"] is None else cost(one["cost"]) + ("+" if one.get("unpriced") else "")


def head(session: Json, page: str) -> list[Block]:
    """The session's totals; `page`: its address for a browser."""
    named = session["session_id"] if session["session_id"] != session["id"] else ""
    cached = share(session["cached_tokens"], session["input_tokens"])
    lasted = wall(session["first_at"], session["last_at"]) if session["first_at"] != session["last_at"] else ""
    facts = [
        ", ".join(filter(None, (moment(session["first_at"]), lasted))),
        counted(session),
        spent(session) + (f" ({cached} cached)" if cached else ""),
        money(session),
        f"{duration(session['active_ms'])} active" if session["active_ms"] else "",
        plural(session["branches"], "branch", "branches") + " beside the first" if session["branches"] else "",
        plural(session["agents"], "agent") if session["agents"] else "",
    ]
    failed = f"{BETWEEN}{plural(session['errors'], 'call')} failed" if session["errors"] else ""
    who = [*session["models"], *session["clients"], *(f"user {user}" for user in session["users"])]
    who += [f"#{tag}" for tag in session["tags"]]
    blocks = [
        block((session["title"] or session["session_id"], "bold")),
        block((session["id"] + (f"{BETWEEN}{named}" if named else ""), DIM)),
        block(
            (session["status"], state(session["status"])), (failed, "red"), BETWEEN + BETWEEN.join(filter(None, facts))
        ),
    ]
    if who:
        blocks.append(block((BETWEEN.join(filter(None, who)), DIM)))
    if (before := session["continues"]) is not None:
        blocks.append(block((f"goes on from {before['session_id'] or before['session']}", DIM)))
    return [*blocks, block((page, DIM))]


class Story:
    def __init__(self, before: int | None = 0) -> None:
        """`before`: how many calls of the session come before those that are told; None: that is not known."""
        self._before = before
        self._numbers: dict[str, int] = {}
        self._continued: set[str] = set()
        self._tools: dict[str, str] = {}
        """Names by the ids of calls that no result was seen of."""
        self._turn = 0

    def call(self, added: Json) -> list[Block]:
        return [*self.asked(added), *self.answered(added)]

    def asked(self, added: Json) -> list[Block]:
        """What it is, and what it sent."""
        one = added["call"]
        blocks = [*self._turned(one), block(), block(*self._line(added))]
        system = [piece for message in added["system"] for piece in message["pieces"]]
        if system:
            blocks += self._message("system", "", system)
        if added["unprompted"]:
            blocks.append(block(("the system prompt is gone", DIM), depth=1))
        if one["unkept"]:
            blocks.append(block(("what was said here is not kept", DIM), depth=1))
        if added.get("emptied"):
            blocks.append(block(("what was said here was deleted", DIM), depth=1))
        elif not added["retry"] or self._before is None:  # of a call alone nothing was told before
            for message in added["messages"]:
                blocks += self._message(message["role"], message.get("name", ""), message["pieces"])
        return blocks

    def answered(self, added: Json) -> list[Block]:
        """What came of it."""
        blocks = []
        if added["output"] is not None:
            blocks += self._message("assistant", "", added["output"]["pieces"])
        return [*blocks, *how(added["call"])]

    def closed(self, added: Json, *, ended: bool = True) -> list[Block]:
        """What a call came to that was told, and what it said, while it ran; `ended`: and how it ended."""
        one, output = added["call"], added["output"]
        for piece in output["pieces"] if output is not None else []:
            self._named(piece)
        facts = BETWEEN.join(filter(None, (tokens(one), money(one), took(one))))
        return [*(how(one) if ended else []), *([block((facts, DIM), depth=1)] if facts else [])]

    def pieces(self, pieces: list[Json], fold: int = 0) -> list[Block]:
        return [one for piece in pieces for one in self._piece(piece, fold)]

    def _turned(self, one: Json) -> list[Block]:
        if one["side"] or one["turn"] == self._turn or one["agent"]:
            return []
        self._turn = one["turn"]
        return [block(), block((f"── turn {self._turn} ──", "bold"))]

    def _line(self, added: Json) -> list[Part]:
        one = added["call"]
        if self._before is not None:
            self._numbers.setdefault(one["id"], self._before + len(self._numbers) + 1)
        facts = [tokens(one), money(one), took(one), one["id"]]
        marks = BETWEEN.join(self._marks(added))
        return [
            (f"#{self._numbers[one['id']]} " if one["id"] in self._numbers else "", "bold"),
            (f"{one['model'] or one['endpoint']}", "bold"),
            (f"{BETWEEN}{marks}" if marks else "", "yellow"),
            (BETWEEN + BETWEEN.join(filter(None, (clock(one["created_at"]), *facts))), DIM),
        ]

    def _marks(self, added: Json) -> list[str]:
        one, origin = added["call"], added["call"]["origin"]
        marks = [f"agent {one['agent_name'] or one['agent']}"] if one["agent"] else []
        if one["side"]:
            marks.append("beside the conversation")
        if added["retry"] or (origin is not None and origin["kind"] == "retry"):
            marks.append("asked again")
        elif origin is not None and origin["kind"] == "spawn":
            marks.append(f"started by {self._called(origin['call_id'])}")
        elif origin is not None and origin["kind"] == "replay":
            marks.append(f"replays {origin['call_id']}")
        elif origin is not None:
            marks.append(f"goes on with the summary of {self._called(origin['call_id'])}")
        elif one["parent_id"] and not one["side"]:
            if one["parent_id"] in self._continued:
                marks.append(f"branch from {self._called(one['parent_id'])}")
            self._continued.add(one["parent_id"])
        if added["broke"] is not None and added["broke"]["what"] != "messages":
            marks.append(f"cache prefix broken: other {added['broke']['what']}")
        elif added["broke"] is not None:
            marks.append("cache prefix broken")
        if len(one["attempts"]) > 1:
            marks.append(f"{len(one['attempts'])} attempts")
        return marks

    def _called(self, call_id: str) -> str:
        return f"#{self._numbers[call_id]}" if call_id in self._numbers else call_id

    def _message(self, role: str, name: str, pieces: list[Json]) -> list[Block]:
        fold = {"system": _SYSTEM, "assistant": 0}.get(role, _SAID)
        said = self.pieces(pieces, fold)
        if said and not all(piece["type"] == "tool_result" for piece in pieces):
            named = f" {name}" if name and role != "system" else ""
            return [block((role + named, _ROLES.get(role, "bold")), depth=1), *said]
        return said

    def _piece(self, piece: Json, fold: int) -> list[Block]:
        match piece["type"]:
            case "text" | "refusal":
                text = piece.get("text", "").strip("\n")
                refused = piece["type"] == "refusal"
                named = f"{'refusal: ' if refused else ''}{text}"
                return [block((named, "red" if refused else ""), depth=2, fold=fold)] if text else []
            case "reasoning":
                text = piece.get("text", "").strip() or piece.get("detail") or "not shown"
                return [block((f"reasoning: {text}", "dim italic"), depth=2, fold=_REASONING)]
            case "tool_call":
                return self._tool_call(piece)
            case "tool_result":
                return self._result(piece)
            case "image" | "audio" | "file":
                return [block((media(piece), DIM), depth=2)]
        return [block((_written(piece.get("value")), DIM), depth=2, fold=_RESULT)]

    def _tool_call(self, piece: Json) -> list[Block]:
        name = self._named(piece)
        given = piece.get("arguments")
        short = given if isinstance(given, str) else "" if given is None else _compact(given)
        if len(short) <= _SHORT and "\n" not in short:
            return [block(("→ ", "cyan"), (name, "bold cyan"), (f" {short}" if short else "", ""), depth=2)]
        lines = given if isinstance(given, str) else fields(given)
        return [block(("→ ", "cyan"), (name, "bold cyan"), depth=2), block(lines, depth=3, fold=_ARGUMENTS)]

    def _named(self, piece: Json) -> str:
        """A tool's name, remembered until its result comes."""
        name: str = piece.get("name") or piece.get("kind") or "a tool"
        if piece["type"] == "tool_call" and piece.get("id"):
            self._tools[piece["id"]] = name
        return name

    def _result(self, piece: Json) -> list[Block]:
        name = self._tools.pop(piece.get("id", ""), "") or piece.get("name") or "result"
        failed = bool(piece.get("error"))
        blocks = [
            block(("← ", "red" if failed else "cyan"), (name, "cyan"), (" failed" if failed else "", "red"), depth=2)
        ]
        texts = [part["text"] for part in piece.get("content", []) if part["type"] == "text" and part.get("text")]
        if texts:
            blocks.append(block(("\n".join(texts).strip("\n"), DIM), depth=3, fold=_RESULT))
        for part in piece.get("content", []):
            blocks += [] if part["type"] == "text" else self._piece(part, _RESULT)
        return blocks


def how(one: Json) -> list[Block]:
    """How a call ended, where not well."""
    if one["error"] is not None:
        said = one["error"].get("message") or one["error"].get("type") or ""
        status = f"{one['http_status']} " if one["http_status"] else ""
        return [block((f"✗ {one['status']}: {status}{said}", "red"), depth=1, fold=_RESULT)]
    if one["status"] == "live":
        return [block(("… is being answered", "cyan"), depth=1)]
    return [] if one["status"] == "ok" else [block((f"✗ {one['status']}", state(one["status"])), depth=1)]


def took(one: Json) -> str:
    if one["duration_ms"] is None:
        return ""
    first = f" ({duration(one['ttft_ms'])} to first)" if one["ttft_ms"] is not None and one["stream"] else ""
    return duration(one["duration_ms"]) + first


def media(piece: Json) -> str:
    url = piece.get("url", "")
    inline = url.startswith("data:")
    told = [piece["type"], piece.get("name", ""), piece.get("media_type", ""), "" if inline else url]
    if inline:
        told.append(size(len(url.partition(",")[2]) * 3 // 4))
    return f"[{', '.join(filter(None, told))}]"


def fields(given: Any) -> str:
    """Arguments by name, a line each: texts as they are, for what is written in JSON's one line nobody can read."""
    if not isinstance(given, dict):
        return _written(given)
    return "\n".join(f"{name}: {_field(value)}" for name, value in given.items())


def _field(value: Any) -> str:
    text = value if isinstance(value, str) else _compact(value)
    return "\n" + "\n".join(f"  {line}" for line in text.split("\n")) if "\n" in text else text


def _compact(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _written(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
