"""JSON schemas of models, as the OpenAPI document has them; none of HTTP itself."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from openstats.http.parameters import Query

REFERENCE = "#/components/schemas/{model}"
MODE: Literal["validation"] = "validation"
"""Of schemas: what a model takes, rather than how it is written."""


def reference(name: str) -> dict[str, Any]:
    """Return what refers to a schema."""
    return {"$ref": REFERENCE.format(model=name)}


def components(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """Return the schemas of models, and of those that they refer to, by name."""
    inputs = [(model, MODE) for model in models]
    _, schema = models_json_schema(inputs, ref_template=REFERENCE)
    return _components(schema)


def answer(kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schema of an answer, and those of the models that it refers to, by name."""
    schema = TypeAdapter(kind).json_schema(ref_template=REFERENCE)
    return schema, _components(schema)


def _components(schema: dict[str, Any]) -> dict[str, Any]:
    """Take the definitions out of a schema."""
    definitions = schema.pop("$defs", {})
    return {name: _bare(definition) for name, definition in definitions.items()}


def parameters(model: type[Query]) -> list[dict[str, Any]]:
    """Return the parameters of a query string."""
    schema = model.model_json_schema(mode=MODE)
    required = schema.get("required", [])
    properties = schema["properties"].items()
    return [_parameter(name, field, required=name in required) for name, field in properties]


def _parameter(name: str, field: dict[str, Any], *, required: bool) -> dict[str, Any]:
    schema = {key: value for key, value in field.items() if key not in ("title", "description")}
    if schema.get("default") in (None, []):
        # To leave it out is all that can be said.
        schema.pop("default", None)
    # A parameter that is not given has no null to give instead.
    choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices
    if "const" in schema:
        # The page would choose a single value by itself; one of a list it leaves alone.
        schema["enum"] = [schema.pop("const")]
    parameter = {"name": name, "in": "query", "required": required, "schema": schema}
    if "description" in field:
        parameter["description"] = field["description"]
    return parameter


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
        case [{"type": kind} as choice, {"type": "null"}] if not {"enum", "const"} & set(choice):
            del field["anyOf"]
            field |= choice | {"type": [kind, "null"]}
    return field
