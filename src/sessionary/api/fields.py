"""The fields of the filter language: one table for sessions, one for calls. The grammar is `api.language`."""

from typing import Literal, get_args

import msgspec

from sessionary.record.exchange import Source

Kind = Literal["text", "number", "money", "duration", "time", "choice", "flag"]
Of = Literal["sessions", "calls"]


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    kind: Kind
    help: str
    choices: tuple[str, ...] = ()
    suggests: bool = False
    """Whether `GET /api/suggest` knows values of it."""


SOURCES: tuple[str, ...] = get_args(Source)
_SINCE = Field("since", "time", "what was going on then or later")
_UNTIL = Field("until", "time", "what was going on then or earlier")
_TEXT = Field("text", "text", 'words or "phrases" in messages; words without a field mean the same')
_SOURCE = Field("source", "choice", "how the session was found", SOURCES)
_ANY = (
    Field("model", "text", "as it was asked for", suggests=True),
    Field("client", "text", "the calling program: any version, or with its version that one", suggests=True),
    Field("key", "text", "the name of the key that called", suggests=True),
    Field("user", "text", "the request's `user`", suggests=True),
)

SESSIONS: tuple[Field, ...] = (
    _TEXT,
    *_ANY,
    Field(
        "status",
        "choice",
        "live while a call runs, errors where a call failed, cut where the last call was broken off",
        ("live", "ok", "errors", "cut"),
    ),
    Field("error", "flag", "whether a call failed"),
    Field("errors", "number", "calls that failed"),
    Field("live", "flag", "whether a call runs"),
    Field("cost", "money", "dollars, of the calls whose price is known"),
    Field("calls", "number", "calls, failed ones included"),
    Field("turns", "number", "turns"),
    Field("tokens", "number", "tokens in and out"),
    Field("input", "number", "tokens in, cached ones included"),
    Field("cached", "number", "tokens in that the provider had cached"),
    Field("output", "number", "tokens out, reasoning included"),
    Field("reasoning", "number", "tokens out that were reasoning"),
    Field("active", "duration", "the calls' durations added up"),
    Field("wall", "duration", "from the first call's beginning to the last activity"),
    Field("branches", "number", "branches beside the first"),
    Field("agents", "number", "agents beside the one that people talk to"),
    _SINCE,
    _UNTIL,
    Field("first", "time", "when it began"),
    Field("last", "time", "when something last happened in it"),
    Field("id", "text", "a session's id: ours, or the one that the client sent"),
    Field("title", "text", "a part of the title"),
    Field("tag", "text", "one of the tags", suggests=True),
    _SOURCE,
    Field("unpriced", "number", "finished calls whose price is not known"),
    Field("project", "text", "with the master key: the project's name", suggests=True),
)

CALLS: tuple[Field, ...] = (
    _TEXT,
    *_ANY,
    Field(
        "status",
        "choice",
        "how it ended; errors and cut stand for the kinds of these",
        ("live", "ok", "errors", "cut", "upstream_error", "timeout", "rejected", "client_closed", "interrupted"),
    ),
    Field("error", "text", "yes, no, or a part of the error's type or message"),
    Field("cost", "money", "dollars"),
    Field("input", "number", "tokens in, cached ones included"),
    Field("cached", "number", "tokens in that the provider had cached"),
    Field("output", "number", "tokens out, reasoning included"),
    Field("reasoning", "number", "tokens out that were reasoning"),
    Field("tokens", "number", "tokens in and out"),
    Field("duration", "duration", "from its beginning to its end"),
    Field("ttft", "duration", "until the first token"),
    _SINCE,
    _UNTIL,
    Field("endpoint", "text", "such as chat.completions, responses, messages", suggests=True),
    Field("provider", "text", "who answered", suggests=True),
    Field("deployment", "text", "the deployment that answered", suggests=True),
    Field("finish", "text", "why the answer ended, as the provider said it"),
    Field("http", "number", "the status of the HTTP answer"),
    Field("stream", "flag", "whether it was streamed"),
    Field("session", "text", "a session's id: ours, or the one that the client sent"),
    _SOURCE,
    Field("rule", "text", "which header, field or rule named the session"),
    Field("agent", "text", "who calls: an agent's id or name"),
    Field("side", "flag", "whether it is beside the conversation, for a title or the like"),
    Field("ambiguous", "flag", "whether other calls would have done as well for the one that it goes on from"),
    Field("project", "text", "with the master key: the project's name", suggests=True),
)

BY_NAME: dict[Of, dict[str, Field]] = {
    "sessions": {f.name: f for f in SESSIONS},
    "calls": {f.name: f for f in CALLS},
}
