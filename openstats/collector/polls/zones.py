"""The availability zones of Placement's providers, from Nova.

Placement itself has no zones. A root provider has the name of its host or hypervisor; child
providers are in the zone of their root.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import NamedTuple

from oslo_log import log

from openstats.clouds.services import nova
from openstats.collector.polls.checks import disappearances
from openstats.collector.polls.poll import Poll
from openstats.errors import CloudError, RefusedError
from openstats.model import Provider

LOG = log.getLogger(__name__)


class ProviderZones(NamedTuple):
    """The zones of root providers by name, and the names of roots with a disabled service in Nova.

    ``is_part`` tells that some zones could not be read.
    """

    by_name: Mapping[str, str]
    disabled: Set[str] = frozenset()
    is_part: bool = False


def read(poll: Poll, current: Sequence[Provider], stored: Iterable[Provider]) -> ProviderZones:
    """Return the zones of root providers; the stored ones, and a note, if Nova fails.

    If Nova refuses the call and no zones are stored, return none, without a note.
    """
    names = {provider.name for provider in current}
    stored_zones: dict[str, str] = {}
    for provider in stored:
        if provider.zone and _is_root(provider) and provider.name in names:
            stored_zones[provider.name] = provider.zone
    try:
        zones = _ask_nova(poll, current)
        missing = len(stored_zones.keys() - zones.by_name.keys())
        disappearances.check(poll, "zones of providers", missing, len(stored_zones))
    except CloudError as error:
        LOG.warning("availability zones of %s: %s", poll.cloud.name, error)
        if isinstance(error, RefusedError) and not stored_zones:
            return ProviderZones({})
        poll.note_missing(str(error))
        return ProviderZones(stored_zones)
    if zones.is_part:
        return zones._replace(by_name={**stored_zones, **zones.by_name})
    return zones


def _ask_nova(poll: Poll, current: Iterable[Provider]) -> ProviderZones:
    """Return the zones by host name, or by hypervisor name if providers are not named by host."""
    zones = nova.zones(poll.connection)
    poll.note_omissions(zones.omissions)
    is_part = bool(zones.omissions.number)
    # A sharing provider belongs to no host, and no host has its name.
    owners = [provider for provider in current if _is_root(provider) and not provider.sharing]
    if all(provider.name in zones.of_hosts for provider in owners):
        return ProviderZones(zones.of_hosts, zones.disabled, is_part)
    hosts, omissions = nova.hypervisor_hosts(poll.connection, poll.paging)
    poll.note_omissions(omissions)
    unlisted = sorted(set(hosts.values()) - zones.of_hosts.keys())
    if unlisted:
        poll.note_missing(
            f"{poll.cloud.name}: Nova lists no compute service for {len(unlisted)} hosts of "
            f"hypervisors: {', '.join(unlisted[:5])}"
        )
    by_hypervisor: dict[str, str] = {}
    disabled: set[str] = set()
    for hypervisor, host in hosts.items():
        if host in zones.of_hosts:
            by_hypervisor[hypervisor] = zones.of_hosts[host]
        if host in zones.disabled:
            disabled.add(hypervisor)
    is_part = is_part or bool(unlisted or omissions.number)
    return ProviderZones(by_hypervisor, disabled, is_part)


def assign(providers: Sequence[Provider], zones: Mapping[str, str]) -> list[Provider]:
    """Return copies of all providers, each with the zone of its root."""
    of_roots = {p.uuid: zones.get(p.name) for p in providers if _is_root(p)}
    return [replace(p, zone=of_roots.get(p.root)) for p in providers]


def _is_root(provider: Provider) -> bool:
    return provider.uuid == provider.root
