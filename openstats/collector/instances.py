"""Instances: what changed among servers, and now and then all of them.

Absence is not deletion: a server goes when Nova says DELETED, or 404 to its very id.
"""

from openstats.clouds import nova
from openstats.collector.poll import Poll
from openstats.errors import CloudError
from openstats.storage import creation, instances


def poll(poll: Poll) -> None:
    """Read what changed since the last poll; where that is due, everything.

    Raises:
        CloudError: cells are down. What was read is kept, nothing is deleted, and the next poll
            begins where the last complete one ended.
    """
    cursor = dict(poll.lease.cursor)
    sweeping = poll.sweep_due(cursor)
    hidden = nova.hosts_in_down_cells(poll.connection)
    if "since" in cursor:
        _read(poll, changed_since=int(str(cursor["since"])))
    if sweeping:
        hidden = hidden or nova.servers_in_down_cells(poll.connection) * ["cell0"]
        _read(poll)
    if hidden:
        raise CloudError(
            f"{poll.cloud.name}: Nova leaves out cells that are down, of {', '.join(hidden[:5])}; "
            "figures of before stay"
        )
    if sweeping:
        _finish_sweep(poll)
        cursor["swept_at"] = poll.now
    poll.cursor = cursor | {"since": poll.now - poll.options.overlap}


def _read(poll: Poll, changed_since: int | None = None) -> None:
    """Write page after page, so that neither memory nor a transaction grows with the cloud."""
    done = 0
    pages = nova.servers(
        poll.connection, page_size=poll.options.page_size, changed_since=changed_since
    )
    for page, gone in pages:
        with poll.writing() as db:
            seen = poll.now if changed_since is None else 0
            changed = instances.write(db, poll.cloud, page, seen=seen, now=poll.now)
            poll.changed(db, changed | instances.remove(db, poll.cloud, gone))
        done += len(page)
        poll.say("servers", done)


def _finish_sweep(poll: Poll) -> None:
    """Ask for each server that the sweep did not show by its id; date what was found first."""
    with poll.store.read() as db:
        unseen = instances.unseen(db, poll.cloud, poll.now)
    gone = [uuid for uuid in unseen if not nova.exists(poll.connection, uuid)]
    with poll.writing() as db:
        poll.changed(db, instances.remove(db, poll.cloud, gone))
    if poll.first:
        with poll.writing() as db:
            creation.date_objects(db, instances.first_created(db, poll.cloud))
