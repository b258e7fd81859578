"""Cells of Nova that are down: it leaves their servers out, with a 200."""

from openstats.clouds import nova
from openstats.collector.poll import Poll
from openstats.storage import instances


def hidden(poll: Poll) -> list[str]:
    """Return the compute hosts whose cell does not answer.

    Raises:
        CloudError: Nova lists no compute services, though servers are on hosts.
    """
    with poll.store.read() as db:
        hosts = instances.hosts(db, poll.cloud)
    return nova.hosts_in_down_cells(poll.connection, used=bool(hosts))
