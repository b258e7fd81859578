"""Nova cells that are down: Nova omits their servers from a successful response."""

from openstats.clouds.services import nova
from openstats.collector.polls.poll import Poll
from openstats.storage.inventory import compute_hosts, instances


def record_host_states(poll: Poll) -> list[str]:
    """Return the compute hosts whose cell is down; store the numbers of hosts by state.

    Raises:
        CloudError: Nova lists no compute services although servers are on hosts.
    """
    with poll.store.read() as db:
        used_hosts = instances.hosts(db, poll.cloud)
        stored_numbers = compute_hosts.by_cloud(db).get(poll.cloud.id)
    states = nova.host_states(poll.connection, used=bool(used_hosts))
    if states.numbers and states.numbers != stored_numbers:
        with poll.writing() as db:
            compute_hosts.record(db, poll.cloud, states.numbers)
    return states.hidden
