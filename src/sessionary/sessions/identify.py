"""How a call names its session: explicit ids first, then what agent harnesses send, then weak hints. Pure.

The first rule that finds a usable id wins; which one it was is kept as the evidence. Response chains come
between `HARNESS_HEADERS` and `metadata.user_id`; content threading is decided in the drain.
Header names arrive with underscores read as hyphens, because proxies drop the one and keep the other.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import msgspec

from sessionary.record.exchange import Source

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
AGENT_HEADERS = ("x-claude-code-agent-id", "x-openai-subagent")
_VENDOR_HEADER = re.compile(r"x-[a-z0-9-]{1,40}-session-id")
_BAGGAGE_KEYS = ("session.id", "gen_ai.conversation.id")
_ABSENT = frozenset({"", "null", "undefined", "none", "nil"})
_USER_ID_CAP = 2000
_USER_ID_SESSION = re.compile(r"_session_([0-9a-fA-F-]{36})$")


class Identity(msgspec.Struct, frozen=True):
    """The session a request names. `text` is the id verbatim, "" where it names none."""

    text: str
    source: Source
    rule: str
    agent: str = ""


def usable(value: object) -> str:
    """`value` as an id, or "" where it is one of the forms that mean there is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    bare = value.strip()
    if bare.lower() in _ABSENT or not bare.strip("0-"):
        return ""
    return bare


def identify(
    headers: Mapping[str, str],
    field: Callable[[str], object],
    metadata: Mapping[str, object],
    chain: Identity | None = None,
) -> Identity:
    """`field(name)` is the decoded top-level body field or None; `metadata` the body's metadata object or {}.

    `chain` is the session of the answer that the request goes on from.
    """
    agent = next((headers[h] for h in AGENT_HEADERS if h in headers), "")
    for name in OWN_HEADERS:
        if name in headers and (text := usable(headers[name])):
            return Identity(text, "id", name, agent)
    for name in OWN_FIELDS:
        if text := usable(field(name)):
            return Identity(text, "id", name, agent)
    for name in OWN_METADATA:
        if text := usable(metadata.get(name)):
            return Identity(text, "id", f"metadata.{name}", agent)
    for name in HARNESS_HEADERS:
        if name in headers and (text := usable(headers[name])):
            return Identity(text, "harness", name, agent)
    for name in headers:
        if _VENDOR_HEADER.fullmatch(name) and (text := usable(headers[name])):
            return Identity(text, "harness", name, agent)
    if chain is not None:
        return Identity(chain.text, chain.source, chain.rule, agent)
    if text := _from_user_id(metadata.get("user_id")):
        return Identity(text, "harness", "metadata.user_id", agent)
    if text := _from_baggage(headers.get("baggage", "")):
        return Identity(text, "id", "baggage", agent)
    if text := usable(field("prompt_cache_key")):
        return Identity(text, "harness", "prompt_cache_key", agent)
    return Identity("", "none", "none", agent)


def _from_user_id(value: object) -> str:
    """Claude Code's two forms. Only the session is taken: the rest is personal data."""
    if not isinstance(value, str) or len(value) > _USER_ID_CAP:
        return ""
    if value.startswith("{"):
        try:
            parsed = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return ""
        return usable(parsed.get("session_id")) if isinstance(parsed, dict) else ""
    match = _USER_ID_SESSION.search(value)
    return usable(match.group(1)) if match else ""


def _from_baggage(value: str) -> str:
    """W3C baggage: `key=value;property, key=value`, values percent-encoded."""
    found: dict[str, str] = {}
    for member in value[:8192].split(","):
        key, equals, rest = member.partition("=")
        if equals:
            found.setdefault(key.strip(), unquote(rest.split(";", 1)[0].strip()))
    return next((text for key in _BAGGAGE_KEYS if (text := usable(found.get(key)))), "")
