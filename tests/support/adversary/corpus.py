"""The corpus: every kind, mixed in time, under many keys."""

import inspect
from collections.abc import Callable
from random import Random
from types import ModuleType

from tests.support.adversary import everyday, harness, rewritten, strangers
from tests.support.adversary.talk import Call, Caller, Talk, World

Kind = Callable[[Talk], None]
PROJECTS = (1, 2, 3)
_KEYS = 14
_SHARES = {
    "equal_openings": 20,
    "equal_answers": 14,
    "equal_questions": 9,
    "plain": 5,
    "interleaved": 2,
    "canned_and_trimmed": 0.6,
    "prompts_of_their_own": 0.2,
}
"""How often a kind comes up, beside the others: those that make many calls at once less often."""


def _of(module: ModuleType) -> list[Kind]:
    found = inspect.getmembers(module, inspect.isfunction)
    return [f for name, f in found if f.__module__ == module.__name__ and name[0] != "_" and name != "started"]


KINDS: dict[str, Kind] = {f.__name__: f for m in (everyday, rewritten, harness, strangers) for f in _of(m)}


def generate(seed: int, calls: int, kinds: dict[str, Kind] | None = None) -> list[Call]:
    """At least so many calls, in the order in which they begin; every kind is there."""
    rng = Random(seed)
    chosen = kinds or KINDS
    world = World(rng, _callers(rng))
    shares = [_SHARES.get(name, 1) for name in chosen]
    while len(world.calls) < calls or world.conversations < len(chosen):
        drawn = rng.choices(list(chosen.items()), shares, k=20)
        for name, kind in [*chosen.items()] if not world.calls else drawn:
            kind(Talk.drawn(world, name))
    return sorted(world.calls, key=lambda call: (call.begin.at, call.id))


def _callers(rng: Random) -> list[Caller]:
    """Some keys name their users, most do not; one is everybody's."""
    callers = []
    for project in PROJECTS:
        for n in range(_KEYS):
            named = [f"user-{k}" for k in range(rng.randint(2, 30))] if n % 4 == 0 else [""]
            callers += [Caller(project, f"key_{project}_{n}", user) for user in named]
        callers += [Caller(project, f"key_{project}_shared")] * 2 * _KEYS
    return callers
