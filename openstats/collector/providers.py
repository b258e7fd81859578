"""Placement's providers: what can be given away, and in which availability zones."""

from collections.abc import Iterable
from dataclasses import replace

from oslo_log import log

from openstats.clouds import nova, placement
from openstats.clouds.items import LeftOut
from openstats.collector.poll import Poll
from openstats.errors import CloudError, RefusedError, ServiceMissingError
from openstats.model import Provider
from openstats.storage import capacity

LOG = log.getLogger(__name__)


def poll(poll: Poll) -> None:
    """Read the providers, unless they are what the capacity was just read from.

    Those of a cloud that has no Placement, or refuses, stay as they were: its capacity is Nova's.
    """
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
    found = placement.providers(poll.connection, fresh, poll.now)
    return _in_zones(found, _zones(poll, found, known.values()))


def _zones(poll: Poll, found: list[Provider], known: Iterable[Provider]) -> dict[str, str]:
    """Give the zones of roots by name: as of before where Nova fails, none where it refuses."""
    try:
        zones, odd = nova.zones(poll.connection)
        _note(poll, odd)
        # Others draw on a provider that shares; no host of Nova's has its name.
        if all(p.name in zones for p in found if p.uuid == p.root and not p.sharing):
            return zones
        hosts, odd = nova.hosts(poll.connection, poll.paging)
        _note(poll, odd)
        return {name: zones[host] for name, host in hosts.items() if host in zones}
    except CloudError as error:
        LOG.warning("availability zones of %s: %s", poll.cloud.name, error)
        if isinstance(error, RefusedError):
            return {}
        return {p.name: p.zone for p in known if p.zone is not None}


def _note(poll: Poll, left_out: LeftOut) -> None:
    if left_out.number:
        poll.miss(str(left_out))


def _in_zones(found: list[Provider], zones: dict[str, str]) -> list[Provider]:
    """Put providers, and those below them, where their root is."""
    of_roots = {p.uuid: zones.get(p.name) for p in found if p.uuid == p.root}
    return [replace(p, zone=of_roots.get(p.root)) for p in found]
