"""Values made for JSON schemas, checked by a small validator of what the demo provider promises to follow."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionary.providers.fitting import fit

Schema = dict[str, Any]


def fits(value: Any, schema: Schema) -> bool:
    match schema:
        case {"const": const}:
            return bool(value == const)
        case {"enum": choices}:
            return value in choices
        case {"anyOf": options}:
            return any(fits(value, option) for option in options)
        case {"type": "object"}:
            properties = schema["properties"]
            return (
                isinstance(value, dict)
                and set(schema["required"]) <= value.keys() <= properties.keys()
                and all(fits(v, properties[k]) for k, v in value.items())
            )
        case {"type": "array"}:
            return (
                isinstance(value, list)
                and schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 99)
                and all(fits(v, schema["items"]) for v in value)
            )
        case {"type": "string"}:
            return isinstance(value, str) and schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 9999)
        case {"type": "integer"}:
            in_range = schema.get("minimum", value) <= value <= schema.get("maximum", value)
            return type(value) is int and in_range and value % schema.get("multipleOf", 1) == 0
        case {"type": "number"}:
            low, high = schema.get("exclusiveMinimum", -1e9), schema.get("exclusiveMaximum", 1e9)
            return type(value) in (int, float) and low < value < high
        case {"type": "boolean"}:
            return isinstance(value, bool)
        case {"type": "null"}:
            return value is None
    raise AssertionError(schema)


def _bounded(low: str, high: str, gap: int, **more: Any) -> st.SearchStrategy[Schema]:
    return st.integers(-20, 20).map(lambda n: {low: n, high: n + gap, **more})


leaves = st.one_of(
    st.sampled_from([{"const": 7}, {"enum": ["b", "a"]}, {"type": "boolean"}, {"type": "null"}, {"type": "string"}]),
    _bounded("minimum", "maximum", 5, type="integer", multipleOf=5),
    _bounded("exclusiveMinimum", "exclusiveMaximum", 2, type="number"),
    st.integers(0, 9).map(lambda n: {"type": "string", "minLength": n, "maxLength": n + 1}),
)
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
        st.tuples(inner, st.integers(0, 3)).map(lambda t: {"type": "array", "items": t[0], "minItems": t[1]}),
        st.dictionaries(st.sampled_from("abcd"), inner).map(
            lambda p: {"type": "object", "properties": p, "required": sorted(p)[:2]}
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=80)
@given(schemas)
def test_what_is_made_fits(schema: Schema) -> None:
    assert fits(fit(schema, "What is the weather in Paris?"), schema)


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "enum", "anyOf", "allOf", "$ref", "items", "properties", "required", "minItems"]
                ),
                inner,
            )
        ),
    ).map(lambda value: {"type": "object", "properties": {"x": value}} if not isinstance(value, dict) else value)
)
def test_no_schema_breaks_it(schema: Schema) -> None:
    fit(schema, "")


def test_what_was_said_is_used() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "day": {"type": "string", "format": "date"}}}
    assert fit(schema, "What is the weather in Paris?") == {"city": "Paris", "day": "2026-01-01"}
    assert fit({}, "anything") == {}


def test_references_are_followed_and_recursion_ends() -> None:
    node = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
        "required": ["name", "next"],
    }
    found = fit({"$ref": "#/$defs/node", "$defs": {"node": node}}, "x")
    depth = 0
    while found is not None:
        assert found["name"] == "x"
        found, depth = found["next"], depth + 1
    assert depth < 20


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"type": "object", "properties": {c: {"$ref": "#"} for c in "abcdefghij"}},
        {"type": "object", "properties": {c: {"$ref": "#"} for c in "abcd"}, "required": ["a", "b", "c", "d"]},
        {"type": "array", "items": {"$ref": "#"}, "minItems": 50},
    ],
)
def test_a_schema_without_end_is_left(schema: Schema) -> None:
    fit(schema, "x")


def test_all_of_is_folded_in() -> None:
    base = {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}
    more = {"type": "object", "properties": {"b": {"const": 2}}, "required": ["b"]}
    assert fit({"allOf": [base, more]}, "x") == {"a": 1, "b": 2}
