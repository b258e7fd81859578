"""Capacity: from Nova's hypervisor statistics, or from Placement."""

from oslo_log import log

from openstats.clouds.services import nova, tallies
from openstats.collector.polls import providers
from openstats.collector.polls.poll import Poll
from openstats.collector.shared_services import COMPUTE, PLACEMENT
from openstats.errors import OddFigureError, RefusedError
from openstats.model import Capacity
from openstats.statistics.resource import of_providers
from openstats.storage.inventory import capacity, compute_hosts, instances

LOG = log.getLogger(__name__)

TOTALS = ("vcpus", "memory_mb")
NOTHING = Capacity(0, 0, 0, 0, 0, 0)


def poll(poll: Poll) -> None:
    """Read what the hypervisors have: one call to Nova, or Placement's changed providers.

    Raises:
        CloudError: nobody answers, or Nova sums up less than it lists.
    """
    source = poll.connection.entry.settings.capacity_source
    if COMPUTE in poll.shared or (source == "placement" and PLACEMENT in poll.shared):
        return _nothing(poll)
    if source == "placement":
        return _from_placement(poll)
    try:
        figures = nova.capacity(poll.connection)
    except RefusedError as error:
        if source == "nova":
            raise
        return _from_placement(poll, str(error))
    if _is_suspect(poll, figures):
        _refuse_part(poll, figures)
    with poll.writing() as db:
        capacity.record(db, poll.cloud, figures, poll.now)
    return None


def _is_suspect(poll: Poll, figures: Capacity) -> bool:
    """Return whether there is less than before, nothing, or servers that use nothing."""
    with poll.store.read() as db:
        known = capacity.by_cloud(db).get(poll.cloud.id)
        used_hosts = instances.hosts(db, poll.cloud)
    before = known[0] if known else figures
    fell = figures.vcpus < before.vcpus or figures.memory_mb < before.memory_mb
    unused = not (figures.vcpus_used and figures.memory_mb_used)
    return fell or not (figures.vcpus and figures.memory_mb) or bool(used_hosts and unused)


def _refuse_part(poll: Poll, figures: Capacity) -> None:
    """Raise OddFigureError if statistics are less than the list of hypervisors shows.

    They are asked for before and after it, for others add and remove hypervisors meanwhile.
    """
    try:
        listed = tallies.hypervisors(poll.connection, poll.paging)
    except RefusedError:
        # There is nothing to hold them against.
        return
    if all(getattr(figures, name) >= sum_ for name, sum_ in listed.items()):
        return
    again = nova.capacity(poll.connection)
    for name, sum_ in listed.items():
        most = max(getattr(figures, name), getattr(again, name))
        # What is used changes all the time, but not from nothing to nothing.
        if most < sum_ and (name in TOTALS or not most):
            raise OddFigureError(
                f"{poll.cloud.name}: Nova's hypervisor statistics say {name} = {most}, and its "
                f"list of hypervisors {sum_}: one of the two is wrong; figures of before stay"
            )


def _nothing(poll: Poll) -> None:
    """Write that a cloud has no capacity of its own: its services are another one's."""
    with poll.writing() as db:
        capacity.record(db, poll.cloud, NOTHING, poll.now)
        compute_hosts.record(db, poll.cloud, dict.fromkeys(compute_hosts.STATES, 0))


def _from_placement(poll: Poll, reason: str = "") -> None:
    """Read Placement's providers, for a reason where the configuration does not ask for it."""
    if PLACEMENT in poll.shared:
        return _nothing(poll)
    found = providers.read(poll)
    with poll.writing() as db:
        before = capacity.by_cloud(db).get(poll.cloud.id)
        if reason and before and before[0].source != "placement":
            what = "the capacity of %s is read from Placement from now on, not from Nova: %s"
            LOG.warning(what, poll.cloud.name, reason)
        capacity.record_providers(db, poll.cloud, found, poll.now)
        capacity.record(db, poll.cloud, of_providers(found), poll.now)
    return None
