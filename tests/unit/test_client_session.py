"""`sessionary.session` against real HTTP: what reaches the wire, and what does not."""

import asyncio
import importlib
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sessionary
from sessionary.client import naming
from sessionary.client.active import current
from sessionary.client.gateways import carries, is_gateway
from sessionary.client.naming import id_headers, names_session
from sessionary.providers.catalog import CATALOG
from sessionary.sessions import identify as server
from sessionary.sessions.identify import identify, usable
from tests.support.capture import gateway_like, root, session_headers
from tests.support.upstream import FakeUpstream, Reply

HTTPX = ("httpx", "httpx2")
STAINLESS = {"x-stainless-lang": "python"}
"""What marks a call of the OpenAI and Anthropic libraries."""


@pytest.fixture(params=HTTPX)
def http(request: pytest.FixtureRequest) -> Any:
    return pytest.importorskip(request.param)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeUpstream]:
    with gateway_like() as server:
        monkeypatch.setenv("SESSIONARY_BASE_URL", root(server))
        yield server


def chat(http: Any, gateway: FakeUpstream, **options: Any) -> dict[str, str]:
    """One call; the headers about its session as they arrived."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    with http.Client() as client:
        client.post(root(gateway) + "/chat/completions", json=body, **options)
    return session_headers(gateway.requests[-1])


def test_calls_inside_carry_it_and_calls_outside_do_not(http: Any, gateway: FakeUpstream) -> None:
    with sessionary.session("mine", name="Zoë, a test", tags=["a b", "c,d"]) as active:
        assert active.id == "mine"
        assert chat(http, gateway) == {
            "x-session-id": "mine",
            "x-session-name": "Zo%C3%AB%2C%20a%20test",
            "x-session-tags": "a%20b,c%2Cd",
        }
    assert chat(http, gateway) == {}


async def test_asynchronous_clients_and_tasks(http: Any, gateway: FakeUpstream) -> None:
    async def ask(name: str) -> None:
        async with sessionary.session(name), http.AsyncClient() as client:
            for _ in range(3):
                await asyncio.sleep(0)
                body = {"model": name, "messages": [{"role": "user", "content": "hi"}]}
                await client.post(root(gateway) + "/v1/chat/completions", json=body)

    await asyncio.gather(*(ask(f"task {n}") for n in range(5)))
    assert len(gateway.requests) == 15
    assert all(r.headers["x-session-id"] == r.json["model"] for r in gateway.requests)
    assert current() is None


def test_an_id_is_made_where_none_is_given(gateway: FakeUpstream) -> None:
    http = importlib.import_module("httpx")
    with sessionary.session() as first:
        assert chat(http, gateway) == {"x-session-id": first.id}
    with sessionary.session("") as second:
        assert usable(second.id)
    assert first.id != second.id


def test_a_session_inside_is_an_agent_unless_it_has_an_id(gateway: FakeUpstream) -> None:
    http = importlib.import_module("httpx")

    @sessionary.session()
    def fetcher() -> dict[str, str]:
        return chat(http, gateway)

    with sessionary.session("outer", name="Report", tags=["x"]):
        with sessionary.session(name="writer/1", tags=["y", "x"]):
            inner = {"x-session-id": "outer", "x-session-name": "Report", "x-session-tags": "x,y"}
            assert chat(http, gateway) == {**inner, "x-session-agent": "writer%2F1"}
            assert fetcher() == {**inner, "x-session-agent": "writer%2F1/fetcher"}
            with sessionary.session("beside"):
                assert chat(http, gateway) == {"x-session-id": "beside"}
            assert chat(http, gateway)["x-session-agent"] == "writer%2F1"
        assert "x-session-agent" not in chat(http, gateway)
    assert "x-session-agent" not in fetcher()


def test_what_the_call_says_itself_stands(gateway: FakeUpstream) -> None:
    http = importlib.import_module("httpx")
    with sessionary.session("mine", name="n"):
        for own in (
            {"x-session-id": "own"},
            {"X-LiteLLM-Session-Id": "own"},
            {"langfuse_session_id": "own"},
            {"baggage": "a=b, session.id=own"},
        ):
            assert chat(http, gateway, headers=own) == {name.lower(): value for name, value in own.items()}
        assert chat(http, gateway, headers={"baggage": "a=b"})["x-session-id"] == "mine"
    with sessionary.session("日本"):
        assert chat(http, gateway, headers={"baggage": "a=b"}) == {"baggage": "a=b,session.id=%E6%97%A5%E6%9C%AC"}


def test_one_object_entered_by_many_threads(gateway: FakeUpstream) -> None:
    http = importlib.import_module("httpx")
    shared = sessionary.session("shared")
    failures: list[object] = []

    def work() -> None:
        with shared, shared:
            if chat(http, gateway) != {"x-session-id": "shared"} or current() is None:
                failures.append("inside")
        if current() is not None:
            failures.append("outside")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


async def test_decorated_functions_of_every_kind() -> None:
    @sessionary.session("s")
    def plain(x: int, *, y: int = 2) -> tuple[int, str]:
        return x + y, _now()

    @sessionary.session("s")
    async def coroutine() -> str:
        await asyncio.sleep(0)
        return _now()

    @sessionary.session("s")
    def generator() -> Generator[str, str, str]:
        got = yield _now()
        with sessionary.session("inner"):
            got = yield f"{got} {_now()}"
            got = yield f"{got} {_now()}"
        try:
            yield f"{got} {_now()}"
        except KeyError:
            yield "caught " + _now()
        return "end"

    @sessionary.session("s")
    async def asynchronous() -> AsyncIterator[str]:
        yield _now()
        with sessionary.session("inner"):
            yield _now()
            yield _now()

    assert plain(1, y=3) == (4, "s")
    assert plain.__name__ == "plain"
    assert await coroutine() == "s"

    with sessionary.session("caller"):
        steps = generator()
        assert next(steps) == "s"
        assert _now() == "caller"
        assert [steps.send("a"), _now(), steps.send("b"), _now()] == ["a inner", "caller", "b inner", "caller"]
        assert steps.send("c") == "c s"
        assert steps.throw(KeyError()) == "caught s"
        with pytest.raises(StopIteration) as end:
            next(steps)
        assert end.value.value == "end"
        assert [(_now(), text) async for text in asynchronous()] == [("caller", t) for t in ("s", "inner", "inner")]
    assert _now() == ""


def test_each_call_of_a_function_is_a_session_of_its_own() -> None:
    work = sessionary.session(name="work")(_now)
    assert work() != work()
    with pytest.raises(TypeError, match="parentheses"):
        sessionary.session(_now)  # type: ignore[arg-type]


def test_an_error_ends_it() -> None:
    with pytest.raises(ZeroDivisionError), sessionary.session("s"):
        raise ZeroDivisionError
    assert current() is None


def test_only_the_gateway_is_told(gateway: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    http = importlib.import_module("httpx")
    with FakeUpstream() as other:
        other.default = Reply(b"{}")
        with sessionary.session("mine"):
            assert chat(http, other) == {}
            assert chat(http, gateway)
        monkeypatch.delenv("SESSIONARY_BASE_URL")
        with sessionary.session("mine", base_url=root(gateway) + "/v1"):
            assert chat(http, other) == {}
            assert chat(http, gateway)
        with sessionary.session("mine"):
            assert chat(http, gateway) == {}
            assert chat(http, gateway, headers=STAINLESS) == {"x-session-id": "mine"}


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:4000/chat/completions", True),
        ("http://[::1]:4000/responses/resp_1/input_items", True),
        ("https://llm.example.com/v1/v1/messages?beta=true", True),
        ("http://gateway-1.eu-west-1.elb.amazonaws.com/v1/messages/count_tokens", True),
        ("http://127.0.0.1:4000/health", False),
        ("http://127.0.0.1:9200/messages-archive/_search", False),
        ("https://api.openai.com/v1/chat/completions", False),
        ("https://mine.openai.azure.com/openai/deployments/x/chat/completions", False),
        ("https://bedrock-runtime.eu-west-1.amazonaws.com/v1/chat/completions", False),
        ("https://openrouter.ai/api/v1/chat/completions", False),
        ("ftp://127.0.0.1/chat/completions", False),
        ("not a url", False),
    ],
)
def test_without_a_word_model_clients_anywhere_but_at_providers(
    url: str, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SESSIONARY_BASE_URL", raising=False)
    assert carries(url, STAINLESS, None) is own
    assert carries(url, {"user-agent": "litellm/1.99.4"}, None) is own
    assert not carries(url, {"user-agent": "python-httpx/0.28"}, None)


def test_every_provider_of_ours_is_known() -> None:
    assert [p.name for p in CATALOG.values() if p.base_url and is_gateway(p.base_url)] == []


def test_a_base_url_with_or_without_its_version() -> None:
    for base in (
        "http://127.0.0.1:4000",
        "http://localhost:4000/",
        "http://[::1]:4000/v1",
        "HTTP://LOCALHOST:4000/v1/",
    ):
        for path in ("", "/", "/v1/responses", "/responses"):
            assert is_gateway("http://127.0.0.1:4000" + path, base)
    assert is_gateway("https://corp.example.com:443/llm/responses", "https://corp.example.com/llm/v1/")
    for other in ("https://corp.example.com/llmx/responses", "http://corp.example.com/llm/responses", "http://["):
        assert not is_gateway(other, "https://corp.example.com/llm/v1/")


def test_the_names_are_the_servers() -> None:
    assert naming.ID_HEADERS == server.OWN_HEADERS
    assert naming.ID_FIELDS == server.OWN_FIELDS
    assert naming.ID_METADATA == server.OWN_METADATA


@settings(max_examples=70)
@given(st.text(min_size=1, max_size=40).filter(usable))
def test_any_id_is_read_as_it_was_given(session_id: str) -> None:
    try:
        session_id.encode()
    except UnicodeEncodeError:
        return
    headers = id_headers(session_id.strip())
    assert names_session(headers)
    assert all(value.isascii() and value.isprintable() for value in headers.values())
    assert identify(headers, lambda _: None, {}).text == usable(session_id)


def _now() -> str:
    active = current()
    return active.id if active else ""
