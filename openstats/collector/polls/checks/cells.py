"""Cells of Nova that are down: it leaves their servers out, with a 200."""

from openstats.clouds.services import nova
from openstats.collector.polls.poll import Poll
from openstats.storage.inventory import compute_hosts, instances


def hidden(poll: Poll) -> list[str]:
    """Return the compute hosts whose cell does not answer; write how many are up and down.

    Raises:
        CloudError: Nova lists no compute services, though servers are on hosts.
    """
    with poll.store.read() as db:
        used = instances.hosts(db, poll.cloud)
        known = compute_hosts.by_cloud(db).get(poll.cloud.id)
    found = nova.compute_hosts(poll.connection, used=bool(used))
    if found.states and found.states != known:
        with poll.writing() as db:
            compute_hosts.record(db, poll.cloud, found.states)
    return found.hidden
