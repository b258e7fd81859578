"""Capacity: from Nova's hypervisor statistics, or from Placement."""

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

TOTALS = ("vcpus", "memory_mb")
"""Figures that do not change all the time."""

NOTHING = Capacity(0, 0, 0, 0, 0, 0)


def poll(poll: Poll) -> None:
    """Read what the hypervisors have: one call to Nova, or Placement's changed providers.

    Raises:
        CloudError: nobody answers, or Nova sums up less than it lists.
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
    """Return whether there is less than before, or nothing, or servers without any use."""
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
    """Raise OddFigureError if statistics are less than the list of hypervisors shows.

    They are asked for before and after it, for others add and remove hypervisors meanwhile.
    """
    try:
        listed_sums = tallies.hypervisors(poll.connection, poll.paging)
    except RefusedError:
        # There is nothing to hold them against.
        return
    if all(getattr(figures, name) >= total for name, total in listed_sums.items()):
        return
    later_figures = nova.capacity(poll.connection)
    for name, total in listed_sums.items():
        figure = max(getattr(figures, name), getattr(later_figures, name))
        # What is used changes all the time, but not from nothing to nothing.
        if figure < total and (name in TOTALS or not figure):
            raise OddFigureError(
                f"{poll.cloud.name}: Nova's hypervisor statistics say {name} = {figure}, and its "
                f"list of hypervisors {total}: one of the two is wrong; figures of before stay"
            )


def _write_nothing(poll: Poll) -> None:
    """Write that a cloud has no capacity of its own: its services are another one's."""
    with poll.writing() as db:
        capacity.record(db, poll.cloud, NOTHING, poll.now)
        compute_hosts.record(db, poll.cloud, dict.fromkeys(compute_hosts.STATES, 0))


def _read_placement(poll: Poll, refusal: str = "") -> None:
    """Read Placement's providers; log Nova's ``refusal`` where it gave the figures before."""
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
