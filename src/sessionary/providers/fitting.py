"""A value that fits a JSON schema, made of what was said where the schema asks for words. Pure, deterministic.

For the demo provider's tool calls and JSON answers. `pattern` is not followed; recursion ends where the schema
lets it.
"""

import math
from typing import Any

_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "demo@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_DEEP = 6
_LARGE = 200
"""From this depth, and this many values, on only what is required is filled in."""
_TOO_DEEP = 24
_TOO_LARGE = 2000
"""Where a schema that can never end is left."""
_LONGEST = 4096


def fit(schema: dict[str, Any], said: str) -> Any:
    """`schema` as a tool's `parameters` or a response format has it: an object, unless it says otherwise."""
    fitting = _Fitting(schema, said)
    if not {"type", "enum", "const", "anyOf", "oneOf"} & fitting.resolved(schema).keys():
        return fitting.value({**schema, "type": "object"}, 0)
    return fitting.value(schema, 0)


class _Fitting:
    def __init__(self, root: dict[str, Any], said: str) -> None:
        self._root = root
        self._said = said
        self._made = 0

    def value(self, given: Any, depth: int) -> Any:
        self._made += 1
        schema = self.resolved(given)
        if "const" in schema:
            return schema["const"]
        if choices := _list(schema.get("enum")):
            return choices[0]
        if depth > _TOO_DEEP or self._made > _TOO_LARGE:
            return None
        for key in ("anyOf", "oneOf"):
            if options := [self.resolved(option) for option in _list(schema.get(key))]:
                wanted = next((o for o in options if (_kind(o) == "null") == self._brief(depth)), options[0])
                return self.value({k: v for k, v in schema.items() if k != key} | wanted, depth + 1)
        match _kind(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer":
                return _number(schema, whole=True)
            case "number":
                return _number(schema, whole=False)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return _string(schema, self._said)

    def _brief(self, depth: int) -> bool:
        return depth > _DEEP or self._made > _LARGE

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = [name for name in _list(schema.get("required")) if isinstance(name, str)]
        properties = _dict(schema.get("properties"))
        wanted = required if self._brief(depth) else [*properties, *(n for n in required if n not in properties)]
        return {name: self.value(properties.get(name), depth + 1) for name in wanted}

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        length = min(_count(schema.get("minItems"), 0), 64)
        prefix = _list(schema.get("prefixItems"))
        if not self._brief(depth):
            length = max(length, len(prefix), min(1, _count(schema.get("maxItems"), 1)))
        forms = [*prefix, *[schema.get("items")] * length][:length]
        return [self.value(form, depth + 1) for form in forms]

    def resolved(self, given: Any, hops: int = 0) -> dict[str, Any]:
        """With `$ref` followed and `allOf` folded in."""
        schema = _dict(given)
        if hops > _TOO_DEEP:
            return {}
        if isinstance(ref := schema.get("$ref"), str):
            rest = {k: v for k, v in schema.items() if k != "$ref"}
            schema = self.resolved(_target(self._root, ref), hops + 1) | rest
        if parts := _list(schema.get("allOf")):
            schema = {k: v for k, v in schema.items() if k != "allOf"}
            for part in parts[:64]:
                schema = _both(schema, self.resolved(part, hops + 1))
        return schema


def _target(root: dict[str, Any], ref: str) -> Any:
    target: Any = root
    for step in filter(None, ref.removeprefix("#").split("/")):
        target = _dict(target).get(step.replace("~1", "/").replace("~0", "~"))
    return target


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = one | other
    for key in ("properties", "required"):
        if key in one and key in other:
            both[key] = (
                _dict(one[key]) | _dict(other[key]) if key == "properties" else [*_list(one[key]), *_list(other[key])]
            )
    return both


def _kind(schema: dict[str, Any]) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((k for k in kind if k != "null"), "null")
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return kind


def _number(schema: dict[str, Any], *, whole: bool) -> int | float:
    """The number nearest to 1 that fits."""
    step = _finite(schema.get("multipleOf"))
    step = step if step is not None and step >= 1e-6 else 1 if whole else None
    gap = step or 0.5
    lows, highs = [_finite(schema.get("minimum"))], [_finite(schema.get("maximum"))]
    if (above := _finite(schema.get("exclusiveMinimum"))) is not None:
        lows.append(above + gap)
    if (below := _finite(schema.get("exclusiveMaximum"))) is not None:
        highs.append(below - gap)
    high = min((h for h in highs if h is not None), default=None)
    value = max((low for low in lows if low is not None), default=1)
    value = max(value, 1) if high is None else min(max(value, 1), high)
    if step is not None:
        steps = math.ceil(value / step)
        value = steps * step if high is None or steps * step <= high else math.floor(value / step) * step
    return int(value) if whole else value


def _string(schema: dict[str, Any], said: str) -> str:
    known = _FORMATS.get(str(schema.get("format")))
    if known is not None:
        return known
    words = said.split()
    text = (words[-1].strip("?!.,:;\"'()") if words else "") or "demo"
    least, most = min(_count(schema.get("minLength"), 0), _LONGEST), _count(schema.get("maxLength"), _LONGEST)
    if len(text) < least:
        text = (text * (least // len(text) + 1))[:least]
    return text[:most]


def _finite(value: Any) -> int | float | None:
    """Kept small enough that sums and quotients stay finite."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    return value if number else None


def _count(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
