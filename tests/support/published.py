"""Whether a body or an event is what the published API descriptions say. Each check returns what is wrong.

Three witnesses. `openai` and `open_responses` are the documents themselves (tests/support/specs), `models` the types
of the providers' own Python libraries, which are generated from the documents and are held here to the letter: a
field that they do not know is as wrong as one that is missing.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from anthropic.types import ErrorResponse, Message, RawMessageStreamEvent
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, relevance
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter
from pydantic import ValidationError as ModelError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

Wire = dict[str, Any]
SPECS = Path(__file__).parent / "specs"
CUSTOMS = frozenset({"reasoning_content", "reasoning_details", "thinking_blocks", "request_id"})
"""What is said beside the documents: chat's reasoning (docs/reference/translation.md), and an error's request."""
OPEN_RESPONSES = frozenset(
    {("Response", "frequency_penalty"), ("Response", "presence_penalty"), ("Response", "store")}
    | {("ResponseErrorEvent", "error"), ("Logprob", "bytes"), ("LogprobTopLogprob", "bytes")}
)
"""What Open Responses requires, and OpenAI does not have there."""


@cache
def document(name: str) -> Any:
    return json.loads((SPECS / f"{name}.json").read_text())


@cache
def _validator(name: str, schema: str) -> Draft202012Validator:
    found = document(name)
    assert schema in found["components"]["schemas"], f"{name} has no {schema}"
    resource = Resource.from_contents(found, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(name, resource)
    return Draft202012Validator({"$ref": f"{name}#/components/schemas/{schema}"}, registry=registry)


@cache
def _events(name: str) -> dict[str, str]:
    """The schema of each event, by the event's type."""
    schemas = document(name)["components"]["schemas"]
    found = {}
    for title, schema in schemas.items():
        kind = schema.get("properties", {}).get("type", {}).get("enum", [""])[0]
        if title.endswith(("StreamingEvent", "Event")) and not title.startswith("WebSocket"):
            found[kind] = title
    return found


def wrong(name: str, schema: str, value: Any) -> list[str]:
    """By the document `name`: `openai` or `open_responses`."""
    value = _without_what_is_chosen(value) if name == "open_responses" else value
    errors = sorted(_validator(name, schema).iter_errors(value), key=relevance)
    return [f"{name} {schema}: {line}" for error in errors for line in _lines(error)]


def _without_what_is_chosen(value: Wire) -> Wire:
    """Where the documents exclude each other OpenAI's is chosen: the schema of `text.format`, which Open Responses
    wants to be null. (docs/reference/translation.md)"""
    if isinstance(value.get("response"), dict):
        return {**value, "response": _without_what_is_chosen(value["response"])}
    text = value.get("text")
    form = text.get("format", {}) if isinstance(text, dict) else {}
    return {**value, "text": {**value["text"], "format": {**form, "schema": None}}} if "schema" in form else value


def wrong_event(name: str, event: dict[str, Any]) -> list[str]:
    known = _events(name)
    if event.get("type") not in known:
        return [f"{name} has no event {event.get('type')!r}"]
    return wrong(name, known[event["type"]], event)


def _lines(error: ValidationError) -> Iterator[str]:
    """Of alternatives the one that failed deepest in, which is the one that was meant."""
    while error.context:
        branches: dict[Any, list[ValidationError]] = {}
        for inner in error.context:
            branches.setdefault(inner.schema_path[0], []).append(inner)
        meant = [found for found in branches.values() if not any(list(e.path)[-1:] == ["type"] for e in found)]
        error = max((meant or list(branches.values()))[0], key=lambda e: len(e.absolute_path))
    yield f"{error.json_path}: {error.message[:300]}"


@cache
def _adapter(type: Any) -> TypeAdapter[Any]:
    return TypeAdapter(type)


def unlike(type: Any, value: Any) -> list[str]:
    """By a type of a provider's library."""
    try:
        model = _adapter(type).validate_python(value)
    except ModelError as error:
        return [f"{type}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()][:8]
    return [f"{type}: unknown field {path}" for path in _unknown(model, "")]


def _unknown(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            if name not in CUSTOMS and (type(value).__name__, name) not in OPEN_RESPONSES:
                yield f"{path}.{name}"
        for name in type(value).model_fields:
            yield from _unknown(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unknown(each, f"{path}[{index}]")


def wrong_answer(format: str, body: Wire) -> list[str]:
    """A whole answer in a client's format: chat, responses or messages."""
    match format:
        case "chat":
            return wrong("openai", "CreateChatCompletionResponse", body) + unlike(ChatCompletion, body)
        case "responses":
            both = wrong("openai", "Response", body) + wrong("open_responses", "ResponseResource", body)
            return both + unlike(Response, body)
    return unlike(Message, body)


def wrong_in_stream(format: str, event: Wire) -> list[str]:
    match format:
        case "chat" if "error" in event:
            return wrong("openai", "ErrorResponse", event)
        case "chat":
            return wrong("openai", "CreateChatCompletionStreamResponse", event) + unlike(ChatCompletionChunk, event)
        case "responses":
            both = wrong_event("openai", event) + wrong_event("open_responses", event)
            return both + unlike(ResponseStreamEvent, event)
    if event["type"] == "error":
        return unlike(ErrorResponse, event)
    return [] if event["type"] == "ping" else unlike(RawMessageStreamEvent, event)


def wrong_error(format: str, body: Wire) -> list[str]:
    if format == "messages" and body["error"]["type"] == "request_too_large":  # in Anthropic's guide, not in its types
        body = {**body, "error": {**body["error"], "type": "invalid_request_error"}}
    return unlike(ErrorResponse, body) if format == "messages" else wrong("openai", "ErrorResponse", body)
