"""What a call cost, in nano-dollars: by the configuration, else by the table that genai-prices ships.

An unknown price is None, never 0: the table lists models without any rate, and those count as unknown.
The table is the one installed; nothing is fetched.
"""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

from sessionary.settings.tree import Price
from sessionary.wire.message import Usage

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

NANO = 1_000_000_000
_NAMES = {"gemini": "google", "xai": "x-ai"}
_UNPRICED = frozenset({"", "ollama", "vllm", "llamacpp", "openai-compatible"})
_FREE = ":free"
_DEMO = "demo"
"""Its answers are made up."""
_MINUTE = 60_000_000
"""Microseconds."""
_SAMPLE = 10_000
"""Tokens by which a rate is told: few enough for the lowest tier, enough for no rounding."""


class Rates(NamedTuple):
    """USD per million tokens; None: not known."""

    input: float | None
    cached: float | None
    output: float | None


class Library(NamedTuple):
    """The table: its package, and the day of the newest price in it that has one, where any has."""

    name: str
    version: str
    newest: date | None


def cost(provider: str, model: str, usage: Usage, price: Price | None, at: int) -> int | None:
    """`at` is when the call was made, microseconds: prices change."""
    if price is not None:
        return _by_price(usage, price)
    if provider in _UNPRICED:
        return None
    if provider == _DEMO:
        return 0
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
    known = _linear(provider, model, at // _MINUTE)
    fits = min(usage.input, usage.output, usage.cached, usage.cache_write) >= 0
    if known is None or usage.input > known.below or usage.cached + usage.cache_write > usage.input or not fits:
        asked = _asked(provider, model, usage, at)
        total = None if asked is None else asked.total_price
    else:
        plain = usage.input - usage.cached - usage.cache_write
        total = known.call + known.input * plain + known.cached * usage.cached
        total += known.cache_write * usage.cache_write + known.output * usage.output
    if total is None or (not total and not model.endswith(_FREE) and usage.input + usage.output > 0):
        return None
    return int((total * NANO).to_integral_value())


class _Linear(NamedTuple):
    """USD for a call and for each token of a kind, as long as the input is not above so many tokens."""

    call: Decimal
    input: Decimal
    cached: Decimal
    cache_write: Decimal
    output: Decimal
    below: int


@lru_cache(maxsize=256)
def _linear(provider: str, model: str, minute: int) -> _Linear | None:
    """As the table says it: asking it costs more than anything else about a call. Prices change with the day, and some
    with the time of day. None where it has no price, or its prices have tiers that begin low."""
    usages = (
        *(Usage(0, 0), Usage(_SAMPLE, 0), Usage(_SAMPLE, 0, cached=_SAMPLE)),
        *(Usage(_SAMPLE, 0, cache_write=_SAMPLE), Usage(0, _SAMPLE)),
    )
    asked = [_asked(provider, model, usage, minute * _MINUTE) for usage in usages]
    found = [one for one in asked if one is not None]
    if len(found) < len(asked):
        return None
    call, *others = (one.total_price for one in found)
    plain, cached, cache_write, output = ((total - call) / _SAMPLE for total in others)
    tiers = [tier.start for price in vars(found[0].model_price).values() for tier in getattr(price, "tiers", ())]
    below = min(tiers, default=sys.maxsize)
    return _Linear(call, plain, cached, cache_write, output, below) if below >= _SAMPLE else None


def _asked(provider: str, model: str, usage: Usage, at: int) -> "PriceCalculation | None":
    import genai_prices  # only the drain prices anything: the table is not loaded where it is not read

    counted = genai_prices.Usage(
        input_tokens=usage.input,
        cache_read_tokens=usage.cached or None,
        cache_write_tokens=usage.cache_write or None,
        output_tokens=usage.output,
    )
    try:
        return genai_prices.calc_price(
            counted, model, provider_id=provider, genai_request_timestamp=datetime.fromtimestamp(at / 1e6, UTC)
        )
    except (LookupError, ValueError):
        return None


def rates(provider: str, model: str, price: Price | None, at: int) -> Rates:
    """What `cost` takes for tokens of each kind; where prices have tiers, the lowest."""

    def per_million(usage: Usage) -> float | None:
        found = cost(provider, model, usage, price, at)
        return None if found is None else found / (NANO / 1_000_000 * _SAMPLE)

    usages = (Usage(_SAMPLE, 0), Usage(_SAMPLE, 0, cached=_SAMPLE), Usage(0, _SAMPLE))
    return Rates(*map(per_million, usages))


def library(at: int) -> Library:
    """As of that moment: prices that are yet to come are in the table too."""
    from genai_prices.data_snapshot import get_snapshot

    dated = (
        getattr(priced.constraint, "start_date", None)
        for provider in get_snapshot().providers
        for model in provider.models
        for priced in (model.prices if isinstance(model.prices, list) else ())
    )
    today = datetime.fromtimestamp(at / 1e6, UTC).date()
    newest = max((day for day in dated if day is not None and day <= today), default=None)
    return Library("genai-prices", metadata.version("genai-prices"), newest)
