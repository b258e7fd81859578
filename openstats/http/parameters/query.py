"""Typed query parameters: their models, field types and error messages.

Times are in ``times``, pages in ``pagination``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_origin
from urllib.parse import parse_qsl
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from openstats.auth_url import compared
from openstats.errors import ParameterError
from openstats.http.validation import excerpt, sentences
from openstats.model import Selection
from openstats.names import LONGEST, RULE, problem

MOST = 1000
"""How many times a repeatable parameter may be given."""

FIELDS = 1100
"""Maximum number of parameters in a query string: ``MOST`` of one name, and all others."""

INTEGER = re.compile(r"-?[0-9]+")
DIGITS = 20
"""Digits that are parsed. Longer numbers are out of range anyway, and costly to parse."""


def integer(value: Any) -> int:
    """Return the integer that a text spells.

    Raises:
        ValueError: the text is not an integer.
    """
    text = str(value)
    if not INTEGER.fullmatch(text):
        raise ValueError("must be an integer")
    return int(text[:DIGITS])


def _uuid(value: Any) -> str:
    """Return the dashed form of a dashed or 32-hex uuid."""
    text = str(value)
    if not re.fullmatch(
        r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text
    ):
        raise ValueError("must be a UUID: with dashes, or 32 hexadecimal digits")
    return str(UUID(text))


def _check_number(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(values) > MOST:
        raise ValueError(f"is given {len(values)} times; must be given at most {MOST} times")
    return values


def _auth_url(value: str) -> str:
    try:
        return compared(value)
    except ValueError:
        raise ValueError("must be the http or https URL of a cloud's Keystone") from None


def _name(value: str) -> str:
    if reason := problem(value):
        raise ValueError(f"is not a name ({reason}): {RULE}")
    return value


def _flag(value: Any) -> Any:
    if value not in ("true", "false", True, False):
        raise ValueError("must be true or false")
    return value


Uuid = Annotated[str, AfterValidator(_uuid), Field(json_schema_extra={"format": "uuid"})]
AuthUrl = Annotated[str, AfterValidator(_auth_url), Field(json_schema_extra={"format": "uri"})]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_name)]
Flag = Annotated[bool, BeforeValidator(_flag)]
AsInteger = BeforeValidator(integer)
"""Comes after the bounds of a number in Annotated, so that they appear in its JSON schema."""

V = TypeVar("V")
Repeated = Annotated[tuple[V, ...], AfterValidator(_check_number)]
"""A parameter that may be repeated; an entry matches if it has any of the values."""

Aggregate = Literal["customer", "project", "project_group"]


class Query(BaseModel):
    """Base of all query strings; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    repeatable: ClassVar[frozenset[str]] = frozenset()
    """Names of the parameters that are ``Repeated``."""
    spellings: ClassVar[Mapping[str, str]] = {}
    """Alternative spellings of parameters, which no generated client could use as arguments."""

    on_behalf_of: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="Answer as if this subject of a portal asked. Only for admins and services.",
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Set ``repeatable`` from the types of the fields."""
        fields = cls.model_fields.items()
        cls.repeatable = frozenset(
            name for name, field in fields if get_origin(field.annotation) is tuple
        )


class StatisticParameters(Query):
    """Parameters of every statistic."""

    strict: Flag = Field(False, description="Fail with 503 if any of the figures is unknown.")


class UuidParameters(StatisticParameters):
    """Parameters of statistics that can be restricted to some objects."""

    uuid: Repeated[Uuid] = Field(
        (), description=f"Only the object with this UUID. May be repeated up to {MOST} times."
    )


class AggregateParameters(UuidParameters):
    """Parameters of statistics of aggregates."""

    aggregate: Aggregate = Field(
        "customer", description="Kind of object to sum by. Default: customer."
    )

    def selection(self) -> Selection:
        """Return the selected objects."""
        return Selection(self.aggregate, self.uuid)


class UnlimitedParameters(BaseModel):
    """Parameters of sums whose members may have no limit."""

    unlimited: Literal["skip"] | None = Field(
        None, description="Exclude unlimited members from sums. Otherwise such sums are -1."
    )

    @property
    def skip_unlimited(self) -> bool:
        """Whether unlimited members are left out."""
        return self.unlimited == "skip"


class ListParameters(Query):
    """Parameters of every list, besides the fields to filter by."""

    limit: Annotated[
        int,
        Field(ge=1, le=1000, description="Maximum entries per page. Default: 100."),
        AsInteger,
    ] = 100
    marker: Uuid | None = Field(None, description="Start after the entry with this UUID.")

    def filters(self) -> dict[str, Any]:
        """Return the fields to filter by, each with the values that match."""
        names = self.model_fields_set - set(ListParameters.model_fields)
        return {name: getattr(self, name) for name in names}

    @property
    def past(self) -> bool:
        """Whether deleted entries are listed, too."""
        return False


class EntryParameters(Query):
    """Parameters of a single entry of a kind that keeps deleted entries."""

    deleted: Flag = Field(False, description="Show the entry even if it was deleted.")


class PastListParameters(ListParameters):
    """Parameters of a list of a kind that keeps deleted entries."""

    deleted: Flag | None = Field(
        None,
        description="Include deleted entries. Default: only those that uuid names.",
    )

    def filters(self) -> dict[str, Any]:
        """Return the fields to filter by, each with the values that match."""
        values = super().filters()
        values.pop("deleted", None)
        return values

    @property
    def past(self) -> bool:
        """Whether deleted entries are listed, too."""
        if self.deleted is not None:
            return self.deleted
        values = self.filters()
        return bool(values.get("uuid") or set(values.get("deleted_at", ())) - {None})


P = TypeVar("P", bound=Query)


def parse(model: type[P], query: str) -> P:
    """Return the typed parameters of a query string, which is in WSGI's form.

    Raises:
        ParameterError: the query is invalid; there is one sentence for each problem.
    """
    try:
        return model.model_validate(_values(model, query))
    except ValidationError as invalid:
        raise ParameterError(*sentences(model, invalid, "parameter")) from None


def values_of(query: str, name: str) -> list[str]:
    """Return all values of a parameter, whether or not its name is percent-encoded.

    A query that cannot be parsed has no values here; ``parse`` refuses it.
    """
    if "%" not in query and name not in query:
        return []
    try:
        return [value for key, value in query_pairs(query) if key == name]
    except ParameterError:
        return []


def dashed_uuid(text: str) -> str:
    """Return the dashed form of a uuid in a path.

    Raises:
        ParameterError: the text is not a uuid.
    """
    try:
        return _uuid(text)
    except ValueError as error:
        raise ParameterError(f"uuid={excerpt(text)}: {error}") from None


def _values(model: type[Query], query: str) -> dict[str, Any]:
    """Return the parameters by name: lists for repeatable ones, single values for all others.

    Raises:
        ParameterError: a parameter that is not repeatable is given more than once.
    """
    lists: dict[str, list[str]] = {}
    for name, value in query_pairs(query):
        lists.setdefault(model.spellings.get(name, name), []).append(value)
    single_names = [name for name in lists if name not in model.repeatable]
    repeated_names = [name for name in single_names if len(lists[name]) > 1]
    if repeated_names:
        raise ParameterError(*(f"{excerpt(n)}: must be given only once" for n in repeated_names))
    return lists | {name: lists[name][0] for name in single_names}


def query_pairs(query: str) -> Sequence[tuple[str, str]]:
    """Return the names and values of a query string, which is in WSGI's form.

    Raises:
        ParameterError: the query is not UTF-8, or has more than ``FIELDS`` parameters.
    """
    try:
        # WSGI decodes the bytes as Latin-1.
        text = query.encode("latin-1").decode()
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except UnicodeDecodeError:
        raise ParameterError("the query string is not UTF-8") from None
    except ValueError:
        raise ParameterError(f"the query string has more than {FIELDS} parameters") from None
