"""What a meter source is told: frozen dataclasses, made from meter_options.

What the options mean is with the sources that have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any, TypeVar

from openstats.errors import ConfigError

MIB = {"B": 2**-20, "KiB": 2**-10, "MiB": 1.0, "GiB": 2.0**10}
"""How many MiB one of each unit is."""

TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, kw_only=True)
class Summing:
    """What all sources that sum by project are told; an empty metric is not asked for.

    Attributes:
        lag: seconds after which a granule is complete in the source.
        storage_unit: in what the storage metric is told: B, KiB, MiB or GiB.
    """

    lag: int = 600
    cpu: str = ""
    vcpus: str = ""
    memory: str = ""
    storage: str = ""
    storage_unit: str = "B"

    def __post_init__(self) -> None:
        chosen("storage_unit", self.storage_unit, MIB)

    @property
    def mark(self) -> str:
        """What tells these options from others; it does not show them."""
        return sha256(repr(self).encode()).hexdigest()[:16]


Options = TypeVar("Options", bound=Summing)


def made(kind: type[Options], source: str, given: Mapping[str, Any]) -> Options:
    """Make the options of a source; values may be strings.

    Raises:
        ConfigError: an option that the source does not have, or a value that it does not take.
    """
    known = {field.name: field for field in fields(kind)}
    where = f"meter_options of meter_source = {source}"
    for name in given:
        if name not in known:
            raise ConfigError(f"{where}: no option {name!r}; there are {', '.join(known)}")
    try:
        return kind(**{name: _value(known[name], value) for name, value in given.items()})
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def _value(field: Any, given: Any) -> Any:
    """Give a value in the type of the option's default."""
    kind, text = type(field.default), str(given)
    if isinstance(given, list | Mapping | None):
        raise ValueError(f"{field.name} takes one value, not {given!r}")  # noqa: TRY004
    if kind is bool:
        return TRUTHS[chosen(field.name, text.lower(), TRUTHS)]
    if kind is int and not text.strip().isdecimal():
        raise ValueError(f"{field.name} takes a whole number, not {text!r}")
    return kind(text)


def chosen(name: str, given: str, known: Mapping[str, Any]) -> str:
    """Give what was chosen.

    Raises:
        ValueError: it is not among what is known.
    """
    if given not in known:
        raise ValueError(f"{name} takes {', '.join(known)}, not {given!r}")
    return given
