"""A call that has ended as a span. Pure.

The attributes are those of OpenTelemetry's conventions for generative AI (client inference, in development):
https://github.com/open-telemetry/semantic-conventions-genai. What they have no name for is below `sessionary.`.

A span has figures and names alone. Never in it: what was said, an error's message (it quotes requests), the end user,
headers. What a client or a provider may write as it likes is cut to `_LONGEST` characters and `_MOST`, and made such as
the protocol takes: spans are sent many at a time, and one that cannot be would cost the others.

Ids are derived from the call's, so a call has one span, however often it is made. A request that was made within a
trace (`traceparent`) has its span there; any other call is a trace of its own, for a session may go on for weeks: what
it goes on from is linked.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from sessionary.ids import digest

Value = str | int | float | bool | tuple[str, ...]
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_SAMPLED = 1
_KIND = re.compile(r"[\w.:/-]{1,100}", re.ASCII)
_OTHER = "_OTHER"
"""The conventions' word for an error without a name."""
_LONGEST = 200
_MOST = (1 << 63) - 1
_ENDED_WELL = frozenset({"ok", "client_closed"})
"""A client that leaves is no error of the call."""
_OPERATIONS = MappingProxyType({"completions": "text_completion", "embeddings": "embeddings"})
"""By endpoint; `chat` otherwise."""
_PROVIDERS = MappingProxyType(
    {"azure": "azure.ai.openai", "gemini": "gcp.gemini", "mistral": "mistral_ai", "xai": "x_ai"}
)
"""Those that the conventions call otherwise than the catalogue does."""


class Parent(msgspec.Struct, frozen=True):
    """The span within which a request was made."""

    trace: int
    span: int
    sampled: bool


class Link(msgspec.Struct, frozen=True):
    """To an earlier call's span."""

    trace: int
    span: int
    relation: str


class Earlier(msgspec.Struct, frozen=True):
    """A call that this one comes from."""

    call_id: str
    relation: str
    """`continues`, or a call's `origin_kind`."""
    traceparent: str = ""


class About(msgspec.Struct, frozen=True):
    """What the call's row does not say."""

    session: str = ""
    """Its id as clients know it."""
    project: str = ""
    key: str = ""
    """Its name."""
    model: str = ""
    """As the answer names it."""
    traceparent: str = ""
    """The request's header."""
    earlier: tuple[Earlier, ...] = ()


class Span(msgspec.Struct, frozen=True):
    """Times are nanoseconds since 1970, as OpenTelemetry has them."""

    name: str
    trace: int
    span: int
    parent: Parent | None
    links: tuple[Link, ...]
    start: int
    end: int
    attributes: dict[str, Value]
    failed: bool


def parent(traceparent: str) -> Parent | None:
    """W3C Trace Context, section 3.2; None for what is not valid, as if there were none."""
    found = _TRACEPARENT.fullmatch(traceparent.strip())
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5] is not None):
        return None
    trace, span = int(found[2], 16), int(found[3], 16)
    return Parent(trace, span, bool(int(found[4], 16) & _SAMPLED)) if trace and span else None


def trace_id(call_id: str) -> int:
    """Of a call that was not made within a trace."""
    return int.from_bytes(digest(b"sessionary-trace", call_id.encode())) or 1


def span_id(call_id: str) -> int:
    return int.from_bytes(digest(b"sessionary-span", call_id.encode())[:8]) or 1


def span(call: Mapping[str, Any], about: About) -> Span:
    """`call`: a row of the calls table, of a call that has ended."""
    operation = _OPERATIONS.get(call["endpoint"], "chat")
    within = parent(about.traceparent)
    return Span(
        name=f"{operation} {_text(call['model'])}".strip(),
        trace=within.trace if within else trace_id(call["id"]),
        span=span_id(call["id"]),
        parent=within,
        links=tuple(link for one in about.earlier if (link := _link(one)) is not None),
        start=call["created_at"] * 1000,
        end=max(call["finished_at"], call["created_at"]) * 1000,
        attributes={name: _cut(value) for name, value in _attributes(call, about, operation).items() if value},
        failed=call["status"] not in _ENDED_WELL,
    )


def _link(earlier: Earlier) -> Link | None:
    """None where the other call's span was not wanted."""
    within = parent(earlier.traceparent)
    if within is not None and not within.sampled:
        return None
    trace = within.trace if within else trace_id(earlier.call_id)
    return Link(trace, span_id(earlier.call_id), earlier.relation)


def _attributes(call: Mapping[str, Any], about: About, operation: str) -> dict[str, Any]:
    """Also those that there is nothing to say of: they are None, empty or 0."""
    failed = call["status"] not in _ENDED_WELL
    counted = call["input_tokens"] is not None
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDERS.get(call["provider"] or "", call["provider"]),
        "gen_ai.request.model": call["model"],
        "gen_ai.request.stream": call["stream"],
        "gen_ai.response.model": about.model or (None if failed else call["upstream_model"]),
        "gen_ai.response.id": call["response_id"],
        "gen_ai.response.finish_reasons": (call["finish_reason"],) if call["finish_reason"] else (),
        "gen_ai.response.time_to_first_chunk": _seconds(call["ttft"]) if call["stream"] else None,
        "gen_ai.usage.input_tokens": call["input_tokens"],
        "gen_ai.usage.output_tokens": call["output_tokens"],
        "gen_ai.usage.cache_read.input_tokens": call["cached_tokens"],
        "gen_ai.usage.reasoning.output_tokens": call["reasoning_tokens"],
        "gen_ai.conversation.id": about.session,
        "session.id": about.session,
        "gen_ai.agent.id": call["agent"],
        "gen_ai.agent.name": call["agent_name"],
        "error.type": _kind(call["error_type"] or call["status"]) if failed else None,
        "sessionary.call.id": call["id"],
        "sessionary.session.id": call["session"],
        "sessionary.session.source": call["source"],
        "sessionary.turn": call["turn"],
        "sessionary.status": call["status"],
        "sessionary.http_status": call["http_status"],
        "sessionary.attempts": len(call["attempts"] or ()),
        "sessionary.deployment": call["deployment"],
        "sessionary.upstream_model": call["upstream_model"],
        "sessionary.endpoint": call["endpoint"],
        "sessionary.project": about.project,
        "sessionary.key.id": call["key_id"],
        "sessionary.key.name": about.key,
        "sessionary.client": call["client"],
        "sessionary.cost": call["cost"] / 1e9 if call["cost"] is not None else None,
        "sessionary.estimated": counted and call["estimated"],
    }


def _seconds(duration: int | None) -> float | None:
    """Of microseconds."""
    return None if duration is None else duration / 1e6


def _kind(error: str) -> str:
    """A provider may say anything where it should name a kind of error."""
    return error if _KIND.fullmatch(error) else _OTHER


def _cut(value: Value) -> Value:
    match value:
        case str():
            return _text(value)
        case tuple():
            return tuple(map(_text, value))
        case int() if value > _MOST:
            return _MOST
        case _:
            return value


def _text(text: str) -> str:
    """JSON may have halves of characters, which UTF-8 has not."""
    return text[:_LONGEST].encode("utf-8", "replace").decode()
