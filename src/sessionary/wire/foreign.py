"""Fields that only one format has, on the way to another: which may be left out, and which may not. Pure.

A hint changes what a call costs or how fast it is, never what is answered: it is left out. Anything else that the
target cannot say is `Unsupported`, unless it has no effect (null, empty, or what would happen anyway).
"""

from typing import Any

from sessionary.settings.tree import Format
from sessionary.wire.canonical import Params, Turn, Unsupported
from sessionary.wire.responses.item_ids import referred

HINTS: dict[Format, frozenset[str]] = {
    "chat": frozenset(
        {
            "metadata",
            "prediction",
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
            "safety_identifier",
            "stream_options",
        }
    ),
    "responses": frozenset(
        {
            "client_metadata",
            "include",
            "max_tool_calls",
            "metadata",
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
            "safety_identifier",
            "stream_options",
        }
    ),
    "messages": frozenset({"cache_control", "context_management", "diagnostics", "inference_geo", "speed"}),
}
"""Docs: reference/translation.md."""
_FOR_THE_GATEWAY = frozenset({"session_id", "litellm_session_id", "litellm_trace_id", "thread_id", "extra_body"})
_NO_EFFECT: dict[str, tuple[Any, ...]] = {
    "background": (False,),
    "logprobs": (False,),
    "modalities": (["text"],),
    "response_format": ({"type": "text"},),
    "top_logprobs": (0,),
    "truncation": ("disabled", "auto"),
}
_NAMES: dict[Format, str] = {
    "chat": "chat completions",
    "responses": "the Responses API",
    "messages": "the Messages API",
}


def check(params: Params, target: Format, carried: frozenset[str] = frozenset()) -> None:
    """Raises Unsupported for the first field of `params.rest` that `target` cannot say.

    `carried`: fields that the writer of the target says itself.
    """
    if params.format == target:
        return
    silent = HINTS[params.format] | _FOR_THE_GATEWAY | carried
    for name, value in params.rest.items():
        if name in silent or value is None or value in ([], {}, ""):
            continue
        if value not in _NO_EFFECT.get(name, ()):
            raise cannot(name, target)


def check_files(turns: list[Turn], target: Format) -> None:
    """Raises Unsupported for a file that is named by the id that it has at another provider."""
    for part in (part for turn in turns for part in turn.parts):
        if (part.format == "messages") == (target == "messages"):
            continue
        for piece in (part.piece, *part.piece.content):
            if piece.type in ("image", "file") and piece.id and not piece.url:
                root = "input" if part.format == "responses" else "messages"
                raise cannot(root, target, f"the {piece.type} {piece.id!r} is at another provider")


def check_items(turns: list[Turn], target: Format) -> None:
    """Raises Unsupported for an item that is named by its id, and is not known here."""
    for part in (part for turn in turns for part in turn.parts):
        if part.kind == "item_reference":
            raise cannot("input", target, f"the item {referred(part.piece.value)[:200]!r} is not known here")


def cannot(field: str, target: Format, why: str = "") -> Unsupported:
    return Unsupported(
        field, why or f"the model behind this name is reached by {_NAMES[target]}, which has no such field"
    )
