"""What a check has found. Pure."""

from typing import Literal

import msgspec

Level = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True):
    check: str
    """What was looked at: `configuration`, `database`, …"""
    level: Level
    """`warn`: it works, but may not do what is wanted, or not for long; `fail`: it does not work."""
    said: str
    do: str = ""
    """What to do about it; empty where nothing is."""


def ok(check: str, said: str) -> Finding:
    return Finding(check, "ok", said)


def warn(check: str, said: str, do: str) -> Finding:
    return Finding(check, "warn", said, do)


def fail(check: str, said: str, do: str) -> Finding:
    return Finding(check, "fail", said, do)


def size(count: float) -> str:
    """Bytes, for people."""
    for unit in ("bytes", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"
