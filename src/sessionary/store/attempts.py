"""A call's attempts, as `schema.calls.attempts` has them: lists, short where the call's row tells the rest.

    [microseconds after the call began, duration in microseconds, HTTP status or 0]

and behind that, where an attempt failed, went elsewhere than the last or was asked for less: the error, provider,
deployment, its model, and what the deployment cannot do and was asked without. Pure.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

_ERROR = 3


class Attempt(NamedTuple):
    after: int
    duration: int
    http_status: int
    error: str
    provider: str | None
    deployment: str | None
    model: str | None
    dropped: Sequence[str]


def packed(attempt: Attempt, deployment: str, model: str) -> list[Any]:
    """`deployment`, `model`: those of the call."""
    short: list[Any] = [attempt.after, attempt.duration, attempt.http_status]
    own = (attempt.deployment, attempt.model) == (deployment, model)
    if own and not attempt.error and not attempt.dropped:
        return short
    return [*short, attempt.error, attempt.provider, attempt.deployment, attempt.model, *attempt.dropped]


def of(call: Any) -> list[Attempt]:
    """`call`: its row."""
    return [_unpacked(call, *attempt) for attempt in call.attempts or []]


def _unpacked(call: Any, after: int, duration: int, http_status: int, error: str = "", *where: str) -> Attempt:
    provider, deployment, model, *dropped = where or (call.provider, call.deployment, call.upstream_model)
    return Attempt(after, duration, http_status, error, provider, deployment, model, dropped)


def tells(attempt: Sequence[Any]) -> bool:
    """Whether it has an error."""
    return any(attempt[_ERROR : _ERROR + 1])


def untold(attempt: Sequence[Any]) -> list[Any]:
    """Without what a provider said of its error."""
    return [*attempt[:_ERROR], "", *attempt[_ERROR + 1 :]] if tells(attempt) else [*attempt]
