"""Capacity: from Nova's hypervisor statistics, or from Placement."""

from oslo_log import log

from openstats.clouds import nova
from openstats.collector import providers
from openstats.collector.poll import Poll
from openstats.errors import RefusedError
from openstats.statistics.capacity import of_providers
from openstats.storage import capacity

LOG = log.getLogger(__name__)


def poll(poll: Poll) -> None:
    """Read what the hypervisors have: one call to Nova, or Placement's changed providers."""
    source = poll.connection.entry.settings.capacity_source
    if source == "placement":
        return _from_placement(poll)
    try:
        figures = nova.capacity(poll.connection)
    except RefusedError as error:
        if source == "nova":
            raise
        return _from_placement(poll, str(error))
    with poll.writing() as db:
        capacity.record(db, poll.cloud, figures, poll.now)
    return None


def _from_placement(poll: Poll, reason: str = "") -> None:
    """Read Placement's providers, for a reason where the configuration does not ask for it."""
    found = providers.read(poll)
    with poll.writing() as db:
        before = capacity.by_cloud(db).get(poll.cloud.id)
        if reason and before and before[0].source != "placement":
            what = "the capacity of %s is read from Placement from now on, not from Nova: %s"
            LOG.warning(what, poll.cloud.name, reason)
        capacity.record_providers(db, poll.cloud, found, poll.now)
        capacity.record(db, poll.cloud, of_providers(found), poll.now)
