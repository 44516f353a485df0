"""The session's name in an address: a client's id may contain anything, "/transcript" included."""

from urllib.parse import unquote

from starlette.requests import Request

SESSIONS = "/api/sessions/"


def place(request: Request) -> str:
    """What follows `/api/sessions/`, still encoded."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.partition(b"?")[0].decode("ascii", "replace").partition(SESSIONS)[2]


def before(request: Request, ending: str) -> str | None:
    """The session's id in front of `ending`; None where that is an end of the id itself (%2Ftranscript)."""
    named = place(request)
    return unquote(named.removesuffix(ending)) if named.endswith(ending) else None
