"""When what is played: every kind in the last hours, the many small ones over two weeks of days and nights. Pure."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from random import Random
from types import MappingProxyType
from typing import NamedTuple

from sessionary.demo.scenes import agents, chats, codex, coding, failures, jobs, media, support
from sessionary.demo.stage import SECOND, Stage
from sessionary.record.exchange import Record

SESSIONS = 200
DAYS = 14
_SEED = 20
_DAY = 86_400 * SECOND
_MINUTE = 60 * SECOND
_LATEST = 40 * SECOND
"""Before now: so long ago everything has ended."""
_LONG = 40
"""Calls."""
_BY_DAY = (1.0, 1.15, 1.1, 1.05, 0.8, 0.25, 0.2)
"""From Monday on."""
_BY_HOUR = (1, 1, 1, 1, 1, 1, 2, 5, 12, 18, 20, 17, 11, 15, 19, 18, 14, 9, 6, 5, 5, 4, 3, 2)
_NIGHT = (0, 5, 9, 6, 2, *([0] * 19))


class Scene(NamedTuple):
    play: Callable[[Stage], None]
    share: int = 0
    """How often it comes among the many."""
    hours: tuple[int, ...] = _BY_HOUR


# fmt: off
SCENES = (  # the newest first: what is on the first screen
    Scene(coding.two_agents, 5), Scene(support.refund, 16), Scene(chats.edited), Scene(codex.patch, 8),
    Scene(failures.fell_back, 3), Scene(media.picture), Scene(coding.failing_test, 8), Scene(agents.langchain, 4),
    Scene(failures.rate_limited, 4), Scene(chats.arabic), Scene(coding.compacted, 2),
    Scene(agents.chain, 3), Scene(support.late_parcels, 3), Scene(failures.left, 2), Scene(coding.tools_change, 3),
    Scene(agents.supervisor, 3), Scene(media.spoken), Scene(chats.languages), Scene(chats.japanese),
    Scene(jobs.classify, 12, _NIGHT), Scene(failures.timed_out, 2, _NIGHT), Scene(coding.overloaded, 1),
    Scene(chats.compared), Scene(coding.runaway), Scene(codex.review, 12), Scene(failures.broken_stream),
    Scene(support.too_much, 4),
    Scene(jobs.local, 3), Scene(chats.role_play), Scene(coding.interrupted), Scene(failures.too_long),
    Scene(failures.refused), Scene(chats.novel), Scene(support.filtered), Scene(jobs.invoice, 10),
    Scene(media.hostile), Scene(codex.opencode, 4), Scene(chats.regenerated), Scene(jobs.nightly, 14, _NIGHT),
    Scene(failures.killed), Scene(media.two_pictures), Scene(failures.tool_fails, 5), Scene(jobs.translate, 2),
    Scene(support.german, 5), Scene(jobs.embeddings, 2, _NIGHT), Scene(chats.chinese, 2),
    Scene(jobs.complete_code, 6), Scene(chats.curl, 6), Scene(support.short, 18), Scene(chats.question, 20),
)
# fmt: on
WORTH: Mapping[Callable[[Stage], None], str] = MappingProxyType(
    {
        coding.two_agents: "two agents search side by side for a third",
        chats.edited: "a chat that was edited: three branches, found without any id",
        failures.fell_back: "a provider was down, the gateway went on to another",
        media.picture: "a picture, sent as a data URL",
        coding.runaway: "a loop that nobody watched, and what it cost",
        failures.rate_limited: "two refusals and a retry",
        chats.arabic: "right to left",
        coding.compacted: "a session that went on from its own summary",
        agents.chain: "a chain of responses: the gateway remembers what was said",
        coding.tools_change: "where the cached prefix broke, and why",
        chats.role_play: "300 calls over five days",
    }
)
"""Why a newcomer should look at them."""


def sessions(project: int, now: int, count: int = SESSIONS) -> Iterator[Stage]:
    """`count` sessions, played; each kind once first, the newest of them some minutes before `now`."""
    rng = Random(_SEED)
    times: Counter[Scene] = Counter()
    many = [scene for scene in SCENES for _ in range(scene.share)]
    for number in range(count):
        first = number < len(SCENES)
        scene = SCENES[number] if first else rng.choice(many)
        ago = int(_MINUTE * 2.2 * number**1.75) if first else 0
        end = now - _LATEST - ago if first else _some_time(rng, now, scene.hours)
        seed, times[scene] = rng.getrandbits(64), times[scene] + 1
        stage = _played(scene, project, end, seed, times[scene] - 1)
        yield _played(scene, project, 2 * end - stage.at, seed, times[scene] - 1)


def in_order(stages: Sequence[Stage]) -> Iterator[tuple[int, Record]]:
    """All records in the order in which they happened, each with its time; but before the many, and what is long, one
    session of each kind, so that there is much to see at once."""
    short = [stage for stage in stages[: len(SCENES)] if stage.calls < _LONG]
    rest = [stage for stage in stages if stage not in short]
    for some in (short, rest):
        ordered = [sorted(stage.records, key=lambda found: found[0]) for stage in some]
        yield from heapq.merge(*ordered, key=lambda found: found[0])


def _played(scene: Scene, project: int, at: int, seed: int, number: int) -> Stage:
    stage = Stage(project, at, Random(seed), number)
    scene.play(stage)
    return stage


def _some_time(rng: Random, now: int, hours: tuple[int, ...]) -> int:
    """When a session ended, by the clock on the wall here."""
    while True:
        at = now - _LATEST - rng.randrange(DAYS * _DAY)
        wall = datetime.fromtimestamp(at / SECOND)
        if rng.random() * max(hours) * max(_BY_DAY) < hours[wall.hour] * _BY_DAY[wall.weekday()]:
            return at
