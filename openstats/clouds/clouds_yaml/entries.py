"""Entries of clouds.yaml: the configured clouds, their credentials and settings.

openstacksdk reads the file (with its profiles, secure.yaml and OS_* variables). An entry with
several regions is one cloud for each region. ``credentials`` finds faults of credentials.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from openstats.auth_url import compared
from openstats.clouds.clouds_yaml import config_file, credentials, keys
from openstats.clouds.clouds_yaml.settings import ParseSetting, Settings, parse_overrides
from openstats.errors import ConfigError
from openstats.model import Cloud

if TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion
    from openstack.config.loader import OpenStackConfig


@dataclass(frozen=True, slots=True)
class CloudEntry:
    """A cloud as clouds.yaml describes it; ``region`` is openstacksdk's CloudRegion."""

    cloud: Cloud
    settings: Settings
    region: "CloudRegion"

    @property
    def urls(self) -> set[str]:
        """The auth_urls that identify the cloud, normalised for comparison."""
        return {self.cloud.keystone, *self.settings.auth_url_aliases}

    def check_credential(self) -> None:
        """Check what a sign-in needs; commands that only register clouds do not call this.

        Raises:
            ConfigError: a password is missing, or a file is missing or cannot be read.
        """
        credentials.check(self.region.name, self.region.config)


@dataclass(frozen=True, slots=True)
class EntryFault:
    """An entry that cannot be used, and the reason; ``cloud`` has the readable values."""

    cloud: Cloud
    reason: str
    is_missing: bool = False
    """Whether the entry does not exist."""


class CloudEntries(NamedTuple):
    """Entries of clouds.yaml, by the names of their clouds."""

    usable: dict[str, CloudEntry]
    faults: dict[str, EntryFault]

    @property
    def cloud_names(self) -> list[str]:
        """The names of all clouds, usable or not."""
        return [*self.usable, *self.faults]

    def select(self, cloud_name: str) -> "CloudEntries":
        """Return only the entry of one cloud, or nothing."""
        usable = {name: entry for name, entry in self.usable.items() if name == cloud_name}
        faults = {name: fault for name, fault in self.faults.items() if name == cloud_name}
        return CloudEntries(usable, faults)


NO_URL = "auth_url must be an http or https URL, such as https://keystone.example.com/v3"


class _Region(NamedTuple):
    """A region of an entry, which is one cloud; ``key`` is the entry's key in YAML."""

    cloud_name: str
    key: Any
    name: str


class _File(NamedTuple):
    """A parsed clouds.yaml: openstacksdk's configuration, and the keys in YAML by entry name.

    ``repeated_keys`` holds a fault for each entry with repeated keys.
    """

    config: "OpenStackConfig"
    keys: Mapping[str, Any]
    repeated_keys: Mapping[str, str]

    def entry_name(self, name: str) -> str:
        """Return the entry's name for an entry's name, or for a cloud's name (ENTRY:REGION)."""
        return name if name in self.keys else name.rpartition(":")[0]


def _read_file(file: str) -> _File:
    config = config_file.read(file)
    return _File(config, config_file.entries(config), config_file.repeated_keys(config))


def load_entries(
    names: Sequence[str],
    configured: Sequence[str],
    defaults: Settings,
    parse: ParseSetting,
    file: str = "",
) -> CloudEntries:
    """Return the selected entries of clouds.yaml.

    The selection is ``names``, or else ``configured``, or else ``OS_CLOUD``, or else all entries.
    A name is that of an entry, or of a cloud (ENTRY:REGION). A name without an entry is added to
    the faults.

    Raises:
        ConfigError: no clouds.yaml can be read.
    """
    clouds_yaml = _read_file(file)
    selection, source = _select(names, configured)
    result = CloudEntries({}, {})
    for name in dict.fromkeys(selection or clouds_yaml.keys):
        entry_name = clouds_yaml.entry_name(name)
        entries = _read_entry(clouds_yaml, entry_name, defaults, parse)
        if name != entry_name:
            entries = entries.select(name)
        result.usable.update(entries.usable)
        result.faults.update(entries.faults)
        if not entries.cloud_names:
            present = ", ".join(clouds_yaml.keys)
            reason = f"clouds.yaml has no entry {name}{source}: it has {present}"
            result.faults[name] = EntryFault(Cloud(name, "", "", ""), reason, is_missing=True)
    return result


def _select(names: Sequence[str], configured: Sequence[str]) -> tuple[Sequence[str], str]:
    """Return the names to read (none means all), and words for messages on their source."""
    if names:
        return names, ""
    if configured:
        return configured, ", which is in [clouds] names"
    variable = os.environ.get("OS_CLOUD")
    return ([variable], ", which is in OS_CLOUD") if variable else ([], "")


def find_entry(
    name: str, defaults: Settings, parse: ParseSetting, file: str = ""
) -> CloudEntry | None:
    """Return the entry of one cloud in the current clouds.yaml; None if it has no such cloud.

    Raises:
        ConfigError: the file cannot be read, or the entry cannot be used.
    """
    try:
        clouds_yaml = _read_file(file)
    except config_file.NoCloudError:
        return None
    entries = _read_entry(clouds_yaml, clouds_yaml.entry_name(name), defaults, parse)
    if name in entries.faults:
        raise ConfigError(entries.faults[name].reason)
    return entries.usable.get(name)


def cloud_names(file: str = "") -> list[str]:
    """Return the names of all clouds in clouds.yaml, also of unusable entries.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        config = config_file.read(file)
    except config_file.NoCloudError:
        return []
    names: list[str] = []
    for name, key in config_file.entries(config).items():
        names += [region.cloud_name for region in _regions(config, name, key)]
    return names


def _read_entry(
    clouds_yaml: _File, name: str, defaults: Settings, parse: ParseSetting
) -> CloudEntries:
    """Return the clouds of an entry, one for each region; none if there is no such entry."""
    entries = CloudEntries({}, {})
    if name not in clouds_yaml.keys:
        return entries
    config = clouds_yaml.config
    for region in _regions(config, name, clouds_yaml.keys[name]):
        try:
            _refuse_repeated_keys(clouds_yaml, name)
            entries.usable[region.cloud_name] = _entry(config, region, defaults, parse)
        except ConfigError as error:
            cloud = _readable_cloud(config, region)
            entries.faults[region.cloud_name] = EntryFault(cloud, str(error))
    return entries


def _refuse_repeated_keys(clouds_yaml: _File, name: str) -> None:
    if fault := clouds_yaml.repeated_keys.get(name):
        raise ConfigError(f"{_title(name)} {fault}: keep one of them")


def _regions(config: "OpenStackConfig", name: str, key: Any) -> list[_Region]:
    """Return the regions of an entry, including those of its vendor profile.

    If the entry's region_name is one of them, return only that one. If they cannot be read, return
    one region without a name.
    """
    try:
        with config_file.translated(name):
            # There is no public method: get_all() fails at the first bad entry.
            region_names = [str(region["name"] or "") for region in config._get_regions(key)]
    except ConfigError:
        region_names = [""]
    document = config.cloud_config["clouds"].get(key)
    if isinstance(document, Mapping) and document.get("region_name") in region_names:
        region_names = [document["region_name"]]
    if len(region_names) == 1:
        return [_Region(name, key, region_names[0])]
    return [_Region(f"{name}:{region_name}", key, region_name) for region_name in region_names]


def _entry(
    config: "OpenStackConfig", region: _Region, defaults: Settings, parse: ParseSetting
) -> CloudEntry:
    title = _title(str(region.key))
    cloud_region = _cloud_region(config, region)
    auth_url = cloud_region.config.get("auth", {}).get("auth_url")
    if not auth_url:
        raise ConfigError(f"{title} has no auth_url: write it below auth")
    try:
        overrides = parse_overrides(cloud_region.config.get("openstats") or {}, parse)
    except ValueError as error:
        raise ConfigError(f"{title}, openstats: {error}") from error
    settings = replace(defaults, **overrides)
    try:
        keystone = compared(auth_url)
    except ValueError as error:
        # Without the URL, which may contain a password.
        raise ConfigError(f"{title}: {NO_URL}") from error
    shared = settings.disk_shared
    cloud = Cloud(region.cloud_name, auth_url, region.name, keystone, disk_shared=shared)
    return CloudEntry(cloud, settings, cloud_region)


def _title(name: str) -> str:
    return f"the entry {name} of clouds.yaml"


def _cloud_region(config: "OpenStackConfig", region: _Region) -> "CloudRegion":
    """Return openstacksdk's CloudRegion.

    Raises:
        ConfigError: a key is wrong, or no auth plugin accepts the credential.
    """
    document = config.cloud_config["clouds"][region.key]
    title = _title(str(region.key))
    if not isinstance(document, Mapping):
        kind = "empty" if document is None else f"a {type(document).__name__}"
        raise ConfigError(f"{title} is {kind}: must be a mapping with auth, and that with auth_url")
    options = credentials.option_names(document.get("auth_type", "password"))
    if fault := keys.find_misspelt(document, options) or keys.find_wrong_interface(document):
        raise ConfigError(f"{title} cannot be used: {fault}")
    try:
        with config_file.translated(title):
            return config.get_one(region.key, region_name=region.name or None)
    except ConfigError as error:
        fault = credentials.find_fault(document)
        reason = credentials.mask_secrets(str(error), document)
        raise ConfigError(f"{title} {fault}" if fault else reason) from error


def _readable_cloud(config: "OpenStackConfig", region: _Region) -> Cloud:
    """Return the readable values of a cloud whose entry has a fault: at least its name."""
    document = config.cloud_config["clouds"].get(region.key)
    try:
        auth_url = document["auth"]["auth_url"]
        return Cloud(region.cloud_name, auth_url, region.name, compared(auth_url))
    except (LookupError, TypeError, AttributeError, ValueError):
        return Cloud(region.cloud_name, "", region.name, "")
