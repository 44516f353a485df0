"""The ends of calls, one by one: their answers are read, counted, priced, and folded into the sessions' rows."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sessionary.drain import answers, compaction, requests, rollup, rows
from sessionary.drain.answers import Asked, Prefill
from sessionary.drain.batch import Batch
from sessionary.drain.picture import Picture
from sessionary.drain.requests import Parsed
from sessionary.drain.settling import end
from sessionary.drain.threads import Threads
from sessionary.drain.tracing import Ended
from sessionary.limits.counters import End
from sessionary.record.exchange import Finish, Part
from sessionary.store import tree
from sessionary.store.conversations import Head
from sessionary.wire import meaning


class Ends:
    def __init__(self, picture: Picture, batch: Batch, threads: Threads, parsed: Mapping[str, Parsed]) -> None:
        """`parsed`: requests that were taken apart in this round, by call."""
        self._picture = picture
        self._batch = batch
        self._threads = threads
        self._parsed = parsed
        self._partials: dict[str, list[Part]] = {}
        self.stored = 0
        self.ends: list[End] = []
        """Of calls, for the limits of their keys."""
        self.ended: list[Ended] = []
        """Calls of sessions that are not deleted."""

    def part(self, part: Part) -> None:
        self._partials.setdefault(part.call_id, []).append(part)

    def keep_parts(self) -> None:
        """When all records are seen: what has come of answers that go on is stored."""
        for call_id, parts in self._partials.items():
            call = self._picture.calls.get(call_id)
            if call is not None and call["status"] == "live":
                self._batch.add_parts(call["project"], parts)

    def finish(self, finish: Finish) -> None:
        call = self._picture.calls.get(finish.call_id)
        if call is None or call["status"] != "live":
            self.ends.append(End(finish.call_id))
            return  # its session was deleted meanwhile, or it has ended already
        project, new = call["project"], call.get("new")
        parts: dict[int, bytes] = {}
        if finish.call_id in self._picture.with_parts:
            parts = self._picture.parts(project, finish.call_id)
            self._batch.ended.append((project, finish.call_id))
        parts |= {p.seq: p.data for p in self._partials.pop(finish.call_id, [])}
        data = b"".join(parts[n] for n in sorted(parts)) + finish.body
        if len(parts) < (finish.parts or 0):
            finish = rows.with_a_gap(finish)
        answered = answers.answered(self._asked(call), finish, data)
        asked_for_summary = call["summary_key"] == rows.SUMMARY_WANTED
        answered.call["summary_key"] = compaction.key_of(project, answered.output) if asked_for_summary else None
        call.update(answered.call)
        self._batch.add_answer(call, answered, finish.headers)
        if not new:
            self._batch.finished_calls.append({"project": project, "id": finish.call_id, **answered.call})
        if call["conversation"] and call["output"] is not None:
            head = Head(project, call["conversation"], call["edit"], call["id"], call["parent"] or "")
            self._batch.heads.append(head)
        session = self._picture.sessions.get((project, call["session"]))
        if session is not None:
            self._picture.changed.add((project, call["session"]))
            rollup.ended(session, call, partial(self._picture.ended_last, project, call["session"]))
            self.ended.append(Ended(call, session, answered.model))
        self._batch.traffic.add(call)
        self.ends.append(end(call))
        self._threads.answered(project, call, answered.output)
        self._batch.add_words(call, answered.output, answer=True)
        self.stored += 1

    def _asked(self, call: Mapping[str, Any]) -> Asked:
        parsed = self._parsed.get(call["id"])

        def messages() -> list[bytes]:
            if parsed is not None:
                return [s.raw for s in parsed.steps]
            return [s.raw for s in tree.path(self._picture.db, call["project"], call["leaf"])]

        return Asked(
            call["project"],
            call["endpoint"],
            call["model"],
            call["stream"],
            call["created_at"],
            call["leaf"],
            call["leaf_node"],
            call["input_depth"],
            messages,
            self._prefill(call, parsed),
        )

    def _prefill(self, call: Mapping[str, Any], parsed: Parsed | None) -> Prefill | None:
        """Where the last of the request is the beginning of the answer."""
        if parsed is not None:
            last = parsed.steps[-1] if parsed.steps else None
            if last is None or last.role != "assistant":
                return None
            before = parsed.steps[-2].node if len(parsed.steps) > 1 else parsed.base.node if parsed.base else None
            return Prefill(before, meaning.prefill(requests.message(last, call["endpoint"])))
        if call.get("leaf_role") != "assistant":
            return None
        last_stored = tree.path(self._picture.db, call["project"], call["leaf"], call["input_depth"] - 1)[-1]
        before = tree.node_before(self._picture.db, call["project"], call["leaf"])
        return Prefill(before, meaning.prefill(last_stored.message()))
