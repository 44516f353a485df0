"""How a call names its session, and the agent in it: explicit ids first, then what agent harnesses send, then weak
hints. Pure.

The first rule that finds a usable id wins; which one it was is kept as the evidence. Response chains come
between `HARNESS_HEADERS` and `metadata.user_id`; content threading is decided in the drain.
Header names arrive with underscores read as hyphens, because proxies drop the one and keep the other.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import msgspec

from sessionary.record.exchange import Begin, Source

OWN_HEADERS = (
    "x-session-id",
    "x-litellm-session-id",
    "x-litellm-trace-id",
    "helicone-session-id",
    "x-portkey-trace-id",
    "x-bf-session-id",
    "agent-session-id",
    "langfuse-session-id",
)
OWN_FIELDS = ("session_id", "litellm_session_id", "litellm_trace_id", "thread_id")
EXTRA = "extra_body"
"""What some clients mean to be fields of the body, and send as one."""
FIELDS = frozenset({*OWN_FIELDS, "client_metadata", "prompt_cache_key", "user", "safety_identifier"})
"""All fields of a body that are asked for here."""
OWN_METADATA = (
    "litellm_session_id",
    "session_id",
    "sessionId",
    "langfuse_session_id",
    "thread_id",
    "conversation_id",
    "mlflow.trace.session",
    "session.id",
    "gen_ai.conversation.id",
    "litellm_trace_id",
)
_OWN_METADATA = frozenset(OWN_METADATA)
METADATA = frozenset({*OWN_METADATA, "user_id"})
"""All of a body's metadata that is asked for here."""
HARNESS_HEADERS = (
    "x-claude-code-session-id",
    "session-id",
    "thread-id",
    "conversation-id",
    "x-opencode-session",
    "x-session-affinity",
    "x-kilocode-taskid",
    "x-interaction-id",
    "x-client-session-id",
    "x-mux-workspace-id",
    "x-coder-chat-id",
    "x-grok-conv-id",
)
_TURN = "x-codex-turn-metadata"
_CLIENT = "client_metadata"
_THREADS = ("session_id", "thread_id")
"""What Codex calls a session in both of them, which a proxy may leave of what it says."""
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-")
_LONG_WORD = re.compile(r"[0-9A-Za-z]{16,}")
_FEWEST_DIGITS = 3
AGENT_HEADERS = ("x-claude-code-agent-id", "x-claude-code-parent-agent-id", "x-openai-subagent")
_AGENT_NAMING = frozenset({"x-claude-code-agent-id", "x-openai-subagent", "thread-id"})
"""Without one of them, none is named."""
_VENDOR_HEADER = re.compile(r"x-[a-z0-9-]{1,40}-session-id")
_VENDOR_ENDING = "-session-id"
_BAGGAGE_KEYS = ("session.id", "gen_ai.conversation.id")
_ANSWER = b'"assistant"'
_ITEMS = (b'"function_call"', b'"item_reference"')
"""One of these is in every request that sends back what a model said; those of items in Responses alone."""
_ABSENT = frozenset({"", "null", "undefined", "none", "nil"})
_LONGEST = 16_384
_KEPT_OF_LONG = 200
"""Characters."""
_HASHED = "…sha256:"
_USER_ID_CAP = 2000
_HARNESS_USER = re.compile(r"\{|user_[0-9a-f]{16,}|.*_session_")
_USER_ID_SESSION = re.compile(r"_session_([0-9a-fA-F-]{36})$")


class Identity(msgspec.Struct, frozen=True):
    """The session a request names. `text` is the id verbatim, "" where it names none."""

    text: str
    source: Source
    rule: str


class InHeaders(msgspec.Struct, frozen=True):
    """The sessions that a request's headers name, by how much each counts."""

    own: Identity | None = None
    harness: Identity | None = None
    baggage: Identity | None = None


class Agent(msgspec.Struct, frozen=True):
    """Who calls within a session; all "" for the one that people talk to."""

    id: str = ""
    name: str = ""
    """For people."""
    parent: str = ""
    """The id of the agent that started it."""


_MAIN = Agent()


def usable(value: object) -> str:
    """`value` as an id, or "" where it is one of the forms that mean there is none. One that no header could name is
    told by its beginning and its hash."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    bare = value.strip()
    if len(bare) > _LONGEST:
        hashed = hashlib.sha256(bare.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{bare[:_KEPT_OF_LONG]}{_HASHED}{hashed}"
    if bare.lower() in _ABSENT or not bare.strip("0-"):
        return ""
    return bare


def identify(
    headers: Mapping[str, str],
    field: Callable[[str], object],
    metadata: Mapping[str, object],
    chain: Identity | None = None,
) -> Identity:
    """As `session`, of headers that were not looked at before."""
    return session(in_headers(headers), field, metadata, chain)


def in_headers(headers: Mapping[str, str]) -> InHeaders:
    return InHeaders(_own(headers), _harness(headers), _baggage(headers))


def _own(headers: Mapping[str, str]) -> Identity | None:
    for name in OWN_HEADERS:
        if name in headers and (text := usable(headers[name])):
            return Identity(text, "id", name)
    return None


def _harness(headers: Mapping[str, str]) -> Identity | None:
    for name in HARNESS_HEADERS:
        if name in headers and (text := usable(headers[name])):
            return Identity(text, "harness", name)
    for name in headers:
        if name.endswith(_VENDOR_ENDING) and _VENDOR_HEADER.fullmatch(name) and (text := usable(headers[name])):
            return Identity(text, "harness", name)
    if _TURN in headers and len(headers[_TURN]) <= _LONGEST and (text := _of_thread(_read(headers[_TURN]))):
        return Identity(text, "harness", _TURN)
    return None


def _of_thread(told: object) -> str:
    """The session in what Codex says of a turn."""
    found = (usable(told.get(name)) for name in _THREADS) if isinstance(told, dict) else ()
    return next(filter(None, found), "")


def _baggage(headers: Mapping[str, str]) -> Identity | None:
    if "baggage" in headers and (text := _from_baggage(headers["baggage"])):
        return Identity(text, "id", "baggage")
    return None


def session(
    named: InHeaders,
    field: Callable[[str], object] | None,
    metadata: Mapping[str, object],
    chain: Identity | None = None,
) -> Identity:
    """`named`: by the headers; `field`: as for `identify`, or null where the body has none of `FIELDS`; `metadata` the
    body's metadata object or {}; `chain` is the session of the answer that the request goes on from.
    """
    if named.own is not None:
        return named.own
    if field is not None:
        for name in OWN_FIELDS:
            if text := usable(field(name)):
                return Identity(text, "id", name)
    for name in () if _OWN_METADATA.isdisjoint(metadata) else OWN_METADATA:
        if name in metadata and (text := usable(metadata[name])):
            return Identity(text, "id", f"metadata.{name}")
    if named.harness is not None:
        return named.harness
    if field is not None and (text := _of_thread(field(_CLIENT))):
        return Identity(text, "harness", _CLIENT)
    if chain is not None:
        return chain
    if "user_id" in metadata and (text := _from_user_id(metadata["user_id"])):
        return Identity(text, "harness", "metadata.user_id")
    if named.baggage is not None:
        return named.baggage
    if field is not None and (text := usable(field("prompt_cache_key"))) and _is_drawn(text):
        return Identity(text, "harness", "prompt_cache_key")
    return Identity("", "none", "none")


def _is_drawn(key: str) -> bool:
    """Whether a part of a cache key was drawn by lot. Other keys are of a program, not of a conversation."""
    key = key.partition(_HASHED)[0]
    if _UUID.search(key):
        return True
    return any(sum(c.isdigit() for c in word) >= _FEWEST_DIGITS for word in _LONG_WORD.findall(key))


def pending(begin: Begin) -> bool:
    """Whether only content can tell the session, so that it is known when the call is stored."""
    if begin.source != "none" or not begin.threading:
        return False
    items = _ITEMS if begin.endpoint.startswith("responses") else ()
    return _ANSWER in begin.body or any(mark in begin.body for mark in items)


def agent(headers: Mapping[str, str]) -> Agent:
    """The agent that a harness says is calling."""
    if _AGENT_NAMING.isdisjoint(headers):
        return _MAIN
    if own := headers.get("x-claude-code-agent-id", ""):
        return Agent(own, parent=headers.get("x-claude-code-parent-agent-id", ""))
    name, thread, main = (headers.get(h, "") for h in ("x-openai-subagent", "thread-id", "session-id"))
    if thread and main and thread != main:  # Codex
        parent = headers.get("x-codex-parent-thread-id", "")
        return Agent(thread, name, "" if parent == main else parent)
    return Agent(name, name)


def _from_user_id(value: object) -> str:
    """Claude Code's two forms. Only the session is taken: the rest is personal data."""
    if not isinstance(value, str) or len(value) > _USER_ID_CAP:
        return ""
    if value.startswith("{"):
        parsed = _read(value)
        return usable(parsed.get("session_id")) if isinstance(parsed, dict) else ""
    match = _USER_ID_SESSION.search(value)
    return usable(match.group(1)) if match else ""


def _read(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None


def user(field: Callable[[str], object] | None, metadata: Mapping[str, object]) -> str:
    """The end user that a request names: content never joins what different ones said. A harness's `user_id` is of a
    device and an account: personal data, which is left alone. NUL, which no database looks for, becomes a mark.
    `field`: as for `session`."""
    if field is None and "user_id" not in metadata:
        return ""
    own = (field("user"), field("safety_identifier")) if field is not None else ()
    named = (*own, metadata.get("user_id"))
    found = next((v for v in named if isinstance(v, str) and v and not _HARNESS_USER.match(v)), "")
    return found.replace("\0", "\ufffd")


def _from_baggage(value: str) -> str:
    """W3C baggage: `key=value;property, key=value`, values percent-encoded."""
    found: dict[str, str] = {}
    for member in value[:8192].split(","):
        key, equals, rest = member.partition("=")
        if equals:
            found.setdefault(key.strip(), unquote(rest.split(";", 1)[0].strip()))
    return next((text for key in _BAGGAGE_KEYS if (text := usable(found.get(key)))), "")
