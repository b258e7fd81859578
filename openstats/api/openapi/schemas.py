"""JSON schemas of models and query parameters for the OpenAPI document."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from openstats.http.parameters.query import Query

Schema = dict[str, Any]
"""A JSON schema."""

Parameter = dict[str, Any]
"""A parameter of an operation: its name, place, schema and description."""

REFERENCE = "#/components/schemas/{model}"
MODE: Literal["validation"] = "validation"
"""The mode of pydantic's schemas: what a model accepts, not how it is serialized."""


def reference(name: str) -> Schema:
    """Return a reference to a schema."""
    return {"$ref": REFERENCE.format(model=name)}


def components(models: Iterable[type[BaseModel]]) -> dict[str, Schema]:
    """Return the schemas of models and of all models that they refer to, by name."""
    inputs = [(model, MODE) for model in models]
    _, schema = models_json_schema(inputs, ref_template=REFERENCE)
    return _components(schema)


def answer(kind: Any) -> tuple[Schema, dict[str, Schema]]:
    """Return the schema of a response, and by name those of the models that it refers to."""
    schema = TypeAdapter(kind).json_schema(ref_template=REFERENCE)
    return schema, _components(schema)


def _components(schema: Schema) -> dict[str, Schema]:
    """Remove the definitions from a schema, and return them."""
    definitions = schema.pop("$defs", {})
    return {name: _bare(definition) for name, definition in definitions.items()}


def parameters(model: type[Query]) -> list[Parameter]:
    """Return the parameters of a model of a query string."""
    schema = model.model_json_schema(mode=MODE)
    required = schema.get("required", [])
    properties = schema["properties"].items()
    return [_parameter(name, field, required=name in required) for name, field in properties]


def _parameter(name: str, field: Schema, *, required: bool) -> Parameter:
    schema = {key: value for key, value in field.items() if key not in ("title", "description")}
    if schema.get("default") in (None, []):
        # Such a default cannot be written in a URL.
        schema.pop("default", None)
    # Query strings have no null: the parameter is left out instead.
    choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices
    if "const" in schema:
        # The page preselects a const, but not an enum.
        schema["enum"] = [schema.pop("const")]
    parameter = {"name": name, "in": "query", "required": required, "schema": schema}
    if "description" in field:
        parameter["description"] = field["description"]
    return parameter


def _bare(schema: Schema) -> Schema:
    """Remove defaults, which are only placeholders for missing fields."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)
    return _plain(schema)


def _plain(schema: Schema) -> Schema:
    """Remove titles, which repeat the field names, and simplify anyOf of a type and null."""
    for name, field in schema.get("properties", {}).items():
        schema["properties"][name] = _nullable(field)
    return schema


def _nullable(field: Schema) -> Schema:
    field = {key: value for key, value in field.items() if key != "title"}
    match field.get("anyOf"):
        case [{"type": kind} as choice, {"type": "null"}] if not {"enum", "const"} & set(choice):
            del field["anyOf"]
            field |= choice | {"type": [kind, "null"]}
    return field
