"""The call whose answer a request sends back, found by the history: as it was, or, where clients rewrite or cut what
was said long ago, by the newest answer that still stands (`drain.edited`).

A history that is the same up to an answer proves itself: its node is that of the call. Where several conversations were
the same so far, what is beside the history tells them apart, or nothing does.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sessionary.drain.earlier import Earlier
from sessionary.drain.edited import Edited, Said, named
from sessionary.drain.known import Known, Scope
from sessionary.drain.link import MOST_SHOWN, Found, Ref
from sessionary.drain.requests import Parsed, Step
from sessionary.wire import loose, meaning
from sessionary.wire.reading import FORMATS

_AT_ONCE = 2
"""Answers that are asked for one by one: nearly always it is the last."""
_MOST = 6
"""Answers, deepest first, that are looked for where the history is not as it was."""
_BROKEN_OFF = frozenset({"client_closed", "interrupted", "upstream_error", "timeout"})
_LEAST_CUT = 12
"""Characters of an answer that was broken off."""


def answers(parsed: Parsed) -> Iterator[tuple[int, int]]:
    """What the model said on a path: [start, end) of each answer's messages, deepest first. In Responses an answer may
    be several items, and so are as many as come in a row; elsewhere it is one message."""
    steps, several = parsed.steps, FORMATS[parsed.begin.endpoint] == "responses"
    end = len(steps)
    while end:
        start = end - 1
        if steps[start].role == "assistant":
            while several and start and steps[start - 1].role == "assistant":
                start -= 1
            yield start, end
        end = start


def ends(parsed: Parsed) -> Iterator[Step]:
    """The last message of each of the deepest answers: of those that are asked for one by one."""
    return (parsed.steps[end - 1] for _, end in islice(answers(parsed), _AT_ONCE))


def answered(steps: list[Step]) -> bool:
    return any(step.role == "assistant" for step in steps)


class Resent:
    def __init__(self, known: Known, earlier: Earlier) -> None:
        self._known = known
        self._earlier = earlier
        self._edited = Edited(known, earlier)

    def history(self, parsed: Parsed, scope: Scope) -> Found | None:
        """By what is sent back: the whole of it, or where there are later answers, one of those."""
        whole = self.whole(parsed, scope)
        above = whole.depth if whole else 0
        runs = [run for run in islice(answers(parsed), _MOST) if parsed.steps[run[1] - 1].depth > above]
        if not runs:
            return whole
        questions = [parsed.steps[start - 1].node for start, _ in runs if start]
        self._known.expect("leaf_node", [(node, scope) for node in questions])
        retold = (self._retold(parsed, scope, *run) for run in runs)
        return next(filter(None, retold), None) or self._edited.find(parsed, scope, runs, whole)

    def whole(self, parsed: Parsed, scope: Scope) -> Found | None:
        """By the longest part of the history that is as it was."""
        for step in self._ends(parsed, scope):
            if refs := self._known.find("output_node", step.node, scope, parsed.prompt_key):
                return self._best(parsed, scope, refs, step.depth)
        return None

    def asked(self, parsed: Parsed, scope: Scope) -> Found | None:
        """By the longest part of the history that a call was asked, whatever is said to have been answered: enough
        within a session that is named, and nowhere else."""
        before = [step for step in parsed.steps[-2::-1] if step.role in ("user", "tool")]
        there = self._known.among("leaf_node", [step.node for step in before], scope.project) if before else set()
        for step in before:
            refs = self._known.find("leaf_node", step.node, scope) if step.node in there else []
            if mine := [ref for ref in refs if ref.turn and parsed.begin.agent in ("", ref.agent)]:
                return Found(mine, step.depth, edited=True)
        return None

    def _ends(self, parsed: Parsed, scope: Scope) -> Iterator[Step]:
        """The steps at which a call's answer may end, deepest first."""
        deepest = list(ends(parsed))
        yield from deepest
        rest = [s for s in reversed(parsed.steps) if s.role == "assistant" and s not in deepest]
        if rest:
            there = self._known.among("output_node", [s.node for s in rest], scope.project)
            yield from (step for step in rest if step.node in there)

    def _best(self, parsed: Parsed, scope: Scope, refs: list[Ref], depth: int) -> Found | None:
        """Of conversations that were the same so far: which has the same prompt, client and model, and has not gone on
        yet. Where that leaves several, the newest. None where there are too many to look at, or where all of this is
        other: programs hand histories on, but not their prompt, to another model."""
        prompt, begin = parsed.prompt_key, parsed.begin
        if len({ref.session for ref in refs}) == 1 and (scope.session or refs[0].prompt_key == prompt):
            return Found(refs, depth)
        names = {call for start, end in islice(answers(parsed), _AT_ONCE) for call in named(parsed, start, end)}

        def likeness(ref: Ref) -> tuple[bool, ...]:
            same = (ref.prompt_key == prompt, ref.client == begin.client, ref.model == begin.model)
            return (ref.id in names, *same, not ref.continued)

        ordered = sorted(refs, key=likeness, reverse=True)  # stable: the newest of equals stays first
        best = ordered[0]
        others = [ref for ref in ordered if ref.session != best.session]
        if not scope.session and best.id not in names and best.prompt_key != prompt:
            stranger = best.client != begin.client and best.model != begin.model
            if stranger or (others and len(refs) >= MOST_SHOWN):
                return None
        return Found(ordered, depth, ambiguous=bool(others) and likeness(others[0]) == likeness(best))

    def _retold(self, parsed: Parsed, scope: Scope, start: int, end: int) -> Found | None:
        """By the whole history up to the question, where the answer comes back as another: the client has a little less
        of it than was passed on before it was broken off, or writes what was meant in its own form. In a history that
        has answers further up, the question is proof enough: whoever sends it was answered there."""
        if not start:
            return None
        refs = self._known.find("leaf_node", parsed.steps[start - 1].node, scope, parsed.prompt_key)
        if not refs:
            return None
        said = Said.of(parsed, start, end).text.strip()
        for ref in refs:
            pieces = [p for message in self._earlier.answer(scope.project, ref) for p in message.pieces]
            told = "".join(p.text for p in pieces if p.type == "text")
            cut = ref.status in _BROKEN_OFF and len(said) >= _LEAST_CUT and told.startswith(said)
            calls = [p for p in pieces if p.type == "tool_call"]
            meant = meaning.plain(calls[0].arguments) if len(calls) == 1 and not told else _object(told)
            if cut or (meant is not None and _object(said) == meant):
                return Found([ref], parsed.steps[end - 1].depth, edited=True)
        if answered(parsed.steps[:start]) and len({ref.session for ref in refs}) == 1:
            return Found(refs, parsed.steps[start - 1].depth, edited=True)
        return None


def _object(text: str) -> Any:
    """What a text of JSON says; None for any other."""
    return meaning.plain(loose.read_object(text)) if text.startswith("{") else None
