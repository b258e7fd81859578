"""Instances: servers that changed, and in a full sync all of them.

Absence is not deletion: a server goes when Nova says DELETED, or 404 to its very id.
"""

from collections.abc import Sequence

from openstats.clouds.omissions import Omissions
from openstats.clouds.services import nova
from openstats.collector.polls.checks import cells, disappearances, unlisted_tenants
from openstats.collector.polls.checks.samples import sample
from openstats.collector.polls.poll import Poll
from openstats.collector.shared_services import COMPUTE
from openstats.errors import CloudError, StoppedError
from openstats.storage.counts import creation_time
from openstats.storage.inventory import allocation, instances

MOST_ASKED = 1000
"""Servers that one poll asks for by id, because a full sync did not show them."""

SAMPLE = 50
"""Of servers of which too many are gone at once, how many are asked for by id."""


def poll(poll: Poll) -> None:
    """Read the servers that changed since the last poll; all of them when a full sync is due.

    Raises:
        CloudError: cells are down, the list of servers is cut, or too many of them are gone at
            once. What was read is kept, nothing is deleted, and the next poll begins where the last
            complete one ended.
    """
    if COMPUTE in poll.shared:
        _leave_to_another_region(poll)
        return
    cursor = dict(poll.lease.cursor)
    is_full_sync = poll.full_sync_due(cursor)
    hidden_hosts = cells.hidden_hosts(poll)
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
        # The next poll reads all again: what is missing must not be forgotten meanwhile.
        cursor["swept_at"] = 0
    poll.result.cursor = cursor | {"since": poll.now - poll.overlap}
    with poll.store.read() as db:
        first_created = instances.first_of_unmet(db, poll.cloud)
    unlisted_tenants.check(poll, "servers", first_created)
    _note_twins(poll)


def _refuse_down_cells(poll: Poll, hosts: Sequence[str]) -> None:
    if hosts:
        raise CloudError(
            f"{poll.cloud.name}: Nova leaves out cells that are down, of {', '.join(hosts[:5])}; "
            "figures of before stay"
        )


def _leave_to_another_region(poll: Poll) -> None:
    with poll.writing() as db:
        poll.follow_up(db, instances.remove_all(db, poll.cloud))
    # Once they are its own, all are read anew.
    poll.result.cursor = {}


def _note_twins(poll: Poll) -> None:
    """Note other clouds that have the same servers, which count twice."""
    with poll.store.read() as db:
        twins = instances.twins(db, poll.cloud)
    for name, number, uuid in twins:
        poll.note_missing(
            f"{poll.cloud.name}: {number} of its servers are servers of {name} as well, {uuid} "
            f"among them, and count twice. If both are one cloud, write one entry for it, {name}"
        )


def _read(poll: Poll, omissions: Omissions, changed_since: int | None = None) -> None:
    """Write servers page by page, so that neither memory nor a transaction grows with the cloud."""
    number = 0
    # Servers that a full sync did not show are looked for by this time.
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
    """Ask by id for each server that was not listed; after the first poll, date the tenants.

    Raises:
        CloudError: Nova shows by its id a server that its list leaves out, or too many are gone.
    """
    with poll.writing() as db:
        instances.keep(db, poll.cloud, omissions.ids, poll.now)
        unlisted = instances.unseen(db, poll.cloud, poll.now)
        total = instances.number(db, poll.cloud)
    if disappearances.is_mass(poll, len(unlisted), total):
        existing, _ = _ask_by_id(poll, sample(unlisted, SAMPLE))
        _refuse_cut(poll, unlisted, existing, omissions)
    disappearances.check(poll, "servers", len(unlisted), total)
    existing, deleted = _ask_by_id(poll, unlisted[:MOST_ASKED])
    with poll.writing() as db:
        poll.follow_up(db, instances.remove(db, poll.cloud, deleted, now=poll.now))
    _refuse_cut(poll, unlisted, existing, omissions)
    if len(unlisted) > MOST_ASKED:
        number = len(unlisted) - MOST_ASKED
        poll.note_missing(f"{poll.cloud.name}: {number} servers are not listed any more")
    if poll.is_first:
        with poll.writing() as db:
            creation_time.date_objects(db, instances.first_created(db, poll.cloud))


def _ask_by_id(poll: Poll, uuids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which of the servers Nova shows by their ids, and which are deleted."""
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
    # One that was left out without an id may be any of these.
    if existing and not omissions.unnamed:
        raise CloudError(
            f"{poll.cloud.name}: Nova's list of servers is cut: it leaves out {len(unlisted)}, of "
            f"which it shows {', '.join(existing[:5])} by their ids; nothing of these is deleted"
        )
