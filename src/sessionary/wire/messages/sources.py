"""Images and documents: a `source` object here, a URL (http or data:) in the canonical form. Pure."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from sessionary.wire import meaning
from sessionary.wire.message import Piece


def image(source: Mapping[str, Any]) -> Piece | None:
    """None: a source that no URL can stand for."""
    match source:
        case {"type": "base64", "data": str(data), **rest}:
            kind = str(rest.get("media_type") or "")
            return Piece("image", url=f"data:{kind};base64,{data}", media_type=kind)
        case {"type": "url", "url": str(url)}:
            return Piece("image", url=url, media_type=meaning.media_type(url))
        case {"type": "file", "file_id": str(id)}:
            return Piece("image", id=id)
    return None


def document(source: Mapping[str, Any], title: str) -> Piece | None:
    match source:
        case {"type": "base64", "data": str(data), **rest}:
            kind = str(rest.get("media_type") or "application/pdf")
            return Piece("file", url=f"data:{kind};base64,{data}", media_type=kind, name=title)
        case {"type": "text", "data": str(data), **rest}:
            kind = str(rest.get("media_type") or "text/plain")
            encoded = base64.b64encode(data.encode("utf-8", "replace")).decode()
            return Piece("file", url=f"data:{kind};base64,{encoded}", media_type=kind, name=title)
        case {"type": "url", "url": str(url)}:
            return Piece("file", url=url, media_type=meaning.media_type(url), name=title)
        case {"type": "file", "file_id": str(id)}:
            return Piece("file", id=id, name=title)
    return None


def image_source(piece: Piece) -> dict[str, Any] | None:
    """None: nothing that Anthropic could read."""
    if piece.url.startswith("data:"):
        kind, data = _base64(piece.url)
        return {"type": "base64", "media_type": kind or piece.media_type or "image/png", "data": data}
    return {"type": "url", "url": piece.url} if piece.url.startswith(("https://", "http://")) else None


def document_source(piece: Piece) -> dict[str, Any] | None:
    """PDF and plain text are what Anthropic reads; a URL must be of a PDF."""
    if not piece.url.startswith("data:"):
        return {"type": "url", "url": piece.url} if piece.url.startswith(("https://", "http://")) else None
    kind, data = _base64(piece.url)
    if kind == "application/pdf":
        return {"type": "base64", "media_type": kind, "data": data}
    if not kind.startswith("text/") and kind not in ("application/json", "application/xml"):
        return None
    try:
        words = base64.b64decode(data).decode()
    except ValueError:
        return None
    return {"type": "text", "media_type": "text/plain", "data": words}


def _base64(url: str) -> tuple[str, str]:
    """Media type and base64 data of a data: URL."""
    head, _, data = url[len("data:") :].partition(",")
    kind, *parameters = head.split(";")
    if "base64" in parameters:
        return kind, data
    return kind, binascii.b2a_base64(unquote_to_bytes(data), newline=False).decode()
