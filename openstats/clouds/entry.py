"""Entries of clouds.yaml: which clouds there are, how to sign in, and what is special about them.

openstacksdk's loader reads the file (with its profiles, secure.yaml and OS_* variables). A key
``openstats`` inside an entry may override the options of the group [clouds] for that cloud, by the
same names, and give ``auth_url_aliases``.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from openstats.auth_url import compared
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
class Entry:
    """A cloud as clouds.yaml tells it; ``region`` is openstacksdk's, which makes sessions."""

    cloud: Cloud
    settings: Settings
    region: Any

    @property
    def urls(self) -> set[str]:
        """By what auth_urls, in compared form, the cloud may be asked for."""
        return {self.cloud.keystone, *self.settings.auth_url_aliases}


NO_ENTRY = "defaults"
"""What openstacksdk calls the settings of no cloud."""

Reader = Callable[[str, Any], Any]
"""Turns what is written for a setting into its value; raises ValueError where it cannot."""


def load(names: Sequence[str], defaults: Settings, reader: Reader) -> dict[str, Entry]:
    """Read the named entries, by cloud name; none named: OS_CLOUD, or else all there are.

    Raises:
        ConfigError: no such entry, nothing to read, or an entry that cannot be used.
    """
    with _readable("clouds.yaml"):
        config = _config()
        wanted = list(names) or _default_names(config)
    return _entries(config, wanted, defaults, reader)


def find(name: str, defaults: Settings, reader: Reader) -> Entry | None:
    """Read the entry of one cloud, as clouds.yaml is now; None where it tells of no such cloud.

    Raises:
        ConfigError: nothing to read, or an entry that cannot be used.
    """
    with _readable("clouds.yaml"):
        config = _config()
        known = config.cloud_config["clouds"].keys() - {NO_ENTRY}
    # One of an entry's regions, or an entry with a colon in its name.
    possible = [entry for entry in (name, name.rpartition(":")[0]) if entry in known]
    return _entries(config, possible[:1], defaults, reader).get(name)


def cloud_names() -> list[str]:
    """List the clouds that clouds.yaml tells of, be their entries such as can be used or not.

    Raises:
        ConfigError: nothing to read.
    """
    with _readable("clouds.yaml"):
        clouds = _config().cloud_config["clouds"].items()
        wanted = {name: _region_names(known) for name, known in clouds if name != NO_ENTRY}
    return [
        f"{name}:{region}" if len(regions) > 1 else name
        for name, regions in wanted.items()
        for region in regions
    ]


def _config() -> Any:
    import openstack.config  # noqa: PLC0415 (half a second that the API seldom needs)

    return openstack.config.OpenStackConfig()


def _entries(
    config: Any, names: Sequence[str], defaults: Settings, reader: Reader
) -> dict[str, Entry]:
    regions = [region for name in names for region in _regions(config, name)]
    several = {r.name for r in regions if sum(other.name == r.name for other in regions) > 1}
    entries = [_entry(region, defaults, reader, region.name in several) for region in regions]
    return {entry.cloud.name: entry for entry in entries}


@contextmanager
def _readable(what: str) -> Iterator[None]:
    import keystoneauth1.exceptions  # noqa: PLC0415
    import openstack.exceptions  # noqa: PLC0415

    raised = openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException
    try:
        yield
    except (*raised, OSError, TypeError, AttributeError) as error:
        raise ConfigError(f"{what} cannot be used: {error}") from error


def _default_names(config: Any) -> list[str]:
    named = os.environ.get("OS_CLOUD")
    names = [named] if named else [n for n in config.get_cloud_names() if n != NO_ENTRY]
    if not names:
        raise ConfigError("no cloud is told of: write a clouds.yaml, or set OS_CLIENT_CONFIG_FILE")
    return names


def _regions(config: Any, name: str) -> list[Any]:
    """Give openstacksdk's cloud regions of an entry, one where it lists none."""
    known = config.cloud_config["clouds"].get(name)
    if known is None:
        there = ", ".join(config.get_cloud_names())
        raise ConfigError(f"clouds.yaml has no entry {name}; there are {there}")
    with _readable(f"the entry {name} of clouds.yaml"):
        return [config.get_one(name, region_name=region) for region in _region_names(known)]


def _region_names(known: Mapping[str, Any]) -> list[str | None]:
    if known.get("region_name"):
        return [known["region_name"]]
    listed = [r["name"] if isinstance(r, Mapping) else r for r in known.get("regions") or ()]
    return listed or [None]


def _entry(region: Any, defaults: Settings, reader: Reader, several: bool) -> Entry:
    auth_url = region.config.get("auth", {}).get("auth_url")
    if not auth_url:
        raise ConfigError(f"the entry {region.name} of clouds.yaml has no auth_url")
    overrides = region.config.get("openstats") or {}
    settings = replace(defaults, **_overrides(region.name, overrides, reader))
    name = f"{region.name}:{region.region_name}" if several else region.name
    try:
        keystone, shared = compared(auth_url), settings.disk_shared
        cloud = Cloud(name, auth_url, region.region_name or "", keystone, disk_shared=shared)
    except ValueError as error:
        raise ConfigError(f"the entry {region.name} of clouds.yaml: {error}") from error
    return Entry(cloud, settings, region)


def _overrides(name: str, given: Any, reader: Reader) -> dict[str, Any]:
    known = sorted(field.name for field in fields(Settings))
    where = f"the entry {name} of clouds.yaml, openstats:"
    if not isinstance(given, Mapping) or set(given) - set(known):
        raise ConfigError(f"{where} it takes {', '.join(known)}, not {given!r}")
    try:
        return {key: _value(key, value, reader) for key, value in given.items()}
    except ValueError as error:
        raise ConfigError(f"{where} {error}") from error


def _value(key: str, given: Any, reader: Reader) -> Any:
    if key != "auth_url_aliases":
        return reader(key, given)
    if not isinstance(given, list):
        raise ValueError(f"auth_url_aliases takes a list of URLs, not {given!r}")  # noqa: TRY004
    return tuple(compared(str(url)) for url in given)
