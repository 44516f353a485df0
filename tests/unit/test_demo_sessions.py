"""The demo's sessions before they are stored: the same each time, and in bytes that every reader understands."""

import re
from collections import Counter
from datetime import datetime
from typing import Any

import msgspec
import pytest

from sessionary.demo import answers, schedule
from sessionary.demo.answers import Piece, Reply, Say, Search, Think, Tokens, Use
from sessionary.demo.stage import KEYS, Stage
from sessionary.record.exchange import Begin, Finish
from sessionary.wire.assemble import assemble

NOW = 1_790_000_000_000_000
DAY = 86_400_000_000
KINDS = len(schedule.SCENES)


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return list(schedule.sessions(7, NOW, KINDS + 40))


_IDS = re.compile(rb"(call|resp)_[0-9a-v]{26}|(rs|msg|fc|ctc|ws)_[0-9a-v]{20}[0-9]{2}|gAAAAAB[0-9a-v]{22}")
"""Of calls, and what is named after them."""


def _sent(stages: list[Stage]) -> list[tuple[int, bytes]]:
    return [(at, _IDS.sub(b"id", r.body)) for stage in stages for at, r in stage.records if isinstance(r, Begin)]


def test_the_same_each_time_apart_from_the_clock(stages: list[Stage]) -> None:
    again = list(schedule.sessions(7, NOW, KINDS + 40))
    assert _sent(stages) == _sent(again)
    named = [stage.records[0][1].session_id for stage in stages if stage.records[0][1].source == "id"]  # type: ignore[union-attr]
    assert named == [s.records[0][1].session_id for s in again if s.records[0][1].source == "id"]  # type: ignore[union-attr]
    assert len(named) > KINDS / 2


def test_all_is_over_and_of_the_last_two_weeks(stages: list[Stage]) -> None:
    for stage in stages:
        begun = [r for _, r in stage.records if isinstance(r, Begin)]
        ended = [r for _, r in stage.records if isinstance(r, Finish)]
        assert Counter(r.call_id for r in begun) == Counter(r.call_id for r in ended)
        assert max(r.at for r in ended) < NOW
        assert min(r.at for r in begun) > NOW - (schedule.DAYS + 5) * DAY
        assert {r.key_id for r in begun} <= set(KEYS)
        assert all("demo" in r.tags for r in begun)
    assert NOW - max(r.at for _, r in stages[0].records if isinstance(r, Finish)) < 120_000_000


def test_each_is_a_session_of_its_own() -> None:
    firsts = [stage.records[0][1] for stage in schedule.sessions(7, NOW, 400)]
    named = Counter(first.session_id for first in firsts if isinstance(first, Begin))
    assert [id for id, n in named.items() if n > 1] == []
    assert len(named) == 400


def test_the_evenings_are_quiet() -> None:
    many = list(schedule.sessions(7, NOW, 400))[KINDS:]
    hours = Counter(datetime.fromtimestamp(stage.records[-1][0] / 1e6).hour for stage in many)
    assert sum(hours[h] for h in range(9, 17)) > 3 * sum(hours[h] for h in (20, 21, 22, 23, 0, 5, 6, 7))


def test_one_of_each_kind_comes_first(stages: list[Stage]) -> None:
    first = [at for at, _ in schedule.in_order(stages)][:50]
    assert min(first) > NOW - 4 * DAY
    times = [at for at, _ in schedule.in_order(stages)]
    assert len(times) == sum(len(stage.records) for stage in stages)


PIECES: tuple[Piece, ...] = (
    Think("First the sky, then the telescope."),
    Say("Clear until **01:20**, “which” is enough – 好."),
    Use("weather", {"hours": 3, "where": {"lat": 46.2}}, "call_1"),
    Use("point", {"target": "M 57"}, "call_2"),
)


def _reply(*more: Piece, stop: str = "") -> Reply:
    return Reply("resp_1", "gpt-5.1", 1, (*PIECES, *more), stop, Tokens(900, 80, 512, 0, 20))


def _whole(stream: list[bytes], endpoint: str) -> dict[str, Any]:
    found = assemble(b"".join(stream), endpoint)
    assert found.error is None
    assert found.complete
    whole: dict[str, Any] = msgspec.json.decode(found.body)
    return whole


def test_a_chat_stream_amounts_to_the_answer() -> None:
    reply = _reply(stop="tool_calls")
    streamed, told = _whole(answers.chat_stream(reply), "chat.completions"), answers.chat(reply)
    got, wanted = streamed["choices"][0], told["choices"][0]
    assert got["finish_reason"] == wanted["finish_reason"] == "tool_calls"
    for name in ("content", "reasoning_content", "tool_calls"):
        assert _unnumbered(got["message"][name]) == wanted["message"][name]
    assert streamed["usage"] == told["usage"]


def _unnumbered(value: Any) -> Any:
    return [{k: v for k, v in c.items() if k != "index"} for c in value] if isinstance(value, list) else value


def test_a_message_stream_amounts_to_the_answer() -> None:
    reply = _reply(stop="tool_use")
    streamed, told = _whole(answers.message_stream(reply), "messages"), answers.message(reply)
    assert (streamed["content"], streamed["stop_reason"]) == (told["content"], "tool_use")
    assert streamed["usage"] == told["usage"]


def test_a_response_stream_amounts_to_the_answer() -> None:
    reply = _reply(Search("ring nebula"), Use("apply_patch", "*** Begin Patch\n*** End Patch", "ctx_1"))
    stream = answers.response_stream(reply)
    assert _whole(stream, "responses") == answers.response(reply)
    cut = msgspec.json.decode(assemble(b"".join(stream[:-1]), "responses").body)  # by the deltas alone
    assert [item["type"] for item in cut["output"]] == [item["type"] for item in answers.response(reply)["output"]]
    assert cut["output"][2]["arguments"] == answers.response(reply)["output"][2]["arguments"]
