"""How a session is named on the wire: the headers that carry it, and where a call names one itself. Pure.

x-session-id      the id, as it is shown; printable ASCII
baggage           session.id=ID percent-encoded, in place of x-session-id for an id that no header can hold
x-session-name    percent-encoded UTF-8
x-session-tags    comma separated, each percent-encoded
x-session-agent   the path of agents inside the session, separated by slashes, each name percent-encoded
"""

from collections.abc import Iterable, Mapping, MutableMapping
from urllib.parse import quote

ID_HEADERS = (
    "x-session-id", "x-litellm-session-id", "x-litellm-trace-id", "helicone-session-id", "x-portkey-trace-id",
    "x-bf-session-id", "agent-session-id", "langfuse-session-id",
)  # fmt: skip
ID_FIELDS = ("session_id", "litellm_session_id", "litellm_trace_id", "thread_id")
ID_METADATA = (
    "litellm_session_id", "session_id", "sessionId", "langfuse_session_id", "thread_id", "conversation_id",
    "mlflow.trace.session", "session.id", "gen_ai.conversation.id", "litellm_trace_id",
)  # fmt: skip
_BAGGAGE_KEY = "session.id="


def id_headers(session_id: str, header: str = "x-session-id") -> dict[str, str]:
    """The header that carries `session_id`."""
    if session_id.isascii() and session_id.isprintable():
        return {header: session_id}
    return {"baggage": _BAGGAGE_KEY + encoded([session_id], "")}


def add_headers(headers: MutableMapping[str, str], new: Mapping[str, str]) -> None:
    """`new` into `headers`; baggage of others stays."""
    for name, value in new.items():
        present = headers.get(name) if name == "baggage" else None
        headers[name] = f"{present},{value}" if present else value


def names_session(headers: Mapping[str, str]) -> bool:
    """`headers` name a session already. Names may be spelled in any way."""
    named = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    return any(name in named for name in ID_HEADERS) or _BAGGAGE_KEY in named.get("baggage", "")


def encoded(texts: Iterable[str], separator: str) -> str:
    return separator.join(quote(text, safe="", errors="replace") for text in texts)


def named_id(bodies: Iterable[object], metadata: Iterable[object]) -> str:
    """The session id in the first body field or metadata that has one, or ""."""
    places = [(body, ID_FIELDS) for body in bodies] + [(given, ID_METADATA) for given in metadata]
    for place, keys in places:
        for value in [place.get(key) for key in keys] if isinstance(place, Mapping) else []:
            if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
                return str(value).strip()
    return ""
