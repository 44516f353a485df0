"""Why a call is in its session: what was stored when it was placed, and the same in a sentence. Pure."""

from collections.abc import Mapping
from typing import Any

from sessionary.api import thread_types as shapes
from sessionary.api import types

Row = types.Row


def mentioned(call: Row) -> set[tuple[int, str]]:
    """The calls, by project and id, that the evidence of `call` tells of."""
    found = {call.parent, call.origin, *(id for id, *_ in _candidates(call))}
    return {(call.project, id) for id in found if id}


def evidence(call: Row, related: Mapping[tuple[int, str], Row], home: Row | None) -> shapes.Evidence:
    """`related`: those of the calls `mentioned` that are there; `home`: the session's row that `call.home` names."""
    candidates = []
    for nth, (id, session, depth) in enumerate(_candidates(call)):
        now = related.get((call.project, id))
        where = (now.session, now.session_text) if now else (session, session)
        candidates.append(shapes.Candidate(id, *where, depth, taken=nth == 0))
    corrected = None
    if call.home and call.home != call.session:
        corrected = shapes.Named(call.home, home.session_id if home else call.home)
    return shapes.Evidence(
        call_id=call.id,
        session=call.session,
        session_id=call.session_text,
        source=call.source,
        rule=call.rule,
        explanation=_explanation(call, related, len(candidates), corrected),
        depth=call.base_depth,
        of=call.input_depth,
        parent=_related(call, call.parent, related),
        origin=types.origin(call),
        candidates=candidates,
        matched=(call.evidence or {}).get("matched"),
        ambiguous=bool(call.ambiguous),
        corrected=corrected,
    )


def _candidates(call: Row) -> list[Any]:
    found: list[Any] = (call.evidence or {}).get("candidates", [])
    return found


def _related(call: Row, id: str | None, related: Mapping[tuple[int, str], Row]) -> shapes.Related | None:
    if not id:
        return None
    there = related.get((call.project, id))
    return shapes.Related(id, there.session if there else None, there.session_text if there else None)


def _explanation(
    call: Row, related: Mapping[tuple[int, str], Row], candidates: int, corrected: shapes.Named | None
) -> str:
    said = _RULES.get(call.rule) or _SOURCES.get(call.source, "Its content decided ({rule})")
    text = said.format(
        rule=call.rule,
        depth=call.base_depth,
        of=call.input_depth,
        messages="message" if call.input_depth == 1 else "messages",
        parent=_place(call, call.parent, related),
        origin=_place(call, call.origin, related),
    )
    if call.ambiguous:
        others = f"{candidates - 1} other calls" if candidates > 2 else "another call"
        text += f"; {others} would have done as well, and the newest was taken"
    if corrected is not None:
        text += f"; a person moved it here from “{corrected.session_id}”"
    return text + "."


def _place(call: Row, id: str | None, related: Mapping[tuple[int, str], Row]) -> str:
    there = related.get((call.project, id or ""))
    if there is None:
        return "a call that is not there any more"
    turn = f"turn {there.turn}" if there.turn else "a side call"
    return turn if there.session == call.session else f"{turn} of “{there.session_text}”"


_RULES = {
    "content": "It names no session; {depth} of its {of} {messages} are what was said up to the answer in {parent}",
    "content.edited": (
        "It names no session; its history was edited or shortened, and the newest answer that still stands in it is "
        "that of {parent}"
    ),
    "content.spawn": "It names no session; it begins with what a tool call in {origin} told an agent to do",
    "content.compaction": "It names no session; it begins with the summary that was the answer in {origin}",
    "content.retry": "It names no session; it asks again what failed in {origin}",
}
_SOURCES = {
    "id": "It names its session: {rule}",
    "harness": "The program that calls names the session: {rule}",
    "response": "It goes on from an answer by its id ({rule}), and is in that answer's session",
    "replay": "It asks once more what was asked in {origin}",
    "conversation": "It was made in a conversation, which is its session",
    "none": "It names no session, and no answer that is stored is in its history: it begins one",
}
