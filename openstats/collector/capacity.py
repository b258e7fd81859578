"""Capacity: from Nova's hypervisor statistics, or from Placement."""

from openstats.clouds import nova
from openstats.collector import providers
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
    found = providers.read(poll)
    with poll.writing() as db:
        capacity.record_providers(db, poll.cloud, found, poll.now)
        capacity.record(db, poll.cloud, of_providers(found), poll.now)
