"""Entries of clouds.yaml: which clouds there are, how to sign in, and what is special about them.

openstacksdk reads the file (with its profiles, secure.yaml and OS_* variables). A key ``openstats``
inside an entry may override the options of the group [clouds] for that cloud, by the same names,
and give ``auth_url_aliases``. What can be wrong with a credential is in credentials.py.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from openstats.auth_url import compared
from openstats.clouds.clouds_yaml import credentials
from openstats.clouds.clouds_yaml import file as clouds_file
from openstats.clouds.clouds_yaml import keys as entry_keys
from openstats.errors import ConfigError
from openstats.model import Cloud


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be told of a cloud beside how to reach it; see the options of [clouds]."""

    capacity_source: str = "auto"
    meter_source: str = "nova"
    meter_options: Mapping[str, Any] = field(default_factory=dict)
    customer_from: str = "domain"
    customer_regex: str = ""
    customer_file: str = ""
    group_tags: bool = False
    default_domains: Sequence[str] = ("default",)
    exclude_projects: Sequence[str] = ("default/service", "default/admin")
    exclude_domains: Sequence[str] = ("heat", "heat_user_domain", "magnum")
    block_storage: bool = True
    disk_shared: bool = False
    auth_url_aliases: Sequence[str] = ()  # in compared form


def settings_of(options: Any) -> Settings:
    """Give what options of the same names say of all clouds; of aliases none says anything."""
    names = {field.name for field in fields(Settings)} - {"auth_url_aliases"}
    return Settings(**{name: getattr(options, name) for name in names})


@dataclass(frozen=True, slots=True)
class CloudEntry:
    """A cloud as clouds.yaml tells it; ``region`` is openstacksdk's, which makes sessions."""

    cloud: Cloud
    settings: Settings
    region: Any

    @property
    def urls(self) -> set[str]:
        """By what auth_urls, in compared form, the cloud may be asked for."""
        return {self.cloud.keystone, *self.settings.auth_url_aliases}

    def check_credential(self) -> None:
        """Check what signing in needs; who only registers clouds may do without.

        Raises:
            ConfigError: a password or a file is missing.
        """
        credentials.check(self.region.name, self.region.config)


@dataclass(frozen=True, slots=True)
class EntryFault:
    """An entry that cannot be used, and why; ``cloud`` is as much as can be read of it."""

    cloud: Cloud
    reason: str
    is_missing: bool = False
    """Whether there is no such entry."""


class CloudEntries(NamedTuple):
    """Entries of clouds.yaml, by the names of their clouds."""

    usable: dict[str, CloudEntry]
    faults: dict[str, EntryFault]


FROM_VARIABLE = ", which the variable OS_CLOUD names"
NO_URL = "auth_url is no http or https URL of a host, such as https://keystone.example.com/v3"

Reader = Callable[[str, Any], Any]
"""Turns what is written for a setting into its value; raises ValueError where it cannot."""


class _Place(NamedTuple):
    """A region of an entry: one cloud; ``label`` is that cloud's name."""

    label: str
    key: Any
    region: str


def load(
    names: Sequence[str], wanted: Sequence[str], defaults: Settings, reader: Reader, file: str = ""
) -> CloudEntries:
    """Read entries: those named, or those wanted; neither: OS_CLOUD, or else all there are.

    A name is that of an entry, or of a cloud: ENTRY:REGION. One that there is not is a fault
    beside the others.

    Raises:
        ConfigError: nothing to read.
    """
    config = clouds_file.read(file)
    keys = clouds_file.entries(config)
    variable = [each for each in (os.environ.get("OS_CLOUD"),) if each and not wanted]
    sources = ((names, ""), (wanted, ", which [clouds] names has"), (variable, FROM_VARIABLE))
    chosen, source = next((pair for pair in sources if pair[0]), (list(keys), ""))
    found = CloudEntries({}, {})
    for name in dict.fromkeys(chosen):
        entry = name if name in keys else name.rpartition(":")[0]
        read = _read(config, {entry: keys[entry]}, defaults, reader) if entry in keys else found
        kept = [label for label in (*read.usable, *read.faults) if name in (entry, label)]
        found.usable.update({label: read.usable[label] for label in kept if label in read.usable})
        found.faults.update({label: read.faults[label] for label in kept if label in read.faults})
        if not kept:
            reason = f"clouds.yaml has no entry {name}{source}; there are {', '.join(keys)}"
            found.faults[name] = EntryFault(Cloud(name, "", "", ""), reason, is_missing=True)
    return found


def find(name: str, defaults: Settings, reader: Reader, file: str = "") -> CloudEntry | None:
    """Read the entry of one cloud, as clouds.yaml is now; None where it tells of no such cloud.

    Raises:
        ConfigError: nothing to read, or an entry that cannot be used.
    """
    try:
        config = clouds_file.read(file)
    except clouds_file.NoCloudError:
        return None
    keys = clouds_file.entries(config)
    # One of an entry's regions, or an entry with a colon in its name.
    possible = [entry for entry in (name, name.rpartition(":")[0]) if entry in keys]
    found = _read(config, {entry: keys[entry] for entry in possible[:1]}, defaults, reader)
    if name in found.faults:
        raise ConfigError(found.faults[name].reason)
    return found.usable.get(name)


def cloud_names(file: str = "") -> list[str]:
    """List the clouds that clouds.yaml tells of, be their entries such as can be used or not.

    Raises:
        ConfigError: nothing to read.
    """
    try:
        config = clouds_file.read(file)
    except clouds_file.NoCloudError:
        return []
    places = (_places(config, name, key) for name, key in clouds_file.entries(config).items())
    return [place.label for listed in places for place in listed]


def _read(config: Any, keys: Mapping[str, Any], defaults: Settings, reader: Reader) -> CloudEntries:
    found, repeated = CloudEntries({}, {}), clouds_file.repeated_keys(config)
    for name, key in keys.items():
        for place in _places(config, name, key):
            try:
                _check_unique(name, repeated)
                found.usable[place.label] = _entry(config, place, defaults, reader)
            except ConfigError as error:
                found.faults[place.label] = EntryFault(_readable_cloud(config, place), str(error))
    return found


def _check_unique(name: str, repeated: Mapping[str, str]) -> None:
    if name in repeated:
        raise ConfigError(f"{_where(name)} {repeated[name]}: keep one of them")


def _places(config: Any, name: str, key: Any) -> list[_Place]:
    """Return an entry's regions: those of its vendor profile, too; one place where it has none."""
    try:
        with clouds_file.readable(name):
            # There is no public name for it: get_all() fails with the first entry that is bad.
            regions = [str(region["name"] or "") for region in config._get_regions(key)]
    except ConfigError:
        regions = [""]
    written = config.cloud_config["clouds"].get(key)
    if isinstance(written, Mapping) and written.get("region_name") in regions:
        regions = [written["region_name"]]
    several = len(regions) > 1
    return [_Place(f"{name}:{each}" if several else name, key, each) for each in regions]


def _entry(config: Any, place: _Place, defaults: Settings, reader: Reader) -> CloudEntry:
    name = str(place.key)
    region = _region(config, name, place)
    auth_url = region.config.get("auth", {}).get("auth_url")
    if not auth_url:
        raise ConfigError(f"the entry {name} of clouds.yaml has no auth_url: write it below auth")
    overrides = region.config.get("openstats") or {}
    settings = replace(defaults, **_overrides(name, overrides, reader))
    try:
        keystone, shared = compared(auth_url), settings.disk_shared
        cloud = Cloud(place.label, auth_url, place.region, keystone, disk_shared=shared)
    except ValueError as error:
        # The URL itself may hold a password.
        raise ConfigError(f"the entry {name} of clouds.yaml: {NO_URL}") from error
    return CloudEntry(cloud, settings, region)


def _where(name: str) -> str:
    return f"the entry {name} of clouds.yaml"


def _region(config: Any, name: str, place: _Place) -> Any:
    """Return openstacksdk's cloud region of a place.

    Raises:
        ConfigError: a key is wrong, or no plugin can sign in with it.
    """
    written = config.cloud_config["clouds"][place.key]
    where = _where(name)
    if not isinstance(written, Mapping):
        kind = "nothing" if written is None else f"a {type(written).__name__}"
        raise ConfigError(f"{where} is {kind}: it must hold auth, with auth_url and a credential")
    plugin = credentials.option_names(written.get("auth_type", "password"))
    if fault := entry_keys.misspelt(written, plugin) or entry_keys.wrong_interface(written):
        raise ConfigError(f"{where} cannot be used: {fault}")
    try:
        with clouds_file.readable(where):
            return config.get_one(place.key, region_name=place.region or None)
    except ConfigError as error:
        fault = credentials.auth_fault(written)
        reason = credentials.masked(str(error), written)
        raise ConfigError(f"{where} {fault}" if fault else reason) from error


def _readable_cloud(config: Any, place: _Place) -> Cloud:
    """Return what can be told of a cloud whose entry cannot be used: at least its name."""
    written = config.cloud_config["clouds"].get(place.key)
    try:
        auth_url = written["auth"]["auth_url"]
        return Cloud(place.label, auth_url, place.region, compared(auth_url))
    except (LookupError, TypeError, AttributeError, ValueError):
        return Cloud(place.label, "", place.region, "")


def _overrides(name: str, given: Any, reader: Reader) -> dict[str, Any]:
    known = sorted(field.name for field in fields(Settings))
    where = f"{_where(name)}, openstats:"
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where} it takes {', '.join(known)}, not a {type(given).__name__}")
    unknown = sorted(set(map(str, given)) - set(known))
    for key in unknown:
        meant = entry_keys.close_to(key, known) or f"it takes {', '.join(known)}"
        raise ConfigError(f"{where} it takes no {key}: {meant}")
    try:
        return {key: _value(key, value, reader) for key, value in given.items()}
    except ValueError as error:
        raise ConfigError(f"{where} {error}") from error


def _value(key: str, given: Any, reader: Reader) -> Any:
    if key == "meter_options":
        return _meter_options(given, reader)
    if key != "auth_url_aliases":
        return reader(key, given)
    if not isinstance(given, list):
        raise ValueError(f"auth_url_aliases takes a list of URLs, not {given!r}")  # noqa: TRY004
    return tuple(compared(str(url)) for url in given)


def _meter_options(given: Any, reader: Reader) -> Any:
    try:
        return reader("meter_options", given)
    except ValueError:
        # Not the reader's words: what stands there may be a password.
        kind = type(given).__name__
        raise ValueError(f"meter_options takes names and values, not this {kind}") from None
