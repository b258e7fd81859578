"""Cells of Nova that are down: Nova answers 200, and leaves their servers out."""

from openstats.clouds.services import nova
from openstats.collector.polls.poll import Poll
from openstats.storage.inventory import compute_hosts, instances


def hidden_hosts(poll: Poll) -> list[str]:
    """Return the compute hosts whose cell does not answer; write how many are up and down.

    Raises:
        CloudError: Nova lists no compute services, though servers are on hosts.
    """
    with poll.store.read() as db:
        used_hosts = instances.hosts(db, poll.cloud)
        stored_states = compute_hosts.by_cloud(db).get(poll.cloud.id)
    hosts = nova.compute_hosts(poll.connection, used=bool(used_hosts))
    if hosts.states and hosts.states != stored_states:
        with poll.writing() as db:
            compute_hosts.record(db, poll.cloud, hosts.states)
    return hosts.hidden
