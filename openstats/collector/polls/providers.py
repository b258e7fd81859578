"""Placement's providers: what can be given away, and in which availability zones."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import NamedTuple

from oslo_log import log

from openstats.clouds.omissions import Omissions
from openstats.clouds.services import nova, placement
from openstats.collector.polls.checks import disappearances
from openstats.collector.polls.poll import Poll
from openstats.collector.shared_services import COMPUTE, PLACEMENT
from openstats.errors import CloudError, RefusedError, ServiceMissingError
from openstats.model import Provider
from openstats.storage.inventory import capacity, instances

LOG = log.getLogger(__name__)

MOST_ASKED = 20
"""Providers that are asked for by id because the list does not show them; of more, a sample."""

FIXED: dict[str, Callable[[Provider], object]] = {
    # What is below a disabled root is disabled with it.
    "traits": lambda provider: (
        provider.sharing,
        provider.uuid == provider.root and provider.disabled,
    ),
    "inventories": lambda provider: sorted(
        (i.resource_class, i.total, i.reserved) for i in provider.inventories
    ),
}
"""What a provider cannot have otherwise at the same generation."""


def poll(poll: Poll) -> None:
    """Read the providers, unless they are what the capacity was just read from.

    Those of a cloud that has no Placement, or refuses, stay as they were: its capacity is Nova's.
    """
    if {COMPUTE, PLACEMENT} & poll.shared.keys():
        with poll.writing() as db:
            capacity.record_providers(db, poll.cloud, [], poll.now)
        return
    with poll.store.read() as db:
        known = capacity.by_cloud(db).get(poll.cloud.id)
    if known and known[0].source == "placement":
        return
    try:
        found = read(poll)
    except ServiceMissingError:
        return
    except RefusedError as error:
        LOG.warning("providers of %s stay as they were: %s", poll.cloud.name, error)
        return
    with poll.writing() as db:
        capacity.record_providers(db, poll.cloud, found, poll.now)


def read(poll: Poll) -> list[Provider]:
    """Read the providers that changed or grew old; all of them in a full cycle."""
    with poll.store.read() as db:
        known = capacity.providers(db, poll.cloud)
    oldest = poll.now if poll.full else poll.now - poll.options.quota_max_age
    fresh = {uuid: provider for uuid, provider in known.items() if provider.read_at > oldest}
    left_out = Omissions(poll.cloud.name, "provider")
    found = placement.providers(poll.connection, fresh, poll.now, left_out)
    _note(poll, left_out)
    found += _unreadable(found, known, left_out)
    _refuse_contradictions(poll, found, known)
    _refuse_cut(poll, found, known)
    _note_unlisted(poll, found)
    places = _places(poll, found, list(known.values()))
    changed = [provider for provider in found if _is_changed(provider, known)]
    _refuse_cut_trait(poll, placement.DISABLED, _enabled_of(changed, places.disabled))
    _refuse_cut_trait(poll, placement.SHARING, [p for p in changed if _may_share(p)])
    return _in_zones(found, places.zones)


def _unreadable(
    found: Iterable[Provider], known: Mapping[str, Provider], left_out: Omissions
) -> list[Provider]:
    """Return, as they were, the known providers that may be among those that were left out."""
    listed = {provider.uuid for provider in found}
    ids = known.keys() if left_out.unnamed else left_out.ids
    return [known[uuid] for uuid in sorted(ids) if uuid in known and uuid not in listed]


def _refuse_cut(poll: Poll, found: Iterable[Provider], known: Mapping[str, Provider]) -> None:
    """Raise CloudError if the list leaves out what Placement shows by its id, or too much is gone.

    A provider that has no inventory any more is as good as gone.
    """
    inventories = {provider.uuid: provider.inventories for provider in found}
    missing = sorted(known.keys() - inventories.keys())
    sample = missing[:: 1 + len(missing) // MOST_ASKED]
    shown = [uuid for uuid in sample if placement.exists(poll.connection, uuid)]
    if shown:
        raise CloudError(
            f"{poll.cloud.name}: Placement's list of providers is cut: it leaves out "
            f"{len(missing)}, of which it shows {', '.join(shown[:5])} by their ids; figures of "
            "before stay"
        )
    filled = {provider.uuid for provider in known.values() if provider.inventories}
    disappearances.check(
        poll,
        "providers",
        sum(not inventories.get(uuid) for uuid in filled),
        len(filled),
    )


def _note_unlisted(poll: Poll, found: Iterable[Provider]) -> None:
    """Note if there are hypervisors with servers that are no providers."""
    with poll.store.read() as db:
        hosts = instances.hosts(db, poll.cloud)
    unlisted = sorted(hosts - {provider.name for provider in found})
    if unlisted:
        poll.note_missing(
            f"{poll.cloud.name}: Placement lists no provider for {len(unlisted)} of {len(hosts)} "
            f"hypervisors with servers: {', '.join(unlisted[:5])}"
        )


def _refuse_contradictions(
    poll: Poll, found: Iterable[Provider], known: Mapping[str, Provider]
) -> None:
    """Raise CloudError if a provider changed, though its generation did not.

    Placement raises the generation with each change of inventories and traits.
    """
    for provider in found:
        before = known.get(provider.uuid)
        if before is None or before.generation != provider.generation:
            continue
        odd = [name for name in FIXED if FIXED[name](before) != FIXED[name](provider)]
        if odd:
            raise CloudError(
                f"{poll.cloud.name}: Placement shows other {' and '.join(odd)} of provider "
                f"{provider.name} than before, at the same generation {provider.generation}; "
                "figures of before stay"
            )


def _is_changed(provider: Provider, known: Mapping[str, Provider]) -> bool:
    before = known.get(provider.uuid)
    return before is None or before.generation != provider.generation


def _enabled_of(providers: Iterable[Provider], disabled: Set[str]) -> list[Provider]:
    """Return the roots that Nova disabled, and Placement does not list as such."""
    roots = (p for p in providers if p.uuid == p.root and p.name in disabled)
    return [provider for provider in roots if not provider.disabled]


def _may_share(provider: Provider) -> bool:
    """Return whether a provider may be one that shares its disk, and is not listed as such."""
    classes = {inventory.resource_class for inventory in provider.inventories}
    is_storage = "DISK_GB" in classes and not classes & {"VCPU", "PCPU"}
    return is_storage and provider.uuid == provider.root and not provider.sharing


def _refuse_cut_trait(poll: Poll, trait: str, unlisted: Sequence[Provider]) -> None:
    """Raise CloudError if a provider says itself that it has a trait, and its list does not.

    Clouds older than a trait have it nowhere.
    """
    for provider in unlisted[:: 1 + len(unlisted) // MOST_ASKED]:
        if trait in placement.traits(poll.connection, provider.uuid):
            raise CloudError(
                f"{poll.cloud.name}: Placement's list of providers with {trait} is cut: it leaves "
                f"out {provider.name}, which has it; figures of before stay"
            )


class Places(NamedTuple):
    """The zones of roots by name, and the names of those whose service Nova disabled."""

    zones: dict[str, str]
    disabled: Set[str] = frozenset()
    is_part: bool = False


def _places(poll: Poll, found: list[Provider], known: Sequence[Provider]) -> Places:
    """Return the places of roots: as of before where Nova fails.

    There are none where it refuses and never told them.
    """
    names = {provider.name for provider in found}
    before = {p.name: p.zone for p in known if p.zone and p.uuid == p.root and p.name in names}
    try:
        places = _read_places(poll, found)
        gone = len(before.keys() - places.zones.keys())
        disappearances.check(poll, "zones of providers", gone, len(before))
    except CloudError as error:
        LOG.warning("availability zones of %s: %s", poll.cloud.name, error)
        if isinstance(error, RefusedError) and not before:
            return Places({})
        poll.note_missing(str(error))
        return Places(before)
    return places._replace(zones=before | places.zones) if places.is_part else places


def _read_places(poll: Poll, found: list[Provider]) -> Places:
    """Return the places of hosts and hypervisors by name, and whether some are missing."""
    zones, disabled, odd = nova.zones(poll.connection)
    _note(poll, odd)
    # Others draw on a provider that shares; no host of Nova's has its name.
    if all(p.name in zones for p in found if p.uuid == p.root and not p.sharing):
        return Places(zones, disabled, bool(odd.number))
    hosts, odd_hosts = nova.hosts(poll.connection, poll.paging)
    _note(poll, odd_hosts)
    named = {name: zones[host] for name, host in hosts.items() if host in zones}
    if unlisted := sorted(set(hosts.values()) - zones.keys()):
        poll.note_missing(
            f"{poll.cloud.name}: Nova lists no compute service for {len(unlisted)} hosts of "
            f"hypervisors: {', '.join(unlisted[:5])}"
        )
    off = {name for name, host in hosts.items() if host in disabled}
    return Places(named, off, bool(unlisted or odd.number or odd_hosts.number))


def _note(poll: Poll, left_out: Omissions) -> None:
    if left_out.number:
        poll.note_missing(str(left_out))


def _in_zones(found: list[Provider], zones: Mapping[str, str]) -> list[Provider]:
    """Put providers, and those below them, where their root is."""
    of_roots = {p.uuid: zones.get(p.name) for p in found if p.uuid == p.root}
    return [replace(p, zone=of_roots.get(p.root)) for p in found]
