"""The rules by which calls find their sessions, for people: what each belongs to, and says. Pure.

A rule is the header, field or finding that named the session; `missed` stands for a history of which no answer is
known. There is no end of headers (any `x-…-session-id` is one), but only a few groups: labels of metrics are bounded.
"""

from types import MappingProxyType

from sessionary.sessions.identify import OWN_FIELDS, OWN_HEADERS, OWN_METADATA

GROUPS = MappingProxyType(
    {
        "id": "The client sent the session’s id, in a header or a field of the body.",
        "harness": "The program that calls names its session in a field of its own.",
        "response": "The request goes on from an earlier response, by that response’s id.",
        "conversation": "The request names a conversation, which is its session.",
        "content": "The request names nothing; what it says tells where it belongs.",
        "replay": "What a call was asked is asked once more, on purpose: it is in a session of its own.",
        "new": "The request names nothing and sends back no answer: it begins a session.",
        "missed": "The request sends back an answer that no known call gave: it begins a session, perhaps wrongly.",
    }
)
CONTENT = MappingProxyType(
    {
        "content": "The history that is sent back ends in the answer that a known call gave.",
        "content.edited": "The history was edited or shortened; the newest answer that still stands in it is known.",
        "content.spawn": "The request begins with what a tool call told an agent to do.",
        "content.compaction": "The request begins with a summary that a known call was answered.",
        "content.retry": "The same request failed just before, and is sent again.",
    }
)
HISTORIES = frozenset({"content", "content.edited", "content.compaction"})
"""Rules of calls that name nothing and whose history was found; with `missed`, all that have one."""
_OWN = frozenset((*OWN_HEADERS, *OWN_FIELDS, *(f"metadata.{name}" for name in OWN_METADATA), "baggage"))
_NAMED = MappingProxyType({"previous_response_id": "response", "conversation": "conversation", "replay": "replay"})


def group(rule: str) -> str:
    """Of `GROUPS`."""
    if rule == "none":
        return "new"
    if rule == "missed":
        return "missed"
    if rule.partition(".")[0] == "content":
        return "content"
    return _NAMED.get(rule) or ("id" if rule in _OWN else "harness")


def label(rule: str) -> str:
    """One of a dozen: the rule of content, or the group of any other."""
    return rule if rule in CONTENT else group(rule)


def meaning(rule: str) -> str:
    """A sentence."""
    found = group(rule)
    if found == "content":
        return CONTENT.get(rule, GROUPS["content"])
    if found not in ("id", "harness"):
        return GROUPS[found]
    if rule == "baggage":
        return "The `baggage` header, as OpenTelemetry sends it, names the session."
    if rule.startswith("metadata."):
        return f"`{rule.removeprefix('metadata.')}` in the request’s metadata names the session."
    if rule in OWN_FIELDS or rule in ("prompt_cache_key", "client_metadata"):
        return f"The field `{rule}` of the request’s body names the session."
    return f"The header `{rule}` names the session."
