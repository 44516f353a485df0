"""One session as it goes on: its calls as they begin, answers as they are said, what came of them.

Calls may run side by side, and a terminal has one end: the first one speaks, the others are told when it is over. What
grows is kept only of calls that run.
"""

import re
from collections.abc import Callable, Iterable
from itertools import zip_longest
from typing import Any

import msgspec
from rich.cells import cell_len

from sessionary.cli.shell.harmless import clean
from sessionary.cli.shell.story import Story
from sessionary.cli.shell.told import TAB, Paper, block

Json = dict[str, Any]
_LIVE = "live"
_AT_ONCE = 50
_WORDS = re.compile(r"\n|[^\S\n]+|\S+")
_SPACE = " " * 4
"""In front of what is said, as where it is told whole."""
_UNIT = 2
"""Bytes of what positions are counted in: UTF-16, as browsers do."""


class Growing:
    """An answer as far as it is known, piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[Json] = []
        self._texts: list[bytes] = []

    def grow(self, pieces: Iterable[Json]) -> None:
        for more in pieces:
            at = more["index"]
            while len(self._pieces) <= at:
                self._pieces.append({"type": "text"})
                self._texts.append(b"")
            self._pieces[at] = self._pieces[at] | {n: more[n] for n in ("type", "name", "id") if more.get(n)}
            said = more["text"].encode("utf-16-le", "surrogatepass")
            self._texts[at] = self._texts[at][: more["from"] * _UNIT] + said

    def pieces(self) -> list[tuple[Json, str]]:
        """With their texts: of a tool call the arguments as they are written."""
        texts = (text.decode("utf-16-le", "replace") for text in self._texts)
        return list(zip(self._pieces, texts, strict=True))


class Voice:
    """Says an answer as it grows. What was said stays said."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._said: list[str] = []
        self._open = False
        self._column = 0

    def say(self, pieces: list[tuple[Json, str]]) -> None:
        for at in range(max(0, len(self._said) - 1), len(pieces)):
            piece, text = pieces[at]
            if at == len(self._said):
                self._begin(piece, at)
            before = self._said[at]
            if text.startswith(before) and len(text) > len(before):
                self._say(text[len(before) :], "dim italic" if piece["type"] == "reasoning" else "")
                self._said[at] = text

    def over(self, output: Json | None) -> bool:
        """Says the rest of it, as the record has it. False where another thing was said, or nothing: then all of it is
        still to be told."""
        pieces = output["pieces"] if output is not None else []
        final = [(piece, _written(piece, said)) for piece, said in zip_longest(pieces, self._said[: len(pieces)])]
        good = 0 < len(self._said) <= len(final)
        good = good and all(text.startswith(said) for (_, text), said in zip(final, self._said, strict=False))
        if good:
            self.say(final)
        self.leave()
        return good

    def leave(self) -> None:
        """Ends the line."""
        if self._open:
            self._paper.said("\n")
        self._open = False

    def _begin(self, piece: Json, at: int) -> None:
        self.leave()
        if at == 0:
            self._paper.put(block(("assistant", "bold blue"), depth=1))
        self._said.append("")
        self._open = True
        self._paper.said(_SPACE)
        self._column = len(_SPACE)
        if piece["type"] == "tool_call":
            self._say("→ ", "cyan")
            self._say(f"{piece.get('name') or piece.get('kind') or 'a tool'} ", "bold cyan")
        elif piece["type"] == "reasoning":
            self._say("reasoning: ", "dim italic")

    def _say(self, text: str, style: str) -> None:
        """On a terminal in lines that it has room for: a word that does not fit begins the next."""
        if not self._paper.terminal:
            self._paper.said(text.replace("\n", f"\n{_SPACE}"), style)
            return
        written, left, width = [], len(_SPACE), self._paper.width
        for word in _WORDS.findall(clean(text).expandtabs(TAB)):
            end = self._column + cell_len(word)
            if word == "\n" or (end > width and self._column > left):
                written.append(f"\n{_SPACE}")
                self._column, end = left, left + cell_len(word)
                if word.isspace():
                    continue
            written.append(word)
            self._column = end if end <= width else (end - 1) % width + 1
        self._paper.said("".join(written), style)


class Following:
    def __init__(self, paper: Paper, story: Story, fetch: Callable[[list[str]], list[Json]]) -> None:
        """`fetch`: of these calls what the transcript has, as far as they are still there."""
        self._paper = paper
        self._story = story
        self._fetch = fetch
        self._told: set[str] = set()
        self._known: dict[str, bool] = {}
        """Calls that were not told to their end; whether they go on."""
        self._growing: dict[str, Growing] = {}
        self._speaks = ""
        self._voice = Voice(paper)

    def skip(self, calls: Iterable[Json]) -> None:
        """What was over before it was followed."""
        self._told |= {one["id"] for one in calls if one["status"] != _LIVE}

    def grew(self, call_id: str, pieces: Iterable[Json]) -> None:
        if call_id in self._told:
            return
        growing = self._growing.setdefault(call_id, Growing())
        growing.grow(pieces)
        if call_id == self._speaks:
            self._voice.say(growing.pieces())

    def news(self, calls: Iterable[Json]) -> None:
        """Calls as an outline has them, in order: those that began, those that are over."""
        self._known |= {one["id"]: one["status"] == _LIVE for one in calls if one["id"] not in self._told}
        while not self._known.get(self._speaks, False) and self._known:
            over = [call_id for call_id, goes_on in self._known.items() if not goes_on]
            if self._speaks:
                self._tell([self._speaks])
            elif over:
                self._tell(over[:_AT_ONCE])
            else:
                self._tell([next(iter(self._known))])
        self._paper.flush()

    def leave(self) -> None:
        self._voice.leave()

    def _tell(self, ids: list[str]) -> None:
        found = {added["call"]["id"]: added for added in self._fetch(ids)}
        for call_id in ids:
            added = found.get(call_id)
            if added is not None and added["call"]["status"] == _LIVE:
                self._known[call_id] = True
                self._speak(added)
                return
            if added is not None:
                self._over(added)
            else:  # it was deleted, or moved to another session
                self._voice.leave()
            self._speaks = "" if self._speaks == call_id else self._speaks
            self._told.add(call_id)
            self._known.pop(call_id, None)
            self._growing.pop(call_id, None)

    def _speak(self, added: Json) -> None:
        if self._speaks == added["call"]["id"]:
            return
        self._speaks = added["call"]["id"]
        self._paper.put(*self._story.asked(added))
        self._voice = Voice(self._paper)
        if (growing := self._growing.get(self._speaks)) is not None:
            self._voice.say(growing.pieces())

    def _over(self, added: Json) -> None:
        if added["call"]["id"] != self._speaks:
            self._paper.put(*self._story.call(added))
        elif self._voice.over(added["output"]):
            self._paper.put(*self._story.closed(added))
        else:
            self._paper.put(*self._story.answered(added), *self._story.closed(added, ended=False))


def _written(piece: Json, said: str | None) -> str:
    """A piece of the record as it was said while it grew: arguments may have been written otherwise."""
    if piece["type"] != "tool_call":
        return str(piece.get("text", ""))
    given = piece.get("arguments")
    if isinstance(given, str):
        return given
    try:
        if said and msgspec.json.decode(said) == given:
            return said
    except (msgspec.DecodeError, RecursionError):
        pass
    return "" if given is None else msgspec.json.encode(given).decode()
