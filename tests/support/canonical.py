"""Hypothesis strategies for canonical answers, as any provider's format may have said them; and how they are told."""

from typing import Any

from hypothesis import strategies as st

from sessionary.wire import loose
from sessionary.wire.canonical import Answer, Closed, Delta, Ended, Opened, Part, Started, Told, Turn
from sessionary.wire.message import Piece, Usage
from tests.support.chats import ARGUMENTS, NAMES, PNG, WORDS

IDS = st.integers(0, 10**6).map(lambda n: f"call_{n}")
SIGNATURES = st.sampled_from(["", "Eabc"])
TOKENS = st.fixed_dictionaries(
    {"token": WORDS, "logprob": st.sampled_from([0, -0.5]), "bytes": st.sampled_from([None, [97]])}
    | {"top_logprobs": st.just([{"token": "a", "logprob": -1.5, "bytes": None}])}
)
USAGES = st.builds(
    Usage,
    input=st.integers(40, 99),
    output=st.integers(20, 99),
    cached=st.integers(0, 20),
    cache_write=st.integers(0, 20),
    reasoning=st.integers(0, 20),
)


def foreign(piece: Piece, **more: Any) -> Part:
    """Of a format that none of the writers is: it is written by what it means."""
    return Part(piece, "chat", None, **more)


texts = WORDS.map(lambda text: foreign(Piece("text", text=text)))
refusals = WORDS.map(lambda text: foreign(Piece("refusal", text=text)))
reasonings = st.tuples(WORDS | st.just(""), SIGNATURES, st.booleans()).map(
    lambda drawn: foreign(Piece("reasoning", text=drawn[0]), signature=drawn[1], redacted=drawn[2] and not drawn[0])
)


def calls(arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Part]:
    return st.tuples(IDS, NAMES, arguments).map(
        lambda drawn: foreign(Piece("tool_call", id=drawn[0], name=drawn[1], arguments=drawn[2]))
    )


custom_calls = st.tuples(IDS, NAMES, WORDS).map(
    lambda drawn: foreign(Piece("tool_call", id=drawn[0], name=drawn[1], arguments=drawn[2]), kind="custom")
)
images = st.just(foreign(Piece("image", url=PNG, media_type="image/png")))
strange = st.just(foreign(Piece("other", value={"type": "server_tool_use", "id": "s"}), kind="server"))

STOPS = st.sampled_from(["stop", "length", "tool_calls", "refusal", "content_filter", "pause"])
TIERS = st.sampled_from(["", "default", "flex", "priority", "scale", "batch", "standard", "on_demand"])


@st.composite
def answers(draw: st.DrawFn, *, rare: bool = False, objects: bool = False) -> Answer:
    """Not failed. `rare`: with what OpenAI's schemas alone have, images and calls of tools that take text; `objects`:
    the arguments of all calls are objects."""
    given = ARGUMENTS if objects else ARGUMENTS | st.sampled_from(["", "{", "[1]"])
    kinds = [texts, texts, refusals, reasonings, calls(given), strange]
    kinds += [images, *([] if objects else [custom_calls])] if rare else []
    parts = draw(st.lists(st.one_of(*kinds), max_size=5))
    has_text = any(part.piece.type == "text" for part in parts)
    return Answer(
        id="up_1",
        model="some-model",
        turns=[Turn("assistant", parts)],
        stop=draw(STOPS),
        stop_sequence=draw(st.sampled_from(["", "END"])),
        usage=draw(st.none() | USAGES),
        created=1_767_225_600,
        service_tier=draw(TIERS),
        logprobs=draw(st.none() | st.lists(TOKENS, min_size=1, max_size=2)) if has_text else None,
    )


def telling(answer: Answer, step: int) -> list[Told]:
    """The answer as it is told in pieces of `step` characters."""
    told: list[Told] = [Started("up", answer.model, answer.created)]
    logprobs = answer.logprobs
    for index, part in enumerate(part for turn in answer.turns for part in turn.parts):
        piece = part.piece
        text = piece.text
        if piece.type == "tool_call":
            given = piece.arguments
            text = given if isinstance(given, str) else loose.encode(given).decode()
        told.append(Opened(index, Piece(piece.type, id=piece.id, name=piece.name), part.kind))
        for at in range(0, len(text), step):
            probs, logprobs = (logprobs, None) if piece.type == "text" else (None, logprobs)
            told.append(Delta(index, text[at : at + step], logprobs=probs))
        if part.signature:
            told.append(Delta(index, signature=part.signature))
        told.append(Closed(index, part))
    return [*told, Ended(answer.stop, answer.usage, answer.stop_sequence)]
