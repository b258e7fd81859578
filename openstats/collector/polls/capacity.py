"""Capacity: reads Nova's hypervisor statistics, or Placement's providers."""

from oslo_log import log

from openstats.clouds.services import nova, tallies
from openstats.collector.polls import providers
from openstats.collector.polls.poll import Poll
from openstats.collector.shared_services import COMPUTE, PLACEMENT
from openstats.errors import OddFigureError, RefusedError
from openstats.model import Capacity
from openstats.statistics.resource import of_providers
from openstats.storage.inventory import capacity, compute_hosts, instances, resource_providers

LOG = log.getLogger(__name__)

STABLE_FIGURES = ("vcpus", "memory_mb")
"""Figures that rarely change."""

NO_CAPACITY = Capacity(0, 0, 0, 0, 0, 0)


def run(poll: Poll) -> None:
    """Read the capacity: one call to Nova, or Placement's changed providers.

    Raises:
        CloudError: the service does not answer, or Nova's statistics are less than its list.
    """
    source = poll.connection.entry.settings.capacity_source
    if COMPUTE in poll.shared or (source == "placement" and PLACEMENT in poll.shared):
        return _write_nothing(poll)
    if source == "placement":
        return _read_placement(poll)
    try:
        figures = nova.capacity(poll.connection)
    except RefusedError as error:
        if source == "nova":
            raise
        return _read_placement(poll, str(error))
    if _is_suspect(poll, figures):
        _refuse_part(poll, figures)
    with poll.writing() as db:
        capacity.record(db, poll.cloud, figures, poll.now)
    return None


def _is_suspect(poll: Poll, figures: Capacity) -> bool:
    """Return whether capacity is zero or shrank, or nothing is used although there are servers."""
    with poll.store.read() as db:
        stored = capacity.by_cloud(db).get(poll.cloud.id)
        used_hosts = instances.hosts(db, poll.cloud)
    if not (figures.vcpus and figures.memory_mb):
        return True
    former = stored[0] if stored else figures
    if figures.vcpus < former.vcpus or figures.memory_mb < former.memory_mb:
        return True
    return bool(used_hosts) and not (figures.vcpus_used and figures.memory_mb_used)


def _refuse_part(poll: Poll, figures: Capacity) -> None:
    """Raise OddFigureError if Nova's statistics are less than the sums of its hypervisors.

    The statistics are read before and after the list: hypervisors may be added and removed
    meanwhile.
    """
    try:
        listed_sums = tallies.hypervisors(poll.connection, poll.paging)
    except RefusedError:
        # There is nothing to compare them with.
        return
    if all(getattr(figures, name) >= total for name, total in listed_sums.items()):
        return
    later_figures = nova.capacity(poll.connection)
    for name, total in listed_sums.items():
        figure = max(getattr(figures, name), getattr(later_figures, name))
        # Usage changes all the time; only a zero for it is wrong for certain.
        if figure < total and (name in STABLE_FIGURES or not figure):
            raise OddFigureError(
                f"{poll.cloud.name}: {name} is {figure} in Nova's hypervisor statistics, but "
                f"{total} in its list of hypervisors: one of the two is wrong; previous "
                "figures are kept"
            )


def _write_nothing(poll: Poll) -> None:
    """Record zero capacity for a cloud whose services belong to another cloud."""
    with poll.writing() as db:
        capacity.record(db, poll.cloud, NO_CAPACITY, poll.now)
        compute_hosts.record(db, poll.cloud, dict.fromkeys(compute_hosts.STATES, 0))


def _read_placement(poll: Poll, refusal: str = "") -> None:
    """Read and record Placement's providers.

    Log Nova's ``refusal`` if the stored figures are Nova's.
    """
    if PLACEMENT in poll.shared:
        return _write_nothing(poll)
    current = providers.read(poll)
    with poll.writing() as db:
        stored = capacity.by_cloud(db).get(poll.cloud.id)
        if refusal and stored and stored[0].source != "placement":
            words = "the capacity of %s is read from Placement from now on, not from Nova: %s"
            LOG.warning(words, poll.cloud.name, refusal)
        resource_providers.record(db, poll.cloud, current, poll.now)
        capacity.record(db, poll.cloud, of_providers(current), poll.now)
    return None
