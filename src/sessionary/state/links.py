"""One call of a conversation: what it added, and what it went on from. Pure: made from a recording or its records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sessionary.record.exchange import Begin, Finish, Part, Record, Status
from sessionary.record.recorder import Recording
from sessionary.state.bounded import Bounded
from sessionary.wire import assemble, loose
from sessionary.wire.reading import FORMATS, Said
from sessionary.wire.responses import item_ids
from sessionary.wire.split import split, split_response

End = tuple[Status, str]
"""How a call stands, and what went wrong, in words."""
Near = Bounded[str, Recording]
"""Calls that one connection alone can go on from."""


@dataclass(slots=True)
class Link:
    call_id: str
    parent: str
    """The call before it; "" for the first, or where `before` tells."""
    session_id: str
    session_text: str
    said: list[Said]
    at: int
    """When it began, in microseconds."""
    edit: int = 0
    """Of the conversation that it was made in."""
    status: Status = "ok"
    error: str = ""
    """What went wrong, in words."""
    elsewhere: bool = False
    """Whether it is in flight at a gateway of another host, as far as is known here, and that is a second old."""
    before: Sequence["Link"] = ()
    """The calls before it, first things first, where they are known."""

    @property
    def follows(self) -> str:
        """The call before it, however that is known; "" for the first."""
        return self.before[-1].call_id if self.before else self.parent

    def size(self) -> int:
        """Bytes of what was said."""
        return sum(len(said.raw) for link in (self, *self.before) for said in link.said)


def items(link: Link, *, answers: bool = True) -> list[tuple[str, bytes]]:
    """The items of a call by their ids: what was asked, then what was answered."""
    found = []
    nameless = 0
    for said in link.said:
        if said.format != "responses" or (said.answer and not answers):
            continue
        try:
            value = loose.decode(said.raw)
        except loose.FAILURES:
            continue  # such a call was refused
        own = value.get("id") if isinstance(value, dict) else None
        if isinstance(own, str) and (said.answer or item_ids.call_of(own)):
            found.append((own, said.raw))
        elif not said.answer:
            found.append((item_ids.asked(link.call_id, nameless), said.raw))
            nameless += 1
    return found


def of_recording(recording: Recording) -> Link:
    return of_call(recording.begin, recording.asked, recording.answer(), (recording.status, recording.error))


def of_call(begin: Begin, body: bytes, answer: bytes, end: End) -> Link:
    """`answer` is what was delivered: JSON, or a stream's events."""
    format = FORMATS[begin.endpoint]
    known = begin.context.references
    asked = [*begin.context.added, *(item_ids.resolved(raw, known) for raw in split(body, begin.endpoint).messages)]
    said = [Said(raw, format, answer=False) for raw in asked]
    said += said_in(begin.endpoint, body_of(begin.endpoint, answer, stream=begin.stream))
    named = (begin.call_id, begin.context.parent, begin.session_id, begin.session_text)
    return Link(*named, said, begin.at, begin.context.edit, *end)


def body_of(endpoint: str, answer: bytes, *, stream: bool) -> bytes | None:
    """The answer as JSON; None where there is none."""
    return (assemble.assemble(answer, endpoint).body if stream and answer else answer) or None


def said_in(endpoint: str, body: bytes | None) -> list[Said]:
    """What the model said in an answer."""
    parts = split_response(body, endpoint).messages if body else []
    return [Said(raw, FORMATS[endpoint], answer=True) for raw in parts]


def begin_of(records: Iterable[Record]) -> Begin | None:
    return next((record for record in records if isinstance(record, Begin)), None)


def end_of(records: Iterable[Record]) -> End | None:
    return next(((r.status, r.error_message) for r in records if isinstance(r, Finish)), None)


def streamed(stored: Mapping[int, bytes], later: Iterable[Record]) -> bytes:
    """What was delivered of a call in flight: the parts that are stored, by `seq`, and what the spool has.

    The spool may still have parts that are stored.
    """
    parts, rest = dict(stored), b""
    for record in later:
        if isinstance(record, Part):
            parts[record.seq] = record.data
        elif isinstance(record, Finish):
            rest = record.body
    return b"".join([*(parts[seq] for seq in sorted(parts)), rest])


def answer_of(records: Iterable[Record]) -> bytes:
    """What was delivered, as far as the records tell."""
    return b"".join(
        record.data if isinstance(record, Part) else record.body for record in records if not isinstance(record, Begin)
    )
