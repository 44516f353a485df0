"""Taking bodies apart and joining them again; see `recipe` for what is kept where. Pure."""

import re
from collections.abc import Callable, Iterable

import msgspec

from sessionary.wire import loose
from sessionary.wire.repeats import repeats

Raw = msgspec.Raw
LIFT_FROM = 512
"""Top-level values longer than this are stored apart, once for all calls that send the same."""
_ALWAYS = frozenset({"tools", "functions", "system", "instructions"})
_CHAINS = {
    "chat.completions": "messages",
    "completions": "prompt",
    "embeddings": "input",
    "responses": "input",
    "responses.compact": "input",
    "messages": "messages",
}
_WITH_PREAMBLE = frozenset({"chat.completions"})
_LISTS = frozenset({"chat.completions", "responses", "responses.compact", "messages"})
"""Endpoints whose chain may be a list; a chain that is a string is one message everywhere."""
OUTPUT = "choices.0.message"
"""The chain key of a chat answer: its first choice's message."""
_TEXT_OUTPUT = "choices.0.text"
_OUTPUTS = {"responses": "output", "responses.compact": "output", "messages": "content"}
"""The chain key of other answers: a list of items, or the content that is one message."""

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_FAILURES = loose.FAILURES
_HOLLOW = Raw(b"0")
_MASKED = re.compile("[\ue800-\uefff]")


class _Role(msgspec.Struct):
    role: str = ""


_role = msgspec.json.Decoder(_Role)


class Beginning(msgspec.Struct, frozen=True):
    """Of a list of messages: what of it is known from an earlier request."""

    preamble: list[bytes]
    end: int
    """Bytes of the list, up to the end of a message."""


Recall = Callable[[bytes], Beginning | None]
"""A request's list of messages, as it was sent -> how it begins; None where that is not known."""


class Split(msgspec.Struct, frozen=True):
    """A body in pieces; each piece is the very bytes that were sent."""

    shell: bytes
    lifted: dict[str, bytes] = {}
    chain: str = ""
    preamble: list[bytes] = []
    messages: list[bytes] = []
    whole: bool = False
    begun: bool = False
    """Whether the messages are those behind the beginning that is known."""


def split(body: bytes, endpoint: str, recall: Recall | None = None) -> Split:
    """A request's body. What is no JSON object, or repeats a key, stays whole."""
    parts = _split(body, endpoint, recall)
    return parts if parts is not None else _masked(_split, body, endpoint)


def split_response(body: bytes, endpoint: str) -> Split:
    """An answer's body: what the model said apart (of several choices the first), the rest in the shell."""
    parts = _split_response(body, endpoint)
    return parts if parts is not None else _masked(_split_response, body, endpoint)


def _masked(take_apart: Callable[[bytes, str], Split | None], body: bytes, endpoint: str) -> Split:
    """`take_apart`, with lone surrogate escapes out of the strict parser's sight."""
    masked = loose.mask(body)
    parts = take_apart(masked, endpoint) if masked is not None else None
    if parts is None:
        return Split(body, whole=True)
    names = msgspec.json.encode([*_object.decode(parts.shell)]).decode()
    if _MASKED.search(names):
        return Split(body, whole=True)  # keys are encoded anew: these could not be put back
    return Split(
        loose.unmask(parts.shell),
        {key: loose.unmask(raw) for key, raw in parts.lifted.items()},
        parts.chain,
        [loose.unmask(raw) for raw in parts.preamble],
        [loose.unmask(raw) for raw in parts.messages],
    )


def _split(body: bytes, endpoint: str, recall: Recall | None = None) -> Split | None:
    fields = _fields(body)
    if fields is None:
        return None
    chain = _CHAINS.get(endpoint, "")
    preamble: list[bytes] = []
    messages: list[bytes] = []
    begun = False
    value = bytes(fields[chain]) if chain in fields else b""
    if value[:1] == b'"' and endpoint != "chat.completions":
        messages = [value]
    elif endpoint in _LISTS and value:
        beginning = recall(value) if recall is not None else None
        if beginning is None:
            items = _messages(value) or []
            lead = _lead(items) if endpoint in _WITH_PREAMBLE else 0
            preamble, messages = items[:lead], items[lead:]
        elif (more := _behind(value, beginning.end)) is not None:
            preamble, messages, begun = beginning.preamble, more, True
    if not preamble and not messages and not begun:
        chain = ""
    lifted = _lifted(fields, chain)
    return Split(_shell(fields, [chain, *lifted] if chain else lifted), lifted, chain, preamble, messages, begun=begun)


def _split_response(body: bytes, endpoint: str) -> Split | None:
    if endpoint in _OUTPUTS:
        return _split_output(body, _OUTPUTS[endpoint])
    key, opening = ("text", b'"') if endpoint == "completions" else ("message", b"{")
    fields = _fields(body)
    if fields is None or "choices" not in fields:
        return None
    try:
        choices = _list.decode(fields["choices"])
    except _FAILURES:
        return None
    first = _fields(bytes(choices[0])) if choices else None
    said = bytes(first[key]) if first is not None and key in first else b""
    if first is None or said[:1] != opening:
        return None
    choices[0] = Raw(_shell(first, [key]))
    shell = msgspec.json.encode({**fields, "choices": choices})
    return Split(shell, {}, _TEXT_OUTPUT if key == "text" else OUTPUT, [], [said])


def _split_output(body: bytes, chain: str) -> Split | None:
    fields = _fields(body)
    if fields is None or chain not in fields:
        return None
    value = bytes(fields[chain])
    items = _messages(value) or []
    silent = chain == "content" and value == b"[]"  # an answer all the same
    if not items and not silent:
        return None
    messages = items if chain == "output" else [value]
    lifted = _lifted(fields, chain)
    return Split(_shell(fields, [chain, *lifted]), lifted, chain, [], messages)


def join(shell: bytes, lifted: dict[str, bytes], chain: str, messages: list[bytes], *, whole: bool = False) -> bytes:
    """The inverse: `messages` are the preamble, then the path. Semantically equal to what was split."""
    if whole:
        return shell
    try:
        fields = _object.decode(shell)
    except msgspec.DecodeError:
        masked = loose.mask(shell)
        if masked is None:
            raise
        return loose.unmask(join(masked, lifted, chain, messages))
    if chain in (OUTPUT, _TEXT_OUTPUT):
        choices = _list.decode(fields["choices"])
        first = _object.decode(choices[0])
        first[chain.rsplit(".", 1)[1]] = Raw(messages[0])
        choices[0] = Raw(_shell(first))
        return msgspec.json.encode({**fields, "choices": choices})
    for key, value in lifted.items():
        fields[key] = Raw(value)
    if chain and len(messages) == 1 and (messages[0][:1] == b'"' or chain == "content"):
        fields[chain] = Raw(messages[0])
    elif chain:
        fields[chain] = Raw(b"[" + b",".join(messages) + b"]")
    return _shell(fields)


def _shell(fields: dict[str, Raw], hollow: Iterable[str] = ()) -> bytes:
    """The object; those of its fields that are `hollow` are 0."""
    return msgspec.json.encode({**fields, **dict.fromkeys(hollow, _HOLLOW)})


def _lifted(fields: dict[str, Raw], chain: str) -> dict[str, bytes]:
    return {k: bytes(v) for k, v in fields.items() if k != chain and (k in _ALWAYS or len(v) > LIFT_FROM)}


def _messages(raw: bytes) -> list[bytes] | None:
    """The list's items, where it is a list of objects."""
    try:
        items = [bytes(item) for item in _list.decode(raw)]
    except _FAILURES:
        return None
    return items if all(item[:1] == b"{" for item in items) else None


def _behind(raw: bytes, end: int) -> list[bytes] | None:
    """As `_messages`, of those that begin behind `end`, where an item ends."""
    return _messages(b"[" + raw[end:].lstrip().removeprefix(b","))


def _lead(messages: list[bytes]) -> int:
    """How many of the first instruct the model."""
    return next((n for n, m in enumerate(messages) if _role_of(m) not in ("system", "developer")), len(messages))


def _role_of(message: bytes) -> str:
    try:
        return _role.decode(message).role
    except _FAILURES:
        return ""


def _fields(body: bytes) -> dict[str, Raw] | None:
    """The object's fields; None where it is no object, or has a key twice."""
    try:
        fields = _object.decode(body)
    except _FAILURES:
        return None
    return None if repeats(body, fields) else fields
