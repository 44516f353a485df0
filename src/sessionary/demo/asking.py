"""Asking a running server for the live session, as its own page would. The only traffic is to the server itself."""

import http.client
from urllib.parse import urlsplit

import sqlalchemy as sa

from sessionary.auth import MASTER
from sessionary.store import keys

_SECONDS = 5
_ANY = ("0.0.0.0", "::", "")


def address(host: str, port: int) -> str:
    """Of a server on this machine."""
    host = "127.0.0.1" if host in _ANY else host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def for_live(engine: sa.Engine, base: str) -> bool:
    """Whether the server there, which must be the one with this store, plays the live session now."""
    cookie = keys.new_cookie(engine, MASTER)
    headers = {
        "cookie": f"sessionary={cookie}",
        "sec-fetch-site": "same-origin",
        "content-type": "application/x-www-form-urlencoded",
    }
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=_SECONDS)
    try:
        connection.request("POST", "/ui/demo", body=b"only=live", headers=headers)
        answer = connection.getresponse()
        return answer.status == 303 and answer.headers["location"] == "/ui/"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
        keys.drop_cookie(engine, cookie)
