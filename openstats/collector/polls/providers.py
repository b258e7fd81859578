"""Placement's providers: reads what they can allocate, and their availability zones."""

from collections.abc import Iterable, Mapping, Sequence, Set
from functools import partial

from oslo_log import log

from openstats.clouds.omissions import Omissions
from openstats.clouds.services import placement
from openstats.collector.polls import zones
from openstats.collector.polls.checks import disappearances, samples
from openstats.collector.polls.poll import Poll
from openstats.collector.shared_services import COMPUTE, PLACEMENT
from openstats.errors import CloudError, RefusedError, ServiceMissingError
from openstats.model import Provider
from openstats.storage.inventory import capacity, instances, resource_providers

LOG = log.getLogger(__name__)

MAX_REQUESTED = 20
"""Missing providers that one check requests by id; of more, a sample."""

StoredProviders = Mapping[str, Provider]
"""The providers of the last poll, by uuid."""


def run(poll: Poll) -> None:
    """Read the providers, unless the poll of the capacity reads them.

    If a cloud has no Placement or refuses the call, the stored providers remain; its capacity comes
    from Nova.
    """
    if {COMPUTE, PLACEMENT} & poll.shared.keys():
        with poll.writing() as db:
            resource_providers.record(db, poll.cloud, [], poll.now)
        return
    with poll.store.read() as db:
        figures = capacity.by_cloud(db).get(poll.cloud.id)
    if figures and figures[0].source == "placement":
        return
    try:
        current = read(poll)
    except ServiceMissingError:
        return
    except RefusedError as error:
        LOG.warning("previous providers of %s are kept: %s", poll.cloud.name, error)
        return
    with poll.writing() as db:
        resource_providers.record(db, poll.cloud, current, poll.now)


def read(poll: Poll) -> list[Provider]:
    """Return all providers; reuse stored ones that have not changed and are not old.

    A full poll reads all of them again.

    Raises:
        CloudError: Placement does not answer, or one of its lists is incomplete.
    """
    with poll.store.read() as db:
        stored = resource_providers.by_uuid(db, poll.cloud)
    oldest = poll.now if poll.full else poll.now - poll.options.quota_max_age
    fresh = {uuid: provider for uuid, provider in stored.items() if provider.read_at > oldest}
    omissions = Omissions(poll.cloud.name, "provider")
    current = placement.providers(poll.connection, fresh, poll.now, omissions)
    poll.note_omissions(omissions)
    current += _unreadable(current, stored, omissions)
    _refuse_contradictions(poll, current, stored)
    _refuse_cut(poll, current, stored)
    _note_unlisted(poll, current)
    provider_zones = zones.read(poll, current, stored.values())
    changed_providers = [provider for provider in current if _is_changed(provider, stored)]
    unlisted_disabled = _only_disabled_in_nova(changed_providers, provider_zones.disabled)
    _refuse_cut_trait(poll, placement.DISABLED, unlisted_disabled)
    unlisted_sharing = list(filter(_may_share, changed_providers))
    _refuse_cut_trait(poll, placement.SHARING, unlisted_sharing)
    return zones.assign(current, provider_zones.by_name)


def _unreadable(
    current: Iterable[Provider], stored: StoredProviders, omissions: Omissions
) -> list[Provider]:
    """Return the stored providers that may be among those that could not be read."""
    read_ids = {provider.uuid for provider in current}
    possible_ids = stored.keys() if omissions.unnamed else omissions.ids & stored.keys()
    return [stored[uuid] for uuid in sorted(possible_ids - read_ids)]


def _refuse_contradictions(
    poll: Poll, current: Iterable[Provider], stored: StoredProviders
) -> None:
    """Raise CloudError if a provider changed although its generation did not.

    Placement increments the generation with each change of inventories and traits.
    """
    for provider in current:
        if _is_changed(provider, stored):
            continue
        properties = _fixed_properties(provider)
        former_properties = _fixed_properties(stored[provider.uuid])
        changes = [name for name in properties if properties[name] != former_properties[name]]
        if changes:
            raise CloudError(
                f"{poll.cloud.name}: Placement shows other {' and '.join(changes)} of provider "
                f"{provider.name} than before, at the same generation {provider.generation}; "
                "previous figures are kept"
            )


def _fixed_properties(provider: Provider) -> dict[str, object]:
    """Return the properties of a provider that can change only with its generation."""
    # A disabled root disables its children.
    is_disabled = provider.uuid == provider.root and provider.disabled
    inventories = sorted((i.resource_class, i.total, i.reserved) for i in provider.inventories)
    return {"traits": (provider.sharing, is_disabled), "inventories": inventories}


def _is_changed(provider: Provider, stored: StoredProviders) -> bool:
    former = stored.get(provider.uuid)
    return former is None or former.generation != provider.generation


def _refuse_cut(poll: Poll, current: Iterable[Provider], stored: StoredProviders) -> None:
    """Raise CloudError if the list leaves out providers that exist, or too many are gone.

    A provider that lost all its inventories counts as gone.
    """
    inventories = {provider.uuid: provider.inventories for provider in current}
    unlisted = sorted(stored.keys() - inventories.keys())
    exists = partial(placement.exists, poll.connection)
    if shown_ids := samples.existing(unlisted, MAX_REQUESTED, exists):
        list_name = f"{poll.cloud.name}: Placement's list of providers"
        raise samples.cut_list(list_name, unlisted, shown_ids)
    filled = {provider.uuid for provider in stored.values() if provider.inventories}
    missing = sum(not inventories.get(uuid) for uuid in filled)
    disappearances.check(poll, "providers", missing, len(filled))


def _note_unlisted(poll: Poll, current: Iterable[Provider]) -> None:
    """Note hypervisors that have servers, but no provider."""
    with poll.store.read() as db:
        hosts = instances.hosts(db, poll.cloud)
    unlisted = sorted(hosts - {provider.name for provider in current})
    if unlisted:
        poll.note_missing(
            f"{poll.cloud.name}: Placement lists no provider for {len(unlisted)} of {len(hosts)} "
            f"hypervisors with servers: {', '.join(unlisted[:5])}"
        )


def _only_disabled_in_nova(
    providers: Iterable[Provider], disabled_names: Set[str]
) -> list[Provider]:
    """Return the root providers that are disabled in Nova, but not listed as such in Placement."""
    unlisted = []
    for provider in providers:
        is_root = provider.uuid == provider.root
        if is_root and provider.name in disabled_names and not provider.disabled:
            unlisted.append(provider)
    return unlisted


def _may_share(provider: Provider) -> bool:
    """Return whether a provider looks like a shared disk, but is not listed as sharing."""
    classes = {inventory.resource_class for inventory in provider.inventories}
    is_storage = "DISK_GB" in classes and not classes & {"VCPU", "PCPU"}
    return is_storage and provider.uuid == provider.root and not provider.sharing


def _refuse_cut_trait(poll: Poll, trait: str, unlisted: Sequence[Provider]) -> None:
    """Raise CloudError if a provider has a trait, but is missing in the list of that trait.

    A cloud older than the trait passes: no provider has it.
    """
    for provider in samples.sample(unlisted, MAX_REQUESTED):
        if trait in placement.traits(poll.connection, provider.uuid):
            raise CloudError(
                f"{poll.cloud.name}: Placement's list of providers with {trait} is cut: it leaves "
                f"out {provider.name}, which has it; previous figures are kept"
            )
