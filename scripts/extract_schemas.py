"""What the tests need of the published API descriptions.

    python scripts/extract_schemas.py openai.yaml open_responses.json

Writes tests/support/specs/*.json: the schemas that the roots below reach, as plain JSON Schema (2020-12), without
prose and examples. tests/support/specs/README.md says where the two documents come from.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent.parent / "tests" / "support" / "specs"
ROOTS = {
    "openai": (
        "Response",
        "ResponseStreamEvent",
        "ResponseItemList",
        "TokenCountsResource",
        "CompactResource",
        "ConversationResource",
        "DeletedConversationResource",
        "ConversationItemList",
        "CreateChatCompletionResponse",
        "CreateChatCompletionStreamResponse",
        "CreateCompletionResponse",
        "CreateEmbeddingResponse",
        "ListModelsResponse",
        "Model",
        "ErrorResponse",
    ),
    "open_responses": ("ResponseResource", "CompactResource", "WebSocketErrorEvent"),
}
EVENTS = "StreamingEvent"
"""How Open Responses calls its events, which it lists nowhere but in a path."""
PROSE = frozenset({"description", "example", "examples", "title", "summary", "externalDocs", "deprecated"})
LITERAL = frozenset({"enum", "const", "default", "required"})
POINTER = "#/components/schemas/"


def plain(schema: Any) -> Any:
    """A schema without prose, and with `nullable` (OpenAPI 3.0) said as JSON Schema says it."""
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if (key in PROSE and not isinstance(value, dict)) or key in ("nullable", "discriminator", "example"):
            continue
        if key.startswith("x-"):
            continue
        if key == "properties":
            kept[key] = {name: plain(value[name]) for name in value}
        elif isinstance(value, list) and key not in LITERAL:
            kept[key] = [plain(each) for each in value]
        else:
            kept[key] = value if key in LITERAL else plain(value)
    return {"anyOf": [kept, {"type": "null"}]} if schema.get("nullable") is True else kept


def reached(schemas: dict[str, Any], roots: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    wanted = list(roots)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = plain(schemas[name])
            wanted += references(found[name])
    return dict(sorted(found.items()))


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for each in value for name in references(each)]
    if not isinstance(value, dict):
        return []
    named = value.get("$ref")
    own = [named.removeprefix(POINTER)] if isinstance(named, str) else []
    return own + [name for each in value.values() for name in references(each)]


def main(openai: str, open_responses: str) -> None:
    for name, path in (("openai", openai), ("open_responses", open_responses)):
        document = yaml.safe_load(Path(path).read_text())
        schemas = document["components"]["schemas"]
        roots = [*ROOTS[name], *(each for each in schemas if name == "open_responses" and each.endswith(EVENTS))]
        head = {key: document["info"][key] for key in ("title", "version")}
        lines = [f"{said(each)}: {said(schema)}" for each, schema in reached(schemas, roots).items()]
        text = said(head)[:-1] + ',\n"components": {"schemas": {\n' + ",\n".join(lines) + "\n}}}\n"
        (HERE / f"{name}.json").write_text(text)


def said(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
