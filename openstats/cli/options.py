"""Options of commands, generated from the API's models: query parameters, filters, body fields.

Their names, choices and texts are those of the models.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from openstats.cli import references
from openstats.cli.api import Api
from openstats.cli.tables import TIMES
from openstats.names import noun

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from openstats.http.body import Body
    from openstats.http.parameters.query import Query

Pairs = list[tuple[str, object]]
"""The names and values of a query string."""

NULL_ARGUMENT = object()
"""Stands for null, since None means that an option was not given."""

NULL = "null"
TRUTH = ("true", "false")
NAMED = "UUID or name."
SCOPE = "The object, as KIND=UUID or KIND=NAME, for example customer=Acme."
METAVARS = {"uuid": "UUID", "marker": "UUID", "object": "UUID", "tz": "ZONE", "scope": "SCOPE"}


def parameters(model: "type[Query]", without: Iterable[str] = ()) -> "dict[str, FieldInfo]":
    """Return the fields of a model of a query string, by their names in URLs."""
    fields = {}
    for attribute, field in model.model_fields.items():
        name = field.alias or attribute
        if name not in without:
            fields[name] = field
    return fields


def add_parameters(
    parser: argparse.ArgumentParser, model: "type[Query]", without: Iterable[str] = ()
) -> None:
    """Add an option for each parameter; a required parameter is a positional argument."""
    for name, field in parameters(model, without).items():
        if field.is_required():
            choices = _choices(field) or None
            parser.add_argument(name, choices=choices, help=_help(name, field))
            continue
        kind = _kind(name, field)
        if name in model.repeatable:
            kind["action"] = "append"
        parser.add_argument(_option(name), dest=name, help=_help(name, field), **kind)


def _kind(name: str, field: "FieldInfo") -> dict[str, Any]:
    """Return the argparse settings of an option: a switch, some choices, or any text."""
    parts = set(_parts(field.annotation))
    if bool in parts and (field.default is False or name == "deleted"):
        return {"action": "store_const", "const": "true"}
    if choices := _choices(field):
        # argparse separates choices by commas, which some of these words contain.
        if any("," in choice for choice in choices):
            return {"metavar": "|".join(c for c in choices if "," not in c) + "[,...]"}
        return {"choices": choices}
    if name in TIMES:
        return {"metavar": "TIME"}
    return {"metavar": METAVARS.get(name, "NUMBER" if int in parts else name.upper())}


def _choices(field: "FieldInfo") -> tuple[str, ...]:
    parts = list(_parts(field.annotation))
    words = (part for part in parts if isinstance(part, str))
    return (*words, *(TRUTH if bool in parts else ()))


def _parts(annotation: object) -> Iterator[object]:
    """Yield the types in an annotation, and the words of its literals."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
        return
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def query(client: Api, arguments: Mapping[str, str | list[str] | None]) -> Pairs:
    """Return the query string of parameters; names of entries are replaced by their uuids.

    ``arguments`` are those of the command line by parameter; None means not given.
    """
    pairs: Pairs = []
    for name, argument in arguments.items():
        values = argument if isinstance(argument, list) else [argument]
        pairs += [(name, _filter(client, name, value)) for value in values if value is not None]
    return pairs


def _filter(client: Api, name: str, value: str) -> str:
    if name in references.RESOURCES and value != NULL:
        return references.resolved(client, name, value)
    return value


def add_fields(
    parser: argparse.ArgumentParser, model: "type[Body]", *, changing: bool = False
) -> None:
    """Add an option for each field of a body; with ``changing``, also options to unset fields.

    The API validates the values.
    """
    for name, field in model.model_fields.items():
        several = list in {get_origin(part) for part in _parts(field.annotation)}
        kind = {"action": "append", "metavar": name.upper()} if several else _kind(name, field)
        text = SCOPE if name == "scope" else _help(name, field)
        text += " May be repeated." if several else ""
        parser.add_argument(_option(name), required=field.is_required(), help=text, **kind)
        if changing and (several or field.default is None):
            empty: object = [] if several else NULL_ARGUMENT
            parser.add_argument(
                f"--no-{_option(name)[2:]}",
                dest=name,
                action="store_const",
                const=empty,
                help=f"Remove the {noun(name)}.",
            )


def body(client: Api, parsed_args: argparse.Namespace, model: "type[Body]") -> dict[str, object]:
    """Return the given fields of a body; names of entries are replaced by their uuids."""
    fields: dict[str, object] = {}
    for name in model.model_fields:
        argument = getattr(parsed_args, name)
        if argument is NULL_ARGUMENT:
            fields[name] = None
        elif argument is not None:
            fields[name] = _value(client, name, argument)
    return fields


def _value(client: Api, name: str, value: str | list[str]) -> object:
    if isinstance(value, list):
        return [references.resolved(client, name, key) for key in value]
    if name == "scope":
        return references.scope(client, value)
    if name in references.RESOURCES:
        return references.resolved(client, name, value)
    return int(value) if name == "created_at" and value.isdecimal() else value


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _help(name: str, field: "FieldInfo") -> str:
    """Return the API's description of a field, with percent signs escaped for argparse."""
    text = (field.description or "").replace("%", "%%")
    return f"{text} {NAMED}" if name in references.RESOURCES else text
