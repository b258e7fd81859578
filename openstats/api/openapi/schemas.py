"""JSON schemas of models, as the OpenAPI document has them; none of HTTP itself."""

from typing import Any

from pydantic import BaseModel, TypeAdapter

from openstats.http.parameters import Query

REFERENCE = "#/components/schemas/{model}"


def reference(name: str) -> dict[str, Any]:
    """Give what refers to a schema."""
    return {"$ref": REFERENCE.format(model=name)}


def answer(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of an answer; put what it refers to among the schemas."""
    schema = TypeAdapter(kind).json_schema(ref_template=REFERENCE)
    schemas |= {name: _bare(found) for name, found in schema.pop("$defs", {}).items()}
    return schema


def component(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    """Put a model among the schemas, and give what refers to it."""
    schema = model.model_json_schema(ref_template=REFERENCE)
    schemas |= {name: _bare(found) for name, found in schema.pop("$defs", {}).items()}
    schemas[model.__name__] = _bare(schema)
    return reference(model.__name__)


def parameters(model: type[Query]) -> list[dict[str, Any]]:
    """Give the parameters of a query string."""
    schema = model.model_json_schema(mode="validation")
    required = schema.get("required", [])
    return [
        _parameter(name, given, name in required) for name, given in schema["properties"].items()
    ]


def _parameter(name: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    told = {"description": schema["description"]} if "description" in schema else {}
    schema = {key: value for key, value in schema.items() if key not in ("title", "description")}
    if schema.get("default") in (None, []):
        # To leave it out is all that can be said.
        schema.pop("default", None)
    # A parameter that is not given has no null to give instead.
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    schema |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {}
    if "const" in schema:
        # The page would choose a single value by itself; one of a list it leaves alone.
        schema["enum"] = [schema.pop("const")]
    return {"name": name, "in": "query", "required": required, "schema": schema} | told


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out defaults: of a field that is not given nothing is said."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)
    return _plain(schema)


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out titles, which are the fields' names once more, and choices between one and null."""
    for name, field in schema.get("properties", {}).items():
        schema["properties"][name] = _nullable(field)
    return schema


def _nullable(field: dict[str, Any]) -> dict[str, Any]:
    field = {key: value for key, value in field.items() if key != "title"}
    match field.get("anyOf"):
        case [{"type": kind} as single, {"type": "null"}] if not {"enum", "const"} & set(single):
            del field["anyOf"]
            field |= single | {"type": [kind, "null"]}
    return field
