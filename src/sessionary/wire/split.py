"""Taking bodies apart and joining them again; see `recipe` for what is kept where. Pure."""

import json

import msgspec

Raw = msgspec.Raw
LIFT_FROM = 512
"""Top-level values longer than this are stored apart, once for all calls that send the same."""
_ALWAYS = frozenset({"tools", "functions"})
_CHAINS = {"chat.completions": "messages", "completions": "prompt"}
OUTPUT = "choices.0.message"
"""The chain key of an answer: its first choice's message."""
_TEXT_OUTPUT = "choices.0.text"

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_FAILURES = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Role(msgspec.Struct):
    role: str = ""


_role = msgspec.json.Decoder(_Role)


class Split(msgspec.Struct, frozen=True):
    """A body in pieces; each piece is the very bytes that were sent."""

    shell: bytes
    lifted: dict[str, bytes] = {}
    chain: str = ""
    preamble: list[bytes] = []
    messages: list[bytes] = []
    whole: bool = False


def split(body: bytes, endpoint: str) -> Split:
    """A request's body. What is no JSON object, or repeats a key, stays whole."""
    try:
        fields = _object.decode(body)
    except _FAILURES:
        return Split(body, whole=True)
    if _repeats(body, fields):
        return Split(body, whole=True)
    chain = _CHAINS.get(endpoint, "")
    preamble: list[bytes] = []
    messages: list[bytes] = []
    if chain not in fields:
        chain = ""
    elif chain == "prompt":
        if bytes(fields[chain])[:1] == b'"':
            messages = [bytes(fields[chain])]
        else:
            chain = ""
    else:
        items = _messages(fields[chain])
        if items:
            lead = next((n for n, m in enumerate(items) if _role_of(m) not in ("system", "developer")), len(items))
            preamble, messages = items[:lead], items[lead:]
        else:
            chain = ""
    lifted = {
        k: bytes(v) for k, v in fields.items() if k != chain and (k in _ALWAYS or len(bytes(v)) > LIFT_FROM)
    }
    return Split(_shell(fields, {chain, *lifted} - {""}), lifted, chain, preamble, messages)


def split_response(body: bytes, endpoint: str) -> Split:
    """An answer's body: the first choice's message apart, the rest in the shell."""
    try:
        fields = _object.decode(body)
        choices = _list.decode(fields.get("choices", Raw(b"[]")))
        first = _object.decode(choices[0]) if choices else {}
    except _FAILURES:
        return Split(body, whole=True)
    key = "text" if endpoint == "completions" else "message"
    if _repeats(body, fields) or key not in first:
        return Split(body, whole=True)
    if choices and _repeats(bytes(choices[0]), first):
        return Split(body, whole=True)
    message = bytes(first[key])
    hollow = [_shell(first, {key}), *(bytes(c) for c in choices[1:])]
    shell = _shell(fields | {"choices": Raw(b"[" + b",".join(hollow) + b"]")}, set())
    return Split(shell, {}, _TEXT_OUTPUT if key == "text" else OUTPUT, [], [message])


def join(shell: bytes, lifted: dict[str, bytes], chain: str, messages: list[bytes], *, whole: bool = False) -> bytes:
    """The inverse: `messages` are the preamble, then the path. Semantically equal to what was split."""
    if whole:
        return shell
    fields = _object.decode(shell)
    if chain in (OUTPUT, _TEXT_OUTPUT):
        choices = _list.decode(fields["choices"])
        first = _object.decode(choices[0])
        first[chain.rsplit(".", 1)[1]] = Raw(messages[0])
        choices[0] = Raw(_shell(first, set()))
        return _shell(fields | {"choices": Raw(b"[" + b",".join(bytes(c) for c in choices) + b"]")}, set())
    for key, value in lifted.items():
        fields[key] = Raw(value)
    if chain == "prompt":
        fields[chain] = Raw(messages[0])
    elif chain:
        fields[chain] = Raw(b"[" + b",".join(messages) + b"]")
    return _shell(fields, set())


def _shell(fields: dict[str, Raw], hollow: set[str]) -> bytes:
    parts = (msgspec.json.encode(k) + b":" + (b"0" if k in hollow else bytes(v)) for k, v in fields.items())
    return b"{" + b",".join(parts) + b"}"


def _messages(raw: Raw) -> list[bytes]:
    """The list's items, where it is a list of objects; else []."""
    try:
        items = [bytes(item) for item in _list.decode(raw)]
    except _FAILURES:
        return []
    return items if all(item[:1] == b"{" for item in items) else []


def _role_of(message: bytes) -> str:
    try:
        return _role.decode(message).role
    except _FAILURES:
        return ""


def _repeats(body: bytes, fields: dict[str, Raw]) -> bool:
    """Whether the object has a key twice: then taking it apart would lose one of them.

    Without white space the fields account for every byte; with it, the keys are counted one by one.
    """
    if len(body) == len(_shell(fields, set())):
        return False
    counted = 0

    def count(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal counted
        counted = len(pairs)  # the outermost object is the last to be complete
        return {}

    try:
        json.loads(body, object_pairs_hook=count)
    except (ValueError, RecursionError):
        return True
    return counted != len(fields)
