"""Instances: reads the servers that changed, and in a full sync all servers.

Absence is not deletion: a server is removed when Nova reports it as DELETED, or answers 404 to a
request for its id.
"""

from collections.abc import Sequence

from openstats.clouds.omissions import Omissions
from openstats.clouds.services import nova
from openstats.collector.polls.checks import cells, disappearances, samples, unlisted_tenants
from openstats.collector.polls.poll import Poll
from openstats.collector.shared_services import COMPUTE
from openstats.errors import CloudError, StoppedError
from openstats.storage.counts import creation_time
from openstats.storage.inventory import allocation, instances

MAX_REQUESTED = 1000
"""Servers missing in a full sync that one poll requests by id, at most."""

SAMPLE_SIZE = 50
"""Servers that are requested by id if too many are missing at once."""


def run(poll: Poll) -> None:
    """Read the servers that changed since the last poll; in a full sync, read all servers.

    Raises:
        CloudError: cells are down, the list of servers is cut, or too many servers are gone at
            once. The servers that were read are stored, and missing ones are not deleted. The
            next poll starts where the last complete one ended.
    """
    if COMPUTE in poll.shared:
        _leave_to_another_region(poll)
        return
    cursor = dict(poll.lease.cursor)
    is_full_sync = poll.full_sync_due(cursor)
    hidden_hosts = cells.record_host_states(poll)
    omissions = Omissions(poll.cloud.name, "server")
    if "since" in cursor:
        _read(poll, omissions, changed_since=int(str(cursor["since"])))
    if is_full_sync:
        if not hidden_hosts and nova.servers_in_down_cells(poll.connection):
            hidden_hosts = ["cell0"]
        omissions = Omissions(poll.cloud.name, "server")
        _read(poll, omissions)
    _refuse_down_cells(poll, hidden_hosts)
    if is_full_sync:
        _finish_full_sync(poll, omissions)
        cursor["swept_at"] = poll.now
    poll.note_omissions(omissions)
    if poll.result.missing:
        # The next poll reads everything again, so that it reports what is missing too.
        cursor["swept_at"] = 0
    poll.result.cursor = cursor | {"since": poll.now - poll.overlap}
    with poll.store.read() as db:
        first_created = instances.first_of_unmet(db, poll.cloud)
    unlisted_tenants.check(poll, "servers", first_created)
    _note_twins(poll)


def _refuse_down_cells(poll: Poll, hosts: Sequence[str]) -> None:
    if hosts:
        raise CloudError(
            f"{poll.cloud.name}: Nova leaves out the servers of cells that are down (hosts: "
            f"{', '.join(hosts[:5])}); previous figures are kept"
        )


def _leave_to_another_region(poll: Poll) -> None:
    with poll.writing() as db:
        poll.follow_up(db, instances.remove_all(db, poll.cloud))
    # When the servers become its own, the next poll reads all of them.
    poll.result.cursor = {}


def _note_twins(poll: Poll) -> None:
    """Note other clouds with the same servers, which are counted twice."""
    with poll.store.read() as db:
        twins = instances.twins(db, poll.cloud)
    for name, number, uuid in twins:
        poll.note_missing(
            f"{poll.cloud.name}: {number} of its servers, such as {uuid}, are servers of {name} as "
            f"well, and are counted twice. If both are the same cloud, keep only the entry {name}"
        )


def _read(poll: Poll, omissions: Omissions, changed_since: int | None = None) -> None:
    """Read and write servers page by page: memory and transactions do not grow with the cloud."""
    number = 0
    # A full sync finds the missing servers by this time.
    listed_at = poll.now if changed_since is None else 0
    pages = nova.servers(
        poll.connection, paging=poll.paging, changed_since=changed_since, omissions=omissions
    )
    for servers, departures in pages:
        with poll.writing() as db:
            changes = instances.write(db, poll.cloud, servers, seen=listed_at, now=poll.now)
            allocation.write_ended(db, poll.cloud, departures, poll.now)
            uuids = [departure.uuid for departure in departures]
            changes |= instances.remove(db, poll.cloud, uuids, now=poll.now)
            poll.follow_up(db, changes)
        number += len(servers)
        poll.report("servers", number)


def _finish_full_sync(poll: Poll, omissions: Omissions) -> None:
    """Request unlisted servers by id, and remove those that do not exist any more.

    In the first poll, set the creation dates of tenants.

    Raises:
        CloudError: Nova's list leaves out a server that exists, or too many are gone at once.
    """
    with poll.writing() as db:
        instances.keep(db, poll.cloud, omissions.ids, poll.now)
        unlisted = instances.unseen(db, poll.cloud, poll.now)
        total = instances.number(db, poll.cloud)
    if disappearances.is_mass(poll, len(unlisted), total):
        existing, _ = _ask_by_id(poll, samples.sample(unlisted, SAMPLE_SIZE))
        _refuse_cut(poll, unlisted, existing, omissions)
    disappearances.check(poll, "servers", len(unlisted), total)
    existing, deleted = _ask_by_id(poll, unlisted[:MAX_REQUESTED])
    with poll.writing() as db:
        poll.follow_up(db, instances.remove(db, poll.cloud, deleted, now=poll.now))
    _refuse_cut(poll, unlisted, existing, omissions)
    if len(unlisted) > MAX_REQUESTED:
        number = len(unlisted) - MAX_REQUESTED
        poll.note_missing(f"{poll.cloud.name}: {number} servers are not listed any more")
    if poll.is_first:
        with poll.writing() as db:
            creation_time.date_objects(db, instances.first_created(db, poll.cloud))


def _ask_by_id(poll: Poll, uuids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Request servers by id; return those that exist, and those that are deleted.

    Raises:
        StoppedError: the collector is stopping.
    """
    existing: list[str] = []
    deleted: list[str] = []
    for uuid in uuids:
        if poll.context.stopped():
            raise StoppedError(f"{poll.cloud.name}: stopped while it asked for single servers")
        if nova.exists(poll.connection, uuid):
            existing.append(uuid)
        else:
            deleted.append(uuid)
    return existing, deleted


def _refuse_cut(
    poll: Poll, unlisted: Sequence[str], existing: Sequence[str], omissions: Omissions
) -> None:
    # An unreadable server without an id may be any of these.
    if existing and not omissions.unnamed:
        list_name = f"{poll.cloud.name}: Nova's list of servers"
        raise samples.cut_list(list_name, unlisted, existing)
