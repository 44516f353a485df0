"""What limits let through: the pure rules, against a model that remembers everything, and what callers are told."""

import math
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sessionary.limits import arithmetic, estimate, histories, told
from sessionary.limits.arithmetic import EVER, NANO, UNIT, Bucket, Refused, Sums, Used
from sessionary.limits.histories import History
from sessionary.settings import Limits

SECOND = 1_000_000
MINUTE = 60 * SECOND
NOON = 1_790_000_000 * SECOND


class Gate(RuleBasedStateMachine):
    """A key with every limit. The model has each call's time and cost, and counts anew, in fractions."""

    @initialize(
        calls=st.integers(1, 5),
        tokens=st.integers(50, 400),
        concurrent=st.integers(1, 4),
        budget=st.sampled_from([0.001, 0.01, 0.5]),
        session_calls=st.integers(1, 12),
    )
    def begin(self, calls: int, tokens: int, concurrent: int, budget: float, session_calls: int) -> None:
        self.limits = Limits(calls, tokens, concurrent, budget, "day", session_calls, 2000, 0.4)
        self.used = Used()
        self.now = NOON
        self.open: list[Sums] = []
        self.level = {"calls": Fraction(calls), "tokens": Fraction(tokens)}
        """What is in each bucket, by the model."""
        self.spent = 0
        self.settled = Sums()

    def flow(self, us: int) -> None:
        self.now += us
        for name, limit in (("calls", self.limits.calls_per_minute), ("tokens", self.limits.tokens_per_minute)):
            assert limit is not None
            self.level[name] = min(Fraction(limit), self.level[name] + Fraction(limit * us, MINUTE))

    @rule(us=st.integers(0, 90 * SECOND))
    def wait(self, us: int) -> None:
        self.flow(us)

    def may(self, ask: Sums) -> bool:
        limits = self.limits
        assert limits.calls_per_minute
        assert limits.tokens_per_minute
        assert limits.budget
        assert limits.concurrent
        assert limits.session_calls
        assert limits.session_tokens
        assert limits.session_cost
        pending = [self.settled, *self.open]
        cost = sum(s.cost for s in pending) + ask.cost
        return (
            self.level["calls"] >= 1
            and self.level["tokens"] >= min(ask.tokens, limits.tokens_per_minute)
            and len(self.open) < limits.concurrent
            and cost <= int(limits.budget * NANO)
            and self.settled.cost < int(limits.budget * NANO)
            and sum(s.calls for s in pending) + 1 <= limits.session_calls
            and sum(s.tokens for s in pending) + ask.tokens <= limits.session_tokens
            and self.settled.tokens < limits.session_tokens
            and cost <= int(limits.session_cost * NANO)
            and self.settled.cost < int(limits.session_cost * NANO)
        )

    @rule(tokens=st.integers(1, 500), cost=st.integers(0, 3_000_000))
    def ask(self, tokens: int, cost: int) -> None:
        ask = Sums(1, tokens, cost)
        found = arithmetic.reserve(self.limits, self.used, ask, self.now)
        assert isinstance(found, Refused) != self.may(ask)
        if isinstance(found, Refused):
            return self.refused(found, ask)
        self.used = found
        self.open.append(ask)
        self.level["calls"] -= 1
        self.level["tokens"] -= tokens

    def refused(self, refused: Refused, ask: Sums) -> None:
        """A bucket's wait is right to the microsecond."""
        assert refused.wait is None or refused.wait > 0
        if refused.limit not in ("calls_per_minute", "tokens_per_minute"):
            return
        assert refused.wait is not None
        only = Limits(**{refused.limit: getattr(self.limits, refused.limit)})
        later = self.now + refused.wait
        assert isinstance(arithmetic.reserve(only, self.used, ask, later - 1), Refused)
        assert isinstance(arithmetic.reserve(only, self.used, ask, later), Used)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """As `counters` does, with less or more than was reserved."""
        asked = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        really = Sums(1, data.draw(st.integers(0, 600)), data.draw(st.integers(0, 3_000_000)))
        self.settled = plus(self.settled, really)
        back = asked.tokens - really.tokens
        limit = self.limits.tokens_per_minute
        assert limit is not None
        assert self.used.tokens is not None
        self.level["tokens"] = min(Fraction(limit), self.level["tokens"] + back)
        # what flows over the brim when it is looked at next is lost then: the model looks now
        level = arithmetic.refilled(self.used.tokens, limit, self.now).level + back * UNIT
        rest = [Sums(), *self.open]
        self.used = Used(
            self.used.calls,
            arithmetic.refilled(Bucket(level, self.now), limit, self.now),
            len(self.open),
            self.settled.cost,
            sum(s.cost for s in rest),
            self.settled,
            Sums(*(sum(getattr(s, n) for s in rest) for n in Sums.__struct_fields__)),
        )

    @invariant()
    def what_is_left_is_what_the_model_has(self) -> None:
        for name in ("calls", "tokens"):
            limit = getattr(self.limits, f"{name}_per_minute")
            left = arithmetic.left(getattr(self.used, name), limit, self.now)
            assert left == max(0, math.floor(self.level[name]))


def plus(a: Sums, b: Sums) -> Sums:
    return Sums(*(x + y for x, y in zip(msgspec.structs.astuple(a), msgspec.structs.astuple(b), strict=True)))


Gate.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestGate = Gate.TestCase


@given(st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=200), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_no_more_go_through_than_a_bucket_holds_and_what_flows_in(gaps: list[int], limit: int) -> None:
    """A bucket's promise: within any time t no more go through than it holds and what flows in."""
    limits, used, now, passed = Limits(calls_per_minute=limit), Used(), NOON, list[int]()
    for gap in gaps:
        now += gap
        found = arithmetic.reserve(limits, used, Sums(1), now)
        if isinstance(found, Used):
            used = found
            passed.append(now)
    for n, first in enumerate(passed):
        for m, last in enumerate(passed[n:], 1):
            assert m <= limit + (last - first) * limit / MINUTE + 1e-9


@given(st.integers(0, MINUTE), st.integers(1, 100))
def test_a_clock_set_back_gives_and_takes_nothing(back: int, limit: int) -> None:
    bucket = arithmetic.taken(None, limit, 1, NOON)
    assert bucket is not None
    assert arithmetic.refilled(bucket, limit, NOON - back) == bucket


def test_own_limits_replace_the_defaults_field_by_field() -> None:
    defaults = Limits(calls_per_minute=10, budget=5.0, budget_period="day")
    assert arithmetic.effective(Limits(), None) is None
    assert arithmetic.effective(Limits(), Limits(budget_period="total")) is None
    assert arithmetic.effective(defaults, None) == defaults
    own = Limits(calls_per_minute=99)
    assert arithmetic.effective(defaults, own) == Limits(calls_per_minute=99, budget=5.0, budget_period="day")
    own = Limits(budget=7.0, budget_period="total")
    assert arithmetic.effective(defaults, own) == Limits(calls_per_minute=10, budget=7.0, budget_period="total")


@given(st.integers(0, 4_000_000_000 * SECOND))
def test_periods_follow_each_other(at: int) -> None:
    for period in ("day", "month"):
        limits = Limits(budget=1.0, budget_period=period)
        begins, ends = arithmetic.period(limits, at)
        assert begins <= at < ends
        assert arithmetic.period(limits, ends)[0] == ends
        assert arithmetic.period(limits, begins) == (begins, ends)
    assert arithmetic.period(Limits(budget_period="total"), at) == (0, EVER)


@pytest.mark.parametrize(
    ("period", "used", "cost", "wait"),
    [
        ("total", Used(spent=NANO), 1, None),
        ("total", Used(reserved=NANO), 1, arithmetic.SOON),
        ("day", Used(spent=NANO), 1, 86_400 * SECOND - NOON % (86_400 * SECOND)),
        ("day", Used(), NANO + 1, None),
        ("day", Used(spent=NANO), 0, 86_400 * SECOND - NOON % (86_400 * SECOND)),
    ],
)
def test_a_budget_tells_whether_waiting_helps(period: str, used: Used, cost: int, wait: int | None) -> None:
    limits = msgspec.convert({"budget": 1.0, "budget_period": period}, Limits)
    found = arithmetic.reserve(limits, used, Sums(1, 1, cost), NOON)
    assert isinstance(found, Refused)
    assert (found.limit, found.wait) == ("budget", wait)


@pytest.mark.parametrize("what", ["tokens", "cost"])
def test_a_session_that_has_used_all_is_over_for_calls_that_ask_for_nothing_too(what: str) -> None:
    """A model without a price costs nothing, as far as anybody knows."""
    limits = Limits(session_tokens=50) if what == "tokens" else Limits(session_cost=0.5)
    most = 50 if what == "tokens" else NANO // 2
    free = Sums(1)
    found = arithmetic.reserve(limits, Used(session=Sums(**{what: most})), free, NOON)
    assert isinstance(found, Refused)
    assert (found.limit, found.wait) == (f"session_{what}", None)
    assert isinstance(arithmetic.reserve(limits, Used(session=Sums(**{what: most - 1})), free, NOON), Used)


def test_of_several_reasons_the_longest_is_told() -> None:
    limits = Limits(calls_per_minute=1, concurrent=1, session_calls=1)
    used = Used(calls=Bucket(0, NOON), concurrent=1, session=Sums(1))
    found = arithmetic.reserve(limits, used, Sums(1), NOON)
    assert isinstance(found, Refused)
    assert found.limit == "session_calls"
    found = arithmetic.reserve(limits, msgspec.structs.replace(used, session=Sums()), Sums(1), NOON)
    assert isinstance(found, Refused)
    assert (found.limit, found.wait) == ("calls_per_minute", MINUTE)


def test_libraries_are_told_when_to_come_again() -> None:
    soon = told.refusal(Refused("calls_per_minute", "", 1_500_001))
    assert soon.headers == {"retry-after": "2", "retry-after-ms": "1501"}
    assert (soon.status, soon.code) == (429, "rate_limit_exceeded")
    later = told.refusal(Refused("budget", "", 61 * SECOND))
    assert later.headers["x-should-retry"] == "false"
    assert later.code == "budget_exceeded"
    never = told.refusal(Refused("session_calls", "", None))
    assert never.headers == {"x-should-retry": "false"}
    assert never.code == "session_limit_exceeded"


def test_what_is_left_is_said_as_each_api_says_it() -> None:
    limits = Limits(calls_per_minute=60, tokens_per_minute=6000, budget=2.0, budget_period="day", session_calls=9)
    used = Used(
        calls=Bucket(58 * UNIT, NOON), tokens=Bucket(-5 * UNIT, NOON), spent=NANO // 2, reserved=NANO // 4,
        session=Sums(3), session_reserved=Sums(1),
    )  # fmt: skip
    openai = told.headers(limits, used, NOON, anthropic=False)
    assert openai["x-ratelimit-limit-requests"] == "60"
    assert openai["x-ratelimit-remaining-requests"] == "58"
    assert openai["x-ratelimit-reset-requests"] == "2.000s"
    assert openai["x-ratelimit-remaining-tokens"] == "0"
    assert openai["x-sessionary-budget-remaining"] == "1.250000"
    assert openai["x-sessionary-budget-reset"].endswith("T00:00:00Z")
    assert openai["x-sessionary-session-calls-remaining"] == "5"
    anthropic = told.headers(limits, used, NOON, anthropic=True)
    assert anthropic["anthropic-ratelimit-requests-remaining"] == "58"
    assert anthropic["anthropic-ratelimit-tokens-reset"].endswith("Z")


def test_an_answers_length_is_what_the_request_says() -> None:
    def output(endpoint: str = "chat.completions", **fields: object) -> int:
        return estimate.usage(endpoint, [b"{}"], fields.get).output

    assert output() == estimate.OUTPUT
    assert output(max_tokens=7) == 7
    assert output(max_tokens=7, max_completion_tokens=9, n=3) == 27
    assert output(max_tokens=True, n=-1) == estimate.OUTPUT
    assert output(max_output_tokens=10**30) == arithmetic.MOST
    assert output("embeddings", max_tokens=7) == 0


def test_pictures_are_not_text() -> None:
    text = b'{"content": "' + b"word " * 300 + b'"}'
    plain = estimate.usage("messages", [text], {}.get).input
    assert plain == -(-len(text) // 3)
    pictured = estimate.usage("messages", [text + b'"' + b"A" * 3_000_000 + b'"'], {}.get).input
    assert plain < pictured < plain + 2000
    many = b" ".join([b"A" * 1999] * 1500)  # runs that are none: still one pass
    assert estimate.usage("messages", [many], {}.get).input == -(-len(many) // 3)


def history(endpoint: str, items: list[dict[str, object]], user: str = "") -> History:
    name = "input" if endpoint == "responses" else "messages"
    found = histories.history(endpoint, {name: msgspec.Raw(msgspec.json.encode(items))}, user)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("endpoint", "answers", "results"),
    [
        ("chat.completions", [{"role": "assistant", "tool_calls": []}], [{"role": "tool", "content": "1"}]),
        ("messages", [{"role": "assistant", "content": "x"}], [{"role": "user", "content": []}]),
        (
            "responses",
            [{"type": "reasoning"}, {"type": "function_call", "name": "f"}, {"role": "assistant", "content": "x"}],
            [{"type": "function_call_output", "output": "1"}, {"type": "item_reference", "id": "x"}],
        ),
    ],
)
def test_a_request_goes_on_from_what_stands_before_the_last_answer(
    endpoint: str, answers: list[dict[str, object]], results: list[dict[str, object]]
) -> None:
    sent: list[dict[str, object]] = [{"role": "user", "content": "begin"}]
    first = history(endpoint, sent)
    assert first.before is None
    second = history(endpoint, [*sent, *answers, *results])
    assert second.before == first.whole
    third = history(endpoint, [*sent, *answers, *results, *answers, *results])
    assert third.before == second.whole
    assert history(endpoint, [*sent, *answers, *results], "someone").before != first.whole


def test_what_has_no_messages_has_no_history() -> None:
    assert histories.history("embeddings", {"input": msgspec.Raw(b"[]")}, "") is None
    assert histories.history("responses", {"input": msgspec.Raw(b'"text"')}, "") is None
    assert history("chat.completions", [{"role": 3}]).before is None
