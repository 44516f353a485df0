"""Calls that a program makes for itself beside a conversation: for a title, a topic, tags, or to see whether there is
quota left. They are in the session, but no turn of it, and its title is not theirs. Pure."""

import re
from functools import lru_cache

from sessionary.drain import requests
from sessionary.drain.requests import Parsed
from sessionary.wire import loose
from sessionary.wire.message import Message
from sessionary.wire.reading import FORMATS, SYSTEM, read_system

_WANTED = (
    r"(?:title|topic|tags?|emoji|follow-?up questions?|branch name|session name|autocompletion|search quer(?:y|ies))"
)
_MAKE = r"(?:generat\w*|creat\w*|writ\w*|produc\w*|giv\w*|provid\w*|suggest\w*|come up with|output\w*|extract\w*)"
_ASKS = re.compile(rf"\b{_MAKE}\b[^\n]{{0,100}}\b{_WANTED}\b|\b{_WANTED} generator\b|isNewTopic", re.I)
_WORDS = (
    *("title", "topic", "tag", "emoji", "follow", "branch name", "session name", "autocompletion", "search quer"),
    "isnewtopic",
)
"""One of them is in whatever asks: nearly no text has to be looked through for more."""
_WRITTEN = tuple(word.encode() for word in _WORDS)
_OF = re.compile(r"\b(?:conversation|chat|thread|session|dialogue|message|request)\b", re.I)
_ONE_TOKEN = (b'"max_tokens":1', b'"max_output_tokens":1')
"""As shells are written, and what more there may be of the number."""
_HEAD = 3000
_MOST_MESSAGES = 6


def is_side(parsed: Parsed, *, named: bool) -> bool:
    """`named`: whether the call says which session it belongs to; else only its system prompt counts, since a person
    may ask for a title too."""
    if "tools" in parsed.parts.lifted or not 0 < len(parsed.steps) <= _MOST_MESSAGES:
        return False
    if named and _one_token(parsed):
        return True
    texts = [_text(m) for m in _system(parsed)]
    texts += _spoken(parsed) if named else _framed(parsed)
    return any(_asks(text[:_HEAD]) for text in texts)


def _asks(text: str) -> bool:
    folded = text.casefold()
    if not any(map(folded.__contains__, _WORDS)):
        return False
    return _ASKS.search(text) is not None and _OF.search(text) is not None


@lru_cache(maxsize=64)
def _may_ask(raw: bytes) -> bool:
    """Whether a message has to be read for it: JSON may write any letter by its number."""
    if b"\\u" in raw:
        return True
    return any(map(raw.lower().__contains__, _WRITTEN))


def _one_token(parsed: Parsed) -> bool:
    if not any(field in parsed.parts.shell for field in _ONE_TOKEN):
        return False
    shell = loose.read_object(parsed.parts.shell) or {}
    return shell.get("max_tokens") == 1 or shell.get("max_output_tokens") == 1


def _system(parsed: Parsed) -> list[Message]:
    format = FORMATS[parsed.begin.endpoint]
    lifted = parsed.parts.lifted.get(SYSTEM.get(format, ""))
    raws = (*parsed.parts.preamble, *([lifted] if lifted else []))
    return [read_system(raw, format) for raw in raws if _may_ask(raw)]


def _spoken(parsed: Parsed) -> list[str]:
    read_all = [requests.message(step, parsed.begin.endpoint) for step in parsed.steps]
    return [_text(message) for message in read_all if message.role in ("user", "system")]


def _framed(parsed: Parsed) -> list[str]:
    """What is said in a program's frame around the conversation, rather than by a person."""
    return [text for text in _spoken(parsed) if "<chat_history>" in text or text.lstrip().startswith("### Task")]


def _text(message: Message) -> str:
    return "\n".join(p.text for p in message.pieces if p.type == "text")
