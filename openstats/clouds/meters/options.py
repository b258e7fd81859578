"""Options of meter sources: pydantic models of ``meter_options``, and messages for errors.

Options of one source belong in its module.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from openstats.errors import ConfigError, must_be

MIB = {"B": 2**-20, "KiB": 2**-10, "MiB": 1.0, "GiB": 2.0**10}
"""The size of each unit in MiB."""

REQUIRED = ("missing", "string_too_short")
EXPECTED = {
    "int_parsing": "an integer",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a string: write it in quotes",
}
"""Requirements for a value by pydantic's error type; other errors use pydantic's message."""


def _digits(value: object) -> object:
    """Return a value for an integer option; refuse YAML's ``yes``, and texts such as ``5.0``."""
    text = value.strip().removeprefix("-") if isinstance(value, str) else "0"
    if isinstance(value, bool) or not text.isdecimal():
        raise ValueError("must be an integer")
    return value


Whole = Annotated[int, BeforeValidator(_digits)]


class SumOptions(BaseModel):
    """The options of all sources that sum by project; a meter with an empty metric is not read.

    Attributes:
        lag: the number of seconds after which a granule is complete in the source.
        storage_unit: the unit of the storage metric.
    """

    # All options in openstats.conf are strings; in YAML, a name may look like a number.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    lag: Whole = Field(600, ge=0)
    cpu: str = ""
    vcpus: str = ""
    memory: str = ""
    storage: str = ""
    storage_unit: Literal["B", "KiB", "MiB", "GiB"] = "B"

    @property
    def storage_mib(self) -> float:
        """The size in MiB of the unit of the storage metric."""
        return MIB[self.storage_unit]

    @property
    def mark(self) -> str:
        """A digest that identifies these options without showing them.

        It is stored with cursors: after a change of its text, sources search for everything anew.
        """
        fields = type(self).model_fields
        texts = [f"{name}={getattr(self, name)!r}" for name in fields if fields[name].repr]
        return sha256(f"Options({', '.join(texts)})".encode()).hexdigest()[:16]


Options = TypeVar("Options", bound=SumOptions)


def parse(model: type[Options], source: str, values: Mapping[str, object]) -> Options:
    """Return the options of a source; values may be strings.

    Raises:
        ConfigError: an option is unknown, or a value is invalid.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as invalid:
        sentence = _sentence(model, invalid)
    # Not chained to pydantic's error, which shows passwords.
    raise ConfigError(f"meter_options of meter_source = {source}: {sentence}") from None


def _sentence(model: type[SumOptions], invalid: ValidationError) -> str:
    """Return a sentence on one invalid option, preferably an unknown one.

    Do not show secret values.
    """
    errors = invalid.errors(include_url=False)
    error = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"unknown option {name}: {must_be(model.model_fields)}"
    if not name:
        return str(error["ctx"]["error"])
    field = model.model_fields[name]
    if error["type"] in REQUIRED:
        return f"{name} is required: {field.description}"
    requirement = _requirement(error["type"], error["msg"])
    value = f" = {error['input']!r}" if field.repr else ""
    return f"{name}{value}: {requirement}"


def _requirement(kind: str, message: str) -> str:
    """Return the requirement that a value does not meet, beginning with "must be"."""
    if kind in EXPECTED:
        return f"must be {EXPECTED[kind]}"
    words = message.removeprefix("Value error, ").replace("Input should be", "must be")
    return words.replace("greater than or equal to", "at least")
