"""Capacity: from Nova's hypervisor statistics, or from Placement."""

from openstats.clouds import nova, placement
from openstats.collector.poll import Poll
from openstats.errors import RefusedError
from openstats.statistics.capacity import of_providers
from openstats.storage import capacity


def poll(poll: Poll) -> None:
    """Read what the hypervisors have: one call to Nova, or Placement's changed providers."""
    source = poll.connection.entry.settings.capacity_source
    if source == "placement":
        return _from_placement(poll)
    try:
        figures = nova.capacity(poll.connection)
    except RefusedError:
        if source == "nova":
            raise
        return _from_placement(poll)
    with poll.writing() as db:
        capacity.record(db, poll.cloud, figures, poll.now)
    return None


def _from_placement(poll: Poll) -> None:
    """Read the providers that changed or grew old; all of them in a full cycle."""
    with poll.store.read() as db:
        known = capacity.providers(db, poll.cloud)
    oldest = poll.now if poll.full else poll.now - poll.options.quota_max_age
    fresh = {uuid: provider for uuid, provider in known.items() if provider.read_at > oldest}
    found = placement.providers(poll.connection, fresh, poll.now)
    with poll.writing() as db:
        capacity.record_providers(db, poll.cloud, found, poll.now)
        capacity.record(db, poll.cloud, of_providers(found), poll.now)
