"""Options of commands for what the registry's URLs take: filters of lists, and fields of bodies."""

import argparse
from typing import Any, Literal, get_args, get_origin

from openstats.cli import references
from openstats.cli.api import Api

Query = list[tuple[str, Any]]

NOTHING = object()
"""Stands for null: None is an option that was not given."""

NULL = "null"
TEXTS = {
    "created_at": "when it was created, in Unix seconds (default: now)",
    "scope": "what it is on, as KIND=UUID or KIND=NAME, for example customer=Acme",
}


def _filters(resource: Any) -> dict[str, Any]:
    """Return the fields that a list is filtered by, as a URL spells them."""
    fields = resource.filters.model_fields.items()
    return {f.alias or name: f for name, f in fields if name not in ("limit", "marker")}


def add_filters(parser: argparse.ArgumentParser, resource: Any) -> None:
    """Add an option for each filter of a list."""
    repeatable = resource.filters.repeatable
    kind: dict[str, Any]
    for name, field in _filters(resource).items():
        text, kind = field.description, {}
        if name in repeatable:
            kind = {"action": "append"}
            text = f"only those of this {_called(name)}; may be repeated"
        if name == "deleted":
            kind = {"action": "store_const", "const": "true"}
            text = "also those that were deleted"
        elif "bool" in str(field.annotation):
            kind = {"choices": ["true", "false"]}
        parser.add_argument(_option(name), dest=name, help=_help(text), **kind)


def _called(name: str) -> str:
    named = name in references.RESOURCES
    return f"{references.kind(name)}: its uuid or name" if named else _words(name)


def query(client: Api, resource: Any, parsed_args: argparse.Namespace) -> Query:
    """Return the query string of a list, in which entries are called by their uuids."""
    given = {name: getattr(parsed_args, name) for name in _filters(resource)}
    return [
        (name, _filter(client, name, value))
        for name, values in given.items()
        if values is not None
        for value in (values if isinstance(values, list) else [values])
    ]


def _filter(client: Api, name: str, value: str) -> str:
    if name in references.RESOURCES and value != NULL:
        return references.resolved(client, name, value)
    return value


def add_fields(parser: argparse.ArgumentParser, model: Any, *, changing: bool = False) -> None:
    """Add an option for each field of a body; what is none is said by the API."""
    for name, field in model.model_fields.items():
        several = "list[" in str(field.annotation)
        kind: dict[str, Any] = {"action": "append"} if several else {}
        if get_origin(field.annotation) is Literal:
            kind = {"choices": get_args(field.annotation)}
        text = _text(name, several=several)
        if changing and field.description:
            text = field.description
        parser.add_argument(_option(name), required=field.is_required(), help=_help(text), **kind)
        if changing and (several or field.default is None):
            empty: Any = [] if several else NOTHING
            unset = {"action": "store_const", "const": empty, "help": f"no {_words(name)}"}
            parser.add_argument(f"--no-{_option(name)[2:]}", dest=name, **unset)


def _text(name: str, *, several: bool) -> str:
    if name in references.RESOURCES:
        kind = references.kind(name)
        return (
            f"uuid or name of a {kind}; may be repeated" if several else f"its {kind}: uuid or name"
        )
    return TEXTS.get(name, f"its {_words(name)}")


def body(client: Api, parsed_args: argparse.Namespace, model: Any) -> dict[str, Any]:
    """Return the fields that were given, in which entries are called by their uuids."""
    given = {name: getattr(parsed_args, name) for name in model.model_fields}
    return {n: _value(client, n, value) for n, value in given.items() if value is not None}


def _value(client: Api, name: str, value: Any) -> Any:
    if value is NOTHING:
        return None
    if name == "scope":
        return references.scope(client, value)
    if isinstance(value, list):
        return [references.resolved(client, name, each) for each in value]
    if name in references.RESOURCES:
        return references.resolved(client, name, value)
    return int(value) if name == "created_at" and value.isdecimal() else value


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _help(text: str) -> str:
    """Return a sentence as help is written; percent signs would be formatted."""
    first = text[:1].lower() if text[1:2].islower() else text[:1]
    return f"{first}{text[1:]}".rstrip(".").replace("%", "%%")
