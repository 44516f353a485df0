"""What a call cost; what is not known costs null."""

import socket
from datetime import UTC, datetime
from random import Random

import genai_prices
import msgspec
import pytest

from sessionary.settings.tree import Price
from sessionary.wire.message import Usage
from sessionary.wire.prices import NANO, cost, rates

AT = 1_767_225_600_000_000
USAGE = Usage(input=1000, output=100)
MILLION = 1_000_000


def test_a_price_from_the_configuration_comes_first() -> None:
    price = Price(input=2.0, output=10.0)
    assert cost("demo", "any", USAGE, price, AT) == (1000 * 2 + 100 * 10) * NANO // MILLION
    assert cost("openai", "gpt-4o", Usage(0, 0), price, AT) == 0


def test_kinds_of_tokens_have_their_own_price() -> None:
    usage = Usage(input=1000, output=100, cached=400, cache_write=100, reasoning=30)
    price = Price(input=2.0, output=10.0, cached=0.2, cache_write=2.5, reasoning=12.0)
    micro = 500 * 2.0 + 400 * 0.2 + 100 * 2.5 + 70 * 10.0 + 30 * 12.0
    assert cost("x", "m", usage, price, AT) == round(micro * NANO / MILLION)
    flat = Price(input=2.0, output=10.0)
    assert cost("x", "m", usage, flat, AT) == cost("x", "m", Usage(1000, 100), flat, AT)


def test_a_price_of_nothing_is_nothing() -> None:
    assert cost("ollama", "llama3", USAGE, Price(input=0, output=0), AT) == 0


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o"), ("azure", "gpt-4o"), ("gemini", "gemini-2.5-flash"), ("xai", "grok-4"),
        ("mistral", "mistral-large-latest"), ("groq", "llama-3.3-70b-versatile"), ("deepseek", "deepseek-chat"),
        ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"), ("openrouter", "openai/gpt-4o"),
        ("cerebras", "llama3.1-8b"), ("anthropic", "claude-sonnet-4-5"), ("openai", "text-embedding-3-small"),
    ],
)  # fmt: skip
def test_known_models_have_a_price(provider: str, model: str) -> None:
    found = cost(provider, model, USAGE, None, AT)
    assert found is not None
    assert found > 0


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o"), ("google", "gemini-2.5-pro"), ("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5.4"),
        ("deepseek", "deepseek-chat"), ("perplexity", "sonar"), ("mistral", "mistral-large-latest"),
    ],
)  # fmt: skip
def test_what_is_remembered_of_the_table_is_what_it_says(provider: str, model: str) -> None:
    """Whatever the number of tokens, the tiers and the time of day are."""
    rng = Random(model)
    for _ in range(60):
        size = rng.choice((5, 3_000, 150_000, 600_000))
        usage = Usage(rng.randrange(size), rng.randrange(9_000))
        cached, written = rng.randrange(usage.input + 1), rng.randrange(usage.input + 1)
        usage = msgspec.structs.replace(usage, cached=cached, cache_write=written if rng.random() < 0.2 else 0)
        at = AT + rng.randrange(24) * 3_600_000_000
        when = datetime.fromtimestamp(at / 1e6, UTC)
        counted = genai_prices.Usage(
            input_tokens=usage.input,
            cache_read_tokens=usage.cached or None,
            cache_write_tokens=usage.cache_write or None,
            output_tokens=usage.output,
        )
        try:
            found = genai_prices.calc_price(counted, model, provider_id=provider, genai_request_timestamp=when)
            expected = int((found.total_price * NANO).to_integral_value())
        except ValueError:
            expected = None
        assert cost(provider, model, usage, None, at) == expected


def test_cached_tokens_cost_less() -> None:
    plain = cost("openai", "gpt-4o", USAGE, None, AT)
    cached = cost("openai", "gpt-4o", Usage(1000, 100, cached=800), None, AT)
    assert plain is not None
    assert cached is not None
    assert 0 < cached < plain


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"), ("openai", ""), ("nvidia", "meta/llama"), ("nobody", "gpt-4o"), ("", "gpt-4o"),
        ("ollama", "llama3"), ("vllm", "gpt-4o"), ("openai-compatible", "gpt-4o"),
        ("openai", "whisper-1"),  # listed, with a price by the hour
    ],
)  # fmt: skip
def test_what_is_not_known_is_null(provider: str, model: str) -> None:
    assert cost(provider, model, USAGE, None, AT) is None


def test_a_free_model_is_free() -> None:
    assert cost("openrouter", "meta-llama/llama-3.3-70b-instruct:free", USAGE, None, AT) == 0


def test_the_demo_provider_is_free() -> None:
    assert cost("demo", "any-name", USAGE, None, AT) == 0
    assert rates("demo", "any-name", None, AT) == (0, 0, 0)


def test_counts_that_contradict_each_other_have_no_price() -> None:
    assert cost("openai", "gpt-4o", Usage(10, 1, cached=20), None, AT) is None


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the price table is the installed one")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert cost("openai", "gpt-4o", USAGE, None, AT) is not None
