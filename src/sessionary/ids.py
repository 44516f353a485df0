"""Identifiers and hashes. Pure.

- Call ids are UUIDv7 in base32hex: they sort by time, and no counter is shared between workers.
- Session ids are derived from (project, the text the client sent), so any worker or gateway names the
  same session without asking a database.
- `digest` is the one hash of the message tree: SHA-256 cut to 128 bits.
"""

import hashlib
import os
import re
import time
from functools import lru_cache

DIGEST_SIZE = 16
_VERSION_7 = 7 << 76 | 2 << 62
_DRAWN = (1 << 76) - 1 & ~(3 << 62)
"""Bits that are drawn by lot: those of the version and the variant are not."""
_TEXT = "[0-9a-v]{26}"
_OURS = re.compile(f"ses_{_TEXT}")
_CALL = re.compile(f"resp_({_TEXT})")
_CONVERSATION = re.compile(f"conv_{_TEXT}")


_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = tuple(a + b for a in _DIGITS for b in _DIGITS)


def _text(raw: bytes) -> str:
    """Base32hex, without padding, of 10 bytes or 16: two digits at a time and without a loop: each call has one."""
    p, number = _PAIRS, int.from_bytes(raw, "big")
    if len(raw) == 16:
        a, b = number >> 58, number << 2 & (1 << 60) - 1
        text = f"{p[a >> 60]}{p[a >> 50 & 1023]}{p[a >> 40 & 1023]}{p[a >> 30 & 1023]}{p[a >> 20 & 1023]}"
        text += f"{p[a >> 10 & 1023]}{p[a & 1023]}"
    else:
        text, b = f"{p[number >> 70]}{p[number >> 60 & 1023]}", number & (1 << 60) - 1
    return (
        f"{text}{p[b >> 50]}{p[b >> 40 & 1023]}{p[b >> 30 & 1023]}{p[b >> 20 & 1023]}{p[b >> 10 & 1023]}{p[b & 1023]}"
    )


def digest(*parts: bytes) -> bytes:
    """The 16-byte hash of `parts`. Callers make the split unambiguous: all but the last part have a fixed size."""
    h = hashlib.sha256()
    for part in parts:
        h.update(part)
    return h.digest()[:DIGEST_SIZE]


def uuid7(now_ms: int | None = None) -> bytes:
    """16 bytes: 48 bits of milliseconds, then random (RFC 9562, section 5.7)."""
    ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    drawn = int.from_bytes(os.urandom(10), "big")
    return (ms << 80 | drawn & _DRAWN | _VERSION_7).to_bytes(16, "big")


def new_call_id(now_ms: int | None = None) -> str:
    """`now_ms`: when it begins, where that is not now."""
    return "call_" + _text(uuid7(now_ms))


def first_call_id(at_ms: int) -> str:
    """Calls that begin then or later have ids that are not smaller."""
    return "call_" + _text(at_ms.to_bytes(6, "big") + bytes(10))


def new_answer_id() -> str:
    """For answers that no model made."""
    return "resp_" + _text(uuid7())


def new_conversation_id() -> str:
    return "conv_" + _text(uuid7())


def is_conversation(text: str) -> bool:
    """Whether it can be the id of a conversation: any other text need not be looked for."""
    return _CONVERSATION.fullmatch(text) is not None


def call_of(answer: str) -> str:
    """The call whose answer has this id; "" for what is not of our making."""
    found = _CALL.fullmatch(answer)
    return f"call_{found[1]}" if found else ""


def new_replay_id() -> str:
    """The name of a session of replays."""
    return "replay_" + _text(uuid7())


def answer_of(call_id: str) -> str:
    """The id of a call's answer, by which others go on from it."""
    return "resp_" + call_id.removeprefix("call_")


def new_request_id() -> str:
    """For answers that belong to no recorded call."""
    return "req_" + _text(uuid7())


def new_key_id() -> str:
    """Short, for people type it: `sessionary keys revoke ID`."""
    return "key_" + _text(os.urandom(10))


def new_audit_id(now_us: int) -> str:
    """They sort by time, to the microsecond."""
    return "audit_" + _text(now_us.to_bytes(8, "big") + os.urandom(8))


def new_view_id() -> str:
    return "view_" + _text(os.urandom(10))


def session_id(project: int, text: str) -> str:
    """Our id of the session a client calls `text`; an id that is already ours stays as it is."""
    if text.startswith("ses_") and _OURS.fullmatch(text):
        return text
    return "ses_" + _text(digest(project.to_bytes(8, "big"), text.encode("utf-8", "surrogatepass")))


def scope(key_id: str, user: str, source: str = "") -> int:
    """A short number of a key and its end user, by which indexes tell calls apart; other ones may have it too. That of
    replays (`source`) is nobody's: what a person tries out, no client goes on from."""
    if source == "replay":
        return 0
    return int.from_bytes(digest(digest(key_id.encode()), user.encode("utf-8", "surrogatepass"))[:4], "big") >> 1


@lru_cache(maxsize=1024)
def root_node(project: int) -> bytes:
    """The parent of every first message: scopes all hashes below it to the project."""
    return digest(b"sessionary-root", project.to_bytes(8, "big"))
