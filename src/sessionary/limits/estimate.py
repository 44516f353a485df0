"""What a call may use, before it is made: an upper bound where it says how long its answer may be. Pure."""

import re
from collections.abc import Callable, Iterable

from sessionary.limits.arithmetic import MOST, Sums
from sessionary.providers.routing import Target
from sessionary.wire import prices
from sessionary.wire.message import Usage

OUTPUT = 1024
"""Tokens of an answer that may be of any length."""
_BYTES = 3
"""Of a token: texts in most languages, and JSON around them, have longer ones."""
_FILE = 1500
"""Tokens of a picture or file within the request: more than most pictures cost."""
_ENCODED = re.compile(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{2000,}")
"""What is no text: found in one pass, for it cannot begin within itself."""
_LENGTHS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
_WITHOUT_OUTPUT = ("embeddings",)


def usage(endpoint: str, bodies: Iterable[bytes], value: Callable[[str], object]) -> Usage:
    """`bodies`: all that the model is sent. `value`: a field of the request."""
    sent = sum(map(_tokens, bodies))
    if endpoint in _WITHOUT_OUTPUT:
        return Usage(min(sent, MOST), 0, estimated=True)
    lengths = [n for name in _LENGTHS if (n := _whole(value(name)))]
    answers = max(_whole(value("n")), _whole(value("best_of")), 1)
    return Usage(min(sent, MOST), min(max(lengths, default=OUTPUT) * answers, MOST), estimated=True)


def _tokens(body: bytes) -> int:
    files = [len(found[0]) for found in _ENCODED.finditer(body)]
    return -(-(len(body) - sum(files)) // _BYTES) + _FILE * len(files)


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def most(used: Usage, targets: Iterable[Target], now: int, *, priced: bool) -> Sums:
    """With what the dearest of the deployments takes for it, where it is to be `priced`; an unknown price is none."""
    cost = 0
    if priced:
        for target in targets:
            d = target.deployment
            cost = max(cost, prices.cost(d.provider, d.model, used, target.price, now) or 0)
    return Sums(1, used.input + used.output, cost)
