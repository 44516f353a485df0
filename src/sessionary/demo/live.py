"""A session that goes on while one looks: real calls through the gateway, to a provider that plays a part.

Each turn streams as slowly as a model speaks; between two turns a person reads, or a tool works.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import msgspec

from sessionary import ids, incoming
from sessionary.auth import Principal
from sessionary.calls import Calls, Unattended
from sessionary.demo import answers
from sessionary.demo.answers import Piece, Reply, Say, Think, Tokens, Use
from sessionary.demo.stage import TAG
from sessionary.demo.talk import tool
from sessionary.heads import Head
from sessionary.leaving import Leaving
from sessionary.providers.routing import Target
from sessionary.relay.upstream import Answer, Played
from sessionary.settings import Deployment, Model, Price, Settings

MODEL = "gpt-5.1"
KEY = "live-demo"
_PAUSE = 0.12
"""Seconds between two pieces of a stream."""
_PROMPT = "You are the night clerk of a small observatory. You have its instruments, and a dry sense of humour."
_TOOLS = [
    tool("weather", "What the sky does.", hours="How many hours ahead"),
    tool("point_telescope", "Points the telescope.", target="A name from the catalogue"),
    tool("expose", "Takes a picture.", seconds="How long", filter="red, green, blue or clear"),
]
_TURNS: tuple[tuple[str | tuple[str, ...], float, tuple[Piece, ...]], ...] = (
    (
        "Good evening! Can we get the Ring Nebula tonight? I have two hours.",
        1.0,
        (
            Think("First the sky. If clouds come, a short series is better than one long exposure."),
            Say("Good evening. Let me ask the sky first; it is the only one here that may cancel."),
            Use("weather", {"hours": "3"}, "call_weather_1"),
        ),
    ),
    (
        ('{"now": "clear", "seeing_arcsec": 1.4, "moon": "below the horizon", "clouds_from": "01:20"}',),
        2.5,
        (
            Say(
                "**Clear until 01:20**, seeing 1.4″, and the moon has the decency to be away. That is enough for the "
                "Ring:\n\n"
                "| Filter | Exposures | Minutes |\n|---|---:|---:|\n| clear | 12 × 120 s | 24 |\n| red | 6 × 180 s | "
                "18 |\n"
                "| green | 6 × 180 s | 18 |\n| blue | 6 × 180 s | 18 |\n\nSeventy-eight minutes, and forty in reserve "
                "for whatever "
                "goes wrong. Something does, usually. I'll point the telescope."
            ),
            Use("point_telescope", {"target": "M 57"}, "call_point_1"),
        ),
    ),
    (
        ('{"pointed": true, "error_arcsec": 3.1, "altitude": 61}',),
        3.0,
        (
            Say("On target, three arcseconds off; the guider will see to that. A first exposure, to focus:"),
            Use("expose", {"seconds": "20", "filter": "clear"}, "call_expose_1"),
            Use("weather", {"hours": "1"}, "call_weather_2"),
        ),
    ),
    (
        (
            '{"frame": "m57-0001.fits", "fwhm_arcsec": 2.9, "note": "stars are doughnuts"}',
            '{"now": "clear", "wind": "rising"}',
        ),
        3.5,
        (
            Think("Doughnuts: out of focus, not bad seeing. Move the focuser, try once more."),
            Say(
                "The stars are doughnuts, which suits the object but not the picture. I move the focuser by 40 steps "
                "and take another "
                "one. The wind is rising, too, so I close the western shutter halfway."
            ),
            Use("expose", {"seconds": "20", "filter": "clear"}, "call_expose_2"),
        ),
    ),
    (
        ('{"frame": "m57-0002.fits", "fwhm_arcsec": 1.5}',),
        3.0,
        (
            Say(
                "**1.5″.** Now they are points. The series runs; the first frames already show the ring, the central "
                "star, and a faint "
                'galaxy beside it (IC 1296) that nobody ordered.\n\n```text\nm57-0003  clear  120 s  1.5"  '
                "ok\nm57-0004  clear  120 s  "
                '1.6"  ok\nm57-0005  clear  120 s  1.5"  satellite trail, kept\n```\n\nI\'ll write to you when the '
                "reds are done. Go and "
                "have some tea."
            ),
        ),
    ),
    (
        "Wonderful. What exactly am I looking at, in three sentences, for my daughter (8)?",
        9.0,
        (
            Say(
                "A star like our sun got very old and blew its coat into space, and the coat is glowing. The ring is "
                "so big that light "
                "needs more than a year to cross it, and the tiny dot in the middle is what is left of the star. It "
                "will take five "
                "billion years until ours does that, so there is time for breakfast."
            ),
        ),
    ),
    (
        "She wants to know whether somebody lives there.",
        8.0,
        (
            Think("Honest, and kind."),
            Say(
                "Nobody that we know of, and it would be a bad time to move in. But look at the galaxy next to it: two "
                "hundred billion "
                "suns, on our picture smaller than a crumb. If I were to wave, I would wave *there*."
            ),
        ),
    ),
)


def settings(given: Settings) -> Settings:
    """Under which the part is played: no provider but the demo, at the price of the model that it plays."""
    deployment = Deployment("demo", MODEL, price=Price(1.25, 10, 0.125))
    return msgspec.structs.replace(given, models=[Model(MODEL, [deployment])], environment={})


class Player:
    """An upstream that has read the part: which turn it is, the request's history tells."""

    async def open(
        self, target: Target, endpoint: str, body: bytes, headers: Mapping[str, str], *, stream: bool
    ) -> Answer:
        messages = msgspec.json.decode(body)["messages"]
        number = sum(m.get("role") == "assistant" for m in messages)
        pieces = _TURNS[min(number, len(_TURNS) - 1)][2]
        said = len(b"".join(msgspec.json.encode(p) for p in pieces)) // 4
        cached = max(0, len(body) // 4 - 120) // 128 * 128 if number else 0
        stop = "tool_calls" if any(isinstance(p, Use) for p in pieces) else "stop"
        reply = Reply(
            ids.new_call_id().replace("call_", "chatcmpl-"),
            MODEL,
            0,
            pieces,
            stop,
            Tokens(len(body) // 4, said, cached),
        )
        headers = {"content-type": "text/event-stream; charset=utf-8"}
        return Played(200, headers, _spoken(answers.chat_stream(reply)))


async def _spoken(events: list[bytes]) -> AsyncIterator[bytes]:
    for event in events:
        await asyncio.sleep(_PAUSE)
        yield event


async def play(calls: Calls, project: int, is_there: Callable[[str], Awaitable[bool]]) -> None:
    """The whole session. `is_there` is asked between turns, with the session's id."""
    principal = Principal(project, "", project, KEY, KEY)
    name = f"observatory-{ids.new_call_id()[-6:]}"
    session = ids.session_id(project, name)
    headers = {
        "content-type": "application/json",
        "user-agent": "OpenAI/Python 2.8.1",
        "x-session-name": "A night at the observatory (live)",
        "x-session-tags": TAG,
        "x-session-id": name,
    }
    history: list[dict[str, Any]] = [{"role": "system", "content": _PROMPT}]
    asked: list[str] = []
    seen = False
    for said, pause, pieces in _TURNS:
        await asyncio.sleep(pause)
        there = await is_there(session)
        if seen and not there:
            return  # it was deleted
        seen = there
        if isinstance(said, str):
            history.append({"role": "user", "content": said})
        else:
            results = zip(asked, said, strict=True)
            history += [{"role": "tool", "tool_call_id": id, "content": text} for id, text in results]
        body = {
            "model": MODEL,
            "messages": history,
            "tools": [{"type": "function", "function": t} for t in _TOOLS],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        request = incoming.read("chat.completions", Head(headers), msgspec.json.encode(body))
        call = await calls.begin(principal, request)
        await calls.answer(call, Unattended(), Leaving())
        history.append(answers.chat_message(pieces))
        asked = [p.id for p in pieces if isinstance(p, Use)]
