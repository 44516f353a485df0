"""Limits: exact under parallel calls over the workers of a gateway, over gateways that share a database, over kill -9;
and settled once, wherever the drain fails."""

import asyncio
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from websockets.sync.client import connect

from sessionary.drain.drain import Drain
from sessionary.drain.settling import Settling
from sessionary.limits import counters
from sessionary.limits.admission import Admission, Admitted
from sessionary.limits.arithmetic import MOST, NANO, UNIT, Refused, Sums, Used, period
from sessionary.limits.before import Stored
from sessionary.limits.counters import LEASE, Call, Counters, End
from sessionary.limits.histories import History
from sessionary.limits.schema import reserved
from sessionary.limits.schema import spent as spent_table
from sessionary.metrics import Metrics
from sessionary.record import exchange
from sessionary.record.recorder import now_us
from sessionary.settings import Limits
from sessionary.spool.writer import Writer
from sessionary.store import keys, schema
from sessionary.store.engine import open_engine
from tests.support.postgres import Postgres
from tests.support.recorded import Log, user
from tests.support.server import Answer, Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply, chat_json

MODEL = "priced"
CONFIG = """
workers: 2
models:
  - name: priced
    model: openai-compatible/some
    base_url: {url}
    price: {{input: 1000, output: 1000}}
  - name: unpriced
    model: openai-compatible/some
    base_url: {url}
"""


@dataclass
class Gateway:
    server: Server
    upstream: FakeUpstream

    def key(self, **limits: Any) -> tuple[str, str]:
        """A new key, and its id."""
        answer = self.server.post("/api/keys", {"project": "limited", "name": "k", "limits": limits})
        assert answer.status == 201, answer.body
        return answer.json["key"], answer.json["id"]

    def ask(self, key: str, text: str = "hello", model: str = MODEL, **fields: Any) -> Answer:
        return self.server.chat(text, model, key=key, **fields)

    def at_once(self, key: str, count: int, **fields: Any) -> list[Answer]:
        with ThreadPoolExecutor(25) as threads:
            return list(threads.map(lambda n: self.ask(key, f"call {n}", **fields), range(count)))

    def used(self, key_id: str) -> dict[str, Any]:
        used: dict[str, Any] = self.server.get(f"/api/keys/{key_id}")["used"]
        return used

    def replying(self, script: Any) -> AbstractContextManager[None]:
        return replies_of(self.upstream, script)


@contextmanager
def replies_of(upstream: FakeUpstream, script: Any) -> Iterator[None]:
    upstream.default, before = script, upstream.default
    try:
        yield
    finally:
        upstream.default = before


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with FakeUpstream() as upstream:
        config = CONFIG.format(url=upstream.base_url)
        with running_server(tmp_path_factory.mktemp("limits"), config=config) as server:
            yield Gateway(server, upstream)


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(a.status for a in answers)


def test_of_a_hundred_at_once_as_many_pass_as_may(gateway: Gateway) -> None:
    """Over two workers, and each of those refused is in the log, as a call that no provider heard of."""
    key, key_id = gateway.key(calls_per_minute=7)
    before, began = len(gateway.upstream.requests), time.monotonic()
    answers = gateway.at_once(key, 100, metadata={"session_id": f"burst-{key_id}"})
    flowed = int((time.monotonic() - began) * 7 / 60)
    passed = statuses(answers)[200]
    assert 7 <= passed <= 7 + flowed
    assert statuses(answers)[429] == 100 - passed
    assert len(gateway.upstream.requests) - before == passed
    refused = next(a for a in answers if a.status == 429)
    assert refused.json["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(refused.headers["retry-after"]) <= 9
    assert refused.headers["x-ratelimit-limit-requests"] == "7"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    gateway.server.session(f"burst-{key_id}", calls=100, seconds=20)
    calls = gateway.server.get(f"/api/calls?session_id=burst-{key_id}&status=rejected&limit=100")["data"]
    assert len(calls) == 100 - passed
    recorded = gateway.server.call(refused.headers["x-call-id"])
    assert (recorded["status"], recorded["provider"], recorded["attempts"]) == ("rejected", None, [])


def test_a_runaway_session_ends_and_others_of_the_key_go_on(gateway: Gateway) -> None:
    key, key_id = gateway.key(session_calls=20)
    answers = gateway.at_once(key, 60, metadata={"session_id": f"runaway-{key_id}"})
    assert statuses(answers) == {200: 20, 429: 40}
    refused = next(a for a in answers if a.status == 429)
    assert refused.json["error"]["code"] == "session_limit_exceeded"
    assert "retry-after" not in refused.headers
    assert refused.headers["x-should-retry"] == "false"
    assert gateway.ask(key, metadata={"session_id": f"another-{key_id}"}).status == 200
    gateway.server.session(f"runaway-{key_id}", calls=60, seconds=20)
    assert gateway.ask(key, metadata={"session_id": f"runaway-{key_id}"}).status == 429  # settled, it is the same


def test_a_runaway_loop_that_names_no_session_ends_too(gateway: Gateway) -> None:
    """It sends back what was said, as agents do: over two workers, before the drain has seen anything of it."""
    key, _ = gateway.key(session_calls=6)
    loops = [[user(f"task {n}")] for n in range(2)]
    ended = []
    for messages in loops:
        for turn in range(9):
            answer = gateway.server.post("/v1/chat/completions", {"model": MODEL, "messages": messages}, key=key)
            if answer.status == 429:
                ended.append(turn)
                assert answer.json["error"]["code"] == "session_limit_exceeded"
                break
            messages += [answer.json["choices"][0]["message"], user(f"go on {turn}")]
    assert ended == [6, 6]


def test_a_limit_that_comes_later_knows_what_was_used_before(gateway: Gateway) -> None:
    key, key_id = gateway.key()
    for _ in range(3):
        assert gateway.ask(key, metadata={"session_id": f"late-{key_id}"}).status == 200
    gateway.server.session(f"late-{key_id}", calls=3)
    cost = gateway.server.get(f"/api/keys/{key_id}")["use"]["cost"]
    assert cost > 0
    patch = {"limits": {"session_calls": 4, "budget": cost + 0.5}}
    answer = gateway.server.request("PATCH", f"/api/keys/{key_id}", json.dumps(patch).encode())
    assert answer.status == 200
    assert answer.json["used"]["spent"] == pytest.approx(cost)

    def left() -> set[str]:
        """As each of some calls is told, so many at once, and so often, that both workers answer."""
        asked = [answer for _ in range(4) for answer in gateway.at_once(key, 25, model="unpriced")]
        return {answer.headers.get("x-sessionary-budget-remaining", "") for answer in asked}

    wait_for(lambda: left() == {"0.500000"}, what="the new limits in both workers")
    assert gateway.ask(key, "x", max_tokens=1, metadata={"session_id": f"late-{key_id}"}).status == 200
    assert gateway.ask(key, "x", max_tokens=1, metadata={"session_id": f"late-{key_id}"}).status == 429


def test_limits_are_set_in_a_shell(gateway: Gateway) -> None:
    _, key_id = gateway.key(concurrent=3)
    gateway.server.cli("keys", "limit", key_id, "calls_per_minute=5", "budget=2.5")
    key = gateway.server.get(f"/api/keys/{key_id}")
    given = {name: value for name, value in key["limits"].items() if value is not None}
    assert given == {"calls_per_minute": 5, "budget": 2.5, "budget_period": "month"}
    assert (key["used"]["calls"], key["used"]["spent"], key["used"]["concurrent"]) == (0, 0, None)
    gateway.server.cli("keys", "limit", key_id, "--none")
    key = gateway.server.get(f"/api/keys/{key_id}")
    assert (key["limits"], key["used"]) == (None, None)


def costly(request: Received) -> Reply:
    """Uses all that it may."""
    most = request.json["max_tokens"]
    usage = {"prompt_tokens": 10, "completion_tokens": most, "total_tokens": 10 + most}
    return Reply(chat_json(request.json, extra={"usage": usage}), delay=0.01)


def test_a_budget_is_never_overspent_and_nearly_all_of_it_can_be_used(gateway: Gateway) -> None:
    """$0.001 a token: of $10, calls of up to 200 tokens of answer, all at once and then one after another."""
    key, key_id = gateway.key(budget=10, budget_period="total")
    with gateway.replying(costly):
        answers = gateway.at_once(key, 80, max_tokens=200)
        while (last := gateway.ask(key, max_tokens=200)).status == 200 or last.headers.get("retry-after"):
            answers.append(last)
    passed = statuses(answers)[200]
    assert passed * 0.210 <= 10
    wait_for(lambda: not gateway.used(key_id)["reserved"], what="settling")
    used = gateway.used(key_id)
    assert used["spent"] == pytest.approx(passed * 0.210)
    assert 9.7 < used["spent"] <= 10

    def stored() -> bool:
        return bool(gateway.server.get(f"/api/keys/{key_id}")["use"]["cost"] == pytest.approx(used["spent"]))

    wait_for(stored, what="the store's sum, which is committed a moment later")
    assert last.json["error"]["code"] == "budget_exceeded"
    assert "retry-after" not in last.headers
    assert gateway.ask(key, model="unpriced").status == 200  # by its own price it costs nothing, and there is a rest


def test_tokens_that_were_not_used_come_back(gateway: Gateway) -> None:
    key, key_id = gateway.key(tokens_per_minute=3000)
    first = gateway.ask(key, max_tokens=2500)
    assert first.status == 200
    assert int(first.headers["x-ratelimit-remaining-tokens"]) < 500
    wait_for(lambda: gateway.used(key_id)["tokens"] < 50, what="settling")
    assert gateway.ask(key, max_tokens=2500).status == 200


def test_so_many_at_a_time_and_the_next_when_one_has_its_answer(gateway: Gateway) -> None:
    key, key_id = gateway.key(concurrent=2)
    slow = Reply(chat_json({"model": "m", "messages": [{"role": "user", "content": "x"}]}), delay=0.6)
    with gateway.replying(slow):
        answers = gateway.at_once(key, 12)
    assert statuses(answers)[429] >= 8
    assert gateway.used(key_id)["concurrent"] == 0
    one, _ = gateway.key(concurrent=1)
    assert statuses([gateway.ask(one, stream=n % 2 == 0) for n in range(20)]) == {200: 20}  # never too early


def test_every_endpoint_passes_the_same_gate(gateway: Gateway) -> None:
    said = {"model": MODEL, "input": "x"}
    messages = {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    bodies = {
        "/v1/chat/completions": messages,
        "/v1/completions": {"model": MODEL, "prompt": "x"},
        "/v1/embeddings": said,
        "/v1/responses": said,
        "/responses?background": said | {"background": True},
        "/v1/messages": messages,
    }
    for path, body in bodies.items():
        key, _ = gateway.key(calls_per_minute=1)
        assert gateway.server.post(path, body, key=key).status == 200, path
        refused = gateway.server.post(path, body, key=key)
        assert refused.status == 429, path
        assert "retry-after" in refused.headers
        if path == "/v1/messages":
            assert refused.json["error"]["type"] == "rate_limit_error"
            assert refused.headers["anthropic-ratelimit-requests-remaining"] == "0"
        else:
            assert refused.json["error"]["type"] == "rate_limit_error"


def test_a_turn_on_a_socket_passes_it_too(gateway: Gateway) -> None:
    key, _ = gateway.key(calls_per_minute=1)
    url = f"ws://127.0.0.1:{gateway.server.port}/v1/responses"
    turn = json.dumps({"type": "response.create", "model": MODEL, "input": "x"})
    with connect(url, additional_headers={"authorization": f"Bearer {key}"}) as socket:
        socket.send(turn)
        while json.loads(socket.recv(timeout=10))["type"] != "response.completed":
            pass
        socket.send(turn)
        event = json.loads(socket.recv(timeout=10))
        assert (event["type"], event["status"], event["error"]["code"]) == ("error", 429, "rate_limit_exceeded")


def test_what_a_response_goes_on_from_counts_too(gateway: Gateway) -> None:
    """A few bytes may ask for a long history."""
    key, _ = gateway.key(session_tokens=4000)
    long = {"model": MODEL, "input": "word " * 2000, "max_output_tokens": 5}
    first = gateway.server.post("/v1/responses", long, key=key)
    assert first.status == 200, first.body
    more = {"model": MODEL, "input": "go on", "max_output_tokens": 5, "previous_response_id": first.json["id"]}
    wait = gateway.server.call(first.headers["x-call-id"])
    assert wait["status"] == "ok"
    refused = gateway.server.post("/v1/responses", more, key=key)
    assert refused.status == 429 or int(refused.headers["x-sessionary-session-tokens-remaining"]) < 1000


def test_kill_9_frees_places_and_keeps_what_was_spent(gateway: Gateway) -> None:
    """P1, of limits: two workers with calls in flight, killed. What was spent before and what was reserved counts."""
    busy, busy_id = gateway.key(concurrent=2)
    spent, spent_id = gateway.key(budget=5, budget_period="total")
    with gateway.replying(costly):
        assert gateway.ask(spent, max_tokens=900).status == 200
    with gateway.replying(Reply(silent=True)):
        arrived = len(gateway.upstream.requests) + 3

        def lost(key: str) -> None:
            with pytest.raises((OSError, http.client.HTTPException)):
                gateway.ask(key, max_tokens=100)

        threads = [threading.Thread(target=lost, args=(key,)) for key in (busy, busy, spent)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(gateway.upstream.requests) == arrived, what="the calls")
        assert gateway.ask(busy).status == 429
        gateway.server.kill9()
        for thread in threads:
            thread.join()
    gateway.server.start()
    assert gateway.ask(busy).status == 200  # at once, whether the drain has come to it or not
    wait_for(lambda: not gateway.used(spent_id)["reserved"], 20, what="settling")
    assert gateway.used(spent_id)["spent"] == pytest.approx(0.910)
    assert gateway.used(busy_id)["concurrent"] == 0


def test_gateways_that_share_a_database_share_the_limits(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new_database()
    with FakeUpstream() as upstream:
        config = CONFIG.format(url=upstream.base_url).replace("workers: 2", f"database: {url}")
        folders = [tmp_path / "one", tmp_path / "two"]
        for folder in folders:
            folder.mkdir()
        with running_server(folders[0], config=config) as one, running_server(folders[1], config=config) as two:
            gateways = [Gateway(one, upstream), Gateway(two, upstream)]
            key, key_id = gateways[0].key(session_calls=20, budget=10, budget_period="total")
            wait_for(lambda: gateways[1].ask(key, max_tokens=1).status == 200, what="the key")

            def burst(gateway: Gateway) -> list[Answer]:
                return gateway.at_once(key, 30, max_tokens=200, metadata={"session_id": "shared"})

            with replies_of(upstream, costly), ThreadPoolExecutor(2) as threads:
                answers = [a for some in threads.map(burst, gateways) for a in some]
            passed = statuses(answers)
            assert passed == {200: 20, 429: 40}
            wait_for(lambda: not gateways[0].used(key_id)["reserved"], 20, what="settling")
            first = gateways[0].used(key_id)["spent"] - 20 * 0.210
            assert 0 < first < 0.03
            assert gateways[1].used(key_id)["spent"] == gateways[0].used(key_id)["spent"]


# -- the counters alone


@dataclass
class Shop:
    """Counters over a store, with workers that live while they are told so."""

    engine: sa.Engine
    counters: Counters
    alive: dict[str, bool | None]

    def reserve(self, n: str, limits: Limits, ask: Sums = Sums(1, 10, 10), writer: str = "w", at: int = 0) -> bool:  # noqa: B008
        call = Call(n, "key", 1, "ses", writer)
        return self.counters.reserve(call, limits, ask, at or now_us())[1] is None


@pytest.fixture
def shop(engine: sa.Engine, tmp_path: Path) -> Iterator[Shop]:
    """PostgreSQL has the counters beside the store, SQLite in a file of their own."""
    beside = engine.dialect.name == "postgresql"
    own = engine if beside else counters_file(tmp_path)
    counters.prepare(own)
    counters.prepare(own)  # again, as each start does
    alive: dict[str, bool | None] = {"w": True}
    yield Shop(own, Counters(own, Stored(engine), alive.get), alive)
    if not beside:
        own.dispose()


def counters_file(folder: Path) -> sa.Engine:
    return open_engine(f"sqlite:///{folder / 'limits.db'}")


def test_a_place_is_free_when_its_worker_is_gone(shop: Shop) -> None:
    limits = Limits(concurrent=1)
    assert shop.reserve("a", limits)
    assert not shop.reserve("b", limits)
    shop.alive["w"] = False
    assert shop.reserve("b", limits, writer="elsewhere")
    shop.alive["elsewhere"] = None
    shop.counters.seen("elsewhere", now_us())
    assert not shop.reserve("c", limits, writer="w2")  # another host's, and lately seen
    assert shop.reserve("c", limits, writer="w2", at=now_us() + LEASE + 1_000_000)


def test_calls_that_are_stored_before_they_are_reserved_count_once(shop: Shop, log: Log) -> None:
    """The drain stores what begins, and may be quicker than a worker that has much to do. Refused calls never count."""
    body = {"model": "gpt-4o", "messages": [user("hello")]}
    log.chat("one", [user("before there were limits")])
    refused, *begun = [log.begin("one", body) for _ in range(4)]
    log.store(refused, log.finish(refused, b"", "rejected"), *begun)
    asking = [Call(b.call_id, "key", b.project, b.session_id, "w") for b in begun]
    limits = Limits(session_calls=3)
    passed = [shop.counters.reserve(call, limits, Sums(1, 0, 0), now_us())[1] is None for call in asking]
    assert passed == [True, True, False]


def test_one_connection_is_enough_for_a_call(shop: Shop) -> None:
    """A second one, for what was used before, would wait in a pooler for calls that wait for this one's locks."""
    held, most = 0, 0

    def taken(*_: Any) -> None:
        nonlocal held, most
        held += 1
        most = max(most, held)

    def given_back(*_: Any) -> None:
        nonlocal held
        held -= 1

    sa.event.listen(shop.engine, "checkout", taken)
    sa.event.listen(shop.engine, "checkin", given_back)
    limits = Limits(budget=1.0, session_calls=5)
    shop.counters.look([(1, "key", limits)], now_us())
    assert shop.reserve("a", limits)
    shop.counters.release("a")
    shop.counters.settle([End("a", "ses", Sums(1, 5, 5))])
    shop.counters.forget(now_us())
    assert (held, most) == (0, 1)


def test_settling_again_changes_nothing(shop: Shop) -> None:
    limits = Limits(tokens_per_minute=1000, budget=1.0, session_tokens=1000)
    assert shop.reserve("a", limits, Sums(1, 500, 500))
    for _ in range(3):
        shop.counters.settle([End("a", "ses", Sums(1, 30, 40)), End("never reserved")])
    used = look(shop, limits)
    assert (used.spent, used.reserved) == (40, 0)
    assert used.session == Sums(1, 30, 40)


def test_an_answer_that_says_it_is_endless_counts_as_the_most_there_is(shop: Shop) -> None:
    limits = Limits(tokens_per_minute=1000, session_tokens=1000)
    assert shop.reserve("a", limits)
    shop.counters.settle([End("a", "ses", Sums(1, 10**15, 0))])
    used = look(shop, limits)
    assert used.session.tokens == MOST
    assert used.tokens is not None
    assert used.tokens.level == (1000 - MOST) * UNIT


def test_a_rejected_call_takes_none_of_its_sessions_calls(shop: Shop, log: Log, tmp_path: Path) -> None:
    project, limits = keys.ensure_project(log.engine, "default"), Limits(session_calls=2)
    writer = Writer(tmp_path / "spool")

    def reserve(call_id: str) -> bool:
        call = Call(call_id, "key1", project, "settled", writer.name)
        return shop.counters.reserve(call, limits, Sums(1), now_us())[1] is None

    for n, status in enumerate(("ok", "rejected")):
        begin = log_begin(project, f"call_1_{n}", "settled")
        assert reserve(begin.call_id)
        writer.append(exchange.encode(begin))
        writer.append(exchange.encode(msgspec.structs.replace(log_finish(begin), status=status)))
    writer.close()
    assert not reserve("too soon")
    drain = Drain(tmp_path / "spool", log.engine, Metrics(), settling=Settling(shop.counters, Metrics()))
    while drain.round():
        pass
    assert reserve("the second")
    assert not reserve("the third")


def look(shop: Shop, limits: Limits) -> Used:
    used, refused = shop.counters.reserve(Call("look", "key", 1, "ses", "w"), limits, Sums(1, 10**9, 10**18), now_us())
    assert isinstance(refused, Refused)
    return used


def test_the_drain_puts_right_which_session_a_history_is_of(shop: Shop) -> None:
    limits, now = Limits(session_calls=2), now_us()

    def turn(n: str, session: str, history: History) -> bool:
        return shop.counters.reserve(Call(n, "key", 1, session, "w"), limits, Sums(1), now, history)[1] is None

    assert turn("a", "ses_a", History(b"1", None))
    shop.counters.settle([End("a", "ses_other", Sums(1))])
    assert turn("b", "ses_b", History(b"2", b"1"))
    with shop.engine.connect() as connection:
        assert connection.scalar(sa.select(reserved.c.session).where(reserved.c.call_id == "b")) == "ses_other"
    assert turn("c", "ses_c", History(b"3", b"2"))
    assert not turn("d", "ses_d", History(b"4", b"3"))
    shop.counters.forget(now + 8 * 86_400_000_000)
    assert turn("e", "ses_e", History(b"5", b"3"))


def test_what_a_gone_worker_leaves_counts_as_it_was_reserved(shop: Shop) -> None:
    limits = Limits(budget=1.0, session_calls=5)
    assert shop.reserve("a", limits, Sums(1, 500, 70), writer="gone")
    assert shop.reserve("b", limits, Sums(1, 500, 7))
    shop.counters.settle_writers(["gone"])
    used = look(shop, limits)
    assert (used.spent, used.reserved, used.session.calls) == (70, 7, 1)


def test_a_call_that_nobody_settled_counts_in_the_end(shop: Shop) -> None:
    limits = Limits(budget=1.0, budget_period="total")
    assert shop.reserve("a", limits, Sums(1, 500, 70), writer="lost with its host")
    shop.counters.forget(now_us() + 29 * 86_400_000_000)
    assert look(shop, limits).reserved == 70
    shop.counters.forget(now_us() + 31 * 86_400_000_000)
    assert (look(shop, limits).reserved, look(shop, limits).spent) == (0, 70)


def test_a_session_that_goes_on_is_kept(shop: Shop) -> None:
    """Thirty days from its last call, not from its first."""
    limits, day = Limits(session_calls=2), 86_400_000_000
    began = now_us()
    for n in range(2):
        assert shop.reserve(f"c{n}", limits, at=began + n * 20 * day)
        shop.counters.settle([End(f"c{n}", "ses", Sums(1))])
    shop.counters.forget(began + 40 * day)
    assert not shop.reserve("late", limits, at=began + 40 * day)
    shop.counters.forget(began + 71 * day)
    assert shop.reserve("anew", limits, at=began + 71 * day)  # by the store's sums, which has nothing of it


async def test_calls_go_through_where_nothing_can_be_counted(tmp_path: Path) -> None:
    nothing = open_engine(f"sqlite:///{tmp_path / 'limits.db'}")
    limits, metrics = Limits(calls_per_minute=1), Metrics()
    admission = Admission(Counters(nothing, Stored(nothing), lambda _: True), limits, metrics, "w")
    for n in range(3):
        call = Call(f"c{n}", "key", 1, "ses", "w")
        admitted = await admission.ask(call, limits, Sums, lambda: None, anthropic=False)
        assert admitted.problem is None
    samples = [s for metric in metrics.limits_unreached.collect() for s in metric.samples]
    assert [s.value for s in samples if s.name.endswith("_total")] == [3]
    counters.prepare(nothing)
    problems = []
    for n in range(2):
        call = Call(f"d{n}", "key", 1, "ses", "w")
        problems.append((await admission.ask(call, limits, lambda: Sums(1), lambda: None, anthropic=False)).problem)
    assert problems[0] is None
    assert problems[1] is not None
    admission.close()
    nothing.dispose()


def test_what_limits_a_key_is_worked_out_once(shop: Shop) -> None:
    admission = Admission(shop.counters, Limits(calls_per_minute=9), Metrics(), "w")
    found = admission.limits_of(Limits(concurrent=2))
    assert found == Limits(calls_per_minute=9, concurrent=2)
    assert admission.limits_of(Limits(concurrent=2)) is found
    assert admission.limits_of(Limits(concurrent=3)) == Limits(calls_per_minute=9, concurrent=3)
    assert admission.limits_of(None) == Limits(calls_per_minute=9)
    admission.close()


class Slow(Counters):
    """Reserves when it is let, and says when it has."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.let, self.done = threading.Event(), threading.Event()

    def reserve(self, *given: Any) -> tuple[Used, Refused | None]:
        self.let.wait()
        try:
            return super().reserve(*given)
        finally:
            self.done.set()


@pytest.fixture
def slow(shop: Shop, engine: sa.Engine) -> Iterator[tuple[Slow, Admission]]:
    """Counters, and who asks them with hardly any patience."""
    made = Slow(shop.engine, Stored(engine), shop.alive.get)
    admission = Admission(made, Limits(), Metrics(), "w", patience=0.05)
    yield made, admission
    made.let.set()
    admission.close()


async def test_a_call_that_is_reserved_too_late_keeps_no_place(shop: Shop, slow: tuple[Slow, Admission]) -> None:
    """It went through uncounted, and was over before it was reserved."""
    counted, admission = slow
    limits = Limits(concurrent=1, budget=1.0, session_calls=1, tokens_per_minute=10)
    ask = partial(admission.ask, limits=limits, most=lambda: Sums(1, 9, 9), history=lambda: None, anthropic=False)
    assert await ask(Call("a", "key", 1, "ses", "w")) == Admitted()
    shop.counters.settle([End("a", "ses", Sums(1, 5, 5))])
    counted.let.set()
    assert await asyncio.to_thread(counted.done.wait, 10)
    await asyncio.to_thread(wait_for, lambda: not calls_reserved(shop), what="the late call's end")
    assert shop.reserve("b", limits, Sums(1, 9, 9))


async def test_a_call_that_is_reserved_just_when_patience_ends(shop: Shop, slow: tuple[Slow, Admission]) -> None:
    """Either it is counted, and knows that it holds a place, or it is not: which, Python's versions differ in."""
    counted, admission = slow
    call, limits = Call("a", "key", 1, "ses", "w"), Limits(concurrent=1)
    asking = asyncio.create_task(admission.ask(call, limits, lambda: Sums(1), lambda: None, anthropic=False))
    await asyncio.sleep(0)
    counted.let.set()
    assert counted.done.wait(10)
    time.sleep(0.1)  # noqa: ASYNC251  (the loop learns of both at once)
    if not (await asking).holds:
        await asyncio.to_thread(wait_for, lambda: not calls_reserved(shop), what="the late call's end")
    else:
        assert calls_reserved(shop) == 1


def calls_reserved(shop: Shop) -> int:
    with shop.engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(reserved)) or 0


def test_ends_wait_for_counters_that_are_away(tmp_path: Path) -> None:
    away = open_engine(f"sqlite:///{tmp_path / 'limits.db'}")
    shop = Shop(away, Counters(away, Stored(away), lambda _: True), {})
    settling, limits = Settling(shop.counters, Metrics()), Limits(budget=1.0)
    settling.settle([End("a", "ses", Sums(1, 5, 5))])
    counters.prepare(away)
    with away.begin() as connection:
        begins, ends = period(limits, now_us())
        row = {"key_id": "key", "begins": begins, "ends": ends, "cost": 0}
        connection.execute(sa.insert(spent_table), row)
    assert shop.reserve("a", limits)
    settling.settle([])
    assert look(shop, limits).spent == 5
    away.dispose()


def test_two_keys_in_one_session_do_not_wait_for_each_other_for_ever(shop: Shop) -> None:
    """Locks are taken in one order: forty threads of two keys and two sessions, and settling all the while."""
    limits = Limits(session_calls=100, budget=100.0)

    def one(n: int) -> bool:
        call = Call(f"c{n}", f"key{n % 2}", 1, f"ses{n // 2 % 2}", "w")
        let_in = shop.counters.reserve(call, limits, Sums(1, 1, 1), now_us())[1] is None
        shop.counters.settle([End(f"c{n - k}", f"ses{k % 2}", Sums(1, 1, 1)) for k in range(4)])
        return let_in

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(one, range(80)))
    shop.counters.settle([End(f"c{n}", None, Sums(1, 1, 1)) for n in range(80)])
    with shop.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(reserved)) == 0
        assert connection.scalar(sa.select(sa.func.sum(spent_table.c.cost))) == 80


def test_settled_once_wherever_the_drain_fails(shop: Shop, log: Log, tmp_path: Path) -> None:
    """The n-th commit, of the store or of the counters, fails, and another drain goes on; n until none fails (of
    PostgreSQL's, which are slower, each third)."""
    project, limits = keys.ensure_project(log.engine, "default"), Limits(budget=100.0, session_calls=50)
    for n in range(1, 60, 3 if log.engine.dialect.name == "postgresql" else 1):
        writer = Writer(tmp_path / f"spool{n}")
        session = f"drained-{n}"
        for m in range(2):
            begin = log_begin(project, f"call_{n}_{m}", session)
            call = Call(begin.call_id, f"key{n}", project, session, writer.name)
            assert shop.counters.reserve(call, limits, Sums(1, 50, NANO), now_us())[1] is None
            writer.append(exchange.encode(begin))
            writer.append(exchange.encode(log_finish(begin)))
        writer.close()
        failed = drained_with_a_failure(shop, log.engine, tmp_path / f"spool{n}", n)
        with shop.engine.connect() as connection:
            mine = spent_table.c.key_id == f"key{n}"
            total = connection.scalar(sa.select(spent_table.c.cost).where(mine))
            assert connection.scalar(sa.select(sa.func.count()).select_from(reserved)) == 0, n
        with log.engine.connect() as connection:
            costs = sa.select(sa.func.sum(schema.calls.c.cost)).where(schema.calls.c.key_id == f"key{n}")
            assert connection.scalar(costs) == total == 2 * 26 * 1000, n
        if not failed:
            assert n > 4
            return
    raise AssertionError("it fails for ever")


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def drained_with_a_failure(shop: Shop, engine: sa.Engine, spool: Path, n: int) -> bool:
    """Whether the n-th commit was come to."""
    commits = 0

    def commit(connection: sa.Connection) -> None:
        nonlocal commits
        commits += 1
        if commits == n:
            raise Killed

    engines = {id(e): e for e in (engine, shop.engine)}.values()
    for each in engines:
        sa.event.listen(each, "commit", commit)
    try:
        for _ in range(3):
            try:
                drain = Drain(spool, engine, Metrics(), settling=Settling(shop.counters, Metrics()))
                while drain.round():
                    pass
                drain.round()
            except Killed:
                continue
    finally:
        for each in engines:
            sa.event.remove(each, "commit", commit)
    return commits >= n


def log_begin(project: int, call_id: str, session: str) -> exchange.Begin:
    body = json.dumps({"model": "m", "messages": [user(call_id)]}).encode()
    return exchange.Begin(
        call_id=call_id, at=now_us(), project=project, key_id="key" + call_id.split("_")[1], session_id=session,
        session_text=session, source="id", rule="x-session-id", endpoint="chat.completions", model="m", stream=False,
        client="", user="", headers={}, body=body,
    )  # fmt: skip


def log_finish(begin: exchange.Begin) -> exchange.Finish:
    from sessionary.settings import Price

    usage = {"prompt_tokens": 20, "completion_tokens": 6, "total_tokens": 26}
    body = chat_json(json.loads(begin.body), extra={"usage": usage})
    return exchange.Finish(
        call_id=begin.call_id, at=now_us(), status="ok", http_status=200, provider="p", deployment="p/m",
        upstream_model="m", ttft=1, error_type="", error_message="", attempts=[],
        headers={"content-type": "application/json"}, body=body, price=Price(1.0, 1.0),
    )  # fmt: skip
