"""Settings of one cloud: the options of [clouds], and overrides in its entry in clouds.yaml.

URLs and credentials are read in ``entries``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from openstats.auth_url import compared
from openstats.clouds.clouds_yaml import keys
from openstats.errors import must_be


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a cloud; see the options of [clouds].

    ``auth_url_aliases``, normalised for comparison, can be set only in an entry.
    """

    capacity_source: str = "auto"
    meter_source: str = "nova"
    meter_options: Mapping[str, object] = field(default_factory=dict)
    customer_from: str = "domain"
    customer_regex: str = ""
    customer_file: str = ""
    group_tags: bool = False
    default_domains: Sequence[str] = ("default",)
    exclude_projects: Sequence[str] = ("default/service", "default/admin")
    exclude_domains: Sequence[str] = ("heat", "heat_user_domain", "magnum")
    block_storage: bool = True
    disk_shared: bool = False
    auth_url_aliases: Sequence[str] = ()


NAMES = sorted(field.name for field in fields(Settings))

ParseSetting = Callable[[str, object], Any]
"""Returns the parsed value of a setting in an entry; raises ValueError."""


def settings_of(options: Any) -> Settings:
    """Return the default settings of all clouds, from the options of the same names."""
    names = [name for name in NAMES if name != "auth_url_aliases"]
    return Settings(**{name: getattr(options, name) for name in names})


def parse_overrides(document: object, parse: ParseSetting) -> dict[str, Any]:
    """Return the settings under the key ``openstats`` of an entry.

    Raises:
        ValueError: a setting is unknown, or a value is invalid.
    """
    if not isinstance(document, Mapping):
        raise ValueError(  # noqa: TRY004
            f"must be a mapping of {', '.join(NAMES)}, not a {type(document).__name__}"
        )
    for key in sorted(set(map(str, document)) - set(NAMES)):
        hint = keys.suggest(key, NAMES) or must_be(NAMES)
        raise ValueError(f"unknown key {key}: {hint}")
    return {key: _parse(key, value, parse) for key, value in document.items()}


def _parse(key: str, value: object, parse: ParseSetting) -> object:
    if key == "auth_url_aliases":
        return _parse_aliases(value)
    try:
        return parse(key, value)
    except ValueError:
        if key != "meter_options":
            raise
        # Without the message of the parser: the value may contain a password.
        kind = type(value).__name__
        raise ValueError(
            f"meter_options must be a mapping of options to values, not a {kind}"
        ) from None


def _parse_aliases(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"auth_url_aliases must be a list of URLs, not {value!r}")  # noqa: TRY004
    return tuple(compared(str(url)) for url in value)
