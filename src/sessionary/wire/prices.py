"""What a call cost, in nano-dollars: by the configuration, else by the table that genai-prices ships.

An unknown price is None, never 0: the table lists models without any rate, and those count as unknown.
The table is the one installed; nothing is fetched.
"""

from datetime import UTC, datetime
from decimal import Decimal

from sessionary.settings.tree import Price
from sessionary.wire.message import Usage

NANO = 1_000_000_000
_NAMES = {"gemini": "google", "xai": "x-ai"}
_UNPRICED = frozenset({"", "demo", "ollama", "vllm", "llamacpp", "openai-compatible"})
_FREE = ":free"


def cost(provider: str, model: str, usage: Usage, price: Price | None, at: int) -> int | None:
    """`at` is when the call was made, microseconds: prices change."""
    if price is not None:
        return _by_price(usage, price)
    if provider in _UNPRICED:
        return None
    return _by_table(_NAMES.get(provider, provider), model, usage, at)


def _by_price(usage: Usage, price: Price) -> int:
    def usd(per_million: float | None, default: float, tokens: int) -> Decimal:
        return Decimal(str(default if per_million is None else per_million)) * tokens

    plain_input = max(0, usage.input - usage.cached - usage.cache_write)
    plain_output = max(0, usage.output - usage.reasoning)
    millionths = (
        usd(None, price.input, plain_input)
        + usd(price.cached, price.input, usage.cached)
        + usd(price.cache_write, price.input, usage.cache_write)
        + usd(None, price.output, plain_output)
        + usd(price.reasoning, price.output, usage.reasoning)
    )
    return int((millionths * (NANO // 1_000_000)).to_integral_value())


def _by_table(provider: str, model: str, usage: Usage, at: int) -> int | None:
    import genai_prices  # only the drain prices anything: the table is not loaded where it is not read

    counted = genai_prices.Usage(
        input_tokens=usage.input,
        cache_read_tokens=usage.cached or None,
        cache_write_tokens=usage.cache_write or None,
        output_tokens=usage.output,
    )
    try:
        found = genai_prices.calc_price(
            counted, model, provider_id=provider, genai_request_timestamp=datetime.fromtimestamp(at / 1e6, UTC)
        )
    except (LookupError, ValueError):
        return None
    if not found.total_price and not model.endswith(_FREE) and usage.input + usage.output > 0:
        return None
    return int((found.total_price * NANO).to_integral_value())
