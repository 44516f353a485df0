"""The adversaries' calls, threaded by the drain, and how well.

Of each call the *link* is judged: the call that threading took it to go on from, as its parent or its origin.

- *right*: it goes on from a call of its own conversation, or begins a session where it begins a conversation;
- *wrong*: what it was taken to go on from is of another conversation, so that two are one session now. That session's
  other calls are not to blame: they go on from calls of their own conversation;
- *missed*: it begins a session, though it goes on from an earlier call of its conversation;
- *indistinguishable*: wrong or missed, but by nothing that was sent: nobody could tell. These are counted apart:
  - the request and the answer of the one that was taken are equal, byte for byte, to those of the right one, of the
    same key, user and client, and the call that goes on from them names no id that only one of them has;
  - the call has left out what was said before, and what it sends is the whole of the other conversation, word for word,
    with the same prompt, tools, model, key, user and client;
  - the call is taken for another attempt at one that has no answer, and is equal to it, byte for byte, of the same key,
    user and client, and does not say that it is the first; or it is another attempt, could be one at several of these,
    and is taken for none.

*Precision* is right / (right + wrong) of the calls that were linked; *recall* is right / all, of those that go on from
another call and are distinguishable. *Across users* is a wrong link to another key or another `user` field.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

import sqlalchemy as sa

from sessionary.drain.intake import Intake, Item
from sessionary.drain.round import Round
from sessionary.drain.seen import Seen
from sessionary.record.exchange import Begin, Finish
from sessionary.spool.reader import Cursor
from sessionary.store import keys, schema
from sessionary.store.writes import transaction
from tests.support.adversary.talk import RETRIES, Call

Verdict = Literal["right", "wrong", "missed", "indistinguishable"]
MOST = 400
"""Records of a round."""
_MINUTES = 600_000_000
"""Microseconds within which something is tried again."""


@dataclass(frozen=True)
class Link:
    """What threading said of a call: columns of its row."""

    session: str
    rule: str
    parent: str | None
    origin: str | None
    origin_kind: str | None
    ambiguous: bool
    side: bool

    @property
    def before(self) -> str:
        return self.parent or self.origin or ""


def thread(engine: sa.Engine, calls: Iterable[Call], seed: int = 0) -> dict[str, Link]:
    """Stores the calls in rounds of random size, as the drain does; what became of each, by id."""
    calls = list(calls)
    for project in sorted({call.begin.project for call in calls}):
        assert keys.ensure_project(engine, f"project {project}") >= project
    records = sorted([r for call in calls for r in (call.begin, call.finish)], key=lambda r: r.at)
    names = {call.begin.key_id: call.begin.key_id for call in calls}
    rng, start, seen = Random(seed), 0, Seen()
    while start < len(records):
        some = records[start : start + rng.randint(1, MOST)]
        store(engine, some, names, seen)
        start += len(some)
    c = schema.calls.c
    columns = [c[name] for name in ("session", "rule", "parent", "origin", "origin_kind", "ambiguous", "side")]
    with engine.connect() as connection:
        return {row.id: Link(*row[1:]) for row in connection.execute(sa.select(c.id, *columns))}


def store(engine: sa.Engine, records: Iterable[Begin | Finish], names: Mapping[str, str], seen: Seen) -> None:
    """One round, as the drain makes it. `names`: the keys', by id."""
    items = [Item(record.at, "test-writer", record, Cursor()) for record in records]
    with transaction(engine) as connection:
        work = Round(connection, names, items[-1].at, seen=seen)
        work.run(Intake(items))
        assert work.set_aside == 0
    work.committed()


@dataclass
class Tally:
    calls: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    linked: int = 0
    """Right and linked."""
    going_on: int = 0
    """Calls that go on from another, without the indistinguishable ones."""
    found: int = 0
    """Right ones of these."""

    @property
    def precision(self) -> float:
        taken = self.linked + self.verdicts["wrong"]
        return self.linked / taken if taken else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.going_on if self.going_on else 1.0

    def add(self, call: Call, link: Link, verdict: Verdict) -> None:
        self.calls += 1
        self.verdicts[verdict] += 1
        self.linked += verdict == "right" and link.before != ""
        if call.before and verdict != "indistinguishable":
            self.going_on += 1
            self.found += verdict == "right"


@dataclass
class Score:
    links: dict[str, Link]
    calls: dict[str, Call]
    verdicts: dict[str, Verdict]
    total: Tally
    rules: dict[str, Tally]
    kinds: dict[str, Tally]
    across: list[Call]
    """Wrong links to another key or user."""
    within: list[Call]
    """Other wrong links."""
    exact: int
    """Right links that name the very call that is gone on from."""
    named: int
    """Those of them that also say how: as its answer, or as what started, summarised or failed before it."""
    kept_apart: bool
    """No session has calls of two conversations that no wrong link joins: what is counted is all there is."""

    def of(self, verdict: Verdict) -> list[Call]:
        return [self.calls[i] for i, v in self.verdicts.items() if v == verdict]

    def report(self) -> str:
        """Tables for people."""
        heads = ("calls", "right", "wrong", "missed", "nobody could tell", "precision", "recall")
        lines = [f"{'':34}" + "".join(f"{head:>19}" if len(head) > 9 else f"{head:>11}" for head in heads)]
        for name, tallies in (("rule", self.rules), ("kind", self.kinds)):
            lines += ["", f"by {name}"]
            lines += [_line(key, tallies[key]) for key in sorted(tallies)]
        lines += ["", _line("all", self.total)]
        lines += [f"wrong across users {len(self.across)}, within a key {len(self.within)}"]
        lines += [f"of {self.total.linked} right links {self.exact} name the very call, {self.named} of them say how"]
        return "\n".join(lines)


def _line(name: str, tally: Tally) -> str:
    counts = [tally.verdicts[v] for v in ("right", "wrong", "missed")]
    cells = "".join(f"{n:>11}" for n in (tally.calls, *counts)) + f"{tally.verdicts['indistinguishable']:>19}"
    return f"  {name:32}{cells}{tally.precision:>11.2%}{tally.recall:>11.2%}"


def score(calls: Iterable[Call], links: dict[str, Link]) -> Score:
    by_id = {call.id: call for call in calls}
    tried: dict[bytes, list[Call]] = {}
    for call in by_id.values():
        tried.setdefault(call.begin.body, []).append(call)
    verdicts = {i: _verdict(call, links[i], by_id, tried[call.begin.body]) for i, call in by_id.items()}
    total, rules, kinds = Tally(), dict[str, Tally](), dict[str, Tally]()
    for i, call in by_id.items():
        for tally in (
            total,
            rules.setdefault(links[i].rule, Tally()),
            kinds.setdefault(call.kind, Tally()),
        ):
            tally.add(call, links[i], verdicts[i])
    wrong = [by_id[i] for i, verdict in verdicts.items() if verdict == "wrong"]
    across = [call for call in wrong if _other_user(call, by_id[links[call.id].before])]
    exact = [(call, links[i]) for i, call in by_id.items() if call.before and links[i].before == call.before]
    return Score(
        links=links,
        calls=by_id,
        verdicts=verdicts,
        total=total,
        rules=rules,
        kinds=kinds,
        across=across,
        within=[call for call in wrong if call not in across],
        exact=len(exact),
        named=sum((link.origin_kind or "parent") == call.how for call, link in exact),
        kept_apart=_kept_apart(by_id, links, verdicts),
    )


def _verdict(call: Call, link: Link, calls: Mapping[str, Call], equal: list[Call]) -> Verdict:
    """`equal`: the calls with the same body."""
    if not link.before:
        others = [c for c in equal if c.conversation != call.conversation and 0 < call.begin.at - c.begin.at < _MINUTES]
        alike = call.how == "retry" and any(_again(call, other) for other in others)
        return "indistinguishable" if alike else "missed" if call.before else "right"
    taken = calls[link.before]
    if taken.conversation == call.conversation:
        return "right"
    meant = calls[call.before] if call.before else None
    alike = _again(call, taken) or (meant is not None and _equal(call, taken, meant))
    return "indistinguishable" if alike else "wrong"


def _again(call: Call, taken: Call) -> bool:
    same = call.begin.body == taken.begin.body and _client(call) == _client(taken)
    unanswered = taken.finish.status != "ok" or taken.finish.at > call.begin.at
    return same and unanswered and call.begin.headers.get(RETRIES) != "0"


def _equal(call: Call, taken: Call, meant: Call) -> bool:
    same = (taken.begin.body, taken.told) == (meant.begin.body, meant.told) and _client(taken) == _client(meant)
    named = any(other.item.encode() in call.begin.body for other in (taken, meant))
    return not named and (same or _is_whole(call, taken))


def _is_whole(call: Call, taken: Call) -> bool:
    """Whether all that was said in the conversation up to the answer of `taken` is what `call` sends back."""
    history = [*taken.sent, taken.told]
    later = call.sent[len(history) :]
    answers = any(json.loads(said)[0] == "assistant" for said in later)
    same = call.sent[: len(history)] == history and not answers and _client(call) == _client(taken)
    return same and _beside(call) == _beside(taken)


def _beside(call: Call) -> dict[str, Any]:
    """What the request says beside the conversation."""
    body = json.loads(call.begin.body)
    messages = body.pop("input" if call.begin.endpoint == "responses" else "messages")
    return body | {"prompt": [m for m in messages if m.get("role") == "system"]}


def _client(call: Call) -> tuple[Any, ...]:
    begin = call.begin
    return begin.project, begin.key_id, begin.user, begin.client


def _other_user(one: Call, other: Call) -> bool:
    return _client(one)[:3] != _client(other)[:3]


def _kept_apart(calls: Mapping[str, Call], links: Mapping[str, Link], verdicts: Mapping[str, Verdict]) -> bool:
    """Whether the wrong links explain all that is together: joined by them, each session's calls are one."""
    of: dict[Any, Any] = {}

    def root(node: Any) -> Any:
        while node in of:
            node = of[node]
        return node

    for i, call in calls.items():
        if links[i].before and verdicts[i] in ("wrong", "indistinguishable"):
            one, other = root(call.conversation), root(calls[links[i].before].conversation)
            if one != other:
                of[one] = other
    together: dict[str, set[Any]] = {}
    for i, call in calls.items():
        together.setdefault(links[i].session, set()).add(root(call.conversation))
    return all(len(conversations) == 1 for conversations in together.values())
