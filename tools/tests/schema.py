"""As much of JSON Schema as the recorded network's schema uses."""

from __future__ import annotations

from typing import Any

_TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "number": (int, float), "integer": int,
    "boolean": bool, "null": type(None),
}
KNOWN = {
    "$schema", "$defs", "$ref", "title", "type", "required", "properties", "additionalProperties",
    "items", "minItems", "maxItems", "minimum", "anyOf", "enum", "const",
}


def violations(value: Any, schema: dict[str, Any]) -> list[str]:
    """Where a value does not fit a schema."""
    return list(_violations(value, schema, schema, ""))


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name])


def _violations(value: Any, schema: dict[str, Any], root: dict[str, Any], place: str) -> Any:
    unknown = set(schema) - KNOWN
    assert not unknown, f"the schema uses {unknown}"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        yield from _violations(value, root["$defs"][name], root, place)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, name) for name in kinds):
        yield f"{place}: not {kinds}"
        return
    if "const" in schema and (value != schema["const"] or type(value) is not type(schema["const"])):
        yield f"{place}: not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value} is none of {schema['enum']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{place}: {value} is too small"
    forms = schema.get("anyOf", [])
    if forms and all(list(_violations(value, form, root, place)) for form in forms):
        yield f"{place}: fits none of the forms"
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value:
                yield f"{place}: lacks {name}"
        for name, item in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            if inner is False:
                yield f"{place}: has {name}"
            else:
                yield from _violations(item, inner, root, f"{place}/{name}")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{place}: has {len(value)} items"
        for index, item in enumerate(value):
            yield from _violations(item, schema.get("items", {}), root, f"{place}/{index}")
