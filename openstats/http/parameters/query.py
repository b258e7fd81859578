"""Query strings: the base of their models, and their parsing into these.

The parameters themselves are in ``statistics``, ``lists``, ``times`` and ``pagination``.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, TypeVar, get_origin
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from openstats.errors import ParameterError
from openstats.http.validation import excerpt, sentences

MAX_REPETITIONS = 1000
"""How many times a repeatable parameter may be given."""

MAX_PARAMETERS = 1100
"""Maximum of a query string: ``MAX_REPETITIONS`` of one name, and all others."""


V = TypeVar("V")


def _check_number(values: tuple[V, ...]) -> tuple[V, ...]:
    if len(values) > MAX_REPETITIONS:
        number, limit = len(values), f"must be given at most {MAX_REPETITIONS} times"
        raise ValueError(f"is given {number} times; {limit}")
    return values


Repeated = Annotated[tuple[V, ...], AfterValidator(_check_number)]
"""A parameter that may be repeated; an entry matches if it has any of the values."""


class Query(BaseModel):
    """Base of all query strings; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    repeatable: ClassVar[frozenset[str]] = frozenset()
    """Names of the parameters that are ``Repeated``."""
    spellings: ClassVar[Mapping[str, str]] = {}
    """Alternative spellings of parameters, which no generated client could use as arguments."""

    on_behalf_of: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="Show what this subject of a portal sees. Only for admins and services.",
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Set ``repeatable`` from the types of the fields."""
        fields = cls.model_fields.items()
        cls.repeatable = frozenset(
            name for name, field in fields if get_origin(field.annotation) is tuple
        )


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


def _values(model: type[Query], query: str) -> dict[str, str | list[str]]:
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
        ParameterError: the query is not UTF-8, or has more than ``MAX_PARAMETERS`` parameters.
    """
    try:
        # WSGI decodes the bytes as Latin-1.
        text = query.encode("latin-1").decode()
        return parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except UnicodeDecodeError:
        raise ParameterError("the query string is not UTF-8") from None
    except ValueError:
        raise ParameterError(
            f"the query string must have at most {MAX_PARAMETERS} parameters"
        ) from None
