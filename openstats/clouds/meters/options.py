"""The options of meter sources, read from meter_options by pydantic.

What the options mean is with the sources that have them.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from openstats.errors import ConfigError

MIB = {"B": 2**-20, "KiB": 2**-10, "MiB": 1.0, "GiB": 2.0**10}
"""How many MiB one of each unit is."""

REQUIRED = ("missing", "string_too_short")
EXPECTED = {
    "int_parsing": "an integer",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
}
"""What a value must be, by pydantic's type of error; other errors have a sentence of their own."""


def _no_boolean(value: Any) -> Any:
    """Return a value that is to be a number: YAML's yes and on are none."""
    if isinstance(value, bool):
        raise ValueError("must be an integer")  # noqa: TRY004
    return value


Whole = Annotated[int, BeforeValidator(_no_boolean)]


class SumOptions(BaseModel):
    """The options of all sources that sum by project; an empty metric is not asked for.

    Attributes:
        lag: seconds after which a granule is complete in the source.
        storage_unit: the unit of the storage metric.
    """

    # Options of openstats.conf are strings, all of them; in YAML a name may look like a number.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    lag: Whole = Field(600, ge=0)
    cpu: str = ""
    vcpus: str = ""
    memory: str = ""
    storage: str = ""
    storage_unit: Literal["B", "KiB", "MiB", "GiB"] = "B"

    @property
    def mark(self) -> str:
        """A digest that tells these options from others; it does not show them."""
        return sha256(repr(self).encode()).hexdigest()[:16]


Options = TypeVar("Options", bound=SumOptions)


def parse(model: type[Options], source: str, values: Mapping[str, Any]) -> Options:
    """Return the options of a source; values may be strings.

    Raises:
        ConfigError: an option that the source does not have, or a value that it does not take.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as invalid:
        sentence = _sentence(model, invalid)
    # Not raised from the error of pydantic, which shows passwords.
    raise ConfigError(f"meter_options of meter_source = {source}: {sentence}") from None


def _sentence(model: type[SumOptions], invalid: ValidationError) -> str:
    """Return what is wrong with an option, one that does not exist before others.

    A value that is secret is not shown.
    """
    errors = invalid.errors(include_url=False)
    error = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"no option {name!r}; there are {', '.join(model.model_fields)}"
    if not name:
        return str(error["ctx"]["error"])
    field = model.model_fields[name]
    if error["type"] in REQUIRED:
        return f"{name} is required: {field.description}"
    requirement = _requirement(error["type"], error["msg"])
    return (
        f"{name} {requirement}, not {error['input']!r}" if field.repr else f"{name} {requirement}"
    )


def _requirement(kind: str, message: str) -> str:
    """Return what a value must be."""
    if kind in EXPECTED:
        return f"must be {EXPECTED[kind]}"
    return message.removeprefix("Value error, ").replace("Input should be", "must be")
